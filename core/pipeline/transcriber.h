/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "pipeline/pipeline.h"

G_BEGIN_DECLS

#define GTF_TIME_NONE G_MAXUINT64

#define GTF_TYPE_WORD (gtf_word_get_type ())

/**
 * GtfWord:
 * @text: the word with its leading space, as in the `chunks` of automatic-speech-recognition
 * @start: when it begins, in ns, on the time line of the samples
 * @end: when it ends
 *
 * A word that was heard.
 */
typedef struct
{
  char *text;
  guint64 start, end;
} GtfWord;

GTF_API GType    gtf_word_get_type (void);
GTF_API GtfWord *gtf_word_copy     (const GtfWord *self);
GTF_API void     gtf_word_free     (GtfWord *self);

#define GTF_TYPE_TRANSCRIBER (gtf_transcriber_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfTranscriber, gtf_transcriber, GTF, TRANSCRIBER, GObject)

/**
 * GtfTranscriberEvent:
 * @GTF_TRANSCRIBER_FINAL: words that will not change any more, in order
 * @GTF_TRANSCRIBER_PARTIAL: what is heard at the moment; a later event replaces it
 * @GTF_TRANSCRIBER_SILENCE: nothing was said up to this time
 * @GTF_TRANSCRIBER_UTTERANCE_END: a pause: what was said before is complete
 * @GTF_TRANSCRIBER_DRAINED: everything pushed before gtf_transcriber_drain() has been worked on
 * @GTF_TRANSCRIBER_ERROR: the model failed on a piece of sound; the next pieces are still worked on
 *
 * What a transcriber tells.
 */
typedef enum
{
  GTF_TRANSCRIBER_FINAL,
  GTF_TRANSCRIBER_PARTIAL,
  GTF_TRANSCRIBER_SILENCE,
  GTF_TRANSCRIBER_UTTERANCE_END,
  GTF_TRANSCRIBER_DRAINED,
  GTF_TRANSCRIBER_ERROR
} GtfTranscriberEvent;

/**
 * GtfTranscriberFunc:
 * @self: the transcriber
 * @event: what happened
 * @words: (nullable) (element-type GtfWord): the words of FINAL and PARTIAL
 * @time: SILENCE: up to where, ns
 * @error: (nullable): what failed
 * @user_data: user data
 *
 * Called on the transcriber's own thread, one call at a time.
 */
typedef void (*GtfTranscriberFunc) (GtfTranscriber *self, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer user_data);

/**
 * GtfTranscriberStats:
 * @samples_in: samples pushed
 * @samples_done: samples worked on
 * @samples_dropped: samples thrown away since the machine was too slow
 * @passes: how often the model was run
 * @inference_total: ns spent in it
 * @inference_max: ns of the longest run
 * @lag: ns of sound that was waiting when the last run began
 *
 * Counters since the transcriber was made.
 */
typedef struct
{
  guint64 samples_in, samples_done, samples_dropped, passes, inference_total, inference_max, lag;
} GtfTranscriberStats;

GTF_API GtfTranscriber *gtf_transcriber_new       (GtfPipeline *pipeline, const char *options, GError **error);
GTF_API void            gtf_transcriber_set_func  (GtfTranscriber *self, GtfTranscriberFunc func, gpointer user_data, GDestroyNotify destroy);
GTF_API guint           gtf_transcriber_get_sampling_rate (GtfTranscriber *self);
GTF_API gboolean        gtf_transcriber_push      (GtfTranscriber *self, const float *samples, gsize n_samples, guint64 time, gboolean discontinuity);
GTF_API void            gtf_transcriber_drain     (GtfTranscriber *self);
GTF_API void            gtf_transcriber_flush     (GtfTranscriber *self);
GTF_API void            gtf_transcriber_stop      (GtfTranscriber *self);
GTF_API void            gtf_transcriber_get_stats (GtfTranscriber *self, GtfTranscriberStats *stats);

G_END_DECLS
