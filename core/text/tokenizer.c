/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfTokenizer: what it is made of, and its tokens one by one. Texts become tokens in tokenizer-encode.c, tokens texts in tokenizer-decode.c.
 */
#include "text/tokenizer-private.h"

#include "text/conversion.h"

G_DEFINE_TYPE (GtfTokenizer, gtf_tokenizer, G_TYPE_OBJECT)

static void
gtf_tokenizer_init (GtfTokenizer *self)
{
  gtf_added_tokens_init (&self->added);
  self->eos_once = self->empty_id = -1;
  self->target_reads = TRUE;
  self->roles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->idle = g_ptr_array_new_with_free_func (gtf_tokenizer_worker_free);
  g_mutex_init (&self->lock);
}

static void
finalize (GObject *object)
{
  GtfTokenizer *self = GTF_TOKENIZER (object);
  gtf_text_model_free (self->model);
  gtf_added_tokens_clear (&self->added);
  gtf_pass_free (self->normalizer);
  gtf_pass_free (self->pre_tokenizer);
  gtf_post_processor_free (self->post_processor);
  gtf_decoder_free (self->decoder);
  g_hash_table_unref (self->roles);
  g_ptr_array_unref (self->idle);
  g_mutex_clear (&self->lock);
  gtf_user_pieces_clear (&self->user_pieces);
  g_clear_pointer (&self->features, g_ptr_array_unref);
  g_free (self->refused);
  g_clear_object (&self->target);
  g_clear_pointer (&self->model_config, json_object_unref);
  g_clear_pointer (&self->target_config, json_object_unref);
  g_free (self->target_directory);
  g_free (self->directory);
  g_free (self->special_gap);
  g_free (self->where);
  G_OBJECT_CLASS (gtf_tokenizer_parent_class)->finalize (object);
}

static void
gtf_tokenizer_class_init (GtfTokenizerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

/* ------------------------------------------------------------------ loading */

GtfTokenizer *
gtf_tokenizer_load_side (const char *directory, GtfTokenizer *source, JsonObject *model_config, GError **error)
{
  g_autoptr (GtfTokenizer) self = g_object_new (GTF_TYPE_TOKENIZER, NULL);
  self->directory = g_strdup (directory);
  self->source = source;
  self->model_config = model_config ? json_object_ref (model_config) : NULL;
  return gtf_tokenizer_read_folder (self, error) && gtf_tokenizer_seal (self, error) ? g_steal_pointer (&self) : NULL;
}

gboolean
gtf_tokenizer_read_folder (GtfTokenizer *self, GError **error)
{
  g_autofree char *json = g_build_filename (self->directory, "tokenizer.json", NULL);
  return g_file_test (json, G_FILE_TEST_EXISTS) ? gtf_tokenizer_read (self, json, error) : gtf_tokenizer_convert (self, error);
}

/**
 * gtf_tokenizer_load:
 * @directory: a model repository
 * @cancellable: (nullable): a #GCancellable
 * @error: return location for an error
 *
 * Reads tokenizer.json, which is followed to the letter, as the `tokenizers` library does. Without it, the tokenizer is made
 * of what its class in transformers makes it of: vocab.txt, vocab.json with merges.txt, a SentencePiece model. The class is
 * named by tokenizer_config.json, else it follows from config.json's model_type. Then tokenizer_config.json,
 * special_tokens_map.json and added_tokens.json have their say.
 *
 * Returns: (transfer full): the tokenizer; %GTF_ERROR_NOT_FOUND where the folder has none
 */
GtfTokenizer *
gtf_tokenizer_load (const char *directory, GCancellable *cancellable, GError **error)
{
  return g_cancellable_set_error_if_cancelled (cancellable, error) ? NULL : gtf_tokenizer_load_side (directory, NULL, NULL, error);
}

JsonObject *
gtf_tokenizer_read_options (const char *parameters, JsonObject **parsed, GError **error)
{
  static gsize none;

  if (parameters)
    return *parsed = gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON, error);
  if (g_once_init_enter (&none))
    g_once_init_leave (&none, (gsize) json_object_new ());
  return (JsonObject *) none;
}

/* ------------------------------------------------------------------ tokens and ids */

/**
 * gtf_tokenizer_id_to_token:
 * @self: a tokenizer
 * @id: a token id
 *
 * Returns: (transfer none) (nullable): the token as the vocabulary spells it; %NULL if the id is none of it
 */
const char *
gtf_tokenizer_id_to_token (GtfTokenizer *self, gint32 id)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  GtfAddedToken *added = gtf_added_tokens_find (&self->added, id);
  return added ? gtf_added_token_text (added) : gtf_text_model_token (self->model, id, NULL);
}

/**
 * gtf_tokenizer_token_to_id:
 * @self: a tokenizer
 * @token: a token as the vocabulary spells it
 *
 * Returns: its id, or -1 if the vocabulary has none of this spelling
 */
gint32
gtf_tokenizer_token_to_id (GtfTokenizer *self, const char *token)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && token != NULL, -1);
  GtfAddedToken *added = g_hash_table_lookup (self->added.by_content, token);
  return added ? added->id : gtf_vocab_find (&self->model->vocab, token, strlen (token));
}

/**
 * gtf_tokenizer_is_special:
 * @self: a tokenizer
 * @id: a token id
 *
 * Returns: whether it is an added token that is marked special, so that decoding can leave it out
 */
gboolean
gtf_tokenizer_is_special (GtfTokenizer *self, gint32 id)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), FALSE);
  GtfAddedToken *added = gtf_added_tokens_find (&self->added, id);
  return added && added->special;
}

/**
 * gtf_tokenizer_get_vocab_size:
 * @self: a tokenizer
 *
 * Returns: how many tokens there are, added tokens among them
 */
gsize
gtf_tokenizer_get_vocab_size (GtfTokenizer *self)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), 0);
  gsize n = self->model->vocab.n_entries;
  GHashTableIter iter;
  gpointer content, token;
  g_hash_table_iter_init (&iter, self->added.by_content);
  while (g_hash_table_iter_next (&iter, &content, &token))
    n += gtf_vocab_find (&self->model->vocab, content, strlen (content)) < 0 && gtf_vocab_token (&self->model->vocab, ((GtfAddedToken *) token)->id, NULL) == NULL;
  return n;
}

/**
 * gtf_tokenizer_get_special_id:
 * @self: a tokenizer
 * @role: "bos_token", "eos_token", "pad_token", "unk_token", "mask_token", ...
 *
 * Returns: the id of the token that has this role, or -1
 */
gint32
gtf_tokenizer_get_special_id (GtfTokenizer *self, const char *role)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && role != NULL, -1);
  const char *token = g_hash_table_lookup (self->roles, role);
  return token ? gtf_tokenizer_token_to_id (self, token) : -1;
}
