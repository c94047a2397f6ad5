/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products of what a model computed with what it computed: of a picture's pixels with queries, which gives masks; and what such masks let
 * queries see.
 */
#include "tensor/linear-private.h"
#include "tensor/pictures.h"

#include <float.h>
#include <string.h>

/* Rows [n][d] as weights, in panels of 16 outputs as the kernels have them. */
static gboolean
pack (GtfContext *c, const GtfTensor *rows, gint64 matrix, GtfLinear *w)
{
  const gint64 n = gtf_tensor_steps (rows), d = gtf_tensor_cols (rows), n_panels = (n + GTF_PANEL - 1) / GTF_PANEL;
  float *panels;

  *w = (GtfLinear){ .type = GTF_DTYPE_F32, .out = n, .in = d, .panel_bytes = (gsize) d * GTF_PANEL * sizeof (float) };
  w->panels = gtf_arena_alloc (c, (gsize) n_panels * w->panel_bytes);
  panels = w->panels;
  if (panels == NULL)
    return FALSE;
  memset (panels, 0, (gsize) n_panels * w->panel_bytes);
  for (gint64 i = 0; i < n; i++)
    {
      const float *row = gtf_tensor_f32 (rows) + gtf_tensor_row_offset (rows, matrix * n + i);

      for (gint64 k = 0; k < d; k++)
        panels[(i / GTF_PANEL * d + k) * GTF_PANEL + i % GTF_PANEL] = row[k];
    }
  return TRUE;
}

/**
 * gtf_products:
 * @x: (nullable): [B][..][D]
 * @queries: (nullable): [B][N][D]
 *
 * Returns: (transfer none) (nullable): the product of each row of x with each query of its picture, [B][..][N]
 */
GtfTensor *
gtf_products (GtfContext *c, const GtfTensor *x, const GtfTensor *queries)
{
  gint64 rows, n;
  GtfTensor *y;

  if (!gtf_op_begin (c, "products", 2, x, queries))
    return NULL;
  if (x->n_dims < 2 || queries->n_dims != 3 || x->shape[0] != queries->shape[0] || gtf_tensor_cols (x) != gtf_tensor_cols (queries))
    {
      gtf_fail_shapes (c, x, queries, "expected rows and queries of one length for each picture");
      return NULL;
    }
  x = gtf_uniform (c, x);
  n = queries->shape[1];
  y = x != NULL ? gtf_new_like (c, x, n) : NULL;
  rows = y != NULL ? gtf_tensor_rows (x) / MAX (x->shape[0], 1) : 0;
  for (gint64 b = 0; y != NULL && rows > 0 && b < x->shape[0] && !gtf_failed (c); b++)
    {
      const gsize mark = gtf_push (c);
      GtfLinear w;

      if (pack (c, queries, b, &w))
        gtf_linear_run (c, &w, &(GtfLinearArgs){ rows, gtf_tensor_f32 (x) + b * rows * x->row_stride, x->row_stride, GTF_ACTIVATION_NONE, NULL, 0,
                                                 gtf_tensor_f32 (y) + b * rows * n, n });
      gtf_pop (c, mark);
    }
  return gtf_failed (c) ? NULL : y;
}

/**
 * gtf_foreground:
 * @masks: (nullable): [B][H][W][N]: logits of the masks of N queries
 *
 * Returns: (transfer none) (nullable): [B][1][N][H * W] for #GtfAttention.mask: a query sees what its mask shows, and all where that is nothing
 */
GtfTensor *
gtf_foreground (GtfContext *c, const GtfTensor *masks)
{
  gint64 pixels, n;
  GtfTensor *y;

  if (!gtf_op_begin (c, "foreground", 1, masks))
    return NULL;
  masks = masks->n_dims == 4 ? gtf_packed (c, masks) : NULL;
  if (masks == NULL)
    {
      if (!gtf_failed (c))
        gtf_fail (c, "expected masks of pictures");
      return NULL;
    }
  pixels = masks->shape[1] * masks->shape[2];
  n = masks->shape[3];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ masks->shape[0], 1, n, pixels });
  for (gint64 i = 0; y != NULL && i < masks->shape[0] * n; i++)
    {
      const float *from = gtf_tensor_f32 (masks) + i / n * pixels * n + i % n;
      float *to = gtf_tensor_f32 (y) + i * pixels;
      gint64 n_hidden = 0;

      for (gint64 p = 0; p < pixels; p++)
        {
          to[p] = from[p * n] < 0 ? -FLT_MAX : 0;
          n_hidden += to[p] < 0;
        }
      if (n_hidden == pixels)
        memset (to, 0, (gsize) pixels * sizeof *to);
    }
  return y;
}

/**
 * gtf_as_floats:
 * @x: (nullable): [..] of U8, I32 or I64
 *
 * Returns: (transfer none) (nullable): the same numbers as float32
 */
GtfTensor *
gtf_as_floats (GtfContext *c, const GtfTensor *x)
{
  const gsize n = x != NULL ? gtf_tensor_get_n_elements (x) : 0;
  GtfTensor *y;

  if (!gtf_op_begin (c, "as_floats", 0) || x == NULL)
    return NULL;
  if ((x->dtype != GTF_DTYPE_U8 && x->dtype != GTF_DTYPE_I32 && x->dtype != GTF_DTYPE_I64) || !gtf_tensor_is_packed (x))
    {
      gtf_fail (c, "expected integers, found %s", gtf_dtype_name (x->dtype));
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, x->shape);
  for (gsize i = 0; y != NULL && i < n; i++)
    gtf_tensor_f32 (y)[i] = x->dtype == GTF_DTYPE_U8 ? (float) ((const guint8 *) x->data)[i] : x->dtype == GTF_DTYPE_I32 ? (float) ((const gint32 *) x->data)[i]
                                                                                                                          : (float) ((const gint64 *) x->data)[i];
  return y;
}

/**
 * gtf_linear_part:
 * @w: (nullable): weight [out][in]
 * @x: (nullable): [..., in]
 * @first: the first output
 * @n: how many
 *
 * Some outputs of a layer that has several things side by side, such as query, key and value.
 *
 * Returns: (transfer none) (nullable): [..., n]
 */
GtfTensor *
gtf_linear_part (GtfContext *c, const GtfLinear *w, const GtfTensor *x, gint64 first, gint64 n)
{
  gint64 begin;
  GtfLinear some;

  if (!gtf_op_begin (c, "linear_part", 1, x))
    return NULL;
  if (w == NULL || first < 0 || n < 1 || n > w->out - first)
    {
      gtf_fail (c, "outputs %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " are not in the weight", first, first + n);
      return NULL;
    }
  begin = first / GTF_PANEL;            /* whole panels are multiplied, and what is too much is cut off */
  some = *w;
  some.out = first + n - begin * GTF_PANEL;
  some.panels = (char *) w->panels + (gsize) begin * w->panel_bytes;
  some.bias = w->bias != NULL ? w->bias + begin * GTF_PANEL : NULL;
  some.scale = w->scale != NULL ? w->scale + begin * GTF_PANEL : NULL;
  some.sums = w->sums != NULL ? w->sums + begin * GTF_PANEL : NULL;
  return gtf_slice (c, gtf_linear (c, &some, x), first - begin * GTF_PANEL, n);
}
