/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How it decides, every 16 ms over the last 48 ms:
 *   - level: well above a noise floor that follows the quietest recent frames, and above an absolute floor;
 *   - voicing: the normalised autocorrelation at 4 kHz has a strong peak at a lag of 70 to 400 Hz. Noise has none, hiss and fans
 *     have none; vowels carry speech, so that a word without a single voiced frame does not occur;
 *   - continuity: the pitch of a voice is about that of the frame before, or an octave off; what noise happens to have jumps;
 *   - movement: a tone whose pitch and level stand still for longer than any vowel is a tone, not a voice.
 * Some voiced frames close together open the gate; half a second without one closes it.
 */
#include "voice-gate.h"

#include <math.h>
#include <string.h>

#define RATE 4000                     /* what the gate works at */
#define HOP 64                        /* 16 ms */
#define FRAME 192                     /* 48 ms */
#define MIN_LAG (RATE / 400)
#define MAX_LAG (RATE / 70)
#define HISTORY 16                    /* frames looked back at to open */
#define VOICED_TO_OPEN 3
#define CLOSE_AFTER (RATE / 2)
#define STEADY_FRAMES 40              /* 0.64 s */
#define MIN_LEVEL_DB -55.f
#define ABOVE_FLOOR_DB 8.f
#define MIN_PERIODICITY 0.55f

struct _GtfVoiceGate
{
  guint decimation, phase;            /* input samples a sample at RATE; how many are in the sum */
  float sum;
  float before[2], high[2];           /* two stages of the high-pass: input and output of the sample before */
  float frame[FRAME];
  guint n_frame, n_new;
  guint64 position;                   /* at RATE */
  float floor_db, low_db;             /* noise floor; the quietest frame of the running window */
  guint window;
  guint history;                      /* voiced frames as bits, newest lowest */
  guint steady;
  guint steady_lag;                   /* where the present run of like frames began */
  float steady_db;
  guint last_lag;                     /* of the frame before; 0: it had no period */
  gboolean open;
  guint64 onset, last_voice;
};

GtfVoiceGate *
gtf_voice_gate_new (guint sampling_rate)
{
  GtfVoiceGate *self = g_new0 (GtfVoiceGate, 1);

  self->decimation = MAX (sampling_rate / RATE, 1);
  gtf_voice_gate_reset (self);
  return self;
}

void
gtf_voice_gate_free (GtfVoiceGate *self)
{
  g_free (self);
}

void
gtf_voice_gate_reset (GtfVoiceGate *self)
{
  guint decimation = self->decimation;

  memset (self, 0, sizeof *self);
  self->decimation = decimation;
  self->floor_db = -60;
  self->low_db = 0;
}

static float
level_db (const float *x, guint n)
{
  float mean = 0, sum = 0;

  for (guint i = 0; i < n; i++)
    mean += x[i];
  mean /= (float) n;
  for (guint i = 0; i < n; i++)
    sum += (x[i] - mean) * (x[i] - mean);
  return 10 * log10f (sum / (float) n + 1e-12f);
}

/* The highest normalised autocorrelation over the lags of a voice, and its lag. */
static float
periodicity (const float *frame, guint *best_lag)
{
  float best = 0, x[FRAME];

  x[0] = 0;                         /* rumble, wind and brown noise correlate with themselves: flatten them first */
  for (guint i = 1; i < FRAME; i++)
    x[i] = frame[i] - 0.95f * frame[i - 1];

  for (guint lag = MIN_LAG; lag <= MAX_LAG; lag++)
    {
      float cross = 0, a = 1e-9f, b = 1e-9f;

      for (guint i = 0; i + MAX_LAG < FRAME; i++)
        {
          cross += x[i] * x[i + lag];
          a += x[i] * x[i];
          b += x[i + lag] * x[i + lag];
        }
      cross /= sqrtf (a * b);
      if (cross > best * 1.05f)     /* the shortest period, not a multiple of it */
        {
          best = cross;
          *best_lag = lag;
        }
    }
  return best;
}

/* The floor falls at once and rises to the quietest frame of each window of 1.3 s, so that what never pauses is noise. */
static void
follow_floor (GtfVoiceGate *self, float db)
{
  self->low_db = self->window ? MIN (self->low_db, db) : db;
  if (db < self->floor_db)
    self->floor_db = MAX (db, -80);
  if (++self->window == 80)
    {
      self->floor_db = MAX (self->low_db, -80);
      self->window = 0;
    }
}

static gboolean
is_steady (GtfVoiceGate *self, float db, guint lag)
{
  if (ABS ((int) lag - (int) self->steady_lag) > 1 || fabsf (db - self->steady_db) > 1.5f)
    {
      self->steady = 0;
      self->steady_lag = lag;
      self->steady_db = db;
    }
  return ++self->steady > STEADY_FRAMES;
}

static gboolean
is_near (guint a, guint b)
{
  return (guint) ABS ((int) a - (int) b) <= MAX (2, a / 6);
}

/* Octaves are where the autocorrelation errs. */
static gboolean
continues (GtfVoiceGate *self, guint lag)
{
  guint before = self->last_lag;

  self->last_lag = lag;
  return before && (is_near (lag, before) || is_near (lag, 2 * before) || is_near (2 * lag, before));
}

static void
hear_frame (GtfVoiceGate *self)
{
  float db = level_db (self->frame, FRAME);
  gboolean loud, voiced = FALSE;
  guint lag = 0;

  follow_floor (self, db);
  loud = db > MIN_LEVEL_DB && db > self->floor_db + ABOVE_FLOOR_DB;
  if (loud && periodicity (self->frame, &lag) > MIN_PERIODICITY)
    {
      voiced = continues (self, lag);
      voiced = !is_steady (self, db, lag) && voiced;
    }
  else
    self->steady = self->last_lag = 0;
  self->history = (self->history << 1 | voiced) & ((1u << HISTORY) - 1);
  if (voiced && (self->open || __builtin_popcount (self->history) >= VOICED_TO_OPEN))
    {
      if (!self->open)
        self->onset = self->position - MIN (self->position, (guint64) HISTORY * HOP + FRAME);
      self->open = TRUE;
      self->last_voice = self->position;
    }
  if (self->open && self->position > self->last_voice + CLOSE_AFTER)
    self->open = FALSE;
}

/* Takes away what lies below any voice (one pole at 57 Hz, twice): rumble, hum of handling, an offset. */
static float
high_pass (GtfVoiceGate *self, float x)
{
  for (guint i = 0; i < 2; i++)
    {
      self->high[i] = x - self->before[i] + 0.91f * self->high[i];
      self->before[i] = x;
      x = self->high[i];
    }
  return x;
}

void
gtf_voice_gate_push (GtfVoiceGate *self, const float *samples, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      self->sum += samples[i];
      if (++self->phase < self->decimation)
        continue;
      if (self->n_frame == FRAME)
        {
          memmove (self->frame, self->frame + HOP, (FRAME - HOP) * sizeof (float));
          self->n_frame -= HOP;
        }
      self->frame[self->n_frame++] = high_pass (self, self->sum / (float) self->decimation);
      self->sum = 0;
      self->phase = 0;
      self->position++;
      if (self->n_frame == FRAME)
        hear_frame (self);
    }
}

gboolean
gtf_voice_gate_is_open (const GtfVoiceGate *self)
{
  return self->open;
}

guint64
gtf_voice_gate_get_onset (const GtfVoiceGate *self)
{
  return self->onset * self->decimation;
}

guint64
gtf_voice_gate_get_last_voice (const GtfVoiceGate *self)
{
  return self->last_voice * self->decimation;
}
