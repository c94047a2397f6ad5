/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MarkupLM: Li et al., "MarkupLM: Pre-training of Text and Markup Language for Visually-rich Document Understanding" (2021), its text: every
 * word has the path of padding, which is what the reference assumes without paths.
 *
 * BERT with RoBERTa's positions whose embeddings also tell by which path of tags a word is reached. docs/models/bert-variants.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_DEPTH 256

typedef struct
{
  GtfTextConfig text;
  gint64 depth, unit_size, n_tags, n_subscripts, tag_padding, subscript_padding;
  /* by derive () */
  gint64 path_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.pad_token_id, "pad_token_id", 0, 1 << 24, 0),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, depth, "max_depth", 1, MAX_DEPTH, 50),
  GTF_CONFIG_INT_FIELD (Config, unit_size, "xpath_unit_hidden_size", 1, 1 << 12, 32),
  GTF_CONFIG_INT_FIELD (Config, n_tags, "max_xpath_tag_unit_embeddings", 1, 1 << 20, 256),
  GTF_CONFIG_INT_FIELD (Config, n_subscripts, "max_xpath_subs_unit_embeddings", 1, 1 << 20, 1024),
  GTF_CONFIG_INT_FIELD (Config, tag_padding, "tag_pad_id", 0, (1 << 20) - 1, 216),
  GTF_CONFIG_INT_FIELD (Config, subscript_padding, "subs_pad_id", 0, (1 << 20) - 1, 1001),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->path_size = config->depth * config->unit_size;
  if (config->tag_padding < config->n_tags && config->subscript_padding < config->n_subscripts)
    return gtf_text_config_derive (data, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "tag_pad_id (%" G_GINT64_FORMAT ") and subs_pad_id (%" G_GINT64_FORMAT
               ") must be rows of tables of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, config->tag_padding, config->subscript_padding, config->n_tags, config->n_subscripts);
  return FALSE;
}

/* What one step of a path adds. */
typedef struct
{
  const GtfEmbedding *tags, *subscripts;
} Step;

typedef struct
{
  GtfTextWeights text;
  const Step *steps;
  const GtfLinear *path_up, *path_down;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define INNER GTF_DIM_TIMES (GtfTextConfig, hidden_size, 4)

static const GtfWeight step_weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embeddings.xpath_embeddings.xpath_tag_sub_embeddings.%d", G_STRUCT_OFFSET (Step, tags), 0, { GTF_DIM (Config, n_tags), GTF_DIM (Config, unit_size) } },
  { GTF_WEIGHT_EMBEDDING, "embeddings.xpath_embeddings.xpath_subs_sub_embeddings.%d", G_STRUCT_OFFSET (Step, subscripts), 0, { GTF_DIM (Config, n_subscripts), GTF_DIM (Config, unit_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_GROUP, "", .offset = G_STRUCT_OFFSET (Weights, steps), .group = step_weights, .group_size = sizeof (Step), .count = GTF_DIM (Config, depth) },
  { GTF_WEIGHT_LINEAR, "embeddings.xpath_embeddings.xpath_unitseq2_inner", G_STRUCT_OFFSET (Weights, path_up), 0, { INNER, GTF_DIM (Config, path_size) } },
  { GTF_WEIGHT_LINEAR, "embeddings.xpath_embeddings.inner2emb", G_STRUCT_OFFSET (Weights, path_down), 0, { HIDDEN, INNER } },
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "markuplm" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "markuplm" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "markuplm" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "markuplm" },
  { NULL }
};

/* The vector of the path of padding: [H]. */
static GtfTensor *
path (GtfContext *c, const Config *config, const Weights *w)
{
  GtfTensor *steps[MAX_DEPTH];
  GtfTensor *x;

  for (gint64 i = 0; i < config->depth; i++)
    steps[i] = gtf_add (c, gtf_embedding_range (c, w->steps[i].tags, config->tag_padding, 1),
                        gtf_embedding_range (c, w->steps[i].subscripts, config->subscript_padding, 1));
  x = gtf_linear_act (c, w->path_up, gtf_join (c, steps, config->depth), GTF_ACTIVATION_RELU);
  return gtf_reshape (c, gtf_linear (c, w->path_down, x), 1, (gint64[]){ -1 });
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->text.layers };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed_sum (c, config, &w->text.embeddings, &input, gtf_text_positions_past_padding (c, &input, config->pad_token_id));
  x = gtf_text_embed_norm (c, config, &w->text.embeddings, gtf_add (c, x, path (c, f->config, w)));
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "markuplm", NULL };

static const GtfArchitecture markuplm = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.xpath_unitseq2_embeddings.*|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (markuplm, "markuplm", "MarkupLM: encoder of the text of web pages", markuplm)
