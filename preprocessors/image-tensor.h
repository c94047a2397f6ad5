/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-resize.h"

/* @what->to becomes the middle of @crop, or the other way round: a crop larger than the picture has black around it; what does not divide by 2 goes to the right and the
 * bottom, unless half a pixel more on the left or above @rounds to an even number. */
void gtf_image_center (GtfResize *what, GtfExtent crop, gboolean rounds);
/* what is made of the values of each channel: rescaling and normalisation */
void gtf_image_levels (const GtfImageConfig *config, GtfLevels levels[3]);
/* Three planes of out.height rows of out.width, what the resizer gives at the top left, around it 0, or, if @black, what black becomes. */
void gtf_image_to_planes (GtfResizer *resizer, const GtfLevels levels[3], gboolean flip, gboolean black, GtfExtent out, float *planes);
void gtf_image_to_bytes  (GtfResizer *resizer, gboolean flip, GtfExtent out, guint8 *planes);

/* Zeroed; @n times @size bytes. @bytes: (out) (transfer full): they own it. */
gpointer gtf_image_zeros (gsize n, gsize size, GBytes **bytes, GError **error);
/* a tensor of the result; takes @bytes */
gboolean gtf_image_put   (GHashTable *out, const char *name, GtfDtype dtype, guint n_dims, const gint64 *shape, GBytes *bytes, GError **error);

/* The memory of a tensor that nobody has any more, for the next one of the same size. */
typedef struct _GtfSpare GtfSpare;
GtfSpare *gtf_spare_new   (void);
void      gtf_spare_unref (GtfSpare *self);
/* Not zeroed; @n times @size bytes. @bytes: (out) (transfer full): they give it back; they may outlive @self. */
gpointer  gtf_spare_take  (GtfSpare *self, gsize n, gsize size, GBytes **bytes, GError **error);

/* A batch on its way. */
typedef struct
{
  const GtfImageConfig *config;
  GtfResizer *resizer;
  GtfSpare *pixels;
  const GtfImage *const *images;
  GtfResize *whats;             /* what becomes of each picture */
  guint n, groups;              /* groups: 1 if a dimension of 1 stands in front */
  gboolean pads_black;          /* before normalisation; else with 0 behind it */
  GtfExtent extent;             /* of the tensor */
} GtfBatch;

/* image-patches.c: pictures as patches instead of planes */
gboolean gtf_image_put_patches (const GtfBatch *b, GHashTable *out, GError **error);
