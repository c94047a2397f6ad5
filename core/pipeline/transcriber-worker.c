/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread of a transcriber: takes samples from the queue, carries them to the live stream, runs the pipeline for it and tells
 * what was heard on the caller's clock.
 */
#include "transcriber-private.h"

#include "pipeline/pipeline-private.h"

#define MAX_JUMP_NS (100 * 1000000)

static guint64
nanoseconds (guint64 samples, guint rate)
{
  return samples / rate * 1000000000 + samples % rate * 1000000000 / rate;
}

static guint64
to_time (GtfTranscriber *self, guint64 position)
{
  return self->base_time + nanoseconds (position, self->rate);
}

/* Words on the stream's samples -> words on the caller's clock. */
static GPtrArray *
to_words (GtfTranscriber *self, GPtrArray *heard)
{
  GPtrArray *words = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_word_free);

  for (guint i = 0; i < heard->len; i++)
    {
      const GtfHeard *h = heard->pdata[i];
      GtfWord word = { h->text, to_time (self, h->start), to_time (self, h->end) };

      g_ptr_array_add (words, gtf_word_copy (&word));
    }
  return words;
}

/* ---- the live stream's owner ---- */

static GPtrArray *
heard_from_result (GtfTranscriber *self, GtfResult *result, guint64 start, gsize n)
{
  GPtrArray *words = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_heard_free);
  double length = (double) n / self->rate, last = 0;

  for (guint i = 0; i < gtf_result_get_n_chunks (result); i++)
    {
      const char *text = gtf_result_get_chunk_text (result, i);
      double from = gtf_result_get_chunk_start (result, i), to = gtf_result_get_chunk_end (result, i);

      if (!text || !*text)
        continue;
      from = from >= last ? MIN (from, length) : last;        /* null is NaN: after the word before */
      to = to >= from ? MIN (to, length) : from;
      g_ptr_array_add (words, gtf_heard_new (text, start + (guint64) (from * self->rate), start + (guint64) (to * self->rate)));
      last = from;
    }
  return words;
}

static void
count_run (GtfTranscriber *self, gint64 took_us)
{
  guint64 ns = (guint64) took_us * 1000;

  g_mutex_lock (&self->lock);
  self->stats.passes++;
  self->stats.inference_total += ns;
  self->stats.inference_max = MAX (self->stats.inference_max, ns);
  g_mutex_unlock (&self->lock);
  self->mean_cost = self->mean_cost > 0 ? 0.8 * self->mean_cost + 0.2 * (double) took_us : (double) took_us;
  gtf_live_stream_set_cost (self->stream, (guint64) (self->mean_cost * 1.5 * self->rate / 1e6));
}

static GPtrArray *
recognise (gpointer owner, const float *samples, gsize n, guint64 start)
{
  GtfTranscriber *self = owner;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = NULL;
  gint64 began = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  self->stats.lag = nanoseconds (self->queued, self->rate);
  g_mutex_unlock (&self->lock);
  result = gtf_pipeline_run_samples (self->pipeline, samples, n, self->rate, self->parameters, self->cancellable, &error);
  count_run (self, g_get_monotonic_time () - began);
  if (!result)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        gtf_transcriber_tell (self, GTF_TRANSCRIBER_ERROR, NULL, GTF_TIME_NONE, error);
      return NULL;
    }
  return heard_from_result (self, result, start, n);
}

static void
on_final (gpointer owner, GPtrArray *heard)
{
  g_autoptr (GPtrArray) words = to_words (owner, heard);

  gtf_transcriber_tell (owner, GTF_TRANSCRIBER_FINAL, words, GTF_TIME_NONE, NULL);
}

static void
on_partial (gpointer owner, GPtrArray *heard)
{
  g_autoptr (GPtrArray) words = to_words (owner, heard);

  gtf_transcriber_tell (owner, GTF_TRANSCRIBER_PARTIAL, words, GTF_TIME_NONE, NULL);
}

static void
on_silence (gpointer owner, guint64 until)
{
  gtf_transcriber_tell (owner, GTF_TRANSCRIBER_SILENCE, NULL, to_time (owner, until), NULL);
}

static void
on_utterance_end (gpointer owner)
{
  gtf_transcriber_tell (owner, GTF_TRANSCRIBER_UTTERANCE_END, NULL, GTF_TIME_NONE, NULL);
}

const GtfLiveOwner gtf_transcriber_live_owner = { recognise, on_final, on_partial, on_silence, on_utterance_end };

/* ---- the thread ---- */

static void
hear (GtfTranscriber *self, const Item *item, gboolean lost)
{
  gboolean first = gtf_live_stream_get_position (self->stream) == 0;
  gboolean jump = item->time != GTF_TIME_NONE && !first &&
                  (item->time > self->next_time + MAX_JUMP_NS || item->time + MAX_JUMP_NS < self->next_time);

  if (item->discontinuity || jump || lost)
    {
      gtf_live_stream_drain (self->stream);
      gtf_live_stream_reset (self->stream);
      first = TRUE;
    }
  if (first)
    self->base_time = item->time != GTF_TIME_NONE ? item->time : self->next_time;
  gtf_live_stream_push (self->stream, item->samples, item->n);
  self->next_time = to_time (self, gtf_live_stream_get_position (self->stream));
}

/* (nullable): the next item, or NULL to end */
static Item *
take (GtfTranscriber *self, gboolean *lost, guint *flushes)
{
  Item *item;

  g_mutex_lock (&self->lock);
  while (!self->quit && g_queue_is_empty (&self->queue) && *flushes == self->flushes)
    g_cond_wait (&self->cond, &self->lock);
  if (*flushes != self->flushes)
    {
      *flushes = self->flushes;
      if (!self->quit)
        {
          g_object_unref (self->cancellable);
          self->cancellable = g_cancellable_new ();
        }
      g_mutex_unlock (&self->lock);
      gtf_live_stream_reset (self->stream);
      self->next_time = 0;
      return take (self, lost, flushes);
    }
  item = self->quit ? NULL : g_queue_pop_head (&self->queue);
  if (item)
    {
      self->queued -= item->n;
      self->stats.samples_done += item->n;
    }
  *lost = self->lost;
  self->lost = FALSE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return item;
}

gpointer
gtf_transcriber_work (gpointer data)
{
  GtfTranscriber *self = data;
  guint flushes = 0;
  gboolean lost;
  Item *item;

  while ((item = take (self, &lost, &flushes)))
    {
      if (item->type == ITEM_SAMPLES)
        hear (self, item, lost);
      else
        {
          gtf_live_stream_drain (self->stream);
          gtf_live_stream_reset (self->stream);
          gtf_transcriber_tell (self, GTF_TRANSCRIBER_DRAINED, NULL, GTF_TIME_NONE, NULL);
        }
      g_free (item);
    }
  return NULL;
}
