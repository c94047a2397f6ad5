/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arnab et al., "ViViT: A Video Vision Transformer" (2021): tubelet embedding, a convolution over time, height and width whose stride is its
 * kernel, as a product.
 */
#include "layers/video.h"

#include <math.h>
#include "base/error.h"
#include "tensor/context-private.h"

const char *const gtf_video_base_tasks[] = { NULL };
const char *const gtf_video_classification_tasks[] = { "video-classification", NULL };

gboolean
gtf_video_config_patches (GtfVideoConfig *config, GError **error)
{
  GtfVisionConfig *v = &config->vision;

  if (!gtf_vision_config_patches (v, error))
    return FALSE;
  if (config->tubelet > config->n_frames)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "tubelet_size (%" G_GINT64_FORMAT ") is larger than num_frames (%" G_GINT64_FORMAT ")", config->tubelet,
                   config->n_frames);
      return FALSE;
    }
  v->patch_features *= config->tubelet;
  v->n_positions = (v->n_positions - v->n_first) * (config->n_frames / config->tubelet) + v->n_first;
  return TRUE;
}

static void
refuse_size (GtfContext *c, const GtfVisionConfig *v, const GtfTensor *x)
{
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the frames are %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT ", but the model takes frames of %" G_GINT64_FORMAT
                 " x %" G_GINT64_FORMAT " (height x width)", x->shape[3], x->shape[4], v->image_height, v->image_width);
}

const GtfTensor *
gtf_video_pixels (GtfContext *c, const GtfVideoConfig *config, gboolean fixed)
{
  const GtfVisionConfig *v = &config->vision;
  const GtfTensor *x = gtf_input (c, "pixel_values");
  g_autofree char *shape = NULL;

  if (x == NULL || gtf_failed (c))
    return NULL;
  if (x->dtype != GTF_DTYPE_F32 || x->n_dims != 5 || x->shape[0] < 1 || x->shape[1] < 1 || x->shape[2] != v->n_channels)
    {
      shape = gtf_shape_to_string (x->n_dims, x->shape);
      gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"pixel_values\" is %s %s, expected F32 [B, frames, %" G_GINT64_FORMAT ", H, W]",
                     gtf_dtype_name (x->dtype), shape, v->n_channels);
      return NULL;
    }
  if (fixed ? x->shape[3] != v->image_height || x->shape[4] != v->image_width : x->shape[3] < v->patch_height || x->shape[4] < v->patch_width)
    {
      refuse_size (c, v, x);
      return NULL;
    }
  if (x->shape[1] >= config->tubelet)
    return x;
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "there are %" G_GINT64_FORMAT " frames, but a patch of the model reaches through %" G_GINT64_FORMAT, x->shape[1],
                 config->tubelet);
  return NULL;
}

/* Planes of a video [frames][C], in the order in which a tubelet's weight has them: [frames / tubelet][C][tubelet]. */
typedef struct
{
  gint64 n_frames, n_channels, tubelet, n_tubelets;
} Planes;

static gint64
plane_of (gint64 i, gconstpointer data)
{
  const Planes *p = data;
  const gint64 k = i % p->tubelet, channel = i / p->tubelet % p->n_channels, group = i / p->tubelet / p->n_channels;
  const gint64 frame = group / p->n_tubelets * p->n_frames + group % p->n_tubelets * p->tubelet + k;

  return frame * p->n_channels + channel;
}

GtfTensor *
gtf_video_patches (GtfContext *c, const GtfVideoConfig *config, const GtfLinear *w, const GtfTensor *pixels)
{
  const gint64 b = gtf_dim (pixels, 0), height = gtf_dim (pixels, 3), width = gtf_dim (pixels, 4);
  const Planes p = { gtf_dim (pixels, 1), gtf_dim (pixels, 2), config->tubelet, gtf_dim (pixels, 1) / config->tubelet };
  const gint64 n = b * p.n_tubelets, depth = p.n_channels * p.tubelet;
  const gsize mark = gtf_push (c);
  GtfTensor *x = gtf_reshape (c, pixels, 2, (gint64[]){ b * p.n_frames * p.n_channels, height * width });

  if (p.tubelet > 1)
    x = gtf_take (c, x, gtf_indices (c, n * depth, plane_of, &p));
  x = gtf_reshape (c, x, 4, (gint64[]){ n, depth, height, width });
  x = gtf_linear (c, w, gtf_patches (c, x, config->vision.patch_height, config->vision.patch_width));
  return gtf_pop_keep (c, mark, gtf_reshape (c, x, 3, (gint64[]){ b, -1, config->vision.encoder.hidden_size }));
}

gboolean
gtf_video_check_positions (GtfContext *c, const GtfVideoConfig *config, const GtfTensor *pixels, gint64 n_tokens, gint64 n_positions)
{
  if (gtf_failed (c) || n_tokens == n_positions)
    return !gtf_failed (c);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "a video of %" G_GINT64_FORMAT " frames is %" G_GINT64_FORMAT " tokens, but the model has positions for %" G_GINT64_FORMAT
                 ": it takes %" G_GINT64_FORMAT " frames", gtf_dim (pixels, 1), n_tokens, n_positions, config->n_frames);
  return FALSE;
}

GtfTensor *
gtf_interleaved_sinusoids (GtfContext *c, gint64 n, gint64 features)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "interleaved_sinusoids", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, features });
  for (gint64 i = 0; y != NULL && i < features; i++)
    {
      const double period = pow (10000, (double) (2 * (i / 2)) / (double) features);

      for (gint64 t = 0; t < n; t++)
        gtf_tensor_f32 (y)[t * features + i] = (float) (i % 2 == 0 ? sin ((double) t / period) : cos ((double) t / period));
    }
  return y;
}
