/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of pictures, for kernels.inc.c: video to RGB, resizing across and down, bytes to floats. All integer work is exact, so every
 * instruction set gives the same bytes. Resizing keeps the three colours of a row in planes of their own, `stride` bytes apart
 * (a multiple of GTF_PIXEL_RUN), so that what comes after need not take pixels apart.
 */

/* ---- across ---- */

static inline guint8
to_byte (gint32 sum, guint precision)
{
  sum >>= precision;
  return (guint8) (sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void
across_plain (const GtfAcross *t, const guint8 *row, guint8 *planes)
{
  const gint32 half = (gint32) ((guint32) 1 << t->precision >> 1);

  for (gint64 x = 0; x < t->n; x++)
    {
      const guint8 *from = row + (gint64) t->first[x] * t->pixel;
      gint32 sums[3] = { half, half, half };

      for (gint64 i = 0; i < t->taps; i++, from += t->pixel)
        {
          const gint32 weight = t->wide ? t->wide[x * t->taps + i] : t->narrow[x * t->taps + i];

          if (weight == 0)              /* behind the row's end there are only weights of 0 */
            continue;
          for (gint c = 0; c < 3; c++)
            sums[c] += from[t->at[c]] * weight;
        }
      for (gint c = 0; c < 3; c++)
        planes[c * t->stride + x] = to_byte (sums[c], t->precision);
    }
}

#ifdef __AVX2__
/* Of four pixels: r0 r1 g0 g1 b0 b1 as 16 bits in the lower half, r2 r3 ... in the upper one. @taps is 2: pixels 0 and 1 in both halves. */
static __m256i
pair_mask (const GtfAcross *t)
{
  gint8 mask[32];

  memset (mask, -1, sizeof mask);
  for (gint half = 0; half < 2; half++)
    for (gint c = 0; c < 3; c++)
      for (gint i = 0; i < 2; i++)
        mask[half * 16 + c * 4 + i * 2] = (gint8) (((t->taps == 2 ? 0 : half * 2) + i) * t->pixel + t->at[c]);
  return _mm256_loadu_si256 ((const __m256i *) mask);
}

/* A pair of weights for each half: the first dword of 8 bytes, and the second one. */
INLINE __m256i
weight_pairs (const gint16 *weights)
{
  const __m256i halves = _mm256_setr_epi32 (0x03020100, 0x03020100, 0x03020100, 0x03020100, 0x07060504, 0x07060504, 0x07060504, 0x07060504);
  gint64 four;

  memcpy (&four, weights, sizeof four);
  return _mm256_shuffle_epi8 (_mm256_set1_epi64x (four), halves);
}

/* r, g and b of one place. Numbers of the task come by value: bytes that are stored might be its own, for all the compiler knows. */
INLINE __m128i
place (const guint8 *from, gint64 pixel, const gint16 *weights, gint64 taps, __m256i mask, __m128i half)
{
  __m256i sum = _mm256_setzero_si256 ();

  for (gint64 i = 0; i < taps; i += 4, from += 4 * pixel)
    {
      const __m256i pixels = _mm256_shuffle_epi8 (_mm256_broadcastsi128_si256 (_mm_loadu_si128 ((const __m128i *) from)), mask);
      sum = _mm256_add_epi32 (sum, _mm256_madd_epi16 (pixels, weight_pairs (weights + i)));
    }
  return _mm_add_epi32 (_mm_add_epi32 (_mm256_castsi256_si128 (sum), _mm256_extracti128_si256 (sum, 1)), half);
}

/* The same of two places of two weights each, one a half. */
INLINE __m256i
two_places (const guint8 *first, const guint8 *second, const gint16 *weights, __m256i mask, __m256i half)
{
  const __m128i a = _mm_loadu_si128 ((const __m128i *) first), b = _mm_loadu_si128 ((const __m128i *) second);
  const __m256i pixels = _mm256_shuffle_epi8 (_mm256_inserti128_si256 (_mm256_castsi128_si256 (a), b, 1), mask);

  return _mm256_add_epi32 (_mm256_madd_epi16 (pixels, weight_pairs (weights)), half);
}

/* 16-bit numbers of four places -> four bytes of each plane */
INLINE void
store_places (__m128i low, __m128i high, guint8 *planes, gint64 stride)
{
  const __m128i apart = _mm_setr_epi8 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m128i bytes = _mm_shuffle_epi8 (_mm_packus_epi16 (low, high), apart);
  const gint32 r = _mm_cvtsi128_si32 (bytes), g = _mm_extract_epi32 (bytes, 1), b = _mm_extract_epi32 (bytes, 2);

  memcpy (planes, &r, sizeof r);
  memcpy (planes + stride, &g, sizeof g);
  memcpy (planes + 2 * stride, &b, sizeof b);
}

/* @pixel and @taps are numbers of the compiler's where they are few. */
INLINE void
across_narrow (const GtfAcross *t, gint64 pixel, gint64 taps, const guint8 *row, guint8 *planes)
{
  const __m256i half = _mm256_set1_epi32 ((gint32) ((guint32) 1 << t->precision >> 1)), mask = pair_mask (t);
  const __m128i shift = _mm_cvtsi32_si128 ((gint) t->precision);
  const gint64 n = t->n, stride = t->stride;
  const gint32 *first = t->first;
  const gint16 *weights = t->narrow;

  for (gint64 x = 0; x < n; x += 4, weights += 4 * taps)
    if (taps == 2)
      {
        const __m256i a = two_places (row + first[x] * pixel, row + first[x + 1] * pixel, weights, mask, half);
        const __m256i b = two_places (row + first[x + 2] * pixel, row + first[x + 3] * pixel, weights + 4, mask, half);
        const __m256i both = _mm256_permute4x64_epi64 (_mm256_packs_epi32 (_mm256_sra_epi32 (a, shift), _mm256_sra_epi32 (b, shift)), 0xd8);

        store_places (_mm256_castsi256_si128 (both), _mm256_extracti128_si256 (both, 1), planes + x, stride);
      }
    else
      {
        __m128i sums[4];

#pragma GCC unroll 4
        for (gint i = 0; i < 4; i++)
          sums[i] = _mm_sra_epi32 (place (row + first[x + i] * pixel, pixel, weights + i * taps, taps, mask, _mm256_castsi256_si128 (half)), shift);
        store_places (_mm_packs_epi32 (sums[0], sums[1]), _mm_packs_epi32 (sums[2], sums[3]), planes + x, stride);
      }
}

static void
across (const GtfAcross *t, const guint8 *row, guint8 *planes)
{
  if (t->wide)
    across_plain (t, row, planes);
  else if (t->taps == 2)
    across_narrow (t, t->pixel, 2, row, planes);
  else if (t->taps == 4)
    across_narrow (t, t->pixel, 4, row, planes);
  else if (t->taps == 8)
    across_narrow (t, t->pixel, 8, row, planes);
  else
    across_narrow (t, t->pixel, t->taps, row, planes);
}
#else
static void
across (const GtfAcross *t, const guint8 *row, guint8 *planes)
{
  across_plain (t, row, planes);
}
#endif

/* ---- down ---- */

static void
down_plain (const GtfDown *t, const guint8 *const *rows, guint8 *out)
{
  const gint32 half = (gint32) ((guint32) 1 << t->precision >> 1);
  gint32 sums[GTF_PIXEL_RUN];

  for (gint64 x = 0; x < t->n; x += GTF_PIXEL_RUN)
    {
      for (gint i = 0; i < GTF_PIXEL_RUN; i++)
        sums[i] = half;
      for (gint64 r = 0; r < t->taps; r++)
        {
          const gint32 weight = t->wide ? t->wide[r] : t->narrow[r];

          for (gint i = 0; i < GTF_PIXEL_RUN; i++)
            sums[i] += rows[r][x + i] * weight;
        }
      for (gint i = 0; i < GTF_PIXEL_RUN; i++)
        out[x + i] = to_byte (sums[i], t->precision);
    }
}

#ifdef __AVX2__
/* Adds a pair of rows. The order of unpacking within halves is that of packing, so bytes come out where they stood. */
INLINE void
add_pair (__m256i sums[4], const guint8 *upper, const guint8 *lower, __m256i weights)
{
  const __m256i a = _mm256_loadu_si256 ((const __m256i *) upper), b = _mm256_loadu_si256 ((const __m256i *) lower), zero = _mm256_setzero_si256 ();
  const __m256i low = _mm256_unpacklo_epi8 (a, b), high = _mm256_unpackhi_epi8 (a, b);

  sums[0] = _mm256_add_epi32 (sums[0], _mm256_madd_epi16 (_mm256_unpacklo_epi8 (low, zero), weights));
  sums[1] = _mm256_add_epi32 (sums[1], _mm256_madd_epi16 (_mm256_unpackhi_epi8 (low, zero), weights));
  sums[2] = _mm256_add_epi32 (sums[2], _mm256_madd_epi16 (_mm256_unpacklo_epi8 (high, zero), weights));
  sums[3] = _mm256_add_epi32 (sums[3], _mm256_madd_epi16 (_mm256_unpackhi_epi8 (high, zero), weights));
}

/* Weights of rows r and r + 1; behind the last one there is none. */
INLINE __m256i
row_weights (const GtfDown *t, gint64 r)
{
  return _mm256_set1_epi32 ((gint32) ((guint16) t->narrow[r] | (r + 1 < t->taps ? (guint32) (guint16) t->narrow[r + 1] << 16 : 0)));
}

static void
down (const GtfDown *t, const guint8 *const *rows, guint8 *out)
{
  const __m256i half = _mm256_set1_epi32 ((gint32) ((guint32) 1 << t->precision >> 1));
  const __m128i shift = _mm_cvtsi32_si128 ((gint) t->precision);
  const gint64 n = t->n, taps = t->taps;
  const guint8 *const first = rows[0], *const second = rows[taps > 1];
  __m256i weights;

  if (t->wide)
    {
      down_plain (t, rows, out);
      return;
    }
  weights = row_weights (t, 0);
  for (gint64 x = 0; x < n; x += 32)
    {
      __m256i sums[4] = { half, half, half, half };

      add_pair (sums, first + x, second + x, weights);
      for (gint64 r = 2; r < taps; r += 2)
        add_pair (sums, rows[r] + x, rows[r + (r + 1 < taps)] + x, row_weights (t, r));
#pragma GCC unroll 4
      for (gint i = 0; i < 4; i++)
        sums[i] = _mm256_sra_epi32 (sums[i], shift);
      _mm256_storeu_si256 ((__m256i *) (out + x), _mm256_packus_epi16 (_mm256_packs_epi32 (sums[0], sums[1]), _mm256_packs_epi32 (sums[2], sums[3])));
    }
}
#else
static void
down (const GtfDown *t, const guint8 *const *rows, guint8 *out)
{
  down_plain (t, rows, out);
}
#endif

/* ---- bytes to floats ---- */

/* The order of the reference, in single precision. What a processor does not do is a factor of 1 or a difference of 0, which changes nothing. */
static void
levels (const GtfLevels *t, const guint8 *x, gint64 n, float *y)
{
  const float scale = t->scale, offset = t->offset, mean = t->mean, std = t->std;

  for (gint64 i = 0; i < n; i++)
    y[i] = ((float) x[i] * scale - offset - mean) / std;
  if (t->top != 1)
    for (gint64 i = 0; i < n; i++)
      y[i] /= t->top;
}

/* ---- video ---- */

/* n samples that stand `pixel` bytes apart; those that stand together already are not copied */
static const guint8 *
together (const guint8 *from, gint64 pixel, gint64 n, guint8 *to)
{
  if (pixel == 1)
    return from;
  if (pixel == 2)
    for (gint64 i = 0; i < n; i++)
      to[i] = from[2 * i];
  else if (pixel == 4)
    for (gint64 i = 0; i < n; i++)
      to[i] = from[4 * i];
  else
    for (gint64 i = 0; i < n; i++)
      to[i] = from[pixel * i];
  return to;
}

static guint8
three_to_one (guint near, guint far)
{
  return (guint8) ((3 * near + far + 2) >> 2);
}

/* One sample for two pixels, for all pixels of the row: repeated, standing above the left one, or between both. The first and, where it has a neighbour of its
 * own, the last pixel keep theirs. */
static const guint8 *
spread (const GtfYuvRow *t, const guint8 *chroma, gint64 n, guint8 *to)
{
  if (!t->halved)
    return chroma;
  for (gint64 i = 0; i < n; i++)
    to[2 * i] = to[2 * i + 1] = chroma[i];
  if (t->siting == GTF_CHROMA_LEFT)
    for (gint64 i = 0; i + 1 < n; i++)
      to[2 * i + 1] = (guint8) ((chroma[i] + chroma[i + 1] + 1) >> 1);
  else if (t->siting == GTF_CHROMA_BETWEEN)
    for (gint64 i = 0; i + 1 < n; i++)
      {
        to[2 * i + 1] = three_to_one (chroma[i], chroma[i + 1]);
        to[2 * i + 2] = three_to_one (chroma[i + 1], chroma[i]);
      }
  return to;
}

/* Chroma of component @which for all pixels of the row: across first, then between the lines. */
static const guint8 *
chroma_row (const GtfYuvRow *t, gint which, guint8 *scratch)
{
  const gint64 n = t->halved ? (t->n + 1) / 2 : t->n;
  const guint8 *near = spread (t, together (t->chroma[which][0], t->chroma_pixel, n, scratch), n, scratch + t->room), *far;

  if (t->chroma[which][1] == t->chroma[which][0])
    return near;
  far = spread (t, together (t->chroma[which][1], t->chroma_pixel, n, scratch + 2 * t->room), n, scratch + 3 * t->room);
  for (gint64 i = 0; i < t->n; i++)
    scratch[i] = three_to_one (near[i], far[i]);
  return scratch;
}

/* The byte twice, as a signed number: what GStreamer's converter multiplies by factors of 1/256. */
static gint16
doubled (guint8 x)
{
  return (gint16) (guint16) ((guint8) (x ^ 0x80) * 257U);
}

static gint16
product (gint16 a, gint16 b)
{
  return (gint16) (((gint32) a * b) >> 16);
}

static guint8
centred (gint16 x)
{
  return (guint8) ((x < -128 ? -128 : x > 127 ? 127 : x) + 128);
}

static void
colours (const gint16 *factors, const guint8 *restrict ys, const guint8 *restrict us, const guint8 *restrict vs, gint64 n, guint8 *restrict rgbx)
{
  for (gint64 i = 0; i < n; i++)
    {
      const gint16 y = product (doubled (ys[i]), factors[0]), u = doubled (us[i]), v = doubled (vs[i]);

      rgbx[4 * i] = centred ((gint16) (y + product (v, factors[1])));
      rgbx[4 * i + 1] = centred ((gint16) (y + product (u, factors[3]) + product (v, factors[4])));
      rgbx[4 * i + 2] = centred ((gint16) (y + product (u, factors[2])));
      rgbx[4 * i + 3] = 0;
    }
}

static void
yuv_row (const GtfYuvRow *t, guint8 *rgbx)
{
  const guint8 *y = together (t->luma, t->luma_pixel, t->n, t->scratch), *u = t->scratch + t->room, *v = u;

  if (t->chroma[0][0])
    {
      u = chroma_row (t, 0, t->scratch + t->room);
      v = chroma_row (t, 1, t->scratch + 5 * t->room);
    }
  else
    memset (t->scratch + t->room, 128, (gsize) t->n);
  colours (t->factors, y, u, v, t->n, rgbx);
}
