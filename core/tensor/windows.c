/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Windows of pictures. All that moves pixels does so by one loop: a function tells for each row of the result which row it comes from, -1
 * for zeros.
 */
#include "tensor/windows.h"

#include "tensor/rows-private.h"

#include <math.h>
#include <string.h>

/* The picture with its padding, in windows. */
typedef struct
{
  const GtfTensor *x;
  GtfTensor *y;
  gint64 height, width, size, shift;
  gint64 down, across;          /* windows; merged pixels */
} Move;

typedef gint64 (*Source) (const Move *m, gint64 row);

typedef struct
{
  const Move *move;
  Source source;
} Copy;

static void
copy_part (gpointer data, guint part, guint n_parts)
{
  const Copy *t = data;
  const GtfTensor *x = t->move->x, *y = t->move->y;
  const gint64 cols = gtf_tensor_cols (x), rows = (gint64) gtf_tensor_get_n_elements (y) / MAX (cols, 1);

  for (gint64 row = part * rows / n_parts; row < (part + 1) * rows / n_parts; row++)
    {
      gint64 from = t->source (t->move, row);
      float *to = gtf_tensor_f32 (y) + row * cols;

      if (from < 0)
        memset (to, 0, (gsize) cols * sizeof *to);
      else
        memcpy (to, gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, from), (gsize) cols * sizeof *to);
    }
}

static GtfTensor *
move (GtfContext *c, Move *m, Source source, guint n_dims, const gint64 *shape)
{
  Copy copy = { m, source };

  m->y = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);
  if (m->y != NULL)
    gtf_pool_run (c->pool, gtf_tensor_get_n_elements (m->y) < 16384 ? 1 : gtf_pool_get_n_threads (c->pool), copy_part, &copy);
  return m->y;
}

/* The sticky error unless x is [B][H][W][C] and the windows are some. */
static gboolean
check_picture (GtfContext *c, const GtfTensor *x, const GtfWindows *w, Move *m)
{
  g_autofree char *shape = NULL;

  *m = (Move){ .x = x, .size = w->size, .shift = w->shift };
  if (x->n_dims == 4 && x->shape[0] > 0 && x->shape[1] > 0 && x->shape[2] > 0 && w->size > 0 && w->size <= G_MAXINT16 && w->shift >= 0 && w->shift < w->size)
    {
      m->height = x->shape[1];
      m->width = x->shape[2];
      m->down = (m->height + m->size - 1) / m->size;
      m->across = (m->width + m->size - 1) / m->size;
      return TRUE;
    }
  shape = gtf_shape_to_string (x->n_dims, x->shape);
  gtf_fail (c, "x is %s, expected [B, H, W, C] for windows of %" G_GINT64_FORMAT ", shifted by %" G_GINT64_FORMAT, shape, w->size, w->shift);
  return FALSE;
}

static gint64
windows_source (const Move *m, gint64 row)
{
  gint64 pixel = row % (m->size * m->size), window = row / (m->size * m->size), across = window % m->across, down = window / m->across % m->down;
  gint64 y = (down * m->size + pixel / m->size + m->shift) % (m->down * m->size), x = (across * m->size + pixel % m->size + m->shift) % (m->across * m->size);

  return y < m->height && x < m->width ? (window / m->across / m->down * m->height + y) * m->width + x : -1;
}

/**
 * gtf_to_windows:
 * @x: (nullable): [B][H][W][C]
 * @windows: their size and shift
 *
 * Returns: (transfer none) (nullable): [B * windows][size * size][C]
 */
GtfTensor *
gtf_to_windows (GtfContext *c, const GtfTensor *x, const GtfWindows *windows)
{
  Move m;

  if (!gtf_op_begin (c, "to_windows", 1, x) || !check_picture (c, x, windows, &m))
    return NULL;
  return move (c, &m, windows_source, 3, (gint64[]){ x->shape[0] * m.down * m.across, m.size * m.size, x->shape[3] });
}

static gint64
pixels_source (const Move *m, gint64 row)
{
  gint64 high = m->down * m->size, wide = m->across * m->size, x = (row % m->width - m->shift + wide) % wide;
  gint64 y = (row / m->width % m->height - m->shift + high) % high, window = (row / m->width / m->height * m->down + y / m->size) * m->across + x / m->size;

  return (window * m->size + y % m->size) * m->size + x % m->size;
}

/**
 * gtf_from_windows:
 * @x: (nullable): [B * windows][size * size][C]
 * @windows: their size and shift
 * @like: (nullable): a picture [B][H][W][..] such as they came from
 *
 * Returns: (transfer none) (nullable): [B][H][W][C]
 */
