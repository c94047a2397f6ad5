/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SqueezeBERT: Iandola et al., "SqueezeBERT: What can computer vision teach NLP about efficient neural networks?" (2020).
 *
 * BERT whose linear layers are cut into groups that see a part of the features each. docs/models/squeezebert.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 q_groups, k_groups, v_groups, attention_groups, up_groups, down_groups;
  /* computed: features that an output sees */
  gint64 q_in, k_in, v_in, attention_in, up_in, down_in;
} Config;

#define GROUPS(field, key, n) GTF_CONFIG_INT_FIELD (Config, field, key, 1, 4096, n)

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GROUPS (q_groups, "q_groups", 4), GROUPS (k_groups, "k_groups", 4), GROUPS (v_groups, "v_groups", 4),
  GROUPS (attention_groups, "post_attention_groups", 1), GROUPS (up_groups, "intermediate_groups", 4), GROUPS (down_groups, "output_groups", 4),
  GTF_CONFIG_FIELDS_END
};

/* Both sides of a layer in groups must divide. */
static gboolean
divide (gint64 in, gint64 out, gint64 groups, gint64 *in_group, GError **error)
{
  *in_group = in / groups;
  if (in % groups == 0 && out % groups == 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%" G_GINT64_FORMAT " groups do not divide a layer of %" G_GINT64_FORMAT " inputs and %" G_GINT64_FORMAT " outputs",
               groups, in, out);
  return FALSE;
}

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  gint64 d = config->text.hidden_size, inner = config->text.inner_size;

  return gtf_text_config_derive (data, error) && divide (d, d, config->q_groups, &config->q_in, error) && divide (d, d, config->k_groups, &config->k_in, error)
         && divide (d, d, config->v_groups, &config->v_in, error) && divide (d, d, config->attention_groups, &config->attention_in, error)
         && divide (d, inner, config->up_groups, &config->up_in, error) && divide (inner, d, config->down_groups, &config->down_in, error);
}

typedef struct
{
  const GtfLinear *query, *key, *value, *attention_out, *up, *down;
  const GtfNorm *attention_norm, *output_norm;
} Layer;

typedef struct
{
  GtfTextWeights text;
  const Layer *layers;
} Weights;

#define GROUPED(field, name, out, in) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Layer, field), 0, { GTF_TEXT_DIM (out), GTF_DIM (Config, in) } }
#define NORM(field, name) { GTF_WEIGHT_NORM, name, G_STRUCT_OFFSET (Layer, field), 0, { GTF_TEXT_DIM (hidden_size) } }

static const GtfWeight layer[] = {
  GROUPED (query, "attention.query", hidden_size, q_in),
  GROUPED (key, "attention.key", hidden_size, k_in),
  GROUPED (value, "attention.value", hidden_size, v_in),
  GROUPED (attention_out, "post_attention.conv1d", hidden_size, attention_in),
  NORM (attention_norm, "post_attention.layernorm"),
  GROUPED (up, "intermediate.conv1d", inner_size, up_in),
  GROUPED (down, "output.conv1d", hidden_size, down_in),
  NORM (output_norm, "output.layernorm"),
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_GROUP, "encoder.layers.%d", .offset = G_STRUCT_OFFSET (Weights, layers), .group = layer, .group_size = sizeof (Layer), .count = GTF_TEXT_DIM (n_layers) },
  { GTF_WEIGHT_END }
};

/* Classification of texts is BERT's. */
static const GtfHead heads[] = { GTF_BERT_HEADS ("transformer"), { NULL } };

static GtfTensor *
layer_forward (GtfContext *c, const GtfEncoder *e, gint64 i, GtfTensor *x)
{
  const Config *config = (const Config *) e->config;
  const Layer *l = &((const Weights *) e->data)->layers[i];
  const float eps = 1e-12f;         /* of the layers, whatever config.json says */
  GtfTensor *a, *h;

  a = gtf_attention (c, gtf_linear_groups (c, l->query, x, config->q_groups), gtf_linear_groups (c, l->key, x, config->k_groups),
                     gtf_linear_groups (c, l->value, x, config->v_groups), &e->attention);
  x = gtf_layer_norm (c, l->attention_norm, gtf_add (c, gtf_linear_groups (c, l->attention_out, a, config->attention_groups), x), eps);
  h = gtf_activate (c, gtf_linear_groups (c, l->up, x, config->up_groups), config->text.activation);
  return gtf_layer_norm (c, l->output_norm, gtf_add (c, gtf_linear_groups (c, l->down, h, config->down_groups), x), eps);
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const GtfTextWeights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .forward = layer_forward, .data = f->weights };
  GtfTensor *x;

  if (!gtf_text_input (c, &input))
    return;
  x = gtf_encoder_run (c, &encoder, gtf_text_embed (c, config, &w->embeddings, &input, gtf_text_positions (c, &input, 0)));
  gtf_text_outputs (c, &w->heads, &style, &input, x);
}

static const char *const model_types[] = { "squeezebert", NULL };

static const GtfArchitecture squeezebert = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (squeezebert, "squeezebert", "SqueezeBERT: text encoder", squeezebert)
