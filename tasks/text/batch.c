/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts of all lengths through the model without padding: they are laid end to end in one row of tokens, and sequence_starts
 * says where each begins, so that positions begin anew and attention stays within each text. The longest go first, and
 * a pass takes as many as fit its budget of tokens; what a text gives does not depend on its neighbours.
 */
#include "text/text-private.h"

#include <stdlib.h>
#include <string.h>
#include "tensor/tensor-private.h"

/* Tokens of a pass: enough to keep the matrix products busy, few enough that activations stay near the caches. One longer text is
 * a pass of its own. */
#define BUDGET 4096

typedef struct
{
  TextModel *model;
  const TextRow *rows;
  const TextOutput *outputs;
  guint n_outputs;
  TextDone done;
  gpointer data;
  GtfTensor *ids, *types, *starts, *positions, *mask;
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
  g_clear_pointer (&run->ids, gtf_tensor_unref);
  g_clear_pointer (&run->types, gtf_tensor_unref);
  g_clear_pointer (&run->starts, gtf_tensor_unref);
  g_clear_pointer (&run->positions, gtf_tensor_unref);
  g_clear_pointer (&run->mask, gtf_tensor_unref);
}

static GtfTensor *
tensor (guint n_dims, gsize first, gsize second, GError **error)
{
  const gint64 shape[] = { (gint64) first, (gint64) second };

  return gtf_tensor_new (GTF_DTYPE_I32, n_dims, shape, error);
}

/* The tensors of a pass, of @tokens tokens in @n rows with @positions positions. */
static gboolean
make_tensors (Run *run, gsize n, gsize tokens, gsize positions, gboolean masked, GError **error)
{
  run_clear (run);
  run->ids = tensor (2, 1, tokens, error);
  run->types = run->ids ? tensor (2, 1, tokens, error) : NULL;
  if (run->types == NULL)
    return FALSE;
  if (masked && (run->mask = tensor (2, 1, tokens, error)) == NULL)
    return FALSE;
  if (!masked && (run->starts = tensor (1, n + 1, 0, error)) == NULL)
    return FALSE;
  return positions == 0 || (run->positions = tensor (1, positions, 0, error)) != NULL;
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
  gboolean masked = has_padding (&run->rows[order[0]]), typed = FALSE;

  for (gsize i = 0; i < n; i++)
    {
      tokens += run->rows[order[i]].n;
      positions += run->rows[order[i]].n_positions;
    }
  if (tokens > G_MAXINT32 || !make_tensors (run, n, tokens, wants_positions (run) ? positions : 0, masked, error))
    return tokens > G_MAXINT32 ? text_fail (error, "inputs: %zu tokens are too many", tokens) : FALSE;
  for (gsize i = 0; i < n; i++)
    {
      const TextRow *row = &run->rows[order[i]];

      if (run->starts)
        ((gint32 *) run->starts->data)[i] = (gint32) at;
      memcpy ((gint32 *) run->ids->data + at, row->ids, row->n * sizeof (gint32));
      for (gsize t = 0; row->type_ids && t < row->n; t++)
        typed |= (((gint32 *) run->types->data)[at + t] = row->type_ids[t]) != 0;
      for (gsize t = 0; masked && t < row->n; t++)
        ((gint32 *) run->mask->data)[at + t] = row->mask[t];
      for (gsize t = 0; run->positions && t < row->n_positions; t++)
        ((gint32 *) run->positions->data)[p++] = (gint32) (at + row->positions[t]);
      at += row->n;
    }
  if (run->starts)
    ((gint32 *) run->starts->data)[n] = (gint32) at;
  gtf_session_set_input (run->model->session, "input_ids", run->ids);
  if (run->starts)
    gtf_session_set_input (run->model->session, "sequence_starts", run->starts);
  if (masked)
    gtf_session_set_input (run->model->session, "attention_mask", run->mask);
  if (typed && run->model->token_types)
    gtf_session_set_input (run->model->session, "token_type_ids", run->types);
  if (run->positions)
    gtf_session_set_input (run->model->session, "logits_positions", run->positions);
  for (guint i = 0; i < run->n_outputs; i++)
    gtf_session_want (run->model->session, run->outputs[i].name);
  return TRUE;
}

/* An output as one matrix, checked against what it must be. */
static gboolean
take_output (Run *run, const TextOutput *output, gsize n, gsize tokens, gsize positions, TextSlice *slice, GError **error)
{
  const GtfTensor *t = gtf_session_get_output (run->model->session, output->name);
  gsize rows = output->kind == TEXT_PER_ROW ? n : output->kind == TEXT_PER_TOKEN ? tokens : positions;
  gboolean flat;

  if (t == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: the model (%s) gives no \"%s\"", gtf_model_get_directory (run->model->task->model),
                   gtf_model_get_architecture (run->model->task->model), output->name);
      return FALSE;
    }
  flat = output->kind == TEXT_PER_TOKEN && t->n_dims <= 2 && gtf_tensor_get_n_elements (t) == rows;
  if (t->dtype != GTF_DTYPE_F32 || t->n_dims == 0 || !gtf_tensor_is_uniform (t) || (!flat && (gsize) gtf_tensor_rows (t) != rows) || (flat && !gtf_tensor_is_packed (t)))
    {
      g_autoptr (GString) shape = g_string_new (NULL);

      for (guint i = 0; i < t->n_dims; i++)
        g_string_append_printf (shape, "%s%" G_GINT64_FORMAT, i ? ", " : "", t->shape[i]);
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "%s: the model's output \"%s\" has the shape [%s], expected %zu rows of float32 for %zu texts of %zu tokens",
                   gtf_model_get_directory (run->model->task->model), output->name, shape->str, rows, n, tokens);
      return FALSE;
    }
  *slice = (TextSlice) { gtf_tensor_f32 (t), rows, flat ? 1 : (gsize) gtf_tensor_cols (t), flat ? 1 : t->row_stride };
  return TRUE;
}

static gboolean
hand_out (Run *run, const guint *order, gsize n, GError **error)
{
  gsize tokens = 0, positions = 0, at = 0, p = 0;
  TextSlice whole[4], part[4];

  for (gsize i = 0; i < n; i++)
    {
      tokens += run->rows[order[i]].n;
      positions += run->rows[order[i]].n_positions;
    }
  for (guint o = 0; o < run->n_outputs; o++)
    if (!take_output (run, &run->outputs[o], n, tokens, positions, &whole[o], error))
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
  g_assert (run.n_outputs <= 4);
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
