/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts of all lengths through the model without padding: they are laid end to end in one row of tokens, and sequence_starts
 * says where each begins, so that positions begin anew and attention stays within each text. The longest go first, and
 * a pass takes as many as fit its budget of tokens; what a text gives does not depend on its neighbours.
 */
#include "text/text-private.h"

#include <stdlib.h>
#include <string.h>

/* Tokens of a pass: enough to keep the matrix products busy, few enough that activations stay near the caches. One longer text is
 * a pass of its own. */
#define BUDGET 4096

#define MOST_OUTPUTS 4

enum
{
  IDS,
  TYPES,
  STARTS,
  POSITIONS,
  MASK,
  FEATURES,                     /* the first of what the tokenizer tells of each token beside its id */
  N_INPUTS = FEATURES + 4
};

typedef struct
{
  TextModel *model;
  const TextRow *rows;
  const TextOutput *outputs;
  guint n_outputs;
  TextDone done;
  gpointer data;
  GtfTensor *tensors[N_INPUTS];
  gint32 *inputs[N_INPUTS];     /* what is in them; NULL: there is no such input */
  float *values[MOST_OUTPUTS];  /* the outputs of the pass */
} Run;

static int
by_length (gconstpointer a, gconstpointer b, gpointer data)
{
  const TextRow *rows = data;
  gsize x = rows[*(const guint *) a].n, y = rows[*(const guint *) b].n;

  return x < y ? 1 : x > y ? -1 : *(const guint *) a < *(const guint *) b ? -1 : 1;
}

static gboolean
has_padding (const TextRow *row)
{
  return row->mask && memchr (row->mask, 0, row->n) != NULL;
}

gsize
text_pass_size (const TextRow *rows, const guint *order, gsize n_rows, gsize first)
{
  gsize tokens = rows[order[first]].n, n = 1;

  if (has_padding (&rows[order[first]]))
    return 1;
  while (first + n < n_rows && tokens + rows[order[first + n]].n <= BUDGET && !has_padding (&rows[order[first + n]]))
    tokens += rows[order[first + n++]].n;
  return n;
}

static void
run_clear (Run *run)
{
  for (guint i = 0; i < N_INPUTS; i++)
    {
      g_clear_pointer (&run->tensors[i], gtf_tensor_unref);
      run->inputs[i] = NULL;
    }
  for (guint o = 0; o < MOST_OUTPUTS; o++)
    g_clear_pointer (&run->values[o], g_free);
}

/* An input of @n numbers, still to be written: [n], [1][n], or [1][n][width] if there are so many a token. */
static gboolean
add_wide_input (Run *run, guint input, guint n_dims, gsize n, guint width, GError **error)
{
  const gint64 shape[] = { n_dims == 1 ? (gint64) n : 1, (gint64) n, width };
  g_autoptr (GBytes) bytes = NULL;

  run->inputs[input] = n <= G_MAXSIZE / width ? g_try_new0 (gint32, n * width) : NULL;
  if (run->inputs[input] == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "inputs: no memory for %zu tokens", n);
      return FALSE;
    }
  bytes = g_bytes_new_take (run->inputs[input], n * width * sizeof (gint32));
  run->tensors[input] = gtf_tensor_new_bytes (GTF_DTYPE_I32, n_dims, shape, bytes, error);
  return run->tensors[input] != NULL;
}

static gboolean
add_input (Run *run, guint input, guint n_dims, gsize n, GError **error)
{
  return add_wide_input (run, input, n_dims, n, 1, error);
}

static guint
n_types (const Run *run)
{
  return MAX (run->rows->n_types, 1);
}

/* What the tokenizer tells of the tokens of the pass; after the ids are written. */
static gboolean
add_features (Run *run, gsize tokens, GError **error)
{
  const gint32 *by_id;
  const char *name;
  gsize n;

  for (guint i = 0; FEATURES + i < N_INPUTS && (name = gtf_tokenizer_get_token_feature (run->model->tokenizer, i, &n, &by_id)) != NULL; i++)
    {
      if (!add_input (run, FEATURES + i, 2, tokens, error))
        return FALSE;
      for (gsize t = 0; t < tokens; t++)
        run->inputs[FEATURES + i][t] = (gsize) run->inputs[IDS][t] < n ? by_id[run->inputs[IDS][t]] : 0;
      gtf_session_set_input (run->model->session, name, run->tensors[FEATURES + i]);
    }
  return TRUE;
}

