/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads and checks the inputs of a text encoder, and counts positions in the ways there are.
 */
#include "layers/text-input.h"

#include <float.h>
#include <string.h>
#include "base/error.h"
#include "tensor/context-private.h"

static void
bad_input (GtfContext *c, const char *name, const GtfTensor *t, const char *expected)
{
  g_autofree char *shape = gtf_shape_to_string (t->n_dims, t->shape);

  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"%s\" is %s %s, expected %s", name, gtf_dtype_name (t->dtype), shape, expected);
}

/* An input as I32, packed, [rows][last]; NULL without an error if there is none. */
static const GtfTensor *
read_ids (GtfContext *c, const char *name, gboolean required)
{
  const GtfTensor *t = required ? gtf_input (c, name) : gtf_input_optional (c, name);
  gint64 shape[2];
  GtfTensor *y;

  if (t == NULL || gtf_failed (c))
    return NULL;
  if (t->dtype != GTF_DTYPE_I32 && t->dtype != GTF_DTYPE_I64)
    {
      bad_input (c, name, t, "I32 or I64");
      return NULL;
    }
  shape[0] = gtf_tensor_rows (t);
  shape[1] = gtf_tensor_cols (t);
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, shape);
  if (y == NULL)
    return NULL;
  t = gtf_packed (c, t);
  for (gint64 i = 0; t != NULL && i < shape[0] * shape[1]; i++)
    {
      gint64 id = t->dtype == GTF_DTYPE_I64 ? ((const gint64 *) t->data)[i] : ((const gint32 *) t->data)[i];
      if (id != (gint32) id)
        {
          gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"%s\" holds %" G_GINT64_FORMAT, name, id);
          return NULL;
        }
      ((gint32 *) y->data)[i] = (gint32) id;
    }
  return t != NULL ? y : NULL;
}

/* An optional input of the shape of the ids. */
static const GtfTensor *
read_like (GtfContext *c, const char *name, const GtfTensor *ids)
{
  const GtfTensor *t = read_ids (c, name, FALSE);
  g_autofree char *shape = NULL, *expected = NULL;

  if (t == NULL || (t->shape[0] == ids->shape[0] && t->shape[1] == ids->shape[1]))
    return t;
  shape = gtf_shape_to_string (2, ids->shape);
  expected = g_strdup_printf ("the shape %s of input_ids", shape);
  bad_input (c, name, t, expected);
  return NULL;
}

const GtfTensor *
gtf_text_input_wide (GtfContext *c, const GtfTextInput *input, const char *name, gint64 n)
{
  const GtfTensor *t = gtf_failed (c) ? NULL : read_ids (c, name, FALSE);
  const gint64 shape[] = { input->ids->shape[0], input->ids->shape[1], n };
  g_autofree char *wanted = NULL, *expected = NULL;

  if (t == NULL || (t->shape[0] == shape[0] * shape[1] && t->shape[1] == n))
    return t;
  wanted = gtf_shape_to_string (3, shape);
  expected = g_strdup_printf ("%s: so many numbers a token", wanted);
  bad_input (c, name, gtf_input (c, name), expected);
  return NULL;
}

GtfTensor *
gtf_text_column (GtfContext *c, const GtfTextInput *input, const GtfTensor *wide, gint64 i)
{
  GtfTensor *y = gtf_op_begin (c, "text_column", 0) ? gtf_new_tensor (c, GTF_DTYPE_I32, 2, input->ids->shape) : NULL;

  for (gint64 row = 0; y != NULL && row < wide->shape[0]; row++)
    ((gint32 *) y->data)[row] = ((const gint32 *) wide->data)[row * wide->shape[1] + i];
  return y;
}

const GtfTensor *
gtf_text_input_more (GtfContext *c, const GtfTextInput *input, const char *name)
{
  const GtfTensor *t = gtf_failed (c) ? NULL : read_like (c, name, input->ids);
  GtfTensor *view = t != NULL ? gtf_new_view (c, t) : NULL;

  return view;
}

/* 0 for what is seen, the lowest number for padding; NULL if nothing is padding. */
static const GtfTensor *
read_mask (GtfContext *c, const GtfTensor *ids)
{
  const GtfTensor *t = read_like (c, "attention_mask", ids);
  gint64 n = t != NULL ? t->shape[0] * t->shape[1] : 0;
  const gint32 *seen = t != NULL ? t->data : NULL;
  gboolean padded = FALSE;
  GtfTensor *mask;

  for (gint64 i = 0; i < n && !padded; i++)
    padded = seen[i] == 0;
  if (!padded)
    return NULL;
  mask = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ t->shape[0], 1, 1, t->shape[1] });
  for (gint64 i = 0; mask != NULL && i < n; i++)
    gtf_tensor_f32 (mask)[i] = seen[i] == 0 ? -FLT_MAX : 0.0f;
  return mask;
}

