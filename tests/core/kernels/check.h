/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the kernel tests share: random numbers with a fixed seed, and a run of each test for each instruction set that this
 * machine has.
 */
#pragma once

#include <math.h>

#include "kernels/kernels.h"
#include "tensor/weights-private.h"

static inline float
check_random (guint32 *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return (float) (*seed >> 8) / 8388608.0f - 1.0f;
}

static inline float *
check_randoms (guint32 *seed, gsize n)
{
  float *x = g_new (float, MAX (n, 1));

  for (gsize i = 0; i < n; i++)
    x[i] = check_random (seed);
  return x;
}

static inline void
check_close (double got, double expected, double tolerance, const char *what, gint64 i)
{
  if (isnan (expected) ? isnan (got) : got == expected || fabs (got - expected) <= tolerance)
    return;
  g_error ("%s: element %" G_GINT64_FORMAT " is %.9g, expected %.9g (tolerance %g)", what, i, got, expected, tolerance);
}

typedef void (*CheckFunc) (const GtfKernels *k);

typedef struct
{
  const GtfKernels *kernels;
  CheckFunc func;
} CheckRun;

static inline void
check_run (gconstpointer data)
{
  const CheckRun *run = data;

  run->func (run->kernels);
}

static inline void
check_skip (void)
{
  g_test_skip ("this machine does not have the instructions");
}

static inline void
check_add (const char *name, CheckFunc func)
{
  static const char *const isas[] = { "generic", "avx2", "avx512", "amx" };

  for (guint i = 0; i < G_N_ELEMENTS (isas); i++)
    {
      const GtfKernels *k = gtf_kernels_for (isas[i]);
      g_autofree char *path = g_strdup_printf ("/kernels/%s/%s", isas[i], name);
      CheckRun *run;
      if (k == NULL)
        {
          g_test_add_func (path, check_skip);
          continue;
        }
      run = g_new (CheckRun, 1);
      *run = (CheckRun){ k, func };
      g_test_add_data_func_full (path, run, check_run, g_free);
    }
}
