/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A sentence-transformers repository: modules.json, config_sentence_transformers.json (prompts, similarity), sentence_bert_config.json
 * (max_seq_length). Without modules.json the vector is the mean over the tokens, as the library has it.
 */
#include "text/sentence-private.h"

#include <math.h>
#include <string.h>

void
sentence_model_free (SentenceModel *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_clear_pointer (&self->modules, g_ptr_array_unref);
  g_clear_pointer (&self->prompts, json_object_unref);
  g_free (self->default_prompt);
  g_free (self);
}

gboolean
similarity_parse (const char *name, Similarity *similarity)
{
  static const char *const names[] = { "cosine", "dot", "euclidean", "manhattan" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_strcmp0 (name, names[i]) == 0 || (i == SIMILARITY_DOT && g_strcmp0 (name, "dot_product") == 0))
      {
        *similarity = (Similarity) i;
        return TRUE;
      }
  return FALSE;
}

/* Of a file that may be absent. */
static gboolean
load_optional (const char *folder, const char *name, JsonObject **object, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  *object = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  *object = gtf_json_load_object (path, error);
  return *object != NULL;
}

gboolean
sentence_max_length (TextModel *model, const char *folder, gint64 *max_length, gboolean *do_lower_case, GError **error)
{
  /* The names under which the library looks for it. */
  static const char *const names[] = { "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                       "sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json", NULL };
  g_autoptr (JsonObject) config = NULL;
  JsonNode *longest, *lower;
  gint64 positions;

  for (guint i = 0; names[i] && config == NULL; i++)
    if (!load_optional (folder, names[i], &config, error))
      return FALSE;
  longest = config ? gtf_json_find (config, "max_seq_length") : NULL;
  lower = config ? gtf_json_find (config, "do_lower_case") : NULL;
  if (lower && !gtf_param_get_bool (lower, folder, "do_lower_case", do_lower_case, error))
    return FALSE;
  if (longest)
    return gtf_param_get_int (longest, folder, "max_seq_length", 1, G_MAXINT32, max_length, error);
  *max_length = gtf_tokenizer_get_max_length (model->tokenizer);
  if (gtf_model_get_config_int (model->task->model, "max_position_embeddings", &positions) && positions > 0 && (*max_length == 0 || positions < *max_length))
    *max_length = MIN (positions, G_MAXINT32);
  return TRUE;
}

static gboolean
read_prompts (SentenceModel *self, const char *folder, GError **error)
{
  g_autoptr (JsonObject) config = NULL;
  const char *similarity, *name;
  JsonNode *prompts;

  if (!load_optional (folder, "config_sentence_transformers.json", &config, error))
    return FALSE;
  if (config == NULL)
    return TRUE;
  prompts = gtf_json_find (config, "prompts");
  if (prompts && JSON_NODE_HOLDS_OBJECT (prompts))
    self->prompts = json_object_ref (json_node_get_object (prompts));
  name = text_node_string (gtf_json_find (config, "default_prompt_name"));
  self->default_prompt = g_strdup (name);
  similarity = text_node_string (gtf_json_find (config, "similarity_fn_name"));
  if (similarity == NULL || similarity_parse (similarity, &self->similarity))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s/config_sentence_transformers.json: \"similarity_fn_name\": expected cosine, dot, euclidean or manhattan, found \"%s\"",
               folder, similarity);
  return FALSE;
}

/* ---- modules.json -------------------------------------------------------------------------------------------------------------- */

static gboolean
is_inside (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);

  for (guint i = 0; parts[i]; i++)
    if (strcmp (parts[i], "..") == 0)
      return FALSE;
  return !g_path_is_absolute (path);
}

static gboolean
add_module (SentenceModel *self, const char *kind, const char *folder, gboolean *pooled, GError **error)
{
  SentenceModule *module = NULL;

  if (strcmp (kind, "Pooling") == 0)
    {
      g_autofree char *path = g_build_filename (folder, "config.json", NULL);
      g_autoptr (JsonObject) config = gtf_json_load_object (path, error);

      *pooled = TRUE;
      return config && pooling_read (&self->pooling, config, path, error);
    }
  if (strcmp (kind, "Dropout") == 0)
    return TRUE;
  if (!*pooled)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: a module %s before the pooling", folder, kind);
  else if (strcmp (kind, "Dense") == 0)
    module = sentence_dense_load (folder, error);
  else if (strcmp (kind, "LayerNorm") == 0)
    module = sentence_norm_load (folder, error);
  else if (strcmp (kind, "Normalize") == 0)
    {
      module = g_new0 (SentenceModule, 1);
      module->kind = SENTENCE_NORMALIZE;
      module->path = g_strdup (folder);
    }
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: modules.json: expected Transformer, Pooling, Dense, LayerNorm or Normalize, found %s", folder, kind);
  if (module)
    g_ptr_array_add (self->modules, module);
  return module != NULL;
}

