/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the two files of GtfVideo share: video.c, the element with its pads, and video-frames.c, the way of a frame through it.
 */
#pragma once

#include "batch.h"
#include "outlet.h"
#include "video.h"
#include "frame-window.h"
#include "worker.h"

G_BEGIN_DECLS

/* A frame on its way, for the worker and for the outlet. */
typedef struct
{
  GtfFrame frame;
  GstClockTime arrival;               /* by the clock; NONE: there is none */
  gboolean settled;                   /* nothing more will be found in it */
  gboolean late;                      /* it has waited long enough */
  GtfVideo *video;                    /* a reference: an alarm may still be on its way */
  GstBuffer *buffer;                  /* the worker's */
  GPtrArray *window;                  /* (nullable): so is this: what the model looks at, up to this frame */
} Passage;

typedef struct
{
  GtfFrame frame;
  gpointer found;
} Finding;

typedef struct
{
  GstPad *sink, *src;
  GtfOutlet outlet;
  GtfWorker *worker;                  /* from READY to PAUSED on */
  GtfFramePicture picture;            /* the worker's */
  GtfFrameWindowPictures pictures;         /* so are these, where it looks at windows */
  GPtrArray *window;                  /* and this: the one that it looks at (nullable) */
  GtfBatcher *batcher;                /* the worker's: of the pipeline */
  GtfPipeline *batched;               /* which it is of */
  char *parameters;                   /* a JSON object */
  guint n_frames;                     /* of a window, where the parameters say so; 0: as the model does */
  char *last_warning;                 /* the worker's: it is not repeated */

  guint interval, latency, max_lag, max_age, batch_window;      /* properties, under the object lock */
  GstClockTime earliest;              /* so is this: QoS, frames before it are late already */

  /* the streaming thread's */
  GstVideoInfo info;
  gboolean has_info, live;
  GstSegment segment;
  GtfTurn turn;
  GstClockTime next_pts;
  GtfFrameWindow frames;
  guint64 number;
  guint since;                        /* frames since one was to be worked on */

  /* under the lock, which is the innermost of all */
  GMutex lock;
  GCond cond;
  GQueue passages;                    /* of Passage: those in the outlet */
  GQueue findings;                    /* of Finding, by number */
  gboolean flushing;
  guint64 n_in, n_late;
} GtfVideoPrivate;

GtfVideoPrivate *gtf_video_get_private (GtfVideo *self);

/* video-frames.c */

/* A frame has come: (transfer full). */
GstFlowReturn gtf_video_enter  (GtfVideo *self, GstBuffer *buffer);
/* Nothing that comes has to do with what was. */
void          gtf_video_forget (GtfVideo *self);
/* The worker's work on a Passage, and the end of that; the outlet's last touch. */
void          gtf_video_work   (gpointer passage, GCancellable *cancellable, gpointer video);
void          gtf_video_settle (gpointer passage);
GstBuffer    *gtf_video_finish (GstElement *video, GstBuffer *buffer);

G_END_DECLS
