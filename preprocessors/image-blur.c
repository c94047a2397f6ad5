/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OWLv2's own way: a picture in floats, padded to a square, blurred as much as it will shrink, resized between neighbours.
 */
#include "image.h"

#include <math.h>

typedef struct
{
  gint width, height;
  float *pixels;      /* one plane */
} Plane;

static void
plane_clear (Plane *self)
{
  g_free (self->pixels);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plane, plane_clear)

static gboolean
plane_init (Plane *self, gint width, gint height, GError **error)
{
  *self = (Plane) { width, height, g_try_new0 (float, (gsize) width * (gsize) height) };
  if (!self->pixels)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %d x %d pixels", width, height);
  return self->pixels != NULL;
}

/* Along a line of n values that lie `step` apart; from and to are different. */
static void
blur_line (const float *from, float *to, gint n, gsize step, const double *kernel, gint half)
{
  for (gint i = 0; i < n; i++)
    {
      double sum = 0;

      for (gint k = -half; k <= half; k++)
        sum += kernel[k + half] * (double) from[(gsize) gtf_image_reflect (i + k, n) * step];
      to[(gsize) i * step] = (float) sum;
    }
}

static double *
make_kernel (double sigma, gint half)
{
  double *kernel = g_new (double, 2 * half + 1), total = 0;

  for (gint k = -half; k <= half; k++)
    total += kernel[k + half] = exp (-0.5 * (k / sigma) * (k / sigma));
  for (gint k = 0; k <= 2 * half; k++)
    kernel[k] /= total;
  return kernel;
}

/* The reference gives the height's factor to the columns and the width's to the rows. */
static gboolean
blur (Plane *plane, GtfExtent to, GError **error)
{
  double sigma_x = ((double) plane->height / to.height - 1) / 2, sigma_y = ((double) plane->width / to.width - 1) / 2;
  gint half_x = (gint) ceil (3 * sigma_x), half_y = (gint) ceil (3 * sigma_y);
  g_autofree double *kernel_x = NULL, *kernel_y = NULL;
  g_auto (Plane) across = { 0 };

  if (sigma_x <= 0 || sigma_y <= 0)
    return TRUE;
  if (half_x >= plane->width || half_y >= plane->height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a picture of %d x %d is too thin to be blurred for %d x %d", plane->width, plane->height, to.width, to.height);
      return FALSE;
    }
  if (!plane_init (&across, plane->width, plane->height, error))
    return FALSE;
  kernel_x = make_kernel (sigma_x, half_x);
  kernel_y = make_kernel (sigma_y, half_y);
  for (gint y = 0; y < plane->height; y++)
    blur_line (plane->pixels + (gsize) y * (gsize) plane->width, across.pixels + (gsize) y * (gsize) plane->width, plane->width, 1, kernel_x, half_x);
  for (gint x = 0; x < plane->width; x++)
    blur_line (across.pixels + x, plane->pixels + x, plane->height, (gsize) plane->width, kernel_y, half_y);
  return TRUE;
}

/* the two neighbours of an output and how much of the second */
static float
neighbours (gint i, gint n_in, gint n_out, gint *first, gint *second)
{
  float at = MAX (((float) i + 0.5f) * ((float) n_in / (float) n_out) - 0.5f, 0);

  *first = MIN ((gint) at, n_in - 1);
  *second = MIN (*first + 1, n_in - 1);
  return at - (float) *first;
}

static void
interpolate (const Plane *plane, GtfExtent out, float mean, float std, float *to)
{
  for (gint y = 0; y < out.height; y++)
    {
      gint y0, y1;
      float down = neighbours (y, plane->height, out.height, &y0, &y1);
      const float *upper = plane->pixels + (gsize) y0 * (gsize) plane->width, *lower = plane->pixels + (gsize) y1 * (gsize) plane->width;

      for (gint x = 0; x < out.width; x++)
        {
          gint x0, x1;
          float right = neighbours (x, plane->width, out.width, &x0, &x1);
          float value = (1 - down) * ((1 - right) * upper[x0] + right * upper[x1]) + down * ((1 - right) * lower[x0] + right * lower[x1]);

          *to++ = (value - mean) / std;
        }
    }
}

static gboolean
find_extent (const GtfImageConfig *config, const GtfImage *image, GtfExtent *to, GError **error)
{
  gint side = MAX (image->width, image->height);

  if (config->do_resize && config->size.height)
    *to = (GtfExtent) { (gint) config->size.width, (gint) config->size.height };
  else
    *to = config->do_pad ? (GtfExtent) { side, side } : (GtfExtent) { image->width, image->height };
  return TRUE;
}

static gboolean
fill_planes (const GtfImageConfig *config, const GtfImage *image, GtfExtent out, float *planes, GError **error)
{
  gint side = MAX (image->width, image->height);

  if (config->do_pad && (gint64) side * side > GTF_IMAGE_MAX_PIXELS)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a picture of %d x %d would be padded to %d x %d: above the limit of %d pixels", image->width, image->height, side, side,
                   GTF_IMAGE_MAX_PIXELS);
      return FALSE;
    }
  for (guint c = 0; c < 3; c++)
    {
      g_auto (Plane) plane = { 0 };

      if (!plane_init (&plane, config->do_pad ? side : image->width, config->do_pad ? side : image->height, error))
        return FALSE;
      for (gint y = 0; y < image->height; y++)
        for (gint x = 0; x < image->width; x++)
          plane.pixels[(gsize) y * (gsize) plane.width + (gsize) x] = (float) image->pixels[((gsize) y * (gsize) image->width + (gsize) x) * 3 + c] * (config->do_rescale ? (float) config->rescale_factor : 1);
      if (!blur (&plane, out, error))
        return FALSE;
      interpolate (&plane, out, config->do_normalize ? (float) config->mean[c] : 0, config->do_normalize ? (float) config->std[c] : 1, planes + (gsize) c * (gsize) out.width * (gsize) out.height);
    }
  return TRUE;
}

const GtfImageFloats gtf_image_blurred = { find_extent, fill_planes, NULL };
