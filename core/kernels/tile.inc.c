/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The micro-kernel: MR rows of A times NP panels of 16 outputs, all of K in one go, sums in registers. One function for each
 * size (MR, NP); they are static inline with constant sizes, so that every loop over rows and vectors is unrolled.
 *
 * Included once for each type of operands, which gives
 *   TILE_NAME           prefix of the functions; the table of them is TILE_NAME##_tiles
 *   TILE_LOAD (b, i)    weights from element i of b on (float32: 16 an output and step; halves are counted alike)
 *   TILE_DOT (acc, a, w)    acc += *a * w; *a is a float, or 32 bits that hold 2 or 4 numbers
 * and, where they are not those of float32,
 *   TILE_TARGET         attributes, where the type needs more than the ISA as a whole
 *   TILE_ACC, TILE_W    types of a vector of sums, of weights
 *   TILE_ZERO, TILE_INIT (p), TILE_STORE (p, acc)
 *   TILE_FETCH (b, i)   for few rows, whose weights come from memory: asks for element i, some lines ahead of use (+20 to 40 %
 *                       at 5 rows with 16 and 8 bits; float32 gains nothing)
 *   TILE_STEP           numbers of A in a step (1, unless words of weights are taken apart here)
 *
 * B is read as b[panel * bps + k * ldb + lane]: for packed weights ldb is 16 and bps k * 16; for the values of attention,
 * which stay where they lie, ldb is their row stride and bps 16. The sums begin at init[row * ldi + ..] (a bias with ldi 0, or
 * C itself), or at 0. Meanwhile each step asks for a line of `ahead`, the weights that are wanted next (b, if there are none):
 * otherwise the first tile that reads a panel would wait for memory.
 */

#ifndef TILE_TARGET
#define TILE_TARGET
#endif
#ifndef TILE_ACC
#define TILE_ACC vf
#define TILE_ZERO v_set1 (0.0f)
#define TILE_INIT(p) v_load (p)
#define TILE_STORE(p, x) v_store (p, x)
#endif
#ifndef TILE_W
#define TILE_W vf
#endif
#ifndef TILE_FETCH
#define TILE_FETCH(b, i)
#endif
#ifndef TILE_STEP
#define TILE_STEP 1
#endif

#define TILE_CAT2(a, b) a##_##b
#define TILE_CAT(a, b) TILE_CAT2 (a, b)
#define TILE_BODY TILE_CAT (TILE_NAME, body)
#define TILE_TABLE TILE_CAT (TILE_NAME, tiles)

INLINE TILE_TARGET void
TILE_BODY (const int mr, const int np, gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, const float *init,
           gint64 ldi, float *c, gint64 ldc, const void *ahead)
{
  TILE_ACC acc[TILE_ROWS][TILE_PANELS * PV];
  gint64 at = 0;

#pragma GCC unroll 16
  for (int j = 0; j < np * PV; j++)
    {
#pragma GCC unroll 16
      for (int i = 0; i < mr; i++)
        acc[i][j] = init != NULL ? TILE_INIT (init + i * ldi + j * VW) : TILE_ZERO;
    }
  for (gint64 l = 0; l < k; l++)
    {
      TILE_W w[TILE_PANELS * PV];
#pragma GCC unroll 16
      for (int j = 0; j < np * PV; j++)
        {
          w[j] = TILE_LOAD (b, at + (j / PV) * bps + (j % PV) * VW);
          if (mr >= 3 && mr <= 5 && j % PV == 0)
            {
              TILE_FETCH (b, at + (j / PV) * bps + 48 * ldb);
            }
        }
      if (mr >= 4)
        __builtin_prefetch ((const char *) ahead + l * 64, 0, 2);
      at += ldb;
#pragma GCC unroll 16
      for (int i = 0; i < mr; i++)
        {
#pragma GCC unroll 16
          for (int j = 0; j < np * PV; j++)
            TILE_DOT (acc[i][j], a + i * lda + l * TILE_STEP, w[j]);
        }
    }
#pragma GCC unroll 16
  for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
    for (int j = 0; j < np * PV; j++)
      TILE_STORE (c + i * ldc + j * VW, acc[i][j]);
}

#define TILE_FUNC(mr, np) TILE_CAT (TILE_CAT (TILE_NAME, mr), np)
#define TILE(mr, np)                                                                                                               \
  TILE_TARGET static void TILE_FUNC (mr, np) (gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps,        \
                                              const float *init, gint64 ldi, float *c, gint64 ldc, const void *ahead)              \
  {                                                                                                                                \
    TILE_BODY (mr, np, k, a, lda, b, ldb, bps, init, ldi, c, ldc, ahead);                                                          \
  }
#if TILE_PANELS == 4
#define TILES(mr) TILE (mr, 1) TILE (mr, 2) TILE (mr, 3) TILE (mr, 4)
#define TILE_ROW(mr) { TILE_FUNC (mr, 1), TILE_FUNC (mr, 2), TILE_FUNC (mr, 3), TILE_FUNC (mr, 4) }
#else
#define TILES(mr) TILE (mr, 1) TILE (mr, 2)
#define TILE_ROW(mr) { TILE_FUNC (mr, 1), TILE_FUNC (mr, 2) }
#endif

TILES (1)
TILES (2)
TILES (3)
#if TILE_ROWS == 6
TILES (4)
TILES (5)
TILES (6)
static const TileFunc TILE_TABLE[TILE_ROWS][TILE_PANELS] = {
  TILE_ROW (1), TILE_ROW (2), TILE_ROW (3), TILE_ROW (4), TILE_ROW (5), TILE_ROW (6)
};
#else
static const TileFunc TILE_TABLE[TILE_ROWS][TILE_PANELS] = { TILE_ROW (1), TILE_ROW (2), TILE_ROW (3) };
#endif

#undef TILE
#undef TILES
#undef TILE_ROW
#undef TILE_NAME
#undef TILE_TARGET
#undef TILE_ACC
#undef TILE_W
#undef TILE_ZERO
#undef TILE_INIT
#undef TILE_STORE
#undef TILE_LOAD
#undef TILE_DOT
#undef TILE_STEP
#undef TILE_FETCH
