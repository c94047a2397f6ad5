/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What RT-DETR and its kin share. Source: transformers, models/rt_detr/modeling_rt_detr.py.
 */
#include "layers/rt-detr.h"
#include "base/error.h"
#include "layers/grid.h"

#include <string.h>

const GtfWeight gtf_rt_detr_input[] = {
  { GTF_WEIGHT_CONV2D, "0", G_STRUCT_OFFSET (GtfRtDetrConv, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED }, .norm = "1" },
  { GTF_WEIGHT_END }
};

static const GtfWeight rep_vgg_branch = GTF_RT_DETR_CONV (GtfRepVgg, conv, "conv2.conv", "conv2.norm", 0);

const GtfWeight gtf_rep_vgg[] = {
  { GTF_WEIGHT_CONV2D, "conv1.conv", G_STRUCT_OFFSET (GtfRepVgg, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED, GTF_DIM_STORED },
    .norm = "conv1.norm", .eps_field = G_STRUCT_OFFSET (GtfRtDetrConfig, norm_eps), .branch = &rep_vgg_branch },
  { GTF_WEIGHT_END }
};

static const GtfWeight encoder_layer[] = { GTF_RT_DETR_LAYER (hidden, encoder_inner), { GTF_WEIGHT_END } };

const GtfWeight gtf_rt_detr_coder[] = {
  GTF_RT_DETR_GROUP (GtfRtDetrCoder, layers, "layers.%d", encoder_layer, GtfRtDetrLayer, GTF_RT_DETR_DIM (encoder_layers)), { GTF_WEIGHT_END }
};

/* ---- sizes ---------------------------------------------------------------------------------------------------------------- */

static gint64
list_size (const char *list)
{
  return list ? gtf_config_list_size (list) : 3;
}

/* One number for all maps, or one for each. */
static gboolean
read_points (GtfRtDetrConfig *config, GError **error)
{
  const char *points = config->points ? config->points : "4";
  const gint64 n = gtf_config_list_size (points);

  config->scores = 0;
  for (gint64 i = 0; i < config->n_levels; i++)
    {
      if ((n != 1 && n != config->n_levels) || !gtf_config_list_int (points, n > 1 ? i : 0, 1, GTF_MAX_POINTS, &config->n_points[i]))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "decoder_n_points: expected a number from 1 to %d or one for each of %" G_GINT64_FORMAT " feature maps, found %.60s",
                       GTF_MAX_POINTS, config->n_levels, points);
          return FALSE;
        }
      config->scores += config->decoder_heads * config->n_points[i];
    }
  config->offsets = 2 * config->scores;
  return TRUE;
}

static gboolean
read_places (GtfRtDetrConfig *config, GError **error)
{
  const char *coded = config->coded ? config->coded : "2";

  config->n_coded = config->encoder_layers > 0 ? gtf_config_list_size (coded) : 0;
  for (gint64 i = 0; i < config->n_coded; i++)
    if (i >= GTF_MAX_LEVELS || !gtf_config_list_int (coded, i, 0, config->n_in - 1, &config->places[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encode_proj_layers: expected numbers from 0 to %" G_GINT64_FORMAT ", found %.60s", config->n_in - 1, coded);
        return FALSE;
      }
  return TRUE;
}

gboolean
gtf_rt_detr_derive (gpointer data, GError **error)
{
  GtfRtDetrConfig *config = data;
  const gint64 n_maps = gtf_backbone_n_maps (config->backbone);

  config->n_in = list_size (config->levels_in);
  config->n_stages = config->n_in - 1;
  config->n_learnt = config->learns_queries ? config->n_queries : 0;
  config->d2 = 2 * config->d;
  if (config->n_in < 1 || config->n_in > GTF_MAX_LEVELS || config->n_in != n_maps || list_size (config->levels_out) != config->n_in || config->n_levels < config->n_in)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_in_channels, decoder_in_channels, num_feature_levels: expected as many as the backbone gives feature maps (%"
                 G_GINT64_FORMAT ", at most %d), found %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT, n_maps, GTF_MAX_LEVELS, config->n_in,
                 list_size (config->levels_out), config->n_levels);
  else if (config->hidden % 4 != 0 || config->hidden % config->encoder_heads != 0 || config->d % config->decoder_heads != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "encoder_hidden_dim (%" G_GINT64_FORMAT ") must be a multiple of 4 and encoder_attention_heads, d_model (%" G_GINT64_FORMAT
                 ") of decoder_attention_heads", config->hidden, config->d);
  else if (strcmp (config->method, "default") != 0 && strcmp (config->method, "discrete") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "decoder_method: expected \"default\" or \"discrete\", found \"%.60s\"", config->method);
  else
    return read_places (config, error) && read_points (config, error);
  return FALSE;
}

/* ---- the encoder ---------------------------------------------------------------------------------------------------------- */

static GtfTensor *
encoder_layer_forward (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrLayer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention how = { .n_heads = config->encoder_heads };
  const float eps = (float) config->eps;
  GtfTensor *h = config->norm_first ? gtf_layer_norm (c, w->self_norm, x, eps) : x, *placed = places ? gtf_add (c, h, places) : h;

  x = gtf_layer_norm (c, config->norm_first ? w->final_norm : w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, h, x), eps);
  x = gtf_feed_forward (c, w->up, config->encoder_activation, w->down, x, x);     /* it is added to what is normalised, also where that comes first */
  return config->norm_first ? x : gtf_layer_norm (c, w->final_norm, x, eps);
}

static GtfTensor *
code (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrCoder *w, GtfTensor *map)
{
  const gint64 height = gtf_dim (map, 1), width = gtf_dim (map, 2);
  const GtfTensor *places = config->eval_size ? NULL : gtf_grid_waves (c, height, width, config->hidden, config->temperature);
  GtfTensor *x = gtf_map_tokens (c, map);

  for (gint64 i = 0; i < config->encoder_layers; i++)
    x = encoder_layer_forward (c, config, &w->layers[i], x, places);
  return gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (map, 0), height, width, config->hidden });
}

