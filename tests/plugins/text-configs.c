/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What configs of text encoders (data/golden/text-encoders) cannot say.
 */
#define REPOSITORIES "text-encoders"
#include "wrong-configs.h"

static const WrongConfig wrong[] = {
  { "neomme/model", "layer_types", "[\"full_attention\"]", "layer_types has 1 members for 4 layers" },
  { "neomme/model", "layer_types", "[\"sliding_attention\", \"sliding_attention\", \"sliding_attention\", \"sliding_attention\"]", "layer_types has no full_attention" },
  { "neomme/model", "num_key_value_heads", "3", "num_key_value_heads (3) must divide num_attention_heads (4)" },
  { "neomme/model", "per_layer_config", "[]", "\"per_layer_config\" must be objects by numbers" },
  { "neomme/model", "per_layer_config.first", "{}", "\"per_layer_config\" must be objects by numbers" },
  { "neomme/model", "per_layer_config.2", "{\"sliding_window\": -5}", "per_layer_config.2.sliding_window: expected null or a number" },
  { "neomme/model", "per_layer_config.0", "{\"sliding_window\": \"x\"}", "per_layer_config.0.sliding_window: expected null or a number" },
  { "neomme/model", "per_layer_config.1", "{\"sliding_window\": 2.5}", "per_layer_config.1.sliding_window: expected null or a number" },
  { "neomme/model", "sliding_window", "0", "sliding_window" },
  { "neomme/model", "hidden_act", "\"xielu\"", "\"xielu\" has weights of its own" },
  { "neomme/model", "rope_parameters.full_attention.partial_rotary_factor", "0.01", "heads of 0 features" },
  { "neomme/model", "rope_parameters.sliding_attention.rope_type", "\"spiral\"", "rope_type \"spiral\" is unknown" },
  { "openai_privacy_filter/model", "num_experts_per_tok", "6", "num_experts_per_tok (6) is more than num_local_experts (5)" },
  { "openai_privacy_filter/model", "num_key_value_heads", "3", "num_key_value_heads (3)" },
  { "t5/encoder", "feed_forward_proj", "\"gated-swosh\"", "feed_forward_proj is \"gated-swosh\"" },
  { "t5/encoder", "feed_forward_proj", "\"bent-gelu\"", "feed_forward_proj is \"bent-gelu\"" },
  { "t5/encoder", "feed_forward_proj", "7", "feed_forward_proj" },
  { "t5/encoder", "relative_attention_num_buckets", "3", "relative_attention_num_buckets" },
  { "t5/encoder", "relative_attention_max_distance", "8", "relative_attention_max_distance (8) must not be a quarter of relative_attention_num_buckets (32)" },
  { "t5/encoder", "num_layers", "0", "num_layers" },
  { "t5/encoder", "d_kv", "1e9", "d_kv" },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_wrong_configs (wrong, G_N_ELEMENTS (wrong));
  return g_test_run ();
}
