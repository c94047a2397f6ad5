/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The part of a tokenizer that makes tokens of a piece of text: BPE, WordPiece, WordLevel, Unigram. Each kind is a file of
 * its own and a row of the table in models.c. A model does not change once it is built; what it needs while it works is in a
 * scratch of the caller's.
 */
#pragma once

#include "base/json-reader.h"
#include "text/pieces.h"
#include "text/vocab.h"

G_BEGIN_DECLS

/* A token inside its piece: bytes begin ... end. */
typedef struct { gint32 id; guint32 begin, end; } GtfToken;

typedef struct { GtfToken *tokens; gsize n, room; gboolean no_memory; } GtfTokens;
void gtf_tokens_grow (GtfTokens *self);
static inline void
gtf_tokens_add (GtfTokens *self, gint32 id, gsize begin, gsize end)
{
  if (G_UNLIKELY (self->n == self->room))
    gtf_tokens_grow (self);
  if (G_LIKELY (self->n < self->room))
    self->tokens[self->n++] = (GtfToken) { id, begin, end };
}

/* Working memory of a model, kept from piece to piece. */
typedef struct { gpointer memory; gsize room; } GtfModelScratch;
gpointer gtf_model_scratch_get (GtfModelScratch *self, gsize size);      /* NULL: no memory */

typedef struct { gint32 left, right, made; } GtfMerge;

typedef struct _GtfTextModel GtfTextModel;

typedef struct
{
  const char *type;
  gsize size;
  gboolean (*build)    (GtfTextModel *self, GError **error);             /* after the settings and the vocabulary are read */
  gboolean (*tokenize) (const GtfTextModel *self, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error);
  void     (*clear)    (GtfTextModel *self);
  /* (nullable): the end of the part that begins at @at and can be tokenized by itself, with the same tokens. */
  gsize    (*part_end) (const GtfTextModel *self, const char *text, gsize length, gsize at);
  /* (nullable): how a token is spelled, where several are spelled alike and the vocabulary has other names; NULL: there is none of this id. */
  const char *(*spell) (const GtfTextModel *self, gint32 id);
} GtfTextModelClass;

struct _GtfTextModel
{
  const GtfTextModelClass *klass;
  char *file;                        /* for error messages */
  GtfVocab vocab;
  double *scores;                    /* Unigram: by id */
  gsize n_scores, scores_room;
  GtfMerge *merges;                  /* BPE: by rank */
  gsize n_merges, merges_room;
  char *unk_token, *prefix, *suffix;
  gint64 unk_id, max_chars;
  gboolean fuse_unk, byte_fallback, ignore_merges;
};

/* @reader stands before the value of "model". */
GtfTextModel *gtf_text_model_read      (GtfJsonReader *reader, GError **error);
/* By hand, for repositories without tokenizer.json: new, add tokens and merges, build. */
GtfTextModel *gtf_text_model_new       (const char *type, const char *file, GError **error);
/* Of no type yet. */
GtfTextModel *gtf_text_model_new_blank (const char *file);
gboolean      gtf_text_model_set_type  (GtfTextModel *self, const char *type, GError **error);
/* Takes @inner, which is built: pieces cut by it, ids as @file has them. */
GtfTextModel *gtf_text_model_new_mapped (GtfTextModel *inner, const char *file, const char *unk_token);
/* Byte pairs in the form of subword-nmt ("ri@@ ver"): add the vocabulary's tokens and the codes ("v", "er</w>"), build. */
GtfTextModel *gtf_text_model_new_continued (const char *file, const char *unk_token, gboolean ends_marked);
gboolean      gtf_text_model_add_code  (GtfTextModel *self, const char *a, gsize n_a, const char *b, gsize n_b, GError **error);
/* Whether a model that is mapped knows the piece inside; any other says yes. */
gboolean      gtf_text_model_has_piece (const GtfTextModel *self, const char *text, gsize length);
/* A GtfCutFunc; data is a mapped a model: ">>xx<<" at the beginning of a piece is one token, the unknown one where there is none. */
gboolean      gtf_text_model_cut_code  (gpointer model, GtfPieces *pieces, const GtfPiece *piece, GError **error);
gboolean      gtf_text_model_add       (GtfTextModel *self, const char *token, gsize length, gint64 id, GError **error);
/* Many at once are faster; their ids are known to be in bounds. */
gboolean      gtf_text_model_add_all   (GtfTextModel *self, GtfVocabQuery *tokens, gsize n, GError **error);
/* @pairs: 2 n tokens, two for each merge. Many at once are faster. */
gboolean      gtf_text_model_add_merges (GtfTextModel *self, GtfVocabQuery *pairs, gsize n, GError **error);
/* Unigram: with the next id. */
gboolean      gtf_text_model_add_scored (GtfTextModel *self, const char *token, gsize length, double score, GError **error);
gboolean      gtf_text_model_add_merge_ids (GtfTextModel *self, gint32 left, gint32 right, gint32 made, GError **error);
gboolean      gtf_text_model_build     (GtfTextModel *self, GError **error);
void          gtf_text_model_free      (GtfTextModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfTextModel, gtf_text_model_free)

/* How a token is spelled; NULL: there is none of this id. */
static inline const char *
gtf_text_model_token (const GtfTextModel *self, gint32 id, gsize *length)
{
  const char *text = self->klass->spell ? self->klass->spell (self, id) : NULL;
  if (self->klass->spell && length)
    *length = text ? strlen (text) : 0;
  return self->klass->spell ? text : gtf_vocab_token (&self->vocab, id, length);
}

/* The id of "<0xNN>", or -1. */
gint32        gtf_text_model_byte_id   (const GtfTextModel *self, guint8 byte);

extern const GtfTextModelClass gtf_text_model_bpe, gtf_text_model_wordpiece, gtf_text_model_wordlevel, gtf_text_model_unigram;

G_END_DECLS
