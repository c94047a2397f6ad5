/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The generation config: where values come from, and what is refused.
 */
#include "generate/generation-config.h"

static GtfGenerationConfig *
config_of (const char *generation, const char *model, const char *kwargs, GError **error)
{
  g_autoptr (JsonNode) a = generation ? json_from_string (generation, NULL) : NULL;
  g_autoptr (JsonNode) b = model ? json_from_string (model, NULL) : NULL;
  g_autoptr (JsonNode) c = kwargs ? json_from_string (kwargs, NULL) : NULL;
  g_autoptr (GtfGenerationConfig) config = gtf_generation_config_new (a ? json_node_get_object (a) : NULL, b ? json_node_get_object (b) : NULL, error);
  static const char *const also[] = { "language", NULL };
  if (!config || !gtf_generation_config_update (config, c ? json_node_get_object (c) : NULL, also, error))
    return NULL;
  return g_steal_pointer (&config);
}

static void
test_sources (void)
{
  g_autoptr (GtfGenerationConfig) plain = config_of (NULL, NULL, NULL, NULL);
  g_assert_cmpint (plain->max_length, ==, 20);
  g_assert_true (plain->max_length_is_default);
  g_assert_cmpint (plain->top_k, ==, 50);

  g_autoptr (GtfGenerationConfig) file = config_of ("{\"max_length\": 448, \"eos_token_id\": 7, \"top_k\": null, \"lang_to_id\": {}, \"early_stopping\": \"never\"}",
                                                    "{\"num_beams\": 4}", "{\"num_beams\": 2, \"top_k\": null, \"language\": \"de\", \"lang_to_id\": {\"a\": 1}}", NULL);
  g_assert_cmpint (file->max_length, ==, 448);
  g_assert_cmpint (file->num_beams, ==, 2);
  g_assert_cmpint (file->top_k, ==, 0);
  g_assert_cmpint (file->early_stopping, ==, GTF_EARLY_STOPPING_NEVER);
  g_assert_true (gtf_token_ids_contain (&file->eos_token_ids, 7));
  g_assert_cmpstr (json_object_get_string_member (file->json, "language"), ==, "de");

  g_autoptr (GtfGenerationConfig) legacy = config_of (NULL, "{\"num_beams\": 4, \"max_length\": 99, \"decoder\": {\"num_beams\": 3, \"top_k\": 9}}", NULL, NULL);
  g_assert_cmpint (legacy->num_beams, ==, 4);
  g_assert_cmpint (legacy->max_length, ==, 99);
  g_assert_cmpint (legacy->top_k, ==, 9);

  g_autoptr (GtfGenerationConfig) copy = gtf_generation_config_copy (file);
  g_assert_true (gtf_token_ids_contain (&copy->eos_token_ids, 7));
}

static void
test_errors (void)
{
  static const struct
  {
    const char *kwargs, *names;
  } cases[] = {
    { "{\"num_beamz\": 3}", "num_beamz" },
    { "{\"num_beams\": 0}", "num_beams" },
    { "{\"num_beams\": 2.5}", "num_beams" },
    { "{\"num_beams\": \"2\"}", "num_beams" },
    { "{\"num_beams\": true}", "num_beams" },
    { "{\"num_beams\": 1e300}", "num_beams" },
    { "{\"max_new_tokens\": -1}", "max_new_tokens" },
    { "{\"temperature\": [1]}", "temperature" },
    { "{\"do_sample\": true, \"temperature\": 0}", "temperature" },
    { "{\"top_p\": 1.5}", "top_p" },
    { "{\"do_sample\": 1}", "do_sample" },
    { "{\"early_stopping\": \"soon\"}", "early_stopping" },
    { "{\"eos_token_id\": [1, \"x\"]}", "eos_token_id" },
    { "{\"bad_words_ids\": []}", "bad_words_ids" },
    { "{\"bad_words_ids\": [[]]}", "bad_words_ids" },
    { "{\"bad_words_ids\": [[-4]]}", "bad_words_ids" },
    { "{\"sequence_bias\": [[[1]]]}", "sequence_bias" },
    { "{\"exponential_decay_length_penalty\": 3}", "exponential_decay_length_penalty" },
    { "{\"stop_strings\": [\"\"]}", "stop_strings" },
    { "{\"num_return_sequences\": 2}", "num_return_sequences" },
    { "{\"num_return_sequences\": 4, \"num_beams\": 3}", "num_return_sequences" },
    { "{\"num_beam_groups\": 2}", "num_beam_groups" },
    { "{\"watermarking_config\": {}}", "watermarking_config" },
    { "{\"forced_bos_token_id\": 3, \"suppress_tokens\": [3]}", "forced_bos_token_id" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfGenerationConfig) config = config_of (NULL, NULL, cases[i].kwargs, &error);
      g_assert_null (config);
      g_assert_nonnull (error);
      if (!strstr (error->message, cases[i].names))
        g_error ("%s: %s", cases[i].kwargs, error->message);
    }
}

static void
test_lengths (void)
{
  static const struct
  {
    const char *kwargs;
    gsize n_prompt, limit, expected;    /* 0: an error */
  } cases[] = {
    { "{}", 4, 0, 20 },
    { "{}", 4, 12, 8 },
    { "{\"max_length\": 30}", 4, 0, 26 },
    { "{\"max_length\": 4}", 4, 0, 0 },
    { "{\"max_length\": 30, \"max_new_tokens\": 5}", 4, 0, 5 },
    { "{}", 12, 12, 0 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfGenerationConfig) config = config_of (NULL, NULL, cases[i].kwargs, NULL);
      gsize n = 0;
      g_assert_cmpint (gtf_generation_config_get_lengths (config, cases[i].n_prompt, cases[i].limit, &n, &error), ==, cases[i].expected > 0);
      if (cases[i].expected)
        g_assert_cmpuint (n, ==, cases[i].expected);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/generate/config/sources", test_sources);
  g_test_add_func ("/generate/config/errors", test_errors);
  g_test_add_func ("/generate/config/lengths", test_lengths);
  return g_test_run ();
}
