/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See conversion.h. The class comes from tokenizer_config.json, else from config.json, as AutoTokenizer chooses it; the model
 * out of the class's files; the other parts out of its template (tokenizer-classes.c), read as those of a tokenizer.json.
 */
#include "text/conversion.h"

#include <string.h>
#include "base/params.h"
#include "base/quote.h"
#include "text/byte-level.h"
#include "text/template.h"
#include "text/tokenizer-classes.h"
#include "text/vocab-files.h"
#include "text/whisper-languages.h"

typedef struct
{
  GtfTokenizer *tokenizer;
  const GtfTokenizerRow *klass;
  JsonObject *config, *special_map, *added, *model_config;      /* the repository's files, each may be NULL */
  char *config_path, *special_map_path, *added_path, *model_config_path, *vocab_path;
  GtfSpm *spm;
  gboolean tiktoken;            /* the file is tiktoken's */
  GHashTable *kept;             /* contents of added_tokens_decoder or added_tokens.json: what comes later does not change their flags */
  GtfTemplate template;
} Conversion;

static void
conversion_clear (Conversion *c)
{
  JsonObject *objects[] = { c->config, c->special_map, c->added, c->model_config, c->template.row, c->template.values };
  char *strings[] = { c->config_path, c->special_map_path, c->added_path, c->model_config_path, c->vocab_path };
  for (guint i = 0; i < G_N_ELEMENTS (objects); i++)
    g_clear_pointer (&objects[i], json_object_unref);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (strings[i]);
  gtf_spm_free (c->spm);
  g_clear_pointer (&c->kept, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Conversion, conversion_clear)

static const char *const roles[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token" };

static const char *
string_member (JsonObject *object, const char *key)
{
  JsonNode *node = object ? gtf_json_find (object, key) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* ------------------------------------------------------------------ the class */

static gboolean
choose_class (Conversion *c, GError **error)
{
  const char *model_type = string_member (c->model_config, "model_type"), *name = string_member (c->config, "tokenizer_class");
  name = name ? name : string_member (c->model_config, "tokenizer_class");
  c->klass = name && !(model_type && gtf_tokenizer_row_is_misnamed (model_type)) ? gtf_tokenizer_row_find (name) : NULL;
  if (c->klass == NULL && model_type)
    c->klass = gtf_tokenizer_row_for_model (model_type);
  if (c->klass == NULL && name)
    c->klass = gtf_tokenizer_row_find (name);
  if (c->klass == NULL)
    c->klass = gtf_tokenizer_row_find ("TokenizersBackend");
  c->template.row = gtf_template_row (c->klass->name);
  return TRUE;
}

static const char *
files_of (const GtfTokenizerRow *klass)
{
  while (klass->files == NULL)
    klass = gtf_tokenizer_row_find (klass->like);
  return klass->files;
}

/* The class's file. A SentencePiece class also takes tokenizer.model, whatever its own file is called. */
static gboolean
find_vocabulary (Conversion *c, GError **error)
{
  const char *own = files_of (c->klass);
  if (*own == 0)
    {
      c->vocab_path = g_build_filename (c->tokenizer->directory, "tokenizer_config.json", NULL);      /* what errors name */
      return TRUE;
    }
  gboolean pieces = g_str_has_suffix (own, ".model");
  const char *const names[] = { pieces ? "tokenizer.model" : own, own, pieces ? "tiktoken.model" : own };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_free (c->vocab_path);
      c->vocab_path = g_build_filename (c->tokenizer->directory, names[i], NULL);
      if (g_file_test (c->vocab_path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: no tokenizer: expected tokenizer.json, or %s as %s has it", c->tokenizer->directory, own, c->klass->name);
  return FALSE;
}

/* A .model file of tiktoken's: transformers makes the same of it for all classes. */
static gboolean
notice_tiktoken (Conversion *c)
{
  c->tiktoken = g_str_has_suffix (c->vocab_path, ".model") && gtf_is_tiktoken (c->vocab_path);
  if (c->tiktoken)
    {
      c->klass = gtf_tokenizer_row_find ("TikToken");
      g_clear_pointer (&c->template.row, json_object_unref);
      c->template.row = gtf_template_row (c->klass->name);
    }
  return TRUE;
}

/* The ids between tiktoken's and the highest of added_tokens_decoder that it leaves out are tokens too. */
static gboolean
add_reserved (Conversion *c, GError **error)
{
  JsonNode *node = c->config ? gtf_json_find (c->config, "added_tokens_decoder") : NULL;
  JsonObject *decoder = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  if (!c->tiktoken || decoder == NULL)
    return TRUE;
  guint64 last = 0;
  g_autoptr (GList) keys = json_object_get_members (decoder);
  for (GList *l = keys; l; l = l->next)
    {
      guint64 id;
      if (g_ascii_string_to_unsigned (l->data, 10, 0, GTF_VOCAB_MAX_ID - 1, &id, NULL))
        last = MAX (last, id);
    }
  guint64 first = c->tokenizer->model->vocab.n_entries;
  if (last >= first + (1 << 20))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: added_tokens_decoder: id %" G_GUINT64_FORMAT ", and %s has only %" G_GUINT64_FORMAT " tokens", c->config_path, last,
                   c->vocab_path, first);
      return FALSE;
    }
  for (guint64 id = first; id <= last; id++)
    {
      g_autofree char *key = g_strdup_printf ("%" G_GUINT64_FORMAT, id), *reserved = g_strdup_printf ("<|reserved_token_%s|>", key);
      GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
      const char *content = json_object_has_member (decoder, key) ? gtf_token_content (json_object_get_member (decoder, key)) : NULL;
      token->content = g_strdup (content ? content : reserved);
      token->special = TRUE;
      if (!gtf_tokenizer_add_token (c->tokenizer, token, error))
        return FALSE;
    }
  return TRUE;
}

/* ------------------------------------------------------------------ values for the template */

/* The setting @key: the repository's where it is of the type of the class's own. */
static gboolean
read_setting (Conversion *c, const char *key, JsonNode *own, GError **error)
{
  JsonNode *node = c->config ? gtf_json_find (c->config, key) : NULL;
  GType type = JSON_NODE_HOLDS_VALUE (own) ? json_node_get_value_type (own) : G_TYPE_INVALID;
  gint64 number;
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    json_object_set_member (c->template.values, key, json_node_copy (own));
  else if (type == G_TYPE_BOOLEAN)
    {
      gboolean flag;
      if (!gtf_param_get_bool (node, c->config_path, key, &flag, error))
        return FALSE;
      json_object_set_boolean_member (c->template.values, key, flag);
    }
  else if (type == G_TYPE_INT64)
    {
      if (strcmp (key, "model_max_length") && !gtf_param_get_int (node, c->config_path, key, 0, 1 << 20, &number, error))
        return FALSE;
      json_object_set_member (c->template.values, key, json_node_copy (node));
    }
  else if (type == G_TYPE_STRING && gtf_param_get_string (node, c->config_path, key, error) == NULL)
    return FALSE;
  else
    json_object_set_member (c->template.values, key, json_node_copy (node));
  return TRUE;
}

/* Whisper's language by code or name, in any case. */
static gboolean
read_language (Conversion *c, GError **error)
{
  const char *language = string_member (c->template.values, "language");
  g_autofree char *lower = language ? g_utf8_strdown (language, -1) : NULL;
  const char *code = lower ? gtf_whisper_language_code (lower) : NULL;
  if (code)
    json_object_set_string_member (c->template.values, "language", code);
  if (code || lower == NULL)
    return TRUE;
  g_autofree char *list = gtf_whisper_languages_list (strlen (lower) == 2), *quoted = gtf_quote (lower, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: language: expected one of %s, found “%s”", c->config_path, list, quoted);
  return FALSE;
}

static gboolean
read_settings (Conversion *c, GError **error)
{
  static const char *const always[] = { "add_bos_token", "add_eos_token", "padding_side" };
  JsonObject *settings = json_object_has_member (c->template.row, "settings") ? json_object_get_object_member (c->template.row, "settings") : NULL;
  c->template.values = json_object_new ();
  for (guint i = 0; i < G_N_ELEMENTS (always); i++)
    if (c->config && gtf_json_find (c->config, always[i]))
      json_object_set_member (c->template.values, always[i], json_node_copy (gtf_json_find (c->config, always[i])));
  JsonObjectIter iter;
  const char *key;
  JsonNode *own;
  if (settings)
    {
      json_object_iter_init (&iter, settings);
      while (json_object_iter_next (&iter, &key, &own))
        if (!read_setting (c, key, own, error))
          return FALSE;
    }
  if (json_object_has_member (c->template.row, "whisper_language") && !read_language (c, error))
    return FALSE;
  const char *refused = string_member (c->template.row, "refuse");
  if (refused && gtf_pass_flag (c->template.values, refused, FALSE))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: expected false, found true, which %s cannot do here; save a tokenizer.json, or set it to false and prepare texts before",
                   c->config_path, refused, c->klass->name);
      return FALSE;
    }
  json_object_set_boolean_member (c->template.values, "pads_left", g_strcmp0 (string_member (c->template.values, "padding_side"), "left") == 0);
  return TRUE;
}

/* Facts about the SentencePiece model. */
static void
read_facts (Conversion *c)
{
  const GtfSpm *spm = c->spm;
  const struct { const char *name, *text; gint32 id; } pieces[] =
  {
    { "bos_piece", spm->bos_piece, spm->bos_id }, { "eos_piece", spm->eos_piece, spm->eos_id }, { "unk_piece", spm->unk_piece, spm->unk_id }
  };
  JsonObject *values = c->template.values;
  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    if (pieces[i].id >= 0)
      json_object_set_string_member (values, pieces[i].name, pieces[i].text);
  json_object_set_int_member (values, "unk_id", spm->unk_id);
  json_object_set_boolean_member (values, "remove_extra_whitespaces", spm->remove_extra_whitespaces);
  json_object_set_boolean_member (values, "add_dummy_prefix", spm->add_dummy_prefix && gtf_pass_flag (values, "legacy", TRUE));
  json_object_set_boolean_member (values, "byte_fallback", spm->byte_fallback);
  if (spm->charsmap)
    {
      g_autofree char *base64 = g_base64_encode ((const guchar *) spm->charsmap, spm->n_charsmap);
      json_object_set_string_member (values, "charsmap", base64);
    }
  JsonArray *controls = json_array_new ();
  for (gsize i = 0; i < spm->n_pieces; i++)
    {
      const GtfSpmPiece *piece = &spm->pieces[i];
      if (piece->type != GTF_SPM_CONTROL && piece->type != GTF_SPM_USER_DEFINED)
        continue;
      g_autofree char *text = g_strndup (piece->text, piece->length);
      JsonObject *token = json_object_new ();
      json_object_set_string_member (token, "content", text);
      json_object_set_boolean_member (token, "normalized", FALSE);
      json_object_set_boolean_member (token, "special", piece->type == GTF_SPM_CONTROL);
      json_array_add_object_element (controls, token);
    }
  json_object_set_array_member (values, "controls", controls);
}

/* ------------------------------------------------------------------ special tokens */

/* The repository's token of a role: special_tokens_map.json is the older form, and counts where there is no added_tokens_decoder. NULL: it has none. */
static JsonNode *
own_token (const Conversion *c, const char *role)
{
  if (c->special_map && json_object_has_member (c->special_map, role))
    return json_object_get_member (c->special_map, role);
  return c->config && json_object_has_member (c->config, role) ? json_object_get_member (c->config, role) : NULL;
}

/* @own: what the repository says, may be NULL; @given: what the class says, may be NULL. */
static void
set_role (Conversion *c, const char *role, JsonNode *own, JsonNode *given)
{
  const char *content = gtf_token_content (own ? own : given);
  if (content && *content == '$' && own == NULL)      /* a fact about the SentencePiece model */
    content = string_member (c->template.values, content + 1);
  if (content == NULL)
    {
      json_object_set_null_member (c->template.values, role);
      return;
    }
  json_object_set_string_member (c->template.values, role, content);
  g_hash_table_insert (c->tokenizer->roles, g_strdup (role), g_strdup (content));
}

static gboolean
is_role (const char *key)
{
  return g_strv_contains ((const char *const[]) { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token", NULL }, key);
}

/* Members of tokenizer_config.json that end in _token are roles of the repository's own; so are those of an object extra_special_tokens. */
static void
set_own_roles (Conversion *c, JsonObject *object, gboolean all)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &key, &node))
    if (!is_role (key) && (all || g_str_has_suffix (key, "_token")) && gtf_token_content (node) && !json_object_has_member (c->template.values, key))
      set_role (c, key, node, NULL);
}

static JsonObject *
class_tokens (const Conversion *c)
{
  return json_object_has_member (c->template.row, "tokens") ? json_object_get_object_member (c->template.row, "tokens") : NULL;
}

static void
set_roles (Conversion *c)
{
  JsonObject *tokens = class_tokens (c);
  JsonNode *extra = c->config ? gtf_json_find (c->config, "extra_special_tokens") : NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      JsonNode *given = tokens && json_object_has_member (tokens, roles[i]) ? json_object_get_member (tokens, roles[i]) : NULL, *own = own_token (c, roles[i]);
      if (given || own)
        set_role (c, roles[i], own, given);
    }
  if (tokens)
    {
      json_object_iter_init (&iter, tokens);
      while (json_object_iter_next (&iter, &key, &node))
        if (!is_role (key))
          set_role (c, key, NULL, node);
    }
  if (c->config)
    set_own_roles (c, c->config, FALSE);
  if (extra && JSON_NODE_HOLDS_OBJECT (extra))
    set_own_roles (c, json_node_get_object (extra), TRUE);
}

