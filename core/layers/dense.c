/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reassembling: [CLS] is mixed into the other tokens, these are projected and lie as a picture, which becomes larger by a transposed
 * convolution or smaller by one with a stride. Fusion: the smallest picture is refined and enlarged, the next one is added to it, and so on.
 */
#include "layers/dense.h"

#include "base/error.h"

static gboolean
fail (GError **error, const char *key, const char *expected, const char *found)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected %s, found %.60s", key, expected, found);
  return FALSE;
}

/* Which weights stage i has. */
static gboolean
derive_stage (GtfDenseConfig *config, gint64 i, const char *factor, GError **error)
{
  const double times = factor != NULL ? g_ascii_strtod (factor, NULL) : 0;

  if (!gtf_config_list_int (config->sizes, i, 1, 1 << 14, &config->size[i]))
    return fail (error, "neck_hidden_sizes", "1 to 8 numbers from 1 to 16384", config->sizes);
  if (i < config->first_assembled)
    return TRUE;
  if (!(times >= 1.0 / 64 && times <= 64) || (times > 1 && times != (double) (gint64) times))
    return fail (error, "reassemble_factors", "a factor from 1/64 to 64 for each of neck_hidden_sizes, whole above 1", config->factors);
  config->assembled[i] = config->size[i];
  config->up[i] = times > 1 ? (gint64) times : 0;
  config->down[i] = times < 1 ? config->size[i] : 0;
  config->stride[i] = times < 1 ? (gint64) (1 / times) : 0;
  config->readout_in[i] = g_str_equal (config->readout, "project") ? 2 * config->token_size : 0;
  return TRUE;
}

gboolean
gtf_dense_config_derive (GtfDenseConfig *config, GError **error)
{
  g_auto (GStrv) factors = g_strsplit (config->factors ? config->factors : (config->factors = "4|2|1|0.5"), "|", -1);

  config->n_stages = gtf_config_list_size (config->sizes);
  if (config->n_stages > GTF_DENSE_STAGES)
    return fail (error, "neck_hidden_sizes", "at most 8 numbers", config->sizes);
  if (!g_str_equal (config->readout, "project") && !g_str_equal (config->readout, "add") && !g_str_equal (config->readout, "ignore"))
    return fail (error, "readout_type", "\"ignore\", \"add\" or \"project\"", config->readout);
  for (gint64 i = 0; i < config->n_stages; i++)
    if (!derive_stage (config, i, (guint64) i < g_strv_length (factors) ? factors[i] : NULL, error))
      return FALSE;
  config->head_index += config->head_index < 0 ? config->n_stages : 0;
  if (config->head_index < 0 || config->head_index >= config->n_stages)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "head_in_index: expected one of the %" G_GINT64_FORMAT " of neck_hidden_sizes, found another", config->n_stages);
      return FALSE;
    }
  config->normed_size = config->has_norm ? config->fusion_size : 0;
  config->plain_size = config->has_norm ? 0 : config->fusion_size;
  config->half_size = config->fusion_size / 2;
  return TRUE;
}

GtfTensor *
gtf_dense_conv (GtfContext *c, const GtfConv2d *w, const GtfTensor *x, GtfActivation act)
{
  return gtf_conv2d (c, w, x, &(GtfWindow){ .padding = 1 }, act, NULL);
}

GtfTensor *
gtf_dense_resize (GtfContext *c, const GtfTensor *x, gint64 height, gint64 width)
{
  return gtf_resize (c, x, height, width, GTF_RESIZE_BILINEAR_CORNERS);
}

/* ---- reassembling ------------------------------------------------------------------------------------------------------- */

