/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of the Whisper side of automatic-speech-recognition share. "Whisper" means here: a sequence-to-sequence
 * model whose generation_config.json declares timestamp tokens (no_timestamps_token_id); which architecture computes it
 * does not matter. Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", and the
 * behaviour of transformers 5.
 */
#pragma once

#include "asr/asr-private.h"
#include "generate/generator.h"

G_BEGIN_DECLS

/* What is known of the model once it is loaded. */
typedef struct
{
  GtfModel *model;                /* borrowed from the GtfTask */
  GtfTokenizer *tokenizer;
  GtfPreprocessor *preprocessor;
  GtfGenerationConfig *config;    /* of the repository */
  gboolean sets_max_length;       /* generation_config.json says how long an answer may be */
  gboolean sets_num_beams;
  gint64 max_source_positions;    /* encoder states of a window */
  gint64 max_target_positions;    /* longest decoder sequence */
  gint64 vocab_size;
  gint64 decoder_layers, decoder_heads;
  gint64 median_filter_width;
  gint64 window_frames;           /* feature frames of a window (3000) */
  gint64 frames_per_state;        /* 2 */
  double time_precision;          /* seconds a timestamp token stands for (0.02), as the pipeline's decoding has it */
  gpointer idle_session;          /* a GtfSession between two calls, taken and put back atomically */
} AsrWhisper;

/* A number that may be absent. */
typedef struct
{
  gboolean is_set;
  double value;
} AsrNumber;

/* generate_kwargs of a request over those of the repository. */
typedef struct
{
  GtfGenerationConfig *config;      /* what core/generate reads; its suppress lists are moved to the two below */
  gboolean return_timestamps;       /* the decoder writes timestamp tokens */
  gboolean word_timestamps;
  JsonNode *language;               /* (nullable) borrowed: a string, or a list of one for each row of a batch */
  const char *task;                 /* (nullable) borrowed */
  guint row, n_rows;                /* of the batch that is worked on */
  double *temperatures;
  gsize n_temperatures;
  AsrNumber compression_ratio_threshold;
  AsrNumber logprob_threshold;
  AsrNumber no_speech_threshold;
  gboolean condition_on_prev_tokens;
  gboolean condition_at_start;      /* asked for by the request itself, not only by the repository */
  GArray *prompt_ids;               /* (nullable) gint32 */
  gboolean prompt_all_segments;
  gboolean force_unique_generate_call;
  double time_precision, time_precision_features;   /* seconds a state, seconds a feature frame */
  gboolean has_timestamps;          /* the repository declares no_timestamps_token_id */
  gint32 no_timestamps_id;
  gint32 timestamp_begin;           /* first timestamp token */
  gint64 max_initial_timestamp_index;   /* -1: any */
  GtfTokenIds suppress, begin_suppress;
  GArray *alignment_heads;          /* (nullable) AsrHead */
} AsrWhisperOptions;

typedef struct
{
  gint64 layer, head;
} AsrHead;

/* A stretch of speech that the decoder closed with timestamps, or a whole window. */
typedef struct
{
  double start, end;                /* seconds */
  GArray *tokens;                   /* gint32 */
  GArray *times;                    /* float, end of each token in seconds; NULL without word timestamps */
  GArray *logprobs;                 /* float, of each token; NULL for what the user said (a prompt) */
} AsrSegment;

/* What the decoder said about one item (an input, or a chunk of one). */
typedef struct
{
  GArray *tokens;                   /* gint32, all segments one after the other */
  GArray *times;                    /* float; NULL without word timestamps */
  GArray *logprobs;                 /* float */
  gint32 language_id;               /* -1: not asked for or not found */
  gint32 spoken_id;                 /* the same, whether it was asked for or not */
  gboolean has_stride;
  double length, left, right;       /* of the chunk, in seconds */
} AsrWhisperOutput;

typedef void (*AsrSegmentReady) (const AsrSegment *segment, double fraction, gpointer data);

/* whisper-config.c: keys that only Whisper knows, of generation_config.json and of generate_kwargs over it */
gboolean  asr_whisper_check_config  (const AsrWhisper *whisper, GError **error);
gboolean  asr_whisper_check_request (const AsrWhisper *whisper, JsonObject *kwargs, GError **error);

