/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GLPN: Kim et al., "Global-Local Path Networks for Monocular Depth Estimation with Vertical CutDepth" (2022).
 *
 * SegFormer's encoder, and a decoder that goes back up through its stages: what it has so far and the stage's own features are mixed pixel by
 * pixel, by how much the two together say. docs/models/glpn.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define STAGES GTF_PYRAMID_STAGES

typedef struct
{
  GtfPyramidConfig pyramid;
  gint64 decoder_size, max_depth, head_index;
  gint64 projects[STAGES], mixes[STAGES], halves[STAGES];       /* of decoder stage i: features of its projection, of its mixing; 0: there is none */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_PYRAMID_CONFIG_FIELDS (1e-6),
  GTF_CONFIG_FLOAT_FIELD (Config, pyramid.eps, "", 0, 1, 1e-5),         /* whatever layer_norm_eps says */
  GTF_CONFIG_BOOL_FIELD (Config, pyramid.pools, "", FALSE),
  GTF_CONFIG_INT_FIELD (Config, decoder_size, "decoder_hidden_size", 2, 1 << 14, 64),
  GTF_CONFIG_INT_FIELD (Config, max_depth, "max_depth", -1000000, 1000000, 10),
  GTF_CONFIG_INT_FIELD (Config, head_index, "head_in_index", -STAGES, STAGES, -1),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfPyramidConfig *pyramid = data;

  GTF_PYRAMID_DEFAULT (pyramid, depths, "2|2|2|2");
  GTF_PYRAMID_DEFAULT (pyramid, reductions, "8|4|2|1");
  GTF_PYRAMID_DEFAULT (pyramid, sizes, "32|64|160|256");
  GTF_PYRAMID_DEFAULT (pyramid, patches, "7|3|3|3");
  GTF_PYRAMID_DEFAULT (pyramid, strides, "4|2|2|2");
  GTF_PYRAMID_DEFAULT (pyramid, heads, "1|2|5|8");
  GTF_PYRAMID_DEFAULT (pyramid, ratios, "4|4|4|4");
  if (!gtf_pyramid_config_derive (data, error))
    return FALSE;
  for (gint64 i = 0; i < pyramid->n_stages; i++)
    {
      config->projects[i] = pyramid->stages[pyramid->n_stages - 1 - i].size != config->decoder_size ? config->decoder_size : 0;
      config->mixes[i] = i > 0 ? config->decoder_size : 0;
      config->halves[i] = config->mixes[i] / 2;
    }
  if (config->head_index < 0)
    config->head_index += pyramid->n_stages;
  if (config->head_index >= 0 && config->head_index < pyramid->n_stages)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "head_in_index: expected the number of one of %" G_GINT64_FORMAT " stages, found %" G_GINT64_FORMAT,
               pyramid->n_stages, config->head_index);
  return FALSE;
}

typedef struct
{
  const GtfConv2d *projection, *fuse[3];        /* the first may be NULL; none are fused in the first stage */
} DecoderStage;

typedef struct
{
  GtfPyramidStageWeights stages[STAGES];
  DecoderStage decoder[STAGES];
  const GtfConv2d *head[2];
} Weights;

#define BLOCK(i)                                                                                                                   \
  static const GtfWeight block_##i[] = {                                                                                           \
    GTF_PYRAMID_BLOCK (i, "attention.self", "attention.self.sr", "attention.self.layer_norm", "attention.output.dense"),           \
    GTF_PYRAMID_DEPTHWISE (i), { GTF_WEIGHT_END }                                                                                  \
  };

BLOCK (0) BLOCK (1) BLOCK (2) BLOCK (3) BLOCK (4) BLOCK (5) BLOCK (6) BLOCK (7)

