/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Positions in tables and the choice of cells (Herzig et al., "TaPas: Weakly Supervised Table Parsing via Pre-training", 2020).
 */
#include "layers/tables.h"

#include <string.h>
#include "tensor/context-private.h"

static gint64
text_length (GtfContext *c, const GtfTextInput *input, gint64 text)
{
  gint64 n = input->longest;

  if (input->sequences != NULL)
    gtf_text_of (c, input, input->ids, text, &n);
  return n;
}

/* ---- positions -------------------------------------------------------------------------------------------------------- */

/* A cell of one text. */
static gint64
cell_key (const GtfTensor *columns, const GtfTensor *rows, gint64 i)
{
  if (columns == NULL)
    return 0;
  return (gint64) ((guint64) (guint32) ((const gint32 *) columns->data)[i] << 32 | (guint32) ((const gint32 *) rows->data)[i]);
}

/* Positions of a text of @n tokens from row @at on. A cell begins where its first token stands, wherever the others are. */
static void
count_in_cells (GHashTable *firsts, const GtfTensor *columns, const GtfTensor *rows, gint64 at, gint64 n, gint64 last, gint64 *keys, gint32 *to)
{
  g_hash_table_remove_all (firsts);
  for (gint64 i = 0; i < n; i++)
    {
      gpointer first;

      keys[i] = cell_key (columns, rows, at + i);
      if (!g_hash_table_lookup_extended (firsts, &keys[i], NULL, &first))
        g_hash_table_insert (firsts, &keys[i], first = GSIZE_TO_POINTER ((gsize) i));
      to[at + i] = (gint32) MIN (i - (gint64) GPOINTER_TO_SIZE (first), last);
    }
}

GtfTensor *
gtf_table_positions (GtfContext *c, const GtfTextInput *input, const GtfTensor *columns, const GtfTensor *rows, gint64 last)
{
  g_autoptr (GHashTable) firsts = NULL;
  gint64 *keys, at = 0;
  GtfTensor *y;

  if (!gtf_op_begin (c, "table_positions", 0))
    return NULL;
  if (input->positions != NULL)
    return gtf_new_view (c, input->positions);
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, input->ids->shape);
  keys = gtf_arena_alloc (c, (gsize) input->longest * sizeof *keys);
  if (y == NULL || keys == NULL)
    return NULL;
  firsts = g_hash_table_new (g_int64_hash, g_int64_equal);
  for (gint64 text = 0; text < input->n_texts; text++)
    {
      const gint64 n = text_length (c, input, text);

      count_in_cells (firsts, columns, rows, at, n, last, keys, y->data);
      at += n;
    }
  return y;
}

/* ---- the choice of cells -------------------------------------------------------------------------------------------- */

#define NEVER -10000.0          /* what is added to the logit of what is not to be chosen */

typedef struct
{
  double logit, column_logit;   /* sums, then means */
  gint64 n, n_seen;             /* tokens, and those of them that are not padding */
} Cell;

/* How much of a cell is there: padding counts for nothing. */
static double
presence (const Cell *cell)
{
  return cell->n > 0 ? (double) cell->n_seen / (double) cell->n : 0;
}

static gint64
cell_of (const GtfTableSelection *how, const GtfTensor *columns, const GtfTensor *rows, gint64 i)
{
  if (columns == NULL)
    return 0;
  return CLAMP (((const gint32 *) rows->data)[i], 0, how->max_rows - 1) * how->max_columns + CLAMP (((const gint32 *) columns->data)[i], 0, how->max_columns - 1);
}

/* The column with the highest mean over its cells, its name among them; 0 is none. */
static gint64
best_column (const GtfTableSelection *how, const Cell *cells)
{
  gint64 best = 0;
  double highest = 0;

  for (gint64 column = 0; column < how->max_columns; column++)
    {
      double sum = 0, n = 0;

      for (gint64 row = 0; row < how->max_rows; row++)
        {
          const Cell *cell = &cells[row * how->max_columns + column];

          sum += cell->column_logit * presence (cell);
          n += presence (cell);
        }
      sum /= n + 1e-10;
      if (column == 0 ? !how->allow_none : n < 0.5)
        sum += NEVER;
      if (column > 0 && sum <= highest)
        continue;
      best = column;
      highest = sum;
    }
  return best;
}

/* One text of @n tokens from row @at on. */
static void
select_in_text (const GtfTextInput *input, const GtfTensor *columns, const GtfTensor *rows, const GtfTensor *logits, const GtfTensor *chosen,
                const GtfTableSelection *how, gint64 at, gint64 n, Cell *cells, float *to)
{
  const gint64 n_cells = how->max_rows * how->max_columns;
  gint64 best;

  memset (cells, 0, (gsize) n_cells * sizeof *cells);
  for (gint64 i = at; i < at + n; i++)
    {
      Cell *cell = &cells[cell_of (how, columns, rows, i)];

      cell->logit += gtf_tensor_f32 (logits)[gtf_tensor_row_offset (logits, i)];
      cell->column_logit += gtf_tensor_f32 (chosen)[gtf_tensor_row_offset (chosen, i)];
      cell->n++;
      cell->n_seen += input->mask == NULL || gtf_tensor_f32 (input->mask)[i] == 0.0f;
    }
  for (gint64 i = 0; i < n_cells; i++)
    {
      cells[i].logit /= (double) MAX (cells[i].n, 1);
      cells[i].column_logit /= (double) MAX (cells[i].n, 1);
    }
  best = best_column (how, cells);
  for (gint64 i = at; i < at + n; i++)
    {
      const gint64 key = cell_of (how, columns, rows, i), column = key % how->max_columns;

      to[i] = (float) (cells[key].logit + NEVER * (1 - (column > 0 && column == best ? presence (&cells[key]) : 0)));
    }
}

GtfTensor *
gtf_table_select (GtfContext *c, const GtfTextInput *input, const GtfTensor *columns, const GtfTensor *rows, const GtfTensor *cells, const GtfTensor *chosen,
                  const GtfTableSelection *how)
{
  gint64 at = 0;
  GtfTensor *y;
  Cell *memory;

  if (!gtf_op_begin (c, "table_select", 2, cells, chosen))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, input->ids->shape);
  memory = gtf_arena_alloc (c, (gsize) (how->max_rows * how->max_columns) * sizeof *memory);
  for (gint64 text = 0; y != NULL && memory != NULL && text < input->n_texts; text++)
    {
      const gint64 n = text_length (c, input, text);

      select_in_text (input, columns, rows, cells, chosen, how, at, n, memory, gtf_tensor_f32 (y));
      at += n;
    }
  return y;
}
