/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfTranscriber: live speech to text for any program that has samples; gtfasr is a thin coat over it.
 *
 * One thread of its own runs the model over a GtfLiveStream, which decides when. gtf_transcriber_push() only queues. The queue has
 * a bound: in live use the oldest sound is thrown away once more than `max_lag` waits (and counted), otherwise the pusher waits.
 * Samples carry the time of the caller's clock; a jump in it (or a discontinuity) ends the utterance and starts anew.
 */
#include "transcriber-private.h"

#include <string.h>
#include "pipeline/pipeline-private.h"

#define QUEUE_SECONDS 5               /* sound that is not live: how much may wait */

enum
{
  SIGNAL_WORDS,
  SIGNAL_PARTIAL,
  SIGNAL_DRAINED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (GtfTranscriber, gtf_transcriber, G_TYPE_OBJECT)
G_DEFINE_BOXED_TYPE (GtfWord, gtf_word, gtf_word_copy, gtf_word_free)

/**
 * gtf_word_copy:
 * @self: a word
 *
 * Returns: (transfer full): a copy
 */
GtfWord *
gtf_word_copy (const GtfWord *self)
{
  GtfWord *copy = g_new (GtfWord, 1);

  *copy = *self;
  copy->text = g_strdup (self->text);
  return copy;
}

/**
 * gtf_word_free:
 * @self: a word
 *
 * Frees it.
 */
void
gtf_word_free (GtfWord *self)
{
  g_free (self->text);
  g_free (self);
}

/* ---- telling ---- */

typedef struct
{
  GtfTranscriber *self;
  guint signal;
  GPtrArray *words;
} Emission;

static gboolean
emit (gpointer data)
{
  Emission *e = data;

  if (e->words)
    g_signal_emit (e->self, signals[e->signal], 0, e->words);
  else
    g_signal_emit (e->self, signals[e->signal], 0);
  return G_SOURCE_REMOVE;
}

static void
emission_free (gpointer data)
{
  Emission *e = data;

  g_clear_pointer (&e->words, g_ptr_array_unref);
  g_object_unref (e->self);
  g_free (e);
}

void
gtf_transcriber_tell (GtfTranscriber *self, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error)
{
  guint signal = event == GTF_TRANSCRIBER_FINAL ? SIGNAL_WORDS : event == GTF_TRANSCRIBER_PARTIAL ? SIGNAL_PARTIAL : event == GTF_TRANSCRIBER_DRAINED ? SIGNAL_DRAINED : N_SIGNALS;
  Emission *e;

  if (self->func)
    {
      self->func (self, event, words, time, error, self->func_data);
      return;
    }
  if (error)
    g_warning ("%s", error->message);
  if (signal == N_SIGNALS)
    return;
  e = g_new0 (Emission, 1);
  e->self = g_object_ref (self);
  e->signal = signal;
  e->words = words ? g_ptr_array_ref (words) : NULL;
  g_main_context_invoke_full (self->context, G_PRIORITY_DEFAULT, emit, e, emission_free);
}

/* ---- the object ---- */

static void
gtf_transcriber_dispose (GObject *object)
{
  gtf_transcriber_stop (GTF_TRANSCRIBER (object));
  G_OBJECT_CLASS (gtf_transcriber_parent_class)->dispose (object);
}

static void
gtf_transcriber_finalize (GObject *object)
{
  GtfTranscriber *self = GTF_TRANSCRIBER (object);

  if (self->func_destroy)
    self->func_destroy (self->func_data);
  g_queue_clear_full (&self->queue, g_free);
  gtf_live_stream_free (self->stream);
  g_clear_object (&self->pipeline);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_free (self->parameters);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gtf_transcriber_parent_class)->finalize (object);
}

static void
gtf_transcriber_class_init (GtfTranscriberClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);

  object->dispose = gtf_transcriber_dispose;
  object->finalize = gtf_transcriber_finalize;
  /**
   * GtfTranscriber::words:
   * @self: the transcriber
   * @words: (element-type GtfWord): words that will not change any more
   *
   * Emitted in the main context that was the default of the thread that made the transcriber.
   */
  signals[SIGNAL_WORDS] = g_signal_new ("words", GTF_TYPE_TRANSCRIBER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_PTR_ARRAY);
  /**
   * GtfTranscriber::partial:
   * @self: the transcriber
   * @words: (element-type GtfWord): what is heard at the moment; the next emission of either signal replaces it
   */
  signals[SIGNAL_PARTIAL] = g_signal_new ("partial", GTF_TYPE_TRANSCRIBER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_PTR_ARRAY);
  /**
   * GtfTranscriber::drained:
   * @self: the transcriber
   *
   * All that was pushed before gtf_transcriber_drain() has been worked on.
   */
  signals[SIGNAL_DRAINED] = g_signal_new ("drained", GTF_TYPE_TRANSCRIBER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
gtf_transcriber_init (GtfTranscriber *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->queue);
  self->cancellable = g_cancellable_new ();
  self->context = g_main_context_ref_thread_default ();
}

