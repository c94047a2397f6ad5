/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The hypothesis template of zero-shot classification: Python's str.format with one text. Conversions, attributes and format
 * specifications, which make no sense for a label, are errors.
 */
#include "text/template-private.h"

#include <string.h>

/* What stands between braces. */
static gboolean
check_field (const char *format, const char *field, gsize n, guint *automatic, gboolean *manual, GError **error)
{
  gboolean numbered = n > 0;

  if (n > 1 || (n == 1 && *field != '0'))
    return text_fail (error, "parameters: \"hypothesis_template\": \"%s\": expected {} where the label goes, found {%.*s}", format, (int) n, field);
  if ((numbered && *automatic) || (!numbered && *manual))
    return text_fail (error, "parameters: \"hypothesis_template\": \"%s\": {} and {0} cannot be mixed", format);
  if (!numbered && (*automatic)++ > 0)
    return text_fail (error, "parameters: \"hypothesis_template\": \"%s\": there is one label, but more than one {}; use {0}", format);
  *manual |= numbered;
  return TRUE;
}

char *
text_template_format (const char *format, const char *value, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  guint automatic = 0;
  gboolean manual = FALSE;

  for (const char *p = format; *p; p++)
    {
      const char *end;

      if ((*p == '{' || *p == '}') && p[1] == *p)
        g_string_append_c (out, *p++);
      else if (*p == '}')
        {
          text_fail (error, "parameters: \"hypothesis_template\": \"%s\": a single }", format);
          return NULL;
        }
      else if (*p != '{')
        g_string_append_c (out, *p);
      else if ((end = strchr (p, '}')) == NULL)
        {
          text_fail (error, "parameters: \"hypothesis_template\": \"%s\": a { without its }", format);
          return NULL;
        }
      else if (!check_field (format, p + 1, (gsize) (end - p - 1), &automatic, &manual, error))
        return NULL;
      else
        {
          g_string_append (out, value);
          p = end;
        }
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
