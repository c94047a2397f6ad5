/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix product: blocks of rows (they stay in L2), within them panels over the outputs, within them even row tiles. After
 * a tile, while it is in L1, activation and residual.
 *
 * Weights of other types: for bf16 and int8 the rows of A are converted at entry, a block at a time, and multiplied by
 * instructions of that type. Where the CPU has none, or slow ones, and for f16, weights become float32: in registers for few
 * rows, else panel by panel in a scratch block that all rows use. Never less exact.
 */

#define ROW_BLOCK 192
#define LINE 64                 /* bytes, of the cache */
#define FETCH_STEPS 128         /* a tile of fewer steps is over before a line has come */

/* What a block of rows works with. */
typedef struct
{
  const TileFunc (*tiles)[TILE_PANELS];
  gint64 k, lda;                /* steps of the tile; of A: float32, pairs or quads */
  const float *a;               /* first row of the block */
  gint64 first;                 /* its number */
  const float *row_scale;       /* int8: one a row */
  gboolean unscaled;            /* sums of int8 weights as float32, that still want the scale of their output */
} Operand;

#if VW == 16
/* Sums of u8 * s8, where the u8 are 128 too large, as float32 in their place. */
static void
dequantize (const GtfGemm *g, const Operand *o, float *sums, gint64 row, gint64 col, gint64 rows, gint64 stride)
{
  for (gint64 j = 0; j < stride; j += VW)
    {
      __m512i excess = _mm512_slli_epi32 (_mm512_loadu_si512 (g->sums + col + j), 7);
      vf column = v_load (g->scale + col + j), bias = g->bias != NULL ? v_load (g->bias + col + j) : v_set1 (0.0f);
      for (gint64 i = 0; i < rows; i++)
        {
          vf x = _mm512_cvtepi32_ps (_mm512_sub_epi32 (_mm512_loadu_si512 (sums + i * stride + j), excess));
          v_store (sums + i * stride + j, v_fma (v_mul (x, v_set1 (o->row_scale[row + i - o->first])), column, bias));
        }
    }
}
#endif

/* Sums of float32 activations and int8 weights in their place. */
static void
scale_columns (const GtfGemm *g, float *sums, gint64 col, gint64 rows, gint64 stride)
{
  for (gint64 i = 0; i < rows; i++)
    for (gint64 j = 0; j < stride; j += VW)
      {
        vf bias = g->bias != NULL ? v_load (g->bias + col + j) : v_set1 (0.0f);
        v_store (sums + i * stride + j, v_fma (v_load (sums + i * stride + j), v_load (g->scale + col + j), bias));
      }
}

/* Whether a tile's sums are the result as they are. Otherwise they are finished in a block of their own, where all rows lie in L1 together (in the
 * result they are often a power of two apart), and go from there to the result. */
static gboolean
is_plain (const GtfGemm *g, const Operand *o)
{
  return o->row_scale == NULL && !o->unscaled && g->act == GTF_ACTIVATION_NONE && g->residual == NULL && g->halves == NULL;
}

#if VW == 16
/* Finished sums as bfloat16. */
__attribute__ ((target ("avx512bf16"))) static void
put_halves (const float *sums, gint64 rows, gint64 cols, gint64 stride, guint16 *to, gint64 ldc)
{
  for (gint64 i = 0; i < rows; i++, sums += stride, to += ldc)
    for (gint64 j = 0; j < cols; j += VW)
      _mm256_mask_storeu_epi16 (to + j, _cvtu32_mask16 (cols - j < VW ? (1u << (cols - j)) - 1 : 0xffff), (__m256i) _mm512_cvtneps_pbh (v_load (sums + j)));
}
#endif

