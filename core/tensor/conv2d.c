/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution of pictures [B][H][W][C].
 *
 * A convolution is a product with windows. Windows are not laid out: the kernel gets, for some dozens of them, the address of each pixel that they see, of
 * zeros where they see none. Only where a pixel has few channels (the first layer), and where products are bfloat16, are they copied, a few at a time, as rows
 * [height][width][in].
 * 1 x 1 is a plain product, 3 x 3 of many channels goes another way (winograd.c). Where each output sees one channel alone, rows of pixels are multiplied by rows of factors.
 */
#include "kernels/memory.h"
#include "tensor/conv2d-private.h"
#include "tensor/linear-private.h"

#include <string.h>

#define ROWS 96                 /* windows at a time */
#define OUTPUTS 128             /* of a part, where windows are too few for all threads */
#define FEW_CHANNELS 16         /* below, windows are laid out */
#define LAID_OUT (1 << 18)      /* floats of them at a time */

/* Where window i, counted over all pictures, begins: its row and column, and the number of its picture's first pixel. */
static gint64
corner (const GtfConv2dRun *v, gint64 i, gint64 *top, gint64 *left)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];

  *top = i / across->out % down->out * down->stride - down->before;
  *left = i % across->out * across->stride - across->before;
  return i / (across->out * down->out) * down->in * across->in;
}

/* The same, and its picture. */
static const float *
place (const GtfConv2dRun *v, gint64 i, gint64 *top, gint64 *left)
{
  return v->x + corner (v, i, top, left) * v->w->in;
}

/* The addresses of the pixels that windows first .. first + n see: [height][width][n]. */
static void
find_pixels (const GtfConv2dRun *v, gint64 first, gint64 n, const float **to)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];

  for (gint64 i = 0; i < n; i++)
    {
      gint64 top, left;
      const float *picture = place (v, first + i, &top, &left), **at = to + i;

      for (gint64 ky = 0; ky < down->kernel; ky++)
        {
          const gint64 y = top + ky * down->dilation;

          for (gint64 kx = 0; kx < across->kernel; kx++, at += n)
            {
              const gint64 x = left + kx * across->dilation;

              *at = y >= 0 && y < down->in && x >= 0 && x < across->in ? picture + (y * across->in + x) * v->w->in : v->zeros;
            }
        }
    }
}

/* Window i as a row [height][width][in], of the picture as float32 or, if it is there, as bfloat16; pixels side by side are copied together. */
static void
lay_out (const GtfConv2dRun *v, gint64 i, void *row)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gsize pixel = (gsize) v->w->in * (v->narrow != NULL ? sizeof *v->narrow : sizeof *v->x);
  const gint64 run = across->dilation == 1 ? across->kernel : 1;
  gint64 top, left, y0, y1, x0, x1;
  const char *picture = (v->narrow != NULL ? (const char *) v->narrow : (const char *) v->x) + (gsize) corner (v, i, &top, &left) * pixel;
  char *to = row;

  gtf_axis_inside (down, top, &y0, &y1);
  gtf_axis_inside (across, left, &x0, &x1);
  if (y1 - y0 < down->kernel || x1 - x0 < across->kernel)
    memset (row, 0, (gsize) (down->kernel * across->kernel) * pixel);
  for (gint64 ky = y0; ky < y1; ky++)
    for (gint64 kx = x0; kx < x1; kx += run)
      memcpy (to + (gsize) (ky * across->kernel + kx) * pixel, picture + (gsize) ((top + ky * down->dilation) * across->in + left + kx * across->dilation) * pixel,
              (gsize) MIN (run, x1 - kx) * pixel);
}

/* Rows of float32, or, padded to whole tiles of AMX, of bfloat16. */
static gint64
row_bytes (const GtfConv2dRun *v)
{
  const gint64 n = v->w->height * v->w->width * v->w->in;

  return v->narrow != NULL ? (n + 31) / 32 * 64 + 64 : n * (gint64) sizeof (float);
}

