/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Windows of pictures: where each pixel goes and comes back, which of them are kept apart, and what is refused.
 */
#include <math.h>

#include "tensor/context-private.h"
#include "tensor/windows.h"

static const struct
{
  gint64 n, height, width;
  GtfWindows windows;
} cases[] = {
  { 1, 1, 1, { 1, 0 } }, { 2, 6, 4, { 2, 0 } }, { 2, 6, 4, { 2, 1 } }, { 1, 5, 7, { 3, 0 } }, { 2, 5, 7, { 3, 1 } }, { 1, 9, 8, { 4, 3 } }, { 1, 2, 2, { 5, 2 } },
};

/* Pixels that tell their number, from 1. */
static GtfTensor *
numbered (GtfContext *c, gint64 n, gint64 height, gint64 width, gint64 d)
{
  GtfTensor *x = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ n, height, width, d });

  for (gint64 i = 0; i < n * height * width * d; i++)
    gtf_tensor_f32 (x)[i] = (float) (i + 1);
  return x;
}

static void
test_there_and_back (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const gint64 size = cases[i].windows.size, shift = cases[i].windows.shift, height = cases[i].height, width = cases[i].width;
      const gint64 down = (height + size - 1) / size, across = (width + size - 1) / size;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = numbered (c, cases[i].n, height, width, 3), *y = gtf_to_windows (c, x, &cases[i].windows), *back = gtf_from_windows (c, y, &cases[i].windows, x);

      g_assert_false (gtf_failed (c));
      g_assert_cmpint (y->shape[0], ==, cases[i].n * down * across);
      for (gint64 row = 0; row < y->shape[0] * size * size; row++)
        {
          gint64 window = row / size / size, at_y = (window / across % down * size + row / size % size + shift) % (down * size);
          gint64 at_x = (window % across * size + row % size + shift) % (across * size);
          float expected = at_y < height && at_x < width ? gtf_tensor_f32 (x)[((window / across / down * height + at_y) * width + at_x) * 3] : 0.0f;

          g_assert_cmpfloat (gtf_tensor_f32 (y)[row * 3], ==, expected);
        }
      g_assert_cmpmem (back->data, gtf_tensor_get_n_elements (back) * sizeof (float), x->data, gtf_tensor_get_n_elements (x) * sizeof (float));
    }
}

/* In each window two pixels are kept apart if and only if the shift brought them together over an edge of the padded picture. */
static void
test_masks (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GtfWindows *w = &cases[i].windows;
      const gint64 t = w->size * w->size, down = (cases[i].height + w->size - 1) / w->size, across = (cases[i].width + w->size - 1) / w->size;
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = numbered (c, cases[i].n, cases[i].height, cases[i].width, 1), *table = numbered (c, 1, 1, (2 * w->size - 1) * (2 * w->size - 1), 2);
      GtfTensor *bias = gtf_window_bias (c, gtf_reshape (c, table, 2, (gint64[]){ -1, 2 }), w->size), *masks = gtf_window_masks (c, bias, w, -1e6f);
      GtfTensor *kinds = gtf_window_kinds (c, x, w);

      g_assert_false (gtf_failed (c));
      g_assert_cmpint (masks->shape[0], ==, w->shift ? 4 : 1);
      g_assert_true ((kinds == NULL) == (w->shift == 0));
      for (gint64 window = 0; window < cases[i].n * down * across; window++)
        for (gint64 query = 0; query < t; query++)
          for (gint64 key = 0; key < t; key++)
            {
              gint64 top = window / across % down * w->size + w->shift, left = window % across * w->size + w->shift, kind = kinds ? ((gint32 *) kinds->data)[window] : 0;
              gint64 distance = (query / w->size - key / w->size + w->size - 1) * (2 * w->size - 1) + query % w->size - key % w->size + w->size - 1;
              gboolean apart = (top + query / w->size >= down * w->size) != (top + key / w->size >= down * w->size)
                               || (left + query % w->size >= across * w->size) != (left + key % w->size >= across * w->size);

              g_assert_cmpfloat (gtf_tensor_f32 (masks)[(kind * 2 * t + query) * t + key], ==, (float) (2 * distance + 1) + (apart ? -1e6f : 0.0f));
            }
    }
}

