/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A SentencePiece model (spiece.model, tokenizer.model, source.spm ...): a protobuf message, of which this reads the pieces and
 * what the trainer and the normalizer left of their settings (sentencepiece_model.proto of google/sentencepiece names the fields).
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_SPM_NORMAL = 1,
  GTF_SPM_UNKNOWN,
  GTF_SPM_CONTROL,
  GTF_SPM_USER_DEFINED,
  GTF_SPM_UNUSED,
  GTF_SPM_BYTE
} GtfSpmType;

typedef enum { GTF_SPM_UNIGRAM = 1, GTF_SPM_BPE, GTF_SPM_WORD, GTF_SPM_CHAR } GtfSpmAlgorithm;

/* Points into the file; no NUL at its end. */
typedef struct { const char *text; gsize length; float score; GtfSpmType type; } GtfSpmPiece;

typedef struct
{
  char *name, *data;                   /* the file */
  gsize n_data;
  GtfSpmPiece *pieces;
  gsize n_pieces, pieces_room;
  GtfSpmAlgorithm algorithm;
  gint32 unk_id, bos_id, eos_id, pad_id;      /* -1: there is none */
  char *unk_piece, *bos_piece, *eos_piece, *pad_piece;
  const char *charsmap;                /* borrowed; NULL: none */
  gsize n_charsmap;
  gboolean byte_fallback, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces, whitespace_as_suffix;
} GtfSpm;

GtfSpm *gtf_spm_load  (const char *path, GError **error);
/* Takes @data, which g_free() must be able to free. @name is for messages. */
GtfSpm *gtf_spm_parse (const char *name, char *data, gsize length, GError **error);
void    gtf_spm_free  (GtfSpm *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfSpm, gtf_spm_free)

G_END_DECLS
