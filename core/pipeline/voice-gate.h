/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The voice activity gate: tells where somebody speaks, so that nothing is transcribed out of silence, noise or tones.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

typedef struct _GtfVoiceGate GtfVoiceGate;

GtfVoiceGate *gtf_voice_gate_new   (guint sampling_rate);
void          gtf_voice_gate_free  (GtfVoiceGate *self);
void          gtf_voice_gate_reset (GtfVoiceGate *self);      /* position 0, nothing heard */
/* Hears n samples more. */
void          gtf_voice_gate_push  (GtfVoiceGate *self, const float *samples, gsize n);
/* Is somebody speaking, pauses within a sentence included? */
gboolean      gtf_voice_gate_is_open (const GtfVoiceGate *self);
/* Positions in samples since the last reset: where the voice that opened the gate began; where the last voiced frame ended. */
guint64       gtf_voice_gate_get_onset (const GtfVoiceGate *self);
guint64       gtf_voice_gate_get_last_voice (const GtfVoiceGate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfVoiceGate, gtf_voice_gate_free)

G_END_DECLS
