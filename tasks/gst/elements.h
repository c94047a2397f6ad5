/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the elements share.
 */
#pragma once

#include <gst/gst.h>
#include <gst/base/gstbasetransform.h>
#include "element.h"
#include "video.h"
#include "pipeline/settings.h"

G_BEGIN_DECLS

#define GTF_TYPE_ASR (gtf_asr_get_type ())
G_DECLARE_FINAL_TYPE (GtfAsr, gtf_asr, GTF, ASR, GtfElement)

#define GTF_TYPE_TEXT (gtf_text_get_type ())
G_DECLARE_FINAL_TYPE (GtfText, gtf_text, GTF, TEXT, GtfElement)

#define GTF_TYPE_DETECT (gtf_detect_get_type ())
G_DECLARE_FINAL_TYPE (GtfDetect, gtf_detect, GTF, DETECT, GtfVideo)

#define GTF_TYPE_CLASSIFY (gtf_classify_get_type ())
G_DECLARE_FINAL_TYPE (GtfClassify, gtf_classify, GTF, CLASSIFY, GtfVideo)

#define GTF_TYPE_SEGMENT (gtf_segment_get_type ())
G_DECLARE_FINAL_TYPE (GtfSegment, gtf_segment, GTF, SEGMENT, GtfVideo)

#define GTF_TYPE_OVERLAY (gtf_overlay_get_type ())
G_DECLARE_FINAL_TYPE (GtfOverlay, gtf_overlay, GTF, OVERLAY, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (gtfasr);
GST_ELEMENT_REGISTER_DECLARE (gtfclassify);
GST_ELEMENT_REGISTER_DECLARE (gtfdetect);
GST_ELEMENT_REGISTER_DECLARE (gtfoverlay);
GST_ELEMENT_REGISTER_DECLARE (gtfsegment);
GST_ELEMENT_REGISTER_DECLARE (gtftext);

/* results.c */

/* Where the property `results` sends JSON lines: a file, or "-". Thread-safe. */
typedef struct _GtfResultsFile GtfResultsFile;
GtfResultsFile *gtf_results_file_open  (const char *path, GError **error);
void            gtf_results_file_close (GtfResultsFile *self);

/* Posts `gtf-result` (contract: json, running-time, stream-time, duration, model, final); finals also go to the file (nullable).
 * segment: to which @start and @duration belong. */
void gtf_post_result (GstElement *element, const char *json, const GstSegment *segment, GstClockTime start, GstClockTime duration,
                      const char *model, gboolean final, GtfResultsFile *file);

G_END_DECLS
