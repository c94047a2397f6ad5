/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pull reader's words: strings and numbers. Strings without escapes are handed out as they lie in the buffer; only
 * strings with escapes are copied.
 */
#include "base/json-reader-private.h"

#include <string.h>

#include "base/utf8.h"

/* ---- strings -------------------------------------------------------------------------------------------------------- */

/* Four hexadecimal digits at position, or -1. */
static gint32
read_hex4 (const GtfJsonReader *self, gsize position)
{
  gint32 value = 0;

  if (self->length < 4 || position > self->length - 4)
    return -1;
  for (gsize i = 0; i < 4; i++)
    {
      gint digit = g_ascii_xdigit_value ((gchar) self->data[position + i]);

      if (digit < 0)
        return -1;
      value = value * 16 + digit;
    }
  return value;
}

/* After "\u": appends the code point, joining a surrogate pair. */
static gboolean
read_unicode_escape (GtfJsonReader *self, GError **error)
{
  gint32 unit = read_hex4 (self, self->position), low;

  if (unit < 0)
    {
      gtf_json_broken (self, error, "\\u needs four hexadecimal digits");
      return FALSE;
    }
  self->position += 4;
  if (unit < 0xd800 || unit > 0xdfff)
    {
      if (unit == 0)
        g_string_append_c (self->scratch, '\0');
      else
        g_string_append_unichar (self->scratch, (gunichar) unit);
      return TRUE;
    }
  if (unit < 0xdc00 && self->length - self->position >= 6 && self->data[self->position] == '\\' && self->data[self->position + 1] == 'u'
      && (low = read_hex4 (self, self->position + 2)) >= 0xdc00 && low <= 0xdfff)
    {
      self->position += 6;
      g_string_append_unichar (self->scratch, 0x10000 + (((gunichar) unit - 0xd800) << 10) + ((gunichar) low - 0xdc00));
      return TRUE;
    }
  g_string_append_unichar (self->scratch, 0xfffd);
  return TRUE;
}

/* At a backslash. */
static gboolean
read_escape (GtfJsonReader *self, GError **error)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *found;
  guint8 b;

  self->position++;
  if (self->position >= self->length)
    {
      gtf_json_broken (self, error, "the text ends inside a string");
      return FALSE;
    }
  b = self->data[self->position++];
  if (b == 'u')
    return read_unicode_escape (self, error);
  found = b ? strchr (from, b) : NULL;
  if (!found)
    {
      self->position--;
      gtf_json_unexpected (self, error, "an escape (one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u)");
      return FALSE;
    }
  g_string_append_c (self->scratch, to[found - from]);
  return TRUE;
}

