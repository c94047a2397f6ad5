/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes with labels: out of a task's answer, onto a buffer as GstVideoRegionOfInterestMeta, and off it again.
 *
 * The meta's roi_type is the label; its parameters have one structure "detection" with `label` (string), `score` (double) and `id` (uint),
 * the place in the answer, or, where there is a tracker and `tracked` (boolean) is true, the track's.
 * gtfclassify adds a structure "classification" with `label` and `score`.
 */
#pragma once

#include <gst/video/video.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct
{
  char *label;
  double score;                       /* below 0: it has none */
  double left, top, right, bottom;    /* pixels of the frame, may lie outside of it */
  guint id;
  gboolean tracked;                   /* the id is a track's */
  double velocity[4];                 /* of left, top, right, bottom, pixels a second */
  char *class;                        /* (nullable): what gtfclassify says of it */
} GtfBox;

void    gtf_box_clear         (GtfBox *box);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfBox, gtf_box_clear)
/* (transfer full) (element-type GtfBox): an empty one, that frees its boxes */
GArray *gtf_boxes_new         (void);
/* (transfer full) (element-type GtfBox): of [{"score", "label", "box": {...}}]; anything else in the list is left out */
GArray *gtf_boxes_from_answer (JsonNode *answer);
/* (transfer full) (element-type GtfBox): of [{"score", "label", ...}]: labels and scores alone */
GArray *gtf_labels_from_answer (JsonNode *answer);
/* (transfer full): [{"score", "label", "box": {...}}], of tracks with "id" */
JsonNode *gtf_boxes_to_answer (const GArray *boxes);
/* (transfer full) (element-type GtfBox): those on a buffer */
GArray *gtf_boxes_from_buffer (GstBuffer *buffer);
GtfBox  gtf_box_of_meta       (GstVideoRegionOfInterestMeta *roi);
/* The box's part within the frame, if it has one, onto a writable buffer. */
void    gtf_box_attach        (const GtfBox *box, GstBuffer *buffer, gint width, gint height);

G_END_DECLS
