/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfOutlet: the way out of an element whose output comes from another thread than its input. Buffers and events wait in a queue for
 * the task of the source pad, so that neither inference nor the streaming thread ever waits for downstream, and events keep their
 * place among the buffers.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;
  GstPad *pad;
  GMutex lock;
  GCond cond;
  GQueue queue;             /* of GstMiniObject: buffers and events */
  gboolean flushing, eos;   /* eos: it is in the queue, or was */
  gboolean busy;            /* one thing is on its way downstream */
  GstFlowReturn flow;       /* what downstream said last */
  GstClockTime position;    /* end of the last text or gap */
  GstClockTime offset;      /* by which texts and gaps are later than what they stand for */
  /* (nullable): a buffer's last touch, on the pad's task, just before it goes; takes it and gives what goes. Set after gtf_outlet_init(). */
  GstBuffer *(*finish) (GstElement *element, GstBuffer *buffer);
} GtfOutlet;

void          gtf_outlet_init  (GtfOutlet *self, GstElement *element, GstPad *pad);
void          gtf_outlet_clear (GtfOutlet *self);
/* Starts with nothing in the queue: pad activation, or FLUSH_STOP, which it takes and hands on. */
gboolean      gtf_outlet_start (GtfOutlet *self, GstEvent *flush_stop);
/* What waits is dropped, but for sticky events, which the pad keeps, and the pad falls silent. FLUSH_START, which it takes and hands on, frees a pad that is blocked. */
gboolean      gtf_outlet_flush (GtfOutlet *self, GstEvent *flush_start);
/* Deactivation: what waits is dropped, and the pad's task has ended afterwards. */
gboolean      gtf_outlet_stop  (GtfOutlet *self);

/* (transfer full): a buffer or an event. A segment begins a new time line. */
void          gtf_outlet_put      (GtfOutlet *self, gpointer object);
/* A text, in order: it begins where the last one ends, at the earliest. */
void          gtf_outlet_put_text (GtfOutlet *self, const char *text, GstClockTime start, GstClockTime end);
/* Nothing up to there. */
void          gtf_outlet_put_gap  (GtfOutlet *self, GstClockTime until);
/* Waits until fewer than @n things wait or are on their way. FALSE: it is flushing. */
gboolean      gtf_outlet_wait     (GtfOutlet *self, guint n);
GstFlowReturn gtf_outlet_get_flow (GtfOutlet *self);

G_END_DECLS
