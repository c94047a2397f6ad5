/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From tokens to a text: through the decoder, in runs between special tokens where these are spelt by themselves.
 */
#include "text/tokenizer-private.h"

#include <string.h>

static void
clean_up (GString *s)
{
  static const char *const pairs[][2] =
  {
    { " .", "." }, { " ?", "?" }, { " !", "!" }, { " ,", "," }, { " ' ", "'" }, { " n't", "n't" }, { " 'm", "'m" }, { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" }
  };
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    gtf_string_replace (s, pairs[i][0], pairs[i][1]);
}

static void
free_string (gpointer s)
{
  g_string_free (s, TRUE);
}

/* The sentencepiece library takes spaces off the first piece; one that it does not know it leaves as it is. */
#define GUARD "\x01"

static gboolean
begins_unknown (const GtfTokenizer *self, GPtrArray *strings)
{
  const GString *first = strings->len ? g_ptr_array_index (strings, 0) : NULL;
  return first && !gtf_text_model_has_piece (self->model, first->str, first->len);
}

/* Runs the decoder over @strings, which it empties, and appends what it gives. */
static gboolean
decode_run (const GtfTokenizer *self, GPtrArray *strings, GString *out, GError **error)
{
  gboolean guarded = begins_unknown (self, strings);
  gsize first = out->len;
  if (guarded)
    g_ptr_array_insert (strings, 0, g_string_new (GUARD));
  if (self->decoder && strings->len && !gtf_decoder_run (self->decoder, strings, error))
    return FALSE;
  for (guint i = 0; i < strings->len; i++)
    {
      GString *s = g_ptr_array_index (strings, i);
      if (self->decoder == NULL && i)
        g_string_append_c (out, ' ');
      g_string_append_len (out, s->str, s->len);
    }
  if (guarded && g_str_has_prefix (out->str + first, GUARD))     /* decoders may cut it off, or move it */
    g_string_erase (out, (gssize) first, strlen (GUARD));
  g_ptr_array_set_size (strings, 0);
  return TRUE;
}

/* @speller: (nullable): the side whose rules make a text of the tokens, if it is not the one that has the ids. */
static char *
decode (GtfTokenizer *self, const GtfTokenizer *speller, const gint32 *ids, gsize n_ids, gboolean skip_special, gboolean clean, GError **error)
{
  if (self == NULL)
    return NULL;
  speller = speller ? speller : self;
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (free_string);
  g_autoptr (GString) out = g_string_new (NULL);
  gboolean after_special = FALSE;
  const gint32 blank = self->grouped ? gtf_tokenizer_get_special_id (self, "pad_token") : -1;
  for (gsize i = 0; i < n_ids; i++)
    {
      if (self->grouped && (ids[i] == blank || (i && ids[i] == ids[i - 1])))
        continue;
      GtfAddedToken *added = gtf_added_tokens_find (&self->added, ids[i]);
      gsize length = 0;
      const char *text = added ? gtf_added_token_text (added) : gtf_text_model_token (self->model, ids[i], &length);
      /* Special is what is spelled like a special token. */
      GtfAddedToken *alike = text && (skip_special || self->special_gap) ? g_hash_table_lookup (self->added.by_content, text) : NULL;
      gboolean special = alike && alike->special;
      if (text == NULL || (skip_special && special))
        continue;
      if (self->special_gap && special)
        {
          if (self->special_lead && !after_special)
            g_string_append_c (out, ' ');
          if (!decode_run (speller, strings, out, error))
            return NULL;
          g_string_append_printf (out, "%s%s", text, self->special_gap);
        }
      else
        g_ptr_array_add (strings, g_string_new_len (text, added ? strlen (text) : length));
      after_special = special;
    }
  if (!decode_run (speller, strings, out, error))
    return NULL;
  if (self->special_gap && !self->special_ends)
    g_strstrip (out->str), g_string_truncate (out, strlen (out->str));
  if (clean && !self->never_clean_up)
    clean_up (out);
  for (gsize i = 0; i < out->len; i++)
    if (out->str[i] == 0)
      {
        g_string_overwrite_len (out, i, "\xC0", 1);
        g_string_insert_c (out, i + 1, (char) 0x80);
      }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* The side whose vocabulary has the ids that a model answers with. */
static GtfTokenizer *
side_of_ids (GtfTokenizer *self, GError **error)
{
  return self->target_decodes ? gtf_tokenizer_get_other_side (self, error) : self;
}

/* use_source_tokenizer: which side's SentencePiece model spells the tokens, where there are two. */
static gboolean
choose_speller (GtfTokenizer *self, JsonObject *options, GtfTokenizer **speller, GError **error)
{
  JsonNode *node = gtf_json_find (options, "use_source_tokenizer");
  gboolean source = TRUE;
  *speller = NULL;
  if (node == NULL || self->special_gap == NULL)
    return TRUE;
  if (!gtf_param_get_bool (node, "parameters", "use_source_tokenizer", &source, error))
    return FALSE;
  *speller = source ? self : gtf_tokenizer_get_target (self, error);
  return *speller != NULL;
}

/**
 * gtf_tokenizer_decode:
 * @self: a tokenizer
 * @ids: (array length=n_ids): token ids; unknown ones are left out
 * @n_ids: how many
 * @skip_special_tokens: leave out added tokens marked special
 * @error: return location for an error
 *
 * The text of tokens, with clean_up_tokenization_spaces as tokenizer_config.json has it. U+0000 is written as C0 80.
 *
 * Returns: (transfer full): UTF-8
 */
char *
gtf_tokenizer_decode (GtfTokenizer *self, const gint32 *ids, gsize n_ids, gboolean skip_special_tokens, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  return decode (side_of_ids (self, error), NULL, ids, n_ids, skip_special_tokens, self->clean_up, error);
}

/**
 * gtf_tokenizer_decode_with:
 * @self: a tokenizer
 * @ids: (array length=n_ids): token ids
 * @n_ids: how many
 * @parameters: (nullable): a JSON object: skip_special_tokens, clean_up_tokenization_spaces, use_source_tokenizer (Marian's)
 * @error: return location for an error
 *
 * As gtf_tokenizer_decode(), with the arguments of PreTrainedTokenizer.decode.
 *
 * Returns: (transfer full): UTF-8
 */
char *
gtf_tokenizer_decode_with (GtfTokenizer *self, const gint32 *ids, gsize n_ids, const char *parameters, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  g_autoptr (JsonObject) parsed = NULL;
  JsonObject *options = gtf_tokenizer_read_options (parameters, &parsed, error);
  if (options == NULL)
    return NULL;
  GtfTokenizer *speller;
  if (!choose_speller (self, options, &speller, error))
    return NULL;
  return decode (side_of_ids (self, error), speller, ids, n_ids, gtf_pass_flag (options, "skip_special_tokens", FALSE),
                 self->clean_up_set ? self->clean_up : gtf_pass_flag (options, "clean_up_tokenization_spaces", self->clean_up), error);
}
