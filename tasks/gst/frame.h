/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of video as pictures: any raw format, stride, size, colorimetry and range of the caps.
 */
#pragma once

#include <gst/video/video.h>
#include <gtf/gtf.h>
#include "drawing/canvas.h"
#include "pipeline/image-rows.h"
#include "turn.h"

G_BEGIN_DECLS

/* As gst_video_frame_map(), and checks that the frame lies whole within its buffer, whatever the caps and the GstVideoMeta say. */
gboolean gtf_frame_map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags, GError **error);

/* A mapped frame of a format whose components have bytes of their own, to be drawn on. */
GtfCanvas gtf_frame_canvas (const GstVideoFrame *frame);

/* A frame as a picture for the preprocessor: as it lies in its buffer where its rows can be read so (image-rows.h), which keeps the buffer mapped, and converted
 * by GStreamer where not (formats of more bits, interlaced chroma, memory of devices) or where it must be turned. Zero it first; of one thread. */
typedef struct
{
  GtfImage image;                     /* what it lends */
  GtfPlanes planes;
  GstVideoFrame frame;
  gboolean mapped;
  GtfImage *converted;                /* kept from frame to frame */
  GstVideoInfo from;
  GstVideoConverter *converter;       /* NULL: none yet */
} GtfFramePicture;

/* (transfer none): upright, good until it is closed; NULL: error. */
const GtfImage *gtf_frame_picture_open  (GtfFramePicture *self, GstBuffer *buffer, const GstVideoInfo *info, const GtfTurn *turn, GError **error);
void            gtf_frame_picture_close (GtfFramePicture *self);
void            gtf_frame_picture_clear (GtfFramePicture *self);

/* A part of a picture, which it needs; (@left, @top) and its size are within it. */
typedef struct
{
  GtfImage image;
  GtfPlanes planes;
} GtfPicturePart;

void gtf_picture_part (GtfPicturePart *self, const GtfImage *image, gint left, gint top, gint width, gint height);

G_END_DECLS