/* Sums of whole panels, [rows][stride] -> c. */
static void
finish_tile (const GtfGemm *g, const Operand *o, float *sums, gint64 row, gint64 col, gint64 rows, gint64 cols, gint64 stride)
{
  const float *residual = g->residual != NULL ? g->residual + row * g->ldr + col : NULL;
  float *c = g->c + row * g->ldc + col;

#if VW == 16
  if (o->row_scale != NULL)
    dequantize (g, o, sums, row, col, rows, stride);
#endif
  if (o->unscaled)
    scale_columns (g, sums, col, rows, stride);
  for (gint64 i = 0; residual != NULL && g->residual_first && i < rows; i++)
    add (sums + i * stride, residual + i * g->ldr, cols, sums + i * stride);
  if (g->act != GTF_ACTIVATION_NONE)
    activate (g->act, sums, rows * stride, sums);
#if VW == 16
  if (g->halves != NULL)
    {
      put_halves (sums, rows, cols, stride, g->halves + row * g->ldc + col, g->ldc);
      return;
    }
#endif
  for (gint64 i = 0; i < rows; i++)
    if (residual != NULL && !g->residual_first)
      add (sums + i * stride, residual + i * g->ldr, cols, c + i * g->ldc);
    else
      memcpy (c + i * g->ldc, sums + i * stride, (gsize) cols * sizeof *c);
}

static const char *
panel_at (const GtfGemm *g, gint64 panel)
{
  return (const char *) g->w + (gsize) panel * g->panel_bytes;
}

static gint64
panel_lines (const GtfGemm *g, gint64 panels)
{
  return panels * (gint64) g->panel_bytes / LINE;
}

/* Asks for the lines that a tile will write, which are seldom in the cache: they come while it works (4 % at 1500 x 1536). */
static void
fetch_tile (const float *c, gint64 ldc, gint64 rows, gint64 cols)
{
  for (gint64 i = 0; i < rows; i++)
    for (gint64 j = 0; j < cols; j += LINE / (gint64) sizeof *c)
      __builtin_prefetch (c + i * ldc + j, 1);
}

/* np panels from the first output col on, for rows m0 .. m1; the first tiles fetch what follows in `ahead`, of `lines`. */
static void
panel_rows (const GtfGemm *g, const Operand *o, const float *b, gint64 bps, int np, gint64 col, gint64 m0, gint64 m1, const char *ahead, gint64 lines)
{
  gint64 width = (gint64) np * GTF_PANEL, cols = MIN (width, g->n - col), left = m1 - m0;
  gboolean scaled = o->row_scale != NULL || o->unscaled, direct = cols == width && is_plain (g, o);
  _Alignas (64) float edge[TILE_ROWS * TILE_PANELS * GTF_PANEL];
  const float *bias = g->bias != NULL && !scaled ? g->bias + col : NULL;

  for (gint64 row = m0; row < m1;)
    {
      /* even tiles: 16 rows are 6 + 5 + 5 */
      gint64 n_tiles = (left + TILE_ROWS - 1) / TILE_ROWS, mr = (left + n_tiles - 1) / n_tiles;
      float *c = g->c + row * g->ldc + col;

      if (o->k >= FETCH_STEPS)
        fetch_tile (c, g->ldc, mr, cols);
      o->tiles[mr - 1][np - 1] (o->k, o->a + (row - o->first) * o->lda, o->lda, b, GTF_PANEL, bps, bias, 0, direct ? c : edge,
                                direct ? g->ldc : width, lines > 0 ? ahead : (const char *) b);
      ahead += o->k * LINE;
      lines -= o->k;
      if (!direct)
        finish_tile (g, o, edge, row, col, mr, cols, width);
      row += mr;
      left -= mr;
    }
}

