/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models out of the files that are older than tokenizer.json.
 */
#pragma once

#include "text/model.h"
#include "text/sentencepiece.h"

G_BEGIN_DECLS

typedef gboolean (*GtfVocabLine) (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error);
/* Calls @line for each line of a file of at most @max bytes, without its end; a \r before it goes too, and so does nothing behind the last end. */
gboolean gtf_vocab_each_line        (GtfTextModel *self, const char *path, gsize max, GtfVocabLine line, GError **error);

/* One token a line, the id is the number of the line. */
gboolean gtf_text_model_read_lines  (GtfTextModel *self, const char *path, GError **error);
/* vocab.json: {token: id}, or {language: {token: id}}, of which @member (nullable) is read. */
gboolean gtf_text_model_read_ids    (GtfTextModel *self, const char *path, const char *member, GError **error);
/* merges.txt: two tokens a line, after the vocabulary. */
gboolean gtf_text_model_read_merges (GtfTextModel *self, const char *path, GError **error);
/* The codes of a model of gtf_text_model_new_continued(): two tokens a line. */
typedef enum
{
  GTF_CODES_HEADED,       /* the first line is no code */
  GTF_CODES_COUNTED,      /* a line has their count, too */
  GTF_CODES_LOOSE         /* whatever else a line has does not count, nor a line without two */
} GtfCodes;
gboolean gtf_text_model_read_codes  (GtfTextModel *self, const char *path, GtfCodes form, GError **error);
/* "token count" a line, with the next ids. */
gboolean gtf_text_model_read_counted (GtfTextModel *self, const char *path, GError **error);
/* A line begins with a token; white space ends it, and what follows on the line is not read. They get the next ids. */
gboolean gtf_text_model_read_words  (GtfTextModel *self, const char *path, GError **error);
/* tiktoken's file: a line has the bytes of a token as base64 and its id. The merges are all that two tokens make, by what they make. */
gboolean gtf_text_model_read_tiktoken (GtfTextModel *self, const char *path, GError **error);
/* Whether the file begins like one. */
gboolean gtf_is_tiktoken             (const char *path);

/* What a class puts around the pieces of a SentencePiece model. */
typedef enum
{
  GTF_SPM_IN_A_ROW,      /* before, pieces, after */
  GTF_SPM_FIRST_WINS,    /* a token that comes again is left out */
  GTF_SPM_HIDDEN_CONTROLS,  /* a row, in which no text has the control pieces: for models whose ids are elsewhere */
  GTF_SPM_RANKED,        /* a row, merged by the pieces' scores as the library does */
  GTF_SPM_SHIFTED        /* the first piece has id 1, whatever stands before; a piece has its own id even if it stands before too */
} GtfSpmOrder;

/* @before, @after: (nullable): strings, or [string, score]. Unigram gets scores, BPE the merges that its pieces allow. */
gboolean gtf_text_model_read_pieces (GtfTextModel *self, const GtfSpm *spm, JsonArray *before, gsize skip, JsonArray *after, GtfSpmOrder order, GError **error);

G_END_DECLS
