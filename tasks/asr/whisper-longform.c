/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From features of any length to tokens: windows of 30 s one after the other. Where a window's answer ends in the middle of
 * a sentence, the next one starts at the last timestamp that was closed, so windows follow the speech (Radford et al. 2022,
 * section 3.8). Up to one window it is the same loop, which then runs once as a rule.
 */
#include <string.h>

#include "asr/whisper-private.h"

void
asr_segment_free (AsrSegment *self)
{
  g_clear_pointer (&self->tokens, g_array_unref);
  g_clear_pointer (&self->times, g_array_unref);
  g_clear_pointer (&self->logprobs, g_array_unref);
  g_free (self);
}

/* ---- segments of one window ---------------------------------------------------------------------------------------- */

/* Tokens first ... end of a window's answer; times, if any, shifted by where the window lies. */
static AsrSegment *
segment_new (const GArray *tokens, guint first, guint end, const GArray *times, gsize times_first, double time_offset)
{
  AsrSegment *self = g_new0 (AsrSegment, 1);

  self->tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  if (end > first)
    g_array_append_vals (self->tokens, &g_array_index (tokens, gint32, first), end - first);
  if (times == NULL)
    return self;
  self->times = g_array_new (FALSE, FALSE, sizeof (float));
  for (guint i = first; i < end && times_first + i < times->len; i++)
    {
      float time = (float) (g_array_index (times, float, times_first + i) + time_offset);
      g_array_append_val (self->times, time);
    }
  return self;
}

static gboolean
is_timestamp (const AsrWhisperOptions *options, const GArray *tokens, gint64 index)
{
  return index >= 0 && index < tokens->len && g_array_index (tokens, gint32, index) >= options->timestamp_begin;
}

static double
timestamp_seconds (const AsrWhisperOptions *options, const GArray *tokens, gint64 index)
{
  return (double) (g_array_index (tokens, gint32, index) - options->timestamp_begin) * options->time_precision;
}

/* The whole answer is one segment: no pair of timestamps closed anything. */
static gint64
one_segment (const AsrWhisperOptions *options, GArray *tokens, const GArray *times, gsize times_first, double time_offset, gint64 window_frames,
             GPtrArray *segments)
{
  AsrSegment *segment = segment_new (tokens, 0, tokens->len, times, times_first, time_offset);

  segment->start = time_offset;
  segment->end = time_offset + (double) window_frames * options->time_precision_features;
  for (gint64 i = (gint64) tokens->len - 1; i >= 0; i--)
    if (is_timestamp (options, tokens, i))
      {
        if (g_array_index (tokens, gint32, i) != options->timestamp_begin)
          segment->end = time_offset + timestamp_seconds (options, tokens, i);
        break;
      }
  g_ptr_array_add (segments, segment);
  return window_frames;
}

/**
 * asr_whisper_split_segments:
 * @tokens: (element-type gint32): a window's answer without the end token
 * @times: (nullable) (element-type float): of prompt and answer
 * @times_first: where the answer starts in @times
 * @time_offset: of the window, in seconds
 * @window_frames: frames of sound in this window
 * @segments: (element-type AsrSegment): what was found is appended
 *
 * Returns: by how many frames to go on
 */
gint64
asr_whisper_split_segments (const AsrWhisperOptions *options, GArray *tokens, const GArray *times, gsize times_first, double time_offset,
                            gint64 window_frames, gint64 frames_per_state, GPtrArray *segments)
{
  g_autoptr (GArray) ends = g_array_new (FALSE, FALSE, sizeof (guint));
  guint n = tokens->len, first = 0;
  gboolean single_ending = n >= 2 && is_timestamp (options, tokens, n - 1) && !is_timestamp (options, tokens, (gint64) n - 2);

  for (guint i = 0; i + 1 < n; i++)
    if (is_timestamp (options, tokens, i) && is_timestamp (options, tokens, i + 1))
      {
        guint end = i + 1;
        g_array_append_val (ends, end);
      }
  if (ends->len == 0)
    return one_segment (options, tokens, times, times_first, time_offset, window_frames, segments);
  if (single_ending)
    g_array_append_val (ends, n);
  else
    g_array_index (ends, guint, ends->len - 1) += 1;    /* keeps the second timestamp of the last pair */
  for (guint i = 0; i < ends->len; i++)
    {
      guint end = g_array_index (ends, guint, i);
      gboolean pair_at_end = i == ends->len - 1 && !single_ending;
      AsrSegment *segment = segment_new (tokens, first, end, times, times_first, time_offset);
      segment->start = time_offset + timestamp_seconds (options, tokens, first);
      segment->end = time_offset + timestamp_seconds (options, tokens, MAX ((gint64) end - (pair_at_end ? 2 : 1), 0));
      g_ptr_array_add (segments, segment);
      first = end;
    }
  if (single_ending)
    return window_frames;
  return (g_array_index (tokens, gint32, first - 2) - options->timestamp_begin) * frames_per_state;
}

/* ---- the loop over windows ------------------------------------------------------------------------------------------- */

