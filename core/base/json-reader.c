/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pull reader: a state machine over the bytes, with one byte a level for the kind of container. Strings without
 * escapes are handed out as they lie in the buffer; only strings with escapes are copied.
 */
#include "base/json-reader.h"

#include <math.h>
#include <string.h>

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

static GtfJsonToken
broken (GtfJsonReader *self, GError **error, const char *what)
{
  fail_at (self, self->position, error, what);
  self->state = STATE_FAILED;
  return GTF_JSON_ERROR;
}

/* "expected X, found Y", where Y is what stands in the text. */
static GtfJsonToken
unexpected (GtfJsonReader *self, GError **error, const char *expected)
{
  g_autofree char *what = NULL;

  if (self->position >= self->length)
    what = g_strdup_printf ("expected %s, found the end of the text", expected);
  else if (self->data[self->position] >= 0x20 && self->data[self->position] < 0x7f)
    what = g_strdup_printf ("expected %s, found '%c'", expected, self->data[self->position]);
  else
    what = g_strdup_printf ("expected %s, found byte 0x%02x", expected, self->data[self->position]);
  return broken (self, error, what);
}

static void
skip_space (GtfJsonReader *self)
{
  while (self->position < self->length)
    {
      guint8 b = self->data[self->position];

      if (b != ' ' && b != '\n' && b != '\r' && b != '\t')
        return;
      self->position++;
    }
}

/* A value has been read: what may follow. */
static void
after_value (GtfJsonReader *self)
{
  self->state = self->depth ? STATE_AFTER : STATE_DONE;
}

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
      broken (self, error, "\\u needs four hexadecimal digits");
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
      broken (self, error, "the text ends inside a string");
      return FALSE;
    }
  b = self->data[self->position++];
  if (b == 'u')
    return read_unicode_escape (self, error);
  found = b ? strchr (from, b) : NULL;
  if (!found)
    {
      self->position--;
      unexpected (self, error, "an escape (one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u)");
      return FALSE;
    }
  g_string_append_c (self->scratch, to[found - from]);
  return TRUE;
}

/* Length of the run of plain characters at position; *ascii becomes FALSE where one is not. */
static gsize
plain_run (const GtfJsonReader *self, gboolean *ascii)
{
  const guint8 *start = self->data + self->position, *p = start, *end = self->data + self->length;
  guint8 high = 0;

  while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
    high |= *p++;
  if (high & 0x80)
    *ascii = FALSE;
  return (gsize) (p - start);
}

/* At the opening quote; sets string and string_length. */
static gboolean
read_string (GtfJsonReader *self, GError **error)
{
  gsize start = ++self->position;
  gboolean ascii = TRUE, copied = FALSE;

  for (;;)
    {
      gsize from = self->position, run = plain_run (self, &ascii);

      self->position += run;
      if (self->position >= self->length)
        return broken (self, error, "the text ends inside a string"), FALSE;
      if (copied)
        g_string_append_len (self->scratch, (const char *) self->data + from, (gssize) run);
      if (self->data[self->position] == '"')
        break;
      if (self->data[self->position] != '\\')
        return unexpected (self, error, "no control character in a string"), FALSE;
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
  if (!ascii && !g_utf8_validate_len ((const char *) self->data + start, self->position - start, NULL))
    return broken (self, error, "a string is not valid UTF-8"), FALSE;
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

static GtfJsonToken
read_number (GtfJsonReader *self, GError **error)
{
  gsize start = self->position;
  gboolean integer = TRUE;

  if (self->data[self->position] == '-')
    self->position++;
  if (self->position < self->length && self->data[self->position] == '0')
    self->position++;
  else if (!skip_digits (self))
    return unexpected (self, error, "a digit");
  if (self->position < self->length && self->data[self->position] == '.')
    {
      self->position++;
      integer = FALSE;
      if (!skip_digits (self))
        return unexpected (self, error, "a digit after the point");
    }
  if (self->position < self->length && (self->data[self->position] | 0x20) == 'e')
    {
      self->position++;
      integer = FALSE;
      if (self->position < self->length && (self->data[self->position] == '+' || self->data[self->position] == '-'))
        self->position++;
      if (!skip_digits (self))
        return unexpected (self, error, "a digit in the exponent");
    }
  self->is_integer = integer && literal_to_int (self, start, &self->integer);
  self->number = self->is_integer && ABS (self->integer) < (G_GINT64_CONSTANT (1) << 53) && self->integer != 0
                   ? (double) self->integer
                   : literal_to_double (self, start);
  after_value (self);
  return GTF_JSON_NUMBER;
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
      return GTF_JSON_NUMBER;
    }
  return unexpected (self, error, "a value");
}

static GtfJsonToken
begin_container (GtfJsonReader *self, guint8 kind, GError **error)
{
  if (self->depth >= GTF_JSON_MAX_DEPTH)
    return broken (self, error, "nested too deeply (more than " G_STRINGIFY (GTF_JSON_MAX_DEPTH) " levels)");
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

static GtfJsonToken
read_key (GtfJsonReader *self, GError **error)
{
  skip_space (self);
  self->token = self->position;
  if (self->position >= self->length || self->data[self->position] != '"')
    return unexpected (self, error, "a key in double quotes");
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
    return unexpected (self, error, "a value");
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
    return read_number (self, error);
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
    return unexpected (self, error, object ? "',' or '}'" : "',' or ']'");
  self->position++;
  return object ? read_key (self, error) : read_value (self, error);
}

GtfJsonToken
gtf_json_reader_next (GtfJsonReader *self, GError **error)
{
  guint8 b;

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
        return unexpected (self, error, "':'");
      self->position++;
      return read_value (self, error);
    case STATE_AFTER:
      return read_after (self, error);
    case STATE_DONE:
      if (self->position < self->length)
        return unexpected (self, error, "the end of the document");
      return GTF_JSON_END;
    default:
      fail_at (self, self->position, error, "the document is broken");
      return GTF_JSON_ERROR;
    }
}

/* ---- what callers say most ------------------------------------------------------------------------------------------ */

static gboolean
mismatch (GtfJsonReader *self, GtfJsonToken found, const char *expected, GError **error)
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

  return found == token || mismatch (self, found, token_names[token], error);
}