static void
keep_added (Conversion *c)
{
  for (guint i = 0; i < c->tokenizer->added.tokens->len; i++)
    g_hash_table_add (c->kept, ((GtfAddedToken *) g_ptr_array_index (c->tokenizer->added.tokens, i))->content);
}

/* A token out of a string or an object; one that is there already gets new flags. @flags: (nullable): the class's, for a plain string. */
static gboolean
add_token (Conversion *c, JsonNode *node, JsonNode *flags, gboolean special, const char *where, GError **error)
{
  const char *content = gtf_token_content (node);
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : flags && JSON_NODE_HOLDS_OBJECT (flags) ? json_node_get_object (flags) : NULL;
  if (content == NULL)
    {
      g_autofree char *found = gtf_json_describe (node);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a token, a string or an object with “content”, found %s", where, found);
      return FALSE;
    }
  if (g_hash_table_contains (c->kept, content))
    return TRUE;
  GtfAddedToken *token = object ? gtf_added_token_from_json (object, where, error) : g_new0 (GtfAddedToken, 1);
  if (token == NULL)
    return FALSE;
  g_free (token->content);
  token->content = g_strdup (content);
  token->special = special || (object ? token->special : TRUE) || gtf_tokenizer_has_role (c->tokenizer, content);
  token->normalized = object && gtf_pass_flag (object, "normalized", !token->special);
  return gtf_tokenizer_add_token (c->tokenizer, token, error);
}

