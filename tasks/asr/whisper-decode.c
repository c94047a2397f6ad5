/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens of one recording, decoded in one or several chunks, into the pipeline's text and chunks. Timestamps open and close
 * chunks; where two chunks of sound overlap, what both heard is found as the longest common sequence, and timestamps inside
 * the overlap are left until it is over. A timestamp that the model never wrote is null.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asr/whisper-private.h"
#include "text/whisper-languages.h"

/* Of a token of text. Without word timestamps the times are all 0. */
typedef struct
{
  double start, end;
  float logprob;
} TokenTime;

typedef struct
{
  const char *language;       /* (nullable) English name */
  gboolean has_start, has_end;
  double start, end;
  char *text;
  JsonArray *words;           /* (nullable) */
  JsonArray *likely;          /* (nullable) {"text", "probability"} */
} Chunk;

typedef struct
{
  GtfTokenizer *tokenizer;
  AsrTimestamps timestamps;
  gboolean return_language;
  gboolean want_likely;
  const char *spoken;         /* (nullable) English name; known even where nobody asked */
  double time_precision;
  double window_seconds;
  gint32 timestamp_begin, prompt_id, start_id;
  GArray *chunks;             /* Chunk, finished */
  Chunk chunk;                /* the one being made */
  const char *last_language;
  GPtrArray *previous;        /* GArray of gint32: what earlier chunks of sound left over */
  GPtrArray *previous_times;  /* GArray of TokenTime */
  double time_offset;
  gboolean skip;
} Decoder;

/* State of one chunk of sound. */
typedef struct
{
  GArray *ids;                /* gint32 */
  const GArray *times;        /* (nullable) float */
  const GArray *logprobs;     /* float */
  gint64 logprobs_shift;      /* ids[i] has logprobs[i + logprobs_shift] */
  gint64 last_timestamp;      /* -1: none. From here on timestamps lie in the right stride */
  double first_timestamp;
  double max_timestamp, penultimate, before;   /* seconds: of this window; of windows before it */
  GArray *current;            /* gint32: text since the last timestamp */
  GArray *current_times;      /* TokenTime */
} Sound;

/* Python's round (x, 2): half to even on the exact binary value, which is what printing does. */
static double
round_2 (double x)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE + 32];

  if (!isfinite (x) || fabs (x) > 1e15)
    return x;
  return g_ascii_strtod (g_ascii_formatd (text, sizeof text, "%.2f", x), NULL);
}

/* ---- overlaps -------------------------------------------------------------------------------------------------------- */

static gboolean
not_after (const TokenTime *a, const TokenTime *b)
{
  return a->start < b->start || (a->start == b->start && a->end <= b->end);
}

/* Equal tokens of two stretches of n; with times, only those that do not run backwards. */
static gsize
count_matches (const GArray *left, gsize left_first, const GArray *left_times, const GArray *right, gsize right_first, const GArray *right_times, gsize n)
{
  gsize matches = 0;

  for (gsize k = 0; k < n; k++)
    {
      if (g_array_index (left, gint32, left_first + k) != g_array_index (right, gint32, right_first + k))
        continue;
      if (left_times == NULL
          || not_after (&g_array_index (left_times, TokenTime, left_first + k), &g_array_index (right_times, TokenTime, right_first + k)))
        matches++;
    }
  return matches;
}

/* Where the right sequence lies best over the end of the left one: the middles of the common stretch. */
static void
find_overlap (const GArray *left, const GArray *left_times, const GArray *right, const GArray *right_times, gsize *left_mid, gsize *right_mid)
{
  gsize n_left = left->len, n_right = right->len;
  double best = 0;

  *left_mid = n_left;
  *right_mid = 0;
  for (gsize i = 1; i < n_left + n_right; i++)
    {
      gsize left_first = n_left > i ? n_left - i : 0;
      gsize left_end = MIN (n_left, n_left + n_right - i);
      gsize right_first = i > n_left ? i - n_left : 0;
      gsize n = left_end - left_first;
      gsize matches = count_matches (left, left_first, left_times, right, right_first, right_times, n);
      double matching = (double) matches / (double) i + (double) i / 10000.0;   /* long perfect matches are liked better */
      if (matches > 1 && matching > best)
        {
          best = matching;
          *left_mid = (left_first + left_end) / 2;
          *right_mid = (right_first + MIN (n_right, i)) / 2;
        }
    }
}

