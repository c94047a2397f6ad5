/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mask2Former's pixel decoder and its decoder of queries (query-masks.h).
 *
 * A mask decides where a query looks in the next, coarser map. Making masks smaller and multiplying queries with smaller pixels is the same, as both are
 * linear; so the pixels are made smaller once, and whole masks are made only of the last queries.
 */
#include "layers/query-masks.h"

#include "base/error.h"
#include "tensor/context-private.h"
#include "tensor/deformable.h"

#define EPS 1e-5f               /* of group normalisations */
#define GROUPS 32
#define POINTS 4                /* that deformable attention sees in each map */

#define LAYER(field, name, out, in) GTF_QUERY_LINEAR (GtfPixelLayer, field, name, out, in)

const GtfWeight gtf_pixel_layer[] = {
  LAYER (offsets, "self_attn.sampling_offsets", offsets_size, pixel_size),
  LAYER (scores, "self_attn.attention_weights", scores_size, pixel_size),
  LAYER (value, "self_attn.value_proj", pixel_size, pixel_size),
  LAYER (out, "self_attn.output_proj", pixel_size, pixel_size),
  GTF_QUERY_NORM (GtfPixelLayer, attention_norm, "self_attn_layer_norm", pixel_size),
  LAYER (up, "fc1", pixel_inner, pixel_size),
  LAYER (down, "fc2", pixel_size, pixel_inner),
  GTF_QUERY_NORM (GtfPixelLayer, output_norm, "final_layer_norm", pixel_size),
  { GTF_WEIGHT_END }
};

/* Powers of two between the finest map that queries look at and that of the masks. */
static gboolean
count_finer (GtfQueryMaskConfig *config, GError **error)
{
  const char *strides = config->strides ? config->strides : "4|8|16|32";
  const gint64 n = gtf_config_list_size (strides);
  gint64 least = G_MAXINT64, stride;

  for (gint64 i = MAX (n - GTF_QUERY_LEVELS, 0); i < n; i++)
    if (gtf_config_list_int (strides, i, 1, 1 << 16, &stride))
      least = MIN (least, stride);
  while (config->n_finer <= GTF_QUERY_FINER && least >> (config->n_finer + 1) >= config->common_stride)
    config->n_finer++;
  if (least < G_MAXINT64 && least >= config->common_stride && config->n_finer <= GTF_QUERY_FINER)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "feature strides: expected numbers of which the last %d are from common_stride (%" G_GINT64_FORMAT ") to %d times as much, found %.60s",
               GTF_QUERY_LEVELS, config->common_stride, 1 << GTF_QUERY_FINER, strides);
  return FALSE;
}

/**
 * gtf_query_masks_derive:
 * @config: begins with a #GtfQueryMaskConfig
 * @error: return location
 *
 * What the fields, taken together, must be. For `derive` of an architecture.
 */
gboolean
gtf_query_masks_derive (gpointer config, GError **error)
{
  GtfQueryMaskConfig *self = config;

  if (!count_finer (self, error))
    return FALSE;
  if (self->pixel_size % GROUPS != 0 || self->pixel_size % self->n_heads != 0 || self->hidden_size % self->n_heads != 0 || self->hidden_size % 4 != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "the pixel decoder's features (%" G_GINT64_FORMAT ") must be a multiple of %d, hidden_dim (%" G_GINT64_FORMAT ") of 4, and both of"
                   " num_attention_heads (%" G_GINT64_FORMAT ")", self->pixel_size, GROUPS, self->hidden_size, self->n_heads);
      return FALSE;
    }
  self->n_layers--;             /* the reference counts the queries before the first layer as one */
  self->n_classes = self->n_labels + 1;
  for (gint64 i = 0; i < self->n_finer; i++)
    self->finer_size[i] = self->pixel_size;
  self->projection_size = self->always_projects || self->pixel_size != self->hidden_size ? self->hidden_size : 0;
  self->scores_size = self->n_heads * GTF_QUERY_LEVELS * POINTS;
  self->offsets_size = self->scores_size * 2;
  return TRUE;
}

/* ---- positions ----------------------------------------------------------------------------------------------------------- */

