/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pull reader: a state machine over the bytes, with one byte a level for the kind of container.
 */
#include "base/json-reader-private.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

enum
{
  STATE_VALUE,          /* a value must follow */
  STATE_FIRST_KEY,      /* after '{': a key or '}' */
  STATE_FIRST_ELEMENT,  /* after '[': a value or ']' */
  STATE_COLON,          /* after a key */
  STATE_AFTER,          /* after a value inside a container: ',' or the end */
  STATE_DONE,           /* the root value is complete */
  STATE_FAILED
};

static const char *const token_names[] = { "an error", "the end of the document", "'{'", "'}'", "'['", "']'", "a key",
                                           "a string", "a number", "true", "false", "null" };

void
gtf_json_reader_init (GtfJsonReader *self, const char *name, const char *data, gsize length, GtfJsonFlags flags)
{
  memset (self, 0, sizeof *self);
  self->name = name;
  self->data = (const guint8 *) data;
  self->length = length;
  self->flags = flags;
  self->state = STATE_VALUE;
  self->is_utf8 = gtf_utf8_valid (data, length);
}

void
gtf_json_reader_clear (GtfJsonReader *self)
{
  if (self->scratch)
    g_string_free (self->scratch, TRUE);
  self->scratch = NULL;
  self->state = STATE_FAILED;
}

static void
fail_at (const GtfJsonReader *self, gsize position, GError **error, const char *what)
{
  gsize line = 1;

  for (gsize i = 0; i < position && i < self->length; i++)
    line += self->data[i] == '\n';
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %" G_GSIZE_FORMAT ", byte %" G_GSIZE_FORMAT ": %s",
               self->name ? self->name : "JSON", line, position, what);
}

void
gtf_json_reader_fail (const GtfJsonReader *self, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  fail_at (self, self->token, error, what);
}

gboolean
gtf_json_about (GError **error, const char *format, ...)
{
  g_autofree char *what = NULL, *message = NULL;
  va_list args;

  if (!error || !*error)
    return FALSE;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  message = g_steal_pointer (&(*error)->message);
  (*error)->message = g_strdup_printf ("%s (%s)", message, what);
  return FALSE;
}

GtfJsonToken
gtf_json_broken (GtfJsonReader *self, GError **error, const char *what)
{
  fail_at (self, self->position, error, what);
  self->state = STATE_FAILED;
  return GTF_JSON_ERROR;
}

GtfJsonToken
gtf_json_unexpected (GtfJsonReader *self, GError **error, const char *expected)
{
  g_autofree char *what = NULL;

  if (self->position >= self->length)
    what = g_strdup_printf ("expected %s, found the end of the text", expected);
  else if (self->data[self->position] >= 0x20 && self->data[self->position] < 0x7f)
    what = g_strdup_printf ("expected %s, found '%c'", expected, self->data[self->position]);
  else
    what = g_strdup_printf ("expected %s, found byte 0x%02x", expected, self->data[self->position]);
  return gtf_json_broken (self, error, what);
}

/* The first character from @at on that is not white. */
static inline gsize
space_end (const GtfJsonReader *self, gsize at)
{
  const guint8 *p = self->data + at, *end = self->data + self->length;
  guint64 w;

  while (p < end && *p <= ' ')
    if (*p == ' ' && end - p >= 8)      /* lines are set in */
      {
        memcpy (&w, p, 8);
        w = GUINT64_FROM_LE (w) ^ 0x2020202020202020;
        p += w ? (guint) __builtin_ctzll (w) / 8 : 8;
      }
    else if (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
      p++;
    else
      break;
  return (gsize) (p - self->data);
}

static inline void
skip_space (GtfJsonReader *self)
{
  self->position = space_end (self, self->position);
}

/* A value has been read: what may follow. */
static void
after_value (GtfJsonReader *self)
{
  self->state = self->depth ? STATE_AFTER : STATE_DONE;
}

/* ---- tokens --------------------------------------------------------------------------------------------------------- */

static gboolean
literal_is (GtfJsonReader *self, const char *text)
{
  gsize n = strlen (text);

  if (self->length - self->position < n || memcmp (self->data + self->position, text, n) != 0)
    return FALSE;
  self->position += n;
  after_value (self);
  return TRUE;
}

static GtfJsonToken
read_word (GtfJsonReader *self, GError **error)
{
  static const struct { const char *text; double value; } python[] = { { "NaN", NAN }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY } };

  if (literal_is (self, "true"))
    return GTF_JSON_TRUE;
  if (literal_is (self, "false"))
    return GTF_JSON_FALSE;
  if (literal_is (self, "null"))
    return GTF_JSON_NULL;
  for (gsize i = 0; (self->flags & GTF_JSON_PYTHON) && i < G_N_ELEMENTS (python); i++)
    {
      if (!literal_is (self, python[i].text))
        continue;
      self->is_integer = FALSE;
      self->number = python[i].value;
      self->is_literal = FALSE;
      return GTF_JSON_NUMBER;
    }
  return gtf_json_unexpected (self, error, "a value");
}