typedef struct
{
  AsrWhisper *whisper;
  AsrWhisperOptions *options;
  GtfSession *session;
  const GtfTensor *features;      /* [1][bins][frames] */
  gint64 max_frames;
  gint64 n_valid_frames;          /* by the attention mask: where the sound ends */
  GArray *init_tokens;
  GPtrArray *segments;
  guint n_prompt_segments;        /* at the front of segments: the user's prompt */
  gboolean condition;
  AsrSegmentReady ready;
  gpointer ready_data;
  GCancellable *cancellable;
} Transcription;

/* Frames first ... first + n of the features, zeros after them, into the encoder as [1][bins][window_frames]. */
static gboolean
encode_window (Transcription *self, gint64 first, gint64 n, GError **error)
{
  gint64 bins = gtf_tensor_get_dim (self->features, 1), frames = gtf_tensor_get_dim (self->features, 2);
  gint64 width = self->whisper->window_frames;
  gsize n_bytes = (gsize) (bins * width) * sizeof (float);
  float *window = g_try_malloc0 (n_bytes);
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GtfTensor) input = NULL;

  if (window == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a window of %" G_GINT64_FORMAT " frames", width);
      return FALSE;
    }
  n = MIN (n, MIN (width, frames - first));
  for (gint64 b = 0; b < bins; b++)
    gtf_tensor_read_f32 (self->features, (gsize) (b * frames + first), (gsize) n, window + b * width);
  bytes = g_bytes_new_take (window, n_bytes);
  input = gtf_tensor_new_bytes (GTF_DTYPE_F32, 3, (gint64[]) { 1, bins, width }, bytes, error);
  if (input == NULL)
    return FALSE;
  gtf_session_set_input (self->session, "input_features", input);
  return gtf_session_encode (self->session, error);
}

/* A prompt for the first window counts as a segment that was said before. */
static void
add_prompt_segment (Transcription *self)
{
  GArray *ids = self->options->prompt_ids;
  JsonNode *node = gtf_json_find (self->options->config->json, "prev_sot_token_id");
  gint32 previous = node != NULL && JSON_NODE_HOLDS_VALUE (node) ? (gint32) json_node_get_int (node) : -1;
  guint skip;
  AsrSegment *segment;

  if (ids == NULL || self->options->prompt_all_segments)
    return;
  skip = g_array_index (ids, gint32, 0) == previous ? 1 : 0;
  segment = segment_new (ids, skip, ids->len, NULL, 0, 0);
  g_ptr_array_add (self->segments, segment);
  self->n_prompt_segments = 1;
}

static void
report (Transcription *self, guint first, gint64 seek)
{
  double fraction = self->max_frames > 0 ? MIN (1.0, (double) seek / (double) self->max_frames) : 1.0;

  for (guint i = first; self->ready != NULL && i < self->segments->len; i++)
    self->ready (g_ptr_array_index (self->segments, i), fraction, self->ready_data);
}

/* Segments first ... are the answer, cut: each gets its share of how likely the tokens were. */
static void
share_logprobs (Transcription *self, guint first, const GtfGenerated *answer)
{
  gsize at = 0;

  for (guint i = first; i < self->segments->len; i++)
    {
      AsrSegment *segment = g_ptr_array_index (self->segments, i);
      gsize n = MIN (segment->tokens->len, answer->n_ids - at);

      segment->logprobs = g_array_new (FALSE, TRUE, sizeof (float));
      g_array_append_vals (segment->logprobs, answer->logprobs + at, (guint) n);
      g_array_set_size (segment->logprobs, segment->tokens->len);
      at += n;
    }
}

/* The window at `seek`, which is encoded already: its segments, and how far to go on. */
static gboolean
decode_at (Transcription *self, gint64 seek, gint64 n_frames, gint64 *advance, GError **error)
{
  g_autoptr (GArray) prompt = asr_whisper_decoder_prompt (self->whisper, self->options, self->init_tokens, self->segments, self->condition);
  g_auto (GtfGenerateOutput) output = { 0 };
  AsrWhisperDecoded decoded = { 0 };
  g_autoptr (GArray) tokens = NULL;
  g_autoptr (GArray) times = NULL;
  double time_offset = (double) seek * self->options->time_precision / (double) self->whisper->frames_per_state;
  guint before = self->segments->len;

  *advance = n_frames;
  if (!asr_whisper_set_lengths (self->whisper, self->options, self->options->config, prompt->len, error)
      || !asr_whisper_decode_window (self->whisper, self->options, self->session, prompt, self->init_tokens->len, &output, &decoded, self->cancellable, error))
    return FALSE;
  tokens = decoded.tokens;
  self->condition = decoded.condition;
  if (decoded.skip)
    return TRUE;
  if (self->options->word_timestamps)
    {
      times = asr_whisper_token_times (self->whisper, self->options, self->session, prompt, decoded.best, self->n_valid_frames - seek, error);
      if (times == NULL)
        return FALSE;
    }
  if (self->options->force_unique_generate_call)
    g_ptr_array_add (self->segments, segment_new (tokens, 0, tokens->len, times, prompt->len, time_offset));
  else
    *advance = asr_whisper_split_segments (self->options, tokens, times, prompt->len, time_offset, n_frames, self->whisper->frames_per_state, self->segments);
  share_logprobs (self, before, decoded.best);
  return TRUE;
}