/* whisper-options.c */
gboolean  asr_whisper_options_init  (AsrWhisperOptions *self, const AsrWhisper *whisper, const AsrParameters *parameters, GError **error);
gboolean  asr_whisper_wants_language (const AsrParameters *parameters);
AsrTimestamps asr_whisper_timestamps (const AsrWhisper *whisper, const AsrParameters *parameters);
void      asr_whisper_options_clear (AsrWhisperOptions *self);

/* whisper-languages.c */
char       *asr_language_token      (const char *language, GError **error);   /* "English", "en", "<|en|>" -> "<|en|>" */

/* whisper-prompt.c: the decoder's first tokens. The session holds the encoded first window where detection needs it. */
GArray   *asr_whisper_init_tokens   (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfSession *session, GError **error);
gboolean  asr_whisper_needs_language (const AsrWhisperOptions *options);
GArray   *asr_whisper_decoder_prompt (const AsrWhisper *whisper, const AsrWhisperOptions *options, GArray *init_tokens, GPtrArray *segments, gboolean condition);
gboolean  asr_whisper_set_lengths   (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfGenerationConfig *config, gsize n_prompt, GError **error);
GArray   *asr_whisper_prompt_ids    (GtfTokenizer *tokenizer, const char *text, GError **error);

/* whisper-timestamps.c: the rules that keep timestamps in order, as a logits processor. */
GtfLogitsProcessorList *asr_whisper_processors (const AsrWhisperOptions *options);

/* whisper-fallback.c */
double    asr_compression_ratio     (const gint32 *tokens, gsize n_tokens, gint64 vocab_size);

typedef struct
{
  GtfGenerated *best;               /* of the output below */
  GArray *tokens;                   /* gint32, without the end token */
  gboolean skip;                    /* no speech here */
  gboolean condition;               /* the next window may be conditioned on this one */
  double temperature;
} AsrWhisperDecoded;

gboolean  asr_whisper_decode_window (const AsrWhisper *whisper, AsrWhisperOptions *options, GtfSession *session, GArray *prompt, gsize n_init,
                                     GtfGenerateOutput *output, AsrWhisperDecoded *decoded, GCancellable *cancellable, GError **error);

/* whisper-words.c: when each token was spoken. (transfer full): seconds, one for each token of the prompt and of the answer. */
GArray   *asr_whisper_token_times   (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfSession *session, GArray *prompt,
                                     const GtfGenerated *answer, gint64 n_frames, GError **error);
void      asr_median_filter         (const float *in, float *out, gsize n, gsize width);
gboolean  asr_time_warp             (const double *cost, gsize n_tokens, gsize n_times, gint64 *time_of_token, GError **error);

/* whisper-longform.c */
gboolean  asr_whisper_transcribe    (AsrWhisper *whisper, AsrWhisperOptions *options, GtfSession *session, const GtfTensor *features, gint64 n_valid_frames,
                                     gboolean use_mask, AsrSegmentReady ready, gpointer ready_data, AsrWhisperOutput *output,
                                     GCancellable *cancellable, GError **error);
void      asr_segment_free          (AsrSegment *self);
gint64    asr_whisper_split_segments (const AsrWhisperOptions *options, GArray *tokens, const GArray *times, gsize times_first, double time_offset,
                                     gint64 window_frames, gint64 frames_per_state, GPtrArray *segments);

/* whisper-decode.c: tokens of all chunks -> text and chunks of the pipeline's answer. */
gboolean  asr_whisper_decode_asr    (const AsrWhisper *whisper, AsrWhisperOutput *outputs, gsize n_outputs, AsrTimestamps timestamps,
                                     gboolean return_language, JsonObject *answer, JsonArray *words, GError **error);
void      asr_longest_common        (GPtrArray *sequences, GPtrArray *times, GArray *tokens, GArray *token_times);

/* whisper-text.c: tokens into words. */
typedef struct
{
  char *text;
  gsize first, last;                /* tokens first ... last */
} AsrWord;
char     *asr_whisper_text          (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, GError **error);
GArray   *asr_whisper_words         (GtfTokenizer *tokenizer, const gint32 *ids, gsize n_ids, const char *language, GError **error);

G_END_DECLS
