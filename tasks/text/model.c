/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model with the tokenizer and the session that a task over text works with.
 */
#include "text/text-private.h"

#include <string.h>

static gboolean
can_do (GtfModel *model, const char *const *heads)
{
  const char *const *tasks = gtf_model_get_tasks (model);

  for (; tasks && *tasks; tasks++)
    if (g_strv_contains (heads, *tasks))
      return TRUE;
  return FALSE;
}

static gboolean
check (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  const char *directory = gtf_model_get_directory (task->model), *class_name = gtf_model_get_architecture (task->model);

  if (!gtf_model_can (task->model, "forward"))
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: the architecture %s has no forward pass over text", directory, name,
                 class_name ? class_name : gtf_model_get_model_type (task->model));
  else if (heads && !can_do (task->model, heads))
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: config.json: \"architectures\": expected a model with %s, found %s", directory, name, wanted,
                 class_name ? class_name : "none");
  else if (task->tokenizer == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: %s: the repository has no tokenizer (tokenizer.json, vocab.txt, ...)", directory, name);
  else
    return TRUE;
  return FALSE;
}

/* Which classes of tokenizers hand token_type_ids to the model (model_input_names), in small letters: transformers 5 lists those that
 * do, 4.57 those that do not. Where tokenizer_config.json names no class, the class goes with the model_type, which bears the same name. */
static const char *const with_token_types_5[] = {
  "bert", "bros", "canine", "convbert", "deberta", "debertav2", "dprcontextencoder", "dprquestionencoder", "electra", "ernie", "fnet", "layoutlm", "layoutlmv2", "lxmert",
  "markuplm", "megatronbert", "mobilebert", "nezha", "qdqbert", "squeezebert", "tapas", "visualbert", NULL
};
static const char *const without_token_types_457[] = {
  "barthez", "bart", "bartpho", "bertgeneration", "biogpt", "blenderbot", "blenderbotsmall", "byt5", "camembert", "clip", "codegen", "codellama", "cohere",
  "distilbert", "dprreader", "esm", "fsmt", "gemma", "gpt2", "gptneox", "layoutlmv3", "led", "llama", "longformer", "luke", "m2m100", "marian", "mbart", "mbart50",
  "mpnet", "nllb", "openaigpt", "pegasus", "perceiver", "plbart", "qwen2", "reformer", "roberta", "splinter", "t5", "xglm", "xlmroberta", NULL
};

static gboolean
reads_token_types (JsonObject *config, const char *model_type, gboolean as_457)
{
  JsonNode *names = config ? gtf_json_find (config, "model_input_names") : NULL;
  const char *class_name = config ? text_node_string (gtf_json_find (config, "tokenizer_class")) : NULL;
  g_autoptr (GString) base = g_string_new (NULL);

  if (names && JSON_NODE_HOLDS_ARRAY (names))
    {
      JsonArray *list = json_node_get_array (names);

      for (guint i = 0; i < json_array_get_length (list); i++)
        if (g_strcmp0 (text_node_string (json_array_get_element (list, i)), "token_type_ids") == 0)
          return TRUE;
      return FALSE;
    }
  for (const char *p = class_name ? class_name : model_type; *p; p++)
    if (g_ascii_isalnum (*p))
      g_string_append_c (base, g_ascii_tolower (*p));
  if (g_str_has_suffix (base->str, "fast"))
    g_string_truncate (base, base->len - strlen ("fast"));
  if (g_str_has_suffix (base->str, "tokenizer"))
    g_string_truncate (base, base->len - strlen ("tokenizer"));
  return as_457 ? !g_strv_contains (without_token_types_457, base->str) : g_strv_contains (with_token_types_5, base->str);
}

TextModel *
text_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  g_autoptr (TextModel) self = g_new0 (TextModel, 1);
  g_autoptr (JsonObject) tokenizer_config = NULL;
  g_autofree char *path = NULL, *tokenizer_path = NULL;

  if (!check (task, name, heads, wanted, error))
    return NULL;
  self->task = task;
  self->tokenizer = task->tokenizer;
  path = g_build_filename (gtf_model_get_directory (task->model), "config.json", NULL);
  tokenizer_path = g_build_filename (gtf_model_get_directory (task->model), "tokenizer_config.json", NULL);
  self->config = gtf_json_load_object (path, error);
  if (self->config == NULL)
    return NULL;
  /* A broken one was told when the tokenizer was read. */
  tokenizer_config = gtf_json_load_object (tokenizer_path, NULL);
  self->token_types = reads_token_types (tokenizer_config, gtf_model_get_model_type (task->model), FALSE);
  self->token_types_457 = reads_token_types (tokenizer_config, gtf_model_get_model_type (task->model), TRUE);
  self->session = gtf_session_new (task->model, error);
  return self->session ? g_steal_pointer (&self) : NULL;
}

void
text_model_free (TextModel *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->session, gtf_session_free);
  g_clear_pointer (&self->config, json_object_unref);
  g_free (self);
}