static void
test_merge (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *y = gtf_merge_pixels (c, numbered (c, 1, 3, 3, 1));
  const float expected[] = { 1, 4, 2, 5, 3, 6, 0, 0, 7, 0, 8, 0, 9, 0, 0, 0 };

  g_assert_false (gtf_failed (c));
  g_assert_cmpmem (y->data, gtf_tensor_get_n_elements (y) * sizeof (float), expected, sizeof expected);
  y = gtf_pad_planes (c, numbered (c, 1, 2, 2, 2), 3, 4);
  g_assert_false (gtf_failed (c));
  g_assert_cmpint (y->shape[3], ==, 4);
  g_assert_cmpfloat (gtf_tensor_f32 (y)[4], ==, 3);
  g_assert_cmpfloat (gtf_tensor_f32 (y)[12], ==, 5);
  g_assert_cmpfloat (gtf_tensor_f32 (y)[11] + gtf_tensor_f32 (y)[2], ==, 0);
}

static void
test_unit_heads (void)
{
  const float logarithms[] = { 0.5f, 9.0f };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *scale = gtf_new_tensor (c, GTF_DTYPE_F32, 1, (gint64[]){ 2 }), *x = numbered (c, 1, 1, 2, 4), *y;

  memcpy (scale->data, logarithms, sizeof logarithms);
  y = gtf_unit_heads (c, x, 2, scale, 2.0f);
  g_assert_false (gtf_failed (c));
  g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[1], 2 / sqrt (5) * exp (0.5), 1e-5);
  g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[6], 7 / sqrt (113) * exp (2), 1e-5);
}

static void
test_scale_rows (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = numbered (c, 1, 2, 2, 3), *factors = gtf_slice (c, numbered (c, 1, 2, 2, 2), 1, 1), *y = gtf_scale_rows (c, x, factors);

  g_assert_false (gtf_failed (c));
  for (gint64 i = 0; i < 12; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (y)[i], ==, (float) ((i + 1) * (i / 3 + 1) * 2));
}

static void
assert_refused (GtfContext *c, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (gtf_context_take_error (c, &error));
  if (!strstr (error->message, says))
    g_error ("%s, not %s", error->message, says);
}

static void
test_refused (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = numbered (c, 1, 4, 4, 2), *windows = gtf_to_windows (c, x, &(GtfWindows){ 2, 1 }), *mask = numbered (c, 5, 1, 4, 4), *which;
  GtfAttention a = { .n_heads = 1, .mask = mask };

  gtf_to_windows (c, x, &(GtfWindows){ 0, 0 });
  assert_refused (c, "windows of 0");
  gtf_to_windows (c, x, &(GtfWindows){ 2, 2 });
  assert_refused (c, "shifted by 2");
  gtf_to_windows (c, windows, &(GtfWindows){ 2, 0 });
  assert_refused (c, "expected [B, H, W, C]");
  gtf_from_windows (c, windows, &(GtfWindows){ 3, 0 }, x);
  assert_refused (c, "not the windows of such a picture");
  gtf_window_masks (c, mask, &(GtfWindows){ 2, 0 }, -100);
  assert_refused (c, "expected [1, heads, 4, 4]");
  gtf_pad_planes (c, x, 3, 9);
  assert_refused (c, "cannot be padded to 3 x 9");
  gtf_unit_heads (c, x, 3, NULL, 0);
  assert_refused (c, "3 heads");
  gtf_scale_rows (c, x, windows);
  assert_refused (c, "a factor for each row");
  gtf_attention (c, windows, windows, windows, &a);
  assert_refused (c, "the mask does not fit q");
  a.which = which = gtf_new_tensor (c, GTF_DTYPE_I32, 1, (gint64[]){ 4 });
  memset (which->data, 0, 16);
  ((gint32 *) which->data)[3] = 5;
  gtf_attention (c, windows, windows, windows, &a);
  assert_refused (c, "one of the masks");
  ((gint32 *) which->data)[3] = 4;
  g_assert_nonnull (gtf_attention (c, windows, windows, windows, &a));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/windows/there-and-back", test_there_and_back);
  g_test_add_func ("/windows/masks", test_masks);
  g_test_add_func ("/windows/merge", test_merge);
  g_test_add_func ("/windows/unit-heads", test_unit_heads);
  g_test_add_func ("/windows/scale-rows", test_scale_rows);
  g_test_add_func ("/windows/refused", test_refused);
  return g_test_run ();
}