static GArray *
copy_from (const GArray *array, gsize first)
{
  GArray *copy = g_array_new (FALSE, FALSE, g_array_get_element_size ((GArray *) array));
  if (first < array->len)
    g_array_append_vals (copy, array->data + first * g_array_get_element_size ((GArray *) array), (guint) (array->len - first));
  return copy;
}

/**
 * asr_longest_common:
 * @sequences: (element-type GArray): token ids of overlapping chunks, in order; at least one
 * @times: (nullable) (element-type GArray): start and end of each token
 * @tokens: (inout) (element-type gint32): all of them as one sequence
 * @token_times: (inout) (nullable): the times that go with it
 *
 * Joins sequences that overlap: up to the middle of what two have in common the left one counts, from there the right one.
 */
void
asr_longest_common (GPtrArray *sequences, GPtrArray *times, GArray *tokens, GArray *token_times)
{
  g_autoptr (GArray) left = copy_from (g_ptr_array_index (sequences, 0), 0);
  g_autoptr (GArray) left_times = times != NULL && times->len > 0 ? copy_from (g_ptr_array_index (times, 0), 0) : NULL;

  for (guint s = 1; s < sequences->len; s++)
    {
      GArray *right = g_ptr_array_index (sequences, s);
      GArray *right_times = left_times != NULL ? g_ptr_array_index (times, s) : NULL;
      gsize left_mid, right_mid;

      find_overlap (left, left_times, right, right_times, &left_mid, &right_mid);
      g_array_append_vals (tokens, left->data, (guint) left_mid);
      g_array_unref (left);
      left = copy_from (right, right_mid);
      if (left_times == NULL)
        continue;
      g_array_append_vals (token_times, left_times->data, (guint) left_mid);
      g_array_unref (left_times);
      left_times = copy_from (right_times, right_mid);
    }
  g_array_append_vals (tokens, left->data, left->len);
  if (left_times != NULL)
    g_array_append_vals (token_times, left_times->data, left_times->len);
}

/* ---- chunks of the answer ----------------------------------------------------------------------------------------------- */

static void
chunk_clear (Chunk *self)
{
  g_clear_pointer (&self->text, g_free);
  g_clear_pointer (&self->words, json_array_unref);
  g_clear_pointer (&self->likely, json_array_unref);
}

static void
new_chunk (Decoder *self)
{
  self->chunk = (Chunk) { .language = self->last_language };
}

static JsonArray *
timestamp_json (gboolean has_start, double start, gboolean has_end, double end)
{
  JsonArray *pair = json_array_sized_new (2);

  if (has_start)
    json_array_add_double_element (pair, start);
  else
    json_array_add_null_element (pair);
  if (has_end)
    json_array_add_double_element (pair, end);
  else
    json_array_add_null_element (pair);
  return pair;
}

static JsonArray *
words_json (Decoder *self, const GArray *words, const GArray *times)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < words->len; i++)
    {
      AsrWord *word = &g_array_index (words, AsrWord, i);
      JsonObject *object = json_object_new ();
      double start = word->first < times->len ? g_array_index (times, TokenTime, word->first).start : 0;
      double end = word->last < times->len ? g_array_index (times, TokenTime, word->last).end : start;
      json_object_set_string_member (object, "text", word->text);
      json_object_set_array_member (object, "timestamp", timestamp_json (TRUE, start, TRUE, end));
      if (self->return_language && self->last_language != NULL)
        json_object_set_string_member (object, "language", self->last_language);
      else if (self->return_language)
        json_object_set_null_member (object, "language");
      json_array_add_object_element (array, object);
    }
  return array;
}

static void
append_likely (JsonArray *array, const char *text, double probability)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "text", text);
  json_object_set_double_member (object, "probability", probability);
  json_array_add_object_element (array, object);
}

/* How sure the model is of each word: the mean over the tokens. The words are to follow @text (nullable); where they leave it (half a
 * character at its end is no word), the rest of it has no probability. */
static JsonArray *
likely_json (const GArray *words, const GArray *times, const char *text)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < words->len; i++)
    {
      const AsrWord *word = &g_array_index (words, AsrWord, i);
      double sum = 0;

      if (text != NULL && !g_str_has_prefix (text, word->text))
        break;
      text = text != NULL ? text + strlen (word->text) : NULL;
      for (gsize t = word->first; t <= word->last; t++)
        sum += exp (g_array_index (times, TokenTime, t).logprob);
      append_likely (array, word->text, sum / (double) (word->last - word->first + 1));
    }
  if (text != NULL && *text != '\0')
    append_likely (array, text, -1);
  return array;
}

