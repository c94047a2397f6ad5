/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vectors of 8 floats: AVX2, FMA and F16C.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VW 8
#define TILE_ROWS 6
#define TILE_PANELS 2
#define PANELS_FOR(rows) ((rows) <= 3 ? 2 : 1)   /* as many as the registers hold sums for */
#define ISA avx2
#define V_LDEXP_WIDE 0

typedef __m256 vf;

#define INLINE static inline __attribute__ ((always_inline))

static const int32_t lane_mask[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

INLINE __m256i v_lanes (int64_t n) { return _mm256_loadu_si256 ((const __m256i *) (lane_mask + 8 - n)); }
INLINE vf v_load (const float *p) { return _mm256_loadu_ps (p); }
INLINE void v_store (float *p, vf x) { _mm256_storeu_ps (p, x); }
INLINE vf v_set1 (float x) { return _mm256_set1_ps (x); }
INLINE vf v_add (vf a, vf b) { return _mm256_add_ps (a, b); }
INLINE vf v_sub (vf a, vf b) { return _mm256_sub_ps (a, b); }
INLINE vf v_mul (vf a, vf b) { return _mm256_mul_ps (a, b); }
INLINE vf v_div (vf a, vf b) { return _mm256_div_ps (a, b); }
INLINE vf v_fma (vf a, vf b, vf c) { return _mm256_fmadd_ps (a, b, c); }
INLINE vf v_max (vf a, vf b) { return _mm256_max_ps (a, b); }
INLINE vf v_min (vf a, vf b) { return _mm256_min_ps (a, b); }
INLINE vf v_abs (vf a) { return _mm256_andnot_ps (_mm256_set1_ps (-0.0f), a); }
INLINE vf v_copysign (vf a, vf s) { vf m = _mm256_set1_ps (-0.0f); return _mm256_or_ps (_mm256_andnot_ps (m, a), _mm256_and_ps (m, s)); }
INLINE vf v_round (vf a) { return _mm256_round_ps (a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_ldexp (vf a, vf n)
{
  __m256i e = _mm256_slli_epi32 (_mm256_add_epi32 (_mm256_cvtps_epi32 (n), _mm256_set1_epi32 (127)), 23);
  return _mm256_mul_ps (a, _mm256_castsi256_ps (e));
}
INLINE vf v_exponent (vf a, vf n, vf sum)
{
  return _mm256_castsi256_ps (_mm256_add_epi32 (_mm256_castps_si256 (a), _mm256_slli_epi32 (_mm256_castps_si256 (sum), 23)));
}
INLINE vf v_less (vf a, vf b, vf x, vf y) { return _mm256_blendv_ps (y, x, _mm256_cmp_ps (a, b, _CMP_LT_OQ)); }
INLINE float v_sum (vf a)
{
  __m128 x = _mm_add_ps (_mm256_castps256_ps128 (a), _mm256_extractf128_ps (a, 1));
  x = _mm_add_ps (x, _mm_movehl_ps (x, x));
  return _mm_cvtss_f32 (_mm_add_ss (x, _mm_movehdup_ps (x)));
}
INLINE float v_top (vf a)
{
  __m128 x = _mm_max_ps (_mm256_castps256_ps128 (a), _mm256_extractf128_ps (a, 1));
  x = _mm_max_ps (x, _mm_movehl_ps (x, x));
  return _mm_cvtss_f32 (_mm_max_ss (x, _mm_movehdup_ps (x)));
}
INLINE vf v_load_n (const float *p, int64_t n) { return _mm256_maskload_ps (p, v_lanes (n)); }
INLINE void v_store_n (float *p, vf x, int64_t n) { _mm256_maskstore_ps (p, v_lanes (n), x); }
#define V_HAS_HALF
INLINE vf v_load_f16 (const uint16_t *p) { return _mm256_cvtph_ps (_mm_loadu_si128 ((const __m128i *) p)); }
INLINE vf v_pair_0 (vf w) { return _mm256_castsi256_ps (_mm256_slli_epi32 (_mm256_castps_si256 (w), 16)); }
INLINE vf v_pair_1 (vf w) { return _mm256_and_ps (w, _mm256_castsi256_ps (_mm256_set1_epi32 ((int32_t) 0xffff0000))); }
INLINE vf v_quad (vf w, int n) { return _mm256_cvtepi32_ps (_mm256_srai_epi32 (_mm256_slli_epi32 (_mm256_castps_si256 (w), n), 24)); }
INLINE vf v_load_bf16 (const uint16_t *p)
{
  return _mm256_castsi256_ps (_mm256_slli_epi32 (_mm256_cvtepu16_epi32 (_mm_loadu_si128 ((const __m128i *) p)), 16));
}
INLINE vf v_sums (const vf *a)
{
  vf x = _mm256_hadd_ps (_mm256_hadd_ps (a[0], a[1]), _mm256_hadd_ps (a[2], a[3]));
  vf y = _mm256_hadd_ps (_mm256_hadd_ps (a[4], a[5]), _mm256_hadd_ps (a[6], a[7]));
  return _mm256_add_ps (_mm256_permute2f128_ps (x, y, 0x20), _mm256_permute2f128_ps (x, y, 0x31));
}
