/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LiLT: Wang et al., "LiLT: A Simple yet Effective Language-Independent Layout Transformer for Structured Document Understanding" (2022), its
 * text: every word stands at the origin of the page, which is what the reference assumes without boxes.
 *
 * Two encoders side by side, RoBERTa for words and a narrower one for places, whose attention adds up the scores of both.
 * docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#include <math.h>

#define MAX_LAYERS 256

typedef struct
{
  GtfTextConfig text;
  gint64 shrink, n_places;
  /* by derive () */
  gint64 layout_size, layout_inner, place_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.n_layers, "num_hidden_layers", 0, MAX_LAYERS, 12),
  GTF_CONFIG_INT_FIELD (Config, text.pad_token_id, "pad_token_id", 0, 1 << 24, 0),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, shrink, "channel_shrink_ratio", 1, 1 << 12, 4),
  GTF_CONFIG_INT_FIELD (Config, n_places, "max_2d_position_embeddings", 1, 1 << 16, 1024),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!gtf_text_config_derive (data, error))
    return FALSE;
  config->layout_size = config->text.hidden_size / config->shrink;
  config->layout_inner = config->text.inner_size / config->shrink;
  config->place_size = config->text.hidden_size / 6;
  if (config->text.head_size % config->shrink == 0 && config->text.hidden_size % 6 == 0 && config->layout_inner > 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size (%" G_GINT64_FORMAT ") must be a multiple of 6 and its heads, as intermediate_size (%" G_GINT64_FORMAT
               "), of channel_shrink_ratio (%" G_GINT64_FORMAT ")", config->text.hidden_size, config->text.inner_size, config->shrink);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfEncoderLayer text, layout;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *x, *y, *height, *width, *positions;
  const GtfLinear *box;
  const GtfNorm *norm;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define LAYOUT GTF_DIM (Config, layout_size)
#define SQUARE(field, name, size) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), 0, { size, size } }
#define NORM(field, name, size) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), 0, { size } }
#define LINEAR(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), 0, { out, in } }

static const GtfWeight layer_weights[] = {
  LINEAR (text.qkv, "attention.self.{query,key,value}", GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3), HIDDEN),
  SQUARE (text.attention_out, "attention.output.dense", HIDDEN),
  NORM (text.attention_norm, "attention.output.LayerNorm", HIDDEN),
  LINEAR (text.up, "intermediate.dense", GTF_TEXT_DIM (inner_size), HIDDEN),
  LINEAR (text.down, "output.dense", HIDDEN, GTF_TEXT_DIM (inner_size)),
  NORM (text.output_norm, "output.LayerNorm", HIDDEN),
  LINEAR (layout.qkv, "attention.self.{layout_query,layout_key,layout_value}", GTF_DIM_TIMES (Config, layout_size, 3), LAYOUT),
  SQUARE (layout.attention_out, "attention.layout_output.dense", LAYOUT),
  NORM (layout.attention_norm, "attention.layout_output.LayerNorm", LAYOUT),
  LINEAR (layout.up, "layout_intermediate.dense", GTF_DIM (Config, layout_inner), LAYOUT),
  LINEAR (layout.down, "layout_output.dense", LAYOUT, GTF_DIM (Config, layout_inner)),
  NORM (layout.output_norm, "layout_output.LayerNorm", LAYOUT),
  { GTF_WEIGHT_END }
};

#define PLACES(field, name)                                                                                                        \
  { GTF_WEIGHT_EMBEDDING, "layout_embeddings." name "_position_embeddings", G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM (Config, n_places), GTF_DIM (Config, place_size) } }

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  PLACES (x, "x"), PLACES (y, "y"), PLACES (height, "h"), PLACES (width, "w"),
  { GTF_WEIGHT_EMBEDDING, "layout_embeddings.box_position_embeddings", G_STRUCT_OFFSET (Weights, positions), 0, { GTF_TEXT_DIM (n_positions), LAYOUT } },
  { GTF_WEIGHT_LINEAR, "layout_embeddings.box_linear_embeddings", G_STRUCT_OFFSET (Weights, box), 0, { LAYOUT, HIDDEN } },
  { GTF_WEIGHT_NORM, "layout_embeddings.LayerNorm", G_STRUCT_OFFSET (Weights, norm), 0, { LAYOUT } },
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "lilt" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "lilt" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "lilt" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "lilt" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* The box [0, 0, 0, 0]: left, top, right, bottom, height, width. */
static GtfTensor *
embed_layout (GtfContext *c, const Config *config, const Weights *w, const GtfTensor *positions)
{
  const GtfEmbedding *const tables[] = { w->x, w->y, w->x, w->y, w->height, w->width };
  GtfTensor *parts[G_N_ELEMENTS (tables)], *box;

  for (gsize i = 0; i < G_N_ELEMENTS (tables); i++)
    parts[i] = gtf_embedding_range (c, tables[i], 0, 1);
  box = gtf_reshape (c, gtf_linear (c, w->box, gtf_join (c, parts, G_N_ELEMENTS (parts))), 1, (gint64[]){ -1 });
  return gtf_layer_norm (c, w->norm, gtf_add (c, gtf_embedding (c, w->positions, positions), box), (float) config->text.eps);
}

