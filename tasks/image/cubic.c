/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A plane of another size by cubics over four neighbours each way, as torch.nn.functional.interpolate () does it with mode="bicubic" and
 * align_corners=False: positions and weights in float32, a = -0.75, lines beyond the edge are those at the edge.
 */
#include "image/depth-private.h"

#include <math.h>

#define TAPS 4

typedef struct
{
  gsize from[TAPS];
  float weights[TAPS];
} Line;

static float
cubic (float x)
{
  const float a = -0.75f;

  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* What each of @to new lines is made of. */
static Line *
make_lines (gsize from, gsize to)
{
  const float scale = (float) from / (float) to;
  Line *lines = g_try_new (Line, to);

  for (gsize i = 0; lines && i < to; i++)
    {
      const float at = scale * ((float) i + 0.5f) - 0.5f, below = floorf (at), rest = at - below;

      for (gint k = 0; k < TAPS; k++)
        {
          lines[i].from[k] = (gsize) CLAMP ((gint64) below - 1 + k, 0, (gint64) from - 1);
          lines[i].weights[k] = cubic (fabsf (rest + 1 - (float) k));
        }
    }
  return lines;
}

/* Rows first, then columns. */
static void
resize (const float *x, gsize old_width, const Line *down, const Line *across, float *row, float *y, gsize height, gsize width)
{
  for (gsize i = 0; i < height; i++)
    {
      const Line *l = &down[i];

      for (gsize j = 0; j < old_width; j++)
        {
          row[j] = 0;
          for (gint k = 0; k < TAPS; k++)
            row[j] += l->weights[k] * x[l->from[k] * old_width + j];
        }
      for (gsize j = 0; j < width; j++, y++)
        {
          *y = 0;
          for (gint k = 0; k < TAPS; k++)
            *y += across[j].weights[k] * row[across[j].from[k]];
        }
    }
}

float *
cubic_resize (const float *x, gsize old_height, gsize old_width, gsize height, gsize width, GError **error)
{
  g_autofree Line *down = make_lines (old_height, height), *across = make_lines (old_width, width);
  g_autofree float *row = g_try_new (float, old_width), *y = g_try_malloc_n (height, width * sizeof (float));

  if (down && across && row && y)
    {
      resize (x, old_width, down, across, row, y, height, width);
      return g_steal_pointer (&y);
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a depth of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " pixels", width, height);
  return NULL;
}
