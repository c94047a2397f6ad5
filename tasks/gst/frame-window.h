/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfFrameWindow: the last frames of a stream that a model looks at together, @n of them spread evenly over @span, as a video's file is sampled: of each n-th of
 * the span the frame that is shown as it begins. A stream with fewer frames has windows that are longer. Frames are kept as copies: those of a source
 * (a camera) with few buffers have to go back to it.
 */
#pragma once

#include "frame.h"
#include "video.h"

G_BEGIN_DECLS

/* One of its frames, counted: g_atomic_rc_box. */
typedef struct
{
  GtfFrame frame;
  GstBuffer *buffer;
} GtfWindowedFrame;

typedef struct
{
  guint n;
  GstClockTime span;
  GQueue frames;                      /* of GtfWindowedFrame, the oldest first, at most n */
  guint64 slot;                       /* the n-th of a span that the newest stands for, counted from running time 0 */
} GtfFrameWindow;

void       gtf_frame_window_init   (GtfFrameWindow *self);
void       gtf_frame_window_clear  (GtfFrameWindow *self);
/* @n >= 1 frames of @size bytes over @span > 0: another number or span begins a new window. FALSE: together they are too large to be kept. */
gboolean   gtf_frame_window_set    (GtfFrameWindow *self, guint n, GstClockTime span, gsize size, GError **error);
/* The next frame of the stream. TRUE: it is the last one of a window, which gtf_frame_window_get() gives. Caps, segments and turns that change, times that go back
 * and gaps as long as a window begin a new one. */
gboolean   gtf_frame_window_add    (GtfFrameWindow *self, const GtfFrame *frame, GstBuffer *buffer);
/* (transfer full) (element-type GtfWindowedFrame): its frames */
GPtrArray *gtf_frame_window_get    (GtfFrameWindow *self);
/* From the first frame's beginning to the last one's end, in their segment. */
void       gtf_frame_window_extent (const GPtrArray *frames, GstClockTime *start, GstClockTime *duration);

/* The frames of one window as pictures, then of the next: what conversions need is kept. Zero it first; of one thread. */
typedef struct
{
  GtfFramePicture *pictures;
  const GtfImage **images;            /* (nullable): of the open ones */
  guint n;
} GtfFrameWindowPictures;

/* (transfer none) (nullable) (array length=frames->len): upright, until it is closed; NULL: error */
const GtfImage *const *gtf_frame_window_pictures_open  (GtfFrameWindowPictures *self, const GPtrArray *frames, GError **error);
void                   gtf_frame_window_pictures_close (GtfFrameWindowPictures *self);
void                   gtf_frame_window_pictures_clear (GtfFrameWindowPictures *self);

G_END_DECLS