GtfTensor *
gtf_from_windows (GtfContext *c, const GtfTensor *x, const GtfWindows *windows, const GtfTensor *like)
{
  Move m;

  if (!gtf_op_begin (c, "from_windows", 2, x, like) || !check_picture (c, like, windows, &m))
    return NULL;
  m.x = x;
  if (x->n_dims != 3 || x->shape[0] != like->shape[0] * m.down * m.across || x->shape[1] != m.size * m.size)
    {
      gtf_fail_shapes (c, x, like, "these are not the windows of such a picture");
      return NULL;
    }
  return move (c, &m, pixels_source, 4, (gint64[]){ like->shape[0], m.height, m.width, x->shape[2] });
}

/**
 * gtf_window_masks:
 * @bias: (nullable): [1][heads][T][T], what is added anyhow
 * @windows: their size, T = size * size, and shift
 * @penalty: what is added between pixels that the shift brought together
 *
 * Returns: (transfer none) (nullable): @bias, or [4][heads][T][T] with a shift
 */
GtfTensor *
gtf_window_masks (GtfContext *c, const GtfTensor *bias, const GtfWindows *windows, float penalty)
{
  const gint64 size = windows->size, t = size * size, last = size - windows->shift;
  GtfTensor *y;
  float *to;

  if (!gtf_op_begin (c, "window_masks", 1, bias))
    return NULL;
  if (bias->n_dims != 4 || bias->shape[0] != 1 || bias->shape[2] != t || bias->shape[3] != t)
    {
      g_autofree char *shape = gtf_shape_to_string (bias->n_dims, bias->shape);
      gtf_fail (c, "the bias is %s, expected [1, heads, %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "]", shape, t, t);
      return NULL;
    }
  bias = gtf_packed (c, bias);
  if (bias == NULL || windows->shift == 0)
    return bias != NULL ? gtf_new_view (c, bias) : NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ 4, bias->shape[1], t, t });
  to = y != NULL ? gtf_tensor_f32 (y) : NULL;
  for (gint64 kind = 0; y != NULL && kind < 4; kind++)
    for (gint64 row = 0; row < bias->shape[1] * t; row++)
      for (gint64 key = 0, query = row % t; key < t; key++)
        {
          gboolean right = (kind & 1) && (query % size >= last) != (key % size >= last), lower = (kind & 2) && (query / size >= last) != (key / size >= last);
          *to++ = gtf_tensor_f32 (bias)[row * t + key] + (right || lower ? penalty : 0.0f);
        }
  return y;
}

static gint64
window_kind (gint64 i, gconstpointer data)
{
  const Move *m = data;

  return (i % m->across == m->across - 1 ? 1 : 0) + (i / m->across % m->down == m->down - 1 ? 2 : 0);
}

/**
 * gtf_window_kinds:
 * @x: (nullable): [B][H][W][..]
 * @windows: size and shift of its windows
 *
 * Returns: (transfer none) (nullable): I32 [B * windows], the mask of each; %NULL without a shift
 */
GtfTensor *
gtf_window_kinds (GtfContext *c, const GtfTensor *x, const GtfWindows *windows)
{
  Move m;

  if (windows->shift == 0 || !gtf_op_begin (c, "window_kinds", 1, x) || !check_picture (c, x, windows, &m))
    return NULL;
  return gtf_indices (c, x->shape[0] * m.down * m.across, window_kind, &m);
}

/* Row of the table for element i of [T][T]. */
static gint64
distance_row (gint64 i, gconstpointer data)
{
  const gint64 size = *(const gint64 *) data, query = i / (size * size), key = i % (size * size);

  return (query / size - key / size + size - 1) * (2 * size - 1) + query % size - key % size + size - 1;
}

/**
 * gtf_window_bias:
 * @table: (nullable): [(2 size - 1)^2][heads]
 * @size: of the windows
 *
 * Returns: (transfer none) (nullable): [1][heads][size^2][size^2]
 */
GtfTensor *
gtf_window_bias (GtfContext *c, const GtfTensor *table, gint64 size)
{
  const gint64 t = size * size;

  return gtf_reshape (c, gtf_transpose (c, gtf_take (c, table, gtf_indices (c, t * t, distance_row, &size))), 4, (gint64[]){ 1, gtf_dim (table, -1), t, t });
}

/* sign (d) log2 (1 + |8 d|) / 3, d counted in the whole window. */
static float
log_distance (gint64 pixels, gint64 whole)
{
  float d = (float) pixels;

  if (whole != 1)
    d /= (float) (whole - 1);
  d *= 8.0f;
  return copysignf (log2f (fabsf (d) + 1.0f) / 3.0f, d);
}

/**
 * gtf_window_distances:
 * @size: of the windows
 * @whole: of the windows that distances are counted in
 *
 * Returns: (transfer none) (nullable): [(2 size - 1)^2][2]: down and across
 */
GtfTensor *
gtf_window_distances (GtfContext *c, gint64 size, gint64 whole)
{
  const gint64 n = 2 * size - 1;
  GtfTensor *y;

  if (!gtf_op_begin (c, "window_distances", 0))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n * n, 2 });
  for (gint64 i = 0; y != NULL && i < n * n; i++)
    {
      gtf_tensor_f32 (y)[2 * i] = log_distance (i / n - size + 1, whole);
      gtf_tensor_f32 (y)[2 * i + 1] = log_distance (i % n - size + 1, whole);
    }
  return y;
}

