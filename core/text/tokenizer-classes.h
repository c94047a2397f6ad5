/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What transformers' tokenizer classes make of a repository without tokenizer.json: data, one row a class. A row is a
 * template of the tokenizer.json that the class amounts to; conversion.c fills it in.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* Whether token_type_ids are among the model_input_names of the class: transformers 5 says so of few, 4.57 of all but some. And
 * whether attention_mask is, as it is nearly always. */
typedef enum
{
  GTF_TOKEN_TYPES = 1 << 0,
  GTF_NO_TOKEN_TYPES_457 = 1 << 1,
  GTF_NO_ATTENTION_MASK = 1 << 2
} GtfTokenTypes;

typedef struct
{
  const char *name;             /* without the suffix Fast */
  const char *like;             /* nullable: the class whose members it has, where it has none of its own */
  const char *files;            /* nullable: where the vocabulary is; "": the class needs none */
  const char *model_types;      /* nullable: what has this class where nothing names one */
  const char *json;             /* nullable */
  GtfTokenTypes token_types;    /* the class's own, not that of the class it is like */
} GtfTokenizerRow;

/* NULL where there is none. Fast or not is the same. */
const GtfTokenizerRow *gtf_tokenizer_row_find      (const char *name);
const GtfTokenizerRow *gtf_tokenizer_row_for_model (const char *model_type);
/* Its repositories are known to name a wrong class. */
gboolean                 gtf_tokenizer_row_is_misnamed (const char *model_type);
/* A tokenizer.model of its repositories is read without any class, though they may name one. */
gboolean                 gtf_tokenizer_row_is_generic  (const char *model_type);
/* A part that several classes share, which templates name "$part". NULL where there is none. */
const char              *gtf_tokenizer_part_find       (const char *name);
/* Whether the folder has a file that a tokenizer may be made from: tokenizer.json, or the vocabulary of any class. */
GTF_API gboolean       gtf_tokenizer_is_in           (const char *directory);

G_END_DECLS
