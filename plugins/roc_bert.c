/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * RoCBert: Su et al., "RoCBert: Robust Chinese Bert with Multimodal Contrastive Pretraining" (2022).
 *
 * BERT whose embeddings are a linear layer of a word, its shape (input_shape_ids) and its sound (input_pronunciation_ids). docs/models/bert-variants.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_sounds, sound_size, n_shapes, shape_size;
  gboolean has_sound, has_shape, concat;
  /* by derive () */
  gint64 joined_size, mapped_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, n_sounds, "pronunciation_vocab_size", 1, 1 << 24, 910),
  GTF_CONFIG_INT_FIELD (Config, sound_size, "pronunciation_embed_dim", 1, 1 << 16, 768),
  GTF_CONFIG_INT_FIELD (Config, n_shapes, "shape_vocab_size", 1, 1 << 24, 24858),
  GTF_CONFIG_INT_FIELD (Config, shape_size, "shape_embed_dim", 1, 1 << 16, 512),
  GTF_CONFIG_BOOL_FIELD (Config, has_sound, "enable_pronunciation", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, has_shape, "enable_shape", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, concat, "concat_input", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_sounds = config->has_sound ? config->n_sounds : 0;
  config->n_shapes = config->has_shape ? config->n_shapes : 0;
  config->mapped_size = config->concat ? config->text.hidden_size : 0;
  config->joined_size = config->text.hidden_size + (config->n_shapes > 0 ? config->shape_size : 0) + (config->n_sounds > 0 ? config->sound_size : 0);
  return gtf_text_config_derive (data, error);
}

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *shapes, *sounds;  /* may be NULL, as the next */
  const GtfLinear *map;
} Weights;

#define AT(field) G_STRUCT_OFFSET (Weights, field)

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_EMBEDDING, "embeddings.shape_embed", AT (shapes), 0, { GTF_DIM (Config, n_shapes), GTF_DIM (Config, shape_size) } },
  { GTF_WEIGHT_EMBEDDING, "embeddings.pronunciation_embed", AT (sounds), 0, { GTF_DIM (Config, n_sounds), GTF_DIM (Config, sound_size) } },
  { GTF_WEIGHT_LINEAR, "embeddings.map_inputs_layer", AT (map), 0, { GTF_DIM (Config, mapped_size), GTF_DIM (Config, joined_size) } },
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

/* Its pre-training is that of a masked LM: there is no next sentence. */
static const GtfHead heads[] = {
  { "ForPreTraining", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "roc_bert" },
  GTF_BERT_HEADS ("roc_bert"),
  { NULL }
};

static gint64
first_row (gint64 i, gconstpointer data)
{
  return 0;
}

/* Rows of a table for what each token is said to be; row 0 where nothing is said. */
static GtfTensor *
rows_of (GtfContext *c, const GtfEmbedding *w, const GtfTextInput *input, const char *name)
{
  const GtfTensor *ids = gtf_text_input_more (c, input, name);
  const gint64 b = gtf_dim (input->ids, 0), t = gtf_dim (input->ids, 1);

  if (ids != NULL || gtf_failed (c))
    return gtf_embedding (c, w, ids);
  return gtf_reshape (c, gtf_take (c, gtf_embedding_range (c, w, 0, 1), gtf_indices (c, b * t, first_row, NULL)), 3, (gint64[]){ b, t, -1 });
}

/* Words, or what the linear layer makes of words, shapes and sounds side by side. */
static GtfTensor *
words (GtfContext *c, const Weights *w, const GtfTextInput *input)
{
  GtfTensor *parts[3] = { gtf_embedding (c, w->text.embeddings.tokens, input->ids) };
  gint64 n = 1;

  if (w->map == NULL || gtf_failed (c))
    return parts[0];
  if (w->shapes != NULL)
    parts[n++] = rows_of (c, w->shapes, input, "input_shape_ids");
  if (w->sounds != NULL)
    parts[n++] = rows_of (c, w->sounds, input, "input_pronunciation_ids");
  return gtf_linear (c, w->map, n > 1 ? gtf_join (c, parts, n) : parts[0]);
}

/* Without the linear layer: the mean of what the others make and of those of the tables for which there is an input. */
static GtfTensor *
mean_of_kinds (GtfContext *c, const Weights *w, const GtfTextInput *input, GtfTensor *x)
{
  const struct { const GtfEmbedding *table; const char *name; } kinds[] = { { w->shapes, "input_shape_ids" }, { w->sounds, "input_pronunciation_ids" } };
  float n = 1;

  for (guint i = 0; w->map == NULL && i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].table != NULL && gtf_text_input_more (c, input, kinds[i].name) != NULL)
      {
        x = gtf_add (c, x, rows_of (c, kinds[i].table, input, kinds[i].name));
        n++;
      }
  return n > 1 ? gtf_scale (c, x, 1 / n) : x;
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextEmbeddings *embeddings = &w->text.embeddings;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->text.layers };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = gtf_text_positions (c, &input, 0);
  if (!gtf_text_check_length (c, config, &input, positions))
    return;
  x = gtf_text_add_types (c, embeddings, &input, words (c, w, &input));
  x = gtf_text_embed_norm (c, config, embeddings, gtf_add (c, x, gtf_embedding (c, embeddings->positions, positions)));
  gtf_text_outputs (c, &w->text.heads, &style, &input, gtf_encoder_run (c, &encoder, mean_of_kinds (c, w, &input, x)));
}

static const char *const model_types[] = { "roc_bert", NULL };

static const GtfArchitecture roc_bert = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|cls.*|*pooler.*|*.shape_embed.*|*.pronunciation_embed.*", .forward = forward
};

GTF_TEXT_PLUGIN (roc_bert, "roc_bert", "RoCBert: Chinese text encoder over words, their shapes and sounds", roc_bert)
