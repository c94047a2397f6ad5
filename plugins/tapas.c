/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * TAPAS: Herzig et al., "TaPas: Weakly Supervised Table Parsing via Pre-training" (2020).
 *
 * BERT over a question and the cells of a table: each token has seven types (table or not, column, row, answer before, rank in the
 * column from either end, relation to a number of the question), and positions begin anew in each cell. docs/models/tapas.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

enum { COLUMN = 1, ROW = 2 };           /* of the types of a token */

#define DEFAULT_TYPES 7

typedef struct
{
  GtfTextConfig text;
  gint64 n_aggregations;
  gboolean reset_positions, one_column;
  GtfTableSelection selection;
  double temperature;
  const char *type_sizes;
  /* by derive () */
  gint64 n_kinds;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, "max_position_embeddings", 1, 1 << 24, 1024),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_BOOL_FIELD (Config, text.is_decoder, "", FALSE),
  GTF_CONFIG_INT_FIELD (Config, n_aggregations, "num_aggregation_labels", 0, 1 << 16, 0),
  GTF_CONFIG_BOOL_FIELD (Config, reset_positions, "reset_position_index_per_cell", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, one_column, "select_one_column", TRUE),
  GTF_CONFIG_BOOL_FIELD (Config, selection.allow_none, "allow_empty_column_selection", FALSE),
  GTF_CONFIG_INT_FIELD (Config, selection.max_rows, "max_num_rows", 1, 1 << 10, 64),
  GTF_CONFIG_INT_FIELD (Config, selection.max_columns, "max_num_columns", 1, 1 << 10, 32),
  GTF_CONFIG_FLOAT_FIELD (Config, temperature, "temperature", 1e-12, 1e12, 1),
  GTF_CONFIG_LIST_FIELD (Config, type_sizes, "type_vocab_sizes"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->n_kinds = config->type_sizes != NULL ? gtf_config_list_size (config->type_sizes) : DEFAULT_TYPES;
  config->text.n_types = 0;
  if (config->n_kinds > ROW || !config->reset_positions)
    return gtf_text_config_derive (data, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "type_vocab_sizes: %" G_GINT64_FORMAT " types of a token leave none for its column and its row", config->n_kinds);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfEmbedding *table;
} Kind;

typedef struct
{
  GtfTextWeights text;
  const Kind *kinds;
  const GtfLinear *cells, *columns, *aggregation;       /* may be NULL */
  const GtfTensor *cells_bias, *columns_bias;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)

static const GtfWeight kind_weights[] = {
  { GTF_WEIGHT_EMBEDDING, "embeddings.token_type_embeddings_%d", G_STRUCT_OFFSET (Kind, table), 0, { GTF_DIM_STORED, HIDDEN } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  GTF_TEXT_TABLE (tokens, "embeddings.word_embeddings", vocab_size),
  GTF_TEXT_TABLE (positions, "embeddings.position_embeddings", n_positions),
  { GTF_WEIGHT_NORM, "embeddings.LayerNorm", GTF_TEXT_FIELD (embeddings.norm), 0, { HIDDEN } },
  { GTF_WEIGHT_GROUP, "", .offset = G_STRUCT_OFFSET (Weights, kinds), .group = kind_weights, .group_size = sizeof (Kind), .count = GTF_DIM (Config, n_kinds) },
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_END }
};

/* A vector that is multiplied with each token. */
#define VECTOR(field, name) { GTF_WEIGHT_LINEAR, name, G_STRUCT_OFFSET (Weights, field), GTF_WEIGHT_BARE | GTF_WEIGHT_TRANSPOSED | GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (1), HIDDEN } }
#define NUMBER(field, name) { GTF_WEIGHT_TENSOR, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_DIM_CONST (1) } }

static const GtfWeight answer_weights[] = {
  GTF_TEXT_LINEAR (heads.pooler, "pooler.dense", 0, HIDDEN, HIDDEN),
  VECTOR (cells, "output_weights"), NUMBER (cells_bias, "output_bias"),
  VECTOR (columns, "column_output_weights"), NUMBER (columns_bias, "column_output_bias"),
  { GTF_WEIGHT_LINEAR, "aggregation_classifier", G_STRUCT_OFFSET (Weights, aggregation), 0, { GTF_DIM (Config, n_aggregations), HIDDEN } },
  { GTF_WEIGHT_END }
};

