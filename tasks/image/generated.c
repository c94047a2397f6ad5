/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From logits of masks to masks of the picture: those are kept that the model believes in, that hardly depend on the threshold, that are not cut off
 * by the edge of a crop, and that are not there already.
 */
#include "image/everything-private.h"

#include <math.h>
#include <string.h>

#define NEAR_EDGE 20            /* pixels */

void
found_mask_clear (gpointer mask)
{
  g_clear_pointer (&((FoundMask *) mask)->counts, g_array_unref);
}

/* ---- the size of the crop -------------------------------------------------------------------------------------------------- */

/* Two steps in one: what a pixel is made of that is itself made of two. @padded 0: there is one step alone. */
static gboolean
compose (Taps *self, gsize plane, gsize padded, gsize seen, gsize size, GError **error)
{
  g_auto (Taps) first = { 0 }, second = { 0 };

  if (padded == 0)
    return taps_init (self, plane, size, TAPS_LINEAR, error);
  if (!taps_init (&first, plane, padded, TAPS_LINEAR, error) || !taps_init (&second, seen, size, TAPS_LINEAR, error) || !taps_init (self, plane, size, TAPS_LINEAR, error))
    return FALSE;
  g_free (self->weights);
  self->most = 2 + (gsize) ceil ((double) plane / (double) padded) + 1;
  self->weights = g_try_new0 (float, size * self->most);
  if (self->weights == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "mask-generation: no memory for a picture of %" G_GSIZE_FORMAT " pixels a side", size);
      return FALSE;
    }
  for (gsize i = 0; i < size; i++)
    {
      const guint begin = first.firsts[second.firsts[i]];

      self->firsts[i] = begin;
      self->counts[i] = 0;
      for (guint k = 0; k < second.counts[i]; k++)
        for (guint j = 0, at = second.firsts[i] + k; j < first.counts[at]; j++)
          {
            const guint offset = first.firsts[at] + j - begin;

            self->weights[i * self->most + offset] += second.weights[i * second.most + k] * first.weights[at * first.most + j];
            self->counts[i] = MAX (self->counts[i], offset + 1);
          }
    }
  return TRUE;
}

gboolean
mask_sizer_init (MaskSizer *self, const Crop *crop, const GtfImage *image, gsize side_down, gsize side_across, gint padded_width, gint padded_height, gint seen_width, gint seen_height,
                 GError **error)
{
  const gsize width = (gsize) (crop->right - crop->left), height = (gsize) (crop->bottom - crop->top);

  *self = (MaskSizer) { .crop = crop, .width = image->width, .height = image->height, .side_down = side_down, .side_across = side_across };
  if (!compose (&self->down, side_down, (gsize) padded_height, (gsize) seen_height, height, error)
      || !compose (&self->across, side_across, (gsize) padded_width, (gsize) seen_width, width, error))
    return FALSE;
  self->rows = g_try_new (float, side_across + width);
  self->pixels = g_try_malloc ((gsize) image->width * (gsize) image->height);
  if (self->rows && self->pixels)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "mask-generation: no memory for masks of %d x %d", image->width, image->height);
  return FALSE;
}

void
mask_sizer_clear (MaskSizer *self)
{
  taps_clear (&self->down);
  taps_clear (&self->across);
  g_clear_pointer (&self->rows, g_free);
  g_clear_pointer (&self->pixels, g_free);
}

/* Row @y of the crop. */
static const float *
sized_row (MaskSizer *self, const float *plane, gsize y)
{
  float *sum = self->rows, *row = self->rows + self->side_across;

  memset (sum, 0, self->side_across * sizeof *sum);
  for (guint j = 0; j < self->down.counts[y]; j++)
    {
      const float *from = plane + (self->down.firsts[y] + j) * self->side_across, weight = self->down.weights[y * self->down.most + j];

      for (gsize x = 0; x < self->side_across; x++)
        sum[x] += weight * from[x];
    }
  taps_row (&self->across, sum, row);
  return row;
}

/* ---- one mask ---------------------------------------------------------------------------------------------------------------- */

/* How many pixels are surely in the mask, and how many perhaps; where it lies within the crop; and its pixels in the picture. */
typedef struct
{
  gsize n_surely, n_perhaps;
  gint box[4];
} Look;

