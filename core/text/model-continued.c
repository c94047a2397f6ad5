/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Byte pairs as subword-nmt writes them (PhoBERT, BERTweet, Blenderbot's small models): merges are of characters, the last of which
 * has </w> behind it; the vocabulary has what is made of them in another form, "ri@@" inside a word and "ver" at its end. The inner
 * BPE has all that its merges make, whether it has an id or not; what it finds is looked up in the other form. Or in the same one (XLM,
 * Flaubert): there the vocabulary marks ends as the merges do, and need not have what they make either.
 */
#include "text/model-wrapped.h"

#include <string.h>
#include "text/unicode.h"

#define END "</w>"
#define GOES_ON "@@"
#define UNKNOWN "\x01"      /* of the inner model */

typedef struct { GtfWrappedModel parent; gboolean ends_marked; } Continued;

static gint32
inner_id (GtfWrappedModel *self, const char *text, gsize length, GError **error)
{
  GtfTextModel *inner = self->inner;
  gint32 id = gtf_vocab_find (&inner->vocab, text, length);
  if (id >= 0)
    return id;
  id = (gint32) inner->vocab.n_ids;
  return gtf_text_model_add (inner, text, length, id, error) ? id : -1;
}

gboolean
gtf_text_model_add_code (GtfTextModel *model, const char *a, gsize n_a, const char *b, gsize n_b, GError **error)
{
  GtfWrappedModel *self = (GtfWrappedModel *) model;
  g_autoptr (GString) both = g_string_new_len (a, (gssize) n_a);
  g_string_append_len (both, b, (gssize) n_b);
  gint32 left = inner_id (self, a, n_a, error), right = left < 0 ? -1 : inner_id (self, b, n_b, error), made = right < 0 ? -1 : inner_id (self, both->str, both->len, error);
  return made >= 0 && gtf_text_model_add_merge_ids (self->inner, left, right, made, error);
}

static gboolean
ends_with (const char *text, gsize length, const char *end)
{
  gsize n = strlen (end);
  return length > n && !memcmp (text + length - n, end, n);
}

/* Single characters that no merge has may have an id too. */
static gboolean
add_letters (GtfWrappedModel *self, GError **error)
{
  const GtfVocab *vocab = &self->parent.vocab;
  for (gsize i = 0; i < vocab->n_ids; i++)
    {
      gsize length = 0;
      const char *text = gtf_vocab_token (vocab, (gint32) i, &length);
      if (text == NULL || length == 0)
        continue;
      gboolean marked = ((const Continued *) self)->ends_marked, inside = marked ? !ends_with (text, length, END) : ends_with (text, length, GOES_ON);
      length -= marked ? (inside ? 0 : strlen (END)) : inside ? strlen (GOES_ON) : 0;
      if (gtf_utf8_size (*text) != length)
        continue;
      g_autoptr (GString) letter = g_string_new_len (text, (gssize) length);
      if (!inside)
        g_string_append (letter, END);
      if (inner_id (self, letter->str, letter->len, error) < 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
build (GtfTextModel *model, GError **error)
{
  GtfWrappedModel *self = (GtfWrappedModel *) model;
  if (!gtf_wrapped_model_find_unk (self, error) || inner_id (self, UNKNOWN, strlen (UNKNOWN), error) < 0 || !add_letters (self, error) ||
      !gtf_wrapped_model_add_ids (self, error))
    return FALSE;
  const GtfVocab *pieces = &self->inner->vocab;
  for (gsize i = 0; i < pieces->n_ids; i++)
    {
      gsize length = 0;
      const char *text = gtf_vocab_token (pieces, (gint32) i, &length);
      g_autoptr (GString) outer = g_string_new_len (text, (gssize) length);
      if (((const Continued *) self)->ends_marked)
        ;
      else if (ends_with (text, length, END))
        g_string_truncate (outer, length - strlen (END));
      else
        g_string_append (outer, GOES_ON);
      gint32 id = gtf_vocab_find (&model->vocab, outer->str, outer->len);
      self->ids[i] = id >= 0 ? id : self->unk;
    }
  return gtf_text_model_build (self->inner, error);
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const GtfWrappedModel *self = (const GtfWrappedModel *) model;
  gsize first = out->n;
  if (!self->inner->klass->tokenize (self->inner, text, length, scratch, out, error))
    return FALSE;
  for (gsize i = first; i < out->n; i++)
    out->tokens[i].id = self->ids[out->tokens[i].id];
  return TRUE;
}

GtfTextModel *
gtf_text_model_new_continued (const char *file, const char *unk_token, gboolean ends_marked)
{
  static const GtfTextModelClass klass = { "Continued", sizeof (Continued), build, tokenize, gtf_wrapped_model_clear };
  GtfTextModel *inner = gtf_text_model_new ("BPE", file, NULL);
  inner->suffix = g_strdup (END);
  inner->unk_token = g_strdup (UNKNOWN);
  GtfTextModel *self = gtf_wrapped_model_new (&klass, inner, file, unk_token);
  ((Continued *) self)->ends_marked = ends_marked;
  return self;
}