static gboolean add_extra_list (Conversion *c, JsonNode *list, const char *where, GError **error);

static gboolean
add_controls (Conversion *c, GError **error)
{
  return c->spm == NULL || add_extra_list (c, json_object_get_member (c->template.values, "controls"), c->vocab_path, error);
}

static gboolean
add_roles (Conversion *c, GError **error)
{
  if (json_object_has_member (c->template.row, "controls_first") && !add_controls (c, error))
    return FALSE;
  JsonObject *tokens = class_tokens (c);
  g_autoptr (GList) keys = json_object_get_members (c->template.values);
  for (guint pass = 0; pass < 2; pass++)
    for (GList *l = keys; l; l = l->next)
      {
        const char *role = l->data;
        if (is_role (role) != (pass == 0) || !g_hash_table_contains (c->tokenizer->roles, role))
          continue;
        JsonNode *given = tokens && json_object_has_member (tokens, role) ? json_object_get_member (tokens, role) : NULL, *own = own_token (c, role);
        g_autofree char *where = g_strdup_printf ("%s: %s", c->config_path, role);
        g_autoptr (JsonNode) content = json_node_init_string (json_node_alloc (), g_hash_table_lookup (c->tokenizer->roles, role));
        if (!add_token (c, own && JSON_NODE_HOLDS_OBJECT (own) ? own : content, given, TRUE, where, error))
          return FALSE;
      }
  return TRUE;
}

