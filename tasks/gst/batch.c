/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "batch.h"

#define MOST 16                       /* pictures in a batch */
#define KEY "gtf-batcher"             /* a pipeline's data: its batcher, which has no reference to count for it */

/* A picture that waits, or is worked on: then its owner waits for the end, for others read it. */
typedef struct
{
  GtfBatcher *batcher;
  const GtfImage *image;
  const char *parameters;
  GCancellable *cancellable;
  gboolean due, taken, done;
  GtfResult *result;
  GError *error;
} Call;

/* Counted: an alarm may still be on its way when the last user has gone. */
struct _GtfBatcher
{
  GtfPipeline *pipeline;
  guint users;                        /* changed under the lock of all */

  GMutex lock;
  GCond cond;
  GQueue waiting;                     /* of Call, that are not taken */
  gboolean busy;
};

static GMutex all;

/* ---- users ---- */

static void
batcher_clear (gpointer data)
{
  GtfBatcher *self = data;

  g_object_unref (self->pipeline);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

GtfBatcher *
gtf_batcher_join (GtfPipeline *pipeline)
{
  GtfBatcher *self;

  g_mutex_lock (&all);
  self = g_object_get_data (G_OBJECT (pipeline), KEY);
  if (!self)
    {
      self = g_atomic_rc_box_new0 (GtfBatcher);
      self->pipeline = g_object_ref (pipeline);
      g_mutex_init (&self->lock);
      g_cond_init (&self->cond);
      g_object_set_data (G_OBJECT (pipeline), KEY, self);
    }
  else
    g_atomic_rc_box_acquire (self);
  g_atomic_int_inc (&self->users);
  g_mutex_unlock (&all);
  return self;
}

void
gtf_batcher_leave (GtfBatcher *self)
{
  g_mutex_lock (&all);
  g_mutex_lock (&self->lock);
  if (g_atomic_int_dec_and_test (&self->users))
    g_object_set_data (G_OBJECT (self->pipeline), KEY, NULL);
  g_cond_broadcast (&self->cond);             /* there is one less to wait for */
  g_mutex_unlock (&self->lock);
  g_mutex_unlock (&all);
  g_atomic_rc_box_release_full (self, batcher_clear);
}

/* ---- calls ---- */

static void
call_clear (gpointer data)
{
  Call *call = data;

  g_clear_object (&call->result);
  g_clear_error (&call->error);
  g_atomic_rc_box_release_full (call->batcher, batcher_clear);
}

static void
call_unref (gpointer call)
{
  g_atomic_rc_box_release_full (call, call_clear);
}

static gboolean
on_deadline (GstClock *clock, GstClockTime time, GstClockID id, gpointer data)
{
  Call *call = data;

  g_mutex_lock (&call->batcher->lock);
  call->due = TRUE;
  g_cond_broadcast (&call->batcher->cond);
  g_mutex_unlock (&call->batcher->lock);
  return TRUE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Call *call = data;

  g_mutex_lock (&call->batcher->lock);
  g_cond_broadcast (&call->batcher->cond);
  g_mutex_unlock (&call->batcher->lock);
}

/* With the lock: takes @own and the calls that want the same. */
static GPtrArray *
take (GtfBatcher *self, Call *own)
{
  GPtrArray *calls = g_ptr_array_new ();

  g_queue_remove (&self->waiting, own);
  own->taken = TRUE;
  g_ptr_array_add (calls, own);
  for (GList *l = self->waiting.head, *next; l && calls->len < MOST; l = next)
    {
      Call *call = l->data;

      next = l->next;
      if (g_strcmp0 (call->parameters, own->parameters) != 0)
        {
          call->due = TRUE;           /* it is next */
          continue;
        }
      call->taken = TRUE;
      g_ptr_array_add (calls, call);
      g_queue_delete_link (&self->waiting, l);
    }
  return calls;
}

static void
run_each (GtfBatcher *self, GPtrArray *calls)
{
  for (guint i = 0; i < calls->len; i++)
    {
      Call *call = calls->pdata[i];

      call->result = gtf_pipeline_run_image (self->pipeline, call->image, call->parameters, call->cancellable, &call->error);
    }
}

/* Together; what fails so is tried one by one, and gets its own error. A batch is nobody's to cancel. */
static void
run_all (GtfBatcher *self, GPtrArray *calls)
{
  const GtfImage *images[MOST];
  g_autoptr (GtfResult) result = NULL;

  if (calls->len > 1)
    {
      for (guint i = 0; i < calls->len; i++)
        images[i] = ((Call *) calls->pdata[i])->image;
      result = gtf_pipeline_run_images (self->pipeline, images, calls->len, ((Call *) calls->pdata[0])->parameters, NULL, NULL);
    }
  if (!result)
    run_each (self, calls);
  for (guint i = 0; result && i < calls->len; i++)
    ((Call *) calls->pdata[i])->result = gtf_result_get_item (result, i);
}

/* With the lock, which is left meanwhile. */
static void
lead (GtfBatcher *self, Call *own)
{
  g_autoptr (GPtrArray) calls = take (self, own);

  self->busy = TRUE;
  g_mutex_unlock (&self->lock);
  run_all (self, calls);
  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  for (guint i = 0; i < calls->len; i++)
    ((Call *) calls->pdata[i])->done = TRUE;
  g_cond_broadcast (&self->cond);
}

/* With the lock. FALSE: cancelled while nobody had taken it. */
static gboolean
wait (GtfBatcher *self, Call *call)
{
  while (!call->done)
    if (!call->taken && g_cancellable_is_cancelled (call->cancellable))
      {
        g_queue_remove (&self->waiting, call);
        return FALSE;
      }
    else if (!call->taken && !self->busy && (call->due || self->waiting.length >= (guint) g_atomic_int_get (&self->users) || self->waiting.length >= MOST))
      lead (self, call);
    else
      g_cond_wait (&self->cond, &self->lock);
  return TRUE;
}

GtfResult *
gtf_batcher_run (GtfBatcher *self, const GtfImage *image, const char *parameters, GstClock *clock, GstClockTime window, GCancellable *cancellable, GError **error)
{
  Call *call = g_atomic_rc_box_new0 (Call);
  const gboolean alone = g_atomic_int_get (&self->users) <= 1;        /* it waits for nobody */
  GstClockID alarm = clock && window && !alone ? gst_clock_new_single_shot_id (clock, gst_clock_get_time (clock) + window) : NULL;
  gulong handler;
  GtfResult *result;

  *call = (Call) { .batcher = g_atomic_rc_box_acquire (self), .image = image, .parameters = parameters, .cancellable = cancellable, .due = alarm == NULL };
  handler = cancellable ? g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), call, NULL) : 0;
  if (alarm)                          /* which may ring at once, on this thread */
    gst_clock_id_wait_async (alarm, on_deadline, g_atomic_rc_box_acquire (call), call_unref);
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->waiting, call);
  g_cond_broadcast (&self->cond);
  if (!wait (self, call))
    g_cancellable_set_error_if_cancelled (cancellable, error);
  result = g_steal_pointer (&call->result);
  if (call->error)
    g_propagate_error (error, g_steal_pointer (&call->error));
  g_mutex_unlock (&self->lock);
  g_cancellable_disconnect (cancellable, handler);
  if (alarm)
    {
      gst_clock_id_unschedule (alarm);
      gst_clock_id_unref (alarm);
    }
  call_unref (call);
  return result;
}