gboolean
gtf_json_scan_string (GtfJsonReader *self, GError **error)
{
  gsize start = ++self->position;
  gboolean copied = FALSE;

  for (;;)
    {
      gsize from = self->position;

      self->position = gtf_json_plain_end (self, from);
      if (self->position >= self->length)
        return gtf_json_broken (self, error, "the text ends inside a string"), FALSE;
      if (copied)
        g_string_append_len (self->scratch, (const char *) self->data + from, (gssize) (self->position - from));
      if (self->data[self->position] == '"')
        break;
      if (self->data[self->position] != '\\')
        return gtf_json_unexpected (self, error, "no control character in a string"), FALSE;
      if (!copied)
        {
          if (!self->scratch)
            self->scratch = g_string_new (NULL);
          g_string_truncate (self->scratch, 0);
          g_string_append_len (self->scratch, (const char *) self->data + start, (gssize) (self->position - start));
          copied = TRUE;
        }
      if (!read_escape (self, error))
        return FALSE;
    }
  if (!self->is_utf8 && !gtf_utf8_valid ((const char *) self->data + start, self->position - start))
    return gtf_json_broken (self, error, "a string is not valid UTF-8"), FALSE;
  self->string = copied ? self->scratch->str : (const char *) self->data + start;
  self->string_length = copied ? self->scratch->len : self->position - start;
  self->position++;
  return TRUE;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

static gsize
skip_digits (GtfJsonReader *self)
{
  gsize start = self->position;

  while (self->position < self->length && g_ascii_isdigit (self->data[self->position]))
    self->position++;
  return self->position - start;
}

/* The value of the literal start ... position. Up to 15 digits and 10^22 one division or product of two exact doubles is
 * correctly rounded (Clinger 1990); the rest goes to the C library, whose "C" locale form is what JSON has. */
static double
literal_to_double (const GtfJsonReader *self, gsize start)
{
  static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
  const char *text = (const char *) self->data + start;
  gsize n = self->position - start, i = text[0] == '-';
  gint64 mantissa = 0, digits = 0, fraction = 0;
  gboolean point = FALSE;
  g_autofree char *copy = NULL;

  for (; i < n && (g_ascii_isdigit (text[i]) || text[i] == '.'); i++)
    {
      if (text[i] == '.')
        {
          point = TRUE;
          continue;
        }
      if (digits++ < 16)
        mantissa = mantissa * 10 + (text[i] - '0');
      fraction += point;
    }
  if (i == n && digits <= 15 && fraction <= 22)
    {
      double value = (double) mantissa / powers[fraction];
      return text[0] == '-' ? -value : value;
    }
  copy = g_strndup (text, n);
  return g_ascii_strtod (copy, NULL);
}

/* An integer literal that gint64 holds. */
static gboolean
literal_to_int (const GtfJsonReader *self, gsize start, gint64 *value)
{
  const guint8 *text = self->data + start;
  gsize n = self->position - start;
  gboolean negative = text[0] == '-';
  gint64 v = 0;

  for (gsize i = negative; i < n; i++)
    {
      gint digit = text[i] - '0';

      if (__builtin_mul_overflow (v, 10, &v) || __builtin_sub_overflow (v, digit, &v))
        return FALSE;   /* counted downwards: the most negative number has no positive twin */
    }
  if (!negative && v == G_MININT64)
    return FALSE;
  *value = negative ? v : -v;
  return TRUE;
}

/* What most numbers of large files are: digits alone, so few that they fit. */
static inline gboolean
scan_small_integer (GtfJsonReader *self)
{
  const guint8 *p = self->data + self->position, *end = p + MIN (self->length - self->position, 18);
  gint64 value = 0;

  if (*p == '0')
    return FALSE;
  for (; p < end && (guint8) (*p - '0') < 10; p++)
    value = value * 10 + (*p - '0');
  if (p == end || p == self->data + self->position || *p == '.' || (*p | 0x20) == 'e')
    return FALSE;
  self->position = p - self->data;
  self->integer = value;
  self->is_integer = self->is_literal = TRUE;
  return TRUE;
}

gboolean
gtf_json_scan_number (GtfJsonReader *self, GError **error)
{
  gsize start = self->position;
  gboolean integer = TRUE;

  if (scan_small_integer (self))
    return TRUE;
  if (self->data[self->position] == '-')
    self->position++;
  if (self->position < self->length && self->data[self->position] == '0')
    self->position++;
  else if (!skip_digits (self))
    return gtf_json_unexpected (self, error, "a digit"), FALSE;
  if (self->position < self->length && self->data[self->position] == '.')
    {
      self->position++;
      integer = FALSE;
      if (!skip_digits (self))
        return gtf_json_unexpected (self, error, "a digit after the point"), FALSE;
    }
  if (self->position < self->length && (self->data[self->position] | 0x20) == 'e')
    {
      self->position++;
      integer = FALSE;
      if (self->position < self->length && (self->data[self->position] == '+' || self->data[self->position] == '-'))
        self->position++;
      if (!skip_digits (self))
        return gtf_json_unexpected (self, error, "a digit in the exponent"), FALSE;
    }
  self->is_integer = integer && literal_to_int (self, start, &self->integer);
  self->is_literal = TRUE;
  return TRUE;
}

double
gtf_json_number (GtfJsonReader *self)
{
  if (self->is_literal)
    self->number = self->is_integer && ABS (self->integer) < (G_GINT64_CONSTANT (1) << 53) && self->integer != 0
                     ? (double) self->integer
                     : literal_to_double (self, self->token);
  self->is_literal = FALSE;
  return self->number;
}
