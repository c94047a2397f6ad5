/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The text between the passes of a tokenizer (pieces.h). Both buffers and both lists are kept between texts, so that a
 * tokenizer that has warmed up does not allocate.
 */
#include "text/pieces.h"

/* What passes may make of a text: a chain of replacements grows it by the product of their lengths, a few of them without end. NFKD makes 33 bytes of three, MyT5 a few dozen of one. */
#define MAX_GROWN(length) (256 * (gsize) (length) + (1 << 20))

void
gtf_pieces_init (GtfPieces *self)
{
  memset (self, 0, sizeof *self);
  self->buffer = &self->buffers[0];
  self->spare = &self->buffers[1];
}

void
gtf_pieces_clear (GtfPieces *self)
{
  for (guint i = 0; i < 2; i++)
    {
      g_free (self->buffers[i].text);
      g_free (self->buffers[i].span);
    }
  g_free (self->pieces);
  g_free (self->spare_pieces);
}

static gboolean
make_room (GtfPieces *self, GtfBuffer *buffer, gsize more)
{
  gsize need = buffer->length + more;
  if (need <= buffer->room)
    return TRUE;
  if (need > MAX_GROWN (self->original_length))
    return self->too_long = TRUE, FALSE;
  if (need >= G_MAXINT32)
    return self->no_memory = TRUE, FALSE;
  gsize room = MAX (need, MIN (2 * buffer->room, (gsize) G_MAXINT32)) + 256;
  char *text = g_try_realloc (buffer->text, room);
  if (text)
    buffer->text = text;
  GtfSpan *span = g_try_realloc_n (buffer->span, room, sizeof *span);
  if (span)
    buffer->span = span;
  if (text == NULL || span == NULL)
    return self->no_memory = TRUE, FALSE;
  buffer->room = room;
  return TRUE;
}

static GtfPiece *
next_piece (GtfPieces *self)
{
  if (self->n_spare == self->spare_room)
    {
      gsize room = 2 * self->spare_room + 64;
      GtfPiece *pieces = g_try_realloc_n (self->spare_pieces, room, sizeof *pieces);
      if (pieces == NULL)
        return self->no_memory = TRUE, NULL;
      self->spare_pieces = pieces;
      self->spare_room = room;
    }
  return &self->spare_pieces[self->n_spare++];
}

static void
swap_pieces (GtfPieces *self)
{
  GtfPiece *pieces = self->pieces;
  gsize room = self->pieces_room;
  self->pieces = self->spare_pieces;
  self->pieces_room = self->spare_room;
  self->n_pieces = self->n_spare;
  self->spare_pieces = pieces;
  self->spare_room = room;
  self->n_spare = 0;
}

void
gtf_pieces_release_spare (GtfPieces *self)
{
  if (self->spare->room + self->spare_room < GTF_PIECES_KEPT)
    return;
  g_clear_pointer (&self->spare->text, g_free);
  g_clear_pointer (&self->spare->span, g_free);
  g_clear_pointer (&self->spare_pieces, g_free);
  self->spare->room = self->spare_room = 0;
}

void
gtf_pieces_reset (GtfPieces *self, const char *text, gsize length)
{
  self->original = text;
  self->original_length = length;
  self->no_memory = self->too_long = FALSE;
  self->n_spare = self->n_pieces = 0;
  self->buffer->length = self->spare->length = 0;
  if (!make_room (self, self->buffer, length))
    return;
  if (length > 0)       /* a buffer that never held anything is NULL */
    memcpy (self->buffer->text, text, length);
  self->buffer->length = length;
  GtfSpan *span = self->buffer->span;
  for (gsize i = 0; i < length;)
    {
      guint size = gtf_utf8_size (text[i]);
      if (size == 1)
        {
          span[i] = (GtfSpan) { i, i + 1 };
          i++;
          continue;
        }
      for (guint j = 0; j < size; j++)
        span[i + j] = (GtfSpan) { i, i + size };
      i += size;
    }
  gtf_pieces_add (self, 0, length);
  swap_pieces (self);
}

void
gtf_pieces_add (GtfPieces *self, gsize begin, gsize end)
{
  GtfPiece *piece = end > begin ? next_piece (self) : NULL;
  if (piece)
    *piece = (GtfPiece) { .begin = begin, .end = end, .id = -1, .shift = self->buffer->span[begin].begin };
}

GtfPiece *
gtf_pieces_add_token (GtfPieces *self, gsize begin, gsize end, gint32 id)
{
  GtfPiece *piece = end > begin ? next_piece (self) : NULL;
  if (piece)
    *piece = (GtfPiece) { .begin = begin, .end = end, .id = id, .shift = self->buffer->span[begin].begin,
                          .span = { self->buffer->span[begin].begin, self->buffer->span[end - 1].end } };
  return piece;
}

gboolean
gtf_pieces_cut (GtfPieces *self, GtfCutFunc cut, gpointer data, GError **error)
{
  self->n_spare = 0;
  for (gsize i = 0; i < self->n_pieces; i++)
    {
      if (self->pieces[i].id < 0)
        {
          if (!cut (data, self, &self->pieces[i], error))
            return FALSE;
          continue;
        }
      GtfPiece *piece = next_piece (self);
      if (piece)
        *piece = self->pieces[i];
    }
  swap_pieces (self);
  return gtf_pieces_check (self, error);
}

gboolean
gtf_pieces_rewrite (GtfPieces *self, GtfRewriteFunc rewrite, gpointer data, GError **error)
{
  self->spare->length = 0;
  for (gsize i = 0; i < self->n_pieces; i++)
    {
      GtfPiece *piece = &self->pieces[i];
      gsize begin = self->spare->length;
      if (piece->id >= 0)
        continue;
      if (!rewrite (data, self, piece, error))
        return FALSE;
      piece->begin = begin;
      piece->end = self->spare->length;
    }
  GtfBuffer *old = self->buffer;
  self->buffer = self->spare;
  self->spare = old;
  return gtf_pieces_check (self, error);
}

gboolean
gtf_pieces_room (GtfPieces *self, gsize n, char **text, GtfSpan **span)
{
  if (!make_room (self, self->spare, n))
    return FALSE;
  *text = self->spare->text + self->spare->length;
  *span = self->spare->span + self->spare->length;
  return TRUE;
}

void
gtf_pieces_emit_bytes (GtfPieces *self, const char *bytes, gsize n, GtfSpan span)
{
  GtfBuffer *out = self->spare;
  if (!make_room (self, out, n))
    return;
  for (gsize i = 0; i < n; i++)
    {
      out->text[out->length + i] = bytes[i];
      out->span[out->length + i] = span;
    }
  out->length += n;
}

void
gtf_pieces_copy (GtfPieces *self, gsize begin, gsize end)
{
  GtfBuffer *out = self->spare;
  if (end <= begin || !make_room (self, out, end - begin))
    return;
  memcpy (out->text + out->length, self->buffer->text + begin, end - begin);
  memcpy (out->span + out->length, self->buffer->span + begin, (end - begin) * sizeof (GtfSpan));
  out->length += end - begin;
}

gboolean
gtf_pieces_check (const GtfPieces *self, GError **error)
{
  if (!self->no_memory && !self->too_long)
    return TRUE;
  if (self->too_long)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "text: the tokenizer's normalizer or pre_tokenizer makes more than %" G_GSIZE_FORMAT " bytes of %" G_GSIZE_FORMAT ": a replacement that grows without end",
                 MAX_GROWN (self->original_length), self->original_length);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory to tokenize %" G_GSIZE_FORMAT " bytes", self->original_length);
  return FALSE;
}
