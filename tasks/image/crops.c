/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layer i of crops has 2^i a side, which overlap. Points are in single precision, as torch.linspace () makes them.
 */
#include "image/everything-private.h"

#include <math.h>
#include <string.h>

#define MAX_LAYERS 5            /* 2^10 crops in the last one */
#define MAX_SIDE 1024           /* points */

/* int (points_per_crop / factor ^ layer) */
static gboolean
points_of_layer (const CropRules *rules, gint64 layer, gint64 *n, GError **error)
{
  const double points = trunc ((double) rules->points_per_crop / pow (rules->downscale_factor, (double) layer));

  *n = (gint64) CLAMP (points, 0, MAX_SIDE + 1);
  if (*n >= 1 && *n <= MAX_SIDE)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"points_per_crop\", \"crop_n_points_downscale_factor\": a crop of layer %" G_GINT64_FORMAT
               " would have %.0f points a side, expected 1 to %d", layer, points, MAX_SIDE);
  return FALSE;
}

static gboolean
add_layer (GArray *crops, gint width, gint height, gint64 layer, const CropRules *rules, GError **error)
{
  const gint n = 1 << layer, overlap = (gint) (rules->overlap_ratio * MIN (width, height) * (2.0 / n));
  const gint across = (gint) ceil ((double) ((gint64) overlap * (n - 1) + width) / n), down = (gint) ceil ((double) ((gint64) overlap * (n - 1) + height) / n);
  gint64 side;

  if (!points_of_layer (rules, layer, &side, error))
    return FALSE;
  for (gint i = 0; i < n; i++)
    for (gint k = 0; k < n; k++)
      {
        const gint left = (across - overlap) * i, top = (down - overlap) * k;
        const Crop crop = { left, top, MIN (left + across, width), MIN (top + down, height), side };

        if (crop.left >= crop.right || crop.top >= crop.bottom)
          {
            g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"crops_n_layers\": a picture of %d x %d cannot be cut into %d x %d crops", width, height, n, n);
            return FALSE;
          }
        g_array_append_val (crops, crop);
      }
  return TRUE;
}

GArray *
crops_make (gint width, gint height, const CropRules *rules, GError **error)
{
  g_autoptr (GArray) crops = g_array_new (FALSE, FALSE, sizeof (Crop));
  Crop whole = { 0, 0, width, height, 0 };

  if (rules->n_layers > MAX_LAYERS)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"crops_n_layers\": expected 0 to %d, found %" G_GINT64_FORMAT, MAX_LAYERS, rules->n_layers);
      return NULL;
    }
  if (!points_of_layer (rules, 0, &whole.n_side, error))
    return NULL;
  g_array_append_val (crops, whole);
  for (gint64 layer = 1; layer <= rules->n_layers; layer++)
    if (!add_layer (crops, width, height, layer, rules, error))
      return NULL;
  return g_steal_pointer (&crops);
}

GtfImage *
crop_cut (const Crop *self, const GtfImage *image, GError **error)
{
  GtfImage *cut = gtf_image_new (self->right - self->left, self->bottom - self->top, error);

  for (gint y = 0; cut && y < cut->height; y++)
    memcpy (cut->pixels + (gsize) y * (gsize) cut->width * 3, image->pixels + ((gsize) (self->top + y) * (gsize) image->width + (gsize) self->left) * 3, (gsize) cut->width * 3);
  return cut;
}

/* Number i of n from 1 / 2n to 1 - 1 / 2n: from both ends to the middle. */
static float
place (gint64 i, gint64 n)
{
  const float start = (float) (1.0 / (2.0 * (double) n)), end = (float) (1 - 1.0 / (2.0 * (double) n)), step = n > 1 ? (end - start) / (float) (n - 1) : 0;

  return i < n / 2 ? start + step * (float) i : n > 1 ? end - step * (float) (n - 1 - i) : start;
}

float *
crop_points (const Crop *self, gint width, gint height)
{
  const gint64 n = self->n_side;
  const gint own_width = self->right - self->left, own_height = self->bottom - self->top;
  const float across = (float) ((double) width / own_width), down = (float) ((double) height / own_height);
  float *points = g_new (float, (gsize) (n * n) * 2), *to = points;

  for (gint64 y = 0; y < n; y++)
    for (gint64 x = 0; x < n; x++)
      {
        *to++ = place (x, n) * (float) own_width * across;
        *to++ = place (y, n) * (float) own_height * down;
      }
  return points;
}
