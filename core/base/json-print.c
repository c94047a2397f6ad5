/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JsonNode to text, with Python's numbers: the shortest digits that read back as the same double, ".0" behind a whole
 * one, an exponent below 1e-4 and from 1e16 on. NaN and infinities, which JSON does not have, are written as null
 * (as Python writes them in requests).
 */
#include "base/json-print.h"

#include <math.h>
#include <string.h>

/* The digits and the decimal exponent of the shortest text that reads back as @value (> 0). */
static void
shortest_digits (double value, char digits[20], int *exponent)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  char *e, *out = digits;

  for (int precision = 0; precision <= 16; precision++)
    {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%de", precision);
      g_ascii_formatd (buffer, sizeof buffer, format, value);
      if (g_ascii_strtod (buffer, NULL) == value)
        break;
    }
  e = strchr (buffer, 'e');
  *exponent = (int) g_ascii_strtoll (e + 1, NULL, 10);
  for (char *p = buffer; p < e; p++)
    if (*p != '.')
      *out++ = *p;
  while (out > digits + 1 && out[-1] == '0')
    out--;
  *out = '\0';
}

void
gtf_json_append_number (GString *out, double value)
{
  char digits[20];
  int exponent, n;

  if (!isfinite (value))
    {
      g_string_append (out, "null");
      return;
    }
  if (signbit (value))
    g_string_append_c (out, '-');
  value = fabs (value);
  if (value == 0)
    {
      g_string_append (out, "0.0");
      return;
    }
  shortest_digits (value, digits, &exponent);
  n = (int) strlen (digits);
  if (exponent < -4 || exponent >= 16)
    {
      g_string_append_c (out, digits[0]);
      if (n > 1)
        g_string_append_printf (out, ".%s", digits + 1);
      g_string_append_printf (out, "e%c%02d", exponent < 0 ? '-' : '+', ABS (exponent));
    }
  else if (exponent < 0)
    {
      g_string_append (out, "0.");
      for (int i = -1; i > exponent; i--)
        g_string_append_c (out, '0');
      g_string_append (out, digits);
    }
  else
    {
      for (int i = 0; i <= exponent; i++)
        g_string_append_c (out, i < n ? digits[i] : '0');
      g_string_append_printf (out, ".%s", n > exponent + 1 ? digits + exponent + 1 : "0");
    }
}

/* Text stays as it is; what JSON must escape is escaped; C0 80 is U+0000; other invalid UTF-8 becomes U+FFFD. */
void
gtf_json_append_string (GString *out, const char *value)
{
  g_string_append_c (out, '"');
  for (const char *p = value; *p;)
    {
      guchar c = (guchar) *p;
      gunichar u;

      if (c == '"' || c == '\\')
        g_string_append_printf (out, "\\%c", c);
      else if (c == '\n')
        g_string_append (out, "\\n");
      else if (c == '\r')
        g_string_append (out, "\\r");
      else if (c == '\t')
        g_string_append (out, "\\t");
      else if (c < 0x20 || c == 0x7f)
        g_string_append_printf (out, "\\u%04x", c);
      else if (c < 0x80)
        g_string_append_c (out, c);
      else if (c == 0xC0 && (guchar) p[1] == 0x80)
        {
          g_string_append (out, "\\u0000");
          p += 2;
          continue;
        }
      else
        {
          u = g_utf8_get_char_validated (p, -1);
          if (u == (gunichar) -1 || u == (gunichar) -2)
            g_string_append (out, "\xEF\xBF\xBD");
          else
            {
              const char *next = g_utf8_next_char (p);

              g_string_append_len (out, p, next - p);
              p = next;
              continue;
            }
        }
      p++;
    }
  g_string_append_c (out, '"');
}

static gboolean
is_pretty (GtfJsonStyle style)
{
  return style == GTF_JSON_PRETTY || style == GTF_JSON_CONFIG;
}

static void
new_line (GString *out, GtfJsonStyle style, guint level)
{
  if (!is_pretty (style))
    return;
  g_string_append_c (out, '\n');
  for (guint i = 0; i < level; i++)
    g_string_append (out, "  ");
}

static gboolean
is_leaf (JsonNode *node)
{
  return !JSON_NODE_HOLDS_ARRAY (node) && !JSON_NODE_HOLDS_OBJECT (node);
}

static void append_node (GString *out, JsonNode *node, GtfJsonStyle style, guint level);

static void
append_object (GString *out, JsonObject *object, GtfJsonStyle style, guint level)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;
  gboolean first = TRUE;

  g_string_append_c (out, '{');
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      if (!first)
        g_string_append (out, !is_pretty (style) ? ", " : ",");
      first = FALSE;
      new_line (out, style, level + 1);
      gtf_json_append_string (out, key);
      g_string_append (out, ": ");
      append_node (out, value, style, level + 1);
    }
  if (!first)
    new_line (out, style, level);
  g_string_append_c (out, '}');
}

/* Arrays of plain values stay on one line in the pretty style too: [0.0, 1.5]. */
static void
append_array (GString *out, JsonArray *array, GtfJsonStyle style, guint level)
{
  guint n = json_array_get_length (array);
  gboolean flat = !is_pretty (style);

  if (!flat)
    {
      flat = TRUE;
      for (guint i = 0; i < n && flat; i++)
        flat = is_leaf (json_array_get_element (array, i));
    }
  g_string_append_c (out, '[');
  for (guint i = 0; i < n; i++)
    {
      if (i)
        g_string_append (out, flat ? ", " : ",");
      if (!flat)
        new_line (out, style, level + 1);
      append_node (out, json_array_get_element (array, i), style, level + 1);
    }
  if (!flat)
    new_line (out, style, level);
  g_string_append_c (out, ']');
}

static void
append_node (GString *out, JsonNode *node, GtfJsonStyle style, guint level)
{
  GType type = json_node_get_value_type (node);

  if (JSON_NODE_HOLDS_OBJECT (node))
    append_object (out, json_node_get_object (node), style, level);
  else if (JSON_NODE_HOLDS_ARRAY (node))
    append_array (out, json_node_get_array (node), style, level);
  else if (JSON_NODE_HOLDS_NULL (node))
    g_string_append (out, "null");
  else if (type == G_TYPE_STRING)
    gtf_json_append_string (out, json_node_get_string (node));
  else if (type == G_TYPE_BOOLEAN)
    g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
  else if (type == G_TYPE_INT64)
    g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
  else if ((style == GTF_JSON_REQUEST || style == GTF_JSON_CONFIG) && !isfinite (json_node_get_double (node)))
    g_string_append (out, isnan (json_node_get_double (node)) ? "NaN" : json_node_get_double (node) > 0 ? "Infinity" : "-Infinity");
  else
    gtf_json_append_number (out, json_node_get_double (node));
}

char *
gtf_json_print (JsonNode *node, GtfJsonStyle style)
{
  g_autoptr (GString) out = g_string_new (NULL);

  append_node (out, node, style, 0);
  return g_string_free (g_steal_pointer (&out), FALSE);
}
