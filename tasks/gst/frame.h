/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of video as pictures: any raw format, stride, size, colorimetry and range of the caps becomes RGB.
 */
#pragma once

#include <gst/video/video.h>
#include <gtf/gtf.h>
#include "drawing/canvas.h"

G_BEGIN_DECLS

/* As gst_video_frame_map(), and checks that the frame lies whole within its buffer, whatever the caps and the GstVideoMeta say. */
gboolean gtf_frame_map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags, GError **error);

/* A mapped frame of a format whose components have bytes of their own, to be drawn on. */
GtfCanvas gtf_frame_canvas (const GstVideoFrame *frame);

/* Converts frames of one format, then of the next; of one thread. */
typedef struct
{
  GstVideoInfo from;
  GstVideoConverter *converter;     /* NULL: none yet */
} GtfFrameConverter;

void      gtf_frame_converter_clear (GtfFrameConverter *self);
/* (transfer full): the picture in @buffer; NULL: error */
GtfImage *gtf_frame_to_image        (GtfFrameConverter *self, GstBuffer *buffer, const GstVideoInfo *info, GError **error);

G_END_DECLS
