/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The decoder of SAM. A picture is shared by its prompts until they change it: in the first layer tokens look at one picture, and only where pixels look at
 * tokens does each prompt get its own.
 */
#include "layers/mask-decoder.h"

#include "base/error.h"
#include "layers/detection.h"

static GtfTensor *
look (GtfContext *c, const GtfMaskDecoderConfig *config, const GtfMaskAttention *w, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v, const GtfTensor *residual)
{
  const GtfAttention a = { .n_heads = config->n_heads };
  GtfTensor *y = gtf_attention (c, gtf_linear (c, w->q, q), gtf_linear (c, w->k, k), gtf_linear (c, w->v, v), &a);

  return residual != NULL ? gtf_linear_add (c, w->out, y, residual) : gtf_linear (c, w->out, y);
}

/* What tokens [P][T][D] and pixels [B or P][n][D] are, and where: both are changed. */
typedef struct
{
  GtfTensor *tokens, *pixels;
  const GtfTensor *token_places, *pixel_places;
} State;

static GtfTensor *
token_forward (GtfContext *c, const GtfMaskDecoderConfig *config, const GtfMaskLayer *l, gboolean is_first, const State *s)
{
  const float eps = (float) config->eps;
  GtfTensor *x = s->tokens, *q = is_first ? x : gtf_add (c, x, s->token_places), *h;

  x = gtf_layer_norm (c, l->norms[0], look (c, config, &l->self, q, q, x, is_first ? NULL : x), eps);
  x = gtf_layer_norm (c, l->norms[1], look (c, config, &l->to_image, gtf_add (c, x, s->token_places), gtf_add (c, s->pixels, s->pixel_places), s->pixels, x), eps);
  h = gtf_linear_act (c, l->up, x, config->activation);
  for (gint64 i = 0; i < config->n_middle; i++)
    h = gtf_linear_act (c, l->middle[i].linear, h, config->activation);
  return gtf_layer_norm (c, l->norms[2], gtf_linear_add (c, l->down, h, x), eps);
}

static gint64
picture_of (gint64 i, gconstpointer n)
{
  return i / *(const gint64 *) n;
}

/* Of each picture a copy for each of its prompts: [B][..] -> [P][..], as rows [P][n]. */
static GtfTensor *
copies (GtfContext *c, const GtfTensor *x, gint64 b, gint64 p)
{
  const gint64 each = p / MAX (b, 1);

  return gtf_take (c, gtf_reshape (c, x, 2, (gint64[]){ b, -1 }), gtf_indices (c, p, picture_of, &each));
}

static GtfTensor *
pixel_forward (GtfContext *c, const GtfMaskDecoderConfig *config, const GtfMaskLayer *l, const State *s)
{
  const gint64 b = gtf_dim (s->pixels, 0), p = gtf_dim (s->tokens, 0);
  GtfTensor *x = s->pixels;

  if (b != p)
    x = gtf_reshape (c, copies (c, x, b, p), 3, (gint64[]){ p, -1, config->d });
  x = look (c, config, &l->to_tokens, gtf_add (c, x, s->pixel_places), gtf_add (c, s->tokens, s->token_places), s->tokens, x);
  return gtf_layer_norm (c, l->norms[3], x, (float) config->eps);
}

static void
layer_forward (GtfContext *c, const GtfMaskDecoderConfig *config, const GtfMaskLayer *l, gboolean is_first, State *s)
{
  gsize mark = gtf_push (c);

  s->tokens = gtf_pop_keep (c, mark, token_forward (c, config, l, is_first, s));
  mark = gtf_push (c);
  s->pixels = gtf_pop_keep (c, mark, pixel_forward (c, config, l, s));
}

/* The tokens of masks from @first on, [P][D] each, through a network of their own: [P][masks][features]. */
static GtfTensor *
mask_features (GtfContext *c, const GtfMaskDecoder *w, const GtfTensor *tokens, gint64 first)
{
  GtfTensor *parts[GTF_N_MASKS];
  const gint64 n = gtf_dim (tokens, 0);

  for (gint64 i = 0; i < GTF_N_MASKS; i++)
    parts[i] = gtf_detection_mlp (c, w->networks[i].layers, 3, gtf_vision_token (c, tokens, first + i));
  return gtf_reshape (c, gtf_join (c, parts, GTF_N_MASKS), 3, (gint64[]){ n, GTF_N_MASKS, gtf_dim (parts[0], -1) });
}

/* How good each of the masks is: [P][masks]. */
static GtfTensor *
mask_scores (GtfContext *c, const GtfMaskScene *scene, const GtfTensor *token)
{
  const GtfMaskDecoder *w = scene->w;
  GtfTensor *x = gtf_linear_act (c, w->iou_first, token, GTF_ACTIVATION_RELU);

  for (gint64 i = 0; i < scene->config->n_iou_layers; i++)
    x = gtf_linear_act (c, w->iou_layers[i].linear, x, GTF_ACTIVATION_RELU);
  return gtf_linear_act (c, w->iou_last, x, scene->is_certain ? GTF_ACTIVATION_SIGMOID : GTF_ACTIVATION_NONE);
}

/* x [P][H][W][C] and a finer map [B][H][W][C] of the pictures. */
static GtfTensor *
add_fine (GtfContext *c, GtfTensor *x, const GtfTensor *fine)
{
  const gint64 p = gtf_dim (x, 0), b = gtf_dim (fine, 0), shape[] = { p, gtf_dim (fine, 1), gtf_dim (fine, 2), gtf_dim (fine, 3) };

  if (fine == NULL)
    return x;
  if (b == 1)
    return gtf_add (c, x, gtf_reshape (c, fine, 3, shape + 1));
  return gtf_add (c, x, gtf_reshape (c, copies (c, fine, b, p), 4, shape));
}