/* Fills in what the chunk has beside its text, where that is wanted. */
static gboolean
add_words (Decoder *self, const GArray *tokens, const GArray *times, GError **error)
{
  gboolean word = self->timestamps == ASR_TIMESTAMPS_WORD;
  g_autoptr (GArray) words = NULL;

  if (!word && !self->want_likely)
    return TRUE;
  words = asr_whisper_words (self->tokenizer, (const gint32 *) tokens->data, tokens->len, word ? self->last_language : self->spoken, error);
  if (words == NULL)
    return FALSE;
  if (word)
    self->chunk.words = words_json (self, words, times);
  if (self->want_likely)
    self->chunk.likely = likely_json (words, times, word ? NULL : self->chunk.text);
  return TRUE;
}

/* Joins what is left over from earlier sound with `sound` (nullable) into the chunk, which is then finished. */
static gboolean
finish_chunk (Decoder *self, Sound *sound, GError **error)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (TokenTime));

  if (sound != NULL)
    {
      g_ptr_array_add (self->previous, copy_from (sound->current, 0));
      g_ptr_array_add (self->previous_times, copy_from (sound->current_times, 0));
      g_array_set_size (sound->current, 0);
      g_array_set_size (sound->current_times, 0);
    }
  asr_longest_common (self->previous, self->previous_times, tokens, times);
  self->chunk.text = asr_whisper_text (self->tokenizer, (const gint32 *) tokens->data, tokens->len, error);
  if (self->chunk.text == NULL || !add_words (self, tokens, times, error))
    {
      chunk_clear (&self->chunk);
      return FALSE;
    }
  g_array_append_val (self->chunks, self->chunk);
  g_ptr_array_set_size (self->previous, 0);
  g_ptr_array_set_size (self->previous_times, 0);
  new_chunk (self);
  return TRUE;
}

/* ---- tokens --------------------------------------------------------------------------------------------------------------- */

/* A special token: the name of its language, or NULL. */
static const char *
token_language (Decoder *self, gint32 id)
{
  const char *token = gtf_tokenizer_id_to_token (self->tokenizer, id);
  gsize length = token != NULL ? strlen (token) : 0;
  g_autofree char *code = length > 4 ? g_strndup (token + 2, length - 4) : NULL;

  return code != NULL ? gtf_whisper_language_name (code) : NULL;
}

static gboolean
on_special (Decoder *self, Sound *sound, gint32 id, GError **error)
{
  const char *language = token_language (self, id);

  if (language == NULL)
    return TRUE;
  if (self->last_language != NULL && !g_str_equal (language, self->last_language) && self->timestamps < ASR_TIMESTAMPS_TRUE
      && !finish_chunk (self, sound, error))
    return FALSE;
  self->chunk.language = language;
  self->last_language = language;
  return TRUE;
}

/* Timestamps start anew with each window of a long recording: how long the windows before this one were. */
static void
follow_windows (Decoder *self, Sound *sound, guint i, double timestamp)
{
  if (timestamp < sound->max_timestamp)
    {
      gboolean single = i >= 2
                        && !(g_array_index (sound->ids, gint32, i - 1) >= self->timestamp_begin
                             && g_array_index (sound->ids, gint32, i - 2) >= self->timestamp_begin);
      if (single)
        sound->before += self->window_seconds;
      else
        {
          sound->max_timestamp = sound->penultimate;
          sound->before += sound->penultimate;
        }
    }
  sound->penultimate = sound->max_timestamp;
  sound->max_timestamp = timestamp;
}

static gboolean
on_timestamp (Decoder *self, Sound *sound, guint i, gint32 id, GError **error)
{
  double timestamp = (double) (id - self->timestamp_begin) * self->time_precision;
  double time;

  follow_windows (self, sound, i, timestamp);
  time = round_2 (timestamp + self->time_offset + sound->before);
  if (sound->last_timestamp > 0 && id >= sound->last_timestamp)
    self->skip = TRUE;      /* inside the right stride: the next chunk of sound decides */
  else if (self->skip || (self->previous->len > 0 && id < sound->first_timestamp))
    self->skip = FALSE;
  else if (!self->chunk.has_start)
    {
      self->chunk.has_start = TRUE;
      self->chunk.start = time;
    }
  else if (time != self->chunk.start)     /* the same time again is a start that was written twice */
    {
      self->chunk.has_end = TRUE;
      self->chunk.end = time;
      return finish_chunk (self, sound, error);
    }
  return TRUE;
}

