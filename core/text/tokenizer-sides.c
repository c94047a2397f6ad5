/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The two sides of a tokenizer for translation: texts to be read, and texts to be written. Where the class has the two apart (a
 * SentencePiece model or a vocabulary of its own, another language's token, a folder of its own), the target side is a tokenizer
 * that is read when it is first asked for; most are never.
 */
#include "text/tokenizer-private.h"

GtfTokenizer *
gtf_tokenizer_get_other_side (GtfTokenizer *self, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->target_directory == NULL)
    return self;
  if (self->target == NULL)
    self->target = gtf_tokenizer_load_side (self->target_directory, g_str_equal (self->target_directory, self->directory) ? self : NULL, self->target_config, error);
  return self->target;
}

/**
 * gtf_tokenizer_get_target:
 * @self: a tokenizer
 * @error: return location for an error
 *
 * The tokenizer of texts that a model is to write, which `text_target` of PreTrainedTokenizer.__call__ is for: Marian's target.spm, the token
 * of `tgt_lang` for mBART, NLLB, M2M100, PLBart and SeamlessM4T, RAG's generator. It is read when it is first asked for; threads may ask at once.
 *
 * Returns: (transfer none) (nullable): @self where the class makes no difference; %NULL with @error set where its files cannot be read
 */
GtfTokenizer *
gtf_tokenizer_get_target (GtfTokenizer *self, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  return self->target_reads ? gtf_tokenizer_get_other_side (self, error) : self;
}
