/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Splinter: Ram et al., "Few-Shot Question Answering by Pretraining Span Selection" (2021).
 *
 * BERT, and a head that looks for the span that answers the question token. docs/models/splinter.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define HEAD_EPS 1e-5f

typedef struct
{
  GtfTextConfig text;
  gint64 question_token_id;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, question_token_id, "question_token_id", 0, 1 << 24, 104),
  GTF_CONFIG_FIELDS_END
};

/* One end of the span: what is asked, what each token offers, and how the two meet. */
typedef struct
{
  const GtfLinear *query_dense, *dense, *classifier;
  const GtfNorm *query_norm, *norm;
} End;

typedef struct
{
  GtfTextWeights text;
  End start, end;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define LINEAR(field, name, flags) { GTF_WEIGHT_LINEAR, "splinter_qass." name, G_STRUCT_OFFSET (Weights, field), flags, { HIDDEN, HIDDEN } }
#define NORM(field, name) { GTF_WEIGHT_NORM, "splinter_qass." name ".LayerNorm", G_STRUCT_OFFSET (Weights, field), 0, { HIDDEN } }
#define END(which)                                                                                                                 \
  LINEAR (which.query_dense, "query_" #which "_transform.dense", 0), NORM (which.query_norm, "query_" #which "_transform"),        \
  LINEAR (which.dense, #which "_transform.dense", 0), NORM (which.norm, #which "_transform"),                                      \
  LINEAR (which.classifier, #which "_classifier", GTF_WEIGHT_NO_BIAS)

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};
static const GtfWeight span[] = { END (start), END (end), { GTF_WEIGHT_END } };

static const GtfHead heads[] = {
  { "ForQuestionAnswering", gtf_text_span_tasks, span, "splinter" },
  { "Model", gtf_text_base_tasks, NULL, "splinter" },
  { NULL }
};

static GtfTensor *
transform (GtfContext *c, const GtfLinear *dense, const GtfNorm *norm, const GtfTensor *x)
{
  return gtf_layer_norm (c, norm, gtf_linear_act (c, dense, x, GTF_ACTIVATION_GELU), HEAD_EPS);
}

static GtfTensor *
end_logits (GtfContext *c, const End *end, const GtfTextInput *input, const GtfTensor *question, const GtfTensor *x)
{
  GtfTensor *query = gtf_linear (c, end->classifier, transform (c, end->query_dense, end->query_norm, question));

  return gtf_text_scores (c, input, transform (c, end->dense, end->norm, x), query);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_NONE };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->text.layers };
  GtfTensor *x, *question;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, &config->text, &w->text.embeddings, &input, gtf_text_positions (c, &input, 0)));
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
  if (w->start.dense == NULL)
    return;
  question = gtf_take (c, x, gtf_text_find (c, &input, config->question_token_id));
  gtf_output (c, "start_logits", end_logits (c, &w->start, &input, question, x));
  gtf_output (c, "end_logits", end_logits (c, &w->end, &input, question, x));
}

static const char *const model_types[] = { "splinter", NULL };

static const GtfArchitecture splinter = {
  GTF_TEXT_ARCHITECTURE (Config, Weights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|splinter_qass.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (splinter, "splinter", "Splinter: text encoder for questions", splinter)
