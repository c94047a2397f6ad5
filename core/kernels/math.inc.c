/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Elementary functions on vectors. Errors against double: exp 1 ulp, tanh 2e-7, GELU by erf and erf itself 4e-7 (absolute). NaN stays NaN:
 * v_max and v_min give their second argument when one is NaN.
 */

/* 2^y for y up to 100 (in a softmax it is at most 0, to a rounding), to 8e-8 of itself; where that is no normal number it is 0 (or, V_LDEXP_WIDE, what there is). Adding 1.5 * 2^23
 * rounds y to a whole number, which then lies in the low bits of the sum. */
INLINE vf
v_exp2 (vf y)
{
  const vf low = v_set1 (V_LDEXP_WIDE ? -160.0f : -126.0f), magic = v_set1 (0x1.8p23f);
  vf x = v_max (low, y), sum = v_add (x, magic), n = v_sub (sum, magic), r = v_sub (x, n), p = v_set1 (1.3276472e-3f);

  p = v_fma (p, r, v_set1 (9.6755419e-3f));
  p = v_fma (p, r, v_set1 (5.5507131e-2f));
  p = v_fma (p, r, v_set1 (2.4022120e-1f));
  p = v_fma (p, r, v_set1 (6.9314694e-1f));
  p = v_fma (p, r, v_set1 (1.0000001f));
  p = v_exponent (p, n, sum);
  return V_LDEXP_WIDE ? p : v_less (y, low, v_set1 (0.0f), p);
}

/* V_LDEXP_WIDE: v_ldexp () goes down to 0 and up to infinity by itself. */
INLINE vf
v_exp (vf x)
{
  const vf low = v_set1 (V_LDEXP_WIDE ? -110.0f : -87.33f), high = v_set1 (V_LDEXP_WIDE ? 110.0f : 88.37f);
  vf y = v_min (high, v_max (low, x));
  vf n = v_round (v_mul (y, v_set1 (1.44269504089f)));
  vf r = v_fma (n, v_set1 (-0.693359375f), y);
  vf p = v_set1 (1.0f / 720.0f);

  r = v_fma (n, v_set1 (2.12194440e-4f), r);
  p = v_fma (p, r, v_set1 (1.0f / 120.0f));
  p = v_fma (p, r, v_set1 (1.0f / 24.0f));
  p = v_fma (p, r, v_set1 (1.0f / 6.0f));
  p = v_fma (p, r, v_set1 (0.5f));
  p = v_fma (p, r, v_set1 (1.0f));
  p = v_fma (p, r, v_set1 (1.0f));
  p = v_ldexp (p, n);
  if (V_LDEXP_WIDE)
    return p;
  return v_less (high, x, v_set1 (INFINITY), v_less (x, low, v_set1 (0.0f), p));
}

/* x sigmoid (f x) */
INLINE vf
v_swish (vf x, float f)
{
  return v_div (x, v_add (v_set1 (1.0f), v_exp (v_mul (x, v_set1 (-f)))));
}

INLINE vf
v_tanh (vf x)
{
  vf e = v_exp (v_mul (v_abs (x), v_set1 (2.0f)));
  vf t = v_sub (v_set1 (1.0f), v_div (v_set1 (2.0f), v_add (e, v_set1 (1.0f))));
  return v_copysign (t, x);
}

/* erf (z) = z P (2 z^2 / 3.9^2 - 1) up to 3.9: centring the variable keeps float32 from cancelling. No division, and even and odd
 * powers are two chains. */
INLINE vf
v_erf (vf x)
{
  static const float c[] = { 0.362583997f, -0.181011192f, 0.134688108f, -0.109526325f, 0.0907279782f, -0.0738939005f, 0.0574893642f, -0.0422113986f,
                             0.0305375622f, -0.0213127097f, 0.0111880186f, -0.00426250995f, 0.00390719444f, -0.00376486137f, 0.00127093084f };
  vf z = v_min (v_set1 (3.9f), v_max (v_set1 (-3.9f), x));
  vf s = v_fma (v_mul (z, z), v_set1 (2.0f / (3.9f * 3.9f)), v_set1 (-1.0f)), s2 = v_mul (s, s);
  vf even = v_set1 (c[14]), odd = v_set1 (c[13]);

#pragma GCC unroll 8
  for (int i = 12; i >= 0; i -= 2)
    even = v_fma (even, s2, v_set1 (c[i]));
#pragma GCC unroll 8
  for (int i = 11; i >= 1; i -= 2)
    odd = v_fma (odd, s2, v_set1 (c[i]));
  return v_mul (v_fma (odd, s, even), z);
}

/* x (1 + erf (x / sqrt 2)) / 2; below -5.5 the result is 0 to 1e-7. */
INLINE vf
v_gelu (vf x)
{
  vf half = v_mul (x, v_set1 (0.5f));

  return v_less (x, v_set1 (-5.5f), v_set1 (0.0f), v_fma (half, v_erf (v_mul (x, v_set1 (0.70710678f))), half));
}

