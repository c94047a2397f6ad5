/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Whisper kind of speech recognition: sound -> features -> tokens (whisper-longform.c) -> text and chunks
 * (whisper-decode.c). One AsrWhisper a pipeline; each running call has a session of its own.
 */
#include <math.h>

#include "asr/whisper-private.h"

/* Bound of the layers and heads of a model that does not say how many it has. */
#define MAX_HEADS 4096

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static gboolean
read_size (AsrWhisper *self, const char *key, gint64 *value, GError **error)
{
  if (!gtf_model_read_config_int (self->model, key, 1, G_MAXINT32 / 2, value, error))
    return FALSE;
  if (*value > 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: \"%s\" is missing", gtf_model_get_directory (self->model), key);
  return FALSE;
}

static gboolean
read_sizes (AsrWhisper *self, GError **error)
{
  gint64 n_samples = (gint64) gtf_preprocessor_get_n_samples (self->preprocessor);
  gint64 hop = (gint64) gtf_preprocessor_get_hop_length (self->preprocessor);
  gint64 rate = gtf_preprocessor_get_sampling_rate (self->preprocessor);

  self->median_filter_width = 7;
  self->decoder_layers = self->decoder_heads = MAX_HEADS;
  if (!read_size (self, "max_source_positions", &self->max_source_positions, error)
      || !read_size (self, "max_target_positions", &self->max_target_positions, error)
      || !read_size (self, "vocab_size", &self->vocab_size, error)
      || !gtf_model_read_config_int (self->model, "decoder_layers", 1, MAX_HEADS, &self->decoder_layers, error)
      || !gtf_model_read_config_int (self->model, "decoder_attention_heads", 1, MAX_HEADS, &self->decoder_heads, error)
      || !gtf_model_read_config_int (self->model, "median_filter_width", 1, 999, &self->median_filter_width, error))
    return FALSE;
  if (self->median_filter_width % 2 != 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: \"median_filter_width\": expected an odd number, found %" G_GINT64_FORMAT,
                   gtf_model_get_directory (self->model), self->median_filter_width);
      return FALSE;
    }
  if (n_samples <= 0 || hop <= 0 || rate <= 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA,
                   "%s/preprocessor_config.json: expected n_samples, hop_length and sampling_rate of sound in windows", gtf_model_get_directory (self->model));
      return FALSE;
    }
  self->frames_per_state = MAX (1, (gint64) rint ((double) n_samples / (double) hop / (double) self->max_source_positions));
  self->window_frames = self->frames_per_state * self->max_source_positions;
  self->time_precision = (double) n_samples / (double) rate / (double) self->max_source_positions;
  return TRUE;
}

static void
whisper_close (gpointer state)
{
  AsrWhisper *self = state;

  g_clear_pointer (&self->config, gtf_generation_config_free);
  g_clear_pointer ((GtfSession **) &self->idle_session, gtf_session_free);
  g_free (self);
}

static gpointer
whisper_open (GtfTask *task, GError **error)
{
  AsrWhisper *self;

  if (task->tokenizer == NULL || task->preprocessor == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: automatic-speech-recognition needs %s", gtf_model_get_directory (task->model),
                   task->tokenizer == NULL ? "a tokenizer (tokenizer.json, or vocab.json and merges.txt)" : "preprocessor_config.json");
      return NULL;
    }
  self = g_new0 (AsrWhisper, 1);
  self->model = task->model;
  self->tokenizer = task->tokenizer;
  self->preprocessor = task->preprocessor;
  self->config = gtf_generation_config_load (gtf_model_get_directory (task->model), error);
  if (self->config == NULL || !read_sizes (self, error) || !asr_whisper_check_config (self, error))
    {
      whisper_close (self);
      return NULL;
    }
  self->sets_max_length = gtf_json_find (self->config->json, "max_length") != NULL;
  self->sets_num_beams = gtf_json_find (self->config->json, "num_beams") != NULL;
  return self;
}

/* ---- one call ----------------------------------------------------------------------------------------------------------- */

typedef struct
{
  AsrWhisper *whisper;
  const AsrParameters *parameters;
  const GtfRequest *request;
  const AsrBatch *batch;
  AsrWhisperOptions options;
  AsrTimestamps timestamps;
  gboolean return_language;
  GtfSession *session;
  double done, share;         /* of the whole request: what is finished, what the item in work stands for */
  double offset;              /* seconds: where the item in work begins */
} Call;

/* A session of an earlier call, or a new one. */
static gboolean
take_session (Call *self, GError **error)
{
  GtfSession *idle = g_atomic_pointer_exchange (&self->whisper->idle_session, NULL);

  self->session = idle != NULL ? idle : gtf_session_new (self->whisper->model, error);
  return self->session != NULL;
}

static void
give_session_back (Call *self)
{
  GtfSession *other = g_atomic_pointer_exchange (&self->whisper->idle_session, g_steal_pointer (&self->session));
  g_clear_pointer (&other, gtf_session_free);
}

