/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What pixels add to their scores by rows and columns: each sum by numbers that tell whose they are, parts of the queries, and what is refused.
 */
#include <string.h>

#include "tensor/context-private.h"
#include "tensor/windows.h"

/* A number for each picture, pixel, head and row or column of keys; exact in a float. */
static float
number (gint64 b, gint64 y, gint64 x, gint64 head, gint64 key)
{
  return (float) ((((b * 8 + y) * 8 + x) * 4 + head) * 8 + key);
}

/* [n * lines][steps * heads][lines]: queries line by line, where a line is a row of the picture, or (@columns) a column. */
static GtfTensor *
of_lines (GtfContext *c, gint64 n, gint64 lines, gint64 steps, gint64 n_heads, gboolean columns)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ n * lines, steps * n_heads, lines });
  float *to = gtf_tensor_f32 (t);

  for (gint64 b = 0; b < n; b++)
    for (gint64 line = 0; line < lines; line++)
      for (gint64 step = 0; step < steps; step++)
        for (gint64 head = 0; head < n_heads; head++)
          for (gint64 key = 0; key < lines; key++)
            *to++ = columns ? 10000 + number (b, step, line, head, key) : number (b, line, step, head, key);
  return t;
}

static void
test_sums (void)
{
  static const struct
  {
    gint64 n, height, width, n_heads, first, some;
  } cases[] = { { 1, 1, 1, 1, 0, 1 }, { 1, 3, 2, 1, 0, 6 }, { 2, 3, 5, 2, 0, 15 }, { 2, 3, 5, 3, 4, 7 }, { 1, 4, 1, 2, 3, 1 }, { 1, 1, 7, 1, 2, 5 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gint64 height = cases[i].height, width = cases[i].width, n_heads = cases[i].n_heads;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *down = of_lines (c, cases[i].n, height, width, n_heads, FALSE), *across = of_lines (c, cases[i].n, width, height, n_heads, TRUE);
      GtfTensor *sums = gtf_grid_bias (c, down, across, cases[i].first, cases[i].some);
      const float *at;

      g_assert_false (gtf_failed (c));
      g_assert_true (sums->n_dims == 4 && sums->shape[0] == cases[i].n && sums->shape[1] == n_heads && sums->shape[2] == cases[i].some && sums->shape[3] == height * width);
      at = gtf_tensor_f32 (sums);
      for (gint64 b = 0; b < cases[i].n; b++)
        for (gint64 head = 0; head < n_heads; head++)
          for (gint64 query = cases[i].first; query < cases[i].first + cases[i].some; query++)
            for (gint64 key = 0; key < height * width; key++)
              g_assert_cmpfloat (*at++, ==, number (b, query / width, query % width, head, key / width) + 10000 + number (b, query / width, query % width, head, key % width));
    }
}

static void
test_refused (void)
{
  static const struct
  {
    gint64 down[3], across[3], first, some;
  } wrong[] = {
    { { 3, 10, 3 }, { 5, 6, 5 }, 0, 16 },       /* more queries than pixels */
    { { 3, 10, 3 }, { 5, 6, 5 }, 15, 1 },       { { 3, 10, 3 }, { 5, 6, 5 }, -1, 1 }, { { 3, 10, 3 }, { 5, 6, 5 }, 0, 0 },
    { { 3, 10, 3 }, { 10, 6, 5 }, 0, 1 },       /* one picture and two */
    { { 3, 10, 3 }, { 5, 3, 5 }, 0, 1 },        /* two heads and one */
    { { 3, 9, 3 }, { 5, 6, 5 }, 0, 1 },         { { 4, 10, 3 }, { 5, 6, 5 }, 0, 1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *down = gtf_new_tensor (c, GTF_DTYPE_F32, 3, wrong[i].down), *across = gtf_new_tensor (c, GTF_DTYPE_F32, 3, wrong[i].across);
      g_autoptr (GError) error = NULL;

      memset (down->data, 0, gtf_tensor_get_n_elements (down) * sizeof (float));
      memset (across->data, 0, gtf_tensor_get_n_elements (across) * sizeof (float));
      g_assert_null (gtf_grid_bias (c, down, across, wrong[i].first, wrong[i].some));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, "do not fit each other"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/grid-bias/sums", test_sums);
  g_test_add_func ("/tensor/grid-bias/refused", test_refused);
  return g_test_run ();
}
