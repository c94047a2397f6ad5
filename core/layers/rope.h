/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rotary positions as config.json describes them: `rope_parameters` of transformers 5, `rope_scaling` and `rope_theta` of transformers 4,
 * of every rope_type: default, linear, dynamic, yarn, longrope, llama3, proportional.
 */
#pragma once

#include "layers/text-input.h"
#include "registry/plugin.h"
#include "tensor/positions.h"

G_BEGIN_DECLS

/* Part of a family's config, once for each kind of layers that has bases of its own. 0: the file does not say. */
typedef struct
{
  const char *type;
  double theta, factor, partial, attention_factor, beta_fast, beta_slow, mscale, mscale_all_dim, low_frequency, high_frequency;
  gint64 original;                      /* positions that the model was trained for at first */
  gboolean truncate;
  const char *short_factors, *long_factors;
  /* by gtf_rope_derive () */
  gint64 dims, n_positions;
} GtfRope;

#define GTF_ROPE_KEY(at, key) at key "|rope_scaling." key
/* `at`: where they stand in transformers 5, with a dot at the end; `thetas`: where else the base may be. `truncate` does not
 * depend on `at`: for YaRN the reference (5.24) reads it of config.rope_parameters, also where those of each kind of layers lie one deeper. A family whose text
 * model has a config of its own inside adds a field for that. */
#define GTF_ROPE_FIELDS(Struct, field, at, thetas, theta_default)                                                                  \
  GTF_CONFIG_STRING_FIELD (Struct, field.type, at "rope_type|" at "type|rope_scaling.rope_type|rope_scaling.type", "default"),     \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.theta, at "rope_theta|" thetas, 1e-6, 1e12, theta_default),                                \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.factor, GTF_ROPE_KEY (at, "factor"), 1e-6, 1e6, 0),                                        \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.partial, GTF_ROPE_KEY (at, "partial_rotary_factor") "|partial_rotary_factor", 0, 1, 1),    \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.attention_factor, GTF_ROPE_KEY (at, "attention_factor"), 0, 1e6, 0),                       \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.beta_fast, GTF_ROPE_KEY (at, "beta_fast"), 0, 1e6, 0),                                     \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.beta_slow, GTF_ROPE_KEY (at, "beta_slow"), 0, 1e6, 0),                                     \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.mscale, GTF_ROPE_KEY (at, "mscale"), 0, 1e6, 0),                                           \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.mscale_all_dim, GTF_ROPE_KEY (at, "mscale_all_dim"), 0, 1e6, 0),                           \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.low_frequency, GTF_ROPE_KEY (at, "low_freq_factor"), 1e-6, 1e6, 1),                        \
  GTF_CONFIG_FLOAT_FIELD (Struct, field.high_frequency, GTF_ROPE_KEY (at, "high_freq_factor"), 1e-6, 1e6, 4),                      \
  GTF_CONFIG_INT_FIELD (Struct, field.original, GTF_ROPE_KEY (at, "original_max_position_embeddings"), 2, 1 << 30, 0),             \
  GTF_CONFIG_BOOL_FIELD (Struct, field.truncate, "rope_parameters.truncate|rope_scaling.truncate", TRUE),                          \
  GTF_CONFIG_LIST_FIELD (Struct, field.short_factors, GTF_ROPE_KEY (at, "short_factor")),                                          \
  GTF_CONFIG_LIST_FIELD (Struct, field.long_factors, GTF_ROPE_KEY (at, "long_factor"))

/* For `derive`: heads of so many features, max_position_embeddings. */
GTF_API gboolean   gtf_rope_derive (GtfRope *rope, gint64 dims, gint64 n_positions, GError **error);
/* The table for all texts of @input. @sequences: what a GtfRotation wants with it. */
GTF_API GtfTensor *gtf_rope_table  (GtfContext *c, const GtfRope *rope, const GtfTextInput *input, const GtfTensor **sequences);

G_END_DECLS
