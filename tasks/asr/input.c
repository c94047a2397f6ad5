/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is to be transcribed: a path, samples in the request ({"raw" or "array": [...], "sampling_rate": n, "stride": [l, r]}
 * with further keys that are handed through to the answer), {"path": ...}, a list of all these, or samples that the program
 * holds already.
 */
#include <math.h>

#include "asr/asr-private.h"

#define MAX_RATE 1000000

static void
input_free (AsrInput *self)
{
  g_clear_pointer (&self->owned, gtf_audio_free);
  g_clear_pointer (&self->extra, json_object_unref);
  g_free (self);
}

static void
take_audio (AsrInput *self, GtfAudio *audio)
{
  self->owned = audio;
  self->samples = audio->samples;
  self->n_samples = audio->n_samples;
}

static gboolean
resample (AsrInput *self, guint sampling_rate, GError **error)
{
  GtfAudio *audio;

  if (self->owned->sampling_rate == sampling_rate)
    return TRUE;
  audio = gtf_audio_resample (self->owned, sampling_rate, error);
  if (audio == NULL)
    return FALSE;
  gtf_audio_free (self->owned);
  take_audio (self, audio);
  return TRUE;
}

/* Adds samples of one channel, times `weight`, to `out`. */
static gboolean
add_channel (JsonArray *array, float weight, float *out, GError **error)
{
  guint n = json_array_get_length (array);

  for (guint i = 0; i < n; i++)
    {
      double value = 0;
      if (!gtf_param_get_float (json_array_get_element (array, i), "inputs", "raw", -G_MAXFLOAT, G_MAXFLOAT, &value, error))
        return FALSE;
      out[i] += (float) value * weight;
    }
  return TRUE;
}

/* Samples [n], or two channels [2][n] of which the mean is taken. */
static GtfAudio *
read_samples (JsonArray *array, guint sampling_rate, GError **error)
{
  guint length = json_array_get_length (array);
  gboolean channels = length > 0 && JSON_NODE_HOLDS_ARRAY (json_array_get_element (array, 0));
  g_autoptr (GtfAudio) audio = NULL;
  guint n = length;

  if (channels && length > 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "inputs: raw: expected samples, or one or two channels (channels, samples), found %u rows; mix them to mono first", length);
      return NULL;
    }
  for (guint i = 0; channels && i < length; i++)
    {
      JsonNode *row = json_array_get_element (array, i);
      guint this_n = JSON_NODE_HOLDS_ARRAY (row) ? json_array_get_length (json_node_get_array (row)) : 0;
      if (i > 0 && this_n != n)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: raw: channels of different lengths: %u and %u samples", n, this_n);
          return NULL;
        }
      n = this_n;
    }
  audio = gtf_audio_new (n, sampling_rate, error);
  if (audio == NULL)
    return NULL;
  for (guint i = 0; i < (channels ? length : 1); i++)
    if (!add_channel (channels ? json_array_get_array_element (array, i) : array, channels ? 1.0f / length : 1.0f, audio->samples, error))
      return NULL;
  return g_steal_pointer (&audio);
}

static gboolean
read_stride (AsrInput *self, JsonNode *node, double ratio, GError **error)
{
  JsonArray *pair = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  gint64 left = 0, right = 0;

  if (node == NULL)
    return TRUE;
  if (pair == NULL || json_array_get_length (pair) != 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: stride: expected [left, right] in samples");
      return FALSE;
    }
  if (!gtf_param_get_int (json_array_get_element (pair, 0), "inputs", "stride[0]", 0, G_MAXINT32, &left, error)
      || !gtf_param_get_int (json_array_get_element (pair, 1), "inputs", "stride[1]", 0, G_MAXINT32, &right, error))
    return FALSE;
  if ((gsize) (left + right) > self->n_samples)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "inputs: stride: Stride is too large for input: %" G_GINT64_FORMAT " + %" G_GINT64_FORMAT " of %zu samples", left, right, self->n_samples);
      return FALSE;
    }
  self->has_stride = TRUE;
  self->stride_left = (gsize) rint (left * ratio);
  self->stride_right = (gsize) rint (right * ratio);
  return TRUE;
}

/* Keys beside those that mean something here come back with the answer. */
static void
keep_extra (AsrInput *self, JsonObject *object, gboolean has_raw)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  self->extra = json_object_new ();
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &value))
    {
      if (g_str_equal (name, "raw") || g_str_equal (name, "sampling_rate") || g_str_equal (name, "stride"))
        continue;
      if (!has_raw && (g_str_equal (name, "array") || g_str_equal (name, "path")))
        continue;
      json_object_set_member (self->extra, name, json_node_copy (value));
    }
}

