/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kernels on rows of pictures against plain loops, to the bit: resizing across and down with either kind of weights, levels, video.
 */
#include "check.h"

#include <string.h>

#define STRIDE 96

static guint8 *
random_bytes (guint32 *seed, gsize n)
{
  guint8 *x = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    x[i] = (guint8) (check_random (seed) * 127 + 128);
  return x;
}

static guint8
rounded (gint64 sum, guint precision)
{
  return (guint8) CLAMP ((sum + ((gint64) 1 << precision >> 1)) >> precision, 0, 255);
}

static const struct
{
  gint64 n, taps;
  gint pixel;
  guint8 at[3];
  guint precision;
  gboolean wide;
} rows[] = { { 1, 2, 3, { 0, 1, 2 }, 14, FALSE },  { 9, 2, 4, { 2, 1, 0 }, 15, FALSE }, { 31, 4, 3, { 0, 1, 2 }, 15, FALSE }, { 64, 8, 4, { 0, 1, 2 }, 17, FALSE },
             { 17, 12, 3, { 2, 1, 0 }, 16, FALSE }, { 7, 2, 3, { 0, 1, 2 }, 22, FALSE }, { 33, 5, 3, { 0, 1, 2 }, 22, TRUE },  { 4, 1, 4, { 2, 1, 0 }, 22, TRUE } };

/* Weights of both signs whose sum may go out of a byte. */
static gint32
random_weight (guint32 *seed, guint precision, gint64 taps, gboolean wide)
{
  const double most = wide ? 1 << precision : MIN (1 << precision, 32767);

  return (gint32) (check_random (seed) * most / (double) MAX (taps / 2, 1));
}

static void
check_across (const GtfKernels *k)
{
  guint32 seed = 1;

  for (guint t = 0; t < G_N_ELEMENTS (rows); t++)
    {
      const gint64 n = rows[t].n, taps = rows[t].taps, whole = (n + 3) & ~3, pixels = 80;
      g_autofree guint8 *row = random_bytes (&seed, (gsize) (pixels * rows[t].pixel) + GTF_PIXEL_SLACK), *planes = g_malloc0 (3 * STRIDE);
      g_autofree gint32 *first = g_new0 (gint32, whole), *wide = g_new0 (gint32, whole * taps);
      g_autofree gint16 *narrow = g_new0 (gint16, whole * taps);
      GtfAcross task = { n, taps, first, rows[t].wide ? NULL : narrow, rows[t].wide ? wide : NULL, rows[t].precision, rows[t].pixel, { rows[t].at[0], rows[t].at[1], rows[t].at[2] }, STRIDE };

      for (gint64 x = 0; x < n; x++)
        first[x] = (gint32) ((x * 37) % (pixels - taps + 1));
      for (gint64 i = 0; i < n * taps; i++)
        {
          wide[i] = random_weight (&seed, rows[t].precision, taps, rows[t].wide);
          narrow[i] = (gint16) wide[i];
        }
      k->across (&task, row, planes);
      for (gint64 x = 0; x < n; x++)
        for (guint c = 0; c < 3; c++)
          {
            gint64 sum = 0;

            for (gint64 i = 0; i < taps; i++)
              sum += (gint64) row[(first[x] + i) * rows[t].pixel + rows[t].at[c]] * (rows[t].wide ? wide[x * taps + i] : narrow[x * taps + i]);
            g_assert_cmpint (planes[c * STRIDE + x], ==, rounded (sum, rows[t].precision));
          }
    }
}

static void
check_down (const GtfKernels *k)
{
  guint32 seed = 2;

  for (guint t = 0; t < G_N_ELEMENTS (rows); t++)
    for (gint64 taps = 1; taps < 6; taps++)
      {
        const gint64 n = GTF_PIXEL_RUN * (1 + t % 3);
        g_autofree guint8 *bytes = random_bytes (&seed, (gsize) (n * taps)), *out = g_malloc (n);
        const guint8 *list[6];
        gint32 wide[6];
        gint16 narrow[6];
        GtfDown task = { n, taps, rows[t].wide ? NULL : narrow, rows[t].wide ? wide : NULL, rows[t].precision };

        for (gint64 i = 0; i < taps; i++)
          {
            list[i] = bytes + i * n;
            wide[i] = random_weight (&seed, rows[t].precision, taps, rows[t].wide);
            narrow[i] = (gint16) wide[i];
          }
        k->down (&task, list, out);
        for (gint64 x = 0; x < n; x++)
          {
            gint64 sum = 0;

            for (gint64 i = 0; i < taps; i++)
              sum += (gint64) list[i][x] * (rows[t].wide ? wide[i] : narrow[i]);
            g_assert_cmpint (out[x], ==, rounded (sum, rows[t].precision));
          }
      }
}

