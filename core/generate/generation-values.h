/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fields of a generation config and how their values are read.
 */
#pragma once

#include "generate/generation-config.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_FIELD_INT,
  GTF_FIELD_FLOAT,
  GTF_FIELD_BOOL,
  GTF_FIELD_IDS,            /* an id or a list of ids */
  GTF_FIELD_EARLY_STOPPING, /* a bool or "never" */
  GTF_FIELD_STRINGS,        /* a string or a list of strings */
  GTF_FIELD_WORDS,          /* [[id, ...], ...] */
  GTF_FIELD_BIAS,           /* [[[id, ...], float], ...] */
  GTF_FIELD_DECAY,          /* [int, float] */
  GTF_FIELD_NEUTRAL,        /* only null and the one value that changes nothing: `fallback` */
  GTF_FIELD_IGNORED         /* changes nothing here: how the reference computes, or what it returns beside the ids */
} GtfFieldType;

typedef struct
{
  const char *name;
  GtfFieldType type;
  gsize offset;
  double minimum, maximum;
  double fallback;      /* where no file says anything */
  double unset;         /* null in a request */
} GtfField;

void gtf_token_ids_free (gpointer word);
void gtf_sequence_bias_free (gpointer bias);

/* @where: the file or "generate_kwargs", for messages. A list replaces the one that was there. */
gboolean gtf_field_read_number (const char *where, const GtfField *field, JsonNode *node, gboolean integer, double *value, GError **error);
gboolean gtf_field_read_bool (const char *where, const char *name, JsonNode *node, gboolean *value, GError **error);
gboolean gtf_field_read_ids (const char *where, const GtfField *field, JsonNode *node, gboolean single, GtfTokenIds *ids, GError **error);
gboolean gtf_field_read_strings (const char *where, const char *name, JsonNode *node, GStrv *strings, GError **error);
gboolean gtf_field_read_words (const char *where, const GtfField *field, JsonNode *node, GPtrArray **words, GError **error);
gboolean gtf_field_read_bias (const char *where, const GtfField *field, JsonNode *node, GPtrArray **biases, GError **error);
gboolean gtf_field_read_decay (GtfGenerationConfig *self, const char *where, const GtfField *field, JsonNode *node, GError **error);
gboolean gtf_field_read_early_stopping (const char *where, const char *name, JsonNode *node, GtfEarlyStopping *value, GError **error);
gboolean gtf_field_read_neutral (const char *where, const GtfField *field, JsonNode *node, GError **error);

G_END_DECLS