static GtfJsonToken
begin_container (GtfJsonReader *self, guint8 kind, GError **error)
{
  if (self->depth >= GTF_JSON_MAX_DEPTH)
    return gtf_json_broken (self, error, "nested too deeply (more than " G_STRINGIFY (GTF_JSON_MAX_DEPTH) " levels)");
  self->containers[self->depth++] = kind;
  self->position++;
  self->state = kind == '{' ? STATE_FIRST_KEY : STATE_FIRST_ELEMENT;
  return kind == '{' ? GTF_JSON_BEGIN_OBJECT : GTF_JSON_BEGIN_ARRAY;
}

static GtfJsonToken
end_container (GtfJsonReader *self)
{
  guint8 kind = self->containers[--self->depth];

  self->position++;
  after_value (self);
  return kind == '{' ? GTF_JSON_END_OBJECT : GTF_JSON_END_ARRAY;
}

/* At the opening quote; most strings have nothing that must be looked at twice. */
static inline gboolean
read_string (GtfJsonReader *self, GError **error)
{
  gsize start = self->position + 1, end = gtf_json_plain_end (self, start);

  if (!self->is_utf8 || end >= self->length || self->data[end] != '"')
    return gtf_json_scan_string (self, error);
  self->string = (const char *) self->data + start;
  self->string_length = end - start;
  self->position = end + 1;
  return TRUE;
}

static GtfJsonToken
read_key (GtfJsonReader *self, GError **error)
{
  skip_space (self);
  self->token = self->position;
  if (self->position >= self->length || self->data[self->position] != '"')
    return gtf_json_unexpected (self, error, "a key in double quotes");
  if (!read_string (self, error))
    return GTF_JSON_ERROR;
  self->state = STATE_COLON;
  return GTF_JSON_KEY;
}

static GtfJsonToken
read_value (GtfJsonReader *self, GError **error)
{
  guint8 b;

  skip_space (self);
  self->token = self->position;
  if (self->position >= self->length)
    return gtf_json_unexpected (self, error, "a value");
  b = self->data[self->position];
  if (b == '{' || b == '[')
    return begin_container (self, b, error);
  if (b == '"')
    {
      if (!read_string (self, error))
        return GTF_JSON_ERROR;
      after_value (self);
      return GTF_JSON_STRING;
    }
  if (g_ascii_isdigit (b) || (b == '-' && !(self->position + 1 < self->length && self->data[self->position + 1] == 'I')))
    {
      if (!gtf_json_scan_number (self, error))
        return GTF_JSON_ERROR;
      after_value (self);
      return GTF_JSON_NUMBER;
    }
  return read_word (self, error);
}

/* After a value inside a container. */
static GtfJsonToken
read_after (GtfJsonReader *self, GError **error)
{
  gboolean object = self->containers[self->depth - 1] == '{';
  guint8 b = self->position < self->length ? self->data[self->position] : 0;

  if (b == (object ? '}' : ']'))
    return end_container (self);
  if (b != ',')
    return gtf_json_unexpected (self, error, object ? "',' or '}'" : "',' or ']'");
  self->position++;
  return object ? read_key (self, error) : read_value (self, error);
}

/* A string behind @at and white space, if it is all plain; its end, behind the quote, or 0. */
static inline gsize
plain_string (GtfJsonReader *self, gsize at)
{
  gsize begin = space_end (self, at), end;

  if (!self->is_utf8 || begin >= self->length || self->data[begin] != '"')
    return 0;
  end = gtf_json_plain_end (self, begin + 1);
  if (end >= self->length || self->data[end] != '"')
    return 0;
  self->token = begin;
  self->string = (const char *) self->data + begin + 1;
  self->string_length = end - begin - 1;
  return end + 1;
}

static inline gboolean
inside (const GtfJsonReader *self, guint8 kind)
{
  return self->depth > 0 && self->containers[self->depth - 1] == kind;
}

/* The short way of what large files are full of: the next string of an array. FALSE: nothing is read yet. */
static inline gboolean
next_plain_element (GtfJsonReader *self)
{
  gboolean after = self->state == STATE_AFTER && self->position < self->length && self->data[self->position] == ',';
  gsize end = (after || self->state == STATE_FIRST_ELEMENT) && inside (self, '[') ? plain_string (self, self->position + after) : 0;

  if (end == 0)
    return FALSE;
  self->position = end;
  self->state = STATE_AFTER;
  return TRUE;
}

