/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading a tokenizer: tokenizer.json through the pull reader, its parts as small trees; then what the other files add.
 * Repositories without that file are conversion.c's.
 */
#include "text/tokenizer-private.h"

#include "base/file.h"
#include "text/conversion.h"
#include "text/template.h"
#include "text/tokenizer-classes.h"

#define MAX_FILE ((gsize) 1 << 30)

/* ------------------------------------------------------------------ added tokens */

static gint32
next_id (GtfTokenizer *self)
{
  /* Unigram counts a token twice that it has twice. */
  return MAX (MAX ((gint32) self->model->vocab.n_entries, (gint32) self->model->n_scores), self->added.next_id);
}

gboolean
gtf_tokenizer_add_token (GtfTokenizer *self, GtfAddedToken *token, GError **error)
{
  if (*token->content == 0)
    return gtf_added_token_free (token), TRUE;
  gint32 known = gtf_tokenizer_token_to_id (self->source ? self->source : self, token->content);
  token->id = token->nameless ? gtf_tokenizer_get_special_id (self, "unk_token") : known >= 0 ? known : next_id (self);
  gtf_added_tokens_add (&self->added, token);
  return TRUE;
}

gboolean
gtf_tokenizer_seal (GtfTokenizer *self, GError **error)
{
  GtfPieces pieces;
  gboolean ok = TRUE;
  gtf_pieces_init (&pieces);
  for (guint i = 0; ok && self->normalizer && i < self->added.tokens->len; i++)
    {
      GtfAddedToken *token = g_ptr_array_index (self->added.tokens, i);
      if (!token->normalized)
        continue;
      gtf_pieces_reset (&pieces, token->content, strlen (token->content));
      ok = gtf_pass_apply (self->normalizer, &pieces, error);
      if (ok && pieces.n_pieces == 1)
        token->normal = g_strndup (pieces.buffer->text + pieces.pieces[0].begin, pieces.pieces[0].end - pieces.pieces[0].begin);
    }
  gtf_pieces_clear (&pieces);
  gtf_added_tokens_build (&self->added);
  self->trims = gtf_post_processor_trims (self->post_processor);
  return ok;
}

GtfAddedToken *
gtf_added_token_from_json (JsonObject *object, const char *where, GError **error)
{
  const char *content = gtf_pass_string (object, "content", where, error);
  if (content == NULL || !gtf_pass_check (object, where, error))
    return NULL;
  GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
  token->content = g_strdup (content);
  token->special = gtf_pass_flag (object, "special", FALSE);
  token->single_word = gtf_pass_flag (object, "single_word", FALSE);
  token->lstrip = gtf_pass_flag (object, "lstrip", FALSE);
  token->rstrip = gtf_pass_flag (object, "rstrip", FALSE);
  token->normalized = gtf_pass_flag (object, "normalized", !token->special);
  return token;
}

/* ------------------------------------------------------------------ tokenizer.json */

typedef GtfTokenizerParts Parts;

static void
parts_clear (Parts *p)
{
  JsonNode *nodes[] = { p->normalizer, p->pre_tokenizer, p->post_processor, p->decoder, p->version, p->truncation, p->padding };
  for (guint i = 0; i < G_N_ELEMENTS (nodes); i++)
    g_clear_pointer (&nodes[i], json_node_unref);
  if (p->has_added)
    gtf_json_reader_clear (&p->added);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parts, parts_clear)

static gboolean
read_document (GtfTokenizer *self, GtfJsonReader *reader, Parts *parts, GError **error)
{
  const char *key;
  gsize length;
  g_autoptr (GError) local = NULL;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (reader, &key, &length, &local))
    {
      const struct { const char *name; JsonNode **node; } table[] =
      {
        { "normalizer", &parts->normalizer }, { "pre_tokenizer", &parts->pre_tokenizer }, { "post_processor", &parts->post_processor },
        { "decoder", &parts->decoder }, { "version", &parts->version }, { "truncation", &parts->truncation },
        { "padding", &parts->padding }
      };
      gboolean done = FALSE;
      for (guint i = 0; !done && i < G_N_ELEMENTS (table); i++)
        if (strlen (table[i].name) == length && !memcmp (key, table[i].name, length))
          {
            g_clear_pointer (table[i].node, json_node_unref);
            *table[i].node = gtf_json_reader_read_node (reader, &local);
            done = TRUE;
          }
      if (!done && length == 5 && !memcmp (key, "model", 5))
        {
          g_clear_pointer (&self->model, gtf_text_model_free);
          self->model = gtf_text_model_read (reader, &local);
        }
      else if (!done && length == 12 && !memcmp (key, "added_tokens", 12))       /* after the model */
        {
          if (parts->has_added)
            gtf_json_reader_clear (&parts->added);
          parts->has_added = gtf_json_reader_fork (reader, &parts->added, &local);
        }
      else if (!done)
        gtf_json_reader_skip (reader, &local);
      if (local)
        break;
    }
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return gtf_json_reader_expect (reader, GTF_JSON_END, error);
}