/* One panel as float32 [k][16]. */
static void
expand_panel (const GtfGemm *g, gint64 panel, float *to)
{
  const char *from = panel_at (g, panel);
  const float *words = (const float *) from;
  gint64 k = g->k;

  if (g->type == GTF_DTYPE_F16)
    {
      widen (GTF_DTYPE_F16, from, k * GTF_PANEL, to);
      return;
    }
  for (int j = 0; j < GTF_PANEL; j += VW)
    if (g->type == GTF_DTYPE_BF16)
      for (gint64 l = 0; l < k; l += 2)
        {
          vf w = v_load (words + l / 2 * GTF_PANEL + j);
          v_store (to + l * GTF_PANEL + j, v_pair_0 (w));
          if (l + 1 < k)
            v_store (to + (l + 1) * GTF_PANEL + j, v_pair_1 (w));
        }
    else
      {
        vf scale = v_load (g->scale + panel * GTF_PANEL + j);
        for (gint64 l = 0; l < k; l += 4)
          {
            vf w = v_load (words + l / 4 * GTF_PANEL + j);
            v_store (to + l * GTF_PANEL + j, v_mul (v_quad (w, 24), scale));
            if (l + 1 < k)
              v_store (to + (l + 1) * GTF_PANEL + j, v_mul (v_quad (w, 16), scale));
            if (l + 2 < k)
              v_store (to + (l + 2) * GTF_PANEL + j, v_mul (v_quad (w, 8), scale));
            if (l + 3 < k)
              v_store (to + (l + 3) * GTF_PANEL + j, v_mul (v_quad (w, 0), scale));
          }
      }
}

/* Weights become float32 panel by panel, in a scratch block that all rows use. */
static void
gemm_expanded (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  gint64 bps = g->k * GTF_PANEL, most = PANELS_FOR (m1 - m0);
  float *wide = gtf_scratch ((gsize) bps * TILE_PANELS * sizeof *wide);
  Operand o = { f32_tiles, g->k, g->lda, g->a + m0 * g->lda, m0, NULL, FALSE };

  for (gint64 p = p0; p < p1; p += most)
    {
      int np = (int) MIN (most, p1 - p);
      for (int j = 0; j < np; j++)
        expand_panel (g, p + j, wide + j * bps);
      panel_rows (g, &o, wide, bps, np, p * GTF_PANEL, m0, m1, panel_at (g, p + np), panel_lines (g, MIN (most, p1 - p - np)));
    }
}

static void
block_panels (const GtfGemm *g, const Operand *o, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  gint64 words = (gint64) (g->panel_bytes / (g->type == GTF_DTYPE_F16 ? sizeof (guint16) : sizeof (float)));
  gint64 most = PANELS_FOR (m1 - m0);

  for (gint64 p = p0; p < p1; p += most)
    {
      gint64 np = MIN (most, p1 - p);
      panel_rows (g, o, (const float *) panel_at (g, p), words, (int) np, p * GTF_PANEL, m0, m1, panel_at (g, p + np),
                  panel_lines (g, MIN (most, p1 - p - np)));
    }
}

#if VW == 16
/* n floats as bfloat16, zeros up to a whole pair. */
__attribute__ ((target ("avx512bf16"))) static void
narrow_row (const float *x, gint64 n, guint16 *to)
{
  gint64 i = 0;

  for (; i + 2 * VW <= n; i += 2 * VW)
    _mm512_storeu_si512 (to + i, (__m512i) _mm512_cvtne2ps_pbh (v_load (x + i + VW), v_load (x + i)));
  for (; i < n; i++)
    to[i] = gtf_f32_to_bf16 (x[i]);
  to[n] = 0;
}

/* n floats as 128 + x * scale, rounded; 128 (0) up to a whole quad. Gives what one step is worth: NaN for a row that is not
 * finite, which spoils its results as it should. */
static float
quantize_row (const float *x, gint64 n, guint8 *to)
{
  vf top = v_set1 (0.0f), check = v_set1 (0.0f);
  float t, inverse;
  gint64 i;

  for (i = 0; i < n; i += VW)
    {
      vf v = i + VW <= n ? v_load (x + i) : v_load_n (x + i, n - i);
      top = v_max (v_abs (v), top);
      check = v_fma (v, v_set1 (0.0f), check);
    }
  t = v_top (top);
  inverse = t > 0.0f ? 127.0f / t : 0.0f;
  for (i = 0; i < n; i += VW)
    {
      vf v = v_mul (i + VW <= n ? v_load (x + i) : v_load_n (x + i, n - i), v_set1 (inverse));
      __m128i bytes = _mm512_cvtsepi32_epi8 (_mm512_cvtps_epi32 (v));
      _mm_storeu_si128 ((__m128i *) (to + i), _mm_xor_si128 (bytes, _mm_set1_epi8 ((char) 0x80)));
    }
  return t / 127.0f + v_sum (check);
}

