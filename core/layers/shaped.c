/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Patches of pictures whose shapes are told beside them. The table of positions is resized for each, smoothly; padding has the position of the first patch,
 * as in the reference, so that what a model makes of it is the same too.
 */
#include "layers/shaped.h"

#include "base/error.h"
#include "layers/detection.h"
#include "tensor/context-private.h"

/* An input of integers [B][n]; NULL after the sticky error, or where it is optional and absent. */
static const GtfTensor *
read_integers (GtfContext *c, const char *name, gint64 n_pictures, gint64 n, gboolean optional)
{
  const GtfTensor *t = optional ? gtf_input_optional (c, name) : gtf_input (c, name);
  g_autofree char *shape = NULL;

  if (t == NULL || gtf_failed (c))
    return NULL;
  if ((t->dtype == GTF_DTYPE_I32 || t->dtype == GTF_DTYPE_I64) && t->n_dims == 2 && t->shape[0] == n_pictures && t->shape[1] == n)
    return gtf_as_floats (c, t);
  shape = gtf_shape_to_string (t->n_dims, t->shape);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"%s\" is %s %s, expected integers [%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "]", name, gtf_dtype_name (t->dtype), shape,
                 n_pictures, n);
  return NULL;
}

static const GtfTensor *
read_patches (GtfContext *c, gint64 n_features)
{
  const GtfTensor *x = gtf_input (c, "pixel_values");
  g_autofree char *shape = NULL;

  if (x == NULL || gtf_failed (c))
    return NULL;
  if (x->dtype == GTF_DTYPE_F32 && x->n_dims == 3 && x->shape[0] > 0 && x->shape[1] > 0 && x->shape[2] == n_features)
    return x;
  shape = gtf_shape_to_string (x->n_dims, x->shape);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"pixel_values\" is %s %s, expected F32 [B, patches, %" G_GINT64_FORMAT "]: pictures cut into patches as the model's image"
                 " processor does it", gtf_dtype_name (x->dtype), shape, n_features);
  return NULL;
}

/* Which row of a picture's positions a patch takes: its own, padding the first. */
static gint64
row_of_patch (gint64 i, gconstpointer n)
{
  return i < *(const gint64 *) n ? i : 0;
}

/* The positions of a picture of @down x @across patches and of its padding: [n][D]. */
static GtfTensor *
shaped_positions (GtfContext *c, const GtfTensor *table, gint64 down, gint64 across, gint64 n)
{
  const gint64 own = down * across;
  gsize mark = gtf_push (c);
  GtfTensor *x = gtf_vision_resize_square (c, table, down, across, GTF_RESIZE_BILINEAR_ANTIALIAS);

  x = gtf_reshape (c, x, 2, (gint64[]){ own, gtf_dim (table, -1) });
  return gtf_pop_keep (c, mark, gtf_take (c, x, gtf_indices (c, n, row_of_patch, &own)));
}

/* The positions of all pictures one after the other: [B * T][D]. */
static GtfTensor *
all_positions (GtfContext *c, const GtfTensor *table, const GtfTensor *shapes, gint64 n_pictures, gint64 n)
{
  GtfTensor **parts = gtf_arena_alloc (c, (gsize) n_pictures * sizeof *parts);

  for (gint64 i = 0; parts != NULL && i < n_pictures; i++)
    {
      const float *shape = gtf_tensor_f32 (shapes) + 2 * i;

      if (!(shape[0] >= 1 && shape[1] >= 1 && shape[0] * shape[1] <= (float) n))
        {
          gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"spatial_shapes\" says that picture %" G_GINT64_FORMAT " has %g x %g patches, expected at least one and at most %"
                         G_GINT64_FORMAT " together", i, (double) shape[0], (double) shape[1], n);
          return NULL;
        }
      parts[i] = shaped_positions (c, table, (gint64) shape[0], (gint64) shape[1], n);
    }
  return parts != NULL ? gtf_concat (c, parts, n_pictures) : NULL;
}

/**
 * gtf_shaped_embed:
 * @config: sizes
 * @w: the layer over patches, and the square of positions
 *
 * Reads pixel_values and spatial_shapes.
 *
 * Returns: (transfer none) (nullable): [B][T][D]
 */
GtfTensor *
gtf_shaped_embed (GtfContext *c, const GtfVisionConfig *config, const GtfVisionEmbeddings *w)
{
  const GtfTensor *patches = read_patches (c, config->patch_features), *shapes;
  GtfTensor *x, *positions;
  gsize mark;

  if (patches == NULL)
    return NULL;
  mark = gtf_push (c);
  shapes = read_integers (c, "spatial_shapes", patches->shape[0], 2, FALSE);
  if (shapes == NULL)
    return NULL;
  x = gtf_linear (c, w->patches, patches);
  positions = all_positions (c, w->positions, shapes, patches->shape[0], patches->shape[1]);
  positions = gtf_reshape (c, positions, 3, (gint64[]){ patches->shape[0], patches->shape[1], config->encoder.hidden_size });
  return gtf_pop_keep (c, mark, gtf_add (c, x, positions));
}

/**
 * gtf_shaped_mask:
 * @x: (nullable): [B][T][D]
 *
 * Reads pixel_attention_mask.
 *
 * Returns: (transfer none) (nullable): [B][1][1][T], or %NULL: nothing is padding
 */
GtfTensor *
gtf_shaped_mask (GtfContext *c, const GtfTensor *x)
{
  const GtfTensor *mask = x != NULL ? read_integers (c, "pixel_attention_mask", gtf_dim (x, 0), gtf_dim (x, 1), TRUE) : NULL;

  return mask != NULL ? gtf_mask_scores (c, gtf_reshape (c, mask, 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), 1 })) : NULL;
}
