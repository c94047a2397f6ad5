/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution, direct: a tile of the matrix product whose rows are windows, each a list of segments (one a pixel of the kernel) that lie where
 * the picture has them. Sums stay in registers over all segments, unless the weights of a panel are too many for L2: then they are used in
 * pieces that all rows pass, and sums wait in the result.
 *
 * And depthwise: some windows of a row side by side, so that pixels and factors are loaded once for all.
 */

#define PIECE_BYTES (256 << 10)         /* of weights, for all rows */

typedef void (*ConvTile) (const GtfConv *t, const float *const *windows, gint64 s0, gint64 s1, const float *b, const float *init, gint64 ldi, float *c, gint64 ldc);

INLINE void
conv_body (const int mr, const int np, const GtfConv *t, const float *const *windows, gint64 s0, gint64 s1, const float *b, const float *init, gint64 ldi,
           float *c, gint64 ldc)
{
  const gint64 k = t->k, bps = t->segments * k * GTF_PANEL;
  vf acc[TILE_ROWS][TILE_PANELS * PV];

#pragma GCC unroll 16
  for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
    for (int j = 0; j < np * PV; j++)
      acc[i][j] = init != NULL ? v_load (init + i * ldi + j * VW) : v_set1 (0.0f);
  b += s0 * k * GTF_PANEL;
  for (gint64 s = s0; s < s1; s++)
    {
      const float *a[TILE_ROWS];

#pragma GCC unroll 16
      for (int i = 0; i < mr; i++)
        a[i] = windows[s * t->rows + i] + t->first;
      for (gint64 l = 0; l < k; l++, b += GTF_PANEL)
        {
          vf w[TILE_PANELS * PV];

#pragma GCC unroll 16
          for (int j = 0; j < np * PV; j++)
            w[j] = v_load (b + (j / PV) * bps + (j % PV) * VW);
#pragma GCC unroll 16
          for (int i = 0; i < mr; i++)
            {
              const vf x = v_set1 (a[i][l]);

#pragma GCC unroll 16
              for (int j = 0; j < np * PV; j++)
                acc[i][j] = v_fma (x, w[j], acc[i][j]);
            }
        }
    }
#pragma GCC unroll 16
  for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
    for (int j = 0; j < np * PV; j++)
      v_store (c + i * ldc + j * VW, acc[i][j]);
}

#define CONV_TILE(mr, np)                                                                                                          \
  static void conv_##mr##_##np (const GtfConv *t, const float *const *windows, gint64 s0, gint64 s1, const float *b, const float *init, gint64 ldi, \
                                float *c, gint64 ldc)                                                                              \
  {                                                                                                                                \
    conv_body (mr, np, t, windows, s0, s1, b, init, ldi, c, ldc);                                                                  \
  }
#if TILE_PANELS == 4
#define CONV_TILES(mr) CONV_TILE (mr, 1) CONV_TILE (mr, 2) CONV_TILE (mr, 3) CONV_TILE (mr, 4)
#define CONV_ROW(mr) { conv_##mr##_1, conv_##mr##_2, conv_##mr##_3, conv_##mr##_4 }
#else
#define CONV_TILES(mr) CONV_TILE (mr, 1) CONV_TILE (mr, 2)
#define CONV_ROW(mr) { conv_##mr##_1, conv_##mr##_2 }
#endif
CONV_TILES (1)
CONV_TILES (2)
CONV_TILES (3)
#if TILE_ROWS == 6
CONV_TILES (4)
CONV_TILES (5)
CONV_TILES (6)
static const ConvTile conv_tiles[TILE_ROWS][TILE_PANELS] = { CONV_ROW (1), CONV_ROW (2), CONV_ROW (3), CONV_ROW (4), CONV_ROW (5), CONV_ROW (6) };
#else
static const ConvTile conv_tiles[TILE_ROWS][TILE_PANELS] = { CONV_ROW (1), CONV_ROW (2), CONV_ROW (3) };
#endif

