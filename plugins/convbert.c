/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ConvBERT: Jiang et al., "ConvBERT: Improving BERT with Span-based Dynamic Convolution" (2020).
 *
 * Half of the heads attend, the other half are convolutions with kernels that the tokens make. docs/models/convbert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 head_ratio, kernel_size, n_groups;
  gint64 n_heads, heads_size, kernels_size;     /* computed: heads that attend, all their features, all kernels of a token */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.embedding_size, "embedding_size", 1, 1 << 16, 768),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, head_ratio, "head_ratio", 1, 4096, 2),
  GTF_CONFIG_INT_FIELD (Config, kernel_size, "conv_kernel_size", 1, 4095, 9),
  GTF_CONFIG_INT_FIELD (Config, n_groups, "num_groups", 1, 4096, 1),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_heads = MAX (config->text.n_heads / config->head_ratio, 1);
  if (config->text.hidden_size % (2 * config->n_heads) != 0 || config->kernel_size % 2 == 0 || config->n_groups != 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "hidden_size (%" G_GINT64_FORMAT ") must be a multiple of twice the %" G_GINT64_FORMAT
                   " heads that attend, conv_kernel_size (%" G_GINT64_FORMAT ") odd and num_groups (%" G_GINT64_FORMAT ") 1",
                   config->text.hidden_size, config->n_heads, config->kernel_size, config->n_groups);
      return FALSE;
    }
  config->heads_size = config->text.hidden_size / 2;
  config->kernels_size = config->n_heads * config->kernel_size;
  return gtf_text_config_derive (data, error);
}

typedef struct
{
  const GtfLinear *query, *key, *value, *pointwise, *kernel, *conv_out, *attention_out, *up, *down;
  const GtfTensor *depthwise;
  const GtfNorm *attention_norm, *output_norm;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define HEADS GTF_DIM (Config, heads_size)
#define LINEAR(field, name, flags, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), flags, { out, in } }
#define NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), 0, { HIDDEN } }

static const GtfWeight layer[] = {
  LINEAR (query, "attention.self.query", 0, HEADS, HIDDEN),
  LINEAR (key, "attention.self.key", 0, HEADS, HIDDEN),
  LINEAR (value, "attention.self.value", 0, HEADS, HIDDEN),
  { GTF_WEIGHT_TENSOR, "attention.self.key_conv_attn_layer.depthwise.weight", G_STRUCT_OFFSET (Layer, depthwise), 0, { HIDDEN, GTF_DIM_CONST (1), GTF_DIM (Config, kernel_size) } },
  LINEAR (pointwise, "attention.self.key_conv_attn_layer.pointwise", GTF_WEIGHT_PARENT_BIAS, HEADS, HIDDEN),
  LINEAR (kernel, "attention.self.conv_kernel_layer", 0, GTF_DIM (Config, kernels_size), HEADS),
  LINEAR (conv_out, "attention.self.conv_out_layer", 0, HEADS, HIDDEN),
  LINEAR (attention_out, "attention.output.dense", 0, HIDDEN, HIDDEN),
  NORM (attention_norm, "attention.output.LayerNorm"),
  LINEAR (up, "intermediate.dense", 0, GTF_TEXT_DIM (inner_size), HIDDEN),
  LINEAR (down, "output.dense", 0, HIDDEN, GTF_TEXT_DIM (inner_size)),
  NORM (output_norm, "output.LayerNorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_PROJECTION ("embeddings_project"),
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

static const GtfWeight masked_lm[] = {
  GTF_TEXT_LINEAR (heads.lm_dense, "generator_predictions.dense", 0, GTF_TEXT_DIM (embedding_size), HIDDEN),
  { GTF_WEIGHT_NORM, "generator_predictions.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { GTF_TEXT_DIM (embedding_size) } },
  GTF_TEXT_LM ("generator_lm_head", 0, "embeddings.word_embeddings"),
  { GTF_WEIGHT_END }
};
static const GtfWeight choice[] = { GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "convbert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "convbert" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "convbert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "convbert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "convbert" },
  { "Model", gtf_text_base_tasks, NULL, "convbert" },
  { NULL }
};

/* Kernels of each token and head: from the query, and a convolution of what is around the token. */
static GtfTensor *
make_kernels (GtfContext *c, const Config *config, const Layer *l, const GtfTensor *q, const GtfTensor *x, const GtfTensor *sequences)
{
  const gint64 shape[] = { gtf_dim (x, 0), gtf_dim (x, 1), config->n_heads, config->kernel_size };
  GtfTensor *span = gtf_linear (c, l->pointwise, gtf_depthwise (c, l->depthwise, x, sequences));
  GtfTensor *kernels = gtf_linear (c, l->kernel, gtf_gate (c, span, q, GTF_ACTIVATION_NONE));

  return gtf_reshape (c, gtf_softmax (c, gtf_reshape (c, kernels, 4, shape)), 3, (gint64[]){ shape[0], shape[1], -1 });
}

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = (const Config *) e->config;
  const Layer *l = &((const Weights *) e->data)->layers[i];
  const GtfTensor *sequences = e->input->sequences;
  const float eps = (float) config->text.eps;
  GtfTensor *q = gtf_linear (c, l->query, x), *parts[2];

  parts[0] = gtf_attention (c, q, gtf_linear (c, l->key, x), gtf_linear (c, l->value, x), &e->attention);
  parts[1] = gtf_dynamic_conv (c, gtf_linear (c, l->conv_out, x), make_kernels (c, config, l, q, x, sequences), config->n_heads, sequences);
  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, gtf_join (c, parts, 2), x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, config->text.activation, l->down, x, x), eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *own = f->config;
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .sequence = config->activation, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps, .from_last = w->heads.choice != NULL };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .forward = layer_forward, .data = f->weights, .attention = { .n_heads = own->n_heads } };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0)));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "convbert", NULL };

static const GtfArchitecture convbert = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|generator_*|discriminator_*", .forward = forward
};

GTF_TEXT_PLUGIN (convbert, "convbert", "ConvBERT: text encoder", convbert)
