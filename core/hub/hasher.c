/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Buffers go round: whoever receives takes an empty one and puts it filled, the thread hashes it and gives it back. There are few of them, so that neither runs far ahead
 * of the other.
 */
#include "hub/hasher.h"

#define N_BUFFERS 4

typedef struct
{
  guint8 *data;
  gsize n;
} Buffer;

struct _GtfHubHasher
{
  GtfDigest *digest;
  GThread *thread;
  GAsyncQueue *empty, *full;
  Buffer buffers[N_BUFFERS], end;
};

static gpointer
run (gpointer data)
{
  GtfHubHasher *self = data;
  Buffer *buffer;

  while ((buffer = g_async_queue_pop (self->full)) != &self->end)
    {
      gtf_digest_update (self->digest, buffer->data, buffer->n);
      g_async_queue_push (self->empty, buffer);
    }
  return NULL;
}

static void
hasher_free (GtfHubHasher *self)
{
  for (guint i = 0; i < N_BUFFERS; i++)
    g_free (self->buffers[i].data);
  g_async_queue_unref (self->empty);
  g_async_queue_unref (self->full);
  g_free (self);
}

GtfHubHasher *
gtf_hub_hasher_new (GtfDigest *digest, gsize size)
{
  GtfHubHasher *self = g_new0 (GtfHubHasher, 1);

  self->digest = digest;
  self->empty = g_async_queue_new ();
  self->full = g_async_queue_new ();
  for (guint i = 0; i < N_BUFFERS; i++)
    {
      self->buffers[i].data = g_malloc (size);
      g_async_queue_push (self->empty, &self->buffers[i]);
    }
  self->thread = g_thread_try_new ("gtf-hash", run, self, NULL);
  if (self->thread)
    return self;
  hasher_free (self);
  return NULL;
}

guint8 *
gtf_hub_hasher_take (GtfHubHasher *self)
{
  Buffer *buffer = g_async_queue_pop (self->empty);

  return buffer->data;
}

void
gtf_hub_hasher_put (GtfHubHasher *self, guint8 *data, gsize n)
{
  Buffer *buffer = self->buffers;

  while (buffer->data != data)
    buffer++;
  buffer->n = n;
  g_async_queue_push (n ? self->full : self->empty, buffer);
}

void
gtf_hub_hasher_finish (GtfHubHasher *self)
{
  g_async_queue_push (self->full, &self->end);
  g_thread_join (self->thread);
  hasher_free (self);
}