GtfTensor *
gtf_map_positions (GtfContext *c, const GtfTensor *map, gint64 features)
{
  const GtfPositions2d how = { .features = features / 2, .temperature = 10000, .scale = 2 * G_PI };
  const gint64 n = map != NULL ? gtf_dim (map, 1) * gtf_dim (map, 2) : 0;
  GtfTensor *all;

  if (!gtf_op_begin (c, "map_positions", 1, map))
    return NULL;
  all = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 1, gtf_dim (map, 1), gtf_dim (map, 2) });
  for (gint64 i = 0; all != NULL && i < n; i++)
    gtf_tensor_f32 (all)[i] = 1;
  return gtf_reshape (c, gtf_positions_2d (c, all, &how), 2, (gint64[]){ n, features });
}

/* Row i of a table [n][D], to be added to each pixel: [D]. */
static GtfTensor *
row_of (GtfContext *c, const GtfTensor *table, gint64 i)
{
  return gtf_reshape (c, gtf_steps (c, table, i, 1), 1, (gint64[]){ gtf_dim (table, 1) });
}

/* The middle of each pixel of all maps, as parts of the picture: [B][S][1][2]. */
static GtfTensor *
middles (GtfContext *c, gint64 n_pictures, const GtfDeformable *maps)
{
  gint64 n = 0;
  GtfTensor *y;
  float *to;

  for (gint64 i = 0; i < maps->n_levels; i++)
    n += maps->heights[i] * maps->widths[i];
  y = gtf_failed (c) ? NULL : gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ n_pictures, n, 1, 2 });
  to = y != NULL ? gtf_tensor_f32 (y) : NULL;
  for (gint64 i = 0; to != NULL && i < n_pictures * maps->n_levels; i++)
    {
      const gint64 height = maps->heights[i % maps->n_levels], width = maps->widths[i % maps->n_levels];

      for (gint64 p = 0; p < height * width; p++, to += 2)
        {
          to[0] = ((float) (p % width) + 0.5f) / (float) width;
          to[1] = ((float) (p / width) + 0.5f) / (float) height;
        }
    }
  return y;
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
project (GtfContext *c, const GtfPixelProjection *w, const GtfTensor *x)
{
  return gtf_group_norm (c, w->norm, gtf_linear (c, w->linear, x), GROUPS, EPS);
}

/* Tokens of each picture's maps, one map after the other: [B][S][D]. */
static GtfTensor *
join_levels (GtfContext *c, GtfTensor *const *levels, gint64 n_pictures)
{
  g_autofree GtfTensor **parts = g_new0 (GtfTensor *, (gsize) n_pictures * GTF_QUERY_LEVELS);
  gint64 n = 0, d = gtf_dim (levels[0], 3);

  for (gint64 i = 0; i < GTF_QUERY_LEVELS; i++)
    {
      const gint64 pixels = gtf_dim (levels[i], 1) * gtf_dim (levels[i], 2);
      GtfTensor *rows = gtf_reshape (c, levels[i], 2, (gint64[]){ n_pictures * pixels, d });

      for (gint64 b = 0; b < n_pictures; b++)
        parts[b * GTF_QUERY_LEVELS + i] = gtf_steps (c, rows, b * pixels, pixels);
      n += pixels;
    }
  return gtf_reshape (c, gtf_concat (c, parts, n_pictures * GTF_QUERY_LEVELS), 3, (gint64[]){ n_pictures, n, d });
}

static GtfTensor *
pixel_layer (GtfContext *c, const GtfPixelLayer *w, float eps, GtfTensor *x, const GtfTensor *places, const GtfTensor *references, const GtfDeformable *how)
{
  GtfTensor *placed = gtf_add (c, x, places), *h;

  h = gtf_deformable_attention (c, gtf_linear (c, w->value, x), gtf_linear (c, w->offsets, placed), gtf_linear (c, w->scores, placed), references, how);
  x = gtf_layer_norm (c, w->attention_norm, gtf_linear_add (c, w->out, h, x), eps);
  return gtf_layer_norm (c, w->output_norm, gtf_feed_forward (c, w->up, GTF_ACTIVATION_RELU, w->down, x, x), eps);
}