/* x tanh (log (1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2); from 20 on that is x. */
INLINE vf
v_mish (vf x)
{
  vf e = v_exp (v_min (v_set1 (20.0f), x)), n = v_mul (e, v_add (e, v_set1 (2.0f)));

  return v_mul (x, v_div (n, v_add (n, v_set1 (2.0f))));
}

INLINE vf
v_gelu_tanh (vf x)
{
  vf u = v_mul (v_fma (v_mul (x, x), v_set1 (0.044715f), v_set1 (1.0f)), x);
  return v_div (x, v_add (v_set1 (1.0f), v_exp (v_mul (u, v_set1 (-2.0f * 0.7978845608f)))));
}

#define ACTIVATE(name, expr)                                                                                                       \
  static void name (const float *from, gint64 n, float *y)                                                                         \
  {                                                                                                                                \
    gint64 i = 0;                                                                                                                  \
    for (; i + VW <= n; i += VW)                                                                                                   \
      {                                                                                                                            \
        vf x = v_load (from + i);                                                                                                  \
        v_store (y + i, expr);                                                                                                     \
      }                                                                                                                            \
    if (i < n)                                                                                                                     \
      {                                                                                                                            \
        vf x = v_load_n (from + i, n - i);                                                                                         \
        v_store_n (y + i, expr, n - i);                                                                                            \
      }                                                                                                                            \
  }

ACTIVATE (activate_none, x)
ACTIVATE (activate_relu, v_max (v_set1 (0.0f), x))
ACTIVATE (activate_gelu, v_gelu (x))
ACTIVATE (activate_gelu_tanh, v_gelu_tanh (x))
ACTIVATE (activate_gelu_quick, v_swish (x, 1.702f))
ACTIVATE (activate_silu, v_swish (x, 1.0f))
ACTIVATE (activate_tanh, v_tanh (x))
ACTIVATE (activate_sigmoid, v_div (v_set1 (1.0f), v_add (v_set1 (1.0f), v_exp (v_sub (v_set1 (0.0f), x)))))
ACTIVATE (activate_gelu_10, v_min (v_set1 (10.0f), v_gelu (x)))
ACTIVATE (activate_relu2, v_mul (v_max (v_set1 (0.0f), x), v_max (v_set1 (0.0f), x)))
ACTIVATE (activate_relu6, v_min (v_set1 (6.0f), v_max (v_set1 (0.0f), x)))
ACTIVATE (activate_leaky_relu, v_max (v_mul (x, v_set1 (0.01f)), x))
ACTIVATE (activate_elu, v_less (v_set1 (0.0f), x, x, v_sub (v_exp (v_min (v_set1 (0.0f), x)), v_set1 (1.0f))))
ACTIVATE (activate_hardswish, v_mul (x, v_mul (v_min (v_set1 (6.0f), v_max (v_set1 (0.0f), v_add (x, v_set1 (3.0f)))), v_set1 (1.0f / 6.0f))))
ACTIVATE (activate_hardsigmoid, v_mul (v_min (v_set1 (6.0f), v_max (v_set1 (0.0f), v_add (x, v_set1 (3.0f)))), v_set1 (1.0f / 6.0f)))
ACTIVATE (activate_mish, v_mish (x))
ACTIVATE (activate_laplace, v_fma (v_erf (v_mul (v_sub (x, v_set1 (0.707107f)), v_set1 (1.0f / (0.282095f * 1.41421356f)))), v_set1 (0.5f), v_set1 (0.5f)))

/* Seldom, so element by element. */
static void
activate_softplus (const float *x, gint64 n, float *y)
{
  for (gint64 i = 0; i < n; i++)
    y[i] = x[i] > 20.0f ? x[i] : log1pf (expf (x[i]));
}

static void
activate_sqrt_softplus (const float *x, gint64 n, float *y)
{
  activate_softplus (x, n, y);
  for (gint64 i = 0; i < n; i++)
    y[i] = sqrtf (y[i]);
}

static void
activate (GtfActivation act, const float *x, gint64 n, float *y)
{
  static void (*const funcs[]) (const float *, gint64, float *) = {
    activate_none, activate_relu, activate_gelu, activate_gelu_tanh, activate_gelu_quick, activate_silu, activate_tanh, activate_sigmoid, activate_gelu_10,
    activate_relu2, activate_relu6, activate_leaky_relu, activate_elu, activate_hardswish, activate_mish, activate_laplace, activate_softplus,
    activate_sqrt_softplus, activate_hardsigmoid
  };
  if (act != GTF_ACTIVATION_NONE || x != y)
    funcs[act] (x, n, y);
}