static gboolean
add_extra_list (Conversion *c, JsonNode *list, const char *where, GError **error)
{
  JsonArray *array = list && JSON_NODE_HOLDS_ARRAY (list) ? json_node_get_array (list) : NULL;
  for (guint i = 0; array && i < json_array_get_length (array); i++)
    {
      g_autofree char *here = g_strdup_printf ("%s[%u]", where, i);
      if (!add_token (c, json_array_get_element (array, i), NULL, FALSE, here, error))
        return FALSE;
    }
  return TRUE;
}

/* All tokens of the vocabulary, to be found in the text before the model sees it. */
static gboolean
add_every (Conversion *c, GError **error)
{
  const GtfVocab *vocab = &c->tokenizer->model->vocab;
  for (gsize i = 0; json_object_has_member (c->template.row, "every") && i < vocab->n_ids; i++)
    {
      const char *text = gtf_vocab_token (vocab, (gint32) i, NULL);
      if (text == NULL)
        continue;
      GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
      token->content = g_strdup (text);
      if (!gtf_tokenizer_add_token (c->tokenizer, token, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_own_extra (const Conversion *c, const char *content)
{
  static const char *const keys[] = { "extra_special_tokens", "additional_special_tokens" };
  for (guint k = 0; c->config && k < G_N_ELEMENTS (keys); k++)
    {
      JsonNode *list = gtf_json_find (c->config, keys[k]);
      JsonArray *array = list && JSON_NODE_HOLDS_ARRAY (list) ? json_node_get_array (list) : NULL;
      for (guint i = 0; array && i < json_array_get_length (array); i++)
        if (!g_strcmp0 (gtf_token_content (json_array_get_element (array, i)), content))
          return TRUE;
    }
  return FALSE;
}

/* The repository's list takes the place of the class's, which is by default what a SentencePiece model marks. */
static gboolean
add_extra (Conversion *c, GError **error)
{
  static const char *const keys[] = { "extra_special_tokens", "additional_special_tokens" };
  gboolean own = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *where = g_strdup_printf ("%s: %s", c->config_path, keys[i]), *map_where = g_strdup_printf ("%s: %s", c->special_map_path, keys[i]);
      JsonNode *list = c->config ? gtf_json_find (c->config, keys[i]) : NULL;
      own |= list && JSON_NODE_HOLDS_ARRAY (list);
      if (!add_extra_list (c, list, where, error) || (c->special_map && !add_extra_list (c, gtf_json_find (c->special_map, keys[i]), map_where, error)))
        return FALSE;
    }
  if (own)
    return TRUE;
  if (!json_object_has_member (c->template.row, "extra"))
    return json_object_has_member (c->template.row, "controls_first") || add_controls (c, error);
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) list = gtf_template_expand (&c->template, "extra", &local);
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return add_extra_list (c, list, c->klass->name, error);
}

/* added_tokens.json: {"<|en|>": 50259}. As in the reference the ids give the order, and each token the next id that is free. */
static int
compare_ids (gconstpointer a, gconstpointer b, gpointer map)
{
  gint64 x = json_object_get_int_member (map, *(const char *const *) a), y = json_object_get_int_member (map, *(const char *const *) b);
  return x < y ? -1 : x > y;
}

static gboolean
add_file (Conversion *c, GError **error)
{
  g_autoptr (GPtrArray) contents = g_ptr_array_new ();
  g_autoptr (GList) members = json_object_get_members (c->added);
  for (GList *l = members; l; l = l->next)
    {
      gint64 id;
      if (!gtf_param_get_int (json_object_get_member (c->added, l->data), c->added_path, l->data, 0, GTF_VOCAB_MAX_ID - 1, &id, error))
        return FALSE;
      g_ptr_array_add (contents, l->data);
    }
  g_ptr_array_sort_with_data (contents, compare_ids, c->added);
  for (guint i = 0; i < contents->len; i++)
    {
      GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
      token->content = g_strdup (g_ptr_array_index (contents, i));
      token->special = gtf_tokenizer_has_role (c->tokenizer, token->content) || is_own_extra (c, token->content);
      token->normalized = !token->special;
      if (!gtf_tokenizer_add_token (c->tokenizer, token, error))
        return FALSE;
    }
  return TRUE;
}

/* ------------------------------------------------------------------ the model */

static gboolean
find_unknown (Conversion *c, JsonObject *settings, GtfTextModel *model, GError **error)
{
  const char *unknown = string_member (settings, "find_unk");
  gint32 id = unknown ? gtf_vocab_find (&model->vocab, unknown, strlen (unknown)) : -1;
  JsonNode *fallback = gtf_json_find (settings, "unk_id");
  model->unk_id = id >= 0 ? id : fallback ? json_node_get_int (fallback) : -1;
  if (model->unk_id >= 0 && (gsize) model->unk_id < model->n_scores)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s needs an unknown token%s%s%s, and the pieces have none", c->vocab_path, c->klass->name, unknown ? " “" : "",
               unknown ? unknown : "", unknown ? "”" : "");
  return FALSE;
}

static gboolean
read_pieces (Conversion *c, GtfTextModel *model, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) before = gtf_template_expand (&c->template, "before", &local);
  g_autoptr (JsonNode) after = local ? NULL : gtf_template_expand (&c->template, "after", &local);
  const char *order = string_member (c->template.row, "order");
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return gtf_text_model_read_pieces (model, c->spm, before ? json_node_get_array (before) : NULL, (gsize) json_object_get_int_member_with_default (c->template.row, "skip", 0),
                                     after ? json_node_get_array (after) : NULL,
                                     !g_strcmp0 (order, "first") ? GTF_SPM_FIRST_WINS : order ? GTF_SPM_SHIFTED :
                                     string_member (c->template.row, "ids") ? GTF_SPM_HIDDEN_CONTROLS : GTF_SPM_IN_A_ROW, error);
}

