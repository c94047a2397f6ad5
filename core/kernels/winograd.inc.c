/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The two transforms of Winograd's F(4x4, 3x3) with the points 0, +-3/4, +-3/2 and infinity, whose errors are those of a direct convolution
 * (with 0, +-1, +-2 they are ten times larger). See core/tensor/winograd.c.
 */

#define WA 0.75f
#define WB 1.5f
#define WA2 (WA * WA)
#define WB2 (WB * WB)

/* Six numbers, `step` apart, at the six points; out of and into vectors. */
INLINE void
winograd_points (const vf *d, int step, vf *to)
{
  const vf d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const vf even_a = v_fma (v_set1 (-WB2), d2, d4), odd_a = v_mul (v_set1 (WA), v_fma (v_set1 (-WB2), d1, d3));
  const vf even_b = v_fma (v_set1 (-WA2), d2, d4), odd_b = v_mul (v_set1 (WB), v_fma (v_set1 (-WA2), d1, d3));

  to[0] = v_fma (v_set1 (WA2 * WB2), d0, v_fma (v_set1 (-(WA2 + WB2)), d2, d4));
  to[1] = v_add (even_a, odd_a);
  to[2] = v_sub (even_a, odd_a);
  to[3] = v_add (even_b, odd_b);
  to[4] = v_sub (even_b, odd_b);
  to[5] = v_fma (v_set1 (WA2 * WB2), d1, v_fma (v_set1 (-(WA2 + WB2)), d3, d5));
}

/* Four results out of what stands at six points. */
INLINE void
winograd_results (const vf *m, int step, vf *to)
{
  const vf sum_a = v_add (m[step], m[2 * step]), difference_a = v_sub (m[step], m[2 * step]);
  const vf sum_b = v_add (m[3 * step], m[4 * step]), difference_b = v_sub (m[3 * step], m[4 * step]);

  to[0] = v_add (m[0], v_add (sum_a, sum_b));
  to[1] = v_fma (v_set1 (WA), difference_a, v_mul (v_set1 (WB), difference_b));
  to[2] = v_fma (v_set1 (WA2), sum_a, v_mul (v_set1 (WB2), sum_b));
  to[3] = v_fma (v_set1 (WA2 * WA), difference_a, v_fma (v_set1 (WB2 * WB), difference_b, m[5 * step]));
}

/* 6 x 6 pixels of n channels (a multiple of 16), by their addresses, -> 36 rows of n numbers, `stride` apart. */
static void
winograd_in (const float *const *pixels, gint64 n, float *v, gint64 stride)
{
  for (gint64 at = 0; at < n; at += VW)
    {
      vf half[36], whole[6];

      for (int x = 0; x < 6; x++)
        {
          vf d[6];

#pragma GCC unroll 6
          for (int y = 0; y < 6; y++)
            d[y] = v_load (pixels[6 * y + x] + at);
          winograd_points (d, 1, half + 6 * x);
        }
      for (int y = 0; y < 6; y++)
        {
          winograd_points (half + y, 6, whole);
#pragma GCC unroll 6
          for (int x = 0; x < 6; x++)
            v_store (v + (6 * y + x) * stride + at, whole[x]);
        }
    }
}

/* 36 rows, `stride` apart, -> 4 x 4 pixels, of which the picture has t->rows x t->cols. */
static void
winograd_out (const GtfWinogradOut *t, const float *m)
{
  for (gint64 at = 0; at < t->n; at += VW)
    {
      const gint64 some = MIN (VW, t->n - at);
      const vf bias = t->bias != NULL ? v_load_n (t->bias + at, some) : v_set1 (0.0f);
      vf half[24], whole[4];

      for (int x = 0; x < 6; x++)
        {
          vf d[6];

#pragma GCC unroll 6
          for (int y = 0; y < 6; y++)
            d[y] = v_load (m + (6 * y + x) * t->stride + at);
          winograd_results (d, 1, half + 4 * x);
        }
      for (gint64 y = 0; y < t->rows; y++)
        {
          winograd_results (half + y, 4, whole);
          for (gint64 x = 0; x < t->cols; x++)
            {
              const gint64 to = y * t->line + x * t->ldy + at;
              const vf sum = v_add (whole[x], bias);

              v_store_n (t->y + to, t->residual != NULL ? v_add (sum, v_load_n (t->residual + to, some)) : sum, some);
            }
        }
    }
  for (gint64 y = 0; y < t->rows; y++)
    conv_finish (t->act, NULL, 0, t->y + y * t->line, t->ldy, t->cols, t->n);
}