#define STAGE(i)                                                                                                                   \
  GTF_PYRAMID_PATCHES (i, "encoder.patch_embeddings." #i ".proj", "encoder.patch_embeddings." #i ".layer_norm"),                   \
  GTF_PYRAMID_BLOCKS (i, "encoder.block." #i ".%d", block_##i),                                                                    \
  { GTF_WEIGHT_NORM, "encoder.layer_norm." #i, GTF_PYRAMID_FIELD (i, norm), 0, { GTF_PYRAMID_DIM (i, size) } }

static const GtfWeight weights[] = { STAGE (0), STAGE (1), STAGE (2), STAGE (3), STAGE (4), STAGE (5), STAGE (6), STAGE (7), { GTF_WEIGHT_END } };

#define CONV(field, name, size, out, in, ...)                                                                                      \
  { GTF_WEIGHT_CONV2D, name, G_STRUCT_OFFSET (Weights, field), 0, { out, in, GTF_DIM_CONST (size), GTF_DIM_CONST (size) }, __VA_ARGS__ }
#define SIZE GTF_DIM (Config, decoder_size)
#define MIXED(i) GTF_DIM (Config, mixes[i])
#define HALF(i) GTF_DIM (Config, halves[i])
#define PROJECT(i)                                                                                                                 \
  CONV (decoder[i].projection, "decoder.stages." #i ".convolution", 1, GTF_DIM (Config, projects[i]), GTF_DIM_STORED, .norm = NULL)
#define FUSE(i)                                                                                                                    \
  CONV (decoder[i].fuse[0], "decoder.stages." #i ".fusion.convolutional_layer1.0", 3, MIXED (i), GTF_DIM_TIMES (Config, mixes[i], 2), .norm = "decoder.stages." #i ".fusion.convolutional_layer1.1"), \
  CONV (decoder[i].fuse[1], "decoder.stages." #i ".fusion.convolutional_layer2.0", 3, HALF (i), MIXED (i), .norm = "decoder.stages." #i ".fusion.convolutional_layer2.1"), \
  CONV (decoder[i].fuse[2], "decoder.stages." #i ".fusion.convolutional_layer3", 3, GTF_DIM_CONST (2), HALF (i), .norm = NULL)

static const GtfWeight depth[] = {
  PROJECT (0), PROJECT (1), PROJECT (2), PROJECT (3), PROJECT (4), PROJECT (5), PROJECT (6), PROJECT (7),
  FUSE (1), FUSE (2), FUSE (3), FUSE (4), FUSE (5), FUSE (6), FUSE (7),
  CONV (head[0], "head.head.0", 3, SIZE, SIZE, .norm = NULL),
  CONV (head[1], "head.head.2", 3, GTF_DIM_CONST (1), SIZE, .norm = NULL),
  { GTF_WEIGHT_END }
};


static const GtfHead heads[] = {
  { "ForDepthEstimation", gtf_depth_tasks, depth, "glpn" },
  { "Model", gtf_vision_base_tasks, NULL, "glpn" },
  { NULL }
};

/* ---- decoder -------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
conv3 (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, GtfActivation act)
{
  return gtf_conv2d (c, w, x, &(GtfWindow){ .padding = 1 }, act, NULL);
}

/* Both pictures, mixed: local * a + global * b, with a and b for each pixel. */
static GtfTensor *
fuse (GtfContext *c, const DecoderStage *w, GtfTensor *local, GtfTensor *global)
{
  GtfTensor *h = conv3 (c, w->fuse[0], gtf_join (c, (GtfTensor *[]){ local, global }, 2), GTF_ACTIVATION_RELU);

  h = conv3 (c, w->fuse[2], conv3 (c, w->fuse[1], h, GTF_ACTIVATION_RELU), GTF_ACTIVATION_SIGMOID);
  return gtf_add (c, gtf_scale_rows (c, local, gtf_slice (c, h, 0, 1)), gtf_scale_rows (c, global, gtf_slice (c, h, 1, 1)));
}

static GtfTensor *
twice (GtfContext *c, GtfTensor *x)
{
  return gtf_resize (c, x, 2 * gtf_dim (x, 1), 2 * gtf_dim (x, 2), GTF_RESIZE_BILINEAR);
}

static GtfTensor *
decode (GtfContext *c, const Config *config, const Weights *w, GtfTensor *const *states)
{
  const gint64 n = config->pyramid.n_stages;
  GtfTensor *x = NULL;

  for (gint64 i = 0; i <= config->head_index; i++)
    {
      GtfTensor *h = states[n - 1 - i];

      if (w->decoder[i].projection != NULL)
        h = gtf_conv2d (c, w->decoder[i].projection, h, NULL, GTF_ACTIVATION_NONE, NULL);
      x = twice (c, i > 0 ? fuse (c, &w->decoder[i], h, x) : h);
    }
  if (config->head_index == n - 1)
    x = twice (c, x);
  x = conv3 (c, w->head[1], conv3 (c, w->head[0], x, GTF_ACTIVATION_RELU), GTF_ACTIVATION_SIGMOID);
  return gtf_reshape (c, gtf_scale (c, x, (float) config->max_depth), 3, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1), gtf_dim (x, 2) });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfTensor *states[STAGES], *x = gtf_pixels_last (c, gtf_vision_pixels (c, config->pyramid.n_channels));

  for (gint64 i = 0; i < config->pyramid.n_stages; i++)
    states[i] = x = gtf_pyramid_stage (c, &config->pyramid, &w->stages[i], i, x);
  if (gtf_failed (c))
    return;
  gtf_output (c, "last_hidden_state", gtf_pixels_first (c, x));
  if (w->head[0] != NULL)
    gtf_output (c, "predicted_depth", decode (c, config, w, states));
}

static const char *const model_types[] = { "glpn", NULL };

static const GtfArchitecture glpn = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "decoder.*|head.*|*.num_batches_tracked", .forward = forward
};

GTF_TEXT_PLUGINS (glpn, "glpn", "GLPN: depth from a pyramid of transformers", &glpn)