/* No file at all: what the class begins with, then the 256 bytes in GPT-2's alphabet. */
static gboolean
read_bytes (Conversion *c, GtfTextModel *model, GError **error)
{
  g_autoptr (JsonNode) before = gtf_template_expand (&c->template, "before", error);
  if (before == NULL)
    return FALSE;
  gint64 first = json_array_get_length (json_node_get_array (before));
  for (gint64 i = 0; i < first + 256; i++)
    {
      char letter[4];
      const char *text = i < first ? json_array_get_string_element (json_node_get_array (before), (guint) i) : letter;
      gsize length = i < first ? strlen (text) : gtf_utf8_put (gtf_byte_to_char ((guint8) (i - first)), letter);
      if (!gtf_text_model_add (model, text, length, i, error))
        return FALSE;
    }
  return TRUE;
}

/* No file at all: each character is a token, its code point the id. U+0000 is there in the form that JSON nodes have it in. */
static gboolean
add_code_points (GtfTextModel *model, GError **error)
{
  for (gunichar c = 0; c <= 0x10FFFF; c++)
    {
      char letter[4] = { '\xC0', '\x80' };
      gsize length = c ? gtf_utf8_put (c, letter) : 2;
      if ((c < 0xD800 || c > 0xDFFF) && !gtf_text_model_add (model, letter, length, c, error))
        return FALSE;
    }
  return TRUE;
}

