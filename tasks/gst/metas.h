/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is said of whole frames: custom metas (gst_meta_register_custom), so that any program can read them without a header of ours.
 *
 * GtfLabels: `labels`, an array of structures with `label` (string) and `score` (double), best first.
 * GtfSegments: `width`, `height` (int) of the frame; `map` (GBytes): a uint16 a pixel, rows packed, the segment's id or 0; `segments`: an array
 *   of structures with `id` (uint, from 1), `label` (string), `score` (double; below 0: it has none); or `depth` (GBytes): a float a pixel.
 */
#pragma once

#include "boxes.h"

G_BEGIN_DECLS

/* Once, before any is used. */
void gtf_metas_register (void);

/* @labels (element-type GtfBox): their labels and scores */
void gtf_labels_attach (GstBuffer *buffer, const GArray *labels);
/* (nullable) (transfer full): "cat 93.1%\ndog 4.0%" */
char *gtf_labels_text  (GstBuffer *buffer);

typedef struct
{
  gint width, height;
  GBytes *map, *depth;          /* one of them */
  GArray *segments;             /* of GtfBox: label, score, and id from 1 */
} GtfSegments;

GtfSegments *gtf_segments_new  (gint width, gint height);
void         gtf_segments_free (GtfSegments *self);
void         gtf_segments_attach (const GtfSegments *self, GstBuffer *buffer);
/* (nullable) (transfer full): of a frame of this size; NULL: it has none, or none that fits */
GtfSegments *gtf_segments_of_buffer (GstBuffer *buffer, gint width, gint height);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfSegments, gtf_segments_free)

G_END_DECLS