static gint64
merged_source (const Move *m, gint64 row)
{
  gint64 part = row % 4, pixel = row / 4, x = pixel % m->across * 2 + part / 2, y = pixel / m->across % m->down * 2 + part % 2;

  return y < m->height && x < m->width ? (pixel / m->across / m->down * m->height + y) * m->width + x : -1;
}

/**
 * gtf_merge_pixels:
 * @x: (nullable): [B][H][W][C]
 *
 * Returns: (transfer none) (nullable): [B][ceil (H / 2)][ceil (W / 2)][4 C]
 */
GtfTensor *
gtf_merge_pixels (GtfContext *c, const GtfTensor *x)
{
  Move m;

  if (!gtf_op_begin (c, "merge_pixels", 1, x) || !check_picture (c, x, &(GtfWindows){ 2, 0 }, &m))
    return NULL;
  return move (c, &m, merged_source, 4, (gint64[]){ x->shape[0], m.down, m.across, 4 * x->shape[3] });
}

/**
 * gtf_pad_planes:
 * @x: (nullable): [..][H][W]
 * @height: of the result, at least H
 * @width: of the result, at least W
 *
 * Returns: (transfer none) (nullable): [..][height][width]; @x itself where nothing is missing
 */
GtfTensor *
gtf_pad_planes (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width)
{
  gint64 shape[GTF_MAX_DIMS], rows;
  GtfTensor *y;

  if (!gtf_op_begin (c, "pad_planes", 1, x))
    return NULL;
  if (x->n_dims < 2 || height < gtf_tensor_steps (x) || width < gtf_tensor_cols (x))
    {
      g_autofree char *from = gtf_shape_to_string (x->n_dims, x->shape);
      gtf_fail (c, "%s cannot be padded to %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT, from, height, width);
      return NULL;
    }
  if (height == gtf_tensor_steps (x) && width == gtf_tensor_cols (x))
    return gtf_new_view (c, x);
  memcpy (shape, x->shape, sizeof shape);
  shape[x->n_dims - 2] = height;
  shape[x->n_dims - 1] = width;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, shape);
  if (y == NULL)
    return NULL;
  memset (y->data, 0, gtf_tensor_get_n_elements (y) * sizeof (float));
  rows = gtf_tensor_rows (x);
  for (gint64 row = 0; row < rows; row++)
    memcpy (gtf_tensor_f32 (y) + (row / gtf_tensor_steps (x) * height + row % gtf_tensor_steps (x)) * width, gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, row),
            (gsize) gtf_tensor_cols (x) * sizeof (float));
  return y;
}

static void
unit_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const gint64 heads = r->whole, d = r->n / heads;
  const float *factors = r->a;

  for (gint64 h = 0; h < heads; h++, x += d, y += d)
    {
      double sum = 0;

      for (gint64 i = 0; i < d; i++)
        sum += (double) x[i] * x[i];
      r->kernels->scale (x, (factors != NULL ? factors[h] : 1.0f) / MAX ((float) sqrt (sum), 1e-12f), d, y);
    }
}

/**
 * gtf_unit_heads:
 * @x: (nullable): [.., heads * d]
 * @n_heads: heads, side by side in the last dimension
 * @log_scale: (nullable): logarithm of a factor for each head, [heads] with dimensions of 1 around; none: 1
 * @most: larger logarithms count as this
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_unit_heads (GtfContext *c, const GtfTensor *x, gint64 n_heads, const GtfTensor *log_scale, float most)
{
  GtfRows r = { .func = unit_row, .x = x, .whole = n_heads };
  float *factors = NULL;

  if (!gtf_op_begin (c, "unit_heads", 1, x))
    return NULL;
  if (n_heads < 1 || gtf_tensor_cols (x) % n_heads != 0
      || (log_scale != NULL && ((gint64) gtf_tensor_get_n_elements (log_scale) != n_heads || log_scale->dtype != GTF_DTYPE_F32)))
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " features and the factors do not fit %" G_GINT64_FORMAT " heads", gtf_tensor_cols (x), n_heads);
      return NULL;
    }
  if (log_scale != NULL)
    {
      log_scale = gtf_packed (c, log_scale);
      factors = gtf_arena_alloc (c, (gsize) n_heads * sizeof *factors);
      if (log_scale == NULL || factors == NULL)
        return NULL;
      for (gint64 h = 0; h < n_heads; h++)
        factors[h] = expf (MIN (gtf_tensor_f32 (log_scale)[h], most));
      r.a = factors;
    }
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL && r.y->row_stride > 0)
    gtf_rows_run (c, &r, 0.3);
  return r.y;
}