/* The file with the ids of the pieces, where the class has one. */
static gboolean
read_mapped_ids (Conversion *c, GError **error)
{
  const char *name = string_member (c->template.row, "ids");
  if (name == NULL)
    return TRUE;
  g_autofree char *path = g_build_filename (c->tokenizer->directory, name, NULL);
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new_mapped (c->tokenizer->model, path, string_member (c->template.values, "unk_token"));
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) after = gtf_template_expand (&c->template, "after_ids", &local);
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (!gtf_text_model_read_ids (model, path, NULL, error))
    return FALSE;
  JsonArray *list = after ? json_node_get_array (after) : NULL;
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      const char *token = json_array_get_string_element (list, i);
      if (gtf_vocab_find (&model->vocab, token, strlen (token)) < 0 && !gtf_text_model_add (model, token, strlen (token), model->vocab.n_entries, error))
        return FALSE;
    }
  return gtf_text_model_build (model, error);
}

/* Byte pairs in the form of subword-nmt: the class says which file has the codes. */
static gboolean
read_continued (Conversion *c, const char *codes, GError **error)
{
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new_continued (c->vocab_path, string_member (c->template.values, "unk_token"));
  g_autofree char *path = g_build_filename (c->tokenizer->directory, codes, NULL);
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) before = gtf_template_expand (&c->template, "before", &local);
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  JsonArray *list = before ? json_node_get_array (before) : NULL;
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      const char *token = json_array_get_string_element (list, i);
      if (gtf_vocab_find (&model->vocab, token, strlen (token)) < 0 && !gtf_text_model_add (model, token, strlen (token), (gint64) model->vocab.n_entries, error))
        return FALSE;
    }
  gboolean counted = g_str_has_suffix (c->vocab_path, ".txt");
  return (counted ? gtf_text_model_read_counted (model, c->vocab_path, error) : gtf_text_model_read_ids (model, c->vocab_path, NULL, error)) &&
         gtf_text_model_read_codes (model, path, counted, error) && gtf_text_model_build (model, error);
}

