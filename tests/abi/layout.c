/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pins the layout of what a plugin hands over. A number that changes here breaks every module out there: fields are only
 * appended (and GTF_PLUGIN_ABI stays), or GTF_PLUGIN_ABI is raised.
 */
#include "gtf.h"

typedef struct
{
  const char *name;
  gsize found, expected;
} Pin;

#define SIZE(Struct, n) { "sizeof " #Struct, sizeof (Struct), n }
#define FIELD(Struct, field, n) { #Struct "." #field, G_STRUCT_OFFSET (Struct, field), n }
#define VALUE(constant, n) { #constant, (gsize) constant, n }

/* 64-bit pointers and longs. */
static const Pin pins[] = {
  SIZE (GtfPlugin, 16),
  FIELD (GtfPlugin, abi, 0),
  FIELD (GtfPlugin, struct_size, 4),
  FIELD (GtfPlugin, name, 8),
  SIZE (GtfConfigField, 64),
  FIELD (GtfConfigField, type, 0),
  FIELD (GtfConfigField, keys, 8),
  FIELD (GtfConfigField, offset, 16),
  FIELD (GtfConfigField, required, 24),
  FIELD (GtfConfigField, minimum, 32),
  FIELD (GtfConfigField, maximum, 40),
  FIELD (GtfConfigField, fallback, 48),
  FIELD (GtfConfigField, fallback_string, 56),
  SIZE (GtfDim, 16),
  FIELD (GtfDim, offset, 0),
  FIELD (GtfDim, factor, 8),
  SIZE (GtfWeight, 160),
  FIELD (GtfWeight, type, 0),
  FIELD (GtfWeight, name, 8),
  FIELD (GtfWeight, offset, 16),
  FIELD (GtfWeight, flags, 24),
  FIELD (GtfWeight, dims, 32),
  FIELD (GtfWeight, tied, 96),
  FIELD (GtfWeight, group, 104),
  FIELD (GtfWeight, branch, 104),
  FIELD (GtfWeight, group_size, 112),
  FIELD (GtfWeight, count, 120),
  FIELD (GtfWeight, norm, 136),
  FIELD (GtfWeight, eps, 144),
  FIELD (GtfWeight, eps_field, 152),
  SIZE (GtfHead, 32),
  FIELD (GtfHead, class_suffix, 0),
  FIELD (GtfHead, tasks, 8),
  FIELD (GtfHead, weights, 16),
  FIELD (GtfHead, prefix, 24),
  SIZE (GtfForward, 40),
  FIELD (GtfForward, config, 0),
  FIELD (GtfForward, weights, 8),
  FIELD (GtfForward, head, 16),
  FIELD (GtfForward, cache, 24),
  FIELD (GtfForward, features, 32),
  SIZE (GtfArchitecture, 216),
  FIELD (GtfArchitecture, struct_size, 0),
  FIELD (GtfArchitecture, model_types, 8),
  FIELD (GtfArchitecture, config_size, 16),
  FIELD (GtfArchitecture, config, 24),
  FIELD (GtfArchitecture, derive, 32),
  FIELD (GtfArchitecture, weights_size, 40),
  FIELD (GtfArchitecture, weights, 48),
  FIELD (GtfArchitecture, heads, 56),
  FIELD (GtfArchitecture, ignored, 64),
  FIELD (GtfArchitecture, forward, 72),
  FIELD (GtfArchitecture, encode, 80),
  FIELD (GtfArchitecture, decode, 88),
  FIELD (GtfArchitecture, decoder_layers, 96),
  FIELD (GtfArchitecture, encoder_states, 112),
  FIELD (GtfArchitecture, decoder_positions, 128),
  FIELD (GtfArchitecture, vocab_size, 144),
  FIELD (GtfArchitecture, kv_size, 160),
  FIELD (GtfArchitecture, name_word, 176),
  FIELD (GtfArchitecture, features, 184),
  FIELD (GtfArchitecture, n_stages, 192),
  FIELD (GtfArchitecture, stage_names, 208),
  SIZE (GtfArchitecturePlugin, 40),
  FIELD (GtfArchitecturePlugin, head, 0),
  FIELD (GtfArchitecturePlugin, description, 16),
  FIELD (GtfArchitecturePlugin, license, 24),
  FIELD (GtfArchitecturePlugin, architectures, 32),
  SIZE (GtfAttention, 104),
  FIELD (GtfAttention, n_heads, 0),
  FIELD (GtfAttention, n_kv_heads, 8),
  FIELD (GtfAttention, scale, 16),
  FIELD (GtfAttention, causal, 20),
  FIELD (GtfAttention, mask, 24),
  FIELD (GtfAttention, weights, 32),
  FIELD (GtfAttention, sequences, 40),
  FIELD (GtfAttention, distances, 48),
  FIELD (GtfAttention, which, 56),
  FIELD (GtfAttention, reserved, 64),
  SIZE (GtfRotary, 72),
  FIELD (GtfRotary, dims, 0),
  FIELD (GtfRotary, theta, 8),
  FIELD (GtfRotary, divisor, 16),
  FIELD (GtfRotary, factor, 24),
  FIELD (GtfRotary, frequencies, 32),
  FIELD (GtfRotary, reserved, 40),
  SIZE (GtfWindowAttention, 128),
  FIELD (GtfWindowAttention, n_heads, 0),
  FIELD (GtfWindowAttention, scale, 8),
  FIELD (GtfWindowAttention, before, 16),
  FIELD (GtfWindowAttention, after, 24),
  FIELD (GtfWindowAttention, globals, 32),
  FIELD (GtfWindowAttention, global_query, 40),
  FIELD (GtfWindowAttention, global_keys, 48),
  FIELD (GtfWindowAttention, global_values, 56),
  FIELD (GtfWindowAttention, mask, 64),
  FIELD (GtfWindowAttention, sequences, 72),
  FIELD (GtfWindowAttention, weights, 80),
  FIELD (GtfWindowAttention, sinks, 88),
  FIELD (GtfWindowAttention, reserved, 96),
  SIZE (GtfWindow, 104),
  FIELD (GtfWindow, kernel, 0),
  FIELD (GtfWindow, stride, 8),
  FIELD (GtfWindow, padding, 16),
  FIELD (GtfWindow, dilation, 24),
  FIELD (GtfWindow, kernel_width, 32),
  FIELD (GtfWindow, stride_width, 40),
  FIELD (GtfWindow, dilation_width, 48),
  FIELD (GtfWindow, more, 56),
  FIELD (GtfWindow, same, 88),
  FIELD (GtfWindow, ceil, 92),
  FIELD (GtfWindow, inside, 96),
  SIZE (GtfTextInput, 72),
  SIZE (GtfTextConfig, 128),
  SIZE (GtfTextEmbeddings, 40),
  SIZE (GtfEncoderLayer, 56),
  SIZE (GtfEncoder, 176),
  SIZE (GtfTextHeads, 96),
  SIZE (GtfTextHeadStyle, 28),
  SIZE (GtfTextWeights, 152),
};

