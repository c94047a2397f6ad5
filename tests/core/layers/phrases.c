/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Phrases of a text: which tokens see each other and where places begin anew, against a table by hand; and what is refused.
 */
#include <math.h>
#include <string.h>

#include "layers/phrases.h"
#include "tensor/context-private.h"

static const struct
{
  gint32 ids[8], mask[8];
  gint64 n, most, used;
  const char *groups;           /* a letter a token: tokens of one letter see each other; '.': only itself */
  gint32 places[8];
} cases[] = {
  { { 101, 7, 9, 1012, 102 }, { 1, 1, 1, 1, 1 }, 5, 99, 5, ".aaa.", { 0, 0, 1, 2, 0 } },
  { { 101, 7, 1012, 4, 5, 1029, 102 }, { 1, 1, 1, 1, 1, 1, 1 }, 7, 99, 7, ".aabbb.", { 0, 0, 1, 0, 1, 2, 0 } },
  { { 101, 7, 9, 102 }, { 1, 1, 1, 1 }, 4, 99, 4, "....", { 0, 0, 0, 0 } },                           /* a phrase that ends the text is none */
  { { 7, 9, 1012, 5 }, { 1, 1, 1, 1 }, 4, 99, 4, "aaa.", { 0, 1, 2, 0 } },
  { { 101, 7, 9, 1012, 102, 0, 0 }, { 1, 1, 1, 1, 1, 0, 0 }, 7, 99, 5, ".aaa.", { 0, 0, 1, 2, 0 } }, /* padding is no text */
  { { 101, 7, 9, 1012, 102 }, { 1, 1, 1, 1, 1 }, 5, 3, 3, ".aa", { 0, 0, 1 } },                       /* cut */
};

static void
test_phrases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *ids = gtf_new_tensor (c, GTF_DTYPE_I32, 2, (gint64[]){ 1, cases[i].n }), *mask = gtf_new_tensor (c, GTF_DTYPE_I32, 2, (gint64[]){ 1, cases[i].n });
      GtfPhrases phrases;
      const gint64 n = cases[i].used;

      memcpy (ids->data, cases[i].ids, (gsize) cases[i].n * 4);
      memcpy (mask->data, cases[i].mask, (gsize) cases[i].n * 4);
      gtf_context_set_input (c, "input_ids", ids);
      gtf_context_set_input (c, "attention_mask", mask);
      g_assert_cmpint (gtf_phrases_count (c), ==, 1);
      g_assert_true (gtf_phrases_read (c, 0, cases[i].most, &phrases));
      g_assert_cmpint (phrases.input.longest, ==, n);
      g_assert_cmpmem (phrases.input.positions->data, (gsize) n * 4, cases[i].places, (gsize) n * 4);
      for (gint64 q = 0; q < n; q++)
        for (gint64 k = 0; k < n; k++)
          g_assert_cmpint (gtf_tensor_f32 (phrases.input.mask)[q * n + k] == 0.0f, ==, q == k || (cases[i].groups[q] != '.' && cases[i].groups[q] == cases[i].groups[k]));
    }
}

static void
test_numbers (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ 1, 3 }), *y;

  memcpy (x->data, ((const float[]){ 0.25f, 0.5f, 0.75f }), 12);
  y = gtf_number_waves (c, x, 2);
  g_assert_false (gtf_failed (c));
  g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[0], sin (G_PI), 1e-6);        /* the second number comes first */
  g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[2], sin (G_PI / 2), 1e-6);
  g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[5], cos (G_PI * 1.5), 1e-6);
  y = gtf_best_token (c, x, x);
  g_assert_cmpfloat (gtf_tensor_f32 (y)[0], ==, 0.875f);
}

static void
test_refused (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GError) error = NULL;
  GtfTensor *ids = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ 1, 3 });

  gtf_context_set_input (c, "input_ids", ids);
  g_assert_cmpint (gtf_phrases_count (c), ==, 0);
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_nonnull (strstr (error->message, "expected I32 [n, T]"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/phrases/phrases", test_phrases);
  g_test_add_func ("/phrases/numbers", test_numbers);
  g_test_add_func ("/phrases/refused", test_refused);
  return g_test_run ();
}
