/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of automatic-speech-recognition share, whatever kind of model answers.
 */
#pragma once

#include "base/params.h"
#include "pipeline/task.h"

G_BEGIN_DECLS

typedef enum
{
  ASR_TIMESTAMPS_UNSET,         /* absent or null */
  ASR_TIMESTAMPS_FALSE,
  ASR_TIMESTAMPS_TRUE,
  ASR_TIMESTAMPS_WORD,
  ASR_TIMESTAMPS_CHAR
} AsrTimestamps;

/* parameters of a request (asr/request.c) */
typedef struct
{
  AsrTimestamps timestamps;
  gboolean return_language;
  gboolean return_language_is_set;
  gboolean ignore_warning;
  double chunk_length;          /* seconds; 0: whole */
  double stride_left, stride_right;   /* seconds; -1: a sixth of the chunk */
  gint64 batch_size;
  JsonObject *generate_kwargs;  /* never NULL; generate_kwargs and the parameters that the pipeline does not know itself */
} AsrParameters;

/* One recording to be transcribed. */
typedef struct
{
  GtfAudio *owned;              /* (nullable) */
  const float *samples;
  gsize n_samples;
  gboolean has_stride;
  gsize stride_left, stride_right;    /* samples */
  JsonObject *extra;            /* (nullable): keys that are handed through */
} AsrInput;

/* A piece of a recording that the model sees at once. */
typedef struct
{
  const float *samples;
  gsize n_samples;
  gboolean has_stride;
  gsize left, right;            /* samples at both ends that the neighbours hear too */
} AsrChunk;

/* request.c */
gboolean  asr_parameters_init   (AsrParameters *self, JsonObject *parameters, GError **error);
void      asr_parameters_clear  (AsrParameters *self);
gboolean  asr_timestamps_parse  (JsonNode *node, AsrTimestamps *timestamps, GError **error);

/* input.c */
guint      asr_inputs_count     (const GtfRequest *request, gboolean *is_list);
GPtrArray *asr_inputs_read      (const GtfRequest *request, guint first, guint n, guint sampling_rate, GError **error);

/* chunking.c */
GArray   *asr_chunks            (const AsrInput *input, const AsrParameters *parameters, guint sampling_rate, guint align_to, GError **error);

/* Recordings that are worked on together, and their place in the whole request. */
typedef struct
{
  GPtrArray *inputs;            /* AsrInput */
  double done, share;           /* of the whole request: what is finished, what these stand for (progress) */
} AsrBatch;

/* One back end a kind of model. run () appends an answer for each input, and where @details is not NULL what is known beside it:
 * a list of {"text", "probability"}, the words one after the other; -1 where a stretch has none. */
typedef struct _AsrBackend AsrBackend;
struct _AsrBackend
{
  gpointer (*open) (GtfTask *task, GError **error);
  void (*close) (gpointer state);
  gboolean (*run) (gpointer state, const AsrParameters *parameters, const GtfRequest *request, const AsrBatch *batch, JsonArray *answers,
                   JsonArray *details, GError **error);
};

/* view.c */
char      *asr_view             (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view);

/* whisper.c */
extern const AsrBackend asr_backend_whisper;

G_END_DECLS
