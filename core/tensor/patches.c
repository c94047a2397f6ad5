/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures as rows: patches, tokens before them, means over them.
 */
#include "tensor/context-private.h"
#include "tensor/pictures.h"

#include <string.h>

typedef struct
{
  const float *x;
  float *y;
  gint64 channels, rows, cols;          /* of the picture */
  gint64 height, width;                 /* of a patch */
  gint64 down, across, n;               /* patches; n: rows of patches of all pictures */
} Patches;

/* One row of patches: each line of pixels is cut, and its pieces go to the patches. */
static void
patch_row (const Patches *p, gint64 row)
{
  gint64 size = p->height * p->width, picture = row / p->down, first = row % p->down * p->height;
  float *to = p->y + row * p->across * p->channels * size;

  for (gint64 channel = 0; channel < p->channels; channel++)
    for (gint64 i = 0; i < p->height; i++)
      {
        const float *line = p->x + ((picture * p->channels + channel) * p->rows + first + i) * p->cols;

        for (gint64 j = 0; j < p->across; j++)
          memcpy (to + (j * p->channels + channel) * size + i * p->width, line + j * p->width, (gsize) p->width * sizeof *to);
      }
}

static void
patches_part (gpointer data, guint part, guint n_parts)
{
  const Patches *p = data;

  for (gint64 row = part * p->n / n_parts; row < (part + 1) * p->n / n_parts; row++)
    patch_row (p, row);
}

/**
 * gtf_patches:
 * @x: (nullable): [B][C][H][W]
 * @height: of a patch
 * @width: of a patch
 *
 * Returns: (transfer none) (nullable): [B][H / height * (W / width)][C * height * width]
 */
GtfTensor *
gtf_patches (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width)
{
  Patches p = { .height = height, .width = width };
  GtfTensor *y;

  if (!gtf_op_begin (c, "patches", 1, x))
    return NULL;
  if (x->n_dims != 4 || height < 1 || width < 1 || x->shape[2] < height || x->shape[3] < width)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, expected [B, C, H, W] of at least one patch of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT, shape, height, width);
      return NULL;
    }
  x = gtf_packed (c, x);
  if (x == NULL)
    return NULL;
  p.x = gtf_tensor_f32 (x);
  p.channels = x->shape[1];
  p.rows = x->shape[2];
  p.cols = x->shape[3];
  p.down = p.rows / height;
  p.across = p.cols / width;
  p.n = x->shape[0] * p.down;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ x->shape[0], p.down * p.across, p.channels * height * width });
  if (y == NULL)
    return NULL;
  p.y = gtf_tensor_f32 (y);
  gtf_pool_run (c->pool, gtf_tensor_get_n_elements (y) < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), patches_part, &p);
  return y;
}

/**
 * gtf_pixels_last:
 * @x: (nullable): [B][C][H][W]
 *
 * Returns: (transfer none) (nullable): [B][H][W][C]
 */
GtfTensor *
gtf_pixels_last (GtfContext *c, const GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), channels = gtf_dim (x, 1), height = gtf_dim (x, 2), width = gtf_dim (x, 3);

  if (!gtf_op_begin (c, "pixels_last", 1, x))
    return NULL;
  return gtf_reshape (c, gtf_transpose (c, gtf_reshape (c, x, 3, (gint64[]){ n, channels, height * width })), 4, (gint64[]){ n, height, width, channels });
}

/**
 * gtf_pixels_first:
 * @x: (nullable): [B][H][W][C]
 *
 * Returns: (transfer none) (nullable): [B][C][H][W]
 */
GtfTensor *
gtf_pixels_first (GtfContext *c, const GtfTensor *x)
{
  const gint64 n = gtf_dim (x, 0), height = gtf_dim (x, 1), width = gtf_dim (x, 2), channels = gtf_dim (x, 3);

  if (!gtf_op_begin (c, "pixels_first", 1, x))
    return NULL;
  return gtf_reshape (c, gtf_transpose (c, gtf_reshape (c, x, 3, (gint64[]){ n, height * width, channels })), 4, (gint64[]){ n, channels, height, width });
}

/**
 * gtf_prepend:
 * @first: (nullable): [n][D], the same for all, or [B][n][D]
 * @x: (nullable): [B][T][D]
 *
 * Returns: (transfer none) (nullable): [B][n + T][D]
 */
GtfTensor *
gtf_prepend (GtfContext *c, const GtfTensor *first, const GtfTensor *x)
{
  gint64 head, body;
  gboolean own;
  GtfTensor *y;

  if (!gtf_op_begin (c, "prepend", 2, first, x))
    return NULL;
  own = first->n_dims == 3;
  if (x->n_dims != 3 || (own ? first->shape[0] != x->shape[0] : first->n_dims != 2) || gtf_tensor_cols (first) != x->shape[2])
    {
      gtf_fail_shapes (c, first, x, "expected [n, D] or [B, n, D], and [B, T, D]");
      return NULL;
    }
  first = gtf_packed (c, first);
  x = gtf_packed (c, x);
  y = first != NULL && x != NULL ? gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ x->shape[0], first->shape[own] + x->shape[1], x->shape[2] }) : NULL;
  if (y == NULL)
    return NULL;
  head = first->shape[own] * x->shape[2];
  body = x->shape[1] * x->shape[2];
  for (gint64 i = 0; i < x->shape[0]; i++)
    {
      float *to = gtf_tensor_f32 (y) + i * (head + body);

      memcpy (to, gtf_tensor_f32 (first) + (own ? i * head : 0), (gsize) head * sizeof *to);
      memcpy (to + head, gtf_tensor_f32 (x) + i * body, (gsize) body * sizeof *to);
    }
  return y;
}

/**
 * gtf_mean_steps:
 * @x: (nullable): [B][T][D], T at least 1
 *
 * Returns: (transfer none) (nullable): [B][D]
 */
GtfTensor *
gtf_mean_steps (GtfContext *c, const GtfTensor *x)
{
  gint64 n, d;
  GtfTensor *y;

  if (!gtf_op_begin (c, "mean_steps", 1, x))
    return NULL;
  if (x->n_dims != 3 || x->shape[1] < 1)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);

      gtf_fail (c, "x is %s, expected [B, T, D] with at least one step", shape);
      return NULL;
    }
  n = x->shape[1];
  d = x->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ x->shape[0], d });
  for (gint64 i = 0; y != NULL && i < x->shape[0]; i++)
    {
      float *to = gtf_tensor_f32 (y) + i * d;

      memset (to, 0, (gsize) d * sizeof *to);
      for (gint64 t = 0; t < n; t++)
        c->kernels->add (to, gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, i * n + t), d, to);
      c->kernels->scale (to, 1.0f / (float) n, d, to);
    }
  return y;
}
