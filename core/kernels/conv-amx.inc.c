/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution in bfloat16 by the tiles of AMX. The picture has its margins around it, so that each window is complete, and windows side by side begin one pixel
 * apart: 16 of them are a tile of A for each pixel that they see, where it lies. Windows are counted through the lines of the picture with its margins. Those that
 * begin in the last columns reach into the next line: they are computed with the others, and thrown away.
 */

/* Of the sums of windows first .. first + n those that are results. */
static void
put_inside (const GtfGemm *g, const GtfTileConv *t, float *sums, gint64 first, gint64 n, gint64 col, gint64 cols, gint64 width)
{
  const Operand plain = { 0 };

  for (gint64 i = 0; i < n;)
    {
      const gint64 y = (first + i) / t->line, x = (first + i) % t->line, some = MIN (n - i, t->inside - x);

      if (some > 0)
        finish_tile (g, &plain, sums + i * width, y * t->inside + x, col, some, cols, width);
      i += some > 0 ? some : t->line - x;
    }
}

static void
windows_by_tiles (const GtfTileConv *t, gint64 first, gint64 end, gint64 p0, gint64 p1)
{
  const GtfGemm g = { .act = t->act, .n = t->n, .w = t->w, .panel_bytes = t->panel_bytes, .residual = t->residual, .ldr = t->n, .c = t->y, .halves = t->halves, .ldc = t->n, .residual_first = TRUE };
  _Alignas (64) float sums[AMX_ROWS * AMX_PANELS * GTF_PANEL];

  amx_begin ();
  for (gint64 p = p0; p < p1; p += AMX_PANELS)
    {
      const gint64 np = MIN (AMX_PANELS, p1 - p), width = np * GTF_PANEL, col = p * GTF_PANEL, cols = MIN (width, t->n - col);
      AmxTile tile = { .lda = t->k / 2, .segments = t->segments, .offsets = t->offsets, .b = (const float *) panel_at (&g, p), .ldb = GTF_PANEL,
                       .bps = (gint64) (t->panel_bytes / sizeof (float)), .steps = t->k / 2 / AMX_STEP, .bias = t->bias != NULL ? t->bias + col : NULL, .c = sums, .ldc = width };

      amx_fetch (&tile, panel_at (&g, p + np), MIN (AMX_PANELS, p1 - p - np), end - first);
      for (gint64 at = first; at < end; at += AMX_ROWS)
        {
          const gint64 n = MIN (AMX_ROWS, end - at);

          tile.a = (const float *) (t->x + at * t->k);
          amx_bf16_tiles[(n - 1) / 16][np - 1] (&tile);
          put_inside (&g, t, sums, at, n, col, cols, width);
          amx_fetch_on (&tile);
        }
    }
  amx_end ();
}
