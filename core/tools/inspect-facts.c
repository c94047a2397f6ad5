/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the small files of a repository say.
 */
#include "tools/inspect.h"

#include <string.h>
#include "base/json.h"
#include "generate/generation-config.h"
#include "hub/card.h"
#include "registry/registry.h"
#include "text/tokenizer-classes.h"
#include "text/tokenizer.h"

static void
put (JsonObject *facts, const char *key, const char *value)
{
  if (value)
    json_object_set_string_member (facts, key, value);
}

/* ---- architecture --------------------------------------------------------------------------------------------------- */

/* The tasks of the head that the repository has. (transfer full) */
static JsonArray *
tasks_of (const GtfArchitecture *architecture, const char *class_name)
{
  JsonArray *tasks = json_array_new ();

  for (const GtfHead *head = architecture ? architecture->heads : NULL; class_name && head && head->class_suffix; head++)
    if (g_str_has_suffix (class_name, head->class_suffix) && head->tasks)
      {
        for (guint i = 0; head->tasks[i]; i++)
          json_array_add_string_element (tasks, head->tasks[i]);
        break;
      }
  return tasks;
}

static void
put_architecture (JsonObject *facts, GtfConfig *config)
{
  const char *class_name = gtf_config_get_architecture (config);
  const GtfArchitecturePlugin *plugin = NULL;
  g_autoptr (GError) error = NULL;
  const GtfArchitecture *architecture = gtf_registry_find_architecture (gtf_config_get_model_type (config), &plugin, &error);
  g_autofree char *page = architecture ? inspect_page (plugin->head.name) : NULL;

  put (facts, "model_type", gtf_config_get_model_type (config));
  put (facts, "architecture", class_name);
  put (facts, "plugin", architecture ? plugin->head.name : error->message);
  put (facts, "documentation", page);
  json_object_set_array_member (facts, "tasks", tasks_of (architecture, class_name));
  put (facts, "dtype", gtf_config_get_dtype (config));
}

/* ---- card ----------------------------------------------------------------------------------------------------------- */

/* What the card says of the model. A card that cannot be read says what is wrong with it. */
static void
put_card (JsonObject *facts, const char *directory)
{
  static const char *const keys[] = { "license", "license_name", "language", "tags", "datasets", "base_model", "pipeline_tag", "library_name" };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubCard) card = gtf_hub_card_load (directory, &error);

  if (error && !g_error_matches (error, GTF_ERROR, GTF_ERROR_NOT_FOUND))
    put (facts, "card_error", error->message);
  json_object_set_null_member (facts, "license");
  for (gsize i = 0; i < G_N_ELEMENTS (keys) && card; i++)
    {
      JsonNode *node = json_object_get_member (gtf_hub_card_get_metadata (card), keys[i]);
      g_auto (GStrv) values = gtf_hub_card_dup_values (card, keys[i]);

      if (values)
        json_object_set_member (facts, keys[i], json_node_copy (node));
    }
}

/* ---- tokenizer, generation ------------------------------------------------------------------------------------------ */

/* The special tokens that have a role. (transfer full) */
static JsonObject *
special_tokens (GtfTokenizer *tokenizer)
{
  static const char *const roles[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token" };
  JsonObject *out = json_object_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      gint32 id = gtf_tokenizer_get_special_id (tokenizer, roles[i]);

      put (out, roles[i], id >= 0 ? gtf_tokenizer_id_to_token (tokenizer, id) : NULL);
    }
  return out;
}

static void
put_tokenizer (JsonObject *facts, const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "tokenizer_config.json", NULL);
  g_autoptr (JsonObject) config = gtf_json_load_object (path, NULL);
  JsonNode *class_name = config ? json_object_get_member (config, "tokenizer_class") : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTokenizer) tokenizer = NULL;
  JsonObject *out;

  if (!gtf_tokenizer_is_in (directory))
    return;
  out = json_object_new ();
  json_object_set_object_member (facts, "tokenizer", out);
  if (class_name && json_node_get_value_type (class_name) == G_TYPE_STRING)
    put (out, "class", json_node_get_string (class_name));
  tokenizer = gtf_tokenizer_load (directory, NULL, &error);
  if (tokenizer == NULL)
    {
      put (out, "error", error->message);
      return;
    }
  json_object_set_int_member (out, "tokens", (gint64) gtf_tokenizer_get_vocab_size (tokenizer));
  if (gtf_tokenizer_get_max_length (tokenizer))
    json_object_set_int_member (out, "max_length", gtf_tokenizer_get_max_length (tokenizer));
  json_object_set_object_member (facts, "special_tokens", special_tokens (tokenizer));
}

static gboolean
generates (const char *directory, const char *class_name)
{
  static const char *const suffixes[] = { "ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForVision2Seq", "ForImageTextToText" };
  g_autofree char *path = g_build_filename (directory, "generation_config.json", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes) && class_name; i++)
    if (g_str_has_suffix (class_name, suffixes[i]))
      return TRUE;
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* How it writes, if nothing else is asked for: plain values alone. */
static void
put_generation (JsonObject *facts, const char *directory, const char *class_name)
{
  g_autoptr (GtfGenerationConfig) config = generates (directory, class_name) ? gtf_generation_config_load (directory, NULL) : NULL;
  g_autoptr (GList) names = config && config->json ? json_object_get_members (config->json) : NULL;
  JsonObject *out = json_object_new ();

  for (GList *l = names; l; l = l->next)
    {
      JsonNode *node = json_object_get_member (config->json, l->data);

      if (JSON_NODE_HOLDS_VALUE (node) && *(char *) l->data != '_' && strcmp (l->data, "transformers_version") != 0)
        json_object_set_member (out, l->data, json_node_copy (node));
      else if (strcmp (l->data, "eos_token_id") == 0)
        json_object_set_member (out, l->data, json_node_copy (node));
    }
  if (json_object_get_size (out))
    json_object_set_object_member (facts, "generation", json_object_ref (out));
  json_object_unref (out);
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

void
inspect_repository (Findings *f, const char *ref, const GtfReference *reference, const GtfConfig *config)
{
  JsonObject *facts = f->facts = json_object_new (), *chat;
  JsonArray *tasks;
  JsonNode *mask;

  f->title = g_strdup (reference->id);
  put (facts, "folder", reference->directory);
  put (facts, "commit", reference->commit);
  put_architecture (facts, (GtfConfig *) config);
  put_card (facts, reference->directory);
  put_tokenizer (facts, reference->directory);
  put_generation (facts, reference->directory, gtf_config_get_architecture ((GtfConfig *) config));
  chat = inspect_chat (reference->directory);
  if (chat)
    json_object_set_object_member (facts, "chat_template", chat);
  f->files = inspect_files (reference);
  tasks = json_object_get_array_member (facts, "tasks");
  mask = gtf_json_find (facts, "special_tokens.mask_token");
  if (json_array_get_length (tasks))
    f->use = inspect_use (ref, json_array_get_string_element (tasks, 0), mask ? json_node_get_string (mask) : NULL);
}
