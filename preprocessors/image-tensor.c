/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rows of 8 bits to planes of numbers: cropping, rescaling, normalisation, padding. And memory for them that is used again.
 */
#include "image-tensor.h"

#include <string.h>

GtfImage *
gtf_image_on_white (const GtfImage *image, GError **error)
{
  GtfImage *out = gtf_image_new (image->width, image->height, error);

  for (gsize i = 0; out && i < (gsize) image->width * (gsize) image->height * 3; i += 3)
    if (memcmp (image->pixels + i, image->transparent, 3) == 0)
      memset (out->pixels + i, 255, 3);
    else
      memcpy (out->pixels + i, image->pixels + i, 3);
  return out;
}

/* How much is cut off before the middle. Python rounds 0.5 to 0 and 1.5 to 2. */
static gint
cut_before (gint more, gboolean rounds)
{
  return rounds && more % 4 == 3 ? more / 2 + 1 : more / 2;
}

void
gtf_image_center (GtfResize *what, GtfExtent crop, gboolean rounds)
{
  const GtfExtent from = what->out;

  what->left += crop.width > from.width ? (crop.width - from.width) / 2 : -cut_before (from.width - crop.width, rounds);
  what->top += crop.height > from.height ? (crop.height - from.height) / 2 : -cut_before (from.height - crop.height, rounds);
  what->out = crop;
}

/* Single precision throughout, in the order of the reference: mean and std take the rescaling into themselves. */
void
gtf_image_levels (const GtfImageConfig *config, GtfLevels levels[3])
{
  const gboolean fused = config->do_rescale && config->do_normalize && !config->rescale_offset;

  for (guint c = 0; c < 3; c++)
    {
      GtfLevels *to = &levels[c];

      *to = (GtfLevels) { .scale = 1, .std = 1, .top = 1 };
      if (config->do_normalize)
        {
          to->mean = (float) config->mean[c];
          to->std = (float) config->std[c];
        }
      if (fused)
        {
          to->mean *= (float) (1 / config->rescale_factor);
          to->std *= (float) (1 / config->rescale_factor);
        }
      else if (config->do_rescale)
        to->scale = (float) config->rescale_factor;
      to->offset = config->do_rescale && config->rescale_offset ? 1 : 0;
      if (config->include_top)
        to->top = (float) config->std[c];
    }
}

static void
blacken (const GtfLevels levels[3], gboolean flip, gsize plane, float *planes)
{
  for (guint c = 0; c < 3; c++)
    {
      const guint8 none = 0;
      float black;

      gtf_kernels_get ()->levels (&levels[flip ? 2 - c : c], &none, 1, &black);
      for (gsize i = 0; i < plane; i++)
        planes[c * plane + i] = black;
    }
}

void
gtf_image_to_planes (GtfResizer *resizer, const GtfLevels levels[3], gboolean flip, gboolean black, GtfExtent out, float *planes)
{
  const GtfExtent own = resizer->what.out;
  const gsize plane = (gsize) out.width * (gsize) out.height;

  if ((out.width != own.width || out.height != own.height) && black)
    blacken (levels, flip, plane, planes);
  else if (out.width != own.width || out.height != own.height)
    memset (planes, 0, plane * 3 * sizeof (float));
  for (gint y = 0; y < own.height; y++)
    {
      const guint8 *row = gtf_resizer_get (resizer, y);

      for (guint c = 0; c < 3; c++)
        {
          const guint from = flip ? 2 - c : c;

          gtf_kernels_get ()->levels (&levels[from], row + from * resizer->stride, own.width, planes + c * plane + (gsize) y * (gsize) out.width);
        }
    }
}

void
gtf_image_to_bytes (GtfResizer *resizer, gboolean flip, GtfExtent out, guint8 *planes)
{
  const GtfExtent own = resizer->what.out;
  const gsize plane = (gsize) out.width * (gsize) out.height;

  if (out.width != own.width || out.height != own.height)
    memset (planes, 0, plane * 3);
  for (gint y = 0; y < own.height; y++)
    {
      const guint8 *row = gtf_resizer_get (resizer, y);

      for (guint c = 0; c < 3; c++)
        memcpy (planes + c * plane + (gsize) y * (gsize) out.width, row + (flip ? 2 - c : c) * resizer->stride, (gsize) own.width);
    }
}

/* ---- memory ---- */

static void
set_no_memory (gsize n, gsize size, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a tensor of %" G_GSIZE_FORMAT " times %" G_GSIZE_FORMAT " bytes", n, size);
}

gpointer
gtf_image_zeros (gsize n, gsize size, GBytes **bytes, GError **error)
{
  gpointer data = g_try_malloc0_n (n, size);

  if (data)
    *bytes = g_bytes_new_take (data, n * size);
  else
    set_no_memory (n, size, error);
  return data;
}

gboolean
gtf_image_put (GHashTable *out, const char *name, GtfDtype dtype, guint n_dims, const gint64 *shape, GBytes *bytes, GError **error)
{
  g_autoptr (GBytes) own = bytes;
  GtfTensor *tensor = gtf_tensor_new_bytes (dtype, n_dims, shape, own, error);

  if (tensor)
    g_hash_table_insert (out, g_strdup (name), tensor);
  return tensor != NULL;
}

struct _GtfSpare
{
  GMutex lock;
  gpointer data;
  gsize size;
};

typedef struct
{
  GtfSpare *spare;
  gpointer data;
  gsize size;
} Lent;

static void
spare_clear (gpointer data)
{
  GtfSpare *self = data;

  g_free (self->data);
  g_mutex_clear (&self->lock);
}

GtfSpare *
gtf_spare_new (void)
{
  GtfSpare *self = g_atomic_rc_box_new0 (GtfSpare);

  g_mutex_init (&self->lock);
  return self;
}

void
gtf_spare_unref (GtfSpare *self)
{
  g_atomic_rc_box_release_full (self, spare_clear);
}

static void
give_back (gpointer data)
{
  Lent *lent = data;
  gpointer old;

  g_mutex_lock (&lent->spare->lock);
  old = lent->spare->data;
  lent->spare->data = lent->data;
  lent->spare->size = lent->size;
  g_mutex_unlock (&lent->spare->lock);
  g_free (old);
  gtf_spare_unref (lent->spare);
  g_free (lent);
}

gpointer
gtf_spare_take (GtfSpare *self, gsize n, gsize size, GBytes **bytes, GError **error)
{
  const gsize total = n <= G_MAXSIZE / size ? n * size : G_MAXSIZE;
  gpointer data = NULL;
  Lent *lent;

  g_mutex_lock (&self->lock);
  if (self->data && self->size == total)
    data = g_steal_pointer (&self->data);
  g_mutex_unlock (&self->lock);
  if (!data)
    data = g_try_malloc_n (n, size);
  if (!data)
    {
      set_no_memory (n, size, error);
      return NULL;
    }
  lent = g_new (Lent, 1);
  *lent = (Lent) { g_atomic_rc_box_acquire (self), data, total };
  *bytes = g_bytes_new_with_free_func (data, total, give_back, lent);
  return data;
}
