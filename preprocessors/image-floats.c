/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures that are resized in floats, without smoothing. ZoeDepth's have what lies behind their edges mirrored around them, and their corners stay where they are;
 * RF-DETR's are resized as they are.
 */
#include "image.h"

#include <math.h>

#define TAPS 4

/* What one new row or column is made of. */
typedef struct
{
  gint from[TAPS];              /* of the picture without what is around it */
  float weights[TAPS];
} Line;

static float
cubic (float x)
{
  const float a = -0.75f;

  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* How much of a neighbour so far away counts. */
static float
weight_of (float away, GtfResample resample)
{
  return resample == GTF_RESAMPLE_BICUBIC ? cubic (away) : MAX (1 - away, 0);
}

/* Where the middle of row i of @n_out lies among @n; of the nearest row, that. */
static float
place_of (gint i, gint n, gint n_out, GtfResample resample, gboolean corners)
{
  if (corners)
    return n_out > 1 ? (float) (n - 1) / (float) (n_out - 1) * (float) i : 0;
  if (resample == GTF_RESAMPLE_NEAREST)
    return floorf (((float) i + 0.5f) * ((float) n / (float) n_out));
  return ((float) i + 0.5f) * ((float) n / (float) n_out) - 0.5f;
}

/* @n_in rows with @padding more at each end become @n_out. */
static Line *
make_lines (gint n_in, gint padding, gint n_out, GtfResample resample, gboolean corners, GError **error)
{
  const gint n = n_in + 2 * padding;
  Line *lines = g_try_new (Line, n_out);

  if (!lines)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to resize to %d rows or columns", n_out);
  for (gint i = 0; lines && i < n_out; i++)
    {
      const float at = place_of (i, n, n_out, resample, corners), rest = at - floorf (at);

      for (gint k = 0; k < TAPS; k++)
        {
          lines[i].from[k] = gtf_image_reflect (CLAMP ((gint) floorf (at) - 1 + k, 0, n - 1) - padding, n_in);
          lines[i].weights[k] = weight_of (fabsf (rest + 1 - (float) k), resample);
        }
    }
  return lines;
}

static GtfExtent
padding_of (const GtfImageConfig *config, GtfExtent from)
{
  return config->do_pad ? (GtfExtent) { (gint) (sqrt (from.width / 2.0) * 3), (gint) (sqrt (from.height / 2.0) * 3) } : (GtfExtent) { 0, 0 };
}

static gboolean
find_reflected (const GtfImageConfig *config, const GtfImage *image, GtfExtent *to, GError **error)
{
  const GtfExtent own = { image->width, image->height }, padding = padding_of (config, own), from = { own.width + 2 * padding.width, own.height + 2 * padding.height };

  if (padding.width >= own.width || padding.height >= own.height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a picture of %d x %d is too small to be mirrored %d and %d pixels beyond its edges: expected 5 x 5 or more", own.width,
                   own.height, padding.width, padding.height);
      return FALSE;
    }
  if (config->do_resize && config->resample != GTF_RESAMPLE_BILINEAR && config->resample != GTF_RESAMPLE_BICUBIC)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"resample\": this image processor takes 2 (bilinear) or 3 (bicubic), found %d", (gint) config->resample);
      return FALSE;
    }
  return config->do_resize ? gtf_image_size_dpt (config, from, to, error) : gtf_image_size_check (from.width, from.height, to, error);
}

static gboolean
find_plain (const GtfImageConfig *config, const GtfImage *image, GtfExtent *to, GError **error)
{
  *to = (GtfExtent) { image->width, image->height };
  if (!config->do_resize)
    return TRUE;
  if (config->resample == GTF_RESAMPLE_BILINEAR || config->resample == GTF_RESAMPLE_BICUBIC || config->resample == GTF_RESAMPLE_NEAREST)
    return gtf_image_size_plain (config, *to, to, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "\"resample\": this image processor takes 0 (nearest), 2 (bilinear) or 3 (bicubic), found %d", (gint) config->resample);
  return FALSE;
}

/* One plane, by rows of the picture resized across. */
static void
fill_plane (const guint8 *pixels, gint width, GtfExtent to, const Line *across, const Line *down, float factor, float mean, float std, float *plane)
{
  for (gint y = 0; y < to.height; y++)
    for (gint x = 0; x < to.width; x++)
      {
        float sum = 0;

        for (gint k = 0; k < TAPS; k++)
          {
            const guint8 *row = pixels + (gsize) down[y].from[k] * (gsize) width * 3;
            float part = 0;

            if (down[y].weights[k] == 0)
              continue;
            for (gint j = 0; j < TAPS; j++)
              part += across[x].weights[j] * ((float) row[across[x].from[j] * 3] * factor);
            sum += down[y].weights[k] * part;
          }
        *plane++ = (sum - mean) / std;
      }
}

static gboolean
fill_planes (const GtfImageConfig *config, const GtfImage *image, GtfExtent padding, gboolean corners, GtfExtent to, float *planes, GError **error)
{
  const GtfResample resample = (GtfResample) config->resample;
  const gboolean normalizes = config->do_normalize;
  const float factor = config->do_rescale ? (float) config->rescale_factor : 1;
  g_autofree Line *across = make_lines (image->width, padding.width, to.width, resample, corners, error);
  g_autofree Line *down = across ? make_lines (image->height, padding.height, to.height, resample, corners, error) : NULL;

  for (guint c = 0; down && c < 3; c++)
    fill_plane (image->pixels + c, image->width, to, across, down, factor, normalizes ? (float) config->mean[c] : 0, normalizes ? (float) config->std[c] : 1,
                planes + c * (gsize) to.width * (gsize) to.height);
  return down != NULL;
}

static gboolean
fill_reflected (const GtfImageConfig *config, const GtfImage *image, GtfExtent to, float *planes, GError **error)
{
  return fill_planes (config, image, padding_of (config, (GtfExtent) { image->width, image->height }), TRUE, to, planes, error);
}

static gboolean
fill_plain (const GtfImageConfig *config, const GtfImage *image, GtfExtent to, float *planes, GError **error)
{
  return fill_planes (config, image, (GtfExtent) { 0, 0 }, FALSE, to, planes, error);
}

const GtfImageFloats gtf_image_reflected = { find_reflected, fill_reflected, padding_of };
const GtfImageFloats gtf_image_unsmoothed = { find_plain, fill_plain, NULL };