gboolean
gtf_json_reader_next_key (GtfJsonReader *self, const char **key, gsize *length, GError **error)
{
  GtfJsonToken found = gtf_json_reader_next (self, error);

  if (found == GTF_JSON_END_OBJECT)
    return FALSE;
  if (found != GTF_JSON_KEY)
    return mismatch (self, found, "a key", error);
  if (key)
    *key = self->string;
  if (length)
    *length = self->string_length;
  return TRUE;
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
            return mismatch (self, found, "a value", error);
          level--;
        }
      else if (found == GTF_JSON_END)
        return mismatch (self, found, "a value", error);
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
        return unexpected (self, error, "':'"), FALSE;
      self->position++;
      self->state = STATE_VALUE;
    }
  if (self->state != STATE_VALUE)
    return unexpected (self, error, "a value after a key"), FALSE;
  start = self->position;
  if (!gtf_json_reader_skip (self, error))
    return FALSE;
  gtf_json_reader_init (value, self->name, (const char *) self->data, self->position, self->flags);
  value->position = start;
  return TRUE;
}

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
    gtf_json_reader_fail (self, error, "expected an integer, found %.17g", self->number);
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
gtf_json_reader_read_double (GtfJsonReader *self, double *value, GError **error)
{
  if (!gtf_json_reader_expect (self, GTF_JSON_NUMBER, error))
    return FALSE;
  *value = self->number;
  return TRUE;
}

/* ---- trees ---------------------------------------------------------------------------------------------------------- */

/* The current string as a C string. */
static char *
dup_c_string (const GtfJsonReader *self)
{
  g_autoptr (GString) out = NULL;

  if (!memchr (self->string, 0, self->string_length))
    return g_strndup (self->string, self->string_length);
  out = g_string_new (NULL);
  for (gsize i = 0; i < self->string_length; i++)
    if (self->string[i])
      g_string_append_c (out, self->string[i]);
    else
      g_string_append (out, self->flags & GTF_JSON_MODIFIED_UTF8 ? "\300\200" : "\357\277\275");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static JsonNode *
scalar_node (GtfJsonReader *self, GtfJsonToken token)
{
  JsonNode *node = json_node_alloc ();
  g_autofree char *text = NULL;

  switch (token)
    {
    case GTF_JSON_STRING:
      text = dup_c_string (self);
      return json_node_init_string (node, text);
    case GTF_JSON_NUMBER:
      return self->is_integer ? json_node_init_int (node, self->integer) : json_node_init_double (node, self->number);
    case GTF_JSON_TRUE:
    case GTF_JSON_FALSE:
      return json_node_init_boolean (node, token == GTF_JSON_TRUE);
    default:
      return json_node_init_null (node);
    }
}

static JsonNode *read_tree (GtfJsonReader *self, GtfJsonToken token, GError **error);

static JsonNode *
read_object (GtfJsonReader *self, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonNode *node;
  GtfJsonToken token;

  while ((token = gtf_json_reader_next (self, error)) == GTF_JSON_KEY)
    {
      g_autofree char *key = dup_c_string (self);
      JsonNode *value = read_tree (self, gtf_json_reader_next (self, error), error);

      if (!value)
        return NULL;
      json_object_set_member (object, key, value);
    }
  if (token == GTF_JSON_ERROR)
    return NULL;
  node = json_node_alloc ();
  return json_node_init_object (node, object);
}

static JsonNode *
read_array (GtfJsonReader *self, GError **error)
{
  g_autoptr (JsonArray) array = json_array_new ();
  JsonNode *node;
  GtfJsonToken token;

  while ((token = gtf_json_reader_next (self, error)) != GTF_JSON_END_ARRAY)
    {
      JsonNode *value = read_tree (self, token, error);

      if (!value)
        return NULL;
      json_array_add_element (array, value);
    }
  node = json_node_alloc ();
  return json_node_init_array (node, array);
}

/* Depth is bounded by begin_container, and so is the recursion. */
static JsonNode *
read_tree (GtfJsonReader *self, GtfJsonToken token, GError **error)
{
  switch (token)
    {
    case GTF_JSON_ERROR:
      return NULL;
    case GTF_JSON_BEGIN_OBJECT:
      return read_object (self, error);
    case GTF_JSON_BEGIN_ARRAY:
      return read_array (self, error);
    case GTF_JSON_STRING:
    case GTF_JSON_NUMBER:
    case GTF_JSON_TRUE:
    case GTF_JSON_FALSE:
    case GTF_JSON_NULL:
      return scalar_node (self, token);
    default:
      mismatch (self, token, "a value", error);
      return NULL;
    }
}

JsonNode *
gtf_json_reader_read_node (GtfJsonReader *self, GError **error)
{
  return read_tree (self, gtf_json_reader_next (self, error), error);
}
