/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the programs that time one thing share: its runs, as a JSON object that compare.py reads.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "gtf.h"
#include "tensor/tensor-private.h"

typedef void (*BenchFunc) (gpointer data);

static inline void
bench_die_if (GError *error)
{
  if (error)
    {
      g_printerr ("%s\n", error->message);
      exit (1);
    }
}

/* VmHWM of this process, in MB. */
static inline double
bench_peak_memory (void)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL) || (line = strstr (status, "VmHWM:")) == NULL)
    return 0;
  return g_ascii_strtod (line + 6, NULL) / 1024;
}

/* Prints the milliseconds of each run after the warm-up, and the peak of memory. */
static inline void
bench_run (BenchFunc func, gpointer data, int warm_ups, int runs)
{
  for (int i = 0; i < warm_ups; i++)
    func (data);
  g_print ("{\"ms\": [");
  for (int i = 0; i < runs; i++)
    {
      gint64 start = g_get_monotonic_time (), us;

      func (data);
      us = g_get_monotonic_time () - start;
      g_print ("%s%d.%03d", i ? ", " : "", (int) (us / 1000), (int) (us % 1000));
    }
  g_print ("], \"peak_mb\": %d}\n", (int) bench_peak_memory ());
}
