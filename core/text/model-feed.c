/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens and merges on their way into a model. Batches go round between two queues: empty ones to the caller, full ones to the thread, which takes them in the order of the
 * file. The first thing that does not fit ends it: later batches come back unread, and what the caller found behind it in the meantime is not what is told.
 */
#include "text/model-feed.h"
#include "base/pool.h"

#define N_BATCHES 8
#define AT_ONCE 8                    /* batches before there is a thread: files that are read in a moment need none */

struct _GtfModelFeed
{
  GtfTextModel *model;
  GtfFeedBatch *filling;
  GAsyncQueue *empty, *full;
  GThread *thread;
  guint n_sent;
  gint failed;                       /* atomic */
  GError *error;                     /* the thread's, until it is joined */
};

static void
batch_free (gpointer data)
{
  GtfFeedBatch *batch = data;
  g_string_chunk_free (batch->copies);
  g_free (batch);
}

GtfModelFeed *
gtf_model_feed_new (GtfTextModel *model)
{
  GtfModelFeed *self = g_new0 (GtfModelFeed, 1);
  self->model = model;
  self->empty = g_async_queue_new_full (batch_free);
  self->full = g_async_queue_new_full (batch_free);
  for (guint i = 0; i < N_BATCHES; i++)
    {
      GtfFeedBatch *batch = g_new (GtfFeedBatch, 1);
      batch->n = 0;
      batch->copies = g_string_chunk_new (1024);
      g_async_queue_push (self->empty, batch);
    }
  self->filling = g_async_queue_pop (self->empty);
  return self;
}

/* Into the model, unless something did not fit already. */
static void
take (GtfModelFeed *self, GtfFeedBatch *batch)
{
  GError *error = NULL;
  if (!g_atomic_int_get (&self->failed))
    {
      if (batch->merges)
        gtf_text_model_add_merges (self->model, batch->queries, batch->n / 2, &error);
      else
        gtf_text_model_add_all (self->model, batch->queries, batch->n, &error);
    }
  if (error)
    {
      self->error = error;
      g_atomic_int_set (&self->failed, TRUE);
    }
  batch->n = 0;
  g_string_chunk_clear (batch->copies);
}

static gpointer
take_all (gpointer data)
{
  GtfModelFeed *self = data;
  GtfFeedBatch *batch;
  while ((batch = g_async_queue_pop (self->full))->n)          /* an empty one is the last */
    {
      take (self, batch);
      g_async_queue_push (self->empty, batch);
    }
  g_async_queue_push (self->empty, batch);
  return NULL;
}

gboolean
gtf_model_feed_send (GtfModelFeed *self)
{
  if (self->filling->n == 0)
    return !g_atomic_int_get (&self->failed);
  if (!self->thread && ++self->n_sent > AT_ONCE && gtf_pool_get_default_n_threads () > 1)
    self->thread = g_thread_try_new ("gtf-vocabulary", take_all, self, NULL);
  if (!self->thread)
    take (self, self->filling);
  else
    {
      g_async_queue_push (self->full, self->filling);
      self->filling = g_async_queue_pop (self->empty);
    }
  return !g_atomic_int_get (&self->failed);
}

GtfFeedBatch *
gtf_model_feed_batch (GtfModelFeed *self, gboolean merges)
{
  if (self->filling->n == GTF_FEED_BATCH || self->filling->merges != merges)
    gtf_model_feed_send (self);
  self->filling->merges = merges;
  return self->filling;
}

gboolean
gtf_model_feed_finish (GtfModelFeed *self, GError **error)
{
  gtf_model_feed_send (self);
  if (self->thread)
    {
      g_async_queue_push (self->full, self->filling);
      g_thread_join (g_steal_pointer (&self->thread));
      self->filling = g_async_queue_pop (self->empty);
    }
  if (!self->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return FALSE;
}

void
gtf_model_feed_free (GtfModelFeed *self)
{
  if (!self)
    return;
  gtf_model_feed_finish (self, NULL);
  g_async_queue_unref (self->empty);
  g_async_queue_unref (self->full);
  batch_free (self->filling);
  g_free (self);
}
