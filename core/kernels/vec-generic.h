/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vectors of 4 floats by the compiler's vector extensions: any CPU. See kernels.inc.c for the set of names that a vec-*.h
 * must give.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VW 4
#define TILE_ROWS 3             /* rows and panels of 16 of the largest tile */
#define TILE_PANELS 2
#define PANELS_FOR(rows) ((rows) == 1 ? 2 : 1)   /* as many as the registers hold sums for */
#define ISA generic
#define V_LDEXP_WIDE 0

typedef float vf __attribute__ ((vector_size (16)));
typedef int32_t vi __attribute__ ((vector_size (16)));
typedef float vfu __attribute__ ((vector_size (16), aligned (4), may_alias));

#define INLINE static inline __attribute__ ((always_inline))

INLINE vf v_load (const float *p) { return *(const vfu *) p; }
INLINE void v_store (float *p, vf x) { *(vfu *) p = x; }
INLINE vf v_set1 (float x) { return (vf){ x, x, x, x }; }
INLINE vf v_add (vf a, vf b) { return a + b; }
INLINE vf v_sub (vf a, vf b) { return a - b; }
INLINE vf v_mul (vf a, vf b) { return a * b; }
INLINE vf v_div (vf a, vf b) { return a / b; }
INLINE vf v_fma (vf a, vf b, vf c) { return a * b + c; }
INLINE vf v_select (vi m, vf x, vf y) { return (vf) (((vi) x & m) | ((vi) y & ~m)); }
INLINE vf v_max (vf a, vf b) { return v_select (a > b, a, b); }          /* b if either is NaN, as maxps */
INLINE vf v_min (vf a, vf b) { return v_select (a < b, a, b); }
INLINE vf v_abs (vf a) { return (vf) ((vi) a & 0x7fffffff); }
/* |a| with the sign of s */
INLINE vf v_copysign (vf a, vf s) { return (vf) (((vi) a & 0x7fffffff) | ((vi) s & (int32_t) 0x80000000)); }
INLINE vf v_round (vf a) { vf magic = v_set1 (12582912.0f); return (a + magic) - magic; }       /* |a| < 2^22 */
/* a * 2^n for whole n from -126 to 127 */
INLINE vf v_ldexp (vf a, vf n)
{
  vi e = (vi) (n + v_set1 (12582912.0f + 127.0f)) << 23;   /* the sum's low bits are n + 127 */
  return a * (vf) e;
}
/* a * 2^n for whole n from -126 to 127, where the sum n + 1.5 * 2^23 is at hand; a and the result are normal numbers */
INLINE vf v_exponent (vf a, vf n, vf sum) { return (vf) ((vi) a + ((vi) sum << 23)); }
/* a < b ? x : y, for each lane */
INLINE vf v_less (vf a, vf b, vf x, vf y) { return v_select (a < b, x, y); }
INLINE float v_sum (vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
INLINE float v_top (vf a) { float x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3]; return x > y ? x : y; }
INLINE vf v_load_n (const float *p, int64_t n)
{
  float t[VW] = { 0 };
  memcpy (t, p, (size_t) n * sizeof *p);
  return v_load (t);
}
INLINE void v_store_n (float *p, vf x, int64_t n)
{
  float t[VW];
  v_store (t, x);
  memcpy (p, t, (size_t) n * sizeof *p);
}
/* The bfloat16 in the lower and the upper half of each lane; the signed byte that a shift left by n brings to the top. */
INLINE vf v_pair_0 (vf w) { return (vf) ((vi) w << 16); }
INLINE vf v_pair_1 (vf w) { return (vf) ((vi) w & (int32_t) 0xffff0000); }
INLINE vf v_quad (vf w, int n) { return __builtin_convertvector (((vi) w << n) >> 24, vf); }
INLINE vf v_load_bf16 (const uint16_t *p) { return (vf) ((vi){ p[0], p[1], p[2], p[3] } << 16); }
/* The sums of VW vectors, one a lane. */
INLINE vf v_sums (const vf *a) { return (vf){ v_sum (a[0]), v_sum (a[1]), v_sum (a[2]), v_sum (a[3]) }; }
