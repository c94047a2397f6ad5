/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtf-audio.so: the front end for sound. The configuration says which feature extractor of transformers a repository uses; each
 * is a row of the table below: how samples are padded, what is computed from them, what the tensor is called.
 */
#include "audio.h"

#include <math.h>
#include <string.h>
#include "base/json.h"
#include "base/params.h"

typedef struct _Extractor Extractor;

/* preprocessor_config.json */
typedef struct
{
  gint64 feature_size, sampling_rate, hop_length, chunk_length, n_fft;
  double padding_value;
  gboolean do_normalize, return_attention_mask;
} Config;

static const GtfParam config_params[] = {
  GTF_PARAM_INT_FIELD (Config, feature_size, "feature_size", 1, 4096),
  GTF_PARAM_INT_FIELD (Config, sampling_rate, "sampling_rate", 1, 1000000),
  GTF_PARAM_INT_FIELD (Config, hop_length, "hop_length", 1, 65536),
  GTF_PARAM_INT_FIELD (Config, chunk_length, "chunk_length", 1, 3600),
  GTF_PARAM_INT_FIELD (Config, n_fft, "n_fft", 2, 32768),
  GTF_PARAM_FLOAT_FIELD (Config, padding_value, "padding_value", -1e6, 1e6),
  GTF_PARAM_BOOL_FIELD (Config, do_normalize, "do_normalize"),
  GTF_PARAM_BOOL_FIELD (Config, return_attention_mask, "return_attention_mask"),
  GTF_PARAMS_END
};

/* Arguments of the call. */
typedef struct
{
  JsonNode *padding, *truncation, *max_length;
  gint64 pad_to_multiple_of, sampling_rate;
  gboolean return_attention_mask, do_normalize;     /* as asked for; do_normalize is Whisper's */
} Call;

static const GtfParam call_params[] = {
  GTF_PARAM_NODE_FIELD (Call, padding, "padding"),
  GTF_PARAM_NODE_FIELD (Call, truncation, "truncation"),
  GTF_PARAM_NODE_FIELD (Call, max_length, "max_length"),
  GTF_PARAM_INT_FIELD (Call, pad_to_multiple_of, "pad_to_multiple_of", 1, 1 << 30),
  GTF_PARAM_INT_FIELD (Call, sampling_rate, "sampling_rate", 1, GTF_AUDIO_MAX_RATE),
  GTF_PARAM_BOOL_FIELD (Call, return_attention_mask, "return_attention_mask"),
  GTF_PARAM_BOOL_FIELD (Call, do_normalize, "do_normalize"),
  GTF_PARAMS_END
};

typedef struct
{
  const Extractor *extractor;
  Config config;
  GtfMel *mel;
} Audio;

/* Samples with their length after padding, which is not stored. */
typedef struct
{
  const float *samples;         /* n_real of them */
  gsize n, n_real;
  float padding;
} Padded;

typedef enum
{
  PAD_LONGEST,      /* one sound: none */
  PAD_MAX_LENGTH
} Padding;

struct _Extractor
{
  const char *type;                   /* feature_extractor_type */
  Config defaults;                    /* of its __init__ */
  gboolean chunked;                   /* has chunk_length: the default max_length */
  Padding padding;                    /* defaults of its __call__ */
  gboolean truncation;
  gboolean (*setup) (Audio *self, GError **error);
  gboolean (*extract) (Audio *self, const Padded *padded, const Call *call, GHashTable *out, GError **error);
};

static gboolean
put (GHashTable *out, const char *name, GtfTensor *tensor)
{
  if (tensor)
    g_hash_table_insert (out, g_strdup (name), tensor);
  return tensor != NULL;
}

/* attention_mask [1][ceil (n / step)] int32: 1 where a sample that was there before padding falls on a step */
static gboolean
put_mask (GHashTable *out, const Padded *padded, gsize n, gsize step, GError **error)
{
  gint64 shape[2] = { 1, (gint64) n };
  g_autofree gint32 *mask = g_try_new0 (gint32, MAX (n, 1));
  g_autoptr (GBytes) bytes = NULL;

  if (!mask)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for an attention mask of %" G_GSIZE_FORMAT, n);
      return FALSE;
    }
  for (gsize i = 0; i < n; i++)
    mask[i] = i * step < padded->n_real;
  bytes = g_bytes_new_take (g_steal_pointer (&mask), n * sizeof (gint32));
  return put (out, "attention_mask", gtf_tensor_new_bytes (GTF_DTYPE_I32, 2, shape, bytes, error));
}

static gboolean
put_floats (GHashTable *out, const char *name, guint n_dims, const gint64 *shape, float *values, gsize n, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (values, n * sizeof (float));

  return put (out, name, gtf_tensor_new_bytes (GTF_DTYPE_F32, n_dims, shape, bytes, error));
}