static double
token_time (const GArray *times, gint64 i)
{
  if (times == NULL || times->len == 0)
    return 0;
  return g_array_index (times, float, MIN (i, (gint64) times->len - 1));
}

static void
on_text (Decoder *self, Sound *sound, guint i, gint32 id)
{
  gint64 likely = (gint64) i + sound->logprobs_shift;
  TokenTime time = { 0 };

  g_array_append_val (sound->current, id);
  if (likely >= 0 && likely < sound->logprobs->len)
    time.logprob = g_array_index (sound->logprobs, float, likely);
  if (self->timestamps == ASR_TIMESTAMPS_WORD)
    {
      time.start = round_2 (i == 0 ? self->time_offset : token_time (sound->times, (gint64) i - 1) + self->time_offset);
      time.end = round_2 (token_time (sound->times, i) + self->time_offset);
    }
  g_array_append_val (sound->current_times, time);
}

/* ---- chunks of sound -------------------------------------------------------------------------------------------------------- */

/* A prompt in front of the transcript is not part of it. */
static GArray *
without_prompt (const Decoder *self, const AsrWhisperOutput *output, gint64 *logprobs_shift)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (gint32));
  guint first = 0;

  if (output->language_id >= 0)
    g_array_append_val (ids, output->language_id);
  *logprobs_shift = -(gint64) ids->len;
  g_array_append_vals (ids, output->tokens->data, output->tokens->len);
  if (ids->len == 0 || self->prompt_id < 0 || g_array_index (ids, gint32, 0) != self->prompt_id)
    return ids;
  while (first < ids->len && g_array_index (ids, gint32, first) != self->start_id)
    first++;
  g_array_remove_range (ids, 0, first);
  *logprobs_shift += first;
  return ids;
}

static void
enter_stride (Decoder *self, Sound *sound, const AsrWhisperOutput *output)
{
  double right_start = output->length - output->right;

  self->time_offset -= output->left;
  if (output->left != 0)
    sound->first_timestamp = output->left / self->time_precision + self->timestamp_begin;
  for (guint i = sound->ids->len; output->right != 0 && i-- > 0;)
    {
      gint32 id = g_array_index (sound->ids, gint32, i);
      if (id < self->timestamp_begin)
        continue;
      if (sound->last_timestamp >= 0 && (double) (id - self->timestamp_begin) * self->time_precision < right_start)
        break;
      sound->last_timestamp = id;
    }
}

/* Text after the last timestamp waits for the next chunk of sound. */
static void
keep_rest (Decoder *self, Sound *sound)
{
  gboolean any = FALSE;

  if (sound->current->len > 0)
    {
      g_ptr_array_add (self->previous, g_array_ref (sound->current));
      g_ptr_array_add (self->previous_times, g_array_ref (sound->current_times));
      return;
    }
  for (guint i = 0; i < self->previous->len; i++)
    any = any || ((GArray *) g_ptr_array_index (self->previous, i))->len > 0;
  if (any)
    return;
  new_chunk (self);
  g_ptr_array_set_size (self->previous, 0);
  g_ptr_array_set_size (self->previous_times, 0);
}

static gboolean
decode_sound (Decoder *self, const AsrWhisperOutput *output, GError **error)
{
  gint64 logprobs_shift = 0;
  g_autoptr (GArray) ids = without_prompt (self, output, &logprobs_shift);
  g_autoptr (GArray) current = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) current_times = g_array_new (FALSE, FALSE, sizeof (TokenTime));
  Sound sound = { .ids = ids, .times = output->times, .last_timestamp = -1, .first_timestamp = self->timestamp_begin,
                  .logprobs = output->logprobs, .logprobs_shift = logprobs_shift, .current = current, .current_times = current_times };

  self->spoken = output->spoken_id >= 0 ? token_language (self, output->spoken_id) : NULL;
  if (output->has_stride)
    enter_stride (self, &sound, output);
  for (guint i = 0; i < ids->len; i++)
    {
      gint32 id = g_array_index (ids, gint32, i);
      if (gtf_tokenizer_is_special (self->tokenizer, id))
        {
          if (!on_special (self, &sound, id, error))
            return FALSE;
        }
      else if (id >= self->timestamp_begin)
        {
          if (!on_timestamp (self, &sound, i, id, error))
            return FALSE;
        }
      else
        on_text (self, &sound, i, id);
    }
  if (output->has_stride)
    self->time_offset += output->length - output->right;
  keep_rest (self, &sound);
  return TRUE;
}