/* Streaming: a segment as a chunk of the answer. */
static void
on_segment (const AsrSegment *segment, double fraction, gpointer data)
{
  Call *self = data;
  g_autoptr (GArray) text_ids = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;
  JsonObject *piece;
  JsonArray *timestamp;

  for (guint i = 0; i < segment->tokens->len; i++)
    {
      gint32 id = g_array_index (segment->tokens, gint32, i);
      if (id < self->options.timestamp_begin && !gtf_tokenizer_is_special (self->whisper->tokenizer, id))
        g_array_append_val (text_ids, id);
    }
  text = asr_whisper_text (self->whisper->tokenizer, (const gint32 *) text_ids->data, text_ids->len, NULL);
  if (text == NULL)
    return;
  piece = json_object_new ();
  timestamp = json_array_new ();
  json_array_add_double_element (timestamp, self->offset + segment->start);
  json_array_add_double_element (timestamp, self->offset + segment->end);
  json_object_set_array_member (piece, "timestamp", timestamp);
  json_object_set_string_member (piece, "text", text);
  node = json_node_init_object (json_node_alloc (), piece);
  json_object_unref (piece);
  self->request->progress (node, TRUE, MIN (1.0, self->done + self->share * fraction), self->request->progress_data);
}

/* Features of a chunk, and how many frames of them are sound. */
static GtfTensor *
extract (Call *self, const AsrChunk *chunk, gint64 *n_valid, GError **error)
{
  GtfPreprocessor *preprocessor = self->whisper->preprocessor;
  gboolean is_long = !chunk->has_stride && chunk->n_samples > gtf_preprocessor_get_n_samples (preprocessor);
  const char *parameters = is_long ? "{\"truncation\": false, \"padding\": \"longest\", \"return_attention_mask\": true}"
                                   : "{\"return_attention_mask\": true}";
  g_autoptr (GHashTable) tensors = gtf_preprocessor_run_audio (preprocessor, chunk->samples, chunk->n_samples, parameters, error);
  GtfTensor *features = tensors != NULL ? g_hash_table_lookup (tensors, "input_features") : NULL;
  gint64 hop = (gint64) gtf_preprocessor_get_hop_length (preprocessor);

  if (tensors == NULL)
    return NULL;
  if (features == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "%s/preprocessor_config.json: expected input_features, which it does not give",
                   gtf_model_get_directory (self->whisper->model));
      return NULL;
    }
  *n_valid = MIN ((gint64) (chunk->n_samples + (gsize) hop - 1) / hop, gtf_tensor_get_dim (features, -1));
  return gtf_tensor_ref (features);
}

static void
set_stride (Call *self, const AsrChunk *chunk, AsrWhisperOutput *output)
{
  double rate = gtf_preprocessor_get_sampling_rate (self->whisper->preprocessor);

  output->has_stride = chunk->has_stride;
  output->length = (double) chunk->n_samples / rate;
  output->left = (double) chunk->left / rate;
  output->right = (double) chunk->right / rate;
}

static gboolean
run_chunk (Call *self, const AsrChunk *chunk, gboolean use_mask, AsrWhisperOutput *output, GError **error)
{
  gint64 n_valid = 0;
  gint64 num_beams = self->options.config->num_beams, max_length = self->options.config->max_length;
  gboolean is_default = self->options.config->max_length_is_default, return_timestamps = self->options.return_timestamps;
  g_autoptr (GtfTensor) features = extract (self, chunk, &n_valid, error);
  gboolean ok;

  if (features == NULL)
    return FALSE;
  /* Beyond one window there is no way without timestamps; the answer does not show them unless asked. */
  if ((use_mask || gtf_tensor_get_dim (features, -1) > self->whisper->window_frames) && self->options.has_timestamps)
    self->options.return_timestamps = TRUE;
  ok = asr_whisper_transcribe (self->whisper, &self->options, self->session, features, n_valid, use_mask,
                               self->request->progress != NULL ? on_segment : NULL, self, output, self->request->cancellable, error);
  self->options.config->num_beams = num_beams;      /* a call changes these as it goes */
  self->options.config->max_length = max_length;
  self->options.config->max_length_is_default = is_default;
  self->options.return_timestamps = return_timestamps;
  if (!ok)
    return FALSE;
  set_stride (self, chunk, output);
  if (!self->return_language)
    output->language_id = -1;
  return TRUE;
}

static void
output_clear (AsrWhisperOutput *self)
{
  g_clear_pointer (&self->tokens, g_array_unref);
  g_clear_pointer (&self->times, g_array_unref);
  g_clear_pointer (&self->logprobs, g_array_unref);
}

/* A place in the answers for each chunk of each input, in the order in which batches are made. */
typedef struct
{
  AsrChunk chunk;
  guint input;
} Item;