/* Windows first .. first + n of weights in bfloat16, panels p0 .. p1: a product of the rows that windows are laid out in. */
static void
run_rows (const GtfConv2dRun *v, gint64 part, gint64 first, gint64 n, gint64 p0, gint64 p1)
{
  const GtfLinear *w = v->w->blocks[0];
  const gint64 bytes = row_bytes (v);
  char *rows = v->laid_out != NULL ? v->laid_out + part * v->rows * bytes : gtf_scratch ((gsize) ((n + 31) / 32 * 32 * bytes));     /* whole tiles are read */
  GtfGemm g = { .type = w->type, .narrow = v->narrow != NULL, .act = v->act, .m = n, .n = w->out, .k = w->in, .a = (float *) rows, .lda = w->in, .w = w->panels,
                .panel_bytes = w->panel_bytes, .bias = w->bias, .residual = v->residual != NULL ? v->residual + first * w->out : NULL, .ldr = w->out,
                .ldc = w->out, .residual_first = TRUE };

  if (v->halves != NULL)
    g.halves = v->halves + first * w->out;
  else
    g.c = v->y + first * w->out;
  if (v->narrow != NULL)
    {
      g.pairs = (guint16 *) rows;
      g.lda = bytes / (gint64) sizeof *g.pairs;
    }
  for (gint64 i = 0; i < n; i++)
    {
      if (v->narrow != NULL)
        memset (rows + (i + 1) * bytes - 128, 0, 128);
      lay_out (v, first + i, rows + i * bytes);
    }
  v->kernels->gemm (&g, 0, n, p0, p1);
}

/* Windows first .. first + n, panels p0 .. p1 of each block of outputs. */
static void
run_some (const GtfConv2dRun *v, gint64 first, gint64 n, gint64 p0, gint64 p1)
{
  const GtfConv2d *w = v->w;
  const gint64 segments = w->height * w->width, out = w->out / w->n_blocks, width = segments * w->in;
  const gboolean copies = w->n_blocks == 1 && w->in < FEW_CHANNELS;
  const float **windows = gtf_scratch ((gsize) n * (gsize) (copies ? 1 : segments) * sizeof *windows + (copies ? (gsize) (n * width) * sizeof (float) : 0));
  GtfConv t = { .rows = n, .windows = windows, .act = v->act, .ldy = w->out, .k = copies ? width : w->in / w->n_blocks, .segments = copies ? 1 : segments };

  if (copies)
    for (gint64 i = 0; i < n; i++)
      {
        windows[i] = (float *) (windows + n) + i * width;
        lay_out (v, first + i, (float *) windows[i]);
      }
  else
    find_pixels (v, first, n, windows);
  for (gint64 b = 0; b < w->n_blocks; b++)
    {
      t.n = out;
      t.first = b * t.k;
      t.w = w->blocks[b]->panels;
      t.bias = w->blocks[b]->bias;
      t.y = v->y + first * w->out + b * out;
      t.residual = v->residual != NULL ? v->residual + first * w->out + b * out : NULL;
      v->kernels->conv (&t, p0, p1);
    }
}

static void
windows_part (gpointer data, guint part, guint n_parts)
{
  const GtfConv2dRun *v = data;
  const gint64 panels = (v->w->out / v->w->n_blocks + GTF_PANEL - 1) / GTF_PANEL, row = part / v->panel_parts, col = part % v->panel_parts;
  const gint64 end = (row + 1) * v->n / v->row_parts;

  for (gint64 first = row * v->n / v->row_parts; first < end; first += v->rows)
    if (v->w->blocks[0]->type != GTF_DTYPE_F32)
      run_rows (v, part, first, MIN (v->rows, end - first), col * panels / v->panel_parts, (col + 1) * panels / v->panel_parts);
    else
      run_some (v, first, MIN (v->rows, end - first), col * panels / v->panel_parts, (col + 1) * panels / v->panel_parts);
}