/* Pixels [P][n][D] four times as large: [P][4 grid][4 grid][features]. */
static GtfTensor *
enlarge (GtfContext *c, const GtfMaskScene *scene, const GtfTensor *pixels)
{
  const GtfMaskDecoder *w = scene->w;
  const GtfWindow twice = { .stride = 2 };
  const gint64 grid = scene->config->grid;
  GtfTensor *x = gtf_reshape (c, pixels, 4, (gint64[]){ gtf_dim (pixels, 0), grid, grid, scene->config->d });

  x = add_fine (c, gtf_conv_transpose2d (c, w->ups[0], x, &twice, GTF_ACTIVATION_NONE), scene->fine[0]);
  x = gtf_activate (c, gtf_layer_norm (c, w->up_norm, x, 1e-6f), GTF_ACTIVATION_GELU);
  if (scene->fine[1] == NULL)
    return gtf_conv_transpose2d (c, w->ups[1], x, &twice, GTF_ACTIVATION_GELU);
  return gtf_activate (c, add_fine (c, gtf_conv_transpose2d (c, w->ups[1], x, &twice, GTF_ACTIVATION_NONE), scene->fine[1]), GTF_ACTIVATION_GELU);
}

/* The tokens that every prompt begins with. */
static GtfTensor *
own_tokens (GtfContext *c, const GtfMaskDecoder *w)
{
  GtfTensor *own[3];
  gint64 n = 0;

  if (w->object_token != NULL)
    own[n++] = gtf_embedding_range (c, w->object_token, 0, 1);
  own[n++] = gtf_embedding_range (c, w->iou_token, 0, 1);
  own[n++] = gtf_embedding_range (c, w->mask_tokens, 0, GTF_N_MASKS);
  return gtf_concat (c, own, n);
}

/* Given out are the masks for a prompt that is not clear. */
void
gtf_mask_decode (GtfContext *c, const GtfMaskScene *scene, GtfTensor *pixels, const GtfPrompts *prompts)
{
  const GtfMaskDecoderConfig *config = scene->config;
  const GtfMaskDecoder *w = scene->w;
  const gint64 b = gtf_dim (pixels, 0), side = 4 * config->grid, first = w->object_token != NULL;
  GtfTensor *tokens = gtf_prepend (c, own_tokens (c, w), gtf_prompt_tokens (c, prompts)), *q, *y, *masks;
  const gint64 p = gtf_dim (tokens, 0), each = p / MAX (b, 1), n = GTF_N_MASKS - 1;
  State s = { tokens, pixels, tokens, gtf_prompt_pixels (c, prompts, config->grid) };

  if (gtf_failed (c))
    return;
  if (each * b != p)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " prompts are not as many for each of %" G_GINT64_FORMAT " pictures", p, b);
      return;
    }
  for (gint64 i = 0; i < config->n_layers; i++)
    layer_forward (c, config, &w->layers[i], i == 0, &s);
  q = gtf_add (c, s.tokens, s.token_places);
  y = look (c, config, &w->last, q, gtf_add (c, s.pixels, s.pixel_places), s.pixels, s.tokens);
  y = gtf_layer_norm (c, w->last_norm, y, 1e-5f);
  gtf_output (c, "iou_scores", gtf_reshape (c, gtf_slice (c, mask_scores (c, scene, gtf_vision_token (c, y, first)), 1, n), 3, (gint64[]){ b, each, n }));
  if (w->object[0] != NULL)
    gtf_output (c, "object_score_logits", gtf_reshape (c, gtf_detection_mlp (c, w->object, 3, gtf_vision_token (c, y, 0)), 3, (gint64[]){ b, each, 1 }));
  if (gtf_dim (s.pixels, 0) != p)      /* no layer has made them */
    s.pixels = gtf_reshape (c, copies (c, s.pixels, b, p), 3, (gint64[]){ p, -1, config->d });
  masks = gtf_pixels_first (c, gtf_products (c, enlarge (c, scene, s.pixels), mask_features (c, w, y, first + 1)));
  masks = gtf_steps (c, gtf_reshape (c, masks, 3, (gint64[]){ p, GTF_N_MASKS, side * side }), 1, n);
  gtf_output (c, "pred_masks", gtf_reshape (c, masks, 5, (gint64[]){ b, each, n, side, side }));
}

GtfTensor *
gtf_mask_prompt (GtfContext *c, const GtfMaskPrompt *w, const GtfTensor *pixels, GtfActivation act, float eps)
{
  const GtfTensor *masks = gtf_input_optional (c, "input_masks");
  const GtfWindow twice = { .stride = 2 };
  GtfTensor *x;

  if (masks == NULL)
    return gtf_add (c, pixels, gtf_reshape (c, gtf_embedding_range (c, w->none, 0, 1), 1, (gint64[]){ -1 }));
  x = gtf_layer_norm (c, w->norms[0], gtf_conv2d (c, w->convs[0], gtf_pixels_last (c, masks), &twice, GTF_ACTIVATION_NONE, NULL), eps);
  x = gtf_conv2d (c, w->convs[1], gtf_activate (c, x, act), &twice, GTF_ACTIVATION_NONE, NULL);
  x = gtf_activate (c, gtf_layer_norm (c, w->norms[1], x, eps), act);
  return gtf_add (c, pixels, gtf_conv2d (c, w->convs[2], x, NULL, GTF_ACTIVATION_NONE, NULL));
}
