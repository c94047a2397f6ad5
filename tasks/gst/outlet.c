/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "outlet.h"

#include <string.h>

/* After the end of the stream upstream hears no more of what downstream said last. */
static void
tell (GtfOutlet *self, GstFlowReturn flow)
{
  if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)
    GST_ELEMENT_FLOW_ERROR (self->element, flow);
  else if (flow == GST_FLOW_EOS)
    gst_pad_push_event (self->pad, gst_event_new_eos ());
}

/* Downstream wants no more. Upstream hears of it by the next buffer; after the end there is none, so it is told here, or, where the end comes later, by gtf_outlet_put(). */
static void
end (GtfOutlet *self, GstFlowReturn flow)
{
  gboolean eos;

  g_mutex_lock (&self->lock);
  self->flow = flow;
  eos = self->eos;
  g_mutex_unlock (&self->lock);
  gst_pad_pause_task (self->pad);
  if (eos)
    tell (self, flow);
}

/* The pad's task: one thing at a time, waiting for the next. */
static void
push_out (gpointer data)
{
  GtfOutlet *self = data;
  GstMiniObject *object;
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  while (!self->flushing && g_queue_is_empty (&self->queue))
    g_cond_wait (&self->cond, &self->lock);
  object = self->flushing ? NULL : g_queue_pop_head (&self->queue);
  self->busy = object != NULL;
  g_mutex_unlock (&self->lock);
  if (!object)
    {
      gst_pad_pause_task (self->pad);
      return;
    }
  if (GST_IS_BUFFER (object))
    flow = gst_pad_push (self->pad, self->finish ? self->finish (self->element, GST_BUFFER (object)) : GST_BUFFER (object));
  else
    {
      gboolean last = GST_EVENT_TYPE (object) == GST_EVENT_EOS;

      gst_pad_push_event (self->pad, GST_EVENT (object));
      if (last)
        gst_pad_pause_task (self->pad);
    }
  if (flow != GST_FLOW_OK)
    end (self, flow);
  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gtf_outlet_init (GtfOutlet *self, GstElement *element, GstPad *pad)
{
  memset (self, 0, sizeof *self);
  self->element = element;
  self->pad = pad;
  self->position = GST_CLOCK_TIME_NONE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->queue);
}

static void
drop (GtfOutlet *self)
{
  g_queue_clear_full (&self->queue, (GDestroyNotify) gst_mini_object_unref);
}

void
gtf_outlet_clear (GtfOutlet *self)
{
  drop (self);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

gboolean
gtf_outlet_start (GtfOutlet *self, GstEvent *flush_stop)
{
  gboolean good = TRUE;

  g_mutex_lock (&self->lock);
  drop (self);
  self->flushing = self->eos = FALSE;
  self->flow = GST_FLOW_OK;
  self->position = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&self->lock);
  if (flush_stop)
    good = gst_pad_push_event (self->pad, flush_stop);
  return gst_pad_start_task (self->pad, push_out, self, NULL) && good;
}

/* With the lock. What tells of the stream itself (its start, caps, tags) outlives a flush, also where it had not gone out yet. */
static void
keep_sticky (GtfOutlet *self)
{
  for (GList *l = self->queue.head; l; l = l->next)
    if (GST_IS_EVENT (l->data) && GST_EVENT_IS_STICKY (l->data) && GST_EVENT_TYPE (l->data) != GST_EVENT_SEGMENT && GST_EVENT_TYPE (l->data) != GST_EVENT_EOS)
      gst_pad_store_sticky_event (self->pad, l->data);
}

static void
silence (GtfOutlet *self, gboolean keeps_sticky)
{
  g_mutex_lock (&self->lock);
  self->flushing = TRUE;
  self->flow = GST_FLOW_FLUSHING;
  if (keeps_sticky)
    keep_sticky (self);
  drop (self);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

gboolean
gtf_outlet_flush (GtfOutlet *self, GstEvent *flush_start)
{
  gboolean good;

  silence (self, TRUE);
  good = gst_pad_push_event (self->pad, flush_start);
  gst_pad_pause_task (self->pad);       /* waits for a push under way, which the event has freed */
  return good;
}

gboolean
gtf_outlet_stop (GtfOutlet *self)
{
  silence (self, FALSE);
  return gst_pad_stop_task (self->pad);
}

/* With the lock. */
static void
put_locked (GtfOutlet *self, gpointer object)
{
  if (self->flushing)
    gst_mini_object_unref (object);
  else
    g_queue_push_tail (&self->queue, object);
  g_cond_broadcast (&self->cond);
}

void
gtf_outlet_put (GtfOutlet *self, gpointer object)
{
  gboolean is_event = GST_IS_EVENT (object), is_end = is_event && GST_EVENT_TYPE (object) == GST_EVENT_EOS;
  const GstSegment *segment;
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  flow = self->flow;
  if (is_end)
    self->eos = TRUE;
  if (is_event && GST_EVENT_TYPE (object) == GST_EVENT_SEGMENT)
    {
      gst_event_parse_segment (object, &segment);
      self->position = segment->start;
    }
  put_locked (self, object);
  g_mutex_unlock (&self->lock);
  if (is_end)
    tell (self, flow);
}

void
gtf_outlet_put_text (GtfOutlet *self, const char *text, GstClockTime start, GstClockTime end)
{
  GstBuffer *buffer;

  if (!*text)
    return;
  buffer = gst_buffer_new_memdup (text, strlen (text));
  g_mutex_lock (&self->lock);
  start = self->position != GST_CLOCK_TIME_NONE ? MAX (start, self->position) : start;
  end = MAX (start, end);
  GST_BUFFER_PTS (buffer) = start + self->offset;
  GST_BUFFER_DURATION (buffer) = end - start;
  self->position = end;
  put_locked (self, buffer);
  g_mutex_unlock (&self->lock);
}

void
gtf_outlet_put_gap (GtfOutlet *self, GstClockTime until)
{
  g_mutex_lock (&self->lock);
  if (self->position != GST_CLOCK_TIME_NONE && until > self->position)
    {
      put_locked (self, gst_event_new_gap (self->position + self->offset, until - self->position));
      self->position = until;
    }
  g_mutex_unlock (&self->lock);
}

gboolean
gtf_outlet_wait (GtfOutlet *self, guint n)
{
  gboolean good;

  g_mutex_lock (&self->lock);
  while (!self->flushing && self->flow == GST_FLOW_OK && self->queue.length + self->busy >= n)
    g_cond_wait (&self->cond, &self->lock);
  good = !self->flushing;
  g_mutex_unlock (&self->lock);
  return good;
}

GstFlowReturn
gtf_outlet_get_flow (GtfOutlet *self)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  flow = self->flow;
  g_mutex_unlock (&self->lock);
  return flow;
}