static gboolean
read_model (Conversion *c, GError **error)
{
  const char *codes = string_member (c->template.row, "codes");
  if (codes)
    return read_continued (c, codes, error);
  g_autoptr (JsonNode) node = gtf_template_expand (&c->template, "model", error);
  if (node == NULL)
    return FALSE;
  JsonObject *settings = json_node_get_object (node);
  const char *type = string_member (settings, "type");
  if (type == NULL)
    type = c->spm->algorithm == GTF_SPM_UNIGRAM ? "Unigram" : "BPE";
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new (type, c->vocab_path, error);
  if (model == NULL)
    return FALSE;
  gboolean unigram = !strcmp (type, "Unigram");
  model->unk_token = unigram ? NULL : g_strdup (string_member (settings, "unk_token"));
  model->prefix = g_strdup (string_member (settings, "continuing_subword_prefix"));
  model->suffix = g_strdup (string_member (settings, "end_of_word_suffix"));
  model->fuse_unk = gtf_pass_flag (settings, "fuse_unk", FALSE);
  model->byte_fallback = gtf_pass_flag (settings, "byte_fallback", FALSE);
  if (c->spm)
    {
      if (!read_pieces (c, model, error) || (unigram && !find_unknown (c, settings, model, error)))
        return FALSE;
    }
  else if (*files_of (c->klass) == 0)
    {
      if (json_object_has_member (c->template.row, "code_points") ? !add_code_points (model, error) : !read_bytes (c, model, error))
        return FALSE;
    }
  else if (c->tiktoken)
    {
      model->ignore_merges = TRUE;
      if (!gtf_text_model_read_tiktoken (model, c->vocab_path, error))
        return FALSE;
    }
  else if (g_str_has_suffix (c->vocab_path, ".txt"))
    {
      if (!gtf_text_model_read_lines (model, c->vocab_path, error))
        return FALSE;
    }
  else
    {
      g_autofree char *merges = g_build_filename (c->tokenizer->directory, "merges.txt", NULL);
      if (!gtf_text_model_read_ids (model, c->vocab_path, string_member (c->template.values, "target_lang"), error) ||
          (json_object_get_boolean_member_with_default (c->template.row, "merges", TRUE) && !gtf_text_model_read_merges (model, merges, error)))
        return FALSE;
    }
  return gtf_text_model_build (model, error) && read_mapped_ids (c, error);
}

/* ------------------------------------------------------------------ the other parts */

static gint32
look_up (gpointer data, const char *token)
{
  return gtf_tokenizer_token_to_id (data, token);
}

static JsonNode *
bos_eos (const Conversion *c, GError **error)
{
  static const char template[] =
    "{\"post_processor\": {\"type\": \"TemplateProcessing\","
    " \"single\": [{\"if\": \"bos\", \"then\": \"bos_token:0\"}, \"$A:0\", {\"if\": \"eos\", \"then\": \"eos_token:0\"}],"
    " \"pair\": [{\"if\": \"bos\", \"then\": \"bos_token:0\"}, \"$A:0\", {\"if\": \"eos\", \"then\": \"eos_token:0\"},"
    " {\"if\": \"bos\", \"then\": \"bos_token:1\"}, \"$B:1\", {\"if\": \"eos\", \"then\": \"eos_token:1\"}]}}";
  g_autoptr (JsonObject) row = gtf_json_parse_object ("bos, eos", template, -1, GTF_JSON_STRICT, error);
  GtfTemplate with = { row, c->template.values, c->template.lookup, c->template.data };
  json_object_set_boolean_member (c->template.values, "bos", gtf_pass_flag (c->template.values, "add_bos_token", FALSE));
  json_object_set_boolean_member (c->template.values, "eos", gtf_pass_flag (c->template.values, "add_eos_token", FALSE));
  return gtf_template_expand (&with, "post_processor", error);
}

static gboolean
read_post_processor (Conversion *c, GError **error)
{
  gboolean asked = json_object_has_member (c->template.values, "add_bos_token") || json_object_has_member (c->template.values, "add_eos_token");
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) node = gtf_template_expand (&c->template, "post_processor", &local);
  if (local == NULL && (node == NULL || (asked && json_object_get_boolean_member_with_default (c->template.row, "bos_eos", FALSE))))
    {
      g_clear_pointer (&node, json_node_unref);
      node = bos_eos (c, &local);
    }
  if (local)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: %s: ", c->vocab_path, c->klass->name);
      return FALSE;
    }
  g_autofree char *where = g_strdup_printf ("%s: post_processor of %s", c->vocab_path, c->klass->name);
  c->tokenizer->post_processor = gtf_post_processor_new (node, where, error);
  return c->tokenizer->post_processor != NULL;
}

