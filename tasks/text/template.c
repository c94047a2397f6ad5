/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The hypothesis template of zero-shot classification: Python's str.format with one text. Conversions, attributes and format
 * specifications, which make no sense for a label, are errors. And the labels that go into it.
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

GPtrArray *
text_template_labels (JsonObject *parameters, void (*split) (GPtrArray *labels, const char *string), const char *expected, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, "candidate_labels");
  const char *string = node ? text_node_string (node) : NULL;
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func (g_free), list = NULL;

  if (string != NULL)
    split (labels, string);
  else if (node != NULL && (list = text_strings_member (parameters, "candidate_labels", error)) == NULL)
    return NULL;
  for (guint i = 0; list && i < list->len; i++)
    g_ptr_array_add (labels, g_strdup (list->pdata[i]));
  if (labels->len > 0)
    return g_steal_pointer (&labels);
  text_fail (error, "parameters: \"candidate_labels\" %s; expected %s", node ? "has no label" : "is missing", expected);
  return NULL;
}
