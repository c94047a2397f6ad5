/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of the pull reader share: json-reader.c (the state machine), json-scan.c (strings and numbers), json-values.c (what callers get of them), json.c (trees).
 */
#pragma once

#include <string.h>

#include "base/json-reader.h"

G_BEGIN_DECLS

/* Fails at the byte in work; the reader is of no more use. Always GTF_JSON_ERROR. */
GtfJsonToken gtf_json_broken     (GtfJsonReader *self, GError **error, const char *what);
/* The same: "expected X, found Y", where Y is what stands in the text. */
GtfJsonToken gtf_json_unexpected (GtfJsonReader *self, GError **error, const char *expected);
/* A token that the caller has no use for: "expected X, found a string". Always FALSE. */
gboolean     gtf_json_mismatch   (GtfJsonReader *self, GtfJsonToken found, const char *expected, GError **error);

/* At the opening quote: sets string and string_length. */
gboolean     gtf_json_scan_string (GtfJsonReader *self, GError **error);
/* At a digit or a minus: sets integer and is_integer; number is worked out when it is asked for. */
gboolean     gtf_json_scan_number (GtfJsonReader *self, GError **error);
double       gtf_json_number      (GtfJsonReader *self);

/* In each of eight bytes the highest bit where it is not plain: a quote, a backslash, a control character. Above the lowest of them others may
 * be set that ought not to be. */
static inline guint64
gtf_json_not_plain (guint64 w)
{
  const guint64 ones = 0x0101010101010101, high = 0x80 * ones;
  guint64 quote = w ^ '"' * ones, backslash = w ^ '\\' * ones;

  return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((w - 0x20 * ones) & ~w)) & high;
}

/* The first character from @at on that is not plain. */
static inline gsize
gtf_json_plain_end (const GtfJsonReader *self, gsize at)
{
  const guint8 *p = self->data + at, *end = self->data + self->length;

  for (guint64 w, stop; end - p >= 8; p += 8)
    {
      memcpy (&w, p, 8);
      stop = gtf_json_not_plain (GUINT64_FROM_LE (w));
      if (stop)
        return (gsize) (p - self->data) + (guint) __builtin_ctzll (stop) / 8;
    }
  while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
    p++;
  return (gsize) (p - self->data);
}

G_END_DECLS
