/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One window from encoder states to tokens. An answer that repeats itself (it compresses too well) or that the model hardly
 * believes in is thrown away and made again at the next temperature; a window that holds no speech is skipped (Radford et al.
 * 2022, section 4.5).
 */
#include <math.h>
#include <zlib.h>

#include "asr/whisper-private.h"

/* Bytes that hold any id of the vocabulary, as the reference counts them. */
static gsize
token_size (gint64 vocab_size)
{
  return (gsize) (log2 ((double) MAX (vocab_size, 1)) / 8) + 1;
}

/**
 * asr_compression_ratio:
 *
 * How many times smaller zlib makes the tokens, written as little-endian numbers of as many bytes as the vocabulary needs.
 */
double
asr_compression_ratio (const gint32 *tokens, gsize n_tokens, gint64 vocab_size)
{
  gsize size = token_size (vocab_size);
  gsize n_bytes = n_tokens * size;
  uLongf n_packed = compressBound (n_bytes);
  g_autofree guint8 *bytes = g_malloc0 (MAX (n_bytes, 1));
  g_autofree guint8 *packed = g_malloc (n_packed);

  for (gsize i = 0; i < n_tokens; i++)
    for (gsize b = 0; b < MIN (size, sizeof (gint32)); b++)
      bytes[i * size + b] = (guint8) ((guint32) tokens[i] >> (8 * b));
  if (compress2 (packed, &n_packed, bytes, n_bytes, Z_DEFAULT_COMPRESSION) != Z_OK || n_packed == 0)
    return 0;
  return (double) n_bytes / (double) n_packed;
}

static double
average_logprob (const GtfGenerated *answer)
{
  double sum = 0;

  for (gsize i = 0; i < answer->n_ids; i++)
    sum += answer->logprobs[i];
  return answer->n_ids > 0 ? sum / (double) answer->n_ids : 0;
}

/* Probability of the token for "no speech" where the transcript starts. */
static gboolean
no_speech_probability (const AsrWhisperOptions *options, GtfSession *session, const GArray *prompt, gsize n_init, double *probability, GError **error)
{
  gsize row = prompt->len - n_init;
  const GtfTensor *all;
  g_autofree float *logits = NULL;
  gint64 vocab;
  double best = -INFINITY, sum = 0;

  gtf_session_truncate (session, 0);
  gtf_session_want (session, "all_logits");
  if (!gtf_session_decode (session, (const gint32 *) prompt->data, 1, prompt->len, error))
    return FALSE;
  all = gtf_session_get_output (session, "all_logits");
  if (all == NULL)
    all = gtf_session_get_output (session, "logits");
  vocab = gtf_tensor_get_dim (all, -1);
  if (gtf_tensor_get_n_elements (all) < (row + 1) * (gsize) vocab || options->no_timestamps_id < 1 || options->no_timestamps_id > vocab)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "no_speech_threshold: this model has no token for it");
      return FALSE;
    }
  logits = g_new (float, vocab);
  gtf_tensor_read_f32 (all, row * (gsize) vocab, (gsize) vocab, logits);
  for (gint64 i = 0; i < vocab; i++)
    best = MAX (best, logits[i]);
  for (gint64 i = 0; i < vocab; i++)
    sum += exp (logits[i] - best);
  *probability = exp (logits[options->no_timestamps_id - 1] - best) / sum;
  return TRUE;
}

/* Sampling at a temperature above 0 gives up beams, for the windows to come as well. */
static void
set_temperature (GtfGenerationConfig *config, double temperature)
{
  config->do_sample = temperature > 0;
  config->temperature = config->do_sample ? temperature : 1.0;
  if (config->do_sample)
    config->num_beams = 1;
}

/* The answer without the end token (and without padding that a model wrote itself). */
static GArray *
without_end (const AsrWhisperOptions *options, const GtfGenerated *answer)
{
  GArray *tokens = g_array_new (FALSE, FALSE, sizeof (gint32));
  gsize n = answer->n_ids;

  if (n > 0 && gtf_token_ids_contain (&options->config->eos_token_ids, answer->ids[n - 1]))
    n--;
  g_array_append_vals (tokens, answer->ids, (guint) n);
  return tokens;
}

static gboolean
needs_fallback (const AsrWhisper *whisper, const AsrWhisperOptions *options, const GtfGenerated *answer, double no_speech, gboolean *skip)
{
  double logprob = average_logprob (answer);
  gboolean again = FALSE;

  *skip = FALSE;
  if (options->compression_ratio_threshold.is_set
      && asr_compression_ratio (answer->ids, answer->n_ids, whisper->vocab_size) > options->compression_ratio_threshold.value)
    again = TRUE;
  if (options->logprob_threshold.is_set && logprob < options->logprob_threshold.value)
    again = TRUE;
  if (options->no_speech_threshold.is_set && no_speech > options->no_speech_threshold.value
      && (!options->logprob_threshold.is_set || logprob < options->logprob_threshold.value))
    *skip = TRUE;
  return again && !*skip;
}

/**
 * asr_whisper_decode_window:
 * @session: holds the encoded window
 * @prompt: (element-type gint32): decoder_input_ids
 * @n_init: how many tokens at the end of @prompt open the transcript
 * @decoded: (out): its tokens are the caller's; `best` belongs to @output
 */
gboolean
asr_whisper_decode_window (const AsrWhisper *whisper, AsrWhisperOptions *options, GtfSession *session, GArray *prompt, gsize n_init,
                           GtfGenerateOutput *output, AsrWhisperDecoded *decoded, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfLogitsProcessorList) processors = asr_whisper_processors (options);
  double no_speech = 0;

  if (options->no_speech_threshold.is_set && !no_speech_probability (options, session, prompt, n_init, &no_speech, error))
    return FALSE;
  for (gsize i = 0; i < options->n_temperatures; i++)
    {
      gboolean again;

      set_temperature (options->config, options->temperatures[i]);
      gtf_session_truncate (session, 0);
      if (!gtf_generate (session, options->config, (const gint32 *) prompt->data, 1, prompt->len, processors, output, cancellable, error))
        return FALSE;
      decoded->best = &output->sequences[0];
      decoded->temperature = options->temperatures[i];
      decoded->condition = options->condition_on_prev_tokens && decoded->temperature < 0.5;
      again = needs_fallback (whisper, options, decoded->best, no_speech, &decoded->skip);
      if (!again)
        break;
    }
  decoded->tokens = without_end (options, decoded->best);
  return TRUE;
}