static gboolean
read_parts (Conversion *c, GError **error)
{
  static const char *const names[] = { "normalizer", "pre_tokenizer", "decoder" };
  JsonNode *nodes[3] = { NULL };
  g_autoptr (GError) local = NULL;
  gboolean ok = FALSE;
  for (guint i = 0; local == NULL && i < G_N_ELEMENTS (names); i++)
    nodes[i] = gtf_template_expand (&c->template, names[i], &local);
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    {
      GtfTokenizerParts parts = { .normalizer = nodes[0], .pre_tokenizer = nodes[1], .decoder = nodes[2] };
      ok = gtf_tokenizer_build_parts (c->tokenizer, &parts, c->vocab_path, error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (nodes); i++)
    g_clear_pointer (&nodes[i], json_node_unref);
  return ok;
}

static void
read_rest (Conversion *c)
{
  GtfTokenizer *self = c->tokenizer;
  JsonObject *values = c->template.values;
  gint64 pad_type = json_object_get_int_member_with_default (values, "pad_token_type_id", 0);
  if (c->config)
    gtf_tokenizer_read_settings (self, c->config);
  if (json_object_has_member (values, "model_max_length") && !(c->config && gtf_json_find (c->config, "model_max_length")))
    self->max_length = json_object_get_int_member (values, "model_max_length");
  self->pad_left = gtf_pass_flag (values, "pads_left", FALSE);
  self->pad_type = (gint32) pad_type;
  self->language_codes = json_object_has_member (c->template.row, "language_codes");
  self->eos_once = json_object_has_member (c->template.row, "eos_once") ? look_up (self, string_member (values, "eos_token")) : -1;
  self->special_lead = json_object_has_member (c->template.row, "special_lead");
  self->special_gap = g_strdup (string_member (c->template.row, "special_gap"));
  /* Taking spaces off before punctuation is made for WordPiece and destroys what byte pairs keep. */
  static const char even_so[] = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
  self->never_clean_up = !strcmp (self->model->klass->type, "BPE") &&
                         !(c->config && gtf_pass_flag (c->config, even_so, FALSE)) && !gtf_pass_flag (values, even_so, FALSE);
}

gboolean
gtf_tokenizer_convert (GtfTokenizer *self, GError **error)
{
  g_auto (Conversion) c = { .tokenizer = self, .kept = g_hash_table_new (g_str_hash, g_str_equal), .template = { .lookup = look_up, .data = self } };
  if (!gtf_tokenizer_load_object (self, "tokenizer_config.json", &c.config_path, &c.config, error) ||
      !gtf_tokenizer_load_object (self, "config.json", &c.model_config_path, &c.model_config, error) || !choose_class (&c, error) || !find_vocabulary (&c, error) ||
      !notice_tiktoken (&c) || !read_settings (&c, error))
    return FALSE;
  c.special_map_path = c.added_path = NULL;
  gboolean has_decoder = c.config && gtf_json_find (c.config, "added_tokens_decoder");
  if (!has_decoder && (!gtf_tokenizer_load_object (self, "special_tokens_map.json", &c.special_map_path, &c.special_map, error) ||
                       !gtf_tokenizer_load_object (self, "added_tokens.json", &c.added_path, &c.added, error)))
    return FALSE;
  if ((g_str_has_suffix (c.vocab_path, ".model") && !c.tiktoken) || g_str_has_suffix (c.vocab_path, ".spm"))
    {
      if ((c.spm = gtf_spm_load (c.vocab_path, error)) == NULL)
        return FALSE;
      read_facts (&c);
    }
  set_roles (&c);
  return read_model (&c, error) && read_parts (&c, error) && (c.added == NULL || add_file (&c, error)) &&
         add_reserved (&c, error) && gtf_tokenizer_read_decoder_tokens (self, c.config, c.config_path, error) && (keep_added (&c), add_every (&c, error)) && add_roles (&c, error) && add_extra (&c, error) && read_post_processor (&c, error) &&
         (read_rest (&c), TRUE);
}