static void
narrow_part (gpointer data, guint part, guint n_parts)
{
  const GtfConv2dRun *v = data;
  const gint64 n = v->n_numbers, first = n / 64 * part / n_parts * 64, end = part + 1 == n_parts ? n : n / 64 * (part + 1) / n_parts * 64;

  v->kernels->to_bf16 (v->x + first, end - first, (guint16 *) v->narrow + first);
}

/* What windows need to become rows: the picture in bfloat16, where the products are; else room, since widening weights takes the threads' scratch. */
static gboolean
prepare_rows (GtfContext *c, GtfConv2dRun *v)
{
  if (v->narrow != NULL)
    return TRUE;
  if (!gtf_kernels_are_fast_in (v->kernels, v->w->blocks[0]->type))
    {
      v->row_parts = MIN (v->row_parts, gtf_pool_get_n_threads (c->pool));
      v->laid_out = gtf_arena_alloc (c, (gsize) (v->row_parts * v->panel_parts * v->rows * row_bytes (v)));
      return v->laid_out != NULL;
    }
  v->narrow = gtf_arena_alloc (c, (gsize) v->n_numbers * sizeof *v->narrow);
  if (v->narrow == NULL)
    return FALSE;
  gtf_pool_run (c->pool, v->n_numbers < 20000 ? 1 : 2 * gtf_pool_get_n_threads (c->pool), narrow_part, v);
  return TRUE;
}

static void
run_windows (GtfContext *c, GtfConv2dRun *v)
{
  const GtfConv2d *w = v->w;
  const gint64 width = w->height * w->width * w->in, threads = gtf_pool_get_n_threads (c->pool);
  const gboolean laid_out = w->in < FEW_CHANNELS || w->blocks[0]->type != GTF_DTYPE_F32;

  v->rows = laid_out ? CLAMP ((w->blocks[0]->type != GTF_DTYPE_F32 ? 2 : 1) * LAID_OUT / width, 1, ROWS) : ROWS;
  v->row_parts = (v->n + v->rows - 1) / v->rows;
  v->panel_parts = 1;
  if (v->n * w->out * (w->blocks[0]->in) < 20000)
    v->row_parts = 1;           /* done before a helper has heard of it */
  else if (v->row_parts < threads && w->n_blocks == 1)
    v->panel_parts = CLAMP (w->out / OUTPUTS, 1, 1000);
  else
    v->row_parts = MIN ((v->row_parts + threads - 1) / threads * threads, 60000 / threads * threads);
  if (w->blocks[0]->type == GTF_DTYPE_F32 || prepare_rows (c, v))
    gtf_pool_run (c->pool, (guint) (v->row_parts * v->panel_parts), windows_part, v);
}

/* Whether a convolution of 1 x 1 sees every pixel. */
static gboolean
sees_all (const GtfConv2dRun *v)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];

  return down->stride == 1 && across->stride == 1 && down->before + down->after + across->before + across->after == 0;
}

/* The pixels that it sees, one after the other, in the type that x has. */
static gconstpointer
pick_pixels (GtfContext *c, const GtfConv2dRun *v)
{
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gsize pixel = (gsize) v->w->in * (v->x != NULL ? sizeof *v->x : sizeof *v->narrow);
  const char *x = v->x != NULL ? (const char *) v->x : (const char *) v->narrow;
  char *to;

  if (sees_all (v))
    return x;
  to = gtf_arena_alloc (c, (gsize) (v->n + GTF_TILE_ROWS) * pixel);
  for (gint64 i = 0; to != NULL && i < v->n; i++)
    {
      gint64 top, left;
      const char *picture = x + (gsize) corner (v, i, &top, &left) * pixel;
      const gboolean inside = top >= 0 && top < down->in && left >= 0 && left < across->in;

      memcpy (to + (gsize) i * pixel, inside ? picture + (gsize) (top * across->in + left) * pixel : (const char *) v->zeros, pixel);
    }
  return to;
}

