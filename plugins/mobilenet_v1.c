/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (2017).
 *
 * Thirteen pairs of convolutions: 3 x 3 pixels of each channel by itself, then all channels of each pixel. docs/models/mobilenet_v1.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

#define N_PAIRS 13

typedef struct
{
  gint64 n_channels, n_labels;
  double eps;
  GtfActivation activation;
  gboolean same;                /* TensorFlow's padding */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_INT_FIELD (Config, n_channels, "num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 0.001),
  GTF_CONFIG_ACTIVATION_FIELD (Config, activation, "hidden_act", "relu6"),
  GTF_CONFIG_BOOL_FIELD (Config, same, "tf_padding", TRUE),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  const GtfConv2d *stem, *around[N_PAIRS];
  const GtfLinear *across[N_PAIRS], *classifier;
} Weights;

/* Each convolution with its normalisation. How wide they are is what depth_multiplier made of them: the file knows. */
#define NORM(name) .norm = name ".normalization", .eps_field = G_STRUCT_OFFSET (Config, eps)
#define PAIR(i, first, second)                                                                                                     \
  { GTF_WEIGHT_CONV2D, "layer." #first ".convolution", G_STRUCT_OFFSET (Weights, around[i]), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_GROUPED, \
    { GTF_DIM_STORED, GTF_DIM_CONST (1), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, NORM ("layer." #first) },                         \
  { GTF_WEIGHT_LINEAR, "layer." #second ".convolution", G_STRUCT_OFFSET (Weights, across[i]), GTF_WEIGHT_NO_BIAS, GTF_LINEAR_STORED, NORM ("layer." #second) }

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV2D, "conv_stem.convolution", G_STRUCT_OFFSET (Weights, stem), GTF_WEIGHT_NO_BIAS,
    { GTF_DIM_STORED, GTF_DIM (Config, n_channels), GTF_DIM_CONST (3), GTF_DIM_CONST (3) }, NORM ("conv_stem") },
  PAIR (0, 0, 1), PAIR (1, 2, 3), PAIR (2, 4, 5), PAIR (3, 6, 7), PAIR (4, 8, 9), PAIR (5, 10, 11), PAIR (6, 12, 13), PAIR (7, 14, 15),
  PAIR (8, 16, 17), PAIR (9, 18, 19), PAIR (10, 20, 21), PAIR (11, 22, 23), PAIR (12, 24, 25),
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_LINEAR, "classifier", G_STRUCT_OFFSET (Weights, classifier), 0, { GTF_DIM (Config, n_labels), GTF_DIM_STORED } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForImageClassification", gtf_vision_classification_tasks, classifier, "mobilenet_v1" },
  { "Model", gtf_vision_base_tasks, NULL, "mobilenet_v1" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  static const gint64 strides[N_PAIRS] = { 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1 };
  const Config *config = f->config;
  const Weights *w = f->weights;
  GtfWindow window = { .stride = 2, .padding = config->same ? 0 : 1, .same = config->same };
  GtfTensor *x = gtf_conv2d (c, w->stem, gtf_pixels_last (c, gtf_vision_pixels (c, config->n_channels)), &window, config->activation, NULL);

  for (gint64 i = 0; i < N_PAIRS; i++)
    {
      gsize mark = gtf_push (c);

      window.stride = strides[i];
      x = gtf_conv2d (c, w->around[i], x, &window, config->activation, NULL);
      x = gtf_pop_keep (c, mark, gtf_linear_act (c, w->across[i], x, config->activation));
    }
  gtf_stages_outputs (c, x, gtf_mean_pixels (c, x), FALSE, w->classifier);
}

static const char *const types[] = { "mobilenet_v1", NULL };

static const GtfArchitecture mobilenet_v1 = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .model_types = types, .config = config_fields,
  .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|classifier.*", .forward = forward
};

GTF_TEXT_PLUGINS (mobilenet_v1, "mobilenet_v1", "MobileNet: depthwise separable convolutions", &mobilenet_v1)
