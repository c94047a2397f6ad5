/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parameters of a request against the table of the task: an unknown name and a number out of bounds are errors before
 * the task sees them. A table that ends with "*" leaves further names to the task (generation parameters).
 */
#include "pipeline/pipeline-private.h"

#include <string.h>
#include "base/params.h"

static const GtfTaskParameter *
find (const GtfTaskPlugin *plugin, const char *name)
{
  for (const GtfTaskParameter *p = plugin->parameters; p && p->name; p++)
    if (strcmp (p->name, name) == 0 || strcmp (p->name, "*") == 0)
      return p;
  return NULL;
}

static void
set_unknown (const GtfTaskPlugin *plugin, const char *name, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (const GtfTaskParameter *p = plugin->parameters; p && p->name; p++)
    g_string_append_printf (known, "%s%s", known->len ? ", " : "", p->name);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"%s\" is no parameter of %s; it has %s", name, plugin->head.name,
               known->len ? known->str : "none");
}

gboolean
gtf_task_check_parameters (const GtfTaskPlugin *plugin, JsonObject *parameters, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, parameters);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      const GtfTaskParameter *p = find (plugin, name);
      double number;
      GType type;

      if (p == NULL && find (plugin, "*"))
        continue;               /* the task takes other names too and looks at them itself */
      if (p == NULL)
        {
          set_unknown (plugin, name, error);
          return FALSE;
        }
      type = JSON_NODE_HOLDS_VALUE (value) ? json_node_get_value_type (value) : G_TYPE_INVALID;
      if ((p->minimum != 0 || p->maximum != 0) && (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE) &&
          !gtf_param_get_float (value, "parameters", name, p->minimum, p->maximum, &number, error))
        return FALSE;
    }
  return TRUE;
}
