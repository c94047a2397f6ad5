/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LayoutLM: Xu et al., "LayoutLM: Pre-training of Text and Layout for Document Image Understanding" (2019), its text: every word stands at
 * the origin of the page, which is what the reference assumes without boxes.
 *
 * BERT whose embeddings also tell where on a page a word stands. docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_places;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, n_places, "max_2d_position_embeddings", 1, 1 << 16, 1024),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *x, *y, *height, *width;
} Weights;

#define PLACES(field, name) { GTF_WEIGHT_EMBEDDING, "embeddings." name "_position_embeddings", G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM (Config, n_places), GTF_TEXT_DIM (hidden_size) } }

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  PLACES (x, "x"), PLACES (y, "y"), PLACES (height, "h"), PLACES (width, "w"),
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "layoutlm" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "layoutlm" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "layoutlm" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "layoutlm" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "layoutlm" },
  { NULL }
};

static GtfTensor *
origin (GtfContext *c, const GtfEmbedding *w)
{
  return gtf_reshape (c, gtf_embedding_range (c, w, 0, 1), 1, (gint64[]){ -1 });
}

/* The box [0, 0, 0, 0]: left and right, top and bottom, height and width. */
static GtfTensor *
place (GtfContext *c, const Weights *w)
{
  GtfTensor *corner = gtf_add (c, origin (c, w->x), origin (c, w->y));

  return gtf_add (c, gtf_scale (c, corner, 2.0f), gtf_add (c, origin (c, w->height), origin (c, w->width)));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->text.layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed_sum (c, config, &w->text.embeddings, &input, gtf_text_positions (c, &input, 0));
  x = gtf_text_embed_norm (c, config, &w->text.embeddings, gtf_add (c, x, place (c, w)));
  x = gtf_encoder_run (c, &encoder, x);
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
}

static const char *const model_types[] = { "layoutlm", NULL };

static const GtfArchitecture layoutlm = {
  GTF_TEXT_ARCHITECTURE (Config, Weights, .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
                         .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward)
};

GTF_TEXT_PLUGIN (layoutlm, "layoutlm", "LayoutLM: encoder of text on pages", layoutlm)
