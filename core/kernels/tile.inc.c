/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The micro-kernel: MR rows of A times NP panels of 16 outputs, all of K in one go, sums in registers. One function for each
 * size (MR, NP); they are static inline with constant sizes, so that every loop over rows and vectors is unrolled.
 *
 * B is read as b[panel * bps + k * ldb + lane]: for packed weights ldb is 16 and bps k * 16; for the values of attention,
 * which stay where they lie, ldb is their row stride and bps 16. The sums begin at init[row * ldi + ..] (a bias with ldi 0, or
 * C itself), or at 0.
 */

#define PV (GTF_PANEL / VW)     /* vectors in a panel */

typedef void (*TileFunc) (gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, const float *init, gint64 ldi,
                          float *c, gint64 ldc);

INLINE void
tile (const int mr, const int np, gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, const float *init,
      gint64 ldi, float *c, gint64 ldc)
{
  vf acc[TILE_ROWS][TILE_PANELS * PV];

#pragma GCC unroll 16
  for (int j = 0; j < np * PV; j++)
    {
#pragma GCC unroll 16
      for (int i = 0; i < mr; i++)
        acc[i][j] = init != NULL ? v_load (init + i * ldi + j * VW) : v_set1 (0.0f);
    }
  for (gint64 l = 0; l < k; l++)
    {
      vf w[TILE_PANELS * PV];
#pragma GCC unroll 16
      for (int j = 0; j < np * PV; j++)
        w[j] = v_load (b + (j / PV) * bps + (j % PV) * VW);
      b += ldb;
#pragma GCC unroll 16
      for (int i = 0; i < mr; i++)
        {
          vf x = v_set1 (a[i * lda + l]);
#pragma GCC unroll 16
          for (int j = 0; j < np * PV; j++)
            acc[i][j] = v_fma (x, w[j], acc[i][j]);
        }
    }
#pragma GCC unroll 16
  for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
    for (int j = 0; j < np * PV; j++)
      v_store (c + i * ldc + j * VW, acc[i][j]);
}

#define TILE(mr, np)                                                                                                               \
  static void tile_##mr##_##np (gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, const float *init,    \
                                gint64 ldi, float *c, gint64 ldc)                                                                            \
  {                                                                                                                                \
    tile (mr, np, k, a, lda, b, ldb, bps, init, ldi, c, ldc);                                                                      \
  }
#if TILE_PANELS == 4
#define TILES(mr) TILE (mr, 1) TILE (mr, 2) TILE (mr, 3) TILE (mr, 4)
#define ROW(mr) { tile_##mr##_1, tile_##mr##_2, tile_##mr##_3, tile_##mr##_4 }
#else
#define TILES(mr) TILE (mr, 1)
#define ROW(mr) { tile_##mr##_1 }
#endif

TILES (1)
TILES (2)
TILES (3)
#if TILE_ROWS == 6
TILES (4)
TILES (5)
TILES (6)
static const TileFunc tiles[TILE_ROWS][TILE_PANELS] = { ROW (1), ROW (2), ROW (3), ROW (4), ROW (5), ROW (6) };
#else
static const TileFunc tiles[TILE_ROWS][TILE_PANELS] = { ROW (1), ROW (2), ROW (3) };
#endif
