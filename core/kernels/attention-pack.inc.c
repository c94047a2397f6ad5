/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Keys and values of a head as attention.inc.c multiplies with them: as float32, or as pairs of bfloat16 for the instructions that multiply those.
 */

static gint64
round_up (gint64 n)
{
  return (n + GTF_PANEL - 1) / GTF_PANEL * GTF_PANEL;
}

#if VW == 16
#define NARROW(t) (t)->narrow
#else
#define NARROW(t) FALSE
#endif

/* Words of 32 bits in which n numbers fit: floats, or pairs of bfloat16, as many as a tile of AMX takes at once. */
static gint64
words_for (const GtfHeadTask *t, gint64 n)
{
#ifdef KERNELS_AMX
  if (t->narrow)
    return (n + 2 * AMX_STEP - 1) / (2 * AMX_STEP) * AMX_STEP;
#endif
  return NARROW (t) ? (n + 1) / 2 : n;
}

static gint64
pack_size (const GtfHeadTask *t)
{
  return round_up (t->keys) * words_for (t, t->d) + words_for (t, t->keys) * round_up (t->dv);
}

static void
pack_floats (const GtfHeadTask *t, float *packed)
{
  gint64 width = round_up (t->dv);
  float *values = packed + round_up (t->keys) * t->d;
  const float *k = t->k, *v = t->v;

  for (gint64 p = 0; p < t->keys; p += GTF_PANEL)
    {
      gint64 n = MIN (GTF_PANEL, t->keys - p);
      float *to = packed + p * t->d;
      for (gint64 l = 0; l < t->d; l++)
        for (gint64 j = 0; j < GTF_PANEL; j++)
          to[l * GTF_PANEL + j] = j < n ? k[(p + j) * t->ldk + l] : 0.0f;
    }
  for (gint64 i = 0; i < t->keys; i++)
    {
      memcpy (values + i * width, v + i * t->ldv, (gsize) t->dv * sizeof *values);
      memset (values + i * width + t->dv, 0, (gsize) (width - t->dv) * sizeof *values);
    }
}

#if VW == 16
/* Up to 16 rows of k as pairs along d, side by side. */
__attribute__ ((target ("avx512bf16"))) static void
pack_key_pairs (const float *k, gint64 ldk, gint64 n, gint64 d, gint64 words, guint32 *to)
{
  const gint64 pairs = (d + 1) / 2;
  const __m512i lanes = _mm512_set_epi32 (15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __mmask16 rows = (__mmask16) ((1u << n) - 1);
  guint32 block[GTF_PANEL][2 * GTF_PANEL];

  for (gint64 first = 0; first < pairs; first += 2 * GTF_PANEL)
    {
      const gint64 some = MIN (2 * GTF_PANEL, pairs - first);

      for (gint64 i = 0; i < n; i++)
        for (gint64 l = 0; l < some; l += GTF_PANEL)
          {
            const gint64 at = 2 * (first + l);
            const vf low = v_load_n (k + i * ldk + at, MIN (VW, d - at)), high = v_load_n (k + i * ldk + at + VW, CLAMP (d - at - VW, 0, VW));
            _mm512_storeu_si512 (block[i] + l, (__m512i) _mm512_cvtne2ps_pbh (high, low));
          }
      for (gint64 l = 0; l < some; l++)
        _mm512_storeu_si512 (to + (first + l) * GTF_PANEL,
                             _mm512_mask_i32gather_epi32 (_mm512_setzero_si512 (), rows, _mm512_slli_epi32 (lanes, 5), block[0] + l, 4));
    }
  memset (to + pairs * GTF_PANEL, 0, (gsize) ((words - pairs) * GTF_PANEL) * sizeof *to);
}

/* Two rows of values (b NULL: none) as pairs of one of each. */
__attribute__ ((target ("avx512bf16"))) static void
pack_value_pairs (const float *a, const float *b, gint64 dv, guint32 *to)
{
  for (gint64 i = 0; i < dv; i += VW)
    {
      const gint64 n = MIN (VW, dv - i);
      const vf x = v_load_n (a + i, n), y = b != NULL ? v_load_n (b + i, n) : v_set1 (0.0f);
      const __m512i low = _mm512_cvtepu16_epi32 ((__m256i) _mm512_cvtneps_pbh (x)), high = _mm512_cvtepu16_epi32 ((__m256i) _mm512_cvtneps_pbh (y));

      _mm512_storeu_si512 (to + i, _mm512_or_si512 (low, _mm512_slli_epi32 (high, 16)));
    }
}

/* Keys as pairs along d, values as pairs of keys; zeros up to whole words_for (). */
static void
pack_pairs (const GtfHeadTask *t, float *packed)
{
  const gint64 words = words_for (t, t->d), width = round_up (t->dv), pairs = (t->keys + 1) / 2;
  guint32 *keys = (guint32 *) packed, *values = keys + round_up (t->keys) * words;

  for (gint64 i = 0; i < t->keys; i += GTF_PANEL)
    pack_key_pairs ((const float *) t->k + i * t->ldk, t->ldk, MIN (GTF_PANEL, t->keys - i), t->d, words, keys + i * words);
  for (gint64 i = 0; i < pairs; i++)
    {
      const float *v = (const float *) t->v + 2 * i * t->ldv;
      pack_value_pairs (v, 2 * i + 1 < t->keys ? v + t->ldv : NULL, t->dv, values + i * width);
    }
  memset (values + pairs * width, 0, (gsize) ((words_for (t, t->keys) - pairs) * width) * sizeof *values);
}
#endif

static void
pack_head (const GtfHeadTask *t, float *packed)
{
#if VW == 16
  if (t->narrow)
    {
      pack_pairs (t, packed);
      return;
    }
#endif
  pack_floats (t, packed);
}