/**
 * gtf_transcriber_new: (constructor)
 * @pipeline: a pipeline of automatic-speech-recognition
 * @options: (nullable): a JSON object: "latency" (ms, 8000: a word is final that long after it was spoken while the machine keeps
 *   up), "max_lag" (ms, 10000: older sound is dropped), "live" (true; false: nothing is dropped, gtf_transcriber_push() waits),
 *   "language", "parameters" (of each request to the pipeline)
 * @error: return location
 *
 * Errors: %GTF_ERROR_INVALID_ARGUMENT for an option that is unknown or out of range, or a pipeline of another task.
 *
 * Returns: (transfer full): the transcriber
 */
GtfTranscriber *
gtf_transcriber_new (GtfPipeline *pipeline, const char *options_text, GError **error)
{
  g_auto (GtfTranscriberOptions) options = { .latency = 8000, .max_lag = 10000, .live = TRUE };
  g_autoptr (GtfTranscriber) self = NULL;
  GtfPreprocessor *preprocessor;
  GtfLiveConfig config = { 0 };

  g_return_val_if_fail (GTF_IS_PIPELINE (pipeline), NULL);
  if (!gtf_transcriber_options_read (&options, options_text, error))
    return NULL;
  preprocessor = pipeline->task.preprocessor;
  if (strcmp (gtf_pipeline_get_task (pipeline), "automatic-speech-recognition") != 0 || !preprocessor)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "live transcription needs a pipeline of automatic-speech-recognition, not of %s", gtf_pipeline_get_task (pipeline));
      return NULL;
    }
  self = g_object_new (GTF_TYPE_TRANSCRIBER, NULL);
  self->pipeline = g_object_ref (pipeline);
  self->rate = gtf_preprocessor_get_sampling_rate (preprocessor);
  self->live = options.live;
  self->max_queued = (guint64) (options.live ? options.max_lag : QUEUE_SECONDS * 1000) * self->rate / 1000;
  self->parameters = gtf_transcriber_options_to_parameters (&options, pipeline->task.generation_config != NULL, error);
  if (!self->parameters)
    return NULL;
  config.sampling_rate = self->rate;
  config.window = gtf_preprocessor_get_n_samples (preprocessor) ? gtf_preprocessor_get_n_samples (preprocessor) : 20 * (guint64) self->rate;
  config.latency = options.live ? (guint64) options.latency * self->rate / 1000 : 0;
  self->stream = gtf_live_stream_new (&config, &gtf_transcriber_live_owner, self);
  return g_steal_pointer (&self);
}

/**
 * gtf_transcriber_set_func: (skip)
 * @self: a transcriber
 * @func: called on the transcriber's own thread instead of the signals
 * @user_data: user data
 * @destroy: frees it
 *
 * Before the first push: takes the events where they happen, without a main loop.
 */
void
gtf_transcriber_set_func (GtfTranscriber *self, GtfTranscriberFunc func, gpointer user_data, GDestroyNotify destroy)
{
  g_return_if_fail (GTF_IS_TRANSCRIBER (self) && !self->thread);
  self->func = func;
  self->func_data = user_data;
  self->func_destroy = destroy;
}

/**
 * gtf_transcriber_get_sampling_rate:
 * @self: a transcriber
 *
 * Returns: samples a second that it takes
 */
guint
gtf_transcriber_get_sampling_rate (GtfTranscriber *self)
{
  g_return_val_if_fail (GTF_IS_TRANSCRIBER (self), 0);
  return self->rate;
}

/* Live: the oldest sound goes. Otherwise: the pusher waits. FALSE: it was stopped or flushed meanwhile. Called with the lock. */
static gboolean
make_room (GtfTranscriber *self, gsize n)
{
  guint flushes = self->flushes;

  if (!self->live)
    {
      while (!self->quit && flushes == self->flushes && self->queued > 0 && self->queued + n > self->max_queued)
        g_cond_wait (&self->cond, &self->lock);
      return !self->quit && flushes == self->flushes;
    }
  for (GList *l = self->queue.head, *next; l && self->queued > 0 && self->queued + n > self->max_queued; l = next)
    {
      Item *item = l->data;

      next = l->next;
      if (item->type != ITEM_SAMPLES)
        continue;
      self->queued -= item->n;
      self->stats.samples_dropped += item->n;
      self->lost = TRUE;
      g_queue_delete_link (&self->queue, l);
      g_free (item);
    }
  return !self->quit;
}

