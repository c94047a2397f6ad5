/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words as a recogniser heard them, on the time line of the stream.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* A word, in samples since the last reset of the stream. */
typedef struct
{
  char *text;           /* with its leading space */
  guint64 start, end;
} GtfHeard;

GtfHeard  *gtf_heard_new   (const char *text, guint64 start, guint64 end);
void       gtf_heard_free  (GtfHeard *self);
/* The middle of the word. */
guint64    gtf_heard_middle (const GtfHeard *self);
/* Without regard to case and punctuation, which Whisper changes as it hears on. */
gboolean   gtf_heard_same  (const GtfHeard *a, const GtfHeard *b);

/* (transfer full) (element-type GtfHeard): an empty list */
GPtrArray *gtf_heard_list_new (void);
/* Takes out what is said again and again ("Oh, oh, oh ..."): what Whisper makes of music. Returns where that began if nothing was
 * understood after it, else G_MAXUINT64. */
guint64    gtf_heard_list_drop_loops (GPtrArray *words);
/* How many of the first @words say again what @said (the final words that the same sound holds) ended with: where the two texts
 * align best; @guess, by time, decides between equals and where the texts have little in common. */
guint      gtf_heard_list_align (GPtrArray *said, guint first, GPtrArray *words, guint guess);

G_END_DECLS
