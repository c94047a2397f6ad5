/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the pull reader has just read, as callers want it: strings, and numbers inside of bounds.
 */
#include "base/json-reader-private.h"

const char *
gtf_json_reader_get_string (const GtfJsonReader *self, gsize *length)
{
  if (length)
    *length = self->string_length;
  return self->string;
}

gboolean
gtf_json_reader_string_is (const GtfJsonReader *self, const char *text)
{
  return strlen (text) == self->string_length && memcmp (text, self->string, self->string_length) == 0;
}

char *
gtf_json_reader_dup_string (const GtfJsonReader *self, GError **error)
{
  if (memchr (self->string, 0, self->string_length))
    {
      gtf_json_reader_fail (self, error, "a string holds \\u0000, which is not allowed here");
      return NULL;
    }
  return g_strndup (self->string, self->string_length);
}

gboolean
gtf_json_reader_get_int (const GtfJsonReader *self, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  if (!self->is_integer)
    gtf_json_reader_fail (self, error, "expected an integer, found %.*s", (int) MIN (self->position - self->token, 40), (const char *) self->data + self->token);
  else if (self->integer < minimum || self->integer > maximum)
    gtf_json_reader_fail (self, error, "expected an integer from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", found %" G_GINT64_FORMAT,
                          minimum, maximum, self->integer);
  else
    {
      *value = self->integer;
      return TRUE;
    }
  return FALSE;
}

gboolean
gtf_json_reader_read_string (GtfJsonReader *self, const char **text, gsize *length, GError **error)
{
  if (!gtf_json_reader_expect (self, GTF_JSON_STRING, error))
    return FALSE;
  *text = gtf_json_reader_get_string (self, length);
  return TRUE;
}

gboolean
gtf_json_reader_read_int (GtfJsonReader *self, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  return gtf_json_reader_expect (self, GTF_JSON_NUMBER, error) && gtf_json_reader_get_int (self, minimum, maximum, value, error);
}

gboolean
gtf_json_reader_get_double (GtfJsonReader *self, double minimum, double maximum, double *value, GError **error)
{
  *value = gtf_json_number (self);
  if (*value >= minimum && *value <= maximum)
    return TRUE;
  gtf_json_reader_fail (self, error, "expected a number from %g to %g, found %g", minimum, maximum, *value);
  return FALSE;
}

const char *
gtf_json_reader_get_literal (const GtfJsonReader *self, gsize *length)
{
  *length = self->position - self->token;
  return (const char *) self->data + self->token;
}

gboolean
gtf_json_reader_read_double (GtfJsonReader *self, double *value, GError **error)
{
  if (!gtf_json_reader_expect (self, GTF_JSON_NUMBER, error))
    return FALSE;
  *value = gtf_json_number (self);
  return TRUE;
}
