/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is done to each head of a row by itself, against plain loops; and what is refused.
 */
#include "pictures.h"

#include "base/error.h"

static void
test_rms_heads (void)
{
  static const gint64 sizes[][3] = { { 1, 1, 1 }, { 3, 2, 5 }, { 7, 4, 16 }, { 0, 2, 4 } };      /* rows, heads, features of one */

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 rows = sizes[i][0], heads = sizes[i][1], d = sizes[i][2];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 2, (gint64[]){ rows, heads * d }), *y = gtf_rms_heads (c, x, heads, 0.25f);

      g_assert_nonnull (y);
      for (gint64 at = 0; at < rows * heads * d; at++)
        {
          const float *head = gtf_tensor_f32 (x) + at / d * d;
          double sum = 0;

          for (gint64 k = 0; k < d; k++)
            sum += (double) head[k] * head[k];
          near (gtf_tensor_f32 (y)[at], gtf_tensor_f32 (x)[at] / sqrt (sum / (double) d + 0.25), 1e-5);
        }
    }
}

/* Heads that share a value; a value of nothing takes nothing away. */
static void
test_exclude_values (void)
{
  static const gint64 sizes[][4] = { { 1, 1, 1, 1 }, { 3, 4, 2, 5 }, { 5, 6, 1, 16 }, { 2, 2, 2, 3 } };   /* rows, heads, heads of values, features of one */

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 rows = sizes[i][0], heads = sizes[i][1], kv = sizes[i][2], d = sizes[i][3];
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = randoms (c, 2, (gint64[]){ rows, heads * d }), *v = randoms (c, 2, (gint64[]){ rows, kv * d }), *parts = randoms (c, 1, &heads), *y;

      for (gint64 k = 0; rows > 1 && k < d; k++)
        gtf_tensor_f32 (v)[k] = 0;
      y = gtf_exclude_values (c, x, v, heads, parts);
      g_assert_nonnull (y);
      for (gint64 at = 0; at < rows * heads * d; at++)
        {
          const gint64 row = at / (heads * d), head = at / d % heads;
          const float *own = gtf_tensor_f32 (v) + (row * kv + head / (heads / kv)) * d, *given = gtf_tensor_f32 (x) + at / d * d;
          double product = 0, square = 0;

          for (gint64 k = 0; k < d; k++)
            {
              product += (double) own[k] * given[k];
              square += (double) own[k] * own[k];
            }
          near (gtf_tensor_f32 (y)[at], given[at % d] - (square > 0 ? gtf_tensor_f32 (parts)[head] * product / square * own[at % d] : 0), 1e-5);
        }
    }
}

static void
assert_refused (GtfContext *c, const GtfTensor *y, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (y);
  g_assert_false (gtf_context_take_error (c, &error));
  if (strstr (error->message, says) == NULL)
    g_error ("%s, not %s", error->message, says);
}

static void
test_refused (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 2, (gint64[]){ 3, 12 }), *v = randoms (c, 2, (gint64[]){ 3, 6 }), *parts = randoms (c, 1, (gint64[]){ 4 });

  assert_refused (c, gtf_rms_heads (c, x, 5, 0), "12 features do not fit 5 heads");
  assert_refused (c, gtf_rms_heads (c, x, 0, 0), "0 heads");
  assert_refused (c, gtf_exclude_values (c, x, v, 5, parts), "heads of one size");
  assert_refused (c, gtf_exclude_values (c, x, v, 2, parts), "a part for each head");
  assert_refused (c, gtf_exclude_values (c, x, randoms (c, 2, (gint64[]){ 2, 6 }), 4, parts), "a value for each row");
  assert_refused (c, gtf_exclude_values (c, x, randoms (c, 2, (gint64[]){ 3, 5 }), 4, parts), "heads of one size");
  g_assert_null (gtf_rms_heads (c, NULL, 2, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heads/rms", test_rms_heads);
  g_test_add_func ("/heads/exclude-values", test_exclude_values);
  g_test_add_func ("/heads/refused", test_refused);
  return g_test_run ();
}
