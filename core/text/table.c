/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables for TAPAS, as TapasTokenizer of transformers flattens them: every cell is tokenized by itself, rows are dropped until question and
 * table fit, and numbers of cells are ranked in their columns and compared to those of the question.
 */
#include "text/table.h"

#include <string.h>
#include "base/params.h"
#include "text/numbers.h"
#include "text/tokenizer-private.h"

typedef struct
{
  gint32 id;
  guint32 column, row;          /* from 1; row 0: names */
  guint32 word;                 /* the token of its cell with which its word begins */
} Token;

/* Of tokenizer_config.json; -1: not given */
typedef struct
{
  gint64 cell_trim_length, max_column_id, max_row_id, min_question_length, max_question_length;
  gboolean strip_column_names;
} Settings;

typedef struct { gint32 up, down; } Rank;

struct _GtfTable
{
  GtfTokenizer *tokenizer;
  Settings settings;
  gsize n_rows, n_columns;
  GArray *tokens;               /* Token */
  gsize longest;                /* tokens of the longest cell */
  GPtrArray *numbers;           /* of each cell without the names, column after column: an array of GtfNumber */
  GtfNumberColumn *columns;
  guint *common;                /* what the numbers of a column can be compared by */
  Rank *ranks;                  /* as the numbers */
};

/* ---- settings ------------------------------------------------------------------------------------------------------------------- */

static gboolean
read_settings (GtfTable *self, GError **error)
{
  static const GtfParam params[] = {
    GTF_PARAM_INT_FIELD (Settings, cell_trim_length, "cell_trim_length", -1, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Settings, max_column_id, "max_column_id", 0, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Settings, max_row_id, "max_row_id", 0, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Settings, min_question_length, "min_question_length", 0, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Settings, max_question_length, "max_question_length", 0, G_MAXINT32),
    GTF_PARAM_BOOL_FIELD (Settings, strip_column_names, "strip_column_names"),
    GTF_PARAMS_END
  };
  const gint64 longest = self->tokenizer->max_length > 0 ? self->tokenizer->max_length : G_MAXINT32;
  g_autoptr (JsonObject) config = NULL;
  g_autofree char *path = NULL;

  self->settings = (Settings) { -1, longest, longest, -1, -1, FALSE };
  if (!gtf_tokenizer_load_object (self->tokenizer, "tokenizer_config.json", &path, &config, error))
    return FALSE;
  if (config == NULL || gtf_params_read (params, config, path, GTF_PARAMS_DEFAULT, &self->settings, error))
    return TRUE;
  gtf_param_as_data_error (error);
  return FALSE;
}

static gboolean
check_size (const GtfTable *self, GError **error)
{
  if ((gint64) self->n_columns < self->settings.max_column_id)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "table: %zu columns are too many: the tokenizer (max_column_id) takes fewer than %" G_GINT64_FORMAT,
               self->n_columns, self->settings.max_column_id);
  return FALSE;
}

/* ---- tokens --------------------------------------------------------------------------------------------------------------------- */

static gboolean
is_inner (GtfTokenizer *tokenizer, gint32 id)
{
  const char *token = gtf_tokenizer_id_to_token (tokenizer, id);

  return token != NULL && g_str_has_prefix (token, "##");
}

/* @cells without what strip_column_names takes away. */
static gboolean
tokenize_cells (GtfTable *self, const char *const *cells, GError **error)
{
  const gsize n = (self->n_rows + 1) * self->n_columns;
  g_autofree const char **texts = g_memdup2 (cells, n * sizeof *cells);
  g_autoptr (GtfEncoding) e = NULL;
  guint32 at = 0, word = 0;

  for (gsize i = 0; self->settings.strip_column_names && i < self->n_columns; i++)
    texts[i] = "";
  e = gtf_tokenizer_encode_words (self->tokenizer, texts, n, "{\"add_special_tokens\": false}", error);
  if (e == NULL)
    return FALSE;
  for (gsize i = 0; i < e->n_ids; i++, at++)
    {
      const guint32 cell = (guint32) e->word_ids[i];
      Token token = { .id = e->ids[i], .column = cell % (guint32) self->n_columns + 1, .row = cell / (guint32) self->n_columns };

      if (i == 0 || e->word_ids[i - 1] != e->word_ids[i])
        at = word = 0;
      else if (!is_inner (self->tokenizer, token.id))
        word = at;
      token.word = word;
      self->longest = MAX (self->longest, (gsize) at + 1);
      g_array_append_val (self->tokens, token);
    }
  return TRUE;
}

