/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pull reader for strict JSON (RFC 8259) over a buffer in memory: for files too big for a tree of nodes (tokenizer.json's
 * vocabulary and merges, safetensors headers, weight maps). The caller asks for one token after the other and puts what
 * he wants straight where he wants it; small parts can be had as a JsonNode (gtf_json_reader_read_node).
 *
 * What it does with the corners: depth is limited (GTF_JSON_MAX_DEPTH); text must be UTF-8; control characters, comments,
 * trailing commas and leading zeros are errors; \u escapes with surrogate pairs are joined, a lone surrogate counts as
 * U+FFFD; members are handed out in order and a key that comes twice comes twice (safetensors refuses it, everybody else
 * lets the last one win, as Python does).
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"

G_BEGIN_DECLS

#define GTF_JSON_MAX_DEPTH 128

typedef enum
{
  GTF_JSON_ERROR,           /* the GError is set; each later call fails too */
  GTF_JSON_END,             /* the document is complete and nothing but space follows */
  GTF_JSON_BEGIN_OBJECT,
  GTF_JSON_END_OBJECT,
  GTF_JSON_BEGIN_ARRAY,
  GTF_JSON_END_ARRAY,
  GTF_JSON_KEY,
  GTF_JSON_STRING,
  GTF_JSON_NUMBER,
  GTF_JSON_TRUE,
  GTF_JSON_FALSE,
  GTF_JSON_NULL
} GtfJsonToken;

typedef enum
{
  GTF_JSON_STRICT = 0,
  GTF_JSON_PYTHON = 1 << 0,        /* NaN, Infinity and -Infinity are numbers, as Python's json module writes and reads them */
  GTF_JSON_MODIFIED_UTF8 = 1 << 1  /* in trees, U+0000 inside a string is the two bytes C0 80, which the tokenizer and the printer know */
} GtfJsonFlags;

/* Lives on the caller's stack; all fields are private. */
typedef struct
{
  const char *name;
  const guint8 *data;
  gsize length;
  gsize position;
  gsize token;
  GtfJsonFlags flags;
  guint state;
  guint depth;
  guint8 containers[GTF_JSON_MAX_DEPTH];
  GString *scratch;
  const char *string;
  gsize string_length;
  gint64 integer;
  double number;
  gboolean is_integer, is_literal;
  gboolean is_utf8;         /* all of data: strings need not be looked at one by one */
} GtfJsonReader;

/* @name is for error messages (a path) and, like @data, borrowed. @data need not end with NUL. */
GTF_API void         gtf_json_reader_init  (GtfJsonReader *self, const char *name, const char *data, gsize length, GtfJsonFlags flags);
GTF_API void         gtf_json_reader_clear (GtfJsonReader *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfJsonReader, gtf_json_reader_clear)

GTF_API GtfJsonToken gtf_json_reader_next  (GtfJsonReader *self, GError **error);
/* The next token must be this one. */
GTF_API gboolean     gtf_json_reader_expect (GtfJsonReader *self, GtfJsonToken token, GError **error);
/* Inside an object: TRUE with the next key, FALSE at its end or (error set) on failure. The key is valid until the next call. */
GTF_API gboolean     gtf_json_reader_next_key (GtfJsonReader *self, const char **key, gsize *length, GError **error);
/* The same where all values are integers from minimum to maximum: key and value in one. */
GTF_API gboolean     gtf_json_reader_next_integer (GtfJsonReader *self, const char **key, gsize *length, gint64 minimum, gint64 maximum, gint64 *value, GError **error);
/* Reads the next value, whatever it is, and forgets it. */
GTF_API gboolean     gtf_json_reader_skip  (GtfJsonReader *self, GError **error);
/* The next value as a tree; of equal keys the last one wins. NUL in a string becomes U+FFFD (or C0 80, by a flag), since nodes hold C strings. */
GTF_API JsonNode    *gtf_json_reader_read_node (GtfJsonReader *self, GError **error);
/* Skips the next value (checking it) and sets @value up to read it later: for objects whose "type" comes after what depends on it.
 * @value is valid as long as the buffer; clear it. */
GTF_API gboolean     gtf_json_reader_fork  (GtfJsonReader *self, GtfJsonReader *value, GError **error);

/* The last KEY or STRING: UTF-8, not NUL-terminated, may hold NUL; valid until the next call on the reader. */
GTF_API const char  *gtf_json_reader_get_string (const GtfJsonReader *self, gsize *length);
/* It lies in the buffer: valid as long as that is. Strings with escapes do not. */
static inline gboolean
gtf_json_reader_string_stays (const GtfJsonReader *self)
{
  return self->scratch == NULL || self->string != self->scratch->str;
}
GTF_API gboolean     gtf_json_reader_string_is  (const GtfJsonReader *self, const char *text);
/* A NUL-terminated copy; an error if the string holds NUL. */
GTF_API char        *gtf_json_reader_dup_string (const GtfJsonReader *self, GError **error);
/* The last NUMBER. get_int: an integer literal (no fraction, no exponent) inside minimum ... maximum, else an error. */
GTF_API gboolean     gtf_json_reader_get_int    (const GtfJsonReader *self, gint64 minimum, gint64 maximum, gint64 *value, GError **error);
GTF_API gboolean     gtf_json_reader_get_double (GtfJsonReader *self, double minimum, double maximum, double *value, GError **error);
/* The last NUMBER as it is written; valid as long as the buffer. */
GTF_API const char  *gtf_json_reader_get_literal (const GtfJsonReader *self, gsize *length);
/* The same two in one: the next token must be a string / an integer / a number. */
GTF_API gboolean     gtf_json_reader_read_string (GtfJsonReader *self, const char **text, gsize *length, GError **error);
GTF_API gboolean     gtf_json_reader_read_int    (GtfJsonReader *self, gint64 minimum, gint64 maximum, gint64 *value, GError **error);
GTF_API gboolean     gtf_json_reader_read_double (GtfJsonReader *self, double *value, GError **error);

/* Sets an error that names file, line and byte of the last token. */
GTF_API void         gtf_json_reader_fail (const GtfJsonReader *self, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Says at the end of an error's message, in brackets, what it is about (a tensor, a key), which only the caller knows. Always FALSE. */
GTF_API gboolean     gtf_json_about (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