gboolean
gtf_rt_detr_maps (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrWeights *w, const GtfTensor *pixels, GtfTensor **maps)
{
  if (!gtf_backbone_maps (c, w->backbone, pixels, maps, config->n_in))
    return FALSE;
  for (gint64 i = 0; i < config->n_in; i++)
    maps[i] = gtf_conv2d (c, w->inputs[i].conv, maps[i], NULL, GTF_ACTIVATION_NONE, NULL);
  for (gint64 i = 0; i < config->n_coded && !gtf_failed (c); i++)
    maps[config->places[i]] = code (c, config, &w->coders[i], maps[config->places[i]]);
  return !gtf_failed (c);
}

GtfTensor *
gtf_csp_rep (GtfContext *c, const GtfCspRep *w, gint64 n_blocks, const GtfTensor *x, GtfActivation act)
{
  const GtfWindow around = { .padding = 1 };
  GtfTensor *y = n_blocks > 0 ? gtf_conv2d_inner (c, w->first, x, NULL, act) : gtf_conv2d (c, w->first, x, NULL, act, NULL);

  for (gint64 i = 0; i + 1 < n_blocks; i++)
    y = gtf_conv2d_inner (c, w->blocks[i].conv, y, &around, act);
  if (n_blocks > 0)
    y = gtf_conv2d (c, w->blocks[n_blocks - 1].conv, y, &around, act, NULL);
  y = gtf_add (c, y, gtf_conv2d (c, w->second, x, NULL, act, NULL));
  return w->last != NULL ? gtf_conv2d (c, w->last, y, NULL, act, NULL) : y;
}

/* ---- the queries ---------------------------------------------------------------------------------------------------------- */

/* All maps as one text of pixels. */
static const GtfTensor *
flatten (GtfContext *c, const GtfRtDetrConfig *config, GtfTensor *const *maps, GtfDeformable *how)
{
  GtfTensor *tokens[GTF_MAX_LEVELS];

  for (gint64 i = 0; i < config->n_levels; i++)
    {
      how->heights[i] = gtf_dim (maps[i], 1);
      how->widths[i] = gtf_dim (maps[i], 2);
      how->n_points[i] = config->n_points[i];
      tokens[i] = gtf_map_tokens (c, maps[i]);
    }
  return gtf_failed (c) ? NULL : gtf_chain_tokens (c, tokens, config->n_levels);
}

GtfTensor *
gtf_rt_detr_propose (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrWeights *w, GtfTensor *const *maps, GtfRtDetrPass *pass)
{
  GtfTensor *valid, *anchors = gtf_anchors (c, maps, config->n_levels, 0.05f, FALSE, &valid), *x, *best, *boxes;

  pass->how = (GtfDeformable){ .n_heads = config->decoder_heads, .n_levels = config->n_levels, .offset_scale = config->offset_scale, .nearest = strcmp (config->method, "discrete") == 0 };
  pass->memory = flatten (c, config, maps, &pass->how);
  x = gtf_layer_norm (c, w->proposal_norm, gtf_linear (c, w->proposal, gtf_keep_rows (c, pass->memory, valid)), (float) config->eps);
  best = gtf_top_rows (c, gtf_linear (c, w->proposal_scores, x), config->n_queries);
  boxes = gtf_add (c, gtf_detection_mlp (c, w->proposal_boxes, 3, x), anchors);
  pass->references = gtf_activate (c, gtf_take (c, boxes, best), GTF_ACTIVATION_SIGMOID);
  if (w->queries == NULL)
    return gtf_take (c, x, best);
  return gtf_repeat_rows (c, gtf_embedding_range (c, w->queries, 0, config->n_queries), gtf_dim (pass->memory, 0));
}

GtfTensor *
gtf_rt_detr_attend (GtfContext *c, const GtfRtDetrConfig *config, const GtfRtDetrLayer *w, GtfTensor *x, const GtfTensor *places)
{
  const GtfAttention how = { .n_heads = config->decoder_heads };
  GtfTensor *placed = gtf_add (c, x, places);

  return gtf_layer_norm (c, w->self_norm, gtf_detection_attend (c, &w->self, &how, placed, placed, x, x), (float) config->eps);
}
