/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tasks ask a tokenizer beside tokens: its bounds and sides, how it marks subwords, and text from tokens that need
 * not be of the vocabulary.
 */
#include "text/tokenizer-private.h"

#include <string.h>
#include "base/json.h"
#include "text/tokenizer-classes.h"
#include "text/unicode.h"

static void
free_string (gpointer s)
{
  g_string_free (s, TRUE);
}

/**
 * gtf_tokenizer_tokens_to_string:
 * @self: a tokenizer
 * @tokens: (array length=n_tokens): tokens as the vocabulary spells them
 * @n_tokens: how many
 * @error: return location for an error
 *
 * PreTrainedTokenizer.convert_tokens_to_string: what the decoder makes of the tokens; without a decoder they are joined by spaces.
 *
 * Returns: (transfer full): UTF-8
 */
char *
gtf_tokenizer_tokens_to_string (GtfTokenizer *self, const char *const *tokens, gsize n_tokens, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (free_string);
  g_autoptr (GString) out = g_string_new (NULL);

  for (gsize i = 0; i < n_tokens; i++)
    g_ptr_array_add (strings, g_string_new (tokens[i]));
  if (self->decoder && strings->len && !gtf_decoder_run (self->decoder, strings, error))
    return NULL;
  for (guint i = 0; i < strings->len; i++)
    {
      GString *s = g_ptr_array_index (strings, i);

      if (self->decoder == NULL && i)
        g_string_append_c (out, ' ');
      g_string_append_len (out, s->str, s->len);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/**
 * gtf_tokenizer_get_max_length:
 * @self: a tokenizer
 *
 * Returns: model_max_length of tokenizer_config.json, in tokens with the special ones; 0 where there is no bound
 */
gint64
gtf_tokenizer_get_max_length (GtfTokenizer *self)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), 0);
  return self->max_length;
}

/**
 * gtf_tokenizer_pads_left:
 * @self: a tokenizer
 *
 * Returns: whether padding_side is "left"
 */
gboolean
gtf_tokenizer_pads_left (GtfTokenizer *self)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), FALSE);
  return self->pad_left;
}

/**
 * gtf_tokenizer_marks_subwords:
 * @self: a tokenizer
 *
 * Returns: whether tokens inside a word have a mark of their own (continuing_subword_prefix, as "##")
 */
gboolean
gtf_tokenizer_marks_subwords (GtfTokenizer *self)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), FALSE);
  return self->model->prefix != NULL && *self->model->prefix != '\0';
}

static const char *
string_of (JsonNode *node)
{
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* A file that is broken was told when the tokenizer was read. */
static JsonObject *
load_quietly (GtfTokenizer *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->directory, name, NULL);
  return gtf_json_load_object (path, NULL);
}

/* What model_input_names of tokenizer_config.json says about an input: 1, 0, or -1 where it is not there. */
static gint
is_input (JsonObject *config, const char *name)
{
  JsonNode *names = config ? gtf_json_find (config, "model_input_names") : NULL;
  JsonArray *list = names && JSON_NODE_HOLDS_ARRAY (names) ? json_node_get_array (names) : NULL;

  if (list == NULL)
    return -1;
  for (guint i = 0; i < json_array_get_length (list); i++)
    if (g_strcmp0 (string_of (json_array_get_element (list, i)), name) == 0)
      return 1;
  return 0;
}

static const GtfTokenizerRow *
named_row (JsonObject *config)
{
  const char *class_name = config ? string_of (gtf_json_find (config, "tokenizer_class")) : NULL;

  return class_name ? gtf_tokenizer_row_find (class_name) : NULL;
}

/**
 * gtf_tokenizer_hands_token_types:
 * @self: a tokenizer
 * @as_4_57: as in transformers 4.57, which has other classes do so than 5
 *
 * model_input_names of tokenizer_config.json decides; without it the class that tokenizer_config.json names, else the
 * class that goes with the model_type.
 *
 * Returns: whether token_type_ids are handed to the model
 */
gboolean
gtf_tokenizer_hands_token_types (GtfTokenizer *self, gboolean as_4_57)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), FALSE);
  g_autoptr (JsonObject) config = load_quietly (self, "tokenizer_config.json"), model = load_quietly (self, "config.json");
  const gint said = is_input (config, "token_type_ids");
  const char *model_type = model ? string_of (gtf_json_find (model, "model_type")) : NULL;
  const gboolean is_named = config && string_of (gtf_json_find (config, "tokenizer_class"));
  const GtfTokenizerRow *row = is_named ? named_row (config) : model_type ? gtf_tokenizer_row_for_model (model_type) : NULL;

  if (said >= 0)
    return said;
  if (as_4_57)
    return row == NULL || !(row->token_types & GTF_NO_TOKEN_TYPES_457);
  return row != NULL && (row->token_types & GTF_TOKEN_TYPES);
}

/**
 * gtf_tokenizer_hands_attention_mask:
 * @self: a tokenizer
 *
 * model_input_names of tokenizer_config.json decides; without it the class that tokenizer_config.json names.
 *
 * Returns: whether attention_mask is handed to the model
 */
gboolean
gtf_tokenizer_hands_attention_mask (GtfTokenizer *self)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), TRUE);
  g_autoptr (JsonObject) config = load_quietly (self, "tokenizer_config.json");
  const gint said = is_input (config, "attention_mask");
  const GtfTokenizerRow *row = named_row (config);

  return said >= 0 ? said : row == NULL || !(row->token_types & GTF_NO_ATTENTION_MASK);
}

/**
 * gtf_text_lowercase:
 * @text: UTF-8 (U+0000 as C0 80)
 *
 * Lower case as the Lowercase normalizer makes it: each character by itself, whatever the locale says.
 *
 * Returns: (transfer full): UTF-8
 */
char *
gtf_text_lowercase (const char *text)
{
  g_autoptr (GString) out = g_string_sized_new (strlen (text));

  for (guint size; *text; text += size)
    {
      gunichar c = gtf_utf8_get (text, &size), lower[4];
      gsize n;

      /* U+0000 comes as C0 80 and stays so. */
      if (c == 0 || size == 1)
        {
          for (guint i = 0; i < size; i++)
            g_string_append_c (out, g_ascii_tolower (text[i]));
          continue;
        }
      n = gtf_unicode_lower (c, lower);
      for (gsize i = 0; i < n; i++)
        g_string_append_unichar (out, lower[i]);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
