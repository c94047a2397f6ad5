/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rotary position embeddings and sinusoids. Angles are float32 products, as in the reference: at position 8000 a more exact
 * angle would differ from its by more than the tolerance of anything behind it.
 */
#include "tensor/positions.h"
#include "tensor/rows-private.h"
#include "tensor/sequences-private.h"

#include <math.h>
#include <string.h>

/**
 * gtf_rotary_table:
 * @n: positions
 * @rotary: frequencies
 *
 * Returns: (transfer none) (nullable): [n][dims]: half cosines, half sines
 */
GtfTensor *
gtf_rotary_table (GtfContext *c, gint64 n, const GtfRotary *rotary)
{
  gint64 half = rotary->dims / 2;
  float factor = rotary->factor != 0 ? (float) rotary->factor : 1.0f, divisor = rotary->divisor != 0 ? (float) rotary->divisor : 1.0f;
  GtfTensor *y;

  if (!gtf_op_begin (c, "rotary_table", 0))
    return NULL;
  if (half < 1 || rotary->dims % 2 != 0 || rotary->theta <= 0 || n < 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " dimensions by base %g: expected an even number and a positive one", rotary->dims, rotary->theta);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, rotary->dims });
  for (gint64 i = 0; y != NULL && i < half; i++)
    {
      float frequency = rotary->frequencies != NULL ? rotary->frequencies[i] : 1.0f / powf ((float) rotary->theta, (float) (2 * i) / (float) rotary->dims) / divisor;
      for (gint64 t = 0; t < n; t++)
        {
          float angle = (float) t * frequency, *row = gtf_tensor_f32 (y) + t * rotary->dims;
          row[i] = cosf (angle) * factor;
          row[half + i] = sinf (angle) * factor;
        }
    }
  return y;
}

typedef struct
{
  gint64 n_heads, d, half, first, steps;
  gboolean interleaved;
  const gint32 *positions;      /* of each row; NULL: first + row % steps */
} Rotate;

static void
rotate_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const Rotate *t = r->a;
  const GtfTensor *table = r->b;
  gint64 position = t->positions != NULL ? t->positions[row] : t->first + row % t->steps;
  const float *cosines = gtf_tensor_f32 (table) + position * table->row_stride, *sines = cosines + t->half;

  for (gint64 h = 0; h < t->n_heads; h++, x += t->d, y += t->d)
    {
      if (t->interleaved)
        for (gint64 i = 0; i < t->half; i++)
          {
            float a = x[2 * i], b = x[2 * i + 1];
            y[2 * i] = a * cosines[i] - b * sines[i];
            y[2 * i + 1] = b * cosines[i] + a * sines[i];
          }
      else
        r->kernels->rotate (x, cosines, sines, t->half, y);
      memcpy (y + 2 * t->half, x + 2 * t->half, (gsize) (t->d - 2 * t->half) * sizeof *y);
    }
}

/* Positions of packed texts, which begin anew. */
static gint32 *
packed_positions (GtfContext *c, const GtfSequences *s)
{
  gint32 *positions = gtf_arena_alloc (c, (gsize) s->steps * sizeof *positions);

  for (gint64 i = 0; positions != NULL && i < s->n; i++)
    for (gint32 t = s->starts[i]; t < s->starts[i + 1]; t++)
      positions[t] = t - s->starts[i];
  return positions;
}

/**
 * gtf_rotate:
 * @x: (nullable): [B][T][heads * d]
 * @rotation: heads, table, positions
 *
 * Rotary position embedding (Su et al. 2021).
 *
 * Returns: (transfer none) (nullable): as @x, a copy
 */
GtfTensor *
gtf_rotate (GtfContext *c, const GtfTensor *x, const GtfRotation *rotation)
{
  const GtfTensor *table = rotation->table;
  GtfRows r = { .func = rotate_row, .x = x, .b = table };
  Rotate t = { .n_heads = rotation->n_heads, .first = rotation->first, .interleaved = rotation->interleaved };
  GtfSequences s;

  if (!gtf_op_begin (c, "rotate", 2, x, table) || !gtf_sequences_read (c, x, rotation->sequences, &s))
    return NULL;
  t.half = gtf_tensor_cols (table) / 2;
  t.steps = MAX (s.longest, 1);
  if (x->n_dims != 3 || table->n_dims != 2 || t.n_heads < 1 || x->shape[2] % t.n_heads != 0 || x->shape[2] / t.n_heads < 2 * t.half || t.first < 0
      || t.first + s.longest > table->shape[0] || (s.starts != NULL && t.first != 0))
    {
      gtf_fail_shapes (c, x, table, "the table of angles does not fit x and its heads");
      return NULL;
    }
  t.d = x->shape[2] / t.n_heads;
  r.y = gtf_new_like (c, x, x->shape[2]);
  if (s.starts != NULL)
    t.positions = packed_positions (c, &s);
  if (gtf_failed (c))
    return NULL;
  r.a = &t;
  gtf_rows_run (c, &r, 0.3);
  return r.y;
}

/**
 * gtf_sinusoids:
 * @first: first position
 * @step: from one to the next, may be negative
 * @n: how many
 * @features: even
 *
 * Sinusoidal position embeddings (Vaswani et al. 2017) in the layout of Transformer-XL: all sines, then all cosines.
 *
 * Returns: (transfer none) (nullable): [n][features]
 */
GtfTensor *
gtf_sinusoids (GtfContext *c, gint64 first, gint64 step, gint64 n, gint64 features)
{
  gint64 half = features / 2;
  GtfTensor *y;

  if (!gtf_op_begin (c, "sinusoids", 0))
    return NULL;
  if (half < 1 || features % 2 != 0 || n < 0)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " features: expected an even number", features);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, features });
  for (gint64 i = 0; y != NULL && i < half; i++)
    {
      float frequency = 1.0f / powf (10000.0f, (float) (2 * i) / (float) features);
      for (gint64 t = 0; t < n; t++)
        {
          float angle = (float) (first + t * step) * frequency;
          gtf_tensor_f32 (y)[t * features + i] = sinf (angle);
          gtf_tensor_f32 (y)[t * features + half + i] = cosf (angle);
        }
    }
  return y;
}