static gboolean
enqueue (GtfTranscriber *self, Item *item)
{
  gboolean good;

  g_mutex_lock (&self->lock);
  good = item->type == ITEM_SAMPLES ? make_room (self, item->n) : !self->quit;
  if (good)
    {
      g_queue_push_tail (&self->queue, item);
      self->queued += item->n;
      self->stats.samples_in += item->n;
      if (!self->thread)
        self->thread = g_thread_new ("gtf-transcriber", gtf_transcriber_work, self);
    }
  else
    g_free (item);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return good;
}

/**
 * gtf_transcriber_push:
 * @self: a transcriber
 * @samples: (array length=n_samples): mono, at gtf_transcriber_get_sampling_rate()
 * @n_samples: how many
 * @time: time of the first one in ns, on a clock of the caller's; %GTF_TIME_NONE: right after the ones before
 * @discontinuity: the samples do not continue those before
 *
 * Gives samples. Returns at once in live use; otherwise it waits while much is queued.
 *
 * Returns: %FALSE if the transcriber was stopped or flushed meanwhile, or there is no memory
 */
gboolean
gtf_transcriber_push (GtfTranscriber *self, const float *samples, gsize n_samples, guint64 time, gboolean discontinuity)
{
  gsize size;
  Item *item;

  g_return_val_if_fail (GTF_IS_TRANSCRIBER (self), FALSE);
  if (n_samples == 0)
    return TRUE;
  if (!g_size_checked_mul (&size, n_samples, sizeof (float)) || !g_size_checked_add (&size, size, sizeof (Item)) || !(item = g_try_malloc (size)))
    return FALSE;
  *item = (Item) { ITEM_SAMPLES, discontinuity, time, n_samples };
  memcpy (item->samples, samples, n_samples * sizeof (float));
  for (gsize i = 0; i < n_samples; i++)
    if (!(item->samples[i] >= -1e6f && item->samples[i] <= 1e6f))     /* NaN too */
      item->samples[i] = 0;
  return enqueue (self, item);
}

/**
 * gtf_transcriber_drain:
 * @self: a transcriber
 *
 * The sound ends here (for now): what was heard becomes final, then ::drained follows. Returns at once.
 */
void
gtf_transcriber_drain (GtfTranscriber *self)
{
  Item *item = g_new0 (Item, 1);

  g_return_if_fail (GTF_IS_TRANSCRIBER (self));
  item->type = ITEM_DRAIN;
  item->time = GTF_TIME_NONE;
  enqueue (self, item);
}

/**
 * gtf_transcriber_flush:
 * @self: a transcriber
 *
 * Forgets all that was pushed and not told yet. A run of the model under way is cancelled.
 */
void
gtf_transcriber_flush (GtfTranscriber *self)
{
  g_return_if_fail (GTF_IS_TRANSCRIBER (self));
  g_mutex_lock (&self->lock);
  self->flushes++;
  g_queue_clear_full (&self->queue, g_free);
  self->queued = 0;
  self->lost = FALSE;
  g_cancellable_cancel (self->cancellable);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/**
 * gtf_transcriber_stop:
 * @self: a transcriber
 *
 * Ends the thread; a run of the model is cancelled. Nothing is told afterwards.
 */
void
gtf_transcriber_stop (GtfTranscriber *self)
{
  GThread *thread;

  g_return_if_fail (GTF_IS_TRANSCRIBER (self));
  g_mutex_lock (&self->lock);
  self->quit = TRUE;
  thread = g_steal_pointer (&self->thread);
  g_cancellable_cancel (self->cancellable);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (thread)
    g_thread_join (thread);
}

/**
 * gtf_transcriber_get_stats:
 * @self: a transcriber
 * @stats: (out caller-allocates): the counters
 *
 * Tells how it keeps up.
 */
void
gtf_transcriber_get_stats (GtfTranscriber *self, GtfTranscriberStats *stats)
{
  g_return_if_fail (GTF_IS_TRANSCRIBER (self));
  g_mutex_lock (&self->lock);
  *stats = self->stats;
  g_mutex_unlock (&self->lock);
}