/* Zero mean, unit variance over what is there. */
static void
normalize (const float *samples, gsize n, float *out)
{
  double mean = 0, variance = 0;
  float scale;

  for (gsize i = 0; i < n; i++)
    mean += samples[i];
  mean /= (double) MAX (n, 1);
  for (gsize i = 0; i < n; i++)
    variance += (samples[i] - mean) * (samples[i] - mean);
  scale = (float) (1 / sqrt (variance / (double) MAX (n, 1) + 1e-7));
  for (gsize i = 0; i < n; i++)
    out[i] = (samples[i] - (float) mean) * scale;
}

static float *
new_floats (gsize n, GError **error)
{
  float *values = g_try_new (float, MAX (n, 1));

  if (!values)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " numbers", n);
  return values;
}

/* ---- WhisperFeatureExtractor ---- */

static gboolean
setup_whisper (Audio *self, GError **error)
{
  const Config *c = &self->config;
  GtfMelParams params = { (guint) c->n_fft, (guint) c->hop_length, (guint) c->feature_size, (guint) c->sampling_rate, 0, 8000 };

  self->mel = gtf_mel_new (&params, error);
  return self->mel != NULL;
}

static gboolean
extract_whisper (Audio *self, const Padded *padded, const Call *call, GHashTable *out, GError **error)
{
  gsize hop = (gsize) self->config.hop_length, bins = (gsize) self->config.feature_size;
  gsize n_fft = (gsize) self->config.n_fft, past = padded->n + 2 * (n_fft / 2);
  gsize n_frames = past > n_fft ? (past - n_fft) / hop : 0;     /* of torch.stft, less the last */
  gint64 shape[3] = { 1, (gint64) bins, (gint64) n_frames };
  g_autofree float *mel = new_floats (bins * n_frames, error);

  if (!mel || !gtf_mel_whisper (self->mel, padded->samples, padded->n_real, padded->n, padded->padding, n_frames, mel, error))
    return FALSE;
  /* The reference counts frames only if the call asks for the mask; if the config or do_normalize does, it has all samples. */
  if (call->return_attention_mask ? !put_mask (out, padded, padded->n / hop, hop, error)
                                  : (call->do_normalize || self->config.return_attention_mask) && !put_mask (out, padded, padded->n, 1, error))
    return FALSE;
  return put_floats (out, "input_features", 3, shape, g_steal_pointer (&mel), bins * n_frames, error);
}

/* ---- Wav2Vec2FeatureExtractor: the samples themselves ---- */

static gboolean
extract_samples (Audio *self, const Padded *padded, const Call *call, GHashTable *out, GError **error)
{
  gint64 shape[2] = { 1, (gint64) padded->n };
  float *values = new_floats (padded->n, error);

  if (!values)
    return FALSE;
  if (padded->n_real)
    memcpy (values, padded->samples, padded->n_real * sizeof (float));
  for (gsize i = padded->n_real; i < padded->n; i++)
    values[i] = padded->padding;
  if (!put_floats (out, "input_values", 2, shape, values, padded->n, error))
    return FALSE;
  return !call->return_attention_mask || put_mask (out, padded, padded->n, 1, error);
}

static const Extractor extractors[] = {
  { "WhisperFeatureExtractor", { 80, 16000, 160, 30, 400, 0, FALSE, FALSE }, TRUE, PAD_MAX_LENGTH, TRUE, setup_whisper, extract_whisper },
  { "Wav2Vec2FeatureExtractor", { 1, 16000, 1, 0, 2, 0, TRUE, FALSE }, FALSE, PAD_LONGEST, FALSE, NULL, extract_samples },
  /* As input; its spectrogram is only for training targets. hop_length is in milliseconds there. */
  { "SpeechT5FeatureExtractor", { 1, 16000, 16, 0, 2, 0, FALSE, TRUE }, FALSE, PAD_LONGEST, FALSE, NULL, extract_samples }
};

static const char *const types[] = { "audio", "WhisperFeatureExtractor", "Wav2Vec2FeatureExtractor", "SpeechT5FeatureExtractor", NULL };

/* ---- the module ---- */

static gsize
n_samples (gpointer state)
{
  Audio *self = state;

  return self->extractor->chunked ? (gsize) (self->config.chunk_length * self->config.sampling_rate) : 0;
}

static void
destroy (gpointer state)
{
  Audio *self = state;

  gtf_mel_free (self->mel);
  g_free (self);
}

static gpointer
create (const char *config_path, const char *config_json, GError **error)
{
  g_autoptr (JsonObject) object = gtf_json_parse_object (config_path, config_json, -1, GTF_JSON_PYTHON, error);
  Audio *self;
  JsonNode *node;
  const char *type;

  if (!object)
    return NULL;
  node = json_object_get_member (object, "feature_extractor_type");
  if (!node)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"feature_extractor_type\" is missing", config_path);
      return NULL;
    }
  type = gtf_param_get_string (node, config_path, "feature_extractor_type", error);
  if (!type)
    return NULL;
  self = g_new0 (Audio, 1);
  for (guint i = 0; i < G_N_ELEMENTS (extractors); i++)
    if (g_str_equal (extractors[i].type, type))
      self->extractor = &extractors[i];
  if (!self->extractor)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"feature_extractor_type\": %s is not known", config_path, type);
      destroy (self);
      return NULL;
    }
  self->config = self->extractor->defaults;
  if (!gtf_params_read (config_params, object, config_path, GTF_PARAMS_DEFAULT, &self->config, error) ||
      (self->extractor->setup && !self->extractor->setup (self, error)))
    {
      destroy (self);
      return NULL;
    }
  return self;
}

