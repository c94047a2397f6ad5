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
#include "text/user-pieces.h"
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
  gboolean python;                     /* the reference runs the class in Python, where an empty second text is one all the same */
  gboolean clean_up_set;               /* calls do not choose clean_up */
  gboolean clean_up, never_clean_up, pad_left, truncate_left;
  gboolean trims;                      /* a post-processor moves offsets past white space */
  gboolean language_codes;             /* ">>xx<<" before a text is a token */
  gint32 eos_once;                     /* not put behind a text that ends with it; -1: put there in any case */
  char *special_gap;                   /* nullable: special tokens are not decoded with the text around them, and each has this behind it */
  gboolean special_lead;               /* with special_gap: a space before the text that a special token ends, also if that is empty, but not between two special tokens */
  gboolean special_ends;               /* with special_gap: white space at both ends of the whole result is kept; else it is stripped */
  gboolean grouped;                    /* of equal ids in a row one is decoded, and padding is not, as CTC has it */
  gboolean blanks;                     /* the token of id 0 stands around each token */
  gint32 empty_id;                     /* what a text without a letter or digit becomes; -1: nothing in particular */
  gboolean drop_first;                 /* the normalizer puts a character before each text, the token of which is left out */
  GtfUserPieces user_pieces;
  GPtrArray *features;                 /* nullable: what a model is told of each token (token-features.c) */
  char *refused;                       /* nullable: why no text can be encoded */
  GtfTokenizer *source;                /* nullable: this is the target side of that one (borrowed), whose ids the added tokens have */
  GtfTokenizer *target;                /* nullable: the target side, once it was asked for */
  JsonObject *model_config;            /* nullable: what counts in place of a config.json, which the folder of a side does not have */
  JsonObject *target_config;           /* nullable: the target side's */
  char *target_directory;              /* nullable: where the target side is read from; NULL: it has none of its own */
  gboolean target_decodes;             /* ids are those of the target side's vocabulary */
  gboolean target_reads;               /* texts to be written are for the target side */
  gint64 max_length;                   /* model_max_length, or 0: none */
  gint32 pad_type;
  GMutex lock;
  GPtrArray *idle;
};

/* The tokenizer.json at @path, and what tokenizer_config.json and special_tokens_map.json add to it. */
gboolean gtf_tokenizer_read (GtfTokenizer *self, const char *path, GError **error);
/* Whatever files its folder has. */
gboolean gtf_tokenizer_read_folder (GtfTokenizer *self, GError **error);
/* A tokenizer. @source: (nullable): it is the target side of that one, out of the same folder. @model_config: (nullable): what counts in place of config.json. */
GtfTokenizer *gtf_tokenizer_load_side (const char *directory, GtfTokenizer *source, JsonObject *model_config, GError **error);

/* The parts of a tokenizer.json but its model; each may be NULL. */
typedef struct { JsonNode *normalizer, *pre_tokenizer, *post_processor, *decoder, *version, *truncation, *padding; GtfJsonReader added; gboolean has_added; } GtfTokenizerParts;
gboolean gtf_tokenizer_build_parts (GtfTokenizer *self, const GtfTokenizerParts *parts, const char *path, GError **error);

/* tokenizer_config.json: what is not about tokens; added_tokens_decoder. @config may be NULL for the second. */
void     gtf_tokenizer_read_settings       (GtfTokenizer *self, JsonObject *config);
gboolean gtf_tokenizer_read_decoder_tokens (GtfTokenizer *self, JsonObject *config, const char *path, GError **error);
/* The target side, or @self where there is none of its own. */
GtfTokenizer *gtf_tokenizer_get_other_side (GtfTokenizer *self, GError **error);
/* A file of the folder: where it is missing, NULL without an error. */
gboolean gtf_tokenizer_load_object         (GtfTokenizer *self, const char *name, char **path, JsonObject **out, GError **error);
gboolean gtf_tokenizer_has_role            (GtfTokenizer *self, const char *content);
/* A token as a string, or as an object with "content": that content, borrowed; NULL if it is neither. */
const char    *gtf_token_content           (JsonNode *node);
GtfAddedToken *gtf_added_token_from_json   (JsonObject *object, const char *where, GError **error);
/* Those of an array that @reader stands before. NULL: not all is in order. */
GPtrArray *gtf_added_tokens_read           (GtfJsonReader *reader);
/* An added token; @id -1: that of the vocabulary, or the next free one. */
gboolean gtf_tokenizer_add_token  (GtfTokenizer *self, GtfAddedToken *token, GError **error);
/* A GtfCutFunc pass; data is self: makes a token of what holds no value. */
gboolean gtf_tokenizer_cut_empty  (gpointer self, GtfPieces *pieces, const GtfPiece *piece, GError **error);
/* After the last token: their normalised forms, the tries. */
gboolean gtf_tokenizer_seal       (GtfTokenizer *self, GError **error);
/* The arguments of a call; without any they are one empty object for all calls. @parsed: to be unreferenced. */
JsonObject *gtf_tokenizer_read_options (const char *parameters, JsonObject **parsed, GError **error);
/* Of `idle`: what tokenizer-encode.c keeps from call to call. */
void     gtf_tokenizer_worker_free (gpointer worker);
gboolean gtf_tokenizer_fit        (GtfTokenizer *self, GPtrArray *segments, JsonObject *parameters, gboolean add_special, gint64 *pad_to, gboolean *pad_left, GError **error);

G_END_DECLS
