/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/each.h"

typedef struct
{
  GtfHubEachFunc func;
  gpointer data;
  guint n;
  GCancellable *stop;
  GMutex lock;
  guint next;
  GError *error;
} Each;

/* FALSE where there is nothing left to do, or nobody wants it any longer. */
static gboolean
take (Each *self, guint *index)
{
  gboolean more;

  g_mutex_lock (&self->lock);
  more = self->error == NULL && self->next < self->n && !g_cancellable_is_cancelled (self->stop);
  if (more)
    *index = self->next++;
  g_mutex_unlock (&self->lock);
  return more;
}

static gpointer
work (gpointer data)
{
  Each *self = data;
  guint index;

  while (take (self, &index))
    {
      g_autoptr (GError) error = NULL;

      if (self->func (index, self->data, self->stop, &error))
        continue;
      g_mutex_lock (&self->lock);
      if (self->error == NULL)
        self->error = g_steal_pointer (&error);
      g_mutex_unlock (&self->lock);
      g_cancellable_cancel (self->stop);
    }
  return NULL;
}

static void
on_cancelled (GCancellable *cancellable, GCancellable *stop)
{
  g_cancellable_cancel (stop);
}

gboolean
gtf_hub_each (guint n, guint workers, GtfHubEachFunc func, gpointer data, GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) stop = g_cancellable_new ();
  g_autoptr (GPtrArray) threads = g_ptr_array_new ();
  Each self = { .func = func, .data = data, .n = n, .stop = stop };
  gulong handler;

  if (n == 0)
    return TRUE;
  g_mutex_init (&self.lock);
  handler = cancellable ? g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), stop, NULL) : 0;
  for (guint i = 1; i < MIN (workers, n); i++)
    {
      GThread *thread = g_thread_try_new ("gtf-hub", work, &self, NULL);

      if (thread)
        g_ptr_array_add (threads, thread);
    }
  work (&self);
  for (guint i = 0; i < threads->len; i++)
    g_thread_join (threads->pdata[i]);
  g_cancellable_disconnect (cancellable, handler);
  g_mutex_clear (&self.lock);
  if (self.error == NULL && self.next < n)
    g_cancellable_set_error_if_cancelled (stop, &self.error);
  if (self.error == NULL)
    return TRUE;
  g_propagate_error (error, self.error);
  return FALSE;
}
