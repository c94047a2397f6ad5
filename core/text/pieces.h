/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A text on its way through a tokenizer: the original, its normalised form with the span of the original that each byte came
 * from, and the pieces that it has been cut into. Everything runs as passes over all pieces: a pass either cuts (the text
 * stays, gtf_pieces_cut) or rewrites (gtf_pieces_rewrite copies each piece into the other of two buffers). Spans are kept by
 * byte, but all bytes of one character have the same.
 */
#pragma once

#include <string.h>

#include "base/error.h"
#include "text/unicode.h"

G_BEGIN_DECLS

/* From so many bytes on, buffers are not kept for the next text. */
#define GTF_PIECES_KEPT ((gsize) 1 << 20)

typedef struct { guint32 begin, end; } GtfSpan;

typedef struct
{
  guint32 begin, end;      /* bytes of the normalised text */
  gint32 id;               /* of an added token, or -1: text */
  guint32 shift;           /* where it begins in the original: what is inserted before everything belongs there */
  GtfSpan span;            /* an added token: bytes of the original */
  guint16 lead, trail;     /* an added token: how many white characters it begins and ends with */
} GtfPiece;

typedef struct
{
  char *text;
  GtfSpan *span;
  gsize length, room;
} GtfBuffer;

typedef struct
{
  const char *original;
  gsize original_length;
  GtfBuffer *buffer, *spare;
  GtfPiece *pieces, *spare_pieces;
  gsize n_pieces, n_spare, pieces_room, spare_room;
  guint32 shift;           /* of the piece being rewritten */
  GtfBuffer buffers[2];
  gboolean no_memory, too_long;
} GtfPieces;

void     gtf_pieces_init  (GtfPieces *self);
void     gtf_pieces_clear (GtfPieces *self);
/* One piece, the whole of @text, which must be valid UTF-8 and stay. */
void     gtf_pieces_reset (GtfPieces *self, const char *text, gsize length);

/* After the last pass: what a long text needed for passes is given back; that of short ones is kept for the next. */
void     gtf_pieces_release_spare (GtfPieces *self);

/* Cutting: for each piece of text, @cut adds the pieces that it wants to keep with gtf_pieces_add (in order). */
typedef gboolean (*GtfCutFunc) (gpointer data, GtfPieces *self, const GtfPiece *piece, GError **error);
gboolean gtf_pieces_cut   (GtfPieces *self, GtfCutFunc cut, gpointer data, GError **error);
void     gtf_pieces_add   (GtfPieces *self, gsize begin, gsize end);           /* empty ones are dropped */
GtfPiece *gtf_pieces_add_token (GtfPieces *self, gsize begin, gsize end, gint32 id);

/* Rewriting: for each piece of text, @rewrite writes its new form with gtf_pieces_emit / _copy. */
typedef gboolean (*GtfRewriteFunc) (gpointer data, GtfPieces *self, const GtfPiece *piece, GError **error);
gboolean gtf_pieces_rewrite (GtfPieces *self, GtfRewriteFunc rewrite, gpointer data, GError **error);
void     gtf_pieces_emit_bytes (GtfPieces *self, const char *bytes, gsize n, GtfSpan span);
void     gtf_pieces_copy  (GtfPieces *self, gsize begin, gsize end);           /* bytes of the present text, with their spans */

/* For passes that write byte by byte: where the next @n bytes of the new text and their spans go, or FALSE; then gtf_pieces_wrote. */
gboolean gtf_pieces_room  (GtfPieces *self, gsize n, char **text, GtfSpan **span);
static inline void
gtf_pieces_wrote (GtfPieces *self, gsize n)
{
  self->spare->length += n;
}

static inline void
gtf_pieces_emit (GtfPieces *self, gunichar c, GtfSpan span)
{
  char bytes[4];
  gtf_pieces_emit_bytes (self, bytes, gtf_utf8_put (c, bytes), span);
}

/* The span of what is inserted before byte @at of the present text inside @piece: that of the byte before. */
static inline GtfSpan
gtf_pieces_span_before (const GtfPieces *self, const GtfPiece *piece, gsize at)
{
  if (at > piece->begin)
    return self->buffer->span[at - 1];
  return (GtfSpan) { piece->shift, piece->shift };
}

gboolean gtf_pieces_check (const GtfPieces *self, GError **error);

G_END_DECLS
