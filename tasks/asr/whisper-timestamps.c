/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What Whisper's decoder may say next. Besides the lists of suppressed tokens these are the rules of timestamps (Radford et
 * al. 2022, and transformers' WhisperTimeStampLogitsProcessor): they come in pairs except right before the end, never run
 * backwards, the first one is early, and a timestamp is taken where all of them together are likelier than any text.
 */
#include <math.h>

#include "asr/whisper-private.h"

typedef struct
{
  gint32 no_timestamps;
  gint32 begin;
  gint32 end_of_text;
  gint64 max_initial;     /* -1: any */
} TimestampRules;

static void
forbid (float *logits, gint64 first, gint64 end, gsize vocab)
{
  for (gint64 i = MAX (first, 0); i < MIN (end, (gint64) vocab); i++)
    logits[i] = -INFINITY;
}

/* Which timestamps are excluded by those already there. */
static void
forbid_by_history (const TimestampRules *self, const GtfLogitsStep *step, float *logits)
{
  const gint32 *said = step->ids + step->n_prompt;
  gsize n = step->n_ids - step->n_prompt;
  gboolean last_is = n >= 1 && said[n - 1] >= self->begin;
  gboolean penultimate_is = n < 2 || said[n - 2] >= self->begin;
  gint32 last = -1;

  if (last_is && penultimate_is)
    forbid (logits, self->begin, G_MAXINT64, step->vocab);
  else if (last_is)
    forbid (logits, 0, self->end_of_text, step->vocab);
  for (gsize i = 0; i < n; i++)
    if (said[i] >= self->begin)
      last = said[i];
  if (last >= 0)
    forbid (logits, self->begin, last_is && !penultimate_is ? last : last + 1, step->vocab);
}

/* Text is out where the timestamps together are likelier than the best of it. */
static void
prefer_timestamps (const TimestampRules *self, float *logits, gsize vocab)
{
  float best_text = -INFINITY, best_time = -INFINITY;
  double sum = 0;

  for (gint64 i = 0; i < MIN ((gint64) self->begin, (gint64) vocab); i++)
    best_text = MAX (best_text, logits[i]);
  for (gint64 i = self->begin; i < (gint64) vocab; i++)
    best_time = MAX (best_time, logits[i]);
  if (!(best_time > -INFINITY))
    return;
  for (gint64 i = self->begin; i < (gint64) vocab; i++)
    sum += exp ((double) logits[i] - best_time);
  if (best_time + log (sum) > best_text)
    forbid (logits, 0, self->begin, vocab);
}

static void
timestamps_process (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const TimestampRules *self = data;

  forbid (logits, self->no_timestamps, self->no_timestamps + 1, step->vocab);
  forbid_by_history (self, step, logits);
  if (step->n_ids == step->n_prompt)
    {
      forbid (logits, 0, self->begin, step->vocab);
      if (self->max_initial >= 0)
        forbid (logits, self->begin + self->max_initial + 1, G_MAXINT64, step->vocab);
    }
  prefer_timestamps (self, logits, step->vocab);
}

static const GtfLogitsProcessor timestamps = { "whisper_timestamps", timestamps_process, g_free };

static void
begin_suppress_process (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const GtfTokenIds *ids = data;

  for (gsize i = 0; step->n_ids == step->n_prompt && i < ids->n_ids; i++)
    if (ids->ids[i] >= 0 && (gsize) ids->ids[i] < step->vocab)
      logits[ids->ids[i]] = -INFINITY;
}

static void
suppress_process (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const GtfTokenIds *ids = data;

  for (gsize i = 0; i < ids->n_ids; i++)
    if (ids->ids[i] >= 0 && (gsize) ids->ids[i] < step->vocab)
      logits[ids->ids[i]] = -INFINITY;
}

/* Both borrow the list of ids from the options. */
static const GtfLogitsProcessor begin_suppress = { "begin_suppress_tokens", begin_suppress_process, NULL };
static const GtfLogitsProcessor suppress = { "suppress_tokens", suppress_process, NULL };

/* (transfer full): in the reference's order; must not outlive the options. */
GtfLogitsProcessorList *
asr_whisper_processors (const AsrWhisperOptions *options)
{
  GtfLogitsProcessorList *list = gtf_logits_processor_list_new ();
  TimestampRules *rules;

  if (options->begin_suppress.ids != NULL)
    gtf_logits_processor_list_append (list, &begin_suppress, (gpointer) &options->begin_suppress);
  if (options->suppress.ids != NULL)
    gtf_logits_processor_list_append (list, &suppress, (gpointer) &options->suppress);
  if (!options->return_timestamps)
    return list;
  rules = g_new0 (TimestampRules, 1);
  rules->no_timestamps = options->no_timestamps_id;
  rules->begin = options->timestamp_begin;
  rules->end_of_text = options->config->eos_token_ids.n_ids > 0 ? options->config->eos_token_ids.ids[0] : (gint32) options->config->bos_token_id;
  rules->max_initial = options->max_initial_timestamp_index;
  gtf_logits_processor_list_append (list, &timestamps, rules);
  return list;
}
