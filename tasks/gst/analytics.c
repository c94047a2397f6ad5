/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GstAnalyticsRelationMeta (analytics.h).
 */
#include "analytics.h"

#include <gst/analytics/analytics.h>

static GstAnalyticsRelationMeta *
relations_of (GstBuffer *buffer)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta (buffer);

  return relations ? relations : gst_buffer_add_analytics_relation_meta (buffer);
}

static GQuark
quark_of (const char *label)
{
  return g_quark_from_string (*label ? label : "object");
}

void
gtf_analytics_add_box (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *box)
{
  GstAnalyticsRelationMeta *relations = relations_of (buffer);
  GstAnalyticsODMtd detection;
  GstAnalyticsTrackingMtd track;

  if (!gst_analytics_relation_meta_add_od_mtd (relations, quark_of (box->label), (gint) roi->x, (gint) roi->y, (gint) roi->w, (gint) roi->h, (gfloat) box->score, &detection))
    return;
  /* When it was seen first is not known any longer where boxes are put on frames. */
  if (box->tracked && gst_analytics_relation_meta_add_tracking_mtd (relations, box->id, GST_CLOCK_TIME_NONE, &track))
    gst_analytics_relation_meta_set_relation (relations, GST_ANALYTICS_REL_TYPE_RELATE_TO, detection.id, track.id);
}

/* The detection that was made with a region of interest; FALSE: there is none. */
static gboolean
find_detection (GstAnalyticsRelationMeta *relations, const GstVideoRegionOfInterestMeta *roi, GstAnalyticsMtd *found)
{
  gpointer state = NULL;

  while (gst_analytics_relation_meta_iterate (relations, &state, gst_analytics_od_mtd_get_mtd_type (), found))
    {
      gint x, y, w, h;
      gfloat score;

      if (gst_analytics_od_mtd_get_location ((GstAnalyticsODMtd *) found, &x, &y, &w, &h, &score) && x == (gint) roi->x && y == (gint) roi->y && w == (gint) roi->w && h == (gint) roi->h
          && gst_analytics_od_mtd_get_obj_type ((GstAnalyticsODMtd *) found) == roi->roi_type)
        return TRUE;
    }
  return FALSE;
}

void
gtf_analytics_add_class (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *class)
{
  GstAnalyticsRelationMeta *relations = relations_of (buffer);
  GstAnalyticsMtd detection;
  GstAnalyticsClsMtd classes;

  if (gst_analytics_relation_meta_add_one_cls_mtd (relations, (gfloat) class->score, quark_of (class->label), &classes) && roi && find_detection (relations, roi, &detection))
    gst_analytics_relation_meta_set_relation (relations, GST_ANALYTICS_REL_TYPE_RELATE_TO, detection.id, classes.id);
}