/* And the next key with a small number. */
static inline gboolean
next_plain_integer (GtfJsonReader *self)
{
  gboolean after = self->state == STATE_AFTER && self->position < self->length && self->data[self->position] == ',' && inside (self, '{');
  gsize at = after ? plain_string (self, self->position + 1) : 0, begin;
  gint64 value = 0;

  if (at == 0 || self->length - at < 16 || self->data[at] != ':')
    return FALSE;
  at += self->data[at + 1] == ' ' ? 2 : 1;
  for (begin = at; at < begin + 9 && g_ascii_isdigit (self->data[at]); at++)
    value = value * 10 + (self->data[at] - '0');
  if (self->data[begin] == '0' || at == begin || (self->data[at] != ',' && self->data[at] != '\n'))
    return FALSE;
  self->token = begin;
  self->position = at;
  self->integer = value;
  self->is_integer = self->is_literal = TRUE;
  return TRUE;
}

GtfJsonToken
gtf_json_reader_next (GtfJsonReader *self, GError **error)
{
  guint8 b;

  if (next_plain_element (self))
    return GTF_JSON_STRING;
  skip_space (self);
  self->token = self->position;
  b = self->position < self->length ? self->data[self->position] : 0;
  switch (self->state)
    {
    case STATE_VALUE:
      return read_value (self, error);
    case STATE_FIRST_KEY:
      return b == '}' ? end_container (self) : read_key (self, error);
    case STATE_FIRST_ELEMENT:
      return b == ']' ? end_container (self) : read_value (self, error);
    case STATE_COLON:
      if (b != ':')
        return gtf_json_unexpected (self, error, "':'");
      self->position++;
      return read_value (self, error);
    case STATE_AFTER:
      return read_after (self, error);
    case STATE_DONE:
      if (self->position < self->length)
        return gtf_json_unexpected (self, error, "the end of the document");
      return GTF_JSON_END;
    default:
      fail_at (self, self->position, error, "the document is broken");
      return GTF_JSON_ERROR;
    }
}

/* ---- what callers say most ------------------------------------------------------------------------------------------ */

gboolean
gtf_json_mismatch (GtfJsonReader *self, GtfJsonToken found, const char *expected, GError **error)
{
  if (found != GTF_JSON_ERROR)
    gtf_json_reader_fail (self, error, "expected %s, found %s", expected, token_names[found]);
  self->state = STATE_FAILED;
  return FALSE;
}

gboolean
gtf_json_reader_expect (GtfJsonReader *self, GtfJsonToken token, GError **error)
{
  GtfJsonToken found = gtf_json_reader_next (self, error);

  return found == token || gtf_json_mismatch (self, found, token_names[token], error);
}

gboolean
gtf_json_reader_next_key (GtfJsonReader *self, const char **key, gsize *length, GError **error)
{
  GtfJsonToken found = gtf_json_reader_next (self, error);

  if (found == GTF_JSON_END_OBJECT)
    return FALSE;
  if (found != GTF_JSON_KEY)
    return gtf_json_mismatch (self, found, "a key", error);
  if (key)
    *key = self->string;
  if (length)
    *length = self->string_length;
  return TRUE;
}

gboolean
gtf_json_reader_next_integer (GtfJsonReader *self, const char **key, gsize *length, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  gboolean done = next_plain_integer (self);

  if (!done && !gtf_json_reader_next_key (self, NULL, NULL, error))
    return FALSE;
  *key = self->string;
  *length = self->string_length;
  return done ? gtf_json_reader_get_int (self, minimum, maximum, value, error) : gtf_json_reader_read_int (self, minimum, maximum, value, error);
}

gboolean
gtf_json_reader_skip (GtfJsonReader *self, GError **error)
{
  guint level = 0;

  do
    {
      GtfJsonToken found = gtf_json_reader_next (self, error);

      if (found == GTF_JSON_ERROR)
        return FALSE;
      if (found == GTF_JSON_BEGIN_OBJECT || found == GTF_JSON_BEGIN_ARRAY)
        level++;
      else if (found == GTF_JSON_END_OBJECT || found == GTF_JSON_END_ARRAY)
        {
          if (level == 0)
            return gtf_json_mismatch (self, found, "a value", error);
          level--;
        }
      else if (found == GTF_JSON_END)
        return gtf_json_mismatch (self, found, "a value", error);
    }
  while (level);
  return TRUE;
}

gboolean
gtf_json_reader_fork (GtfJsonReader *self, GtfJsonReader *value, GError **error)
{
  gsize start;

  /* Space and colon may stand before the value; the token's own start is known only after it has begun. */
  if (self->state == STATE_COLON)
    {
      skip_space (self);
      if (self->position >= self->length || self->data[self->position] != ':')
        return gtf_json_unexpected (self, error, "':'"), FALSE;
      self->position++;
      self->state = STATE_VALUE;
    }
  if (self->state != STATE_VALUE)
    return gtf_json_unexpected (self, error, "a value after a key"), FALSE;
  start = self->position;
  if (!gtf_json_reader_skip (self, error))
    return FALSE;
  gtf_json_reader_init (value, self->name, NULL, 0, self->flags);
  value->data = self->data;
  value->length = self->position;
  value->position = start;
  value->is_utf8 = self->is_utf8;
  return TRUE;
}