/* The three coarsest maps, after they looked at each other, in their own shapes. */
static void
encode_levels (GtfContext *c, const GtfQueryMaskConfig *config, const GtfPixelDecoder *w, GtfTensor **levels)
{
  GtfDeformable how = { .n_heads = config->n_heads, .n_levels = GTF_QUERY_LEVELS };
  const gint64 n_pictures = gtf_dim (levels[0], 0);
  GtfTensor *places[GTF_QUERY_LEVELS], *x = join_levels (c, levels, n_pictures), *all, *references;
  gint64 first = 0;
  gsize mark;

  for (gint64 i = 0; i < GTF_QUERY_LEVELS && !gtf_failed (c); i++)
    {
      how.heights[i] = gtf_dim (levels[i], 1);
      how.widths[i] = gtf_dim (levels[i], 2);
      how.n_points[i] = POINTS;
      places[i] = gtf_add (c, gtf_map_positions (c, levels[i], config->pixel_size), row_of (c, w->levels, i));
    }
  if (gtf_failed (c))
    return;
  all = gtf_concat (c, places, GTF_QUERY_LEVELS);
  references = middles (c, n_pictures, &how);
  mark = gtf_push (c);
  for (gint64 i = 0; i < config->pixel_layers; i++)
    x = gtf_pop_keep (c, mark, pixel_layer (c, &w->layers[i], (float) config->eps, x, all, references, &how));
  for (gint64 i = 0; i < GTF_QUERY_LEVELS; i++)
    {
      const gint64 n = how.heights[i] * how.widths[i];

      levels[i] = gtf_reshape (c, gtf_steps (c, x, first, n), 4, (gint64[]){ n_pictures, how.heights[i], how.widths[i], config->pixel_size });
      first += n;
    }
}

gboolean
gtf_decode_pixels (GtfContext *c, const GtfQueryMaskConfig *config, const GtfQueryMaskWeights *w, GtfPixelMaps *maps)
{
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  const gint64 n = gtf_backbone_n_maps (w->backbone);
  GtfTensor *features[GTF_MAX_MAPS], *x;

  if (pixels == NULL)
    return FALSE;
  if (n < GTF_QUERY_LEVELS || n < config->n_finer || n > GTF_MAX_MAPS)
    {
      gtf_fail (c, "the backbone gives %" G_GINT64_FORMAT " feature maps: expected %d at least", n, GTF_QUERY_LEVELS);
      return FALSE;
    }
  if (!gtf_backbone_maps (c, w->backbone, pixels, features, n))
    return FALSE;
  gtf_output (c, "encoder_last_hidden_state", gtf_pixels_first (c, features[n - 1]));
  for (gint64 i = 0; i < GTF_QUERY_LEVELS; i++)
    maps->levels[i] = project (c, &w->pixels.inputs[i], features[n - 1 - i]);
  if (gtf_failed (c))
    return FALSE;
  encode_levels (c, config, &w->pixels, maps->levels);
  x = maps->levels[GTF_QUERY_LEVELS - 1];
  for (gint64 i = config->n_finer; i-- > 0 && !gtf_failed (c);)
    {
      x = gtf_resize_add (c, x, project (c, &w->pixels.lateral[i], features[i]), GTF_RESIZE_BILINEAR, GTF_ACTIVATION_NONE);
      x = gtf_conv2d (c, w->pixels.finer[i], x, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, NULL);
      x = gtf_activate (c, gtf_group_norm (c, w->pixels.finer_norm[i], x, GROUPS, EPS), GTF_ACTIVATION_RELU);
    }
  maps->masks = gtf_linear (c, w->pixels.masks, x);
  gtf_output (c, "pixel_decoder_last_hidden_state", gtf_pixels_first (c, maps->masks));
  return !gtf_failed (c);
}

