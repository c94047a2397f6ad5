/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A block is attention and two linear layers, each behind a normalisation. The keys of attention are those of a smaller picture: a convolution
 * whose stride is its size, or means over areas, make it. Between the linear layers a depthwise convolution may tell patches where they are.
 */
#include "layers/pyramid.h"

#include "base/error.h"

/* A number for each stage. */
static gboolean
read_list (GtfPyramidConfig *config, const char *key, const char *list, gint64 most, gsize offset, GError **error)
{
  for (gint64 i = 0; i < config->n_stages; i++)
    if (!gtf_config_list_int (list, i, 1, most, (gint64 *) ((char *) &config->stages[i] + offset)))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %" G_GINT64_FORMAT " numbers from 1 to %" G_GINT64_FORMAT
                     ", one for each of num_encoder_blocks, found %.60s", key, config->n_stages, most, list ? list : "none");
        return FALSE;
      }
  return TRUE;
}

#define READ(key, list, most, field) read_list (config, key, config->list, most, G_STRUCT_OFFSET (GtfPyramidStage, field), error)

gboolean
gtf_pyramid_config_derive (gpointer data, GError **error)
{
  GtfPyramidConfig *config = data;

  if (!READ ("depths", depths, 1024, depth) || !READ ("sr_ratios", reductions, 256, reduction) || !READ ("hidden_sizes", sizes, 1 << 16, size)
      || !READ ("patch_sizes", patches, 256, patch) || !READ ("strides", strides, 256, stride) || !READ ("num_attention_heads", heads, 4096, heads)
      || !READ ("mlp_ratios", ratios, 16, ratio))
    return FALSE;
  for (gint64 i = 0; i < config->n_stages; i++)
    {
      GtfPyramidStage *s = &config->stages[i];

      if (s->size % s->heads != 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_sizes: %" G_GINT64_FORMAT " must be a multiple of num_attention_heads, %" G_GINT64_FORMAT,
                       s->size, s->heads);
          return FALSE;
        }
      s->input = i > 0 ? config->stages[i - 1].size : config->n_channels;
      s->inner = s->size * s->ratio;
      s->reduces = config->pools ? 1 : s->reduction > 1 ? s->reduction : 0;
      config->last_size = s->size;
    }
  return TRUE;
}

/* The picture whose pixels are the keys. */
static GtfTensor *
smaller (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidBlock *w, GtfTensor *x, gint64 reduction, gint64 height, gint64 width)
{
  if (w->reduction == NULL)
    return x;
  x = gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (x, 0), height, width, gtf_dim (x, -1) });
  if (config->pools)
    x = gtf_adaptive_avg_pool2d (c, x, 7, 7);
  x = gtf_conv2d (c, w->reduction, x, &(GtfWindow){ .stride = config->pools ? 1 : reduction }, GTF_ACTIVATION_NONE, NULL);
  x = gtf_layer_norm (c, w->reduction_norm, x, (float) config->eps);
  if (config->pools)
    x = gtf_activate (c, x, GTF_ACTIVATION_GELU);
  return gtf_reshape (c, x, 3, (gint64[]){ gtf_dim (x, 0), -1, gtf_dim (x, -1) });
}

static GtfTensor *
block_forward (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidBlock *w, const GtfPyramidStage *s, GtfTensor *x, gint64 height, gint64 width)
{
  const float eps = (float) config->eps;
  const GtfActivation act = w->depthwise != NULL ? (config->pools ? GTF_ACTIVATION_RELU : GTF_ACTIVATION_NONE) : config->activation;
  GtfTensor *h = gtf_layer_norm (c, w->attention_norm, x, eps), *kv = gtf_linear (c, w->key_value, smaller (c, config, w, h, s->reduction, height, width));

  h = gtf_attention (c, gtf_linear (c, w->query, h), gtf_slice (c, kv, 0, s->size), gtf_slice (c, kv, s->size, s->size), &(GtfAttention){ .n_heads = s->heads });
  x = gtf_linear_add (c, w->attention_out, h, x);
  h = gtf_linear_act (c, w->up, gtf_layer_norm (c, w->output_norm, x, eps), act);
  if (w->depthwise != NULL)
    {
      h = gtf_reshape (c, h, 4, (gint64[]){ gtf_dim (h, 0), height, width, s->inner });
      h = gtf_conv2d (c, w->depthwise, h, &(GtfWindow){ .padding = 1 }, config->activation, NULL);
      h = gtf_reshape (c, h, 3, (gint64[]){ gtf_dim (h, 0), -1, s->inner });
    }
  return gtf_linear_add (c, w->down, h, x);
}

GtfTensor *
gtf_pyramid_blocks (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, GtfTensor *x, gint64 height, gint64 width)
{
  const GtfPyramidStage *s = &config->stages[stage];

  for (gint64 i = 0; i < s->depth && !gtf_failed (c); i++)
    {
      gsize mark = gtf_push (c);

      x = gtf_pop_keep (c, mark, block_forward (c, config, &w->blocks[i], s, x, height, width));
    }
  return x;
}

GtfTensor *
gtf_pyramid_patches (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, const GtfTensor *x)
{
  const GtfWindow window = { .stride = config->stages[stage].stride, .padding = config->stages[stage].patch / 2 };

  return gtf_layer_norm (c, w->patch_norm, gtf_conv2d (c, w->patches, x, &window, GTF_ACTIVATION_NONE, NULL), (float) config->eps);
}

GtfTensor *
gtf_pyramid_stage (GtfContext *c, const GtfPyramidConfig *config, const GtfPyramidStageWeights *w, gint64 stage, const GtfTensor *x)
{
  GtfTensor *patches = gtf_pyramid_patches (c, config, w, stage, x), *y;
  const gint64 n = gtf_dim (patches, 0), height = gtf_dim (patches, 1), width = gtf_dim (patches, 2), size = config->stages[stage].size;

  y = gtf_reshape (c, patches, 3, (gint64[]){ n, height * width, size });
  y = gtf_layer_norm (c, w->norm, gtf_pyramid_blocks (c, config, w, stage, y, height, width), (float) config->eps);
  return gtf_reshape (c, y, 4, (gint64[]){ n, height, width, size });
}