static Look
look_at (MaskSizer *self, const float *plane, const MaskRules *rules)
{
  const gint width = self->crop->right - self->crop->left, height = self->crop->bottom - self->crop->top;
  const float threshold = (float) rules->mask_threshold, surely = (float) (rules->mask_threshold + rules->stability_offset);
  const float perhaps = (float) (rules->mask_threshold - rules->stability_offset);
  Look look = { 0, 0, { width, height, -1, -1 } };

  memset (self->pixels, 0, (gsize) self->width * (gsize) self->height);
  for (gint y = 0; y < height; y++)
    {
      const float *row = sized_row (self, plane, (gsize) y);

      for (gint x = 0; x < width; x++)
        {
          look.n_surely += row[x] > surely;
          look.n_perhaps += row[x] > perhaps;
          if (!(row[x] > threshold))
            continue;
          self->pixels[(gsize) (self->crop->left + x) * (gsize) self->height + (gsize) (self->crop->top + y)] = 1;
          look.box[0] = MIN (look.box[0], x);
          look.box[1] = MIN (look.box[1], y);
          look.box[2] = MAX (look.box[2], x);
          look.box[3] = MAX (look.box[3], y);
        }
    }
  if (look.box[2] < 0)
    memset (look.box, 0, sizeof look.box);
  return look;
}

/* Near an edge of the crop that is none of the picture: what is there goes on outside. */
static gboolean
is_cut_off (const MaskSizer *self, const gint box[4])
{
  const gint edges[4] = { self->crop->left, self->crop->top, self->crop->right, self->crop->bottom }, ends[4] = { 0, 0, self->width, self->height };

  for (guint i = 0; i < 4; i++)
    {
      const gint at = box[i] + edges[i % 2];

      if (ABS (at - edges[i]) <= NEAR_EDGE && ABS (at - ends[i]) > NEAR_EDGE)
        return TRUE;
    }
  return FALSE;
}

static GArray *
run_lengths (const guint8 *pixels, gsize n)
{
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint8 value = 0;

  for (gsize i = 0; i < n;)
    {
      const guint8 *end = memchr (pixels + i, !value, n - i);
      const guint32 run = (guint32) (end ? (gsize) (end - pixels) - i : n - i);

      g_array_append_val (counts, run);
      value = !value;
      i += run;
    }
  return counts;
}

void
mask_sizer_add (MaskSizer *self, const float *plane, float score, const MaskRules *rules, GArray *found)
{
  FoundMask mask = { .score = score };
  Look look;

  if (rules->iou_threshold > 0 && !(score > (float) rules->iou_threshold))
    return;
  look = look_at (self, plane, rules);
  if (rules->stability_threshold > 0 && !((float) look.n_surely / (float) look.n_perhaps > (float) rules->stability_threshold))
    return;
  if (is_cut_off (self, look.box))
    return;
  for (guint i = 0; i < 4; i++)
    mask.box[i] = look.box[i] + (i % 2 ? self->crop->top : self->crop->left);
  mask.counts = run_lengths (self->pixels, (gsize) self->width * (gsize) self->height);
  g_array_append_val (found, mask);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------- */

static gint
by_score (gconstpointer a, gconstpointer b, gpointer data)
{
  const GArray *found = data;
  const guint i = *(const guint *) a, j = *(const guint *) b;
  const float x = g_array_index (found, FoundMask, i).score, y = g_array_index (found, FoundMask, j).score;

  return x > y ? -1 : x < y ? 1 : i < j ? -1 : 1;
}

static float
area (const gint box[4])
{
  return (float) (box[2] - box[0]) * (float) (box[3] - box[1]);
}

/* Intersection over union; NaN for two boxes without an area. */
static float
overlap (const gint a[4], const gint b[4])
{
  const float width = (float) MAX (0, MIN (a[2], b[2]) - MAX (a[0], b[0])), height = (float) MAX (0, MIN (a[3], b[3]) - MAX (a[1], b[1]));

  return width * height / (area (a) + area (b) - width * height);
}

GArray *
found_masks_best (const GArray *found, double threshold)
{
  g_autoptr (GArray) order = g_array_sized_new (FALSE, FALSE, sizeof (guint), found->len);
  GArray *best = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < found->len; i++)
    g_array_append_val (order, i);
  g_array_sort_with_data (order, by_score, (gpointer) found);
  for (guint i = 0; i < order->len; i++)
    {
      const guint at = g_array_index (order, guint, i);
      const gint *box = g_array_index (found, FoundMask, at).box;
      gboolean is_new = TRUE;

      for (guint k = 0; k < best->len && is_new; k++)
        is_new = !((double) overlap (g_array_index (found, FoundMask, g_array_index (best, guint, k)).box, box) > threshold);
      if (is_new)
        g_array_append_val (best, at);
    }
  return best;
}
