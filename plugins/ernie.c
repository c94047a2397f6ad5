/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ERNIE: Sun et al., "ERNIE 2.0: A Continual Pre-Training Framework for Language Understanding" (2019).
 *
 * BERT that may add the embedding of a task, which here is always task 0. docs/models/ernie.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfTextConfig text;
  gint64 n_tasks;
  gboolean use_task_id;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, n_tasks, "task_type_vocab_size", 0, 1 << 16, 3),
  GTF_CONFIG_BOOL_FIELD (Config, use_task_id, "use_task_id", FALSE),
  GTF_CONFIG_FIELDS_END
};

typedef struct
{
  GtfTextWeights text;
  const GtfEmbedding *tasks;
} Weights;

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  if (!config->use_task_id)
    config->n_tasks = 0;
  return gtf_text_config_derive (data, error);
}

static const GtfWeight weights[] = {
  GTF_BERT_EMBEDDINGS ("embeddings."),
  { GTF_WEIGHT_EMBEDDING, "embeddings.task_type_embeddings", G_STRUCT_OFFSET (Weights, tasks), 0, { GTF_DIM (Config, n_tasks), GTF_TEXT_DIM (hidden_size) } },
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { GTF_BERT_HEADS ("ernie"), { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfTextConfig *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->activation, .eps = (float) config->eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = config, .input = &input, .layers = w->text.layers };
  GtfTensor *positions, *x;

  if (!gtf_text_input (c, &input))
    return;
  positions = config->n_distances == 0 ? gtf_text_positions (c, &input, 0) : NULL;
  x = gtf_text_embed_sum (c, config, &w->text.embeddings, &input, positions);
  if (w->tasks != NULL)
    x = gtf_add (c, x, gtf_reshape (c, gtf_embedding_range (c, w->tasks, 0, 1), 1, (gint64[]){ -1 }));
  x = gtf_encoder_run (c, &encoder, gtf_text_embed_norm (c, config, &w->text.embeddings, x));
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
}

static const char *const model_types[] = { "ernie", NULL };

static const GtfArchitecture ernie = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|*.token_type_ids|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (ernie, "ernie", "ERNIE: text encoder", ernie)
