/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes with labels: out of a task's answer, onto a buffer as GstVideoRegionOfInterestMeta, and off it again.
 *
 * The meta's roi_type is the label; its parameters have one structure "detection" with `label` (string), `score` (double) and `id` (uint),
 * the place in the answer, or, where there is a tracker and `tracked` (boolean) is true, the track's.
 */
#pragma once

#include <gst/video/video.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct
{
  char *label;
  double score;
  double left, top, right, bottom;    /* pixels of the frame, may lie outside of it */
  guint id;
  gboolean tracked;                   /* the id is a track's */
} GtfBox;

/* (transfer full) (element-type GtfBox): of [{"score", "label", "box": {...}}]; anything else in the list is left out */
GArray *gtf_boxes_from_answer (JsonNode *answer);
/* (transfer full) (element-type GtfBox): those on a buffer */
GArray *gtf_boxes_from_buffer (GstBuffer *buffer);
/* The box's part within the frame, if it has one, onto a writable buffer. */
void    gtf_box_attach        (const GtfBox *box, GstBuffer *buffer, gint width, gint height);

G_END_DECLS