static GArray *
list_items (Call *self, GPtrArray *inputs, GError **error)
{
  guint rate = gtf_preprocessor_get_sampling_rate (self->whisper->preprocessor);
  g_autoptr (GArray) items = g_array_new (FALSE, TRUE, sizeof (Item));

  for (guint i = 0; i < inputs->len; i++)
    {
      g_autoptr (GArray) chunks = asr_chunks (g_ptr_array_index (inputs, i), self->parameters, rate, 1, error);
      if (chunks == NULL)
        return NULL;
      for (guint c = 0; c < chunks->len; c++)
        {
          Item item = { g_array_index (chunks, AsrChunk, c), i };
          g_array_append_val (items, item);
        }
    }
  return g_steal_pointer (&items);
}

/* In a batch with a recording longer than a window, the shorter ones end where their sound ends. */
static gboolean
batch_is_long (const Call *self, const GArray *items, guint first, guint n)
{
  gsize window = gtf_preprocessor_get_n_samples (self->whisper->preprocessor);

  for (guint i = first; n > 1 && i < first + n; i++)
    {
      const AsrChunk *chunk = &g_array_index (items, Item, i).chunk;
      if (!chunk->has_stride && chunk->n_samples > window)
        return TRUE;
    }
  return FALSE;
}

static gboolean
run_items (Call *self, const GArray *items, GArray *outputs, GError **error)
{
  guint batch = (guint) self->parameters->batch_size;
  double rate = gtf_preprocessor_get_sampling_rate (self->whisper->preprocessor);

  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = &g_array_index (items, Item, i);
      guint first = i - i % batch, n = MIN (batch, items->len - first);
      AsrWhisperOutput output = { .language_id = -1, .spoken_id = -1 };

      self->done = self->batch->done + self->batch->share * i / items->len;
      self->share = self->batch->share / items->len;
      self->offset = i > 0 && g_array_index (items, Item, i - 1).input == item->input
                     ? self->offset + (double) (item->chunk.samples - g_array_index (items, Item, i - 1).chunk.samples) / rate : 0;
      self->options.row = i - first;
      self->options.n_rows = n;
      if (!run_chunk (self, &item->chunk, batch_is_long (self, items, first, n), &output, error))
        {
          output_clear (&output);
          return FALSE;
        }
      g_array_append_val (outputs, output);
    }
  return TRUE;
}

/* Further keys of the input: each comes back as a list with its value once a chunk. */
static void
add_extra (JsonObject *answer, JsonObject *extra, guint n_chunks)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (extra == NULL)
    return;
  json_object_iter_init_ordered (&iter, extra);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      JsonArray *list = json_array_new ();
      for (guint i = 0; i < n_chunks; i++)
        json_array_add_element (list, json_node_copy (value));
      json_object_set_array_member (answer, name, list);
    }
}

static gboolean
write_answers (Call *self, const GArray *items, GArray *outputs, GPtrArray *inputs, JsonArray *answers, JsonArray *details, GError **error)
{
  guint first = 0;

  for (guint i = 0; i < inputs->len; i++)
    {
      JsonObject *answer = json_object_new ();
      JsonArray *words = details != NULL ? json_array_new () : NULL;
      guint n = 0;

      while (first + n < items->len && g_array_index (items, Item, first + n).input == i)
        n++;
      json_array_add_object_element (answers, answer);
      if (words != NULL)
        json_array_add_array_element (details, words);
      if (!asr_whisper_decode_asr (self->whisper, n > 0 ? &g_array_index (outputs, AsrWhisperOutput, first) : NULL, n, self->timestamps, self->return_language,
                                   answer, words, error))
        return FALSE;
      add_extra (answer, ((AsrInput *) g_ptr_array_index (inputs, i))->extra, n);
      first += n;
    }
  return TRUE;
}

static gboolean
whisper_run (gpointer state, const AsrParameters *parameters, const GtfRequest *request, const AsrBatch *batch, JsonArray *answers,
             JsonArray *details, GError **error)
{
  Call self = { .whisper = state, .parameters = parameters, .request = request, .batch = batch };
  g_autoptr (GArray) items = NULL;
  g_autoptr (GArray) outputs = g_array_new (FALSE, TRUE, sizeof (AsrWhisperOutput));
  gboolean ok;

  g_array_set_clear_func (outputs, (GDestroyNotify) output_clear);
  if (parameters->chunk_length > 0 && !parameters->ignore_warning)
    g_info ("chunk_length_s is experimental with models that generate text: the answer may differ at the seams; "
            "without it long recordings are followed window by window");
  self.timestamps = asr_whisper_timestamps (self.whisper, parameters);
  self.return_language = asr_whisper_wants_language (parameters);
  ok = asr_whisper_options_init (&self.options, self.whisper, parameters, error)
       && (items = list_items (&self, batch->inputs, error)) != NULL
       && take_session (&self, error)
       && run_items (&self, items, outputs, error)
       && write_answers (&self, items, outputs, batch->inputs, answers, details, error);
  if (self.session != NULL)
    give_session_back (&self);
  asr_whisper_options_clear (&self.options);
  return ok;
}

const AsrBackend asr_backend_whisper = { whisper_open, whisper_close, whisper_run };
