/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * X-MOD: Pfeiffer et al., "Lifting the Curse of Multilinguality by Pre-training Modular Transformers" (2022).
 *
 * RoBERTa whose layers end in an adapter for each language, of which only that of config.json's default_language is read and computed.
 * docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 reduction;
  gboolean pre_norm, adapter_norm, reuse_norm, norm_before_adapter;
  const char *languages, *language;
  /* by derive () */
  gint64 bottleneck, adapter_norm_size, final_norm_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.pad_token_id, "pad_token_id", 0, 1 << 24, 1),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, reduction, "adapter_reduction_factor", 1, 1 << 16, 2),
  GTF_CONFIG_BOOL_FIELD (Config, pre_norm, "pre_norm", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, adapter_norm, "adapter_layer_norm", FALSE),
  GTF_CONFIG_BOOL_FIELD (Config, reuse_norm, "adapter_reuse_layer_norm", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, norm_before_adapter, "ln_before_adapter", TRUE),
  GTF_CONFIG_LIST_FIELD (Config, languages, "languages"),
  GTF_CONFIG_STRING_FIELD (Config, language, "default_language", NULL),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const char *languages = config->languages != NULL ? config->languages : "en_XX";

  config->bottleneck = config->text.hidden_size / config->reduction;
  config->adapter_norm_size = config->adapter_norm ? config->text.hidden_size : 0;
  config->final_norm_size = config->pre_norm ? config->text.hidden_size : 0;
  if (config->language == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "default_language is missing: write one of languages (%s) there, whose adapters are to be used", languages);
  else if (!gtf_config_list_has (languages, config->language))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "default_language: \"%s\" is none of languages (%s)", config->language, languages);
  else if (config->bottleneck < 1)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "adapter_reduction_factor (%" G_GINT64_FORMAT ") is more than hidden_size (%" G_GINT64_FORMAT ")",
                 config->reduction, config->text.hidden_size);
  else
    return gtf_text_config_derive (data, error);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  GtfEncoderLayer base;
  const GtfNorm *adapter_norm;          /* may be NULL */
  const GtfLinear *adapter_down, *adapter_up;
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
  { GTF_WEIGHT_LINEAR, "attention.output.dense", AT (base.attention_out), 0, { HIDDEN, HIDDEN } },
  { GTF_WEIGHT_NORM, "attention.output.LayerNorm", AT (base.attention_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_LINEAR, "intermediate.dense", AT (base.up), 0, { GTF_TEXT_DIM (inner_size), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "output.dense", AT (base.down), 0, { HIDDEN, GTF_TEXT_DIM (inner_size) } },
  { GTF_WEIGHT_NORM, "output.LayerNorm", AT (base.output_norm), 0, { HIDDEN } },
  { GTF_WEIGHT_NORM, "output.adapter_layer_norm", AT (adapter_norm), 0, { GTF_DIM (Config, adapter_norm_size) } },
  { GTF_WEIGHT_LINEAR, "output.adapter_modules.%s.dense1", AT (adapter_down), 0, { GTF_DIM (Config, bottleneck), HIDDEN } },
  { GTF_WEIGHT_LINEAR, "output.adapter_modules.%s.dense2", AT (adapter_up), 0, { HIDDEN, GTF_DIM (Config, bottleneck) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_GROUP, "encoder.layer.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer_weights, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_NORM, "encoder.LayerNorm", GTF_TEXT_FIELD (final_norm), 0, { GTF_DIM (Config, final_norm_size) } },
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_ROBERTA_HEADS ("roberta"), { NULL } };

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* x + adapter (x), and which of the two is normalised. */
static GtfTensor *
adapt (GtfContext *c, const Config *config, const Layer *l, GtfTensor *x)
{
  const GtfNorm *norm = l->adapter_norm != NULL ? l->adapter_norm : config->reuse_norm ? l->base.output_norm : NULL;
  GtfTensor *normed = norm != NULL ? gtf_layer_norm (c, norm, x, (float) config->text.eps) : x;
  GtfTensor *h = gtf_linear_act (c, l->adapter_down, normed, config->text.activation);

  return gtf_linear_add (c, l->adapter_up, h, config->norm_before_adapter ? normed : x);
}

static GtfTensor *
layer (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = (const Config *) e->config;
  const Layer *l = &((const Layer *) e->data)[i];
  const float eps = (float) config->text.eps;
  const gboolean first = config->pre_norm;
  GtfTensor *a = gtf_encoder_attention (c, e, &l->base, first ? gtf_layer_norm (c, l->base.attention_norm, x, eps) : x);

  x = gtf_linear_add (c, l->base.attention_out, a, x);
  if (!first)
    x = gtf_layer_norm (c, l->base.attention_norm, x, eps);
  x = adapt (c, config, l, gtf_feed_forward (c, l->base.up, config->text.activation, l->base.down, first ? gtf_layer_norm (c, l->base.output_norm, x, eps) : x, x));
  return first ? x : gtf_layer_norm (c, l->base.output_norm, x, eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .sequence = GTF_ACTIVATION_TANH, .lm = GTF_ACTIVATION_GELU, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .forward = layer, .data = w->layers, .final_norm = w->text.final_norm };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_text_embed (c, config, &w->text.embeddings, &input, gtf_text_positions_past_padding (c, &input, config->pad_token_id));
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, x));
}

static const char *const model_types[] = { "xmod", NULL };

static const GtfArchitecture xmod = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|lm_head.*|*pooler.*|*.adapter_modules.*", .forward = forward,
  .name_word = G_STRUCT_OFFSET (Config, language)
};

GTF_TEXT_PLUGIN (xmod, "xmod", "X-MOD: text encoder with an adapter a language", xmod)
