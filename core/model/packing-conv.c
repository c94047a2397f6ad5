/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packs convolutions, with what becomes part of their weights: the length of a weight that is normalised, a batch normalisation, and a branch of one
 * pixel. Their weights are read whole, and the packing itself shares its work among the threads.
 */
#include "model/packing-private.h"

#include <math.h>
#include <string.h>
#include "tensor/convert.h"
#include "tensor/tensor-private.h"

/* Into which of the lengths element @i of the weight counts. */
static gsize
gain_index (const GtfStoredTensor *w, const GtfStoredTensor *gain, gsize i)
{
  gsize inner = w->n_elements;

  for (guint d = 0; d < gain->n_dims && gain->n_elements > 1; d++)
    {
      inner /= (gsize) w->shape[d];
      if (gain->shape[d] != 1)
        return i / inner % (gsize) w->shape[d];
    }
  return 0;
}

/* w = g v / |v|, each length over all elements that share it (Salimans and Kingma 2016, as torch's weight_norm): in float32, in the scratch. */
static gconstpointer
read_normalised (GtfPacker *p, const GtfBoundPart *part, GError **error)
{
  const GtfStoredTensor *w = part->weight, *gain = part->gain;
  g_autofree double *scale = g_try_new0 (double, gain->n_elements + 1);
  g_autofree float *v = w->n_elements > G_MAXSIZE / sizeof (float) - 1 ? NULL : g_try_new (float, w->n_elements + 1), *g = g_try_new (float, gain->n_elements + 1);

  if (!scale || !v || !g)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " numbers", w->n_elements);
      return NULL;
    }
  if (!gtf_packer_read_whole (p, w, error))
    return NULL;
  gtf_convert_f32 (w->dtype, p->scratch, 1, w->n_elements, v);
  if (!gtf_packer_read_whole (p, gain, error))
    return NULL;
  gtf_convert_f32 (gain->dtype, p->scratch, 1, gain->n_elements, g);
  for (gsize i = 0; i < w->n_elements; i++)
    scale[gain_index (w, gain, i)] += (double) v[i] * v[i];
  for (gsize i = 0; i < gain->n_elements; i++)
    scale[i] = g[i] / sqrt (scale[i]);
  if (!gtf_packer_need_scratch (p, w->n_elements * sizeof (float), error))
    return NULL;
  for (gsize i = 0; i < w->n_elements; i++)
    ((float *) (gpointer) p->scratch)[i] = (float) (v[i] * scale[gain_index (w, gain, i)]);
  return p->scratch;
}

/* The weight of a convolution in the scratch, and its type there. */
static gconstpointer
read_conv (GtfPacker *p, const GtfBoundPart *part, GtfDtype *dtype, GError **error)
{
  *dtype = part->gain ? GTF_DTYPE_F32 : part->weight->dtype;
  return part->gain ? read_normalised (p, part, error) : gtf_packer_read_whole (p, part->weight, error);
}

/* ---- what is folded into convolutions of pictures ---------------------------------------------------------------------- */

/* What a batch normalisation does to each output, in double and then rounded: one block of scales and shifts. FALSE after the error. */
static gboolean
read_fold (GtfPacker *p, const GtfBoundWeight *b, GtfFold *fold, GError **error)
{
  const gsize n = (gsize) b->dims[0];
  float *all = n > G_MAXSIZE / 4 / sizeof *all ? NULL : g_try_new (float, 4 * n);

  if (!all)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a normalisation of %" G_GSIZE_FORMAT " channels", n);
      return FALSE;
    }
  for (guint i = 0; i < 4; i++)
    {
      gconstpointer raw = b->norm[i] ? gtf_packer_read_whole (p, b->norm[i], error) : NULL;

      if (!b->norm[i])
        g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the weight \"%s\" has no normalisation that its branch could be added to, or be scaled by", b->weight->name);
      if (!raw)
        {
          g_free (all);
          return FALSE;
        }
      gtf_convert_f32 (b->norm[i]->dtype, raw, 1, n, all + i * n);
    }
  for (gsize i = 0; i < n; i++)
    {
      double scale = all[i] / sqrt (all[3 * n + i] + b->eps);

      all[i] = (float) scale;
      all[n + i] = (float) (all[n + i] - all[2 * n + i] * scale);
    }
  *fold = (GtfFold){ all, all + n };
  return TRUE;
}

