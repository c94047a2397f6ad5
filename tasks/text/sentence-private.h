/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One vector a text, as sentence-transformers defines it: the modules that modules.json lists after the transformer.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* ---- pooling.c ---------------------------------------------------------------------------------------------------------------- */

/* In the order in which the library joins several of them. */
typedef enum
{
  POOL_CLS,
  POOL_MAX,
  POOL_MEAN,
  POOL_MEAN_SQRT_LEN,
  POOL_WEIGHTED_MEAN,
  POOL_LAST_TOKEN,
  N_POOLS
} Pool;

typedef struct
{
  Pool modes[N_POOLS];
  guint n_modes;
  gboolean include_prompt;
} Pooling;

/* "mean", "cls", ... or a list of them. */
gboolean pooling_parse   (Pooling *self, JsonNode *node, const char *where, GError **error);
/* A Pooling module's config.json, with pooling_mode or the older pooling_mode_..._tokens. */
gboolean pooling_read    (Pooling *self, JsonObject *config, const char *path, GError **error);
/* Tokens [rows][cols] of one text -> n_modes * cols; the first @prompt tokens do not count. */
void     pooling_apply   (const Pooling *self, const TextSlice *tokens, gsize prompt, float *out);

/* ---- sentence-modules.c ------------------------------------------------------------------------------------------------------- */

typedef enum { SENTENCE_DENSE, SENTENCE_NORM, SENTENCE_NORMALIZE } SentenceModuleKind;

typedef struct
{
  SentenceModuleKind kind;
  char *path;                   /* of its folder, for messages */
  gsize in, out;
  float *weight, *bias;         /* dense [out][in], [out]; norm [in], [in]; bias NULL: none */
  float *residual;              /* [out][in]; NULL with `adds_input`: the input itself */
  gboolean adds_input;
  GtfActivation activation;
} SentenceModule;

void     sentence_module_free (SentenceModule *self);
/* @folder holds config.json and model.safetensors. */
SentenceModule *sentence_dense_load (const char *folder, GError **error);
SentenceModule *sentence_norm_load  (const char *folder, GError **error);
/* @x of *n values, with room for what comes out, which the module says. */
gboolean sentence_module_apply (const SentenceModule *self, float **x, gsize *n, GError **error);
/* "torch.nn.modules.activation.Tanh" */
gboolean sentence_activation_parse (const char *name, GtfActivation *activation);
float    sentence_activate (GtfActivation activation, float x);
/* Unit length, in place. */
void     sentence_normalize (float *x, gsize n);

/* ---- sentence.c --------------------------------------------------------------------------------------------------------------- */

typedef enum { SIMILARITY_COSINE, SIMILARITY_DOT, SIMILARITY_EUCLIDEAN, SIMILARITY_MANHATTAN } Similarity;

typedef struct
{
  TextModel *model;
  Pooling pooling;
  GPtrArray *modules;           /* SentenceModule, after the pooling */
  gint64 max_length;            /* in tokens; 0: no bound */
  gboolean do_lower_case;
  JsonObject *prompts;          /* (nullable) */
  char *default_prompt;         /* (nullable): its name */
  Similarity similarity;
} SentenceModel;

SentenceModel *sentence_model_new  (GtfTask *task, const char *name, GError **error);
void           sentence_model_free (SentenceModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SentenceModel, sentence_model_free)

/* What a request may change. */
typedef struct
{
  Pooling pooling;
  gboolean normalize;
  gint64 dimensions;            /* 0: all */
  const char *prompt;           /* NULL: none */
} SentenceOptions;

gboolean sentence_options_read (SentenceOptions *self, const SentenceModel *model, JsonObject *parameters, GError **error);

typedef struct
{
  gsize n, dimensions;
  float **vectors;
} SentenceVectors;

void     sentence_vectors_clear (SentenceVectors *self);
gboolean sentence_encode (SentenceModel *self, const SentenceOptions *options, const char *const *texts, gsize n, SentenceVectors *vectors, GCancellable *cancellable, GError **error);
double   sentence_similarity (Similarity similarity, const float *a, const float *b, gsize n);
gboolean similarity_parse (const char *name, Similarity *similarity);
/* How many tokens a text may have: what sentence_bert_config.json says, else what tokenizer and model take. */
gboolean sentence_max_length (TextModel *model, const char *folder, gint64 *max_length, gboolean *do_lower_case, GError **error);

#define SENTENCE_PARAMETERS \
  { "normalize", "bool", "false", "vectors of length 1, whatever the repository's modules say", 0, 0 }, \
  { "pooling", "string or list", "null", "cls, max, mean, mean_sqrt_len, weightedmean, lasttoken, or several of them joined; null: as the repository says, else mean", 0, 0 }, \
  { "dimensions", "int", "null", "only the first so many numbers of each vector (Matryoshka)", 0, 0 }, \
  { "prompt_name", "string", "null", "which of the repository's prompts is put before each text; null: its default_prompt_name", 0, 0 }, \
  { "prompt", "string", "null", "what is put before each text, instead of one of the repository's prompts", 0, 0 }

G_END_DECLS