/* "max_length", true (longest), "longest", "do_not_pad", false */
static gboolean
read_padding (const Extractor *extractor, const Call *call, Padding *padding, GError **error)
{
  const char *name;

  *padding = extractor->padding;
  if (!call->padding || JSON_NODE_HOLDS_NULL (call->padding))
    return TRUE;
  *padding = PAD_LONGEST;
  if (json_node_get_value_type (call->padding) == G_TYPE_BOOLEAN)
    return TRUE;
  name = gtf_param_get_string (call->padding, "parameters", "padding", error);
  if (!name)
    return FALSE;
  if (g_str_equal (name, "max_length"))
    *padding = PAD_MAX_LENGTH;
  else if (!g_str_equal (name, "longest") && !g_str_equal (name, "do_not_pad"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"padding\": expected \"longest\", \"max_length\" or \"do_not_pad\", found \"%s\"", name);
      return FALSE;
    }
  return TRUE;
}

static gboolean
pad (Audio *self, const float *samples, gsize n, const Call *call, Padded *padded, GError **error)
{
  gboolean truncation = self->extractor->truncation;
  gint64 max_length = (gint64) n_samples (self);
  Padding padding;
  gsize length = n;

  if ((call->truncation && !JSON_NODE_HOLDS_NULL (call->truncation) && !gtf_param_get_bool (call->truncation, "parameters", "truncation", &truncation, error)) ||
      (call->max_length && !JSON_NODE_HOLDS_NULL (call->max_length) && !gtf_param_get_int (call->max_length, "parameters", "max_length", 1, G_MAXINT32, &max_length, error)) ||
      !read_padding (self->extractor, call, &padding, error))
    return FALSE;
  if (truncation && max_length > 0)
    n = length = MIN (n, (gsize) max_length);
  if (padding == PAD_MAX_LENGTH && max_length > 0)
    length = MAX (length, (gsize) max_length);
  if (call->pad_to_multiple_of > 1)
    length = (length + (gsize) call->pad_to_multiple_of - 1) / (gsize) call->pad_to_multiple_of * (gsize) call->pad_to_multiple_of;
  *padded = (Padded) { samples, length, n, (float) self->config.padding_value };
  return TRUE;
}

static GHashTable *
run_audio (gpointer state, const float *samples, gsize n, const char *parameters, GError **error)
{
  Audio *self = state;
  Call call = { 0 };
  g_autoptr (JsonObject) object = parameters ? gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON, error) : NULL;
  g_autoptr (GHashTable) out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
  g_autofree float *normed = NULL;
  Padded padded = { 0 };
  gboolean good;

  if (!self->extractor->chunked)
    call.return_attention_mask = self->config.return_attention_mask;
  if ((parameters && !object) || (object && !gtf_params_read (call_params, object, "parameters", GTF_PARAMS_DEFAULT, &call, error)))
    return NULL;
  if (call.sampling_rate && call.sampling_rate != self->config.sampling_rate)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"sampling_rate\": the model takes %" G_GINT64_FORMAT " Hz, found %" G_GINT64_FORMAT, self->config.sampling_rate, call.sampling_rate);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    if (!isfinite (samples[i]))
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "sample %" G_GSIZE_FORMAT " is not a finite number", i);
        return NULL;
      }
  if (!pad (self, samples, n, &call, &padded, error))
    return NULL;
  if (self->extractor->chunked ? call.do_normalize : self->config.do_normalize)
    {
      normed = new_floats (padded.n_real, error);
      if (!normed)
        return NULL;
      normalize (padded.samples, padded.n_real, normed);
      padded.samples = normed;
    }
  good = self->extractor->extract (self, &padded, &call, out, error);
  return good ? g_steal_pointer (&out) : NULL;
}

static guint
sampling_rate (gpointer state)
{
  return (guint) ((Audio *) state)->config.sampling_rate;
}

static gsize
hop_length (gpointer state)
{
  Audio *self = state;

  return self->extractor->chunked ? (gsize) self->config.hop_length : 0;
}

static const GtfPreprocessorPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfPreprocessorPlugin), "audio" },
  .types = types,
  .create = create,
  .destroy = destroy,
  .sampling_rate = sampling_rate,
  .n_samples = n_samples,
  .hop_length = hop_length,
  .run_audio = run_audio,
  .load_audio = gtf_audio_decode,
  .resample = gtf_audio_change_rate
};

GTF_PLUGIN_EXPORT const GtfPreprocessorPlugin *gtf_preprocessor_audio (void);

const GtfPreprocessorPlugin *
gtf_preprocessor_audio (void)
{
  return &plugin;
}
