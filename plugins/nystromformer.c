/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Nyströmformer: Xiong et al., "Nyströmformer: A Nyström-based Algorithm for Approximating Self-Attention" (2021), where as many
 * landmarks are taken as there are tokens, as in its published base model: then the approximation is attention itself. And YOSO: Zeng et al., "You Only Sample (Almost) Once: Linear Cost Self-Attention Via Bernoulli Sampling"
 * (2021), in expectation over its samples.
 *
 * BERT whose heads also convolve their values. docs/models/nystromformer.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_landmarks, segment_length, kernel_size, power;       /* power: YOSO's; 0: attention by softmax */
  gboolean no_convolution, expectation;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 30000),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 510),
  GTF_CONFIG_FLOAT_FIELD (GtfTextConfig, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_ACTIVATION_FIELD (GtfTextConfig, activation, "hidden_act", "gelu_new"),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, n_landmarks, "num_landmarks", 1, 1 << 24, 64),
  GTF_CONFIG_INT_FIELD (Config, segment_length, "segment_means_seq_len", 1, 1 << 24, 64),
  GTF_CONFIG_INT_FIELD (Config, kernel_size, "conv_kernel_size", 1, 1 << 16, 65),
  GTF_CONFIG_NULL_FIELD (Config, no_convolution, "conv_kernel_size"),
  GTF_CONFIG_FIELDS_END
};

static const GtfConfigField yoso_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, vocab_size, "vocab_size", 1, 1 << 24, 50265),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_positions, "max_position_embeddings", 1, 1 << 24, 4096),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_types, "type_vocab_size", 0, 1 << 16, 1),
  GTF_CONFIG_STRING_FIELD (GtfTextConfig, position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, kernel_size, "conv_window", 0, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, power, "hash_code_len", 1, 64, 9),
  GTF_CONFIG_BOOL_FIELD (Config, expectation, "use_expectation", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive_yoso (gpointer data, GError **error)
{
  Config *config = data;

  config->text.n_positions += 2;        /* as below */
  if (!config->expectation)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "use_expectation is false: attention by random samples, which the reference computes on some GPUs only, is not computed");
  else if (config->kernel_size > 0 && config->kernel_size % 2 == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "conv_window (%" G_GINT64_FORMAT ") must be odd", config->kernel_size);
  else
    return gtf_text_config_derive (data, error);
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (config->no_convolution)
    config->kernel_size = 0;
  config->text.n_positions += 2;        /* the first two rows are nobody's */
  if (config->n_landmarks != config->segment_length)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "num_landmarks (%" G_GINT64_FORMAT ") is not segment_means_seq_len (%" G_GINT64_FORMAT
                 "): the approximation by fewer landmarks is not computed", config->n_landmarks, config->segment_length);
  else if (config->kernel_size > 0 && config->kernel_size % 2 == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "conv_kernel_size (%" G_GINT64_FORMAT ") must be odd", config->kernel_size);
  else
    return gtf_text_config_derive (data, error);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfEncoderLayer base;
  const GtfTensor *convolution;         /* a kernel a head; may be NULL */
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define AT(field) G_STRUCT_OFFSET (Layer, field)

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "attention.self.{query,key,value}", AT (base.qkv), 0, { GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN } },
  { GTF_WEIGHT_TENSOR, "attention.self.conv.weight", AT (convolution), 0, { GTF_TEXT_DIM (n_heads), GTF_DIM_CONST (1), GTF_DIM (Config, kernel_size), GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_LINEAR, "attention.output.dense", AT (base.attention_out), 0, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_NORM, "attention.output.LayerNorm", AT (base.attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "intermediate.dense", AT (base.up), 0, { GTF_TEXT_DIM (inner_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "output.dense", AT (base.down), 0, { HIDDEN, GTF_TEXT_DIM (inner_size) } },
  { GTF_WEIGHT_NORM, "output.LayerNorm", AT (base.output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "cls.predictions.transform.dense", 0, HIDDEN, HIDDEN),
  GTF_TEXT_NORM (heads.lm_norm, "cls.predictions.transform.LayerNorm"),
  GTF_TEXT_LM ("cls.predictions.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};
static const GtfWeight choice[] = {
  GTF_TEXT_LINEAR (heads.sequence_dense, "pre_classifier", 0, HIDDEN, HIDDEN),
  GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN),
  { GTF_WEIGHT_END }
};

#define HEADS(prefix)                                                                                                              \
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, prefix },                                                                  \
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, prefix },                                          \
  { "ForMultipleChoice", gtf_text_base_tasks, choice, prefix },                                                                    \
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, prefix },                                                      \
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, prefix },                                                          \
  { "Model", gtf_text_base_tasks, NULL, prefix },                                                                                  \
  { NULL }

static const GtfHead heads[] = { HEADS ("nystromformer") };
static const GtfHead yoso_heads[] = { HEADS ("yoso") };

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

static gint64
head_of (gint64 feature, gconstpointer data)
{
  return feature / ((const GtfTextConfig *) data)->head_size;
}

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const GtfTextConfig *config = e->config;
  const Layer *l = &((const Layer *) e->data)[i];
  const gint64 d = config->hidden_size, power = ((const Config *) e->config)->power;
  GtfTensor *qkv = gtf_linear (c, l->base.qkv, x), *v = gtf_slice (c, qkv, 2 * d, d), *a, *kernels;

  if (power > 0)
    a = gtf_angle_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), v, config->n_heads, power, e->attention.sequences);
  else
    a = gtf_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), v, &e->attention);
  if (l->convolution != NULL)
    {
      kernels = gtf_reshape (c, l->convolution, 2, (gint64[]){ config->n_heads, -1 });
      kernels = gtf_take (c, kernels, gtf_indices (c, d, head_of, config));
      a = gtf_add (c, a, gtf_depthwise (c, kernels, power > 0 ? gtf_zero_padding (c, v, e->attention.mask) : v, e->attention.sequences));
    }
  x = gtf_layer_norm (c, l->base.attention_norm, gtf_linear_add (c, l->base.attention_out, a, x), (float) config->eps);
  return gtf_layer_norm (c, l->base.output_norm, gtf_feed_forward (c, l->base.up, config->activation, l->base.down, x, x), (float) config->eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .sequence = w->text.heads.choice != NULL ? GTF_ACTIVATION_RELU : config->activation, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .forward = layer, .data = w->layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed (c, config, &w->text.embeddings, &input, gtf_text_positions (c, &input, 2));
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "nystromformer", NULL };

static const GtfArchitecture nystromformer = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|cls.*|classifier.*", .forward = forward
};

static const char *const yoso_types[] = { "yoso", NULL };

static const GtfArchitecture yoso = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive_yoso,
  .model_types = yoso_types, .config = yoso_fields, .weights = weights, .heads = yoso_heads,
  .ignored = "*.position_ids|*.token_type_ids|cls.*|classifier.*", .forward = forward
};

GTF_TEXT_PLUGINS (nystromformer, "nystromformer", "Nyströmformer, YOSO: text encoders whose heads convolve their values", &nystromformer, &yoso)
