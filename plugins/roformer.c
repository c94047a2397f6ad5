/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RoFormer: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021).
 *
 * BERT whose queries and keys turn with their position. docs/models/roformer.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gboolean rotary_value;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.vocab_size, "vocab_size", 1, 1 << 24, 50000),
  GTF_CONFIG_INT_FIELD (Config, text.embedding_size, "embedding_size", 1, 1 << 16, 0),
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, "max_position_embeddings", 1, 1 << 24, 1536),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_BOOL_FIELD (Config, rotary_value, "rotary_value", FALSE),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *sinusoids;        /* sines, then cosines, rounded as the file is; NULL: it has none */
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  GTF_TEXT_TABLE (types, "embeddings.token_type_embeddings", n_types),
  { GTF_WEIGHT_NORM, "embeddings.LayerNorm", GTF_TEXT_FIELD (embeddings.norm), 0, { GTF_TEXT_DIM (embedding_size) } },
  GTF_TEXT_PROJECTION ("embeddings_project"),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_EMBEDDING, "encoder.embed_positions", G_STRUCT_OFFSET (Weights, sinusoids), GTF_WEIGHT_OPTIONAL, { GTF_TEXT_DIM (n_positions), GTF_TEXT_DIM (head_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight choice[] = { GTF_TEXT_LINEAR (heads.choice, "classifier", 0, GTF_DIM_CONST (1), HIDDEN), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "roformer" },
  { "ForCausalLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "roformer" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "roformer" },
  { "ForMultipleChoice", gtf_text_base_tasks, choice, "roformer" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "roformer" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "roformer" },
  { "Model", gtf_text_base_tasks, NULL, "roformer" },
  { NULL }
};

/* Cosines and sines of each position: those of the file, if they are there. */
static GtfTensor *
rotary_table (GtfContext *c, const Config *config, const Weights *w, gint64 n)
{
  const gint64 half = config->text.head_size / 2;
  GtfTensor *stored, *parts[2];

  if (w->sinusoids == NULL)
    return gtf_rotary_table (c, n, &(GtfRotary){ .dims = config->text.head_size, .theta = 10000 });
  stored = gtf_embedding_range (c, w->sinusoids, 0, n);
  parts[0] = gtf_slice (c, stored, half, half);
  parts[1] = gtf_slice (c, stored, 0, half);
  return gtf_join (c, parts, 2);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *weights = f->weights;
  const GtfTextWeights *w = &weights->text;
  const GtfTextHeadStyle style = { .sequence = config->text.activation, .lm = config->text.activation, .eps = (float) config->text.eps,
                                   .from_last = w->heads.choice != NULL };
  GtfTextInput input;
  GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->layers, .rotary_interleaved = TRUE, .rotary_values = config->rotary_value };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  if (!gtf_text_check_length (c, &config->text, &input, gtf_text_positions (c, &input, 0)))
    return;
  encoder.rotary = rotary_table (c, config, weights, input.longest);
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->embeddings, &input, NULL));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "roformer", NULL };

static const GtfArchitecture roformer = {
  GTF_TEXT_ARCHITECTURE (Config, Weights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "cls.*", .forward = forward)
};

GTF_TEXT_PLUGIN (roformer, "roformer", "RoFormer: text encoder", roformer)