/* ---- the answer --------------------------------------------------------------------------------------------------------------- */

static JsonObject *
chunk_json (const Decoder *self, const Chunk *chunk)
{
  JsonObject *object = json_object_new ();

  if (self->return_language && chunk->language != NULL)
    json_object_set_string_member (object, "language", chunk->language);
  else if (self->return_language)
    json_object_set_null_member (object, "language");
  if (self->timestamps >= ASR_TIMESTAMPS_TRUE)
    json_object_set_array_member (object, "timestamp", timestamp_json (chunk->has_start, chunk->start, chunk->has_end, chunk->end));
  json_object_set_string_member (object, "text", chunk->text);
  return object;
}

static void
append_all (JsonArray *array, JsonArray *words)
{
  for (guint i = 0; words != NULL && i < json_array_get_length (words); i++)
    json_array_add_element (array, json_array_dup_element (words, i));
}

static void
write_answer (const Decoder *self, JsonObject *answer, JsonArray *words)
{
  g_autoptr (GString) text = g_string_new (NULL);
  JsonArray *array;

  for (guint i = 0; i < self->chunks->len; i++)
    {
      g_string_append (text, g_array_index (self->chunks, Chunk, i).text);
      append_all (words, g_array_index (self->chunks, Chunk, i).likely);
    }
  json_object_set_string_member (answer, "text", text->str);
  if (self->timestamps < ASR_TIMESTAMPS_TRUE && !self->return_language)
    return;
  array = json_array_new ();
  for (guint i = 0; i < self->chunks->len; i++)
    {
      const Chunk *chunk = &g_array_index (self->chunks, Chunk, i);
      if (self->timestamps == ASR_TIMESTAMPS_WORD)
        append_all (array, chunk->words);
      else
        json_array_add_object_element (array, chunk_json (self, chunk));
    }
  json_object_set_array_member (answer, "chunks", array);
}

static gint32
token_id (GtfTokenizer *tokenizer, const char *token)
{
  gint32 id = gtf_tokenizer_token_to_id (tokenizer, token);
  return id >= 0 ? id : gtf_tokenizer_get_special_id (tokenizer, "unk_token");
}

/**
 * asr_whisper_decode_asr:
 * @outputs: (array length=n_outputs): what the decoder said about each chunk of sound
 * @answer: gets "text" and, where asked for, "chunks"
 * @words: (nullable): gets each word with its probability
 */
gboolean
asr_whisper_decode_asr (const AsrWhisper *whisper, AsrWhisperOutput *outputs, gsize n_outputs, AsrTimestamps timestamps, gboolean return_language,
                        JsonObject *answer, JsonArray *words, GError **error)
{
  GtfTokenizer *tokenizer = whisper->tokenizer;
  g_autoptr (GArray) chunks = g_array_new (FALSE, TRUE, sizeof (Chunk));
  g_autoptr (GPtrArray) previous = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr (GPtrArray) previous_times = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  Decoder self = { .tokenizer = tokenizer, .timestamps = timestamps, .return_language = return_language,
                   .want_likely = words != NULL, .time_precision = whisper->time_precision,
                   .window_seconds = whisper->time_precision * 1500, .timestamp_begin = token_id (tokenizer, "<|notimestamps|>") + 1,
                   .prompt_id = token_id (tokenizer, "<|startofprev|>"), .start_id = token_id (tokenizer, "<|startoftranscript|>"),
                   .chunks = chunks, .previous = previous, .previous_times = previous_times };

  g_array_set_clear_func (chunks, (GDestroyNotify) chunk_clear);
  for (gsize i = 0; i < n_outputs; i++)
    if (!decode_sound (&self, &outputs[i], error))
      return FALSE;
  if (previous->len > 0 && !finish_chunk (&self, NULL, error))
    return FALSE;
  write_answer (&self, answer, words);
  return TRUE;
}
