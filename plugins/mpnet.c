/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MPNet: Song et al., "MPNet: Masked and Permuted Pre-training for Language Understanding" (2020).
 *
 * RoBERTa with a number by distance and head added to the scores of all layers. docs/models/mpnet.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define BUCKETS 32                  /* of the table that are used, whatever config.json says */
#define MOST_DISTANCE 128
#define PADDING 1                   /* as the model counts positions, whatever config.json says */

typedef struct
{
  GtfTextConfig text;
  gint64 n_buckets;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.vocab_size, "vocab_size", 1, 1 << 24, 30527),
  GTF_CONFIG_INT_FIELD (Config, text.n_types, "", 0, 0, 0),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, n_buckets, "relative_attention_num_buckets", BUCKETS, 1 << 16, BUCKETS),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *distances;
} Weights;

static const GtfWeight layer[] = {
  GTF_LAYER_QKV ("attention.attn.{q,k,v}"),
  GTF_LAYER_SQUARE (attention_out, "attention.attn.o"),
  GTF_LAYER_NORM (attention_norm, "attention.LayerNorm"),
  GTF_LAYER_UP ("intermediate.dense"),
  GTF_LAYER_DOWN ("output.dense"),
  GTF_LAYER_NORM (output_norm, "output.LayerNorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", layer),
  { GTF_WEIGHT_EMBEDDING, "encoder.relative_attention_bias", G_STRUCT_OFFSET (Weights, distances), 0, { GTF_DIM (Config, n_buckets), GTF_TEXT_DIM (n_heads) } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_ROBERTA_HEADS ("mpnet"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  GtfEncoder encoder = { .config = config, .input = &input, .layers = w->text.layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  encoder.attention.distances = gtf_encoder_distances (c, &input, w->distances, BUCKETS, MOST_DISTANCE);
  x = gtf_text_embed (c, config, &w->text.embeddings, &input, gtf_text_positions_past_padding (c, &input, PADDING));
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
}

static const char *const model_types[] = { "mpnet", NULL };

static const GtfArchitecture mpnet = {
  GTF_TEXT_ARCHITECTURE (Config, Weights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|lm_head.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (mpnet, "mpnet", "MPNet: text encoder", mpnet)
