/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frequencies of each rope_type against those of transformers 5.24 (theta 500, heads of 8, 32 positions), also of packed texts of which only
 * one is so long that they change; and what is refused.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "layers/rope.h"
#include "tensor/context-private.h"

#define DIMS 8
#define BASE .theta = 500, .partial = 1, .truncate = TRUE

static const struct
{
  GtfRope rope;
  gint64 length;
  float frequencies[DIMS / 2], factor;
} cases[] = {
  { { BASE, .type = "default" }, 9, { 1, 0.21147424f, 0.044721361f, 0.0094574159f }, 1 },
  { { BASE, .type = "linear", .factor = 4 }, 9, { 0.25f, 0.05286856f, 0.01118034f, 0.002364354f }, 1 },
  { { BASE, .type = "dynamic", .factor = 2 }, 20, { 1, 0.21147424f, 0.044721361f, 0.0094574159f }, 1 },
  { { BASE, .type = "dynamic", .factor = 2 }, 64, { 1, 0.14662805f, 0.021499787f, 0.0031524722f }, 1 },
  { { BASE, .type = "yarn", .factor = 4, .original = 16 }, 9, { 1, 0.05286856f, 0.01118034f, 0.002364354f }, 1.13862944f },
  { { .theta = 500, .partial = 1, .type = "yarn", .factor = 4, .original = 1000, .beta_fast = 8, .beta_slow = 0.5, .mscale = 1.2, .mscale_all_dim = 0.7 }, 9,
    { 1, 0.21147424f, 0.043307573f, 0.0051837577f }, 1.06318337f },
  { { BASE, .type = "llama3", .factor = 8, .low_frequency = 1, .high_frequency = 4, .original = 512 }, 9, { 1, 0.21147424f, 0.040080722f, 0.001182177f }, 1 },
  { { BASE, .type = "longrope", .short_factors = "1.0|1.1|1.2|1.3", .long_factors = "2.0|3.0|4.0|5.0", .original = 16 }, 16,
    { 1, 0.19224931f, 0.037267797f, 0.0072749355f }, 1.11803399f },
  { { BASE, .type = "longrope", .short_factors = "1.0|1.1|1.2|1.3", .long_factors = "2.0|3.0|4.0|5.0", .original = 16 }, 17,
    { 0.5f, 0.070491411f, 0.01118034f, 0.0018914831f }, 1.11803399f },
  { { .theta = 500, .partial = 0.5, .type = "proportional", .factor = 2 }, 9, { 0.5f, 0.10573712f, 0, 0 }, 1 },
};

static void
check_row (const GtfTensor *table, gint64 row, gint64 position, const float *frequencies, float factor)
{
  for (gint64 i = 0; i < DIMS / 2; i++)
    {
      const float *x = gtf_tensor_f32 (table) + row * table->row_stride;

      g_assert_cmpfloat_with_epsilon (x[i], factor * cosf ((float) position * frequencies[i]), 2e-6);
      g_assert_cmpfloat_with_epsilon (x[DIMS / 2 + i], factor * sinf ((float) position * frequencies[i]), 2e-6);
    }
}

static void
test_types (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GError) error = NULL;
      GtfRope rope = cases[i].rope;
      const GtfTextInput input = { .longest = cases[i].length, .n_texts = 1 };
      const GtfTensor *sequences = NULL, *table;

      g_assert_true (gtf_rope_derive (&rope, DIMS, 32, &error));
      table = gtf_rope_table (c, &rope, &input, &sequences);
      g_assert_false (gtf_failed (c));
      g_assert_cmpint (gtf_tensor_rows (table), ==, cases[i].length);
      check_row (table, 1, 1, cases[i].frequencies, cases[i].factor);
      check_row (table, 5, 5, cases[i].frequencies, cases[i].factor);
    }
}

/* Texts of 3 and 17 tokens with 16 trained positions: the first has the frequencies of short ones. */
static void
test_packed (void)
{
  static const gint32 starts[] = { 0, 3, 20 };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GError) error = NULL;
  GtfTensor *ids = gtf_new_tensor (c, GTF_DTYPE_I32, 2, (gint64[]){ 1, 20 }), *at = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ 3 });
  const guint last_short = G_N_ELEMENTS (cases) - 3;
  GtfRope rope = cases[last_short].rope;
  const GtfTensor *sequences, *table;
  GtfTextInput input;

  memset (ids->data, 0, 20 * sizeof (gint32));
  memcpy (at->data, starts, sizeof starts);
  gtf_context_set_input (c, "input_ids", ids);
  gtf_context_set_input (c, "sequence_starts", at);
  g_assert_true (gtf_text_input (c, &input) && gtf_rope_derive (&rope, DIMS, 32, &error));
  table = gtf_rope_table (c, &rope, &input, &sequences);
  g_assert_false (gtf_failed (c));
  g_assert_null (sequences);
  g_assert_cmpint (gtf_tensor_rows (table), ==, 20);
  check_row (table, 2, 2, cases[last_short].frequencies, cases[last_short].factor);
  check_row (table, 3, 0, cases[last_short + 1].frequencies, cases[last_short + 1].factor);
  check_row (table, 19, 16, cases[last_short + 1].frequencies, cases[last_short + 1].factor);
}

static void
test_refused (void)
{
  static const struct { GtfRope rope; gint64 dims; const char *message; } bad[] = {
    { { BASE, .type = "spiral" }, DIMS, "rope_type \"spiral\" is unknown*" },
    { { BASE, .type = "default" }, 7, "heads of 7 features*" },
    { { BASE, .type = "dynamic", .factor = 2 }, 2, "heads of 2 features*above 2" },
    { { BASE, .type = "longrope", .short_factors = "1|2|3|4" }, DIMS, "long_factor: 0 numbers*expected 4*" },
    { { BASE, .type = "longrope", .short_factors = "1|2|3", .long_factors = "1|2|3|4" }, DIMS, "short_factor: 3 numbers*" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      GtfRope rope = bad[i].rope;

      g_assert_false (gtf_rope_derive (&rope, bad[i].dims, 32, &error));
      g_assert_true (error != NULL && error->domain == GTF_ERROR);
      if (!g_pattern_match_simple (bad[i].message, error->message))
        g_error ("%s", error->message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/layers/rope/types", test_types);
  g_test_add_func ("/layers/rope/packed", test_packed);
  g_test_add_func ("/layers/rope/refused", test_refused);
  return g_test_run ();
}