static gboolean
read_modules (SentenceModel *self, const char *directory, JsonArray *list, const char *path, char **transformer, GError **error)
{
  gboolean pooled = FALSE;

  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i);
      JsonObject *one = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *type = one ? text_node_string (gtf_json_find (one, "type")) : NULL, *at = one ? text_node_string (gtf_json_find (one, "path")) : NULL;
      const char *kind = type && strrchr (type, '.') ? strrchr (type, '.') + 1 : type;
      g_autofree char *folder = NULL;

      if (type == NULL || at == NULL || !is_inside (at))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: module %u: expected a \"type\" and a \"path\" inside the repository", path, i);
          return FALSE;
        }
      folder = *at ? g_build_filename (directory, at, NULL) : g_strdup (directory);
      if (strcmp (kind, "Transformer") == 0 && i == 0)
        *transformer = g_steal_pointer (&folder);
      else if (!add_module (self, kind, folder, &pooled, error))
        return FALSE;
    }
  if (pooled)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: expected a module Pooling, found none", path);
  return FALSE;
}

static gboolean
read_repository (SentenceModel *self, const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "modules.json", NULL), *text = NULL, *transformer = NULL;
  g_autoptr (JsonNode) node = NULL;
  gsize length;

  self->pooling = (Pooling) { .modes = { POOL_MEAN }, .n_modes = 1, .include_prompt = TRUE };
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      if (!gtf_file_load (path, 1 << 20, &text, &length, error) || (node = gtf_json_parse (path, text, (gssize) length, GTF_JSON_PYTHON, error)) == NULL)
        return FALSE;
      if (!JSON_NODE_HOLDS_ARRAY (node))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a list of modules", path);
          return FALSE;
        }
      if (!read_modules (self, directory, json_node_get_array (node), path, &transformer, error))
        return FALSE;
    }
  return sentence_max_length (self->model, transformer ? transformer : directory, &self->max_length, &self->do_lower_case, error)
         && read_prompts (self, directory, error);
}

SentenceModel *
sentence_model_new (GtfTask *task, const char *name, GError **error)
{
  g_autoptr (SentenceModel) self = g_new0 (SentenceModel, 1);

  self->modules = g_ptr_array_new_with_free_func ((GDestroyNotify) sentence_module_free);
  self->model = text_model_new (task, name, NULL, NULL, error);
  if (self->model == NULL || !read_repository (self, gtf_model_get_directory (task->model), error))
    return NULL;
  return g_steal_pointer (&self);
}

/* ---- a request ----------------------------------------------------------------------------------------------------------------- */

static gboolean
find_prompt (SentenceOptions *self, const SentenceModel *model, JsonObject *parameters, GError **error)
{
  JsonNode *prompt = gtf_json_find (parameters, "prompt"), *name = gtf_json_find (parameters, "prompt_name");
  const char *key = model->default_prompt;
  g_autoptr (GList) names = NULL;
  g_autoptr (GString) known = NULL;

  if (prompt)
    return (self->prompt = gtf_param_get_string (prompt, "parameters", "prompt", error)) != NULL;
  if (name && (key = gtf_param_get_string (name, "parameters", "prompt_name", error)) == NULL)
    return FALSE;
  if (key && model->prompts)
    self->prompt = text_node_string (json_object_get_member (model->prompts, key));
  /* These two every model has, if only empty. */
  if (name == NULL || self->prompt || strcmp (key, "query") == 0 || strcmp (key, "document") == 0 || (model->prompts && json_object_has_member (model->prompts, key)))
    return TRUE;
  known = g_string_new (NULL);
  names = model->prompts ? json_object_get_members (model->prompts) : NULL;
  for (GList *l = names; l; l = l->next)
    g_string_append_printf (known, "%s%s", known->len ? ", " : "", (const char *) l->data);
  return text_fail (error, "parameters: \"prompt_name\": \"%s\" is none of the model's prompts; it has %s", key, known->len ? known->str : "none");
}