/* Head by head what is of the text, then what is of the layout: products of such queries and keys are the sums of both scores. */
static GtfTensor *
side_by_side (GtfContext *c, const Config *config, const GtfTensor *text, const GtfTensor *layout)
{
  const gint64 b = gtf_dim (text, 0), t = gtf_dim (text, 1), n = config->text.n_heads;
  GtfTensor *parts[] = { gtf_reshape (c, text, 4, (gint64[]){ b, t, n, -1 }), gtf_reshape (c, layout, 4, (gint64[]){ b, t, n, -1 }) };

  return gtf_reshape (c, gtf_join (c, parts, 2), 3, (gint64[]){ b, t, -1 });
}

/* What comes after attention, for either of the two. */
static GtfTensor *
finish_layer (GtfContext *c, const Config *config, const GtfEncoderLayer *l, const GtfTensor *a, const GtfTensor *x)
{
  const float eps = (float) config->text.eps;
  GtfTensor *y = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, a, x), eps);

  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, config->text.activation, l->down, y, y), eps);
}

/* Text and layout lie side by side in x, so that both outlive a layer: [B][T][hidden_size + layout_size]. */
static GtfTensor *
layer (GtfContext *c, const Config *config, const Layer *l, const GtfTextInput *input, GtfTensor **weights, const GtfTensor *x)
{
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1), d = config->text.hidden_size, s = config->layout_size, n = config->text.n_heads;
  const float root = sqrtf ((float) config->text.head_size);
  const GtfAttention attention = { .n_heads = n, .scale = 1.0f / root, .mask = input->mask, .sequences = input->sequences, .weights = weights };
  GtfTensor *text = gtf_slice (c, x, 0, d), *layout = gtf_slice (c, x, d, s), *qkv = gtf_linear (c, l->text.qkv, text), *places = gtf_linear (c, l->layout.qkv, layout);
  GtfTensor *q, *k, *v, *a, *of_text, *of_layout, *parts[2];

  /* each kind of scores has a scale of its own */
  q = side_by_side (c, config, gtf_slice (c, qkv, 0, d), gtf_scale (c, gtf_slice (c, places, 0, s), root / sqrtf ((float) (s / n))));
  k = side_by_side (c, config, gtf_slice (c, qkv, d, d), gtf_slice (c, places, s, s));
  v = side_by_side (c, config, gtf_slice (c, qkv, 2 * d, d), gtf_slice (c, places, 2 * s, s));
  a = gtf_reshape (c, gtf_attention (c, q, k, v, &attention), 4, (gint64[]){ b, t, n, -1 });
  of_text = gtf_reshape (c, gtf_slice (c, a, 0, d / n), 3, (gint64[]){ b, t, d });
  of_layout = gtf_reshape (c, gtf_slice (c, a, d / n, s / n), 3, (gint64[]){ b, t, s });
  parts[0] = finish_layer (c, config, &l->text, of_text, text);
  parts[1] = finish_layer (c, config, &l->layout, of_layout, layout);
  return gtf_join (c, parts, 2);
}

static GtfTensor *
run_layers (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  const gboolean states_wanted = gtf_wants (c, "hidden_states"), weights_wanted = gtf_wants (c, "attentions");
  GtfTensor *states[MAX_LAYERS + 1], *attentions[MAX_LAYERS] = { NULL };
  const gint64 n = config->text.n_layers, d = config->text.hidden_size;

  states[0] = gtf_slice (c, x, 0, d);
  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    {
      gsize mark = gtf_push (c);

      x = layer (c, config, &w->layers[i], input, weights_wanted ? &attentions[i] : NULL, x);
      if (!states_wanted && !weights_wanted)
        x = gtf_pop_keep (c, mark, x);
      states[i + 1] = gtf_slice (c, x, 0, d);
    }
  if (gtf_failed (c))
    return NULL;
  if (states_wanted)
    gtf_output (c, "hidden_states", gtf_concat (c, states, n + 1));
  if (weights_wanted && n > 0 && attentions[0] != NULL)
    gtf_output (c, "attentions", gtf_concat (c, attentions, n));
  return states[n];
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .eps = (float) config->text.eps };
  GtfTextInput input;
  GtfTensor *positions, *parts[2];

  if (!gtf_text_input (c, &input))
    return;
  positions = gtf_text_positions_past_padding (c, &input, config->text.pad_token_id);
  parts[0] = gtf_text_embed (c, &config->text, &w->text.embeddings, &input, positions);
  parts[1] = embed_layout (c, config, w, positions);
  gtf_text_outputs (c, &w->text.heads, &style, &input, run_layers (c, config, w, &input, gtf_join (c, parts, 2)));
}

static const char *const model_types[] = { "lilt", NULL };

static const GtfArchitecture lilt = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|lm_head.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (lilt, "lilt", "LiLT: encoder of text on pages", lilt)
