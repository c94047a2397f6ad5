/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tokenizer's parts, and how it is read. After loading nothing in it changes but the list of idle workers (memory for one
 * encode call each, with a cache of words), so that threads share one tokenizer.
 */
#pragma once

#include "text/added-tokens.h"
#include "text/model.h"
#include "text/passes.h"
#include "text/rows.h"
#include "text/word-cache.h"

G_BEGIN_DECLS

struct _GtfTokenizer
{
  GObject parent_instance;
  char *directory, *where;             /* where: the file that errors about its parts name */
  GtfTextModel *model;
  GtfAddedTokens added;
  GtfPass *normalizer, *pre_tokenizer;
  GtfPostProcessor *post_processor;
  GtfDecoder *decoder;
  GHashTable *roles;                   /* "eos_token" -> content */
  gboolean clean_up, pad_left, truncate_left;
  gint64 max_length;                   /* model_max_length, or 0: none */
  gint32 pad_type;
  GMutex lock;
  GPtrArray *idle;
};

/* tokenizer.json, read into @self. */
gboolean gtf_tokenizer_read_json  (GtfTokenizer *self, const char *path, GError **error);
/* vocab.json with merges.txt. */
gboolean gtf_tokenizer_read_vocab (GtfTokenizer *self, const char *vocab_path, const char *merges_path, GError **error);
/* tokenizer_config.json, special_tokens_map.json, added_tokens.json. */
gboolean gtf_tokenizer_read_config (GtfTokenizer *self, gboolean has_json, GError **error);
/* An added token; @id -1: that of the vocabulary, or the next free one. */
gboolean gtf_tokenizer_add_token  (GtfTokenizer *self, GtfAddedToken *token, GError **error);
/* After the last token: their normalised forms, the tries. */
gboolean gtf_tokenizer_seal       (GtfTokenizer *self, GError **error);
gboolean gtf_tokenizer_fit        (GtfTokenizer *self, GPtrArray *segments, JsonObject *parameters, gboolean add_special, gint64 *pad_to, gboolean *pad_left, GError **error);

G_END_DECLS
