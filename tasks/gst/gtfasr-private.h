/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtfasr in two files: what comes in (gtfasr.c) and what goes out (gtfasr-words.c).
 */
#pragma once

#include "elements.h"
#include "element.h"
#include "outlet.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_ASR_WORDS,
  GTF_ASR_LINES
} GtfAsrUnit;

struct _GtfAsr
{
  GtfElement parent;
  GstPad *sink, *src;
  GtfOutlet outlet;

  /* properties, under the object lock */
  char *language;
  guint latency, lateness, max_lag;
  GtfAsrUnit unit;

  /* under the element's lock */
  GtfTranscriber *transcriber;        /* there once the model is loaded and the source's liveness is known */
  gboolean live, flushing, draining, refused;     /* refused: the model or the parameters are not for live transcription */
  GArray *early;                      /* samples before the model was there (live sources only) */
  GstClockTime early_time;
  guint64 early_dropped;
  GstSegment segment;

  gboolean sent_caps;                 /* the streaming thread's */
  GstClockTime next_time;             /* expected of the next buffer */

  /* unit=line: words not put out yet; the transcriber's thread's */
  GString *line;
  GstClockTime line_start, line_end;
};

/* What the transcriber tells, on its thread; @data: the GtfAsr. */
void gtf_asr_on_event (GtfTranscriber *transcriber, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer data);

G_END_DECLS
