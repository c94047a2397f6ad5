/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix product: blocks of rows (they stay in L2), within them panels over the outputs, within them even row tiles. After
 * a tile, while it is in L1, activation and residual. Weights of other types than float32 are widened panel by panel here,
 * unless the ISA has something better (below).
 */

#define ROW_BLOCK 192

static void
epilogue (const GtfGemm *g, gint64 row, gint64 col, gint64 rows, gint64 cols)
{
  for (gint64 i = 0; i < rows; i++)
    {
      float *c = g->c + (row + i) * g->ldc + col;
      if (g->act != GTF_ACTIVATION_NONE)
        activate (g->act, c, cols, c);
      if (g->residual != NULL)
        add (c, g->residual + (row + i) * g->ldr + col, cols, c);
    }
}

/* np panels of float32 from the first output col on, for rows m0 .. m1. */
static void
panel_rows (const GtfGemm *g, const float *b, gint64 ldb, gint64 bps, int np, gint64 col, gint64 m0, gint64 m1)
{
  gint64 cols = MIN ((gint64) np * GTF_PANEL, g->n - col);
  gboolean whole = cols == (gint64) np * GTF_PANEL;
  float edge[TILE_ROWS * TILE_PANELS * GTF_PANEL];
  gint64 left = m1 - m0;

  for (gint64 row = m0; row < m1;)
    {
      /* even tiles: 16 rows are 6 + 5 + 5 */
      gint64 n_tiles = (left + TILE_ROWS - 1) / TILE_ROWS, mr = (left + n_tiles - 1) / n_tiles;
      float *c = g->c + row * g->ldc + col;

      tiles[mr - 1][np - 1] (g->k, g->a + row * g->lda, g->lda, b, ldb, bps, g->bias != NULL ? g->bias + col : NULL, 0,
                             whole ? c : edge, whole ? g->ldc : np * GTF_PANEL);
      if (!whole)
        for (gint64 i = 0; i < mr; i++)
          memcpy (c + i * g->ldc, edge + i * np * GTF_PANEL, (gsize) cols * sizeof *c);
      if (g->act != GTF_ACTIVATION_NONE || g->residual != NULL)
        epilogue (g, row, col, mr, cols);
      row += mr;
      left -= mr;
    }
}

/* One panel as float32 [k][16]. */
static void
expand_panel (const GtfGemm *g, gint64 panel, float *to)
{
  const char *from = (const char *) g->w + (gsize) panel * g->panel_bytes;

  if (g->type == GTF_DTYPE_BF16)
    for (gint64 l = 0; l < g->k; l++)
      for (int j = 0; j < GTF_PANEL; j++)
        to[l * GTF_PANEL + j] = gtf_bf16_to_f32 (((const guint16 *) from)[(l / 2 * GTF_PANEL + j) * 2 + l % 2]);
  else if (g->type == GTF_DTYPE_F16)
    widen (GTF_DTYPE_F16, from, g->k * GTF_PANEL, to);
  else
    for (gint64 l = 0; l < g->k; l++)
      for (int j = 0; j < GTF_PANEL; j++)
        to[l * GTF_PANEL + j] = (float) ((const gint8 *) from)[(l / 4 * GTF_PANEL + j) * 4 + l % 4] * g->scale[panel * GTF_PANEL + j];
}

static void
gemm (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1)
{
  gint64 bps = g->k * GTF_PANEL;
  float *wide = g->type == GTF_DTYPE_F32 ? NULL : gtf_scratch ((gsize) bps * TILE_PANELS * sizeof *wide);

  /* Widening is worth it only once for all rows. */
  gint64 block = wide == NULL ? ROW_BLOCK : MAX (m1 - m0, 1);

  for (gint64 row = m0; row < m1; row += block)
    for (gint64 p = p0; p < p1; p += TILE_PANELS)
      {
        int np = (int) MIN (TILE_PANELS, p1 - p);
        const float *b = (const float *) g->w + p * bps;

        for (int j = 0; wide != NULL && j < np; j++)
          expand_panel (g, p + j, wide + j * bps);
        panel_rows (g, wide != NULL ? wide : b, GTF_PANEL, bps, np, p * GTF_PANEL, row, MIN (row + block, m1));
      }
}