static const char *const answer_tasks[] = { "table-question-answering", "feature-extraction", NULL };

static const GtfHead heads[] = {
  { "ForQuestionAnswering", answer_tasks, answer_weights, "tapas" },
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "tapas" },
  { "ForMaskedLM", gtf_text_masked_lm_tasks, gtf_bert_masked_lm, "tapas" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "tapas" },
  { NULL }
};

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

/* What the call says of the tokens: all their types, NULL where there are none (all are 0 then), and their places among them. */
typedef struct
{
  const GtfTensor *all, *columns, *rows;
} Kinds;

static Kinds
read_kinds (GtfContext *c, const Config *config, const GtfTextInput *input)
{
  Kinds kinds = { .all = gtf_text_input_wide (c, input, "token_type_ids", config->n_kinds) };

  if (kinds.all != NULL && config->n_kinds > ROW)
    {
      kinds.columns = gtf_text_column (c, input, kinds.all, COLUMN);
      kinds.rows = gtf_text_column (c, input, kinds.all, ROW);
    }
  return kinds;
}

static GtfTensor *
embed (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, const Kinds *kinds)
{
  GtfTensor *positions = config->reset_positions ? gtf_table_positions (c, input, kinds->columns, kinds->rows, config->text.n_positions - 1) : gtf_text_positions (c, input, 0);
  GtfTensor *x = gtf_text_embed_sum (c, &config->text, &w->text.embeddings, input, positions);

  for (gint64 i = 0; i < config->n_kinds && !gtf_failed (c); i++)
    if (kinds->all != NULL)
      x = gtf_add (c, x, gtf_embedding (c, w->kinds[i].table, gtf_text_column (c, input, kinds->all, i)));
    else
      x = gtf_add (c, x, gtf_reshape (c, gtf_embedding_range (c, w->kinds[i].table, 0, 1), 1, (gint64[]){ -1 }));
  return gtf_text_embed_norm (c, &config->text, &w->text.embeddings, x);
}

/* How likely the cell of each token is (part of) the answer, and what is to be done with the cells. */
static void
put_answer (GtfContext *c, const Config *config, const Weights *w, const GtfTextInput *input, const Kinds *kinds, const GtfTensor *x)
{
  GtfTensor *logits = gtf_scale (c, gtf_add (c, gtf_linear (c, w->cells, x), w->cells_bias), (float) (1 / config->temperature)), *pooled;

  if (config->one_column)
    logits = gtf_table_select (c, input, kinds->columns, kinds->rows, logits, gtf_add (c, gtf_linear (c, w->columns, x), w->columns_bias), &config->selection);
  gtf_output (c, "logits", gtf_reshape (c, logits, 2, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1) }));
  if (w->aggregation == NULL)
    return;
  pooled = gtf_linear_act (c, w->text.heads.pooler, gtf_text_first (c, input, x), GTF_ACTIVATION_TANH);
  gtf_output (c, "logits_aggregation", gtf_linear (c, w->aggregation, pooled));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTextHeadStyle style = { .pooler = GTF_ACTIVATION_TANH, .lm = config->text.activation, .eps = (float) config->text.eps };
  GtfTextInput input;
  const GtfEncoder encoder = { .config = &config->text, .input = &input, .layers = w->text.layers };
  GtfTensor *x;
  Kinds kinds;

  if (!gtf_text_input_untyped (c, &input))
    return;
  kinds = read_kinds (c, config, &input);
  x = gtf_encoder_run (c, &encoder, embed (c, config, w, &input, &kinds));
  gtf_text_outputs (c, &w->text.heads, &style, &input, x);
  if (w->cells != NULL)
    put_answer (c, config, w, &input, &kinds, x);
}

static const char *const model_types[] = { "tapas", NULL };

static const GtfArchitecture tapas = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (tapas, "tapas", "TAPAS: encoder of questions about tables", tapas)