/* Rows m0 .. m1 of A in the type of the weights. The row stride is no power of two: with one, rows would share few sets of the cache. */
static Operand
narrow_block (const GtfGemm *g, gint64 m0, gint64 m1)
{
  gboolean quads = g->type == GTF_DTYPE_I8;
  gint64 k = quads ? (g->k + 3) / 4 : (g->k + 1) / 2, lda = (k + VW - 1) / VW * VW + VW;
  const gint64 rows = (m1 - m0 + GTF_TILE_ROWS - 1) / GTF_TILE_ROWS * GTF_TILE_ROWS;
  float *a;

  if (g->pairs != NULL)
    return (Operand){ bf16_tiles, k, g->lda / 2, (const float *) (g->pairs + m0 * g->lda), m0, NULL, FALSE };
  a = gtf_scratch ((gsize) (rows * (lda + 1)) * sizeof *a);
  for (gint64 i = m0; i < m1; i++)
    {
      float *to = a + (i - m0) * lda;
      if (quads)
        a[rows * lda + i - m0] = quantize_row (g->a + i * g->lda, g->k, (guint8 *) to);
      else
        {
          v_store (to + lda - 2 * VW, v_set1 (0.0f));       /* up to a whole tile of AMX */
          narrow_row (g->a + i * g->lda, g->k, (guint16 *) to);
        }
    }
  return (Operand){ quads ? i8_tiles : bf16_tiles, k, lda, a, m0, quads ? a + rows * lda : NULL, FALSE };
}
#endif

#ifdef KERNELS_AMX
/* Rows below the whole steps of np panels, filled up with zeros. */
static const float *
amx_rest (const float *b, gint64 bps, gint64 np, gint64 k, float *to)
{
  const gint64 whole = k / AMX_STEP * AMX_STEP;

  if (whole == k)
    return NULL;
  memset (to, 0, (gsize) (np * AMX_TILE) * sizeof *to);
  for (gint64 j = 0; j < np; j++)
    memcpy (to + j * AMX_TILE, b + j * bps + whole * GTF_PANEL, (gsize) ((k - whole) * GTF_PANEL) * sizeof *to);
  return to;
}

/* block_panels () by the tiles of AMX. */
static void
amx_block_panels (const GtfGemm *g, const Operand *o, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  const AmxFunc (*tiles)[AMX_PANELS] = g->type == GTF_DTYPE_I8 ? amx_i8_tiles : amx_bf16_tiles;
  const gint64 bps = (gint64) (g->panel_bytes / sizeof (float));
  _Alignas (64) float edge[AMX_ROWS * AMX_PANELS * GTF_PANEL], rest[AMX_PANELS * AMX_TILE];

  for (gint64 p = p0; p < p1; p += AMX_PANELS)
    {
      const gint64 np = MIN (AMX_PANELS, p1 - p), width = np * GTF_PANEL, col = p * GTF_PANEL, cols = MIN (width, g->n - col);
      const float *b = (const float *) panel_at (g, p);
      const float *bias = g->bias != NULL && o->row_scale == NULL ? g->bias + col : NULL;
      AmxTile t = { .lda = o->lda, .segments = 1, .offsets = amx_whole, .b = b, .ldb = GTF_PANEL, .bps = bps, .steps = o->k / AMX_STEP, .rest = amx_rest (b, bps, np, o->k, rest), .bias = bias };

      amx_fetch (&t, panel_at (g, p + np), MIN (AMX_PANELS, p1 - p - np), m1 - m0);
      for (gint64 row = m0; row < m1; row += AMX_ROWS)
        {
          const gint64 mr = MIN (AMX_ROWS, m1 - row);
          const gboolean direct = cols == width && mr % 16 == 0 && is_plain (g, o);

          t.a = o->a + (row - o->first) * o->lda;
          t.c = direct ? g->c + row * g->ldc + col : edge;
          t.ldc = direct ? g->ldc : width;
          fetch_tile (g->c + row * g->ldc + col, g->ldc, mr, cols);
          tiles[(mr - 1) / 16][np - 1] (&t);
          if (!direct)
            finish_tile (g, o, edge, row, col, mr, cols, width);
          amx_fetch_on (&t);
        }
    }
}
#endif

