/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The transform of sixteen frames against a sum in double precision, over sizes with every kind of factor, for every instruction set
 * that this processor has.
 */
#include "audio.h"

#include <math.h>
#include <stdlib.h>

static const guint sizes[] = { 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 22, 25, 26, 34, 49, 60, 77, 97, 98, 121, 128, 194, 200, 202, 243, 254, 256, 400, 401, 480, 500, 512 };

static GtfLanes *
new_rows (gsize n)
{
  GtfLanes *rows = NULL;

  g_assert_cmpint (posix_memalign ((void **) &rows, sizeof *rows, n * sizeof *rows), ==, 0);
  for (gsize i = 0; i < n; i++)
    rows[i] = (GtfLanes) { 0 };
  return rows;
}

static double
power_of (const float *x, guint n, guint k)
{
  double re = 0, im = 0;

  for (guint i = 0; i < n; i++)
    {
      double angle = 2 * G_PI * (double) ((guint64) i * k % n) / n;

      re += x[i] * cos (angle);
      im -= x[i] * sin (angle);
    }
  return re * re + im * im;
}

static void
check_size (const GtfSpectrum *spectrum, guint n, GRand *rand)
{
  GtfFft *fft = gtf_fft_new (n);
  gsize hop = n / 3 + 1, length = hop * (GTF_LANES - 1) + n;
  g_autofree float *samples = g_new (float, length);
  g_autofree float *window = g_new (float, n);
  GtfLanes *z = new_rows (2 * (gsize) n), *power = new_rows (n / 2 + 1), *work = new_rows (2 * (gsize) n);
  g_autofree float *frame = g_new (float, n);

  for (gsize i = 0; i < length; i++)
    samples[i] = (float) g_rand_double_range (rand, -1, 1);
  for (guint i = 0; i < n; i++)
    window[i] = (float) g_rand_double_range (rand, 0, 1);
  spectrum->load (fft, samples, hop, window, z);
  spectrum->power (fft, z, power, work);
  for (guint lane = 0; lane < GTF_LANES; lane += 5)
    {
      for (guint i = 0; i < n; i++)
        frame[i] = samples[lane * hop + i] * window[i];
      for (guint k = 0; k <= n / 2; k++)
        g_assert_cmpfloat_with_epsilon (power[k][lane], power_of (frame, n, k), 2e-6 * n);
    }
  free (z);
  free (power);
  free (work);
  gtf_fft_free (fft);
}

static void
test_sizes (gconstpointer data)
{
  const char *isa = data;
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  g_setenv ("GTF_ISA", isa, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    check_size (gtf_spectrum_get (), sizes[i], rand);
}

int
main (int argc, char **argv)
{
  static const char *const isas[] = { "generic", "avx2", "avx512" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (isas); i++)
    {
      g_autofree char *path = g_strdup_printf ("/preprocessors/fft/%s", isas[i]);

      g_test_add_data_func (path, isas[i], test_sizes);
    }
  return g_test_run ();
}
