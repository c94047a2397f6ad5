/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The micro-kernel for float32 on every ISA, and for the types that this ISA multiplies by itself.
 */

#define PV (GTF_PANEL / VW)     /* vectors in a panel */

typedef void (*TileFunc) (gint64 k, const float *a, gint64 lda, const float *b, gint64 ldb, gint64 bps, const float *init, gint64 ldi,
                          float *c, gint64 ldc, const void *ahead);

#define TILE_NAME f32
#define TILE_LOAD(b, i) v_load (b + (i))
#define TILE_DOT(acc, a, w) acc = v_fma (v_set1 (*(a)), w, acc)
#include "kernels/tile.inc.c"

#ifdef V_HAS_HALF
/* Halves become float32 in registers. */
#define TILE_NAME f16
#define TILE_LOAD(b, i) v_load_f16 ((const guint16 *) (b) + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((const guint16 *) (b) + (i))
#define TILE_DOT(acc, a, w) acc = v_fma (v_set1 (*(a)), w, acc)
#include "kernels/tile.inc.c"
#endif

/* bfloat16 as it lies in a row (values of a cache). */
#define TILE_NAME halves
#define TILE_LOAD(b, i) v_load_bf16 ((const guint16 *) (b) + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((const guint16 *) (b) + (i))
#define TILE_DOT(acc, a, w) acc = v_fma (v_set1 (*(a)), w, acc)
#include "kernels/tile.inc.c"

/* Pairs of bfloat16 and quads of int8, taken apart in registers and multiplied as float32: for few rows, where weights are
 * read once and no instruction multiplies them as they are. int8 sums still want their scale. */
#define TILE_NAME pairs
#define TILE_LOAD(b, i) v_load (b + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((b) + (i))
#define TILE_DOT(acc, a, w) acc = v_fma (v_set1 ((a)[1]), v_pair_1 (w), v_fma (v_set1 ((a)[0]), v_pair_0 (w), acc))
#define TILE_STEP 2
#include "kernels/tile.inc.c"

#define TILE_NAME quads
#define TILE_LOAD(b, i) v_load (b + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((b) + (i))
#define TILE_DOT(acc, a, w)                                                                                                        \
  acc = v_fma (v_set1 ((a)[3]), v_quad (w, 0),                                                                                     \
               v_fma (v_set1 ((a)[2]), v_quad (w, 8), v_fma (v_set1 ((a)[1]), v_quad (w, 16), v_fma (v_set1 ((a)[0]), v_quad (w, 24), acc))))
#define TILE_STEP 4
#include "kernels/tile.inc.c"

#if VW == 16
/* Pairs of bfloat16, accumulated in float32. */
#define TILE_NAME bf16
#define TILE_TARGET __attribute__ ((target ("avx512bf16")))
#define TILE_W __m512i
#define TILE_LOAD(b, i) _mm512_loadu_si512 (b + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((b) + (i))
#define TILE_DOT(acc, a, w) acc = _mm512_dpbf16_ps (acc, (__m512bh) _mm512_castps_si512 (v_set1 (*(a))), (__m512bh) (w))
#include "kernels/tile.inc.c"

/* Quads of unsigned activations times signed weights, accumulated in int32. The instruction is written out, since gcc 12
 * copies each accumulator of the intrinsic once too often. */
#define TILE_NAME i8
#define TILE_TARGET __attribute__ ((target ("avx512vnni")))
#define TILE_ACC __m512i
#define TILE_W __m512i
#define TILE_ZERO _mm512_setzero_si512 ()
#define TILE_INIT(p) _mm512_loadu_si512 (p)
#define TILE_STORE(p, x) _mm512_storeu_si512 (p, x)
#define TILE_LOAD(b, i) _mm512_loadu_si512 (b + (i))
#define TILE_FETCH(b, i) __builtin_prefetch ((b) + (i))
#define TILE_DOT(acc, a, w) __asm__ ("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(_mm512_castps_si512 (v_set1 (*(a)))), "v"(w))
#include "kernels/tile.inc.c"
#endif
