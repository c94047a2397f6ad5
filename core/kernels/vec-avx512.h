/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vectors of 16 floats: AVX-512 F, BW, DQ, VL.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VW 16
#define TILE_ROWS 6
#define TILE_PANELS 4
#define PANELS_FOR(rows) TILE_PANELS
#ifndef ISA
#define ISA avx512
#endif
#define V_LDEXP_WIDE 1

typedef __m512 vf;

#define INLINE static inline __attribute__ ((always_inline))

INLINE vf v_load (const float *p) { return _mm512_loadu_ps (p); }
INLINE void v_store (float *p, vf x) { _mm512_storeu_ps (p, x); }
INLINE vf v_set1 (float x) { return _mm512_set1_ps (x); }
INLINE vf v_add (vf a, vf b) { return _mm512_add_ps (a, b); }
INLINE vf v_sub (vf a, vf b) { return _mm512_sub_ps (a, b); }
INLINE vf v_mul (vf a, vf b) { return _mm512_mul_ps (a, b); }
INLINE vf v_div (vf a, vf b) { return _mm512_div_ps (a, b); }
INLINE vf v_fma (vf a, vf b, vf c) { return _mm512_fmadd_ps (a, b, c); }
INLINE vf v_max (vf a, vf b) { return _mm512_max_ps (a, b); }
INLINE vf v_min (vf a, vf b) { return _mm512_min_ps (a, b); }
INLINE vf v_abs (vf a) { return _mm512_abs_ps (a); }
INLINE vf v_copysign (vf a, vf s) { vf m = _mm512_set1_ps (-0.0f); return _mm512_or_ps (_mm512_andnot_ps (m, a), _mm512_and_ps (m, s)); }
INLINE vf v_round (vf a) { return _mm512_roundscale_ps (a, 8); }
INLINE vf v_ldexp (vf a, vf n) { return _mm512_scalef_ps (a, n); }
INLINE vf v_exponent (vf a, vf n, vf sum) { return _mm512_scalef_ps (a, n); }
INLINE vf v_less (vf a, vf b, vf x, vf y) { return _mm512_mask_blend_ps (_mm512_cmp_ps_mask (a, b, _CMP_LT_OQ), y, x); }
INLINE float v_sum (vf a) { return _mm512_reduce_add_ps (a); }
INLINE float v_top (vf a) { return _mm512_reduce_max_ps (a); }
INLINE vf v_load_n (const float *p, int64_t n) { return _mm512_maskz_loadu_ps ((__mmask16) ((1u << n) - 1), p); }
INLINE void v_store_n (float *p, vf x, int64_t n) { _mm512_mask_storeu_ps (p, (__mmask16) ((1u << n) - 1), x); }
#define V_HAS_HALF
INLINE vf v_load_f16 (const uint16_t *p) { return _mm512_cvtph_ps (_mm256_loadu_si256 ((const __m256i *) p)); }
INLINE vf v_pair_0 (vf w) { return _mm512_castsi512_ps (_mm512_slli_epi32 (_mm512_castps_si512 (w), 16)); }
INLINE vf v_pair_1 (vf w) { return _mm512_and_ps (w, _mm512_castsi512_ps (_mm512_set1_epi32 ((int32_t) 0xffff0000))); }
INLINE vf v_quad (vf w, unsigned n) { return _mm512_cvtepi32_ps (_mm512_srai_epi32 (_mm512_slli_epi32 (_mm512_castps_si512 (w), n), 24)); }
INLINE vf v_load_bf16 (const uint16_t *p)
{
  return _mm512_castsi512_ps (_mm512_slli_epi32 (_mm512_cvtepu16_epi32 (_mm256_loadu_si256 ((const __m256i *) p)), 16));
}
/* Sums of 4 vectors within each quarter: lane i of a quarter belongs to a[i]. */
INLINE vf v_sums_4 (const vf *a)
{
  vf x = _mm512_add_ps (_mm512_unpacklo_ps (a[0], a[1]), _mm512_unpackhi_ps (a[0], a[1]));
  vf y = _mm512_add_ps (_mm512_unpacklo_ps (a[2], a[3]), _mm512_unpackhi_ps (a[2], a[3]));
  __m512d lo = _mm512_unpacklo_pd (_mm512_castps_pd (x), _mm512_castps_pd (y)), hi = _mm512_unpackhi_pd (_mm512_castps_pd (x), _mm512_castps_pd (y));
  return _mm512_add_ps (_mm512_castpd_ps (lo), _mm512_castpd_ps (hi));
}
INLINE vf v_add_quarters (vf a, vf b) { return _mm512_add_ps (_mm512_shuffle_f32x4 (a, b, 0x88), _mm512_shuffle_f32x4 (a, b, 0xdd)); }
INLINE vf v_sums (const vf *a)
{
  return v_add_quarters (v_add_quarters (v_sums_4 (a), v_sums_4 (a + 4)), v_add_quarters (v_sums_4 (a + 8), v_sums_4 (a + 12)));
}
