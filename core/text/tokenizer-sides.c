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

GtfTokenizer *
gtf_tokenizer_get_target (GtfTokenizer *self, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self), NULL);
  return self->target_reads ? gtf_tokenizer_get_other_side (self, error) : self;
}
