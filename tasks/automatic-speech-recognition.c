/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task automatic-speech-recognition: transformers' pipeline of that name, request and answer. Which kind of model answers
 * is read from what the repository declares, never from the architecture's name: a generation_config.json with timestamp
 * tokens means Whisper's rules (asr/whisper*.c). Other kinds (CTC) are further back ends beside it.
 */
#include "asr/asr-private.h"

typedef struct
{
  const AsrBackend *backend;
  gpointer state;
} AsrTask;

static const AsrBackend *
find_backend (GtfTask *task)
{
  JsonObject *config = task->generation_config;
  gboolean declares_timestamps = config != NULL && (gtf_json_find (config, "no_timestamps_token_id") != NULL || gtf_json_find (config, "lang_to_id") != NULL);

  if (!gtf_model_can (task->model, "encode") || !gtf_model_can (task->model, "decode"))
    return NULL;
  /* The oldest repositories say nothing: there the tokenizer knows. */
  if (declares_timestamps || (task->tokenizer != NULL && gtf_tokenizer_token_to_id (task->tokenizer, "<|notimestamps|>") >= 0))
    return &asr_backend_whisper;
  return NULL;
}

/* No back end takes it: says what is missing. */
static void
set_unsupported (GtfTask *task, GError **error)
{
  const char *class_name = gtf_model_get_architecture (task->model);
  gboolean encodes = gtf_model_can (task->model, "encode") && gtf_model_can (task->model, "decode");

  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: automatic-speech-recognition: expected %s, found %s (model_type \"%s\"), %s",
               gtf_model_get_directory (task->model),
               encodes ? "a generation_config.json with timestamp tokens (no_timestamps_token_id or lang_to_id)" : "an encoder-decoder that writes text",
               class_name != NULL ? class_name : "a bare model", gtf_model_get_model_type (task->model),
               !encodes ? "which is none" : task->generation_config != NULL ? "whose file has none" : "which has no such file");
}

static gboolean
asr_open (GtfTask *task, GError **error)
{
  const AsrBackend *backend = find_backend (task);
  gpointer state;
  AsrTask *self;

  if (backend == NULL)
    {
      set_unsupported (task, error);
      return FALSE;
    }
  state = backend->open (task, error);
  if (state == NULL)
    return FALSE;
  self = g_new0 (AsrTask, 1);
  self->backend = backend;
  self->state = state;
  task->state = self;
  return TRUE;
}

static void
asr_close (GtfTask *task)
{
  AsrTask *self = g_steal_pointer (&task->state);

  if (self == NULL)
    return;
  self->backend->close (self->state);
  g_free (self);
}

/* Lists are worked on in batches, so that not all of their sound is in memory at once. */
static gboolean
run_batches (AsrTask *self, const AsrParameters *parameters, const GtfRequest *request, guint sampling_rate, guint n_inputs, JsonArray *answers,
             JsonArray *details, GError **error)
{
  guint step = (guint) parameters->batch_size;

  for (guint first = 0; first < n_inputs; first += step)
    {
      guint n = MIN (step, n_inputs - first);
      g_autoptr (GPtrArray) inputs = asr_inputs_read (request, first, n, sampling_rate, error);
      AsrBatch batch = { inputs, (double) first / n_inputs, (double) n / n_inputs };
      if (inputs == NULL || !self->backend->run (self->state, parameters, request, &batch, answers, details, error))
        return FALSE;
    }
  return TRUE;
}

static JsonNode *
asr_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  g_autoptr (JsonArray) answers = json_array_new ();
  g_autoptr (JsonArray) details = request->details != NULL ? json_array_new () : NULL;
  AsrParameters parameters = { 0 };
  gboolean is_list = FALSE;
  guint n_inputs = asr_inputs_count (request, &is_list);
  gboolean ok;

  ok = asr_parameters_init (&parameters, request->parameters, error)
       && run_batches (task->state, &parameters, request, gtf_preprocessor_get_sampling_rate (task->preprocessor), n_inputs, answers, details, error);
  asr_parameters_clear (&parameters);
  if (!ok)
    return NULL;
  if (details != NULL)
    *request->details = json_node_init_array (json_node_alloc (), details);
  return is_list ? json_node_init_array (json_node_alloc (), answers) : json_array_dup_element (answers, 0);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "return_timestamps", "bool or \"word\"", "null", "also return chunks with their times: of phrases (true) or of words (\"word\")", 0, 0 },
  { "return_language", "bool", "null", "also return the language of each chunk", 0, 0 },
  { "chunk_length_s", "float (s)", "0", "cut long sound into overlapping chunks of this length; 0: follow it window by window", 0, 1e6 },
  { "stride_length_s", "float or [left, right] (s)", "null", "overlap of the chunks on each side; a sixth of chunk_length_s if not given", 0, 0 },
  { "batch_size", "int", "1", "inputs or chunks that are worked on together", 1, 65536 },
  { "ignore_warning", "bool", "false", "no warning about chunk_length_s", 0, 0 },
  { "generate_kwargs", "object", "{}",
    "how the text is generated: language (\"en\", \"english\"), task (transcribe, translate), num_beams (5), max_new_tokens (256), temperature (a number or "
    "a list to fall back on), compression_ratio_threshold, logprob_threshold, no_speech_threshold, condition_on_prev_tokens, prompt_ids, "
    "prompt_condition_type, and whatever generation_config.json may hold", 0, 0 },
  { "*", "any", "", "further names count as generate_kwargs", 0, 0 },
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "automatic-speech-recognition" },
  .media = "audio",
  .parameters = parameters,
  .open = asr_open,
  .close = asr_close,
  .run = asr_run,
  .render_details = asr_view,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_automatic_speech_recognition (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_automatic_speech_recognition (void)
{
  return &plugin;
}