/* y = act (y + residual) */
static void
conv_finish (GtfActivation act, const float *residual, gint64 ldr, float *y, gint64 ldy, gint64 rows, gint64 cols)
{
  for (gint64 i = 0; i < rows; i++)
    {
      if (residual != NULL)
        add (y + i * ldy, residual + i * ldr, cols, y + i * ldy);
      if (act != GTF_ACTIVATION_NONE)
        activate (act, y + i * ldy, cols, y + i * ldy);
    }
}

/* Segments s0 .. s1 of np panels from output col on, for all rows. */
static void
conv_piece (const GtfConv *t, const float *b, int np, gint64 col, gint64 s0, gint64 s1)
{
  const gint64 width = (gint64) np * GTF_PANEL, cols = MIN (width, t->n - col);
  _Alignas (64) float edge[TILE_ROWS * TILE_PANELS * GTF_PANEL];
  gint64 left = t->rows;

  for (gint64 row = 0; row < t->rows;)
    {
      /* even tiles: 16 rows are 6 + 5 + 5 */
      const gint64 n_tiles = (left + TILE_ROWS - 1) / TILE_ROWS, mr = (left + n_tiles - 1) / n_tiles;
      const ConvTile tile = conv_tiles[mr - 1][np - 1];
      float *y = t->y + row * t->ldy + col;
      const float *init = s0 > 0 ? y : t->bias != NULL ? t->bias + col : NULL;

      if (cols == width)
        tile (t, t->windows + row, s0, s1, b, init, s0 > 0 ? t->ldy : 0, y, t->ldy);
      else
        {
          for (gint64 i = 0; s0 > 0 && i < mr; i++)
            memcpy (edge + i * width, y + i * t->ldy, (gsize) cols * sizeof *y);
          tile (t, t->windows + row, s0, s1, b, s0 > 0 ? edge : init, s0 > 0 ? width : 0, edge, width);
          for (gint64 i = 0; i < mr; i++)
            memcpy (y + i * t->ldy, edge + i * width, (gsize) cols * sizeof *y);
        }
      if (s1 == t->segments)
        conv_finish (t->act, t->residual != NULL ? t->residual + row * t->ldy + col : NULL, t->ldy, y, t->ldy, mr, cols);
      row += mr;
      left -= mr;
    }
}

static void
conv (const GtfConv *t, gint64 p0, gint64 p1)
{
  const gint64 bps = t->segments * t->k * GTF_PANEL, most = PANELS_FOR (MIN (t->rows, TILE_ROWS));

  for (gint64 p = p0; p < p1; p += most)
    {
      const gint64 np = MIN (most, p1 - p), segment = t->k * GTF_PANEL * np * (gint64) sizeof (float);
      const gint64 pieces = t->rows > TILE_ROWS ? CLAMP ((t->segments * segment + PIECE_BYTES - 1) / PIECE_BYTES, 1, t->segments) : 1;

      for (gint64 i = 0; i < pieces; i++)
        conv_piece (t, t->w + p * bps, (int) np, p * GTF_PANEL, i * t->segments / pieces, (i + 1) * t->segments / pieces);
    }
}

/* ---- depthwise ------------------------------------------------------------------------------------------------------- */

#define SIDE 4                  /* windows side by side */

