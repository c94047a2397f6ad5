/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The model "auto": the Hub's list of a task, most downloaded first, and the first of it whose architecture is installed.
 */
#include "pipeline/auto-model.h"

#include <string.h>
#include "base/json-print.h"
#include "hub/search.h"

#define LOOKED_AT 200

gboolean
gtf_modules_serve (GPtrArray *modules, const char *model_type)
{
  for (guint i = 0; i < modules->len; i++)
    {
      const GtfPluginInfo *info = modules->pdata[i];

      if (info->kind != GTF_PLUGIN_ARCHITECTURE)
        continue;
      if (strcmp (info->name, model_type) == 0 || (info->keys && g_strv_contains ((const char *const *) info->keys, model_type)))
        return TRUE;
    }
  return FALSE;
}

char *
gtf_auto_model_for_task (const char *task, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) query = g_string_new ("{\"library\": \"transformers\", \"sort\": \"downloads\", \"task\": ");
  g_autoptr (GPtrArray) modules = gtf_registry_list ();
  g_autoptr (GListModel) found = NULL;

  gtf_json_append_string (query, task);
  g_string_append_printf (query, ", \"limit\": %d}", LOOKED_AT);
  found = gtf_hub_search (query->str, cancellable, error);
  for (guint i = 0; found && i < g_list_model_get_n_items (found); i++)
    {
      g_autoptr (GtfHubModel) model = g_list_model_get_item (found, i);
      const char *type = gtf_hub_model_get_model_type (model);

      if (type && gtf_modules_serve (modules, type))
        return g_strdup (gtf_hub_model_get_id (model));
    }
  if (found)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "auto: of the %u most downloaded models for %s on the Hub none has an architecture that is installed here",
                 g_list_model_get_n_items (found), task);
  return NULL;
}
