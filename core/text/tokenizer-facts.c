/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tasks ask a tokenizer beside tokens: its bounds and sides, how it marks subwords, and text from tokens that need
 * not be of the vocabulary.
 */
#include "text/tokenizer-private.h"

#include <string.h>
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