/* Channels at .. at + VW of SIDE windows: cols[ky * n_cols + i] is the pixel of column i of row ky of the kernel of the first. */
INLINE void
taps_vector (const int width, const int stride, const GtfTaps *t, const float *const *cols, gint64 at, float *y)
{
  const vf bias = t->bias != NULL ? v_load (t->bias + at) : v_set1 (0.0f);
  vf acc[SIDE] = { bias, bias, bias, bias };

  for (gint64 ky = 0; ky < t->height; ky++)
    {
      const float *const *row = cols + ky * t->n_cols;
      const float *taps = t->taps + ky * width * t->channels + at;
      vf w[8];

#pragma GCC unroll 8
      for (int kx = 0; kx < width; kx++)
        w[kx] = v_load (taps + kx * t->channels);
#pragma GCC unroll 16
      for (int i = 0; i < (SIDE - 1) * stride + width; i++)
        {
          const vf x = v_load (row[i] + at);

#pragma GCC unroll 4
          for (int j = 0; j < SIDE; j++)
            if (i - j * stride >= 0 && i - j * stride < width)
              acc[j] = v_fma (x, w[i - j * stride], acc[j]);
        }
    }
#pragma GCC unroll 4
  for (int j = 0; j < SIDE; j++)
    v_store (y + j * t->channels + at, acc[j]);
}

#define TAPS(width, stride)                                                                                                        \
  static void taps_##width##_##stride (const GtfTaps *t, const float *const *cols, float *y)                                       \
  {                                                                                                                                \
    for (gint64 at = 0; at + VW <= t->channels; at += VW)                                                                          \
      taps_vector (width, stride, t, cols, at, y);                                                                                 \
  }
TAPS (3, 1)
TAPS (3, 2)
TAPS (5, 1)
TAPS (5, 2)
TAPS (7, 1)
TAPS (7, 2)

/* Channels from `at` on of n windows one by one; any kernel. */
static void
taps_plain (const GtfTaps *t, const float *const *cols, gint64 n, gint64 at, float *y)
{
  for (gint64 j = 0; j < n; j++)
    for (gint64 i = at; i < t->channels; i += VW)
      {
        const gint64 some = MIN (VW, t->channels - i);
        vf acc = t->bias != NULL ? v_load_n (t->bias + i, some) : v_set1 (0.0f);

        for (gint64 ky = 0; ky < t->height; ky++)
          for (gint64 kx = 0; kx < t->width; kx++)
            acc = v_fma (v_load_n (cols[ky * t->n_cols + j * t->stride + kx * t->dilation] + i, some),
                         v_load_n (t->taps + (ky * t->width + kx) * t->channels + i, some), acc);
        v_store_n (y + j * t->channels + i, acc, some);
      }
}

/* n windows of a row, the columns of the first from cols[0] on. */
static void
taps (const GtfTaps *t, const float *const *cols, gint64 n, const float *residual, float *y)
{
  void (*side) (const GtfTaps *, const float *const *, float *) = NULL;
  const gint64 whole = t->channels / VW * VW;

  if (t->dilation == 1 && t->stride == 1)
    side = t->width == 3 ? taps_3_1 : t->width == 5 ? taps_5_1 : t->width == 7 ? taps_7_1 : NULL;
  else if (t->dilation == 1 && t->stride == 2)
    side = t->width == 3 ? taps_3_2 : t->width == 5 ? taps_5_2 : t->width == 7 ? taps_7_2 : NULL;
  for (gint64 j = 0; j < n; j += SIDE)
    {
      const gint64 some = MIN (SIDE, n - j);
      const gboolean fast = side != NULL && some == SIDE;

      if (fast)
        side (t, cols + j * t->stride, y + j * t->channels);
      if (!fast || whole < t->channels)
        taps_plain (t, cols + j * t->stride, some, fast ? whole : 0, y + j * t->channels);
      conv_finish (t->act, residual != NULL ? residual + j * t->channels : NULL, t->channels, y + j * t->channels, t->channels, some, t->channels);
    }
}

/* y = the larger of the two. */
static void
maximum (const float *a, const float *b, gint64 n, float *y)
{
  gint64 i = 0;

  for (; i + VW <= n; i += VW)
    v_store (y + i, v_max (v_load (a + i), v_load (b + i)));
  if (i < n)
    v_store_n (y + i, v_max (v_load_n (a + i, n - i), v_load_n (b + i, n - i)), n - i);
}
