/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From texts to rows of tokens, and from characters to bytes.
 */
#include "text/text-private.h"

#include <string.h>

static void
clear_row (gpointer row)
{
  g_free ((gpointer) ((TextRow *) row)->positions);
}

void
text_tokens_init (TextTokens *self)
{
  self->encodings = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_encoding_free);
  self->rows = g_array_new (FALSE, TRUE, sizeof (TextRow));
  g_array_set_clear_func (self->rows, clear_row);
}

void
text_tokens_clear (TextTokens *self)
{
  g_clear_pointer (&self->rows, g_array_unref);
  g_clear_pointer (&self->encodings, g_ptr_array_unref);
}

/* Padding behind a text is masked: the model's answer for its tokens is the same without it. Before a text it moves their positions, so
 * there it stays. */
static void
drop_padding (GtfEncoding *e)
{
  while (e->n_ids > 1 && e->attention_mask[e->n_ids - 1] == 0)
    e->n_ids--;
}

static void
add_row (TextTokens *self, GtfEncoding *e, gboolean keep_padding)
{
  TextRow row = { 0 };

  if (!keep_padding)
    drop_padding (e);
  row.ids = e->ids;
  row.type_ids = e->type_ids;
  row.mask = e->attention_mask;
  row.n = e->n_ids;
  g_ptr_array_add (self->encodings, e);
  g_array_append_val (self->rows, row);
}

gboolean
text_tokens_add (TextTokens *self, GtfEncoding *encoding, gboolean windows, gboolean keep_padding, GError **error)
{
  GPtrArray *more;

  if (encoding == NULL)
    return FALSE;
  more = g_steal_pointer (&encoding->overflowing);
  add_row (self, encoding, keep_padding);
  for (guint i = 0; windows && more && i < more->len; i++)
    {
      add_row (self, more->pdata[i], keep_padding);
      more->pdata[i] = NULL;
    }
  if (more)
    {
      if (windows)
        g_ptr_array_set_free_func (more, NULL);
      g_ptr_array_unref (more);
    }
  return TRUE;
}

gboolean
text_tokens_add_text (TextTokens *self, TextModel *model, const char *text, const char *pair, const char *kwargs, GError **error)
{
  return text_tokens_add (self, gtf_tokenizer_encode (model->tokenizer, text, pair, kwargs, error), FALSE, FALSE, error);
}

/* ---- characters ------------------------------------------------------------------------------------------------------------ */

gboolean
text_chars_init (TextChars *self, const char *text, GError **error)
{
  gsize n = 0;

  *self = (TextChars) { .text = text, .length = strlen (text) };
  for (gsize i = 0; i < self->length; i++)
    n += ((guchar) text[i] & 0xC0) != 0x80;
  self->n_chars = n;
  if (n == self->length)
    return TRUE;
  self->starts = self->length < G_MAXUINT32 ? g_try_new (guint32, n + 1) : NULL;
  if (self->starts == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "inputs: no memory for a text of %zu bytes", self->length);
      return FALSE;
    }
  n = 0;
  for (gsize i = 0; i < self->length; i++)
    if (((guchar) text[i] & 0xC0) != 0x80)
      self->starts[n++] = (guint32) i;
  self->starts[n] = (guint32) self->length;
  return TRUE;
}

void
text_chars_clear (TextChars *self)
{
  g_clear_pointer (&self->starts, g_free);
}

char *
text_chars_slice (const TextChars *self, gsize begin, gsize end)
{
  end = MIN (end, self->n_chars);
  begin = MIN (begin, end);
  if (self->starts)
    {
      begin = self->starts[begin];
      end = self->starts[end];
    }
  return g_strndup (self->text + begin, end - begin);
}
