/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pooling of tokens to one vector.
 */
#include "text/sentence-private.h"

#include <math.h>
#include <string.h>

static const struct
{
  const char *name, *also, *flag;
} pools[N_POOLS] = {
  [POOL_CLS] = { "cls", NULL, "pooling_mode_cls_token" },
  [POOL_MAX] = { "max", NULL, "pooling_mode_max_tokens" },
  [POOL_MEAN] = { "mean", NULL, "pooling_mode_mean_tokens" },
  [POOL_MEAN_SQRT_LEN] = { "mean_sqrt_len_tokens", "mean_sqrt_len", "pooling_mode_mean_sqrt_len_tokens" },
  [POOL_WEIGHTED_MEAN] = { "weightedmean", NULL, "pooling_mode_weightedmean_tokens" },
  [POOL_LAST_TOKEN] = { "lasttoken", NULL, "pooling_mode_lasttoken" },
};

static gboolean
add_mode (Pooling *self, JsonNode *node, const char *where, GError **error)
{
  const char *name = text_node_string (node);
  g_autofree char *found = NULL;

  for (guint i = 0; name && i < N_POOLS; i++)
    if (strcmp (name, pools[i].name) == 0 || g_strcmp0 (name, pools[i].also) == 0)
      {
        if (self->n_modes == N_POOLS)
          return text_fail (error, "%s: expected at most %d modes", where, N_POOLS);
        self->modes[self->n_modes++] = (Pool) i;
        return TRUE;
      }
  found = gtf_json_describe (node);
  return text_fail (error, "%s: expected cls, max, mean, mean_sqrt_len, weightedmean, lasttoken or a list of them, found %s", where, found);
}

gboolean
pooling_parse (Pooling *self, JsonNode *node, const char *where, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  self->n_modes = 0;
  if (list == NULL || json_array_get_length (list) == 0)
    return add_mode (self, node, where, error);
  for (guint i = 0; i < json_array_get_length (list); i++)
    if (!add_mode (self, json_array_get_element (list, i), where, error))
      return FALSE;
  return TRUE;
}

gboolean
pooling_read (Pooling *self, JsonObject *config, const char *path, GError **error)
{
  JsonNode *mode = gtf_json_find (config, "pooling_mode"), *include = gtf_json_find (config, "include_prompt");
  g_autofree char *where = g_strdup_printf ("%s: \"pooling_mode\"", path);

  *self = (Pooling) { .include_prompt = TRUE };
  if (include && !gtf_param_get_bool (include, path, "include_prompt", &self->include_prompt, error))
    return FALSE;
  if (mode)
    return pooling_parse (self, mode, where, error);
  for (guint i = 0; i < N_POOLS; i++)
    {
      JsonNode *node = gtf_json_find (config, pools[i].flag);
      gboolean on = FALSE;

      if (node && !gtf_param_get_bool (node, path, pools[i].flag, &on, error))
        return FALSE;
      if (on)
        self->modes[self->n_modes++] = (Pool) i;
    }
  if (self->n_modes == 0)
    self->modes[self->n_modes++] = POOL_MEAN;
  return TRUE;
}

static void
copy_row (const TextSlice *tokens, gsize row, float *out)
{
  memcpy (out, text_slice_row (tokens, row), tokens->cols * sizeof (float));
}

static void
pool_max (const TextSlice *tokens, gsize first, float *out)
{
  for (gsize i = 0; i < tokens->cols; i++)
    out[i] = -INFINITY;
  for (gsize t = first; t < tokens->rows; t++)
    for (gsize i = 0; i < tokens->cols; i++)
      out[i] = MAX (out[i], text_slice_row (tokens, t)[i]);
}

/* Sum of the tokens, each times its weight: 1, or its place from 1 on. -> the sum of the weights */
static float
pool_sum (const TextSlice *tokens, gsize first, gboolean weighted, float *out)
{
  float all = 0;

  memset (out, 0, tokens->cols * sizeof (float));
  for (gsize t = first; t < tokens->rows; t++)
    {
      const float *row = text_slice_row (tokens, t);
      float weight = weighted ? (float) (t + 1) : 1;

      for (gsize i = 0; i < tokens->cols; i++)
        out[i] += weight * row[i];
      all += weight;
    }
  return MAX (all, 1e-9f);
}

static void
pool (Pool mode, const TextSlice *tokens, gsize first, float *out)
{
  float sum;

  switch (mode)
    {
    case POOL_CLS:
      copy_row (tokens, first < tokens->rows ? first : 0, out);
      return;
    case POOL_LAST_TOKEN:
      copy_row (tokens, tokens->rows - 1, out);
      return;
    case POOL_MAX:
      pool_max (tokens, first, out);
      return;
    default:
      sum = pool_sum (tokens, first, mode == POOL_WEIGHTED_MEAN, out);
      if (mode == POOL_MEAN_SQRT_LEN)
        sum = sqrtf (sum);
      for (gsize i = 0; i < tokens->cols; i++)
        out[i] /= sum;
    }
}

void
pooling_apply (const Pooling *self, const TextSlice *tokens, gsize prompt, float *out)
{
  gsize first = MIN (prompt, tokens->rows);

  for (guint i = 0; i < self->n_modes; i++)
    pool (self->modes[i], tokens, first, out + i * tokens->cols);
}