static void
check_levels (const GtfKernels *k)
{
  static const GtfLevels levels[] = { { 1, 0, 123.675f, 58.395f, 1 }, { 1 / 255.0f, 0, 0, 1, 1 }, { 2 / 255.0f, 1, 0, 1, 1 }, { 1 / 255.0f, 0, 0.5f, 0.5f, 0.229f } };
  guint32 seed = 3;
  g_autofree guint8 *x = random_bytes (&seed, 100);

  for (guint t = 0; t < G_N_ELEMENTS (levels); t++)
    for (gint64 n = 1; n <= 67; n += 11)
      {
        float y[101];

        y[n] = 7;
        k->levels (&levels[t], x, n, y);
        for (gint64 i = 0; i < n; i++)
          {
            float value = (float) x[i] * levels[t].scale;

            value -= levels[t].offset;
            value -= levels[t].mean;
            value /= levels[t].std;
            value /= levels[t].top;
            g_assert_cmpfloat (y[i], ==, value);
          }
        g_assert_cmpfloat (y[n], ==, 7);
      }
}

/* What the factors mean: the byte twice as a number with a sign, times 1/256 of them. */
static gint
term (guint8 x, gint factor)
{
  const gint centred = x - 128;

  return ((centred * 256 + (centred & 255)) * factor) >> 16;
}

/* Of the @row of chroma that is the nearest (0) or the one beyond it. */
static guint
chroma_across (const GtfYuvRow *t, guint which, guint row, gint64 x)
{
  const guint8 *chroma = t->chroma[which][row];
  const gint64 i = x / 2, last = (t->n - 1) / 2, beside = t->siting == GTF_CHROMA_BETWEEN && x % 2 == 0 ? i - 1 : i + 1;
  const guint own = chroma[i * t->chroma_pixel];
  guint other;

  if (t->siting == GTF_CHROMA_REPEATED || (t->siting == GTF_CHROMA_LEFT && x % 2 == 0) || beside < 0 || beside > last)
    return own;
  other = chroma[beside * t->chroma_pixel];
  return t->siting == GTF_CHROMA_LEFT ? (own + other + 1) >> 1 : (3 * own + other + 2) >> 2;
}

static guint8
chroma_of (const GtfYuvRow *t, guint which, gint64 x)
{
  return (guint8) ((3 * chroma_across (t, which, 0, x) + chroma_across (t, which, 1, x) + 2) >> 2);
}

static void
check_yuv (const GtfKernels *k)
{
  static const gint16 factors[5] = { 298, 409, 517, -100, -208 };
  guint32 seed = 4;
  g_autofree guint8 *bytes = random_bytes (&seed, 4 * 400), *scratch = g_malloc (9 * 120), *rgbx = g_malloc (4 * 120);

  for (gint64 n = 1; n <= 101; n += 10)
    for (guint siting = GTF_CHROMA_REPEATED; siting <= GTF_CHROMA_BETWEEN; siting++)
      for (gint64 pixel = 1; pixel <= 4; pixel++)
        {
          GtfYuvRow t = { n, bytes, { { bytes + 400, bytes + 800 }, { bytes + 500, bytes + 900 } }, 1 + pixel % 2, pixel, TRUE, siting, { 0 }, scratch, 120 };

          memcpy (t.factors, factors, sizeof factors);
          k->yuv_row (&t, rgbx);
          for (gint64 x = 0; x < n; x++)
            {
              const gint y = term (bytes[x * t.luma_pixel], 298);
              const guint8 u = chroma_of (&t, 0, x), v = chroma_of (&t, 1, x);

              g_assert_cmpint (rgbx[4 * x], ==, CLAMP (y + term (v, 409), -128, 127) + 128);
              g_assert_cmpint (rgbx[4 * x + 1], ==, CLAMP (y + term (u, -100) + term (v, -208), -128, 127) + 128);
              g_assert_cmpint (rgbx[4 * x + 2], ==, CLAMP (y + term (u, 517), -128, 127) + 128);
            }
        }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  check_add ("across", check_across);
  check_add ("down", check_down);
  check_add ("levels", check_levels);
  check_add ("yuv-row", check_yuv);
  return g_test_run ();
}