/* Tokens of the first @n_rows rows and of the names, with so many tokens of a cell. */
static gsize
count_tokens (const GtfTable *self, gsize n_rows, gsize n_tokens)
{
  gsize n = 0;

  for (guint i = 0; i < self->tokens->len; i++)
    {
      const Token *t = &g_array_index (self->tokens, Token, i);

      if (t->row > n_rows)
        break;
      n += t->word < n_tokens;
    }
  return n;
}

/* How many tokens of each cell fit, or -1: not even one of each (or, if cells are trimmed to a length of their own, not that many). */
static gint64
fitting_tokens (const GtfTable *self, gsize n_rows, gint64 budget)
{
  const gint64 trim = self->settings.cell_trim_length, most = trim >= 0 ? MIN (trim, (gint64) self->longest) : (gint64) self->longest;
  g_autofree gsize *of_word = g_new0 (gsize, self->longest + 2);       /* how many tokens have words that begin there */
  gint64 n = 0, tokens = 0;

  for (guint i = 0; i < self->tokens->len && g_array_index (self->tokens, Token, i).row <= n_rows; i++)
    of_word[g_array_index (self->tokens, Token, i).word]++;
  for (n = 0; n < most; n++)
    {
      tokens += (gint64) of_word[n];
      if (tokens > budget)
        return trim >= 0 || n == 0 ? -1 : n;
    }
  return n;
}

/* How many rows stay, and how many tokens of each cell. */
static void
fit (const GtfTable *self, gsize n_question, gsize *n_rows, gsize *n_tokens)
{
  const gint64 longest = self->tokenizer->max_length > 0 ? self->tokenizer->max_length : G_MAXINT32;
  gint64 fitting;

  while ((fitting = fitting_tokens (self, *n_rows, longest - (gint64) n_question - 2)) < 0 && *n_rows > 0)
    --*n_rows;
  *n_tokens = (gsize) MAX (fitting, 1);
}

/* ---- numbers -------------------------------------------------------------------------------------------------------------------- */

static const GtfNumber *
number_at (const GtfTable *self, gsize column, gsize row)
{
  return self->columns[column].of_row[row];
}

static gboolean
find_numbers (GtfTable *self, const char *const *cells, GError **error)
{
  for (gsize column = 0; column < self->n_columns; column++)
    {
      GtfNumberColumn *numbers = &self->columns[column];

      for (gsize row = 0; row < self->n_rows; row++)
        {
          GArray *found = gtf_numbers_find (cells[(row + 1) * self->n_columns + column], error);

          if (found == NULL)
            return FALSE;
          g_ptr_array_add (self->numbers, found);
        }
      *numbers = (GtfNumberColumn) { g_new0 (const GtfNumber *, self->n_rows + 1), self->n_rows };
      gtf_numbers_consolidate ((GArray *const *) self->numbers->pdata + column * self->n_rows, numbers);
    }
  return TRUE;
}

/* A number of the column that is being ranked, and its row. */
typedef struct { const GtfNumber *number; gsize row; guint common; } Ranked;

static int
by_value (gconstpointer a, gconstpointer b)
{
  const Ranked *x = a, *y = b;

  return gtf_number_compare (x->number, y->number, x->common);
}

