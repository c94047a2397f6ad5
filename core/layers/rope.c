/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frequencies by rope_type, in float32 as the reference computes them (transformers, modeling_rope_utils.py). Of two types they depend on how
 * long a text is: then each text has a table of its own.
 */
#include "layers/rope.h"

#include <math.h>
#include <string.h>
#include "base/error.h"
#include "base/quote.h"

typedef enum { DEFAULT, LINEAR, DYNAMIC, YARN, LONGROPE, LLAMA3, PROPORTIONAL, N_TYPES } Type;

static const char *const type_names[] = { "default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional" };

static Type
type_of (const GtfRope *rope)
{
  Type type = DEFAULT;

  while (type < N_TYPES && strcmp (rope->type, type_names[type]) != 0)
    type++;
  return type;
}

static gboolean
has_factors (const char *list, const char *key, gint64 n, GError **error)
{
  const gint64 found = gtf_config_list_size (list);

  if (found == n)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %" G_GINT64_FORMAT " numbers for rope_type longrope, expected %" G_GINT64_FORMAT ": half of a head",
               key, found, n);
  return FALSE;
}

/**
 * gtf_rope_derive:
 * @rope: as it was read
 * @dims: features of a head
 * @n_positions: max_position_embeddings
 *
 * Returns: whether all that the type needs is there
 */
gboolean
gtf_rope_derive (GtfRope *rope, gint64 dims, gint64 n_positions, GError **error)
{
  const Type type = type_of (rope);

  rope->dims = dims;
  rope->n_positions = n_positions;
  if (rope->original == 0)
    rope->original = MAX (n_positions, 2);
  if (rope->factor == 0)
    rope->factor = type == YARN || type == LONGROPE ? (double) n_positions / (double) rope->original : 1;
  if (type == N_TYPES)
    {
      g_autofree char *quoted = gtf_quote (rope->type, -1);
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "rope_type \"%s\" is unknown, expected default, linear, dynamic, yarn, longrope, llama3 or proportional", quoted);
      return FALSE;
    }
  if (dims < 2 || dims % 2 != 0 || (type == DYNAMIC && dims == 2))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "heads of %" G_GINT64_FORMAT " features cannot have rotary positions (rope_type %s), expected an even number%s",
                   dims, rope->type, type == DYNAMIC ? " above 2" : "");
      return FALSE;
    }
  return type != LONGROPE || (has_factors (rope->short_factors, "short_factor", dims / 2, error) && has_factors (rope->long_factors, "long_factor", dims / 2, error));
}

/* ---- frequencies ---------------------------------------------------------------------------------------------------- */

static float
power (const GtfRope *rope, double theta, gint64 i)
{
  return powf ((float) theta, (float) (2 * i) / (float) rope->dims);
}

/* The base grows with what a text has more than the model was trained for. */
static double
dynamic_theta (const GtfRope *rope, gint64 length)
{
  const double d = (double) rope->dims, longer = (double) MAX (length, rope->n_positions) / (double) rope->n_positions;

  return rope->theta * pow (rope->factor * longer - (rope->factor - 1), d / (d - 2));
}

/* Of so many rotations within the trained length: which pair of features turns so. */
static double
yarn_dim (const GtfRope *rope, double rotations)
{
  return (double) rope->dims * log ((double) rope->original / (rotations * 2 * G_PI)) / (2 * log (rope->theta));
}

/* Peng et al. 2023: fast pairs as they are, slow ones stretched, a ramp in between. */
static void
yarn (const GtfRope *rope, float *frequencies)
{
  double low = yarn_dim (rope, rope->beta_fast > 0 ? rope->beta_fast : 32), high = yarn_dim (rope, rope->beta_slow > 0 ? rope->beta_slow : 1);

  if (rope->truncate)
    {
      low = floor (low);
      high = ceil (high);
    }
  low = MAX (low, 0);
  high = MIN (high, (double) rope->dims - 1);
  if (low == high)
    high += 0.001;
  for (gint64 i = 0; i < rope->dims / 2; i++)
    {
      const float p = power (rope, rope->theta, i), ramp = CLAMP (((float) i - (float) low) / (float) (high - low), 0.0f, 1.0f), keep = 1.0f - ramp;
      frequencies[i] = 1.0f / ((float) rope->factor * p) * (1.0f - keep) + 1.0f / p * keep;
    }
}