/* sequence_starts: [texts + 1], ascending from 0 to the number of tokens. */
static void
read_sequences (GtfContext *c, GtfTextInput *input)
{
  const GtfTensor *t = read_ids (c, "sequence_starts", FALSE);
  gint64 n = t != NULL ? t->shape[0] * t->shape[1] - 1 : 0;
  const gint32 *starts = t != NULL ? t->data : NULL;
  GtfTensor *view;

  if (t == NULL)
    return;
  if (n < 1 || input->ids->shape[0] != 1 || gtf_input_optional (c, "attention_mask") != NULL)
    {
      bad_input (c, "sequence_starts", t, "at least two numbers, input_ids [1, N] and no attention_mask");
      return;
    }
  input->longest = 0;
  for (gint64 i = 0; i < n; i++)
    {
      input->longest = MAX (input->longest, (gint64) starts[i + 1] - starts[i]);
      if (starts[0] != 0 || starts[i + 1] <= starts[i] || starts[n] != input->ids->shape[1])
        {
          gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"sequence_starts\" must ascend from 0 to the %" G_GINT64_FORMAT " tokens, but text %"
                         G_GINT64_FORMAT " is %d to %d", input->ids->shape[1], i, starts[i], starts[i + 1]);
          return;
        }
    }
  input->n_texts = n;
  view = gtf_new_view (c, t);
  if (view == NULL)
    return;
  view->n_dims = 1;
  view->shape[0] = view->row_stride = n + 1;
  input->sequences = view;
}

/* Rows for which logits are asked. */
static void
read_rows (GtfContext *c, GtfTextInput *input)
{
  const GtfTensor *t = read_ids (c, "logits_positions", FALSE);
  GtfTensor *view = t != NULL ? gtf_new_view (c, t) : NULL;

  if (view == NULL)
    return;
  view->shape[0] = 1;
  view->shape[1] = view->row_stride = t->shape[0] * t->shape[1];
  input->rows = view;
}

/**
 * gtf_text_input_untyped:
 * @c: a context
 * @input: (out caller-allocates): what was found
 *
 * As gtf_text_input(), but for token_type_ids: for families that give them another shape, or another meaning.
 *
 * Returns: whether input_ids are there and all that is given fits them; else the sticky error is set
 */
gboolean
gtf_text_input_untyped (GtfContext *c, GtfTextInput *input)
{
  const GtfTensor *given;

  memset (input, 0, sizeof *input);
  c->op = NULL;
  input->ids = read_ids (c, "input_ids", TRUE);
  if (input->ids == NULL)
    return FALSE;
  given = gtf_input (c, "input_ids");
  input->n_texts = input->ids->shape[0];
  input->longest = input->ids->shape[1];
  input->n_choices = given->n_dims > 2 ? given->shape[given->n_dims - 2] : 1;
  if (input->n_texts < 1 || input->longest < 1)
    {
      bad_input (c, "input_ids", given, "at least one token");
      return FALSE;
    }
  read_sequences (c, input);
  if (!gtf_failed (c))
    input->positions = read_like (c, "position_ids", input->ids);
  if (!gtf_failed (c) && input->sequences == NULL)
    input->mask = read_mask (c, input->ids);
  if (!gtf_failed (c))
    read_rows (c, input);
  return !gtf_failed (c);
}

/**
 * gtf_text_input:
 * @c: a context
 * @input: (out caller-allocates): what was found
 *
 * Returns: whether input_ids are there and all that is given fits them; else the sticky error is set
 */
gboolean
gtf_text_input (GtfContext *c, GtfTextInput *input)
{
  if (gtf_text_input_untyped (c, input))
    input->types = read_like (c, "token_type_ids", input->ids);
  return !gtf_failed (c);
}

/* First row of a text, and the one after its last. */
static gint64
text_start (const GtfTextInput *input, gint64 text)
{
  return input->sequences != NULL ? ((const gint32 *) input->sequences->data)[text] : text * input->longest;
}

