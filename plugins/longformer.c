/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Longformer: Beltagy et al., "Longformer: The Long-Document Transformer" (2020).
 *
 * RoBERTa whose tokens see a window around them, and a few tokens, by the head, that see all and are seen by all: these have
 * projections of their own. docs/models/longformer.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_LAYERS 256

typedef struct
{
  GtfTextConfig text;
  const char *windows;
  gint64 sep_token_id;
  /* by derive () */
  gint64 side[MAX_LAYERS];
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (GtfTextConfig, n_layers, "num_hidden_layers", 0, MAX_LAYERS, 12),
  GTF_CONFIG_INT_FIELD (GtfTextConfig, pad_token_id, "pad_token_id", -1, 1 << 24, 1),
  GTF_CONFIG_LIST_FIELD (Config, windows, "attention_window"),
  GTF_CONFIG_INT_FIELD (Config, sep_token_id, "sep_token_id", -1, 1 << 24, 2),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 n = gtf_config_list_size (config->windows), width = 512;

  if (!gtf_text_config_derive (config, error))
    return FALSE;
  for (gint64 i = 0; i < config->text.n_layers; i++)
    {
      if ((n > 0 && !gtf_config_list_int (config->windows, n == 1 ? 0 : i, 2, 1 << 24, &width)) || width % 2 != 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "attention_window: layer %" G_GINT64_FORMAT " has none that is an even number from 2 on", i);
          return FALSE;
        }
      config->side[i] = width / 2;
    }
  return TRUE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfEncoderLayer base;
  const GtfLinear *global_qkv;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define FUSED GTF_DIM_TIMES (GtfTextConfig, hidden_size, 3)
#define AT(field) G_STRUCT_OFFSET (Layer, field)

static const GtfWeight layer_weights[] = {
  { GTF_WEIGHT_LINEAR, "attention.self.{query,key,value}", AT (base.qkv), 0, { FUSED, HIDDEN } },
  { GTF_WEIGHT_LINEAR, "attention.self.{query_global,key_global,value_global}", AT (global_qkv), 0, { FUSED, HIDDEN } },
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

static const GtfHead heads[] = {
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_roberta_masked_lm, "longformer" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_roberta_sequence, "longformer" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "longformer" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "longformer" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "longformer" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What all layers share. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTensor *globals;     /* first tokens of each text that see all; NULL: none */
} Shared;

static GtfTensor *
attention (GtfContext *c, const GtfEncoder *e, const Shared *s, gint64 i, const GtfTensor *x)
{
  const Layer *l = &s->w->layers[i];
  const gint64 d = s->config->text.hidden_size, side = s->config->side[i];
  GtfTensor *qkv = gtf_linear (c, l->base.qkv, x), *all = s->globals != NULL ? gtf_linear (c, l->global_qkv, x) : NULL;
  GtfWindowAttention window = { .n_heads = s->config->text.n_heads, .before = side, .after = side, .globals = s->globals, .mask = e->attention.mask,
                                .sequences = e->attention.sequences, .weights = s->globals == NULL ? e->attention.weights : NULL };

  if (all != NULL)
    {
      window.global_query = gtf_slice (c, all, 0, d);
      window.global_keys = gtf_slice (c, all, d, d);
      window.global_values = gtf_slice (c, all, 2 * d, d);
    }
  return gtf_window_attention (c, gtf_slice (c, qkv, 0, d), gtf_slice (c, qkv, d, d), gtf_slice (c, qkv, 2 * d, d), &window);
}

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Shared *s = e->data;
  const GtfEncoderLayer *l = &s->w->layers[i].base;
  const float eps = (float) s->config->text.eps;

  x = gtf_layer_norm (c, l->attention_norm, gtf_linear_add (c, l->attention_out, attention (c, e, s, i, x), x), eps);
  return gtf_layer_norm (c, l->output_norm, gtf_feed_forward (c, l->up, s->config->text.activation, l->down, x, x), eps);
}

static gint64
one (gint64 i, gconstpointer data)
{
  return 1;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->text.eps };
  GtfTextInput input;
  Shared shared = { config, w, NULL };
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .forward = layer, .data = &shared };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  /* the first token when a text is classified, the question when one is answered; none when states are asked for: the bare model has none */
  if (gtf_wants (c, "last_hidden_state"))
    shared.globals = NULL;
  else if (w->text.heads.sequence != NULL)
    shared.globals = gtf_indices (c, input.n_texts, one, NULL);
  else if (w->text.heads.span != NULL)
    shared.globals = gtf_text_count_before (c, &input, config->sep_token_id);
  x = gtf_text_embed (c, &config->text, &w->text.embeddings, &input, gtf_text_positions_past_padding (c, &input, config->text.pad_token_id));
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "longformer", NULL };

static const GtfArchitecture longformer = {
  .struct_size = sizeof (GtfArchitecture),
  .model_types = model_types,
  .config_size = sizeof (Config),
  .config = config_fields,
  .derive = derive,
  .weights_size = sizeof (Weights),
  .weights = weights,
  .heads = heads,
  .ignored = "*.position_ids|lm_head.*|*pooler.*|classifier.*",
  .forward = forward,
};

GTF_TEXT_PLUGIN (longformer, "longformer", "Longformer: text encoder for long documents", longformer)
