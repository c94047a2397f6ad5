/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The policy of live transcription, without threads, clocks or models: sound goes in, and at the right moments a recogniser is
 * asked what is said in the window. All decisions hang on positions in the stream, so they are the same at any speed.
 */
#pragma once

#include "pipeline/agreement.h"

G_BEGIN_DECLS

typedef struct _GtfLiveStream GtfLiveStream;

typedef struct
{
  guint sampling_rate;
  guint64 window;           /* samples the model takes at most */
  guint64 latency;          /* samples after its end by which a word has to be final; 0: sound that is not live, accuracy first */
} GtfLiveConfig;

/* The owner's side. All positions in samples since the last reset. */
typedef struct
{
  /* What is said in these samples, whose first one stands at @start? (transfer full) (element-type GtfHeard); NULL: it failed */
  GPtrArray *(*recognise) (gpointer owner, const float *samples, gsize n_samples, guint64 start);
  void (*final)           (gpointer owner, GPtrArray *words);
  void (*partial)         (gpointer owner, GPtrArray *words);
  void (*silence)         (gpointer owner, guint64 until);
  void (*utterance_end)   (gpointer owner);
} GtfLiveOwner;

GtfLiveStream *gtf_live_stream_new   (const GtfLiveConfig *config, const GtfLiveOwner *owner, gpointer owner_data);
void           gtf_live_stream_free  (GtfLiveStream *self);
void           gtf_live_stream_push  (GtfLiveStream *self, const float *samples, gsize n_samples);
/* All that was heard becomes final. */
void           gtf_live_stream_drain (GtfLiveStream *self);
/* Forgets everything; position 0. */
void           gtf_live_stream_reset (GtfLiveStream *self);
/* Samples that the recogniser needs for one run, roughly: how far a word may lag beside the step. */
void           gtf_live_stream_set_cost (GtfLiveStream *self, guint64 samples);
guint64        gtf_live_stream_get_position (const GtfLiveStream *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfLiveStream, gtf_live_stream_free)

G_END_DECLS