static gboolean
run_windows (Transcription *self, GError **error)
{
  gboolean encoded = FALSE;
  gint64 seek = 0;

  if (asr_whisper_needs_language (self->options))
    {
      if (!encode_window (self, 0, self->whisper->window_frames, error))
        return FALSE;
      encoded = self->max_frames >= MIN (self->whisper->window_frames, gtf_tensor_get_dim (self->features, 2));
    }
  self->init_tokens = asr_whisper_init_tokens (self->whisper, self->options, self->session, error);
  if (self->init_tokens == NULL)
    return FALSE;
  while (seek < self->max_frames)
    {
      gint64 n_frames = MIN (self->max_frames - seek, self->whisper->window_frames);
      guint before = self->segments->len;
      gint64 advance;

      if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
      if (!encoded && !encode_window (self, seek, n_frames, error))
        return FALSE;
      encoded = FALSE;
      if (!decode_at (self, seek, n_frames, &advance, error))
        return FALSE;
      seek += advance > 0 ? advance : n_frames;     /* a model that closes a segment at 0.00 must not hold us up for ever */
      report (self, before, seek);
      if (self->options->force_unique_generate_call)
        break;
    }
  return TRUE;
}

/* The pipeline's language is the first language token of prompt and answer of the first segment. */
static gint32
find_language (const Transcription *self)
{
  JsonNode *node = gtf_json_find (self->options->config->json, "lang_to_id");
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node) || self->segments->len <= self->n_prompt_segments)
    return -1;
  for (guint i = 0; i < self->init_tokens->len; i++)
    {
      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, &name, &member))
        if (JSON_NODE_HOLDS_VALUE (member) && json_node_get_int (member) == g_array_index (self->init_tokens, gint32, i))
          return g_array_index (self->init_tokens, gint32, i);
    }
  return -1;
}

static void
collect (const Transcription *self, AsrWhisperOutput *output)
{
  output->tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  output->times = self->options->word_timestamps ? g_array_new (FALSE, FALSE, sizeof (float)) : NULL;
  output->logprobs = g_array_new (FALSE, FALSE, sizeof (float));
  for (guint i = self->n_prompt_segments; i < self->segments->len; i++)
    {
      AsrSegment *segment = g_ptr_array_index (self->segments, i);
      g_array_append_vals (output->tokens, segment->tokens->data, segment->tokens->len);
      g_array_append_vals (output->logprobs, segment->logprobs->data, segment->logprobs->len);
      if (output->times != NULL && segment->times != NULL)
        g_array_append_vals (output->times, segment->times->data, segment->times->len);
    }
  output->language_id = output->spoken_id = find_language (self);
}

static void
transcription_clear (Transcription *self)
{
  g_clear_pointer (&self->init_tokens, g_array_unref);
  g_clear_pointer (&self->segments, g_ptr_array_unref);
  gtf_session_set_cancellable (self->session, NULL);
}

static gboolean
check_features (const AsrWhisper *whisper, const GtfTensor *features, GError **error)
{
  if (gtf_tensor_get_n_dims (features) == 3 && gtf_tensor_get_dim (features, 0) == 1 && gtf_tensor_get_dtype (features) == GTF_DTYPE_F32)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s: expected input_features [1][bins][frames] in F32, found %u dimensions of %s",
               gtf_model_get_directory (whisper->model), gtf_tensor_get_n_dims (features), gtf_dtype_name (gtf_tensor_get_dtype (features)));
  return FALSE;
}

/**
 * asr_whisper_transcribe:
 * @features: [1][bins][frames], at least one window long
 * @n_valid_frames: frames that come from sound, by the feature extractor's attention mask
 * @use_mask: go no further than these (a batch in which another row is longer than a window)
 * @ready: (nullable): called with each segment as it is final
 * @output: (out): its arrays are the caller's
 */
gboolean
asr_whisper_transcribe (AsrWhisper *whisper, AsrWhisperOptions *options, GtfSession *session, const GtfTensor *features, gint64 n_valid_frames,
                        gboolean use_mask, AsrSegmentReady ready, gpointer ready_data, AsrWhisperOutput *output, GCancellable *cancellable, GError **error)
{
  Transcription self = { .whisper = whisper, .options = options, .session = session, .features = features, .n_valid_frames = n_valid_frames,
                         .condition = options->condition_at_start, .ready = ready, .ready_data = ready_data, .cancellable = cancellable };
  gboolean ok;

  if (!check_features (whisper, features, error))
    return FALSE;
  self.max_frames = use_mask ? n_valid_frames : gtf_tensor_get_dim (features, 2);
  self.segments = g_ptr_array_new_with_free_func ((GDestroyNotify) asr_segment_free);
  gtf_session_set_cancellable (session, cancellable);
  add_prompt_segment (&self);
  ok = run_windows (&self, error);
  if (ok)
    collect (&self, output);
  transcription_clear (&self);
  return ok;
}
