/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ALBERT: Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019).
 *
 * BERT whose layers share their weights in groups, with a narrower embedding. docs/models/albert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_groups, group_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.vocab_size, "vocab_size", 1, 1 << 24, 30000),
  GTF_CONFIG_INT_FIELD (Config, text.embedding_size, "embedding_size", 1, 1 << 16, 128),
  GTF_CONFIG_INT_FIELD (Config, text.hidden_size, "hidden_size", 1, 1 << 16, 4096),
  GTF_CONFIG_INT_FIELD (Config, text.n_heads, "num_attention_heads", 1, 4096, 64),
  GTF_CONFIG_INT_FIELD (Config, text.inner_size, "intermediate_size", 1, 1 << 20, 16384),
  GTF_CONFIG_ACTIVATION_FIELD (Config, text.activation, "hidden_act", "gelu_new"),
  GTF_CONFIG_INT_FIELD (Config, n_groups, "num_hidden_groups", 1, 256, 1),
  GTF_CONFIG_INT_FIELD (Config, group_size, "inner_group_num", 1, 256, 1),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  const GtfEncoderLayer *layers;
} Group;

typedef struct
{
  GtfTextWeights text;
  const Group *groups;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define EMBEDDED GTF_TEXT_DIM (embedding_size)

static const GtfWeight layer[] = {
  GTF_LAYER_QKV ("attention.{query,key,value}"),
  GTF_LAYER_DISTANCES ("attention.distance_embedding"),
  GTF_LAYER_SQUARE (attention_out, "attention.dense"),
  GTF_LAYER_NORM (attention_norm, "attention.LayerNorm"),
  GTF_LAYER_UP ("ffn"),
  GTF_LAYER_DOWN ("ffn_output"),
  GTF_LAYER_NORM (output_norm, "full_layer_layer_norm"),
  { GTF_WEIGHT_END }
};
static const GtfWeight group[] = {
  { GTF_WEIGHT_GROUP, "albert_layers.%d", .offset = G_STRUCT_OFFSET (Group, layers), .group = layer, .group_size = sizeof (GtfEncoderLayer), .count = GTF_DIM (Config, group_size) },
  { GTF_WEIGHT_END }
};
static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LINEAR (embeddings.projection, "encoder.embedding_hidden_mapping_in", 0, HIDDEN, EMBEDDED),
  { GTF_WEIGHT_GROUP, "encoder.albert_layer_groups.%d", .offset = G_STRUCT_OFFSET (Weights, groups), .group = group, .group_size = sizeof (Group), .count = GTF_DIM (Config, n_groups) },
  { GTF_WEIGHT_END }
};

#define POOLER(flags) GTF_TEXT_LINEAR (heads.pooler, "pooler", flags, HIDDEN, HIDDEN)
#define PREDICTIONS                                                                                                                \
  GTF_TEXT_LINEAR (heads.lm_dense, "predictions.dense", 0, EMBEDDED, HIDDEN),                                                      \
  { GTF_WEIGHT_NORM, "predictions.LayerNorm", GTF_TEXT_FIELD (heads.lm_norm), 0, { EMBEDDED } },                                   \
  GTF_TEXT_LM ("predictions.decoder", GTF_WEIGHT_PARENT_BIAS, "embeddings.word_embeddings")

static const GtfWeight base[] = { POOLER (GTF_WEIGHT_OPTIONAL), { GTF_WEIGHT_END } };
static const GtfWeight masked_lm[] = { PREDICTIONS, { GTF_WEIGHT_END } };
static const GtfWeight pretraining[] = {
  POOLER (0), PREDICTIONS,
  GTF_TEXT_LINEAR (heads.next_sentence, "sop_classifier.classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN),
  { GTF_WEIGHT_END }
};
static const GtfWeight sequence[] = { POOLER (0), GTF_TEXT_LINEAR (heads.sequence, "classifier", 0, GTF_TEXT_DIM (n_labels), HIDDEN), { GTF_WEIGHT_END } };
static const GtfWeight choice[] = { POOLER (0), GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, masked_lm, "albert" },
  { "ForPreTraining", gtf_text_masked_lm_tasks, pretraining, "albert" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, sequence, "albert" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "albert" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "albert" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "albert" },
  { "Model", gtf_text_base_tasks, base, "albert" },
  { NULL }
};

/* All layers of the group that serves this one: layers are spread evenly over the groups. */
static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = (const Config *) e->config;
  const Weights *w = e->data;
  gint64 g = (gint64) ((double) i / ((double) config->text.n_layers / (double) config->n_groups));

  for (gint64 k = 0; k < config->group_size; k++)
    x = gtf_encoder_layer (c, e, &w->groups[g].layers[k], x);
  return x;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .unscaled_distances = TRUE, .forward = layer_forward, .data = f->weights };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions (c, &input, 0) : NULL;
  x = gtf_text_embed (c, config, &w->embeddings, &input, positions);
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "albert", NULL };

static const GtfArchitecture albert = {
  GTF_TEXT_ARCHITECTURE (Config, Weights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|predictions.*|sop_classifier.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (albert, "albert", "ALBERT: text encoder", albert)
