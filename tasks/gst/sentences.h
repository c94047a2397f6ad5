/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sentences out of a stream of text buffers, whatever they hold: words with their leading space (gtfasr), lines of subtitles, whole
 * sentences, several of them.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  char *text;
  GstClockTime start, end;
} GtfSentence;

void gtf_sentence_free (GtfSentence *self);

typedef struct
{
  GString *text;                /* what is not complete yet */
  GstClockTime start, end;
  gboolean words;               /* buffers bring the spaces between them */
} GtfSentences;

void gtf_sentences_init  (GtfSentences *self);
void gtf_sentences_clear (GtfSentences *self);
/* Forgets what is not complete: a flush, another stream. */
void gtf_sentences_reset (GtfSentences *self);
/* Hears a text; what is complete by it is appended to @complete (element-type GtfSentence). */
void gtf_sentences_add   (GtfSentences *self, const char *text, GstClockTime start, GstClockTime end, GPtrArray *complete);
/* A pause, the end: what is there is complete. */
void gtf_sentences_close (GtfSentences *self, GPtrArray *complete);

G_END_DECLS
