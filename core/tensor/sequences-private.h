/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts of a batch, padded or packed: where each lies and how long it is.
 */
#pragma once

#include "tensor/context-private.h"

typedef struct
{
  gint64 n, steps, longest;     /* texts; steps of x in all; of the longest */
  const gint32 *starts;         /* [n + 1] in steps; NULL: all texts are as long, shape[1] of x */
} GtfSequences;

static inline gint64
gtf_sequence_start (const GtfSequences *s, gint64 i)
{
  return s->starts != NULL ? s->starts[i] : i * s->longest;
}

static inline gint64
gtf_sequence_length (const GtfSequences *s, gint64 i)
{
  return s->starts != NULL ? s->starts[i + 1] - s->starts[i] : s->longest;
}

/* The texts of x [B][T][..]; FALSE after a sticky error: `starts` must be I32 from 0 to T, none falling, and x of one row. */
gboolean gtf_sequences_read (GtfContext *c, const GtfTensor *x, const GtfTensor *starts, GtfSequences *out);