/* Llama 3.1: the same by wavelength. */
static float
llama3 (const GtfRope *rope, float frequency)
{
  const float trained = (float) rope->original, low = (float) rope->low_frequency, high = (float) rope->high_frequency, factor = (float) rope->factor;
  const float wavelength = (float) (2 * G_PI) / frequency, smooth = (trained / wavelength - low) / (high - low);

  if (wavelength > trained / low)
    return frequency / factor;
  return wavelength < trained / high ? frequency : (1.0f - smooth) * frequency / factor + smooth * frequency;
}

static void
longrope (const GtfRope *rope, gint64 length, float *frequencies)
{
  g_auto (GStrv) factors = g_strsplit (length > rope->original ? rope->long_factors : rope->short_factors, "|", -1);

  for (gint64 i = 0; i < rope->dims / 2 && factors[i] != NULL; i++)
    frequencies[i] = 1.0f / ((float) g_ascii_strtod (factors[i], NULL) * power (rope, rope->theta, i));
}

static void
fill (const GtfRope *rope, gint64 length, float *frequencies)
{
  const Type type = type_of (rope);
  const double theta = type == DYNAMIC ? dynamic_theta (rope, length) : rope->theta;
  const gint64 turning = type == PROPORTIONAL ? (gint64) (rope->partial * (double) rope->dims / 2) : rope->dims / 2;

  for (gint64 i = 0; i < rope->dims / 2; i++)
    frequencies[i] = i < turning ? 1.0f / power (rope, theta, i) : 0.0f;
  if (type == YARN)
    yarn (rope, frequencies);
  else if (type == LONGROPE)
    longrope (rope, length, frequencies);
  else if (type == LLAMA3)
    for (gint64 i = 0; i < rope->dims / 2; i++)
      frequencies[i] = llama3 (rope, frequencies[i]);
  else if (type == LINEAR || type == PROPORTIONAL)
    for (gint64 i = 0; i < rope->dims / 2; i++)
      frequencies[i] /= (float) rope->factor;
}

static double
magnitude (double factor, double scale)
{
  return factor <= 1 ? 1 : 0.1 * scale * log (factor) + 1;
}

/* What cosines and sines are multiplied by, which the scores see twice. */
static double
attention_factor (const GtfRope *rope)
{
  const Type type = type_of (rope);

  if (type != YARN && type != LONGROPE)
    return 1;
  if (rope->attention_factor > 0)
    return rope->attention_factor;
  if (type == LONGROPE)
    return rope->factor <= 1 ? 1 : sqrt (1 + log (rope->factor) / log ((double) rope->original));
  if (rope->mscale > 0 && rope->mscale_all_dim > 0)
    return magnitude (rope->factor, rope->mscale) / magnitude (rope->factor, rope->mscale_all_dim);
  return magnitude (rope->factor, 1);
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

/* For texts of this length. */
static GtfTensor *
table_for (GtfContext *c, const GtfRope *rope, gint64 length)
{
  g_autofree float *frequencies = g_new (float, rope->dims / 2);

  fill (rope, length, frequencies);
  return gtf_rotary_table (c, length, &(GtfRotary){ .dims = rope->dims, .theta = rope->theta, .factor = attention_factor (rope), .frequencies = frequencies });
}

static GtfTensor *
table_by_text (GtfContext *c, const GtfRope *rope, const GtfTextInput *input)
{
  g_autofree GtfTensor **parts = g_new0 (GtfTensor *, input->n_texts);

  for (gint64 i = 0; i < input->n_texts && !gtf_failed (c); i++)
    {
      gint64 length = 0;

      if (gtf_text_of (c, input, input->ids, i, &length) != NULL)
        parts[i] = table_for (c, rope, length);
    }
  return gtf_failed (c) ? NULL : gtf_concat (c, parts, input->n_texts);
}

/**
 * gtf_rope_table:
 * @rope: after gtf_rope_derive ()
 * @input: the texts
 * @sequences: (out): for #GtfRotation
 *
 * Where frequencies depend on the length of a text, that of each text counts, whatever else is in the batch.
 *
 * Returns: (transfer none) (nullable): cosines and sines, a row a position; or, with *@sequences %NULL for packed texts, a row a token
 */
GtfTensor *
gtf_rope_table (GtfContext *c, const GtfRope *rope, const GtfTextInput *input, const GtfTensor **sequences)
{
  const Type type = type_of (rope);
  const gboolean depends = (type == DYNAMIC && input->longest > rope->n_positions) || (type == LONGROPE && input->longest > rope->original);

  *sequences = depends ? NULL : input->sequences;
  return depends && input->sequences != NULL ? table_by_text (c, rope, input) : table_for (c, rope, input->longest);
}
