/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image.h"

typedef struct
{
  gint n_in, n_out;             /* pixels of the whole row, before and after */
  gint begin, n;                /* of those after: which are wanted */
  GtfResample resample;
  GtfResizeStyle style;
} GtfWindowsKey;

typedef struct
{
  GtfWindowsKey key;
  gint32 *first, *count;        /* [n]: the first input, how many */
  gint16 *narrow;               /* [n][taps]; of the two, one is NULL */
  gint32 *wide;
  gint taps;
  guint precision;              /* bits behind the point */
} GtfWindows;

/* Does nothing where @self has what is asked for. Zero it first. */
gboolean gtf_windows_find  (GtfWindows *self, const GtfWindowsKey *key, GError **error);
void     gtf_windows_clear (GtfWindows *self);