static gboolean
unexpected (JsonNode *node, const char *path, const char *key, const char *expected, GError **error)
{
  g_autofree char *found = gtf_json_describe (node);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: expected %s, found %s", path, key, expected, found);
  return FALSE;
}

static gboolean
absent (JsonNode *node)
{
  return node == NULL || JSON_NODE_HOLDS_NULL (node);
}

/* What a call does not take from the file must still be what it says to be. */
static gboolean
check_numbers (JsonNode *node, const char *path, const char *key, const char *const *names, GError **error)
{
  if (absent (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return unexpected (node, path, key, "an object or null", error);
  g_autofree char *where = g_strdup_printf ("%s: %s", path, key);
  for (; *names; names++)
    {
      JsonNode *number = gtf_json_find (json_node_get_object (node), *names);
      gint64 value;
      if (!absent (number) && !gtf_param_get_int (number, where, *names, 0, G_MAXINT64, &value, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_blocks (const Parts *parts, const char *path, GError **error)
{
  static const char *const truncation[] = { "max_length", "stride", NULL }, *const padding[] = { "pad_to_multiple_of", "pad_id", "pad_type_id", NULL };
  if (!absent (parts->version))
    {
      const char *version = gtf_param_get_string (parts->version, path, "version", error);
      if (version == NULL || strcmp (version, "1.0"))
        return version ? unexpected (parts->version, path, "version", "\"1.0\"", error) : FALSE;
    }
  return check_numbers (parts->truncation, path, "truncation", truncation, error) && check_numbers (parts->padding, path, "padding", padding, error);
}

/* What transformers takes from these blocks where tokenizer_config.json does not say it: the sides, and what pads (not its
 * type). */
static void
read_blocks (GtfTokenizer *self, const Parts *parts)
{
  JsonObject *truncation = absent (parts->truncation) ? NULL : json_node_get_object (parts->truncation);
  JsonObject *padding = absent (parts->padding) ? NULL : json_node_get_object (parts->padding);
  const char *token = padding ? gtf_token_content (gtf_json_find (padding, "pad_token")) : NULL;
  if (truncation)
    self->truncate_left = g_strcmp0 (gtf_token_content (gtf_json_find (truncation, "direction")), "Left") == 0;
  if (padding)
    self->pad_left = g_strcmp0 (gtf_token_content (gtf_json_find (padding, "direction")), "Left") == 0;
  if (token)
    g_hash_table_insert (self->roles, g_strdup ("pad_token"), g_strdup (token));
}

/* As a tree: for what is not in order. */
static gboolean
read_added_tree (GtfTokenizer *self, JsonNode *node, const char *path, GError **error)
{
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  if (array == NULL && !absent (node))
    return unexpected (node, path, "added_tokens", "an array", error);
  for (guint i = 0; array && i < json_array_get_length (array); i++)
    {
      g_autofree char *where = g_strdup_printf ("%s: added_tokens[%u]", path, i);
      JsonNode *item = json_array_get_element (array, i);
      gint64 id;
      if (!JSON_NODE_HOLDS_OBJECT (item))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an object", where);
          return FALSE;
        }
      JsonObject *object = json_node_get_object (item);
      GtfAddedToken *token = gtf_added_token_from_json (object, where, error);
      if (token == NULL)
        return FALSE;
      JsonNode *number = gtf_json_find (object, "id");
      if (number && !gtf_param_get_int (number, where, "id", 0, GTF_VOCAB_MAX_ID - 1, &id, error))
        return gtf_added_token_free (token), FALSE;
      if (!gtf_tokenizer_add_token (self, token, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_added (GtfTokenizer *self, Parts *parts, const char *path, GError **error)
{
  if (!parts->has_added)
    return TRUE;
  g_auto (GtfJsonReader) again = parts->added;
  g_autoptr (GPtrArray) tokens = gtf_added_tokens_read (&parts->added);
  if (tokens == NULL)
    {
      g_autoptr (JsonNode) node = gtf_json_reader_read_node (&again, error);
      return node && read_added_tree (self, node, path, error);
    }
  for (guint i = 0; i < tokens->len; i++)
    if (!gtf_tokenizer_add_token (self, g_steal_pointer (&g_ptr_array_index (tokens, i)), error))
      return FALSE;
  return TRUE;
}

gboolean
gtf_tokenizer_build_parts (GtfTokenizer *self, const Parts *parts, const char *path, GError **error)
{
  g_autofree char *normalizer = g_strdup_printf ("%s: normalizer", path);
  g_autofree char *pre_tokenizer = g_strdup_printf ("%s: pre_tokenizer", path);
  g_autofree char *post_processor = g_strdup_printf ("%s: post_processor", path);
  g_autofree char *decoder = g_strdup_printf ("%s: decoder", path);
  g_autoptr (GError) local = NULL;
#define HAS(node) ((node) && !JSON_NODE_HOLDS_NULL (node))
  self->normalizer = gtf_normalizer_new (parts->normalizer, normalizer, &local);
  if (local == NULL)
    self->pre_tokenizer = gtf_pre_tokenizer_new (parts->pre_tokenizer, pre_tokenizer, &local);
  if (local == NULL && HAS (parts->post_processor))
    self->post_processor = gtf_post_processor_new (parts->post_processor, post_processor, &local);
  if (local == NULL && HAS (parts->decoder))
    self->decoder = gtf_decoder_new (parts->decoder, decoder, &local);
#undef HAS
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    return TRUE;
  return FALSE;
}

static gboolean
read_json (GtfTokenizer *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  g_auto (GtfJsonReader) reader;
  g_auto (Parts) parts = { 0 };
  gtf_json_reader_init (&reader, path, NULL, 0, GTF_JSON_STRICT);
  if (!gtf_file_load (path, MAX_FILE, &text, &length, error))
    return FALSE;
  gtf_json_reader_clear (&reader);
  gtf_json_reader_init (&reader, path, text, length, GTF_JSON_STRICT);
  if (!read_document (self, &reader, &parts, error))
    return FALSE;
  if (self->model == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: model is missing", path);
      return FALSE;
    }
  if (!check_blocks (&parts, path, error))
    return FALSE;
  read_blocks (self, &parts);
  return gtf_tokenizer_build_parts (self, &parts, path, error) && read_added (self, &parts, path, error);
}

/* ------------------------------------------------------------------ the other files */

static const char *const roles[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token" };

const char *
gtf_token_content (JsonNode *node)
{
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    node = gtf_json_find (json_node_get_object (node), "content");
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static void
read_roles (GtfTokenizer *self, JsonObject *config)
{
  for (guint i = 0; config && i < G_N_ELEMENTS (roles); i++)
    {
      const char *content = gtf_token_content (gtf_json_find (config, roles[i]));
      if (content)
        g_hash_table_insert (self->roles, g_strdup (roles[i]), g_strdup (content));
    }
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  gint64 x = g_ascii_strtoll (*(const char *const *) a, NULL, 10), y = g_ascii_strtoll (*(const char *const *) b, NULL, 10);
  return x < y ? -1 : x > y;
}

gboolean
gtf_tokenizer_has_role (GtfTokenizer *self, const char *content)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, self->roles);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!strcmp (value, content))
      return TRUE;
  return FALSE;
}

/* added_tokens_decoder: {"50257": {"content": ..}}, in the order of the ids. */
gboolean
gtf_tokenizer_read_decoder_tokens (GtfTokenizer *self, JsonObject *config, const char *path, GError **error)
{
  JsonNode *node = config ? gtf_json_find (config, "added_tokens_decoder") : NULL;
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return TRUE;
  JsonObject *map = json_node_get_object (node);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  GList *members = json_object_get_members (map);
  for (GList *l = members; l; l = l->next)
    g_ptr_array_add (ids, l->data);
  g_list_free (members);
  g_ptr_array_sort (ids, compare_ids);
  for (guint i = 0; i < ids->len; i++)
    {
      const char *id = g_ptr_array_index (ids, i);
      JsonNode *item = json_object_get_member (map, id);
      g_autofree char *where = g_strdup_printf ("%s: added_tokens_decoder.%s", path, id);
      if (!JSON_NODE_HOLDS_OBJECT (item))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an object", where);
          return FALSE;
        }
      GtfAddedToken *token = gtf_added_token_from_json (json_node_get_object (item), where, error);
      if (token == NULL)
        return FALSE;
      token->special |= gtf_tokenizer_has_role (self, token->content);
      if (!gtf_tokenizer_add_token (self, token, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_special (GtfTokenizer *self, const char *content, GError **error)
{
  if (g_hash_table_lookup (self->added.by_content, content))
    return TRUE;
  GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
  token->content = g_strdup (content);
  token->special = TRUE;
  return gtf_tokenizer_add_token (self, token, error);
}

static gboolean
add_specials (GtfTokenizer *self, JsonObject *config, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      const char *content = g_hash_table_lookup (self->roles, roles[i]);
      if (content && !add_special (self, content, error))
        return FALSE;
    }
  static const char *const lists[] = { "additional_special_tokens", "extra_special_tokens" };      /* of 4 and of 5 */
  for (guint l = 0; config && l < G_N_ELEMENTS (lists); l++)
    {
      JsonNode *extra = gtf_json_find (config, lists[l]);
      JsonArray *array = extra && JSON_NODE_HOLDS_ARRAY (extra) ? json_node_get_array (extra) : NULL;
      for (guint i = 0; array && i < json_array_get_length (array); i++)
        {
          const char *content = gtf_token_content (json_array_get_element (array, i));
          if (content && !add_special (self, content, error))
            return FALSE;
        }
    }
  return TRUE;
}

/* Where the file is missing, NULL without an error. */
gboolean
gtf_tokenizer_load_object (GtfTokenizer *self, const char *name, char **path, JsonObject **out, GError **error)
{
  g_autoptr (GError) local = NULL;
  *path = g_build_filename (self->directory, name, NULL);
  *out = gtf_json_load_object (*path, &local);
  if (*out || g_error_matches (local, GTF_ERROR, GTF_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

void
gtf_tokenizer_read_settings (GtfTokenizer *self, JsonObject *config)
{
  JsonNode *length = gtf_json_find (config, "model_max_length");
  GType type = length && JSON_NODE_HOLDS_VALUE (length) ? json_node_get_value_type (length) : G_TYPE_INVALID;
  double value = type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? json_node_get_double (length) : 0;
  /* transformers writes 1e30 for "none". */
  self->max_length = value >= 1 && value < G_MAXINT32 ? (gint64) value : 0;
  self->clean_up = gtf_pass_flag (config, "clean_up_tokenization_spaces", FALSE);
  const struct { const char *key; gboolean *left; } sides[] = { { "padding_side", &self->pad_left }, { "truncation_side", &self->truncate_left } };
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    {
      const char *side = gtf_token_content (gtf_json_find (config, sides[i].key));
      if (side)
        *sides[i].left = !strcmp (side, "left");
    }
}

/* What the class has for all its repositories, before any of their files says otherwise. */
static void
read_class (GtfTokenizer *self, JsonObject *config)
{
  const char *name = gtf_token_content (gtf_json_find (config, "tokenizer_class"));
  if (name == NULL || gtf_tokenizer_row_find (name) == NULL)
    return;
  g_autoptr (JsonObject) row = gtf_template_row (name);
  JsonNode *node = gtf_json_find (row, "settings"), *type = node ? gtf_json_find (json_node_get_object (node), "pad_token_type_id") : NULL;
  self->pad_left = node && g_strcmp0 (gtf_token_content (gtf_json_find (json_node_get_object (node), "padding_side")), "left") == 0;
  self->pad_type = type ? (gint32) json_node_get_int (type) : 0;
  JsonNode *target = gtf_json_find (row, "target");
  if (target && self->source == NULL && !json_object_has_member (json_node_get_object (target), "files"))
    self->target_directory = g_strdup (self->directory);
}

gboolean
gtf_tokenizer_read (GtfTokenizer *self, const char *path, GError **error)
{
  g_autoptr (JsonObject) config = NULL;
  g_autoptr (JsonObject) map = NULL;
  g_autofree char *config_path = NULL, *map_path = NULL;
  if (!gtf_tokenizer_load_object (self, "tokenizer_config.json", &config_path, &config, error) || !gtf_tokenizer_load_object (self, "special_tokens_map.json", &map_path, &map, error))
    return FALSE;
  if (config)
    read_class (self, config);
  if (!read_json (self, path, error))
    return FALSE;
  if (config && json_object_has_member (config, "pad_token"))      /* null, too, counts more than the block */
    g_hash_table_remove (self->roles, "pad_token");
  read_roles (self, map);
  read_roles (self, config);
  if (config)
    gtf_tokenizer_read_settings (self, config);
  return gtf_tokenizer_read_decoder_tokens (self, config, config_path, error) && add_specials (self, config, error) && add_specials (self, map, error) &&
         (self->source == NULL || gtf_tokenizer_convert_target (self, path, error));
}