static void
rank_column (GtfTable *self, gsize column)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (GtfNumber)), order = g_array_new (FALSE, FALSE, sizeof (Ranked));
  Rank *ranks = self->ranks + column * self->n_rows;
  gint32 rank = 0;

  for (gsize row = 0; row < self->n_rows; row++)
    if (number_at (self, column, row) != NULL)
      g_array_append_vals (values, number_at (self, column, row), 1);
  self->common[column] = gtf_numbers_common ((const GtfNumber *) values->data, values->len);
  for (gsize row = 0; self->common[column] != 0 && row < self->n_rows; row++)
    if (number_at (self, column, row) != NULL)
      g_array_append_vals (order, (&(Ranked) { number_at (self, column, row), row, self->common[column] }), 1);
  g_array_sort (order, by_value);
  for (guint i = 0; i < order->len; i++)
    {
      const Ranked *r = &g_array_index (order, Ranked, i);

      rank += i == 0 || by_value (r - 1, r) != 0;
      ranks[r->row].up = rank;
    }
  for (guint i = 0; i < order->len; i++)
    ranks[g_array_index (order, Ranked, i).row].down = rank + 1 - ranks[g_array_index (order, Ranked, i).row].up;
}

/* What one number of the question is to the cells of a column. */
static void
relate (const GtfTable *self, const GtfNumber *value, gsize column, gint32 *relations)
{
  const guint common = self->common[column] & value->fields;

  for (gsize row = 0; common != 0 && row < self->n_rows; row++)
    {
      const GtfNumber *cell = number_at (self, column, row);
      int order;

      if (cell == NULL)
        continue;
      if (cell->is_date != value->is_date)
        return;
      order = gtf_number_compare (value, cell, common);
      relations[column * self->n_rows + row] |= order == 0 ? 1 : order < 0 ? 2 : 4;
    }
}

/* @relations: as the ranks, all 0 */
static gboolean
relate_question (const GtfTable *self, const char *question, gint32 *relations, GError **error)
{
  g_autoptr (GArray) numbers = gtf_numbers_find (question, error);

  for (guint i = 0; numbers != NULL && i < numbers->len; i++)
    for (gsize column = 0; column < self->n_columns; column++)
      relate (self, &g_array_index (numbers, GtfNumber, i), column, relations);
  return numbers != NULL;
}

/* ---- the table ------------------------------------------------------------------------------------------------------------------ */

/**
 * gtf_table_new:
 * @tokenizer: one whose class knows tables (TapasTokenizer)
 * @cells: (array): the names of the columns, then the cells, row after row
 * @n_rows: rows, that of the names not counted
 * @n_columns: columns
 * @error: return location for an error
 *
 * Returns: (transfer full): the table, tokenized
 */
GtfTable *
gtf_table_new (GtfTokenizer *tokenizer, const char *const *cells, gsize n_rows, gsize n_columns, GError **error)
{
  g_autoptr (GtfTable) self = g_new0 (GtfTable, 1);
  const gsize n = n_rows * n_columns;

  g_return_val_if_fail (GTF_IS_TOKENIZER (tokenizer) && cells != NULL && n_columns > 0 && n_rows < G_MAXINT32 / n_columns, NULL);
  self->tokenizer = g_object_ref (tokenizer);
  self->n_rows = n_rows;
  self->n_columns = n_columns;
  self->tokens = g_array_new (FALSE, FALSE, sizeof (Token));
  self->numbers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  self->columns = g_new0 (GtfNumberColumn, n_columns);
  self->common = g_new0 (guint, n_columns);
  self->ranks = g_try_new0 (Rank, n + 1);
  if (tokenizer->empty_id < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: the tokenizer knows no tables: expected one of the class TapasTokenizer", tokenizer->directory);
      return NULL;
    }
  if (self->ranks == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "table: no memory for %zu cells", n);
      return NULL;
    }
  if (!read_settings (self, error) || !check_size (self, error) || !tokenize_cells (self, cells, error) || !find_numbers (self, cells, error))
    return NULL;
  if (self->tokens->len == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "table: neither its names nor its cells have a text");
      return NULL;
    }
  for (gsize column = 0; column < n_columns; column++)
    rank_column (self, column);
  return g_steal_pointer (&self);
}

void
gtf_table_free (GtfTable *self)
{
  if (self == NULL)
    return;
  for (gsize column = 0; column < self->n_columns; column++)
    g_free (self->columns[column].of_row);
  g_free (self->columns);
  g_free (self->common);
  g_free (self->ranks);
  g_ptr_array_unref (self->numbers);
  g_array_unref (self->tokens);
  g_object_unref (self->tokenizer);
  g_free (self);
}