/* ---- queries --------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
in_projection (GtfContext *c, const GtfFusedAttention *w, const GtfTensor *x, gint64 part)
{
  const gint64 d = gtf_dim (x, -1);
  GtfTensor *y = gtf_linear_part (c, w->in, x, part * d, d);

  return w->bias != NULL ? gtf_add (c, y, gtf_slice (c, w->bias, part * d, d)) : y;
}

GtfTensor *
gtf_fused_attend (GtfContext *c, const GtfFusedAttention *w, const GtfAttention *how, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v,
                  const GtfTensor *residual)
{
  GtfTensor *h = gtf_attention (c, in_projection (c, w, q, 0), in_projection (c, w, k, 1), in_projection (c, w, v, 2), how);

  return gtf_linear_add (c, w->out, h, residual);
}

/* What the queries look at: maps as tokens, as they are and with their places; and the pixels of masks in the size of each map. */
typedef struct
{
  const GtfQueryMaskConfig *config;
  const GtfQueryMaskWeights *w;
  GtfTensor *values[GTF_QUERY_LEVELS], *keys[GTF_QUERY_LEVELS], *pixels[GTF_QUERY_LEVELS];
} Memory;

static void
remember (GtfContext *c, const GtfPixelMaps *maps, Memory *m)
{
  for (gint64 i = 0; i < GTF_QUERY_LEVELS && !gtf_failed (c); i++)
    {
      GtfTensor *map = maps->levels[i];

      m->pixels[i] = gtf_resize (c, maps->masks, gtf_dim (map, 1), gtf_dim (map, 2), GTF_RESIZE_BILINEAR);
      m->values[i] = gtf_map_tokens (c, m->w->projections[i] != NULL ? gtf_linear (c, m->w->projections[i], map) : map);
      m->values[i] = gtf_add (c, m->values[i], row_of (c, m->w->levels, i));
      m->keys[i] = gtf_add (c, m->values[i], gtf_map_positions (c, map, m->config->hidden_size));
    }
}

static GtfTensor *
before (GtfContext *c, const GtfQueryMaskConfig *config, const GtfNorm *norm, GtfTensor *x)
{
  return config->norm_first ? gtf_layer_norm (c, norm, x, (float) config->eps) : x;
}

static GtfTensor *
behind (GtfContext *c, const GtfQueryMaskConfig *config, const GtfNorm *norm, GtfTensor *x)
{
  return config->norm_first ? x : gtf_layer_norm (c, norm, x, (float) config->eps);
}

/* Products of the masks that queries have so far. */
static GtfTensor *
mask_queries (GtfContext *c, const Memory *m, GtfTensor *x)
{
  return gtf_detection_mlp (c, m->w->embed, 3, gtf_layer_norm (c, m->w->norm, x, (float) m->config->eps));
}

static GtfTensor *
query_layer (GtfContext *c, const Memory *m, const GtfQueryLayer *w, gint64 level, GtfTensor *x)
{
  const GtfQueryMaskConfig *config = m->config;
  const GtfAttention self = { .n_heads = config->n_heads };
  const GtfAttention cross = { .n_heads = config->n_heads, .mask = gtf_foreground (c, gtf_products (c, m->pixels[level], mask_queries (c, m, x))) };
  GtfTensor *h = before (c, config, w->cross_norm, x), *placed = gtf_add (c, h, m->w->queries);

  x = behind (c, config, w->cross_norm, gtf_fused_attend (c, &w->cross, &cross, placed, m->keys[level], m->values[level], x));
  h = before (c, config, w->self_norm, x);
  placed = gtf_add (c, h, m->w->queries);
  x = behind (c, config, w->self_norm, gtf_detection_attend (c, &w->self, &self, placed, placed, h, x));
  return behind (c, config, w->output_norm, gtf_feed_forward (c, w->up, config->activation, w->down, before (c, config, w->output_norm, x), x));
}

GtfTensor *
gtf_decode_queries (GtfContext *c, const GtfQueryMaskConfig *config, const GtfQueryMaskWeights *w, const GtfPixelMaps *maps, GtfTensor *x)
{
  Memory m = { .config = config, .w = w };
  gsize mark;

  remember (c, maps, &m);
  mark = gtf_push (c);
  for (gint64 i = 0; i < config->n_layers && !gtf_failed (c); i++)
    x = gtf_pop_keep (c, mark, query_layer (c, &m, &w->layers[i], i % GTF_QUERY_LEVELS, x));
  gtf_output (c, "masks_queries_logits", gtf_pixels_first (c, gtf_products (c, maps->masks, mask_queries (c, &m, x))));
  if (w->classes != NULL)
    gtf_output (c, "class_queries_logits", gtf_linear (c, w->classes, gtf_layer_norm (c, w->norm, x, (float) config->eps)));
  return x;
}