static void
run_pixels (GtfContext *c, const GtfConv2dRun *v)
{
  const gsize mark = gtf_push (c);
  gconstpointer pixels = pick_pixels (c, v);
  GtfLinearArgs args = { .m = v->n, .lda = v->w->in, .act = v->act, .residual = v->residual, .ldr = v->w->out, .c = v->y, .halves = v->halves, .ldc = v->w->out,
                         .residual_first = TRUE };

  if (v->x != NULL)
    args.a = pixels;
  else
    args.pairs = pixels;
  if (pixels != NULL)
    gtf_linear_run (c, v->w->blocks[0], &args);
  gtf_pop (c, mark);
}

/* Some rows of windows of a convolution that keeps channels apart. */
static void
taps_part (gpointer data, guint part, guint n_parts)
{
  const GtfConv2dRun *v = data;
  const GtfAxis *down = &v->axes[0], *across = &v->axes[1];
  const gint64 n = v->w->out, n_cols = (across->out - 1) * across->stride + (across->kernel - 1) * across->dilation + 1, rows = v->n / across->out;
  const GtfTaps t = { n, down->kernel, across->kernel, across->stride, across->dilation, n_cols, v->w->taps, v->w->bias, v->act };
  const float **cols = gtf_scratch ((gsize) (down->kernel * n_cols) * sizeof *cols);

  for (gint64 row = part * rows / n_parts; row < (part + 1) * rows / n_parts; row++)
    {
      gint64 top, left;
      const float *picture = place (v, row * across->out, &top, &left);

      for (gint64 i = 0; i < down->kernel * n_cols; i++)
        {
          const gint64 y = top + i / n_cols * down->dilation, x = left + i % n_cols;

          cols[i] = y >= 0 && y < down->in && x >= 0 && x < across->in ? picture + (y * across->in + x) * n : v->zeros;
        }
      v->kernels->taps (&t, cols, across->out, v->residual != NULL ? v->residual + row * across->out * n : NULL, v->y + row * across->out * n);
    }
}

static void
run_taps (GtfContext *c, GtfConv2dRun *v)
{
  const GtfAxis *across = &v->axes[1];
  const gint64 rows = v->n / across->out, threads = gtf_pool_get_n_threads (c->pool);

  if ((across->out * across->stride + across->kernel * across->dilation) > (1 << 26) / v->axes[0].kernel)
    {
      gtf_fail (c, "windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels see too many of them", v->axes[0].kernel, across->kernel);
      return;
    }
  gtf_pool_run (c->pool, v->n * v->w->out < 4096 ? 1 : (guint) MIN (rows, 4 * threads), taps_part, v);
}

/**
 * gtf_conv2d_size:
 * @w: (nullable): a convolution
 * @dim: 0: height, 1: width
 *
 * Returns: how many pixels its kernel has that way; 1 without one
 */
gint64
gtf_conv2d_size (const GtfConv2d *w, guint dim)
{
  return w == NULL ? 1 : dim == 0 ? w->height : w->width;
}

gboolean
gtf_conv2d_check (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, gboolean transposed)
{
  g_autofree char *text = NULL;

  if (w != NULL && w->transposed == transposed && gtf_tensor_cols (x) == w->in && (window->kernel == 0 || window->kernel == w->height)
      && (window->kernel_width == 0 || window->kernel_width == w->width))
    return TRUE;
  text = gtf_shape_to_string (x->n_dims, x->shape);
  if (w == NULL)
    gtf_fail (c, "the weight is missing");
  else
    gtf_fail (c, "x is %s, but the weight takes %" G_GINT64_FORMAT " channels in windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels%s", text, w->in, w->height,
              w->width, w->transposed ? ", transposed" : "");
  return FALSE;
}

/* These write sums where they go before anything is added. */
static void
set_residual_aside (GtfContext *c, GtfConv2dRun *v)
{
  const gsize size = (gsize) (v->n * v->w->out) * sizeof (float);
  float *copy;

  if (v->residual == NULL || v->residual != v->y)
    return;
  copy = gtf_arena_alloc (c, size);
  v->residual = copy;
  if (copy != NULL)
    memcpy (copy, v->y, size);
}

