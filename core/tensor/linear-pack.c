/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packing of linear weights: rows of any type as they lie in a file -> panels of 16 outputs.
 *
 * A panel is made in two steps. First each of its rows is brought into the panel's element type (not at all, if it is stored in
 * it), then the 16 rows are turned so that they lie side by side. What moves in the second step is always one granule (one
 * F32, one F16, two BF16, four I8), so there are only two kinds of turning: by 2 and by 4 bytes.
 */
#include "kernels/half.h"
#include "tensor/context-private.h"
#include "tensor/convert.h"
#include "tensor/weights-private.h"

#include <math.h>
#include <string.h>

/* Bytes of the granule that lies together for one output. */
static gsize
granule_bytes (GtfDtype type)
{
  return type == GTF_DTYPE_F16 ? 2 : 4;
}

/* ---- turning --------------------------------------------------------------------------------------------------------- */

typedef guint16 Eight __attribute__ ((vector_size (16)));
typedef guint32 Four __attribute__ ((vector_size (16)));

#define INTERLEAVE_8(a, b, low, high)                                                                                              \
  low = __builtin_shufflevector (a, b, 0, 8, 1, 9, 2, 10, 3, 11);                                                                  \
  high = __builtin_shufflevector (a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define INTERLEAVE_4(a, b, low, high)                                                                                              \
  low = __builtin_shufflevector (a, b, 0, 4, 1, 5);                                                                                \
  high = __builtin_shufflevector (a, b, 2, 6, 3, 7)

/* Eight rows of eight: each round interleaves the upper half of the rows with the lower half, and after three rounds rows have
 * become columns. */
static inline void
turn_8x8 (const char *const *rows, gsize at, guint16 *to)
{
  Eight x[8], y[8];

  for (int i = 0; i < 8; i++)
    memcpy (&x[i], rows[i] + at, sizeof x[i]);
  for (int round = 0; round < 3; round++)
    {
      for (int i = 0; i < 4; i++)
        {
          INTERLEAVE_8 (x[i], x[i + 4], y[2 * i], y[2 * i + 1]);
        }
      memcpy (x, y, sizeof x);
    }
  for (int i = 0; i < 8; i++)
    memcpy (to + i * GTF_PANEL, &x[i], sizeof x[i]);
}

static inline void
turn_4x4 (const char *const *rows, gsize at, guint32 *to)
{
  Four x[4], y[4];

  for (int i = 0; i < 4; i++)
    memcpy (&x[i], rows[i] + at, sizeof x[i]);
  for (int round = 0; round < 2; round++)
    {
      for (int i = 0; i < 2; i++)
        {
          INTERLEAVE_4 (x[i], x[i + 2], y[2 * i], y[2 * i + 1]);
        }
      memcpy (x, y, sizeof x);
    }
  for (int i = 0; i < 4; i++)
    memcpy (to + i * GTF_PANEL, &x[i], sizeof x[i]);
}

static void
turn_2 (const char *const *rows, gsize n, guint16 *panel)
{
  gsize k = 0;

  for (; k + 8 <= n; k += 8)
    for (guint lane = 0; lane < GTF_PANEL; lane += 8)
      turn_8x8 (rows + lane, 2 * k, panel + k * GTF_PANEL + lane);
  for (; k < n; k++)
    for (guint lane = 0; lane < GTF_PANEL; lane++)
      memcpy (panel + k * GTF_PANEL + lane, rows[lane] + 2 * k, 2);
}

static void
turn_4 (const char *const *rows, gsize n, guint32 *panel)
{
  gsize k = 0;

  for (; k + 4 <= n; k += 4)
    for (guint lane = 0; lane < GTF_PANEL; lane += 4)
      turn_4x4 (rows + lane, 4 * k, panel + k * GTF_PANEL + lane);
  for (; k < n; k++)
    for (guint lane = 0; lane < GTF_PANEL; lane++)
      memcpy (panel + k * GTF_PANEL + lane, rows[lane] + 4 * k, 4);
}

/* Some rows of a panel only: the neighbours' lanes stay. */
static void
turn_some (const char *const *rows, guint first, guint n_rows, gsize n, gsize size, char *panel)
{
  for (guint i = 0; i < n_rows; i++)
    for (gsize k = 0; k < n; k++)
      memcpy (panel + (k * GTF_PANEL + first + i) * size, rows[i] + size * k, size);
}

/* ---- rows in the panel's type --------------------------------------------------------------------------------------- */

/* Round to nearest even, as lrintf () does, by the adder: |x| <= 127. */
static inline gint8
round_to_i8 (float x)
{
  return (gint8) (gint32) (gtf_f32_bits (x + 0x1.8p23f) - gtf_f32_bits (0x1.8p23f));
}

static void
quantise (GtfLinear *self, gint64 row, const float *x, gint8 *to)
{
  float top = 0.0f, inverse;
  gint32 sum = 0;

  for (gint64 k = 0; k < self->in; k++)
    top = MAX (top, fabsf (x[k]));
  inverse = top > 0.0f && isfinite (top) ? 127.0f / top : 0.0f;
  for (gint64 k = 0; k < self->in; k++)
    {
      to[k] = round_to_i8 (CLAMP (x[k] * inverse, -127.0f, 127.0f));
      sum += to[k];
    }
  self->scale[row] = isfinite (top) ? top / 127.0f : top;
  self->sums[row] = sum;
}

static void
narrow_row (GtfLinear *self, gint64 row, const float *x, void *to)
{
  switch (self->type)
    {
    case GTF_DTYPE_BF16:
      for (gint64 k = 0; k < self->in; k++)
        ((guint16 *) to)[k] = gtf_f32_to_bf16 (x[k]);
      break;
    case GTF_DTYPE_F16:
      for (gint64 k = 0; k < self->in; k++)
        ((guint16 *) to)[k] = gtf_f32_to_f16 (x[k]);
      break;
    case GTF_DTYPE_I8:
      quantise (self, row, x, to);
      break;
    default:
      memcpy (to, x, (gsize) self->in * sizeof *x);
    }
}

typedef struct
{
  GtfLinear *self;
  gint64 first, n;
  const GtfRawMatrix *raw;
} PutJob;

/* Scratch of one thread: a row of floats, and the rows of a panel, each padded with zeros to whole granules. */
typedef struct
{
  float *x;
  char *rows;
  gsize row_bytes;
} Scratch;

/* Rows at ... at + n of the raw matrix, which lie in one panel. */
static void
put_panel (PutJob *job, Scratch *scratch, gint64 at, guint n)
{
  GtfLinear *self = job->self;
  const GtfRawMatrix *raw = job->raw;
  gsize size = gtf_dtype_size (raw->dtype), in = (gsize) self->in, granule = granule_bytes (self->type);
  gint64 row = job->first + at;
  char *panel = (char *) self->panels + (gsize) (row / GTF_PANEL) * self->panel_bytes;
  gboolean as_is = raw->dtype == self->type && self->type != GTF_DTYPE_I8 && !raw->transposed && in * size % granule == 0;
  const char *rows[GTF_PANEL];

  for (guint i = 0; i < n; i++)
    {
      const char *from = (const char *) raw->data + (gsize) (at + i) * size * (raw->transposed ? 1 : in);

      rows[i] = as_is ? from : scratch->rows + i * scratch->row_bytes;
      if (as_is)
        continue;
      gtf_convert_f32 (raw->dtype, from, raw->transposed ? (gsize) job->n : 1, in, scratch->x);
      narrow_row (self, row + i, scratch->x, scratch->rows + i * scratch->row_bytes);
    }
  in = scratch->row_bytes / granule;
  if (n < GTF_PANEL)
    turn_some (rows, (guint) (row % GTF_PANEL), n, in, granule, panel);
  else if (granule == 2)
    turn_2 (rows, in, (guint16 *) panel);
  else
    turn_4 (rows, in, (guint32 *) panel);
}

void
gtf_linear_put (GtfLinear *self, gint64 first, gint64 n, const GtfRawMatrix *raw)
{
  PutJob job = { self, first, n, raw };
  gsize granule = granule_bytes (self->type), bytes = (gsize) self->in * gtf_dtype_size (self->type);
  Scratch scratch = { .row_bytes = (bytes + granule - 1) / granule * granule };
  g_autofree float *x = scratch.x = g_new (float, self->in);
  g_autofree char *rows = scratch.rows = g_malloc0 (GTF_PANEL * scratch.row_bytes);

  g_return_if_fail (first >= 0 && n >= 0 && first + n <= self->out);
  for (gint64 at = 0; at < n;)
    {
      gint64 some = MIN (GTF_PANEL - (first + at) % GTF_PANEL, n - at);

      put_panel (&job, &scratch, at, (guint) some);
      at += some;
    }
}
