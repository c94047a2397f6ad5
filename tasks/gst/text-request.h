/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What gtftext asks a task: sentences, a question and labels -> the pipeline's inputs and parameters.
 */
#pragma once

#include "sentences.h"

G_BEGIN_DECLS

/* One piece of work: the sentences of the window, and what was set when it was made. */
typedef struct
{
  GPtrArray *sentences;         /* of GtfSentence; at least one */
  GstSegment segment;
} GtfTextJob;

void         gtf_text_job_free   (GtfTextJob *self);
GstClockTime gtf_text_job_start  (const GtfTextJob *self);
GstClockTime gtf_text_job_end    (const GtfTextJob *self);
/* (transfer full): its sentences with a space between them */
char        *gtf_text_job_text   (const GtfTextJob *self);

/* Does the task put out text of its own? */
gboolean     gtf_text_task_writes (const char *task);
/* Seconds of captions that the task hears at once unless told otherwise; 0: a sentence alone. */
guint        gtf_text_task_window (const char *task);
/* (transfer full) (nullable): the inputs as JSON; NULL: nothing is asked (there is no question) */
char        *gtf_text_inputs      (const char *task, const GtfTextJob *job, const char *question);
/* (transfer full): @parameters, a JSON object, with the labels (nullable, separated by commas) where the task wants them; NULL:
 * nothing is asked (there are no labels) */
char        *gtf_text_parameters  (const char *task, const char *parameters, const char *labels);

G_END_DECLS