static void
run (GtfContext *c, GtfConv2dRun *v)
{
  const GtfConv2d *w = v->w;

  if (w->taps == NULL && w->height * w->width == 1 && w->n_blocks == 1 && (sees_all (v) || w->blocks[0]->type != GTF_DTYPE_F32))
    {
      run_pixels (c, v);
      return;
    }
  if (w->taps == NULL && (gtf_conv2d_tiles_run (c, v) || gtf_winograd_run (c, v)))
    return;
  set_residual_aside (c, v);
  if (gtf_failed (c))
    return;
  if (w->taps != NULL)
    run_taps (c, v);
  else
    run_windows (c, v);
}

/* What the convolution is added to has the shape of its result. */
static gboolean
check_residual (GtfContext *c, const GtfTensor *residual, const gint64 *shape)
{
  g_autofree char *expected = NULL, *found = NULL;

  if (residual == NULL || (residual->n_dims == 4 && memcmp (residual->shape, shape, 4 * sizeof *shape) == 0))
    return TRUE;
  expected = gtf_shape_to_string (4, shape);
  found = gtf_shape_to_string (residual->n_dims, residual->shape);
  gtf_fail (c, "the result is %s, what it is added to is %s", expected, found);
  return FALSE;
}

/* Whether it multiplies numbers in bfloat16, as they lie or as others have rounded them. */
static gboolean
takes_halves (const GtfContext *c, const GtfConv2d *w)
{
  return w != NULL && w->taps == NULL && w->winograd == NULL && w->n_blocks == 1 && w->blocks[0]->type == GTF_DTYPE_BF16 && gtf_kernels_are_fast_in (c->kernels, GTF_DTYPE_BF16);
}

/* Behind its pixels there are those that the last tile reads. */
static GtfTensor *
new_halves (GtfContext *c, const gint64 *shape)
{
  const gint64 n = shape[0] * shape[1] * shape[2];
  GtfTensor *y = gtf_new_tensor (c, GTF_DTYPE_BF16, 2, (gint64[]){ n + GTF_TILE_ROWS, shape[3] });

  if (y == NULL)
    return NULL;
  y->n_dims = 4;
  memcpy (y->shape, shape, 4 * sizeof *shape);
  return y;
}

static const GtfTensor *
widened (GtfContext *c, const GtfTensor *x)
{
  GtfTensor *y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, x->shape);

  if (y != NULL)
    c->kernels->widen (GTF_DTYPE_BF16, x->data, (gint64) gtf_tensor_get_n_elements (x), gtf_tensor_f32 (y));
  return y;
}

/* x may be bfloat16, as gtf_conv2d_inner () gives it. */
static gboolean
begin (GtfContext *c, const char *op, const GtfTensor *x)
{
  return gtf_op_begin (c, op, x != NULL && x->dtype == GTF_DTYPE_BF16 ? 0 : 1, x);
}