static const Pin values[] = {
  VALUE (GTF_PLUGIN_ABI, 4),
  VALUE (GTF_CONFIG_END, 0), VALUE (GTF_CONFIG_INT, 1), VALUE (GTF_CONFIG_FLOAT, 2), VALUE (GTF_CONFIG_BOOL, 3), VALUE (GTF_CONFIG_ACTIVATION, 4), VALUE (GTF_CONFIG_STRING, 5), VALUE (GTF_CONFIG_COUNT, 6), VALUE (GTF_CONFIG_MODEL, 9),
  VALUE (GTF_WEIGHT_END, 0), VALUE (GTF_WEIGHT_LINEAR, 1), VALUE (GTF_WEIGHT_NORM, 2), VALUE (GTF_WEIGHT_EMBEDDING, 3), VALUE (GTF_WEIGHT_CONV1D, 4),
  VALUE (GTF_WEIGHT_TENSOR, 5), VALUE (GTF_WEIGHT_GROUP, 6), VALUE (GTF_WEIGHT_CONV2D, 7), VALUE (GTF_WEIGHT_BATCH_NORM, 8), VALUE (GTF_WEIGHT_MODEL, 9),
  VALUE (GTF_WEIGHT_OPTIONAL, 1), VALUE (GTF_WEIGHT_NO_BIAS, 2), VALUE (GTF_WEIGHT_BIAS_OPTIONAL, 4), VALUE (GTF_WEIGHT_TRANSPOSED, 8), VALUE (GTF_WEIGHT_PARENT_BIAS, 16),
  VALUE (GTF_WEIGHT_BARE, 32), VALUE (GTF_WEIGHT_GROUPED, 64), VALUE (GTF_WEIGHT_STANDARDIZED, 128),
  VALUE (GTF_ACTIVATION_NONE, 0), VALUE (GTF_ACTIVATION_RELU, 1), VALUE (GTF_ACTIVATION_GELU, 2), VALUE (GTF_ACTIVATION_GELU_TANH, 3), VALUE (GTF_ACTIVATION_GELU_QUICK, 4),
  VALUE (GTF_ACTIVATION_SILU, 5), VALUE (GTF_ACTIVATION_TANH, 6), VALUE (GTF_ACTIVATION_SIGMOID, 7), VALUE (GTF_ACTIVATION_GELU_10, 8), VALUE (GTF_ACTIVATION_SQRT_SOFTPLUS, 17),
  VALUE (GTF_ACTIVATION_HARDSIGMOID, 18),
  VALUE (GTF_DTYPE_F64, 1), VALUE (GTF_DTYPE_F32, 2), VALUE (GTF_DTYPE_F16, 3), VALUE (GTF_DTYPE_BF16, 4), VALUE (GTF_DTYPE_I64, 7), VALUE (GTF_DTYPE_I32, 8), VALUE (GTF_DTYPE_BOOL, 15),
};

static void
check (const Pin *table, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (table[i].found != table[i].expected)
      g_error ("%s is %" G_GSIZE_FORMAT ", but modules were built with %" G_GSIZE_FORMAT, table[i].name, table[i].found, table[i].expected);
}

static void
test_layout (void)
{
  if (sizeof (gpointer) != 8 || sizeof (long) != 8)
    {
      g_test_skip ("the numbers are those of 64-bit machines");
      return;
    }
  check (pins, G_N_ELEMENTS (pins));
}

static void
test_values (void)
{
  check (values, G_N_ELEMENTS (values));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/abi/layout", test_layout);
  g_test_add_func ("/abi/values", test_values);
  return g_test_run ();
}
