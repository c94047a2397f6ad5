/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A long recording as overlapping chunks. Each chunk shares `left` and `right` samples with its neighbours, so that no word
 * is cut for both of them; the first has no left and the last no right side. Lengths are rounded to what one output of the
 * model stands for, so that CTC outputs can be cut and joined.
 */
#include <math.h>

#include "asr/asr-private.h"

/* Seconds in samples, rounded half to even to a multiple of `align_to`. */
static gint64
to_samples (double seconds, guint sampling_rate, guint align_to)
{
  return (gint64) (rint (seconds * sampling_rate / align_to) * align_to);
}

static GArray *
whole (const AsrInput *input)
{
  GArray *chunks = g_array_new (FALSE, TRUE, sizeof (AsrChunk));
  AsrChunk chunk = { .samples = input->samples, .n_samples = input->n_samples, .has_stride = input->has_stride,
                     .left = input->stride_left, .right = input->stride_right };
  g_array_append_val (chunks, chunk);
  return chunks;
}

/**
 * asr_chunks:
 * @align_to: samples that one output of the model stands for; 1 where it does not matter
 *
 * Returns: (transfer full) (element-type AsrChunk): the whole input as one chunk where no chunk_length_s is asked for; the
 *   chunks borrow the input's samples
 */
GArray *
asr_chunks (const AsrInput *input, const AsrParameters *parameters, guint sampling_rate, guint align_to, GError **error)
{
  double sixth = parameters->chunk_length / 6;
  gint64 length = to_samples (parameters->chunk_length, sampling_rate, align_to);
  gint64 left = to_samples (parameters->stride_left < 0 ? sixth : parameters->stride_left, sampling_rate, align_to);
  gint64 right = to_samples (parameters->stride_right < 0 ? sixth : parameters->stride_right, sampling_rate, align_to);
  gint64 step = length - left - right;
  gint64 total = (gint64) input->n_samples;
  GArray *chunks;

  if (parameters->chunk_length == 0)
    return whole (input);
  if (step <= 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "stride_length_s: chunk length must be superior to stride length: chunks of %" G_GINT64_FORMAT " samples with strides of %"
                   G_GINT64_FORMAT " and %" G_GINT64_FORMAT, length, left, right);
      return NULL;
    }
  chunks = g_array_new (FALSE, TRUE, sizeof (AsrChunk));
  for (gint64 start = 0; start < total; start += step)
    {
      gboolean last = start + length >= total;
      AsrChunk chunk = { .samples = input->samples + start, .n_samples = (gsize) (last ? total - start : length),
                         .has_stride = TRUE, .left = start == 0 ? 0 : (gsize) left, .right = last ? 0 : (gsize) right };
      if (chunk.n_samples > chunk.left)
        g_array_append_val (chunks, chunk);
      if (last)
        break;
    }
  return chunks;
}
