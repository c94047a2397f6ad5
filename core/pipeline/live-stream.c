/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How it works. The voice gate (voice-gate.c) says where somebody speaks. Outside of speech the window holds only a short
 * preroll. Within speech it grows; the recogniser is asked
 *   - each `step` of new sound (live only), and what two answers in a row agree on is final (agreement.c);
 *   - when the gate closes: everything is final, the window is emptied;
 *   - when the window is nearly as long as the model can take: all but the last words are final.
 * A word is spoken at t; the next two runs hear it at t + step and t + 2 step at the latest, so a step of 2/5 of the latency leaves
 * a fifth for the runs themselves. A word that could not wait for the next run is final without agreement.
 * Final sound leaves the window once it takes up a third of it, so that what a run costs does not grow with a long speech; the
 * last two final words stay, since models tend to lose what stands at the very beginning of a cut.
 */
#include "live-stream.h"

#include <string.h>
#include "pipeline/voice-gate.h"

#define SEAM_MS 1500            /* of final sound that a shortened window still holds, at most */

struct _GtfLiveStream
{
  GtfLiveConfig config;
  const GtfLiveOwner *owner;
  gpointer owner_data;
  GtfVoiceGate *gate;
  GtfAgreement *agreement;
  float *samples;               /* the window */
  gsize n, capacity;
  guint64 start;                /* position of its first sample */
  guint64 asked;                /* position up to which the recogniser has been asked */
  guint64 cost;
  gboolean speaking;            /* in an utterance that is not complete */
};

static guint64
ms (const GtfLiveStream *self, guint64 n)
{
  return n * self->config.sampling_rate / 1000;
}

GtfLiveStream *
gtf_live_stream_new (const GtfLiveConfig *config, const GtfLiveOwner *owner, gpointer owner_data)
{
  GtfLiveStream *self = g_new0 (GtfLiveStream, 1);

  self->config = *config;
  self->owner = owner;
  self->owner_data = owner_data;
  self->gate = gtf_voice_gate_new (config->sampling_rate);
  self->agreement = gtf_agreement_new ();
  self->capacity = config->window;
  self->samples = g_new (float, self->capacity);
  return self;
}

void
gtf_live_stream_free (GtfLiveStream *self)
{
  if (!self)
    return;
  gtf_voice_gate_free (self->gate);
  gtf_agreement_free (self->agreement);
  g_free (self->samples);
  g_free (self);
}

void
gtf_live_stream_reset (GtfLiveStream *self)
{
  gtf_voice_gate_reset (self->gate);
  gtf_agreement_reset (self->agreement);
  self->n = 0;
  self->start = self->asked = 0;
  self->speaking = FALSE;
}

void
gtf_live_stream_set_cost (GtfLiveStream *self, guint64 samples)
{
  self->cost = samples;
}

guint64
gtf_live_stream_get_position (const GtfLiveStream *self)
{
  return self->start + self->n;
}

/* Forgets the window up to @position. */
static void
trim (GtfLiveStream *self, guint64 position)
{
  gsize n = position > self->start ? (gsize) MIN (position - self->start, self->n) : 0;

  if (n == 0)
    return;
  memmove (self->samples, self->samples + n, (self->n - n) * sizeof (float));
  self->n -= n;
  self->start += n;
}

static guint64
step (const GtfLiveStream *self)
{
  return self->config.latency * 2 / 5;
}

typedef enum
{
  RUN_STEP,       /* what agrees is final */
  RUN_FULL,       /* all but what touches the end is final */
  RUN_END         /* everything is */
} Run;

/* G_MESSAGES_DEBUG=gtf: what was heard, for whoever wonders where a word went. */
static void
tell_run (const GtfLiveStream *self, Run kind, GPtrArray *words, GPtrArray *final, guint64 deadline)
{
  g_autoptr (GString) text = g_string_new (NULL);
  double rate = self->config.sampling_rate;

  if (g_log_writer_default_would_drop (G_LOG_LEVEL_DEBUG, G_LOG_DOMAIN))
    return;
  for (guint i = 0; i < words->len; i++)
    {
      const GtfHeard *word = words->pdata[i];

      g_string_append_printf (text, "%s[%.2f %.2f]", word->text, (double) word->start / rate, (double) word->end / rate);
    }
  g_debug ("live: %s over %.2f to %.2f s, deadline %.2f: heard%s; %u final up to %.2f", kind == RUN_STEP ? "step" : kind == RUN_FULL ? "full window" : "end",
           (double) self->start / rate, (double) gtf_live_stream_get_position (self) / rate, (double) deadline / rate, text->str, final->len,
           (double) gtf_agreement_get_end (self->agreement) / rate);
}

static void run (GtfLiveStream *self, Run kind);