/* The tokens of a question that has neither too many nor too few; of another none, and it has no text either. */
static GtfEncoding *
encode_question (const GtfTable *self, const char **question, GError **error)
{
  const Settings *s = &self->settings;
  GtfEncoding *e = gtf_tokenizer_encode (self->tokenizer, *question, NULL, "{\"add_special_tokens\": false}", error);

  if (e != NULL && ((s->max_question_length >= 0 && (gint64) e->n_ids > s->max_question_length) || (gint64) e->n_ids < s->min_question_length))
    {
      e->n_ids = 0;
      *question = "";
    }
  return e;
}

/* Rows that are there before the table is made to fit. */
static gboolean
count_rows (const GtfTable *self, gboolean drop_rows, gsize *n_rows, GError **error)
{
  *n_rows = self->n_rows;
  if ((gint64) self->n_rows < self->settings.max_row_id)
    return TRUE;
  *n_rows = (gsize) MAX (self->settings.max_row_id - 1, 0);
  if (drop_rows)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "table: %zu rows are too many: without truncation the tokenizer (max_row_id) takes fewer than %" G_GINT64_FORMAT,
               self->n_rows, self->settings.max_row_id);
  return FALSE;
}

static void
put_token (const GtfTable *self, const Token *token, const gint32 *relations, gint32 *types)
{
  types[GTF_TABLE_SEGMENT] = 1;
  types[GTF_TABLE_COLUMN] = (gint32) token->column;
  types[GTF_TABLE_ROW] = (gint32) token->row;
  if (token->row > 0)
    {
      const gsize cell = (token->column - 1) * self->n_rows + token->row - 1;

      types[GTF_TABLE_RANK] = self->ranks[cell].up;
      types[GTF_TABLE_INVERSE_RANK] = self->ranks[cell].down;
      types[GTF_TABLE_RELATION] = relations[cell];
    }
}

/**
 * gtf_table_encode:
 * @self: a table
 * @question: UTF-8
 * @drop_rows: leave out rows, from the last one on, and then words of long cells, until all fits model_max_length
 * @n: (out): how many tokens
 * @ids: (out) (array length=n) (transfer full): their ids
 * @types: (out) (transfer full): their types, GTF_TABLE_N_TYPES each
 * @error: return location for an error
 *
 * Returns: whether the question and the table became tokens
 */
gboolean
gtf_table_encode (GtfTable *self, const char *question, gboolean drop_rows, gsize *n, gint32 **ids, gint32 **types, GError **error)
{
  g_autofree gint32 *relations = g_try_new0 (gint32, self->n_rows * self->n_columns + 1);
  g_autoptr (GtfEncoding) e = encode_question (self, &question, error);
  gsize n_rows, n_tokens = self->longest, at;

  if (e == NULL || !count_rows (self, drop_rows, &n_rows, error) || relations == NULL || !relate_question (self, question, relations, error))
    return FALSE;
  if (drop_rows)
    fit (self, e->n_ids, &n_rows, &n_tokens);
  *n = e->n_ids + 2 + count_tokens (self, n_rows, n_tokens);
  *ids = g_new (gint32, *n);
  *types = g_new0 (gint32, *n * GTF_TABLE_N_TYPES);
  (*ids)[0] = gtf_tokenizer_get_special_id (self->tokenizer, "cls_token");
  memcpy (*ids + 1, e->ids, e->n_ids * sizeof **ids);
  (*ids)[e->n_ids + 1] = gtf_tokenizer_get_special_id (self->tokenizer, "sep_token");
  at = e->n_ids + 2;
  for (guint i = 0; at < *n; i++)
    {
      const Token *token = &g_array_index (self->tokens, Token, i);

      if (token->word >= n_tokens)
        continue;
      (*ids)[at] = token->id;
      put_token (self, token, relations, *types + at++ * GTF_TABLE_N_TYPES);
    }
  return TRUE;
}
