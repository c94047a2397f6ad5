/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of a conversion share: conversion.c chooses the class, conversion-model.c reads its files into a model,
 * conversion-tokens.c adds the special tokens.
 */
#pragma once

#include "text/conversion.h"
#include "text/template.h"
#include "text/tokenizer-classes.h"
#include "text/vocab-files.h"

G_BEGIN_DECLS

typedef struct
{
  GtfTokenizer *tokenizer;
  const GtfTokenizerRow *klass;
  JsonObject *config, *special_map, *added, *model_config;      /* the repository's files, each may be NULL */
  char *config_path, *special_map_path, *added_path, *model_config_path, *vocab_path;
  GtfSpm *spm;
  gboolean tiktoken;            /* the file is tiktoken's */
  GHashTable *kept;             /* contents of added_tokens_decoder or added_tokens.json: what comes later does not change their flags */
  GtfTemplate template;
} GtfConversion;

/* A member that is a string, or NULL. @object may be NULL. */
const char *gtf_conversion_string     (JsonObject *object, const char *key);
/* Where the class's vocabulary is; "": it needs none. */
const char *gtf_conversion_files      (const GtfTokenizerRow *klass);

/* What a SentencePiece model says of itself, as values of the template; what added_tokens_decoder calls its pieces. */
void        gtf_conversion_read_facts (GtfConversion *c);
void        gtf_conversion_rename_pieces (GtfConversion *c);
/* The model of the class, out of its files. */
gboolean    gtf_conversion_read_model (GtfConversion *c, GError **error);

/* Which token has which role, before the template is filled in. */
void        gtf_conversion_set_roles  (GtfConversion *c);
/* What the tokenizer tells of each token beside its id; after the tokens. */
gboolean    gtf_conversion_read_features (GtfConversion *c, GError **error);
/* All added tokens, in the order in which transformers adds them; after the model. */
gboolean    gtf_conversion_add_tokens (GtfConversion *c, GError **error);

G_END_DECLS