/* [B][1 + T][D] -> [B][H][W][size] */
static GtfTensor *
reassemble (GtfContext *c, const GtfDenseConfig *config, const GtfDenseStage *w, gint64 i, const GtfTensor *state, gint64 height, gint64 width)
{
  const gint64 n = gtf_dim (state, 1) - 1;
  GtfTensor *x = gtf_steps (c, state, 1, n);

  if (w->readout != NULL)
    x = gtf_linear_act (c, w->readout, gtf_join (c, (GtfTensor *[]){ x, gtf_vision_repeat (c, state, 0, n) }, 2), config->activation);
  else if (g_str_equal (config->readout, "add"))
    x = gtf_add (c, x, gtf_vision_repeat (c, state, 0, n));
  x = gtf_linear (c, w->projection, x);
  x = gtf_reshape (c, x, 4, (gint64[]){ gtf_dim (x, 0), height, width, config->size[i] });
  if (w->up != NULL)
    return gtf_conv_transpose2d (c, w->up, x, &(GtfWindow){ .stride = config->up[i] }, GTF_ACTIVATION_NONE);
  return w->down != NULL ? gtf_conv2d (c, w->down, x, &(GtfWindow){ .stride = config->stride[i], .padding = 1 }, GTF_ACTIVATION_NONE, NULL) : x;
}

/* ---- fusion --------------------------------------------------------------------------------------------------------------- */

static GtfTensor *
refine (GtfContext *c, const GtfDenseUnit *w, const GtfTensor *x)
{
  GtfTensor *h = gtf_conv2d_inner (c, w->convs[0], gtf_activate (c, x, GTF_ACTIVATION_RELU), &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_RELU);

  return gtf_conv2d (c, w->convs[1], h, &(GtfWindow){ .padding = 1 }, GTF_ACTIVATION_NONE, x);
}

/* What there is so far (NULL: nothing) and a stage's picture, in the size of the next picture. */
static GtfTensor *
fuse (GtfContext *c, const GtfDenseConfig *config, const GtfDenseFusion *w, GtfTensor *sum, GtfTensor *x, const GtfTensor *next)
{
  gint64 height, width;

  if (sum != NULL)
    {
      if (gtf_dim (x, 1) != gtf_dim (sum, 1) || gtf_dim (x, 2) != gtf_dim (sum, 2))
        x = gtf_resize (c, x, gtf_dim (sum, 1), gtf_dim (sum, 2), GTF_RESIZE_BILINEAR);
      x = gtf_add (c, sum, refine (c, &w->units[0], x));
    }
  height = config->follows && next != NULL ? gtf_dim (next, 1) : 2 * gtf_dim (x, 1);
  width = config->follows && next != NULL ? gtf_dim (next, 2) : 2 * gtf_dim (x, 2);
  x = gtf_dense_resize (c, refine (c, &w->units[1], x), height, width);
  return gtf_conv2d (c, w->projection, x, NULL, GTF_ACTIVATION_NONE, NULL);
}

gboolean
gtf_dense_pictures (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *states, gint64 n_states, gint64 height, gint64 width,
                    GtfTensor **pictures)
{
  const gint64 n = config->n_stages;

  if (n_states != n)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " states of layers, expected one for each of the %" G_GINT64_FORMAT " neck_hidden_sizes", n_states, n);
      return FALSE;
    }
  for (gint64 i = 0; i < n; i++)
    {
      pictures[i] = i < config->first_assembled ? states[i] : reassemble (c, config, &w->stages[i], i, states[i], height, width);
      pictures[i] = gtf_dense_conv (c, w->stages[i].conv, pictures[i], GTF_ACTIVATION_NONE);
    }
  return !gtf_failed (c);
}

gboolean
gtf_dense_fuse (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *pictures, GtfTensor **sums)
{
  const gint64 n = config->n_stages;

  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    sums[i] = fuse (c, config, &w->fusion[i], i > 0 ? sums[i - 1] : NULL, pictures[n - 1 - i], i < n - 1 ? pictures[n - 2 - i] : NULL);
  return !gtf_failed (c);
}

gboolean
gtf_dense_neck (GtfContext *c, const GtfDenseConfig *config, const GtfDenseWeights *w, GtfTensor *const *states, gint64 n_states, gint64 height, gint64 width,
                GtfTensor **sums)
{
  GtfTensor *pictures[GTF_DENSE_STAGES];

  return gtf_dense_pictures (c, config, w, states, n_states, height, width, pictures) && gtf_dense_fuse (c, config, w, pictures, sums);
}