gboolean
sentence_options_read (SentenceOptions *self, const SentenceModel *model, JsonObject *parameters, GError **error)
{
  JsonNode *normalize = gtf_json_find (parameters, "normalize"), *pooling = gtf_json_find (parameters, "pooling"), *dimensions = gtf_json_find (parameters, "dimensions");

  *self = (SentenceOptions) { .pooling = model->pooling };
  return (normalize == NULL || gtf_param_get_bool (normalize, "parameters", "normalize", &self->normalize, error))
         && (dimensions == NULL || gtf_param_get_int (dimensions, "parameters", "dimensions", 1, G_MAXINT32, &self->dimensions, error))
         && (pooling == NULL || pooling_parse (&self->pooling, pooling, "parameters: \"pooling\"", error)) && find_prompt (self, model, parameters, error);
}

void
sentence_vectors_clear (SentenceVectors *self)
{
  for (gsize i = 0; self->vectors && i < self->n; i++)
    g_free (self->vectors[i]);
  g_clear_pointer (&self->vectors, g_free);
}

typedef struct
{
  SentenceModel *self;
  const SentenceOptions *options;
  gsize prompt;                 /* tokens of the prompt that do not count */
  SentenceVectors *vectors;
} Pass;

static gboolean
take_states (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  const Pooling *pooling = &pass->options->pooling;
  gsize n = slices->cols * pooling->n_modes;
  float **vector = &pass->vectors->vectors[row];

  *vector = g_new (float, n);
  pooling_apply (pooling, slices, pass->prompt, *vector);
  for (guint i = 0; i < pass->self->modules->len; i++)
    if (!sentence_module_apply (pass->self->modules->pdata[i], vector, &n, error))
      return FALSE;
  if (pass->options->dimensions > 0)
    n = MIN (n, (gsize) pass->options->dimensions);
  if (pass->options->normalize)
    sentence_normalize (*vector, n);
  pass->vectors->dimensions = n;
  return TRUE;
}

/* Tokens of the prompt alone, without the special one at its end. */
static gboolean
prompt_length (Pass *pass, const char *kwargs, GError **error)
{
  g_autoptr (GtfEncoding) e = NULL;

  if (pass->options->prompt == NULL || *pass->options->prompt == '\0' || pass->options->pooling.include_prompt)
    return TRUE;
  e = gtf_tokenizer_encode (pass->self->model->tokenizer, pass->options->prompt, NULL, kwargs, error);
  if (e == NULL)
    return FALSE;
  pass->prompt = e->n_ids;
  if (e->n_ids && gtf_tokenizer_is_special (pass->self->model->tokenizer, e->ids[e->n_ids - 1]))
    pass->prompt--;
  return TRUE;
}

gboolean
sentence_encode (SentenceModel *self, const SentenceOptions *options, const char *const *texts, gsize n, SentenceVectors *vectors, GCancellable *cancellable, GError **error)
{
  static const TextOutput outputs[] = { { "last_hidden_state", TEXT_PER_TOKEN }, { NULL } };
  g_autofree char *kwargs = self->max_length > 0 ? g_strdup_printf ("{\"truncation\": true, \"max_length\": %" G_GINT64_FORMAT "}", self->max_length) : g_strdup ("{}");
  Pass pass = { .self = self, .options = options, .vectors = vectors };
  g_auto (TextTokens) tokens;

  text_tokens_init (&tokens);
  *vectors = (SentenceVectors) { .n = n, .vectors = g_new0 (float *, n + 1) };
  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *text = options->prompt ? g_strconcat (options->prompt, texts[i], NULL) : g_strdup (texts[i]);

      if (self->do_lower_case)
        {
          char *lower = gtf_text_lowercase (text);

          g_free (text);
          text = lower;
        }
      if (!text_tokens_add_text (&tokens, self->model, text, NULL, kwargs, error))
        return FALSE;
    }
  return prompt_length (&pass, kwargs, error) && text_run (self->model, (TextRow *) tokens.rows->data, tokens.rows->len, outputs, take_states, &pass, cancellable, error);
}

double
sentence_similarity (Similarity similarity, const float *a, const float *b, gsize n)
{
  double dot = 0, aa = 0, bb = 0, squares = 0, steps = 0;

  for (gsize i = 0; i < n; i++)
    {
      dot += (double) a[i] * b[i];
      aa += (double) a[i] * a[i];
      bb += (double) b[i] * b[i];
      squares += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      steps += fabs ((double) a[i] - b[i]);
    }
  switch (similarity)
    {
    case SIMILARITY_DOT:
      return dot;
    case SIMILARITY_EUCLIDEAN:
      return -sqrt (squares);
    case SIMILARITY_MANHATTAN:
      return -steps;
    default:
      return dot / (MAX (sqrt (aa), 1e-12) * MAX (sqrt (bb), 1e-12));
    }
}
