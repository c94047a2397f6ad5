/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normalizers and pre-tokenizers: each is a pass over the pieces of a text (pieces.h), a small struct with a row in the table
 * of its kind (normalizers.c, pre-tokenizers.c).
 */
#pragma once

#include "base/params.h"
#include "text/pieces.h"
#include "text/regex.h"

G_BEGIN_DECLS

typedef struct _GtfPass GtfPass;

typedef struct
{
  const char *type;
  gsize size;
  gboolean (*init)  (GtfPass *self, JsonObject *config, const char *where, GError **error);
  gboolean (*apply) (GtfPass *self, GtfPieces *pieces, GError **error);
  void     (*clear) (GtfPass *self);
} GtfPassClass;

struct _GtfPass { const GtfPassClass *klass; };

/* @node null gives NULL without an error. @where: "FILE: normalizer". */
GtfPass *gtf_normalizer_new    (JsonNode *node, const char *where, GError **error);
GtfPass *gtf_pre_tokenizer_new (JsonNode *node, const char *where, GError **error);
/* From a table that ends with a row of NULL. */
GtfPass *gtf_pass_new          (const GtfPassClass *table, JsonNode *node, const char *where, GError **error);
gboolean gtf_pass_apply        (GtfPass *self, GtfPieces *pieces, GError **error);     /* NULL does nothing */
void     gtf_pass_free         (GtfPass *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfPass, gtf_pass_free)

/* Sequence of either kind. */
typedef struct { GtfPass parent; GPtrArray *passes; } GtfPassSequence;
gboolean gtf_pass_sequence_apply (GtfPass *self, GtfPieces *pieces, GError **error);
void     gtf_pass_sequence_clear (GtfPass *self);
gboolean gtf_pass_sequence_init  (GtfPass *self, JsonObject *config, const char *key, const char *where,
                                  GtfPass *(*make) (JsonNode *, const char *, GError **), GError **error);

/* A GtfRewriteFunc: each byte as its character of GPT-2's alphabet. */
gboolean gtf_pass_byte_level (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error);

/* The member "pattern": {"String": ..} or {"Regex": ..}. */
GtfRegex *gtf_pass_pattern (JsonObject *config, const char *where, GError **error);
/* What all parts have in common: members that are true or false are nothing else (null is not there). */
gboolean  gtf_pass_check   (JsonObject *config, const char *where, GError **error);
gboolean  gtf_pass_flag    (JsonObject *config, const char *key, gboolean fallback);
/* A member that must be there and be a string; borrowed. */
const char *gtf_pass_string (JsonObject *config, const char *key, const char *where, GError **error);
char     *gtf_pass_text    (JsonObject *config, const char *key, const char *fallback, const char *where, GError **error);

/* Cutting at matches, with the reference's behaviours. */
typedef enum { GTF_SPLIT_REMOVED, GTF_SPLIT_ISOLATED, GTF_SPLIT_MERGED_WITH_PREVIOUS, GTF_SPLIT_MERGED_WITH_NEXT, GTF_SPLIT_CONTIGUOUS, GTF_SPLIT_BAD } GtfSplit;
GtfSplit  gtf_split_parse  (const char *name);
/* @matches: spans relative to the piece, in order. */
void      gtf_split_matches (GtfPieces *pieces, const GtfPiece *piece, const GArray *matches, GtfSplit behaviour, gboolean invert);

G_END_DECLS
