/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task "auto": which task a repository is for. Its card may say (pipeline_tag); else the class of its architecture
 * does, by the plugin's table of heads. Repositories of sentence-transformers are known by their files.
 */
#include "pipeline/pipeline-private.h"

#include <string.h>
#include "base/json.h"
#include "hub/card.h"
#include "model/config.h"
#include "model/timm.h"
#include "registry/registry.h"

/* (transfer full) (nullable): what the card says. One that cannot be read says nothing. */
static char *
task_of_card (const char *directory)
{
  g_autoptr (GtfHubCard) card = gtf_hub_card_load (directory, NULL);
  g_auto (GStrv) values = card ? gtf_hub_card_dup_values (card, "pipeline_tag") : NULL;

  return values ? g_strdup (*values) : NULL;
}

/* sentence-transformers repositories say what they are for beside their architecture. */
static const char *
task_of_layout (const char *directory, GtfConfig *config)
{
  g_autofree char *modules = g_build_filename (directory, "modules.json", NULL);
  JsonObject *object = gtf_config_get_object (config);

  if (g_file_test (modules, G_FILE_TEST_EXISTS))
    return "sentence-embedding";
  if (gtf_json_find (object, "sentence_transformers.activation_fn") || gtf_json_find (object, "sbert_ce_default_activation_function"))
    return "text-ranking";
  return NULL;
}

char *
gtf_task_name_of_repository (const char *directory, GError **error)
{
  g_autofree char *card = task_of_card (directory);
  g_autoptr (GtfConfig) config = NULL;
  const GtfArchitecture *architecture;
  const char *class_name, *by_layout;

  if (card && gtf_registry_find (GTF_PLUGIN_TASK, card, NULL))
    return g_steal_pointer (&card);
  config = gtf_config_load (directory, error);
  architecture = config ? gtf_timm_find_architecture (gtf_config_get_model_type (config), gtf_config_get_object (config), NULL, error) : NULL;
  if (architecture == NULL)
    return NULL;
  by_layout = task_of_layout (directory, config);
  if (by_layout && gtf_registry_find (GTF_PLUGIN_TASK, by_layout, NULL))
    return g_strdup (by_layout);
  class_name = gtf_config_get_architecture (config);
  for (const GtfHead *head = architecture->heads; class_name && head && head->class_suffix; head++)
    if (g_str_has_suffix (class_name, head->class_suffix) && head->tasks && head->tasks[0])
      return g_strdup (head->tasks[0]);
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: its config.json (architectures: %s) does not tell for which task it is; name the task", directory,
               class_name ? class_name : "none");
  return NULL;
}