/* The inputs of a pass, of @tokens tokens in @n rows with @positions positions. */
static gboolean
make_inputs (Run *run, gsize n, gsize tokens, gsize positions, gboolean masked, GError **error)
{
  run_clear (run);
  return add_input (run, IDS, 2, tokens, error) && add_wide_input (run, TYPES, n_types (run) > 1 ? 3 : 2, tokens, n_types (run), error)
         && (masked ? add_input (run, MASK, 2, tokens, error) : add_input (run, STARTS, 1, n + 1, error))
         && (positions == 0 || add_input (run, POSITIONS, 1, positions, error));
}

static gboolean
wants_positions (const Run *run)
{
  for (guint i = 0; i < run->n_outputs; i++)
    if (run->outputs[i].kind == TEXT_PER_POSITION)
      return TRUE;
  return FALSE;
}

static gboolean
fill (Run *run, const guint *order, gsize n, GError **error)
{
  gsize tokens = 0, positions = 0, at = 0, p = 0;
  gboolean masked = has_padding (&run->rows[order[0]]);

  for (gsize i = 0; i < n; i++)
    {
      tokens += run->rows[order[i]].n;
      positions += run->rows[order[i]].n_positions;
    }
  if (tokens > G_MAXINT32 || !make_inputs (run, n, tokens, wants_positions (run) ? positions : 0, masked, error))
    return tokens > G_MAXINT32 ? text_fail (error, "inputs: %zu tokens are too many", tokens) : FALSE;
  for (gsize i = 0; i < n; i++)
    {
      const TextRow *row = &run->rows[order[i]];

      if (run->tensors[STARTS])
        run->inputs[STARTS][i] = (gint32) at;
      memcpy (run->inputs[IDS] + at, row->ids, row->n * sizeof (gint32));
      for (gsize t = 0; row->type_ids && t < row->n * n_types (run); t++)
        run->inputs[TYPES][at * n_types (run) + t] = row->type_ids[t];
      for (gsize t = 0; masked && t < row->n; t++)
        run->inputs[MASK][at + t] = row->mask[t];
      for (gsize t = 0; run->inputs[POSITIONS] && t < row->n_positions; t++)
        run->inputs[POSITIONS][p++] = (gint32) (at + row->positions[t]);
      at += row->n;
    }
  if (run->tensors[STARTS])
    run->inputs[STARTS][n] = (gint32) at;
  if (!add_features (run, tokens, error))
    return FALSE;
  gtf_session_set_input (run->model->session, "input_ids", run->tensors[IDS]);
  if (run->tensors[STARTS])
    gtf_session_set_input (run->model->session, "sequence_starts", run->tensors[STARTS]);
  if (masked)
    gtf_session_set_input (run->model->session, "attention_mask", run->tensors[MASK]);
  if (run->model->token_types)
    gtf_session_set_input (run->model->session, "token_type_ids", run->tensors[TYPES]);
  if (run->tensors[POSITIONS])
    gtf_session_set_input (run->model->session, "logits_positions", run->tensors[POSITIONS]);
  for (guint i = 0; i < run->n_outputs; i++)
    gtf_session_want (run->model->session, run->outputs[i].name);
  return TRUE;
}