/* A model that goes in circles from @loop on is deaf to what follows: half of that is left out (what was
 * understood before is final), and the rest is heard anew, by the next step, or at once where there is none. */
static void
skip_loop (GtfLiveStream *self, Run kind, guint64 loop, guint64 now)
{
  trim (self, loop + (now - loop) / 2);
  if (kind != RUN_STEP && self->n > ms (self, 2000))
    run (self, kind);
}

static void
run (GtfLiveStream *self, Run kind)
{
  guint64 now = gtf_live_stream_get_position (self), deadline = 0;
  guint64 unsure = self->config.latency > 0 ? MIN (ms (self, 1000), self->config.latency / 5) : ms (self, 1000);
  g_autoptr (GPtrArray) words = self->owner->recognise (self->owner_data, self->samples, self->n, self->start);
  g_autoptr (GPtrArray) final = NULL;
  guint64 loop;

  self->asked = now;
  if (!words)
    words = g_ptr_array_new ();     /* it failed, which the owner tells; the window goes on */
  loop = gtf_heard_list_drop_loops (words);
  if (kind == RUN_FULL)
    deadline = now - MIN (now, unsure);
  else if (self->config.latency > 0)
    {
      guint64 wait = self->config.latency - MIN (self->config.latency, step (self) + self->cost);   /* the next run would be later */

      deadline = now - MIN (now, MAX (wait, unsure));
    }
  final = gtf_agreement_add (self->agreement, words, self->start, deadline, kind == RUN_END || loop < now);
  tell_run (self, kind, words, final, deadline);
  if (final->len > 0)
    self->owner->final (self->owner_data, final);
  if (gtf_agreement_get_pending (self->agreement)->len > 0)
    self->owner->partial (self->owner_data, gtf_agreement_get_pending (self->agreement));
  if (loop < now)
    skip_loop (self, kind, loop, now);
}

/* A pause, or the end: the utterance is complete. */
static void
end_utterance (GtfLiveStream *self)
{
  if (!self->speaking)
    return;
  run (self, RUN_END);
  self->owner->utterance_end (self->owner_data);
  self->speaking = FALSE;
}

static void
make_room (GtfLiveStream *self)
{
  guint64 now = gtf_live_stream_get_position (self), seam;

  run (self, RUN_FULL);
  seam = gtf_agreement_get_seam (self->agreement, ms (self, SEAM_MS));
  /* Nearly nothing recognised in a whole window: keep its last part only. */
  if (seam < self->start + self->config.window / 6)
    seam = now - MIN (now, self->config.window / 3);
  trim (self, seam);
}

static void
hear_silence (GtfLiveStream *self)
{
  guint64 now = gtf_live_stream_get_position (self), preroll = ms (self, 400);

  if (self->n <= preroll)
    return;
  trim (self, now - preroll);
  self->asked = now;
  self->owner->silence (self->owner_data, self->start);
}

/* Sound that is not live is not cut at each short pause: longer windows are recognised better, and cost less. */
static gboolean
may_end (GtfLiveStream *self)
{
  guint64 quiet = gtf_live_stream_get_position (self) - gtf_voice_gate_get_last_voice (self->gate);

  return self->config.latency > 0 || self->n > self->config.window / 2 || quiet > ms (self, 1500);
}

static void
decide (GtfLiveStream *self)
{
  if (gtf_voice_gate_is_open (self->gate))
    {
      guint64 end = gtf_agreement_get_end (self->agreement);

      self->speaking = TRUE;
      if (self->n + ms (self, 1000) >= self->config.window)
        make_room (self);
      else if (self->config.latency > 0 && gtf_live_stream_get_position (self) >= MAX (self->asked, self->start) + step (self))
        {
          run (self, RUN_STEP);
          end = gtf_agreement_get_end (self->agreement);
          if (end > self->start + self->config.window / 3)
            trim (self, gtf_agreement_get_seam (self->agreement, ms (self, SEAM_MS)));
        }
    }
  else if (self->speaking && (may_end (self) || self->n + ms (self, 1000) >= self->config.window))
    end_utterance (self);
  if (!self->speaking)
    hear_silence (self);
}

void
gtf_live_stream_push (GtfLiveStream *self, const float *samples, gsize n_samples)
{
  gsize piece = (gsize) ms (self, 100);

  while (n_samples > 0)
    {
      gsize n = MIN (MIN (piece, n_samples), self->capacity - self->n);

      memcpy (self->samples + self->n, samples, n * sizeof (float));
      self->n += n;
      gtf_voice_gate_push (self->gate, samples, n);
      samples += n;
      n_samples -= n;
      decide (self);
    }
}

void
gtf_live_stream_drain (GtfLiveStream *self)
{
  end_utterance (self);
  trim (self, gtf_live_stream_get_position (self));
  self->owner->silence (self->owner_data, self->start);
}
