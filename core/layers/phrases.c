/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Phrases end at [SEP], a period or a question mark, which belong to them (Liu et al. 2023, "Grounding DINO"). A phrase that ends with the text's last
 * token, and [CLS], are none: their tokens attend to themselves alone.
 */
#include "layers/phrases.h"

#include <float.h>
#include <math.h>
#include "base/error.h"
#include "tensor/rows-private.h"

static gboolean
is_end (gint32 id)
{
  return id == 101 || id == 102 || id == 1012 || id == 1029;    /* [CLS] [SEP] . ? in BERT's vocabulary, whatever that of the model is */
}

/* The checked ids: [n][T]. */
static const GtfTensor *
read_ids (GtfContext *c)
{
  const GtfTensor *ids = gtf_input (c, "input_ids");
  g_autofree char *shape = NULL;

  if (ids == NULL || gtf_failed (c))
    return NULL;
  if (ids->dtype == GTF_DTYPE_I32 && ids->n_dims == 2 && ids->shape[0] > 0 && ids->shape[1] > 0 && ids->shape[1] <= G_MAXINT16 && gtf_tensor_is_packed (ids))
    return ids;
  shape = gtf_shape_to_string (ids->n_dims, ids->shape);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"input_ids\" is %s %s, expected I32 [n, T]", gtf_dtype_name (ids->dtype), shape);
  return NULL;
}

gint64
gtf_phrases_count (GtfContext *c)
{
  const GtfTensor *ids = read_ids (c);

  return ids != NULL ? ids->shape[0] : 0;
}

/* Tokens of a row before its padding. */
static gint64
row_length (GtfContext *c, const GtfTensor *ids, gint64 row)
{
  const GtfTensor *mask = gtf_input_optional (c, "attention_mask");
  gint64 n = 0;

  if (mask == NULL || mask->dtype != GTF_DTYPE_I32 || mask->n_dims != 2 || mask->shape[0] != ids->shape[0] || mask->shape[1] != ids->shape[1]
      || !gtf_tensor_is_packed (mask))
    return ids->shape[1];
  while (n < ids->shape[1] && ((const gint32 *) mask->data)[row * ids->shape[1] + n] != 0)
    n++;
  return MAX (n, 1);
}

/* The end of the phrase that token i is of; n: none. */
static gint64
end_of (const gint32 *ids, gint64 n, gint64 i)
{
  while (i < n && !is_end (ids[i]))
    i++;
  return i;
}

/* Fills places and mask of all n tokens, of which the first @used are kept. */
static void
fill (const gint32 *ids, gint64 n, gint64 used, gint32 *positions, float *places, float *mask)
{
  gint64 before = -1;

  for (gint64 i = 0; i < used; i++)
    {
      const gint64 end = end_of (ids, n, i);
      const gboolean counts = end > 0 && end < n - 1;

      positions[i] = counts ? (gint32) (i - before - 1) : 0;
      places[i] = (float) positions[i];
      for (gint64 k = 0; k < used; k++)
        mask[i * used + k] = i == k || (counts && end_of (ids, n, k) == end) ? 0.0f : -FLT_MAX;
      if (is_end (ids[i]))
        before = i;
    }
}

gboolean
gtf_phrases_read (GtfContext *c, gint64 i, gint64 most, GtfPhrases *phrases)
{
  const GtfTensor *ids = read_ids (c);
  const gint32 *row = ids != NULL ? (const gint32 *) ids->data + i * ids->shape[1] : NULL;
  const gint64 n = ids != NULL ? row_length (c, ids, i) : 0, used = MIN (n, most), shape[] = { 1, used };
  GtfTensor *tokens, *types, *positions, *mask, *places;

  if (ids == NULL || !gtf_op_begin (c, "phrases", 0))
    return FALSE;
  tokens = gtf_new_tensor (c, GTF_DTYPE_I32, 2, shape);
  types = gtf_new_tensor (c, GTF_DTYPE_I32, 2, shape);
  positions = gtf_new_tensor (c, GTF_DTYPE_I32, 2, shape);
  places = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 1, used, 1 });
  mask = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ 1, 1, used, used });
  if (gtf_failed (c))
    return FALSE;
  for (gint64 k = 0; k < used; k++)
    {
      ((gint32 *) tokens->data)[k] = row[k];
      ((gint32 *) types->data)[k] = 0;
    }
  fill (row, n, used, positions->data, gtf_tensor_f32 (places), gtf_tensor_f32 (mask));
  *phrases = (GtfPhrases){ { .ids = tokens, .types = types, .positions = positions, .mask = mask, .n_texts = 1, .longest = used, .n_choices = 1 }, places };
  return TRUE;
}

GtfTensor *
gtf_number_waves (GtfContext *c, const GtfTensor *x, gint64 features)
{
  gint64 rows, n;
  GtfTensor *y;

  if (!gtf_op_begin (c, "number_waves", 1, x))
    return NULL;
  rows = gtf_tensor_rows (x);
  n = gtf_tensor_cols (x);
  y = gtf_new_like (c, x, n * features);
  for (gint64 i = 0; y != NULL && i < rows * n; i++)
    {
      const gint64 which = i % n, place = n >= 2 && which < 2 ? 1 - which : which;
      const float number = gtf_tensor_f32 (x)[gtf_tensor_row_offset (x, i / n) + which] * (float) (2 * G_PI);
      float *to = gtf_tensor_f32 (y) + (i / n * n + place) * features;

      for (gint64 k = 0; k < features; k++)
        {
          const float angle = number / powf (10000.0f, (float) (k / 2 * 2) / (float) features);

          to[k] = k % 2 ? cosf (angle) : sinf (angle);
        }
    }
  return y;
}

static void
best_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const GtfTensor *text = r->a;

  *y = -INFINITY;
  for (gint64 t = 0; t < gtf_tensor_rows (text); t++)
    {
      const float *token = gtf_tensor_f32 (text) + gtf_tensor_row_offset (text, t);
      float sums[8] = { 0 };
      gint64 i = 0;

      for (; i + 8 <= r->n; i += 8)
        for (gint k = 0; k < 8; k++)
          sums[k] += x[i + k] * token[i + k];
      for (; i < r->n; i++)
        sums[0] += x[i] * token[i];
      *y = MAX (*y, ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
    }
}

GtfTensor *
gtf_best_token (GtfContext *c, const GtfTensor *x, const GtfTensor *text)
{
  GtfRows r = { .func = best_row, .x = x, .a = text };

  if (!gtf_op_begin (c, "best_token", 2, x, text))
    return NULL;
  if (gtf_tensor_cols (x) != gtf_tensor_cols (text) || gtf_tensor_rows (text) < 1)
    {
      gtf_fail_shapes (c, x, text, "expected rows and tokens of one width");
      return NULL;
    }
  r.y = gtf_new_like (c, x, 1);
  if (r.y != NULL)
    gtf_rows_run (c, &r, 0.3 * (double) gtf_tensor_rows (text));
  return r.y;
}