gpointer
gtf_pack_batch_norm (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  GtfFold fold;
  gpointer self;

  if (!read_fold (p, b, &fold, error))
    return NULL;
  self = gtf_norm_new (p->store, b->dims[0], GTF_DTYPE_F32, fold.scale, GTF_DTYPE_F32, fold.shift, error);
  g_free (fold.scale);
  return self;
}

/* The weights of a branch and what its normalisation does to them; its shift is added to that of what it becomes part of. FALSE after the error. */
static gboolean
read_branch (GtfPacker *p, const GtfBoundWeight *b, const GtfFold *fold, GtfConvBranch *branch, GError **error)
{
  const GtfBoundPart *part = &b->branch->parts[0];
  gconstpointer raw;
  gsize size;

  if (!read_fold (p, b->branch, &branch->fold, error) || !(raw = read_conv (p, part, &branch->dtype, error)))
    return FALSE;
  for (gint64 o = 0; o < b->dims[0]; o++)
    fold->shift[o] += branch->fold.shift[o];
  size = part->weight->n_elements * gtf_dtype_size (branch->dtype);     /* as large as the scratch, which the convolution itself needs next */
  branch->raw = g_try_malloc (size);
  if (branch->raw)
    memcpy ((gpointer) branch->raw, raw, size);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for \"%s\"", part->weight->name);
  return branch->raw != NULL;
}

static void
clear_branch (GtfConvBranch *branch)
{
  g_free (branch->fold.scale);
  g_free ((gpointer) branch->raw);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfConvBranch, clear_branch)

gpointer
gtf_pack_conv2d (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *bias = b->parts[0].bias;
  const gboolean is_conv = b->weight->type == GTF_WEIGHT_CONV2D, transposed = is_conv && (b->weight->flags & GTF_WEIGHT_TRANSPOSED);
  const gint64 out = b->dims[0], groups = is_conv && (b->weight->flags & GTF_WEIGHT_GROUPED) ? out / b->dims[1] : 1;
  g_autofree float *scales = NULL;
  g_auto (GtfConvBranch) branch = { 0 };
  GtfFold fold = { NULL, NULL };
  GtfConv2d *self;
  GtfDtype stored;

  if ((b->norm[0] || b->branch) && !read_fold (p, b, &fold, error))
    return NULL;
  scales = fold.scale;
  if (b->branch && !read_branch (p, b, &fold, &branch, error))
    return NULL;
  self = gtf_conv2d_new (p->store, p->dtype, out, groups * b->dims[1], is_conv ? b->dims[2] : 1, is_conv ? b->dims[3] : 1, groups, transposed,
                         bias || scales, error);
  if (!self || !read_conv (p, &b->parts[0], &stored, error)
      || !gtf_conv2d_put (self, p->pool, stored, p->scratch, scales ? &fold : NULL, b->branch ? &branch : NULL, b->weight->flags & GTF_WEIGHT_STANDARDIZED ? b->eps : -1, error))
    return NULL;
  if (bias && !gtf_packer_read_whole (p, bias, error))
    return NULL;
  if (bias || scales)
    gtf_conv2d_put_bias (self, bias ? bias->dtype : GTF_DTYPE_F32, bias ? p->scratch : NULL, scales ? &fold : NULL);
  return is_conv ? (gpointer) self : self->blocks[0];
}

gpointer
gtf_pack_conv1d (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *bias = b->parts[0].bias;
  /* Eight bits are for the large products; the few convolutions stay exact. */
  GtfDtype dtype = p->dtype == GTF_DTYPE_I8 ? GTF_DTYPE_F32 : p->dtype, stored;
  GtfConv1d *self = gtf_conv1d_new (p->store, dtype, b->dims[0], b->dims[1], b->dims[2], bias != NULL, error);

  if (!self || !read_conv (p, &b->parts[0], &stored, error))
    return NULL;
  gtf_conv1d_put (self, p->pool, stored, p->scratch);
  if (!bias)
    return self;
  if (!gtf_packer_read_whole (p, bias, error))
    return NULL;
  gtf_conv1d_put_bias (self, bias->dtype, p->scratch);
  return self;
}