/* @to: where the result goes; NULL: a new tensor, @inner: which only convolutions see. */
static GtfTensor *
convolve (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, const GtfTensor *residual, GtfTensor *to, gboolean inner)
{
  static const GtfWindow plain = { 0 };
  /* without tiles the next one may multiply in float32 */
  const gboolean halves = inner && c->kernels->conv_tiles != NULL && takes_halves (c, w) && w->out % GTF_TILE_NUMBERS == 0;
  GtfConv2dRun v = { .w = w, .kernels = c->kernels, .act = act };
  gint64 shape[4];
  GtfTensor *y;
  float *zeros;
  gsize mark;

  if (window == NULL)
    window = &plain;
  if (!gtf_conv2d_check (c, w, x, window, FALSE) || !gtf_window_axes (c, window, (gint64[]){ w->height, w->width }, x, v.axes))
    return NULL;
  memcpy (shape, (gint64[]){ x->shape[0], v.axes[0].out, v.axes[1].out, w->out }, sizeof shape);
  if (!check_residual (c, residual, shape))
    return NULL;
  y = to != NULL && gtf_tensor_is_packed (to) ? to : halves ? new_halves (c, shape) : gtf_new_tensor (c, GTF_DTYPE_F32, 4, shape);
  mark = gtf_push (c);
  x = x->dtype == GTF_DTYPE_BF16 && !takes_halves (c, w) ? widened (c, x) : gtf_packed (c, x);
  residual = residual != NULL ? gtf_packed (c, residual) : NULL;
  zeros = gtf_arena_alloc (c, (gsize) w->in * sizeof *zeros);
  if (y == NULL || gtf_failed (c) || gtf_tensor_get_n_elements (y) == 0)
    return gtf_failed (c) ? NULL : y;
  v.n = x->shape[0] * v.axes[0].out * v.axes[1].out;
  if (x->dtype == GTF_DTYPE_BF16)
    v.narrow = x->data;
  else
    v.x = gtf_tensor_f32 (x);
  v.n_numbers = (gint64) gtf_tensor_get_n_elements (x);
  if (halves)
    v.halves = y->data;
  else
    v.y = gtf_tensor_f32 (y);
  v.residual = residual != NULL ? gtf_tensor_f32 (residual) : NULL;
  v.zeros = zeros;
  memset (zeros, 0, (gsize) w->in * sizeof *zeros);
  run (c, &v);
  if (!gtf_failed (c))
    gtf_pop (c, mark);
  return gtf_failed (c) ? NULL : y;
}

/**
 * gtf_conv2d:
 * @w: weight [out][in / groups][height][width], maybe with a bias
 * @x: (nullable): [B][H][W][in]
 * @window: (nullable): stride, padding and dilation; 1, 0 and 1 by default
 * @act: what is done with each sum
 * @residual: (nullable): added before that, as the result
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][out]
 */
GtfTensor *
gtf_conv2d (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, const GtfTensor *residual)
{
  if (!begin (c, "conv2d", x) || (residual != NULL && !gtf_op_begin (c, "conv2d", 1, residual)))
    return NULL;
  return convolve (c, w, x, window, act, residual, NULL, FALSE);
}

/**
 * gtf_conv2d_inner:
 * @w: weight [out][in / groups][height][width], maybe with a bias
 * @x: (nullable): [B][H][W][in]
 * @window: (nullable): stride, padding and dilation; 1, 0 and 1 by default
 * @act: what is done with each sum
 *
 * As gtf_conv2d(), for a result that only convolutions see: where they multiply in bfloat16, it is bfloat16, which other ops do not take. It is what they would round it to.
 *
 * Returns: (transfer none) (nullable): [B][H'][W'][out]
 */
GtfTensor *
gtf_conv2d_inner (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act)
{
  return begin (c, "conv2d_inner", x) ? convolve (c, w, x, window, act, NULL, NULL, TRUE) : NULL;
}

/**
 * gtf_conv2d_onto:
 * @w: weight [out][in / groups][height][width], maybe with a bias
 * @x: (nullable): [B][H][W][in], not @sum
 * @window: (nullable): stride, padding and dilation; 1, 0 and 1 by default
 * @act: what is done with each sum
 * @sum: (nullable): [B][H'][W'][out]: what the convolution is added to; its numbers are lost, the result takes their place
 *
 * The end of a residual block whose input nobody needs any longer. Large pictures cost less to read and write once than to compute with.
 *
 * Returns: (transfer none) (nullable): act (conv (x) + sum), as @sum
 */
GtfTensor *
gtf_conv2d_onto (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, const GtfWindow *window, GtfActivation act, GtfTensor *sum)
{
  if (!begin (c, "conv2d_onto", x) || !gtf_op_begin (c, "conv2d_onto", 1, sum))
    return NULL;
  if (x->data == sum->data)
    {
      gtf_fail (c, "x is the sum too: windows would see what others have written");
      return NULL;
    }
  return convolve (c, w, x, window, act, sum, sum, FALSE);
}
