/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfCaptions: text that comes on a pad of its own, and what of it stands on the picture at a time. Whole texts stand as long as their buffers
 * say; words (buffers that begin with a space, as gtfasr puts them out) are gathered into rows.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GMutex lock;
  GCond cond;
  GQueue texts;                       /* that have not begun yet; see captions.c */
  GstSegment segment;
  GstClockTime position;              /* running time up to which all text is here */
  gboolean linked, eos, flushing;     /* flushing: of the text */
  gboolean stopped, video_flushing;   /* nobody may wait; the video may not */
  GString *shown;                     /* rows, separated by line breaks */
  GstClockTime shown_end, until;      /* when its last text ends; when it goes */
} GtfCaptions;

void     gtf_captions_init  (GtfCaptions *self);
void     gtf_captions_clear (GtfCaptions *self);
/* The element stops: nobody waits any more. */
void     gtf_captions_set_stopped        (GtfCaptions *self, gboolean stopped);
void     gtf_captions_set_video_flushing (GtfCaptions *self, gboolean flushing);
/* There is a pad, or none any more. */
void     gtf_captions_set_linked         (GtfCaptions *self, gboolean linked);

/* For the pad: (transfer full). Waits while much text waits for its time. */
GstFlowReturn gtf_captions_chain (GtfCaptions *self, GstBuffer *buffer);
gboolean      gtf_captions_event (GtfCaptions *self, GstEvent *event);

/* (transfer full) (nullable): what stands on a picture at this running time; @wait: until it is known */
char    *gtf_captions_at    (GtfCaptions *self, GstClockTime time, gboolean wait);

G_END_DECLS