/* Rows from which on it pays to bring weights to float32 once for all, rather than in registers for each tile. */
#define EXPAND_ROWS (3 * TILE_ROWS)

/* bf16 and int8 weights for few rows. Rows of A must have a whole last word to multiply with. */
static void
gemm_taken_apart (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  gboolean quads = g->type == GTF_DTYPE_I8;
  gint64 step = quads ? 4 : 2, k = (g->k + step - 1) / step;
  Operand o = { quads ? quads_tiles : pairs_tiles, k, g->lda, g->a + m0 * g->lda, m0, NULL, quads };

  if (k * step != g->k && m1 > m0)
    {
      float *a = gtf_scratch ((gsize) (k * step * (m1 - m0)) * sizeof *a);
      memset (a, 0, (gsize) (k * step * (m1 - m0)) * sizeof *a);
      for (gint64 i = m0; i < m1; i++)
        memcpy (a + (i - m0) * k * step, g->a + i * g->lda, (gsize) g->k * sizeof *a);
      o.a = a;
      o.lda = k * step;
    }
  block_panels (g, &o, m0, m1, p0, p1);
}

/* Weights of another type, by products of float32. */
static void
gemm_widened (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  if (m1 - m0 >= EXPAND_ROWS)
    gemm_expanded (g, m0, m1, p0, p1);
#ifdef V_HAS_HALF
  else if (g->type == GTF_DTYPE_F16)
    block_panels (g, &(Operand){ f16_tiles, g->k, g->lda, g->a + m0 * g->lda, m0, NULL, FALSE }, m0, m1, p0, p1);
#else
  else if (g->type == GTF_DTYPE_F16)
    gemm_expanded (g, m0, m1, p0, p1);
#endif
  else
    gemm_taken_apart (g, m0, m1, p0, p1);
}

#ifdef KERNELS_AMX
/* Rows from which on whole tiles are faster than vectors. */
#define AMX_LEAST 4
#define AMX_BLOCK (1 << 20)     /* bytes of A */

static void
gemm_amx (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  /* a block stays in L2, and meets all weights: the more rows, the fewer times they are read */
  const gint64 most = MAX (AMX_BLOCK / (g->k * (g->type == GTF_DTYPE_I8 ? 1 : 2)), AMX_ROWS), n = (m1 - m0 + most - 1) / most, block = ((m1 - m0 + n - 1) / n + AMX_ROWS - 1) / AMX_ROWS * AMX_ROWS;

  amx_begin ();
  for (gint64 row = m0; row < m1; row += block)
    {
      const gint64 end = MIN (row + block, m1);
      const Operand o = narrow_block (g, row, end);

      amx_block_panels (g, &o, row, end, p0, p1);
    }
  amx_end ();
}
#endif

static void
gemm (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  gboolean narrow = VW == 16 && g->narrow && (g->type == GTF_DTYPE_BF16 || g->type == GTF_DTYPE_I8);

  if (g->type != GTF_DTYPE_F32 && !narrow)
    {
      gemm_widened (g, m0, m1, p0, p1);
      return;
    }
#ifdef KERNELS_AMX
  if (narrow && m1 - m0 >= AMX_LEAST)
    {
      gemm_amx (g, m0, m1, p0, p1);
      return;
    }
#endif
  for (gint64 row = m0; row < m1; row += ROW_BLOCK)
    {
      gint64 end = MIN (row + ROW_BLOCK, m1);
      Operand o = { f32_tiles, g->k, g->lda, g->a + row * g->lda, row, NULL, FALSE };
#if VW == 16
      if (narrow)
        o = narrow_block (g, row, end);
#endif
      block_panels (g, &o, row, end, p0, p1);
    }
}