GtfTensor *
gtf_text_of (GtfContext *c, const GtfTextInput *input, const GtfTensor *ids, gint64 text, gint64 *length)
{
  gint64 start = text_start (input, text);
  GtfTensor *view = gtf_op_begin (c, "text_of", 0) ? gtf_new_view (c, ids) : NULL;

  *length = text_start (input, text + 1) - start;
  if (view == NULL)
    return NULL;
  view->shape[0] = 1;
  view->shape[1] = view->row_stride = *length;
  view->data = (gint32 *) ids->data + start;
  return view;
}

GtfTensor *
gtf_text_positions (GtfContext *c, const GtfTextInput *input, gint64 first)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_positions", 0))
    return NULL;
  if (input->positions != NULL)
    return gtf_new_view (c, input->positions);
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, input->ids->shape);
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    for (gint64 from = text_start (input, text), i = from; i < text_start (input, text + 1); i++)
      ((gint32 *) y->data)[i] = (gint32) (first + i - from);
  return y;
}

GtfTensor *
gtf_text_positions_past_padding (GtfContext *c, const GtfTextInput *input, gint64 padding)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_positions", 0))
    return NULL;
  if (input->positions != NULL)
    return gtf_new_view (c, input->positions);
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, input->ids->shape);
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    {
      gint64 n = 0;
      for (gint64 i = text_start (input, text); i < text_start (input, text + 1); i++)
        {
          gboolean is_padding = ((const gint32 *) input->ids->data)[i] == padding;
          n += !is_padding;
          ((gint32 *) y->data)[i] = (gint32) (padding + (is_padding ? 0 : n));
        }
    }
  return y;
}

static gint64
first_row (gint64 text, gconstpointer data)
{
  return text_start (data, text);
}

GtfTensor *
gtf_text_first (GtfContext *c, const GtfTextInput *input, const GtfTensor *x)
{
  return gtf_take (c, x, gtf_indices (c, input->n_texts, first_row, input));
}

static gint64
last_row (gint64 text, gconstpointer data)
{
  return text_start (data, text + 1) - 1;
}

GtfTensor *
gtf_text_last (GtfContext *c, const GtfTextInput *input, const GtfTensor *x)
{
  return gtf_take (c, x, gtf_indices (c, input->n_texts, last_row, input));
}

GtfTensor *
gtf_text_mean (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, gboolean padding_too)
{
  GtfTensor *y;
  gint64 d;

  if (!gtf_op_begin (c, "text_mean", 1, x))
    return NULL;
  d = gtf_tensor_cols (x);
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ input->n_texts, d });
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    {
      float *to = gtf_tensor_f32 (y) + text * d, n = 0.0f;
      memset (to, 0, (gsize) d * sizeof *to);
      for (gint64 i = text_start (input, text); i < text_start (input, text + 1); i++)
        if (padding_too || input->mask == NULL || gtf_tensor_f32 (input->mask)[i] >= 0.0f)
          {
            c->kernels->add (to, gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, i), d, to);
            n += 1.0f;
          }
      c->kernels->scale (to, 1.0f / MAX (n, 1.0f), d, to);
    }
  return y;
}

static gboolean
is_padding (const GtfTextInput *input, gint64 row)
{
  return input->mask != NULL && gtf_tensor_f32 (input->mask)[row] != 0.0f;
}

/* x with a factor on each of its rows. */
static GtfTensor *
scaled_copy (GtfContext *c, const GtfTensor *x, const float *factors)
{
  gint64 cols = gtf_tensor_cols (x);
  GtfTensor *y = gtf_new_like (c, x, cols);

  for (gint64 row = 0; y != NULL && row < gtf_tensor_rows (x); row++)
    c->kernels->scale (gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, row), factors[row], cols, gtf_tensor_f32 (y) + row * cols);
  return y;
}

GtfTensor *
gtf_text_drop_tokens (GtfContext *c, const GtfTextInput *input, GtfTensor *x, gint64 mask, double trained)
{
  float *factors;

  if (!gtf_op_begin (c, "text_drop_tokens", 1, x))
    return NULL;
  factors = gtf_arena_alloc (c, (gsize) gtf_tensor_rows (x) * sizeof *factors);
  for (gint64 text = 0; factors != NULL && text < input->n_texts; text++)
    {
      gint64 from = text_start (input, text), to = text_start (input, text + 1), masks = 0, tokens = 0;
      for (gint64 i = from; i < to; i++)
        {
          masks += ((const gint32 *) input->ids->data)[i] == mask;
          tokens += !is_padding (input, i);
        }
      for (gint64 i = from; i < to; i++)
        factors[i] = ((const gint32 *) input->ids->data)[i] == mask ? 0.0f : (float) ((1.0 - trained) / (1.0 - (double) masks / (double) tokens));
    }
  return factors != NULL ? scaled_copy (c, x, factors) : NULL;
}

