/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A queue of copies of frames, one for each n-th of a span of time: a frame whose n-th has one already is not kept, and what comes when the queue is full pushes
 * the oldest out. Readers on other threads get the frames by reference, so that the queue goes on meanwhile. And those frames as pictures for a task.
 */
#include "frame-window.h"

#include <string.h>
#include <gtf/gtf.h>

#define MOST_BYTES (G_GUINT64_CONSTANT (2) << 30)      /* of a window: 64 frames of 4K in RGB are 1.6 GB */

static void
frame_clear (gpointer data)
{
  gst_clear_buffer (&((GtfWindowedFrame *) data)->buffer);
}

static void
frame_unref (gpointer frame)
{
  g_atomic_rc_box_release_full (frame, frame_clear);
}

/* ---- frames ---- */

void
gtf_frame_window_init (GtfFrameWindow *self)
{
  *self = (GtfFrameWindow) { .n = 1, .span = 1 };
  g_queue_init (&self->frames);
}

void
gtf_frame_window_clear (GtfFrameWindow *self)
{
  g_queue_clear_full (&self->frames, frame_unref);
}

gboolean
gtf_frame_window_set (GtfFrameWindow *self, guint n, GstClockTime span, gsize size, GError **error)
{
  g_return_val_if_fail (n >= 1 && span >= 1, FALSE);
  if (self->n != n || self->span != span)
    gtf_frame_window_clear (self);
  self->n = n;
  self->span = span;
  if (size <= MOST_BYTES / n)
    return TRUE;
  gtf_frame_window_clear (self);
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "a window of %u frames (num_frames) of %" G_GSIZE_FORMAT " bytes is more than the %" G_GUINT64_FORMAT " MB that are kept: scale them down before this "
               "element (videoscale), or set parameters=num_frames=%" G_GUINT64_FORMAT " or less, if the model takes that", n, size, MOST_BYTES >> 20, MAX (MOST_BYTES / size, 1));
  return FALSE;
}

static gboolean
is_like (const GtfFrame *a, const GtfFrame *b)
{
  return gst_video_info_is_equal (&a->info, &b->info) && gst_segment_is_equal (&a->segment, &b->segment) && a->turn.swap == b->turn.swap
         && a->turn.flip_x == b->turn.flip_x && a->turn.flip_y == b->turn.flip_y;
}

/* The last n-th of a span that begins while the frame is shown. */
static guint64
slot_of (const GtfFrameWindow *self, const GtfFrame *frame)
{
  const GstClockTime shown = GST_CLOCK_TIME_IS_VALID (frame->duration) && frame->duration > 0 ? frame->duration : 1;

  return gst_util_uint64_scale_ceil (frame->time + shown, self->n, self->span) - 1;
}

gboolean
gtf_frame_window_add (GtfFrameWindow *self, const GtfFrame *frame, GstBuffer *buffer)
{
  const GtfWindowedFrame *newest = g_queue_peek_tail (&self->frames);
  GtfWindowedFrame *kept;
  GstBuffer *copy;
  guint64 slot;

  if (!GST_CLOCK_TIME_IS_VALID (frame->time))
    return FALSE;                     /* outside of its segment */
  slot = slot_of (self, frame);
  if (newest && (!is_like (&newest->frame, frame) || slot < self->slot || frame->time > newest->frame.time + self->span))
    gtf_frame_window_clear (self);
  else if (newest && slot == self->slot)
    return FALSE;
  copy = gst_buffer_copy_deep (buffer);
  if (!copy)
    return FALSE;                     /* memory that cannot be read: the next one may be better */
  kept = g_atomic_rc_box_new0 (GtfWindowedFrame);
  kept->frame = *frame;
  kept->buffer = copy;
  self->slot = slot;
  g_queue_push_tail (&self->frames, kept);
  if (self->frames.length > self->n)
    frame_unref (g_queue_pop_head (&self->frames));
  return self->frames.length == self->n;
}

GPtrArray *
gtf_frame_window_get (GtfFrameWindow *self)
{
  GPtrArray *frames = g_ptr_array_new_full (self->frames.length, frame_unref);

  for (GList *l = self->frames.head; l; l = l->next)
    g_ptr_array_add (frames, g_atomic_rc_box_acquire (l->data));
  return frames;
}

void
gtf_frame_window_extent (const GPtrArray *frames, GstClockTime *start, GstClockTime *duration)
{
  const GtfFrame *first = &((GtfWindowedFrame *) frames->pdata[0])->frame, *last = &((GtfWindowedFrame *) frames->pdata[frames->len - 1])->frame;

  *start = first->pts;
  *duration = last->pts - first->pts + (GST_CLOCK_TIME_IS_VALID (last->duration) ? last->duration : 0);
}

/* ---- pictures ---- */

/* Room for @n; none is open. */
static void
make_room (GtfFrameWindowPictures *self, guint n)
{
  if (n <= self->n)
    return;
  self->pictures = g_renew (GtfFramePicture, self->pictures, n);
  self->images = g_renew (const GtfImage *, self->images, n);
  memset (self->pictures + self->n, 0, (n - self->n) * sizeof *self->pictures);
  self->n = n;
}

const GtfImage *const *
gtf_frame_window_pictures_open (GtfFrameWindowPictures *self, const GPtrArray *frames, GError **error)
{
  make_room (self, frames->len);
  for (guint i = 0; i < frames->len; i++)
    {
      const GtfWindowedFrame *frame = frames->pdata[i];

      self->images[i] = gtf_frame_picture_open (&self->pictures[i], frame->buffer, &frame->frame.info, &frame->frame.turn, error);
      if (!self->images[i])
        {
          gtf_frame_window_pictures_close (self);
          return NULL;
        }
    }
  return self->images;
}

void
gtf_frame_window_pictures_close (GtfFrameWindowPictures *self)
{
  for (guint i = 0; i < self->n; i++)
    gtf_frame_picture_close (&self->pictures[i]);
}

void
gtf_frame_window_pictures_clear (GtfFrameWindowPictures *self)
{
  for (guint i = 0; i < self->n; i++)
    gtf_frame_picture_clear (&self->pictures[i]);
  g_clear_pointer (&self->pictures, g_free);
  g_clear_pointer (&self->images, g_free);
  self->n = 0;
}
