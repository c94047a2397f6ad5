/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes, tracks and classes as GStreamer's own analytics metadata, as another element reads it (GStreamer 1.24 and later).
 */
#include <gst/analytics/analytics.h>
#include <gst/gst.h>

#include "analytics.h"

static GstAnalyticsRelationMeta *
relations_of (GstBuffer *buffer)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta (buffer);

  g_assert_nonnull (relations);
  return relations;
}

/* What a detection is related to: its track's number or -1, its class or "-". */
static void
check_related (GstAnalyticsRelationMeta *relations, const GstAnalyticsMtd *detection, gint64 track, const char *class)
{
  GstAnalyticsMtd other;
  gpointer state = NULL;
  guint64 id = 0;

  g_assert_true (gst_analytics_relation_meta_get_direct_related (relations, detection->id, GST_ANALYTICS_REL_TYPE_RELATE_TO, gst_analytics_tracking_mtd_get_mtd_type (), &state, &other)
                 == (track >= 0));
  if (track >= 0)
    {
      GstClockTime first, last;
      gboolean lost;

      g_assert_true (gst_analytics_tracking_mtd_get_info ((GstAnalyticsTrackingMtd *) &other, &id, &first, &last, &lost));
      g_assert_cmpuint (id, ==, (guint64) track);
    }
  state = NULL;
  g_assert_true (gst_analytics_relation_meta_get_direct_related (relations, detection->id, GST_ANALYTICS_REL_TYPE_RELATE_TO, gst_analytics_cls_mtd_get_mtd_type (), &state, &other)
                 == (*class != '-'));
  if (*class != '-')
    g_assert_cmpstr (g_quark_to_string (gst_analytics_cls_mtd_get_quark ((GstAnalyticsClsMtd *) &other, 0)), ==, class);
}

static void
test_boxes (void)
{
  static const struct { GtfBox box; gint x, y, w, h; gint64 track; const char *type, *class; } cases[] = {
    { { "cat", 0.75, 2.5, 3, 20.25, 30, 0, FALSE }, 2, 3, 19, 27, -1, "cat", "tabby" },
    { { "dog", 0.5, -5, 10, 200, 90, 17, TRUE }, 0, 10, 64, 38, 17, "dog", "-" },
    { { "", 0.25, 1, 1, 2, 2, 18, TRUE }, 1, 1, 1, 1, 18, "object", "-" },
  };
  const GtfBox class = { "tabby", 0.5 };
  g_autoptr (GstBuffer) buffer = gst_buffer_new ();
  GstAnalyticsMtd detection;
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    gtf_box_attach (&cases[i].box, buffer, 64, 48);
  roi = gst_buffer_get_video_region_of_interest_meta_id (buffer, 0);
  g_assert_nonnull (roi);
  gtf_analytics_add_class (buffer, roi, &class);
  while (gst_analytics_relation_meta_iterate (relations_of (buffer), &state, gst_analytics_od_mtd_get_mtd_type (), &detection))
    {
      gint x, y, w, h;
      gfloat score;

      g_assert_cmpuint (n, <, G_N_ELEMENTS (cases));
      g_assert_true (gst_analytics_od_mtd_get_location ((GstAnalyticsODMtd *) &detection, &x, &y, &w, &h, &score));
      g_assert_true (x == cases[n].x && y == cases[n].y && w == cases[n].w && h == cases[n].h && score == (gfloat) cases[n].box.score);
      g_assert_cmpstr (g_quark_to_string (gst_analytics_od_mtd_get_obj_type ((GstAnalyticsODMtd *) &detection)), ==, cases[n].type);
      check_related (relations_of (buffer), &detection, cases[n].track, cases[n].class);
      n++;
    }
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (cases));
}

static void
test_frame (void)
{
  const GtfBox class = { "street", 0.5 };
  g_autoptr (GstBuffer) buffer = gst_buffer_new ();
  GstAnalyticsMtd found;
  gpointer state = NULL;

  gtf_analytics_add_class (buffer, NULL, &class);
  g_assert_true (gst_analytics_relation_meta_iterate (relations_of (buffer), &state, gst_analytics_cls_mtd_get_mtd_type (), &found));
  g_assert_cmpuint (gst_analytics_cls_mtd_get_length ((GstAnalyticsClsMtd *) &found), ==, 1);
  g_assert_cmpfloat (gst_analytics_cls_mtd_get_level ((GstAnalyticsClsMtd *) &found, 0), ==, 0.5f);
  g_assert_cmpstr (g_quark_to_string (gst_analytics_cls_mtd_get_quark ((GstAnalyticsClsMtd *) &found, 0)), ==, "street");
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/analytics/boxes", test_boxes);
  g_test_add_func ("/analytics/frame", test_frame);
  return g_test_run ();
}
