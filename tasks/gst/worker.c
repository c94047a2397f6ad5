/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

#define MOST_WAITING 4                /* jobs of a source that is not live */
#define MOST_LIVE 1024                /* and of one that is, if its times do not move */

typedef struct
{
  gpointer job;
  GstClockTime time;
} Item;

struct _GtfWorker
{
  GtfWorkerFunc func;
  gpointer owner;
  GDestroyNotify free_job;
  GThread *thread;

  GMutex lock;
  GCond cond;
  GQueue queue;                       /* of Item */
  gboolean busy, flushing, quit;
  GstClockTime newest;
  GCancellable *cancellable;
  GtfWorkerStats stats;
};

static void
item_free (GtfWorker *self, Item *item)
{
  self->free_job (item->job);
  g_free (item);
}

/* With the lock. */
static void
drop_all (GtfWorker *self)
{
  Item *item;

  while ((item = g_queue_pop_head (&self->queue)))
    item_free (self, item);
}

static Item *
take (GtfWorker *self, GCancellable **cancellable)
{
  Item *item = NULL;

  g_mutex_lock (&self->lock);
  while (!self->quit && g_queue_is_empty (&self->queue))
    g_cond_wait (&self->cond, &self->lock);
  if (!self->quit)
    {
      item = g_queue_pop_head (&self->queue);
      self->busy = TRUE;
      self->stats.lag = self->newest > item->time ? self->newest - item->time : 0;
      *cancellable = g_object_ref (self->cancellable);
      g_cond_broadcast (&self->cond);
    }
  g_mutex_unlock (&self->lock);
  return item;
}

static void
count (GtfWorker *self, guint64 took)
{
  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  self->stats.done++;
  self->stats.time_total += took;
  self->stats.time_max = MAX (self->stats.time_max, took);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

static gpointer
work (gpointer data)
{
  GtfWorker *self = data;
  GCancellable *cancellable;
  Item *item;

  while ((item = take (self, &cancellable)))
    {
      gint64 began = g_get_monotonic_time ();

      self->func (item->job, cancellable, self->owner);
      g_object_unref (cancellable);
      item_free (self, item);
      count (self, (guint64) (g_get_monotonic_time () - began) * 1000);
    }
  return NULL;
}

GtfWorker *
gtf_worker_new (const char *name, GtfWorkerFunc func, gpointer owner, GDestroyNotify free_job)
{
  GtfWorker *self = g_new0 (GtfWorker, 1);

  self->func = func;
  self->owner = owner;
  self->free_job = free_job;
  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->queue);
  self->thread = g_thread_new (name, work, self);
  return self;
}

void
gtf_worker_free (GtfWorker *self)
{
  if (!self)
    return;
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  g_cancellable_cancel (self->cancellable);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  drop_all (self);
  g_object_unref (self->cancellable);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* With the lock. */
static void
drop_old (GtfWorker *self, GstClockTime oldest)
{
  Item *item;

  while ((item = g_queue_peek_head (&self->queue)) && (item->time < oldest || self->queue.length >= MOST_LIVE))
    {
      item_free (self, g_queue_pop_head (&self->queue));
      self->stats.dropped++;
    }
}

gboolean
gtf_worker_push (GtfWorker *self, gpointer job, GstClockTime time, gboolean live, GstClockTime max_lag)
{
  Item *item = g_new0 (Item, 1);
  gboolean good;

  *item = (Item) { job, time };
  g_mutex_lock (&self->lock);
  if (live)
    drop_old (self, time - MIN (time, max_lag));
  while (!live && !self->flushing && !self->quit && self->queue.length >= MOST_WAITING)
    g_cond_wait (&self->cond, &self->lock);
  good = !self->flushing && !self->quit;
  if (good)
    {
      g_queue_push_tail (&self->queue, item);
      self->newest = time;
      self->stats.in++;
    }
  else
    item_free (self, item);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return good;
}

gboolean
gtf_worker_drain (GtfWorker *self)
{
  gboolean good;

  g_mutex_lock (&self->lock);
  while (!self->flushing && !self->quit && (self->busy || !g_queue_is_empty (&self->queue)))
    g_cond_wait (&self->cond, &self->lock);
  good = !self->flushing && !self->quit;
  g_mutex_unlock (&self->lock);
  return good;
}

void
gtf_worker_flush (GtfWorker *self)
{
  g_mutex_lock (&self->lock);
  self->flushing = TRUE;
  drop_all (self);
  g_cancellable_cancel (self->cancellable);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gtf_worker_resume (GtfWorker *self)
{
  g_mutex_lock (&self->lock);
  while (self->busy && self->flushing)
    g_cond_wait (&self->cond, &self->lock);
  if (self->flushing)
    {
      g_object_unref (self->cancellable);
      self->cancellable = g_cancellable_new ();
    }
  self->flushing = FALSE;
  g_mutex_unlock (&self->lock);
}

void
gtf_worker_get_stats (GtfWorker *self, GtfWorkerStats *stats)
{
  g_mutex_lock (&self->lock);
  *stats = self->stats;
  g_mutex_unlock (&self->lock);
}
