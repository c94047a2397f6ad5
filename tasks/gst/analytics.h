/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is found in a frame as GStreamer's own analytics metadata (GstAnalyticsRelationMeta, GStreamer 1.24): an object detection for each box, related to its
 * track and its class; the class of a whole frame. Beside the region-of-interest metas, for elements that know these; older GStreamers have none.
 */
#pragma once

#include "boxes.h"

G_BEGIN_DECLS

#ifdef GTF_HAVE_ANALYTICS
void gtf_analytics_add_box   (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *box);
/* What gtfclassify says of a box that is on the buffer, or, @roi NULL, of the frame. */
void gtf_analytics_add_class (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *class);
#else
static inline void
gtf_analytics_add_box (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *box)
{
}

static inline void
gtf_analytics_add_class (GstBuffer *buffer, const GstVideoRegionOfInterestMeta *roi, const GtfBox *class)
{
}
#endif

G_END_DECLS
