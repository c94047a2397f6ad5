/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Special and other added tokens of a repository without tokenizer.json: which have roles, and in which order transformers adds them.
 */
#include "text/conversion-private.h"

#include <string.h>
#include "base/params.h"

static const char *const roles[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token", NULL };

/* The repository's token of a role: special_tokens_map.json is the older form, and counts where there is no added_tokens_decoder. NULL: it has none. */
static JsonNode *
own_token (const GtfConversion *c, const char *role)
{
  if (c->special_map && json_object_has_member (c->special_map, role))
    return json_object_get_member (c->special_map, role);
  return c->config && json_object_has_member (c->config, role) ? json_object_get_member (c->config, role) : NULL;
}

/* @own: what the repository says, may be NULL; @given: what the class says, may be NULL. */
static void
set_role (GtfConversion *c, const char *role, JsonNode *own, JsonNode *given)
{
  const char *content = gtf_token_content (own ? own : given);
  if (content && *content == '$' && own == NULL)      /* a fact about the SentencePiece model */
    content = gtf_conversion_string (c->template.values, content + 1);
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
  return g_strv_contains (roles, key);
}

/* Members of tokenizer_config.json that end in _token are roles of the repository's own; so are those of an object extra_special_tokens. */
static void
set_own_roles (GtfConversion *c, JsonObject *object, gboolean all)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    if (!is_role (key) && (all || g_str_has_suffix (key, "_token")) && gtf_token_content (node) && !json_object_has_member (c->template.values, key))
      set_role (c, key, node, NULL);
}

static JsonObject *
class_tokens (const GtfConversion *c)
{
  return json_object_has_member (c->template.row, "tokens") ? json_object_get_object_member (c->template.row, "tokens") : NULL;
}

/* What depends on the settings among the tokens of the class. */
static void
expand_tokens (GtfConversion *c)
{
  JsonNode *tokens = gtf_template_expand (&c->template, "tokens", NULL);
  if (tokens)
    json_object_set_member (c->template.row, "tokens", tokens);
}

void
gtf_conversion_set_roles (GtfConversion *c)
{
  expand_tokens (c);
  JsonObject *tokens = class_tokens (c);
  JsonNode *extra = c->config ? gtf_json_find (c->config, "extra_special_tokens") : NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  for (guint i = 0; roles[i]; i++)
    {
      JsonNode *given = tokens && json_object_has_member (tokens, roles[i]) ? json_object_get_member (tokens, roles[i]) : NULL, *own = own_token (c, roles[i]);
      if (given || own)
        set_role (c, roles[i], own, given);
    }
  if (tokens)
    {
      json_object_iter_init_ordered (&iter, tokens);
      while (json_object_iter_next_ordered (&iter, &key, &node))
        if (!is_role (key))
          set_role (c, key, own_token (c, key), node);
    }
  if (c->config)
    set_own_roles (c, c->config, FALSE);
  if (extra && JSON_NODE_HOLDS_OBJECT (extra))
    set_own_roles (c, json_node_get_object (extra), TRUE);
}

static void
keep_added (GtfConversion *c)
{
  for (guint i = 0; i < c->tokenizer->added.tokens->len; i++)
    g_hash_table_add (c->kept, ((GtfAddedToken *) g_ptr_array_index (c->tokenizer->added.tokens, i))->content);
}

/* A token out of a string or an object; one that is there already gets new flags. @flags: (nullable): the class's, for a plain string. */
static gboolean
add_token (GtfConversion *c, JsonNode *node, JsonNode *flags, gboolean special, const char *where, GError **error)
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
  token->nameless = flags && JSON_NODE_HOLDS_OBJECT (flags) && gtf_pass_flag (json_node_get_object (flags), "nameless", FALSE);
  return gtf_tokenizer_add_token (c->tokenizer, token, error);
}

static gboolean add_extra_list (GtfConversion *c, JsonNode *list, const char *where, GError **error);

static gboolean
add_controls (GtfConversion *c, GError **error)
{
  return c->spm == NULL || add_extra_list (c, json_object_get_member (c->template.values, "controls"), c->vocab_path, error);
}

static gboolean
add_roles (GtfConversion *c, GError **error)
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
add_extra_list (GtfConversion *c, JsonNode *list, const char *where, GError **error)
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
add_every (GtfConversion *c, GError **error)
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
is_own_extra (const GtfConversion *c, const char *content)
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
add_extra (GtfConversion *c, GError **error)
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
add_file (GtfConversion *c, GError **error)
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

/* The ids between tiktoken's and the highest of added_tokens_decoder that it leaves out are tokens too. */
static gboolean
add_reserved (GtfConversion *c, GError **error)
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

/* Tokens with the first ids, which take the place of what the vocabulary has there. */
static gboolean
add_first (GtfConversion *c, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) list = gtf_template_expand (&c->template, "first_ids", &local);
  JsonArray *array = list ? json_node_get_array (list) : NULL;
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  for (guint i = 0; array && i < json_array_get_length (array); i++)
    {
      GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
      token->content = g_strdup (json_array_get_string_element (array, i));
      token->special = gtf_tokenizer_has_role (c->tokenizer, token->content);
      token->id = (gint32) i;
      gtf_added_tokens_add (&c->tokenizer->added, token);
    }
  return TRUE;
}

/* Pieces that hold a place have their names in added_tokens_decoder, by id; but a name that another piece keeps is not given twice. */
void
gtf_conversion_rename_pieces (GtfConversion *c)
{
  JsonNode *node = c->config ? gtf_json_find (c->config, "added_tokens_decoder") : NULL;
  JsonObject *names = node && JSON_NODE_HOLDS_OBJECT (node) && json_object_has_member (c->template.row, "renamed") ? json_node_get_object (node) : NULL;
  if (names == NULL)
    return;
  g_autoptr (GHashTable) kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint pass = 0; pass < 2; pass++)
    for (gsize i = 0; i < c->spm->n_pieces; i++)
      {
        GtfSpmPiece *piece = &c->spm->pieces[i];
        char id[24];
        g_snprintf (id, sizeof id, "%" G_GSIZE_FORMAT, i);
        const char *content = json_object_has_member (names, id) ? gtf_token_content (json_object_get_member (names, id)) : NULL;
        if (pass == 0 && content == NULL)
          g_hash_table_add (kept, g_strndup (piece->text, piece->length));
        else if (pass == 1 && content && *content && !g_hash_table_contains (kept, content))
          {
            piece->text = content;      /* the configuration's, which is there as long as the model's */
            piece->length = strlen (content);
          }
      }
}

/* What added_tokens_decoder has is found in texts as they are, where each stretch between has a space put before it. */
static void
take_literally (GtfConversion *c)
{
  GPtrArray *tokens = c->tokenizer->added.tokens;
  gboolean prefixed = json_object_has_member (c->template.row, "renamed") && gtf_pass_flag (c->template.values, "dummy_prefix", FALSE);
  for (guint i = 0; prefixed && i < tokens->len; i++)
    ((GtfAddedToken *) g_ptr_array_index (tokens, i))->normalized = FALSE;
}

gboolean
gtf_conversion_add_tokens (GtfConversion *c, GError **error)
{
  if (!add_first (c, error) || (c->added != NULL && !add_file (c, error)) || !add_reserved (c, error) || !gtf_tokenizer_read_decoder_tokens (c->tokenizer, c->config, c->config_path, error))
    return FALSE;
  if (c->added == NULL)
    take_literally (c);
  keep_added (c);
  return add_every (c, error) && add_roles (c, error) && add_extra (c, error);
}