/* An output as one matrix, checked against what it must be. */
static gboolean
take_output (Run *run, guint o, gsize n, gsize tokens, gsize positions, TextSlice *slice, GError **error)
{
  const TextOutput *output = &run->outputs[o];
  const GtfTensor *t = gtf_session_get_output (run->model->session, output->name);
  gsize rows = output->kind == TEXT_PER_ROW ? n : output->kind == TEXT_PER_TOKEN ? tokens : positions, cols, total;
  guint n_dims;

  if (t == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: the model (%s) gives no \"%s\"", gtf_model_get_directory (run->model->task->model),
                   gtf_model_get_architecture (run->model->task->model), output->name);
      return FALSE;
    }
  n_dims = gtf_tensor_get_n_dims (t);
  total = gtf_tensor_get_n_elements (t);
  cols = n_dims == 0 || (output->kind == TEXT_PER_TOKEN && n_dims <= 2 && total == rows) ? 1 : (gsize) gtf_tensor_get_dim (t, -1);
  if (gtf_tensor_get_dtype (t) != GTF_DTYPE_F32 || n_dims == 0 || cols == 0 || total % cols != 0 || total / cols != rows)
    {
      g_autoptr (GString) shape = g_string_new (NULL);

      for (guint i = 0; i < n_dims; i++)
        g_string_append_printf (shape, "%s%" G_GINT64_FORMAT, i ? ", " : "", gtf_tensor_get_dim (t, (gint) i));
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "%s: the model's output \"%s\" has the shape [%s], expected %zu rows of float32 for %zu texts of %zu tokens",
                   gtf_model_get_directory (run->model->task->model), output->name, shape->str, rows, n, tokens);
      return FALSE;
    }
  g_free (run->values[o]);
  run->values[o] = g_try_new (float, MAX (total, 1));
  if (run->values[o] == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "inputs: no memory for the %zu numbers of \"%s\"", total, output->name);
      return FALSE;
    }
  gtf_tensor_read_f32 (t, 0, total, run->values[o]);
  *slice = (TextSlice) { run->values[o], rows, cols, cols };
  return TRUE;
}

static gboolean
hand_out (Run *run, const guint *order, gsize n, GError **error)
{
  gsize tokens = 0, positions = 0, at = 0, p = 0;
  TextSlice whole[MOST_OUTPUTS], part[MOST_OUTPUTS];

  for (gsize i = 0; i < n; i++)
    {
      tokens += run->rows[order[i]].n;
      positions += run->rows[order[i]].n_positions;
    }
  for (guint o = 0; o < run->n_outputs; o++)
    if (!take_output (run, o, n, tokens, positions, &whole[o], error))
      return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      const TextRow *row = &run->rows[order[i]];

      for (guint o = 0; o < run->n_outputs; o++)
        {
          TextOutputKind kind = run->outputs[o].kind;
          gsize first = kind == TEXT_PER_ROW ? i : kind == TEXT_PER_TOKEN ? at : p;

          part[o] = whole[o];
          part[o].data = text_slice_row (&whole[o], first);
          part[o].rows = kind == TEXT_PER_ROW ? 1 : kind == TEXT_PER_TOKEN ? row->n : row->n_positions;
        }
      if (!run->done (order[i], part, run->data, error))
        return FALSE;
      at += row->n;
      p += row->n_positions;
    }
  return TRUE;
}

gboolean
text_run (TextModel *self, const TextRow *rows, gsize n_rows, const TextOutput *outputs, TextDone done, gpointer data,
          GCancellable *cancellable, GError **error)
{
  g_autofree guint *order = g_try_new (guint, n_rows + 1);
  Run run = { .model = self, .rows = rows, .outputs = outputs, .done = done, .data = data };
  gboolean ok = TRUE;

  while (outputs[run.n_outputs].name)
    run.n_outputs++;
  g_assert (run.n_outputs <= MOST_OUTPUTS);
  if (order == NULL || n_rows > G_MAXINT32)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "inputs: no memory for %zu texts", n_rows);
      return FALSE;
    }
  for (gsize i = 0; i < n_rows; i++)
    {
      order[i] = (guint) i;
      if (rows[i].n == 0)
        return text_fail (error, "inputs: a text without a single token: the tokenizer adds no special tokens to an empty text");
    }
  g_qsort_with_data (order, (gint) n_rows, sizeof *order, by_length, (gpointer) rows);
  gtf_session_set_cancellable (self->session, cancellable);
  for (gsize first = 0, n = 0; ok && first < n_rows; first += n)
    {
      n = text_pass_size (rows, order, n_rows, first);
      ok = !g_cancellable_set_error_if_cancelled (cancellable, error) && fill (&run, order + first, n, error) && gtf_session_forward (self->session, error)
           && hand_out (&run, order + first, n, error);
    }
  gtf_session_set_cancellable (self->session, NULL);
  run_clear (&run);
  return ok;
}