typedef struct
{
  const GtfTextInput *input;
  gint64 id;
} Find;

static gint64
find_row (gint64 text, gconstpointer data)
{
  const Find *find = data;
  const gint32 *ids = find->input->ids->data;
  gint64 from = text_start (find->input, text);

  for (gint64 i = from; i < text_start (find->input, text + 1); i++)
    if (ids[i] == find->id)
      return i;
  return from;
}

GtfTensor *
gtf_text_find (GtfContext *c, const GtfTextInput *input, gint64 id)
{
  return gtf_indices (c, input->n_texts, find_row, &(Find){ input, id });
}

static gint64
highest_row (gint64 text, gconstpointer data)
{
  const GtfTextInput *input = data;
  const gint32 *ids = input->ids->data;
  gint64 best = text_start (input, text);

  for (gint64 i = best; i < text_start (input, text + 1); i++)
    if (ids[i] > ids[best])
      best = i;
  return best;
}

GtfTensor *
gtf_text_highest (GtfContext *c, const GtfTextInput *input)
{
  return gtf_indices (c, input->n_texts, highest_row, input);
}

GtfTensor *
gtf_text_scores (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, const GtfTensor *q)
{
  gint64 d;
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_scores", 2, x, q))
    return NULL;
  d = gtf_tensor_cols (x);
  if (gtf_tensor_cols (q) != d || gtf_tensor_rows (q) != input->n_texts)
    {
      gtf_fail_shapes (c, x, q, "expected a row for each text");
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, input->ids->shape);
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    for (gint64 i = text_start (input, text); i < text_start (input, text + 1); i++)
      {
        const float *a = gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, i), *b = gtf_tensor_f32 (q) + gtf_tensor_row_offset (q, text);
        float sum = is_padding (input, i) ? -FLT_MAX : 0.0f;
        for (gint64 k = 0; k < d; k++)
          sum += a[k] * b[k];
        gtf_tensor_f32 (y)[i] = sum;
      }
  return y;
}

/* Of a text, counted from its start; its length if there is none. */
static gint64
first_of (const GtfTextInput *input, gint64 text, gint64 token)
{
  const gint32 *ids = (const gint32 *) input->ids->data + text_start (input, text);
  gint64 n = text_start (input, text + 1) - text_start (input, text), i = 0;

  while (i < n && ids[i] != token)
    i++;
  return i;
}

GtfTensor *
gtf_text_count_before (GtfContext *c, const GtfTextInput *input, gint64 token)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_count_before", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 1, &input->n_texts);
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    ((gint32 *) y->data)[text] = (gint32) first_of (input, text, token);
  return y;
}

/* The last token of the question: the first @token, or, without any, the first token of the text. */
static gint64
question_end (const GtfTextInput *input, gint64 text, gint64 token)
{
  gint64 first = text_start (input, text), i = first + first_of (input, text, token);

  return i < text_start (input, text + 1) ? i : first;
}

GtfTensor *
gtf_text_parts (GtfContext *c, const GtfTextInput *input, gint64 token)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_parts", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, input->ids->shape);
  for (gint64 text = 0; y != NULL && text < input->n_texts; text++)
    for (gint64 i = text_start (input, text); i < text_start (input, text + 1); i++)
      ((gint32 *) y->data)[i] = i > question_end (input, text, token);
  return y;
}

GtfTensor *
gtf_text_hide_question (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, gint64 token)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "text_hide_question", 1, x))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, x->shape);
  if (y == NULL)
    return NULL;
  gtf_tensor_copy_packed (x, y->data);
  for (gint64 text = 0; text < input->n_texts; text++)
    for (gint64 i = text_start (input, text) + 1, end = question_end (input, text, token); i <= end; i++)
      for (gint64 k = 0; k < gtf_tensor_cols (y); k++)
        gtf_tensor_f32 (y)[i * y->row_stride + k] -= 1e6f;
  return y;
}

GtfTensor *
gtf_text_rows (GtfContext *c, const GtfTextInput *input, GtfTensor *x)
{
  return input->rows != NULL ? gtf_take (c, x, input->rows) : x;
}