static gboolean
read_object (AsrInput *self, JsonObject *object, guint sampling_rate, GCancellable *cancellable, GError **error)
{
  JsonNode *raw = gtf_json_find (object, "raw");
  JsonNode *samples = raw != NULL ? raw : gtf_json_find (object, "array");
  JsonNode *path = gtf_json_find (object, "path");
  gint64 rate = 0;
  GtfAudio *audio;

  if (samples == NULL && path != NULL && JSON_NODE_HOLDS_VALUE (path) && json_node_get_value_type (path) == G_TYPE_STRING)
    {
      audio = gtf_audio_load (json_node_get_string (path), sampling_rate, cancellable, error);
      if (audio == NULL)
        return FALSE;
      take_audio (self, audio);
      keep_extra (self, object, FALSE);
      return read_stride (self, gtf_json_find (object, "stride"), 1, error);
    }
  if (samples == NULL || !JSON_NODE_HOLDS_ARRAY (samples) || gtf_json_find (object, "sampling_rate") == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "inputs: an object needs \"raw\" (or \"array\"), a list of samples, and \"sampling_rate\", the rate of that list; or \"path\", a file");
      return FALSE;
    }
  if (!gtf_param_get_int (gtf_json_find (object, "sampling_rate"), "inputs", "sampling_rate", 1, MAX_RATE, &rate, error))
    return FALSE;
  audio = read_samples (json_node_get_array (samples), (guint) rate, error);
  if (audio == NULL)
    return FALSE;
  take_audio (self, audio);
  keep_extra (self, object, raw != NULL);
  return resample (self, sampling_rate, error)
         && read_stride (self, gtf_json_find (object, "stride"), (double) sampling_rate / (double) rate, error);
}

static AsrInput *
read_one (JsonNode *node, guint sampling_rate, GCancellable *cancellable, GError **error)
{
  AsrInput *self = g_new0 (AsrInput, 1);
  gboolean ok = FALSE;

  if (JSON_NODE_HOLDS_OBJECT (node))
    ok = read_object (self, json_node_get_object (node), sampling_rate, cancellable, error);
  else if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    {
      GtfAudio *audio = gtf_audio_load (json_node_get_string (node), sampling_rate, cancellable, error);
      ok = audio != NULL;
      if (ok)
        take_audio (self, audio);
    }
  else
    {
      g_autofree char *found = gtf_json_describe (node);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "inputs: expected a path, {\"raw\": [...], \"sampling_rate\": n} or a list of them, found %s", found);
    }
  if (!ok)
    g_clear_pointer (&self, input_free);
  return self;
}

static AsrInput *
from_program (const GtfAudio *audio, guint sampling_rate, GError **error)
{
  AsrInput *self = g_new0 (AsrInput, 1);

  self->samples = audio->samples;
  self->n_samples = audio->n_samples;
  if (audio->sampling_rate == sampling_rate)
    return self;
  self->owned = gtf_audio_resample (audio, sampling_rate, error);
  if (self->owned == NULL)
    {
      input_free (self);
      return NULL;
    }
  take_audio (self, self->owned);
  return self;
}

static gboolean
is_number (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node)
         && (json_node_get_value_type (node) == G_TYPE_INT64 || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

/* A bare list of numbers is samples at the model's rate. */
static AsrInput *
from_numbers (JsonArray *array, guint sampling_rate, GError **error)
{
  AsrInput *self;
  GtfAudio *audio = read_samples (array, sampling_rate, error);

  if (audio == NULL)
    return NULL;
  self = g_new0 (AsrInput, 1);
  take_audio (self, audio);
  return self;
}

static JsonArray *
input_list (const GtfRequest *request)
{
  JsonArray *list = request->inputs != NULL && JSON_NODE_HOLDS_ARRAY (request->inputs) ? json_node_get_array (request->inputs) : NULL;
  gboolean numbers = list != NULL && json_array_get_length (list) > 0 && is_number (json_array_get_element (list, 0));

  return request->audio == NULL && !numbers ? list : NULL;
}

/**
 * asr_inputs_count:
 * @is_list: (out): the answer is a list too
 *
 * Returns: how many recordings the request holds
 */
guint
asr_inputs_count (const GtfRequest *request, gboolean *is_list)
{
  JsonArray *list = input_list (request);

  *is_list = list != NULL;
  return list != NULL ? json_array_get_length (list) : 1;
}

static AsrInput *
read_input (const GtfRequest *request, guint index, guint sampling_rate, GError **error)
{
  JsonArray *list = input_list (request);

  if (request->audio != NULL)
    return from_program (request->audio, sampling_rate, error);
  if (request->inputs == NULL)
    {
      g_set_error_literal (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: missing: expected a path or samples");
      return NULL;
    }
  if (list == NULL && JSON_NODE_HOLDS_ARRAY (request->inputs))
    return from_numbers (json_node_get_array (request->inputs), sampling_rate, error);
  return read_one (list != NULL ? json_array_get_element (list, index) : request->inputs, sampling_rate, request->cancellable, error);
}

/**
 * asr_inputs_read:
 * @first: the first recording that is wanted
 * @n: how many
 * @sampling_rate: what the model hears, in Hz
 *
 * Returns: (transfer full) (element-type AsrInput): the recordings, decoded
 */
GPtrArray *
asr_inputs_read (const GtfRequest *request, guint first, guint n, guint sampling_rate, GError **error)
{
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) input_free);

  for (guint i = first; i < first + n; i++)
    {
      AsrInput *input = read_input (request, i, sampling_rate, error);
      if (input == NULL)
        return NULL;
      g_ptr_array_add (inputs, input);
    }
  return g_steal_pointer (&inputs);
}
