/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One function a head.
 */
#include "layers/text-heads.h"

/* A dense layer before the last one, if the head has it. */
static GtfTensor *
dense (GtfContext *c, const GtfLinear *w, GtfActivation act, GtfTensor *x)
{
  return w != NULL ? gtf_linear_act (c, w, x, act) : x;
}

/* One vector a text -> labels; the choices of a question stand side by side. */
static void
sequence_logits (GtfContext *c, const GtfTextHeads *w, const GtfTextHeadStyle *style, const GtfTextInput *input, GtfTensor *pooled)
{
  GtfTensor *y = dense (c, w->sequence_dense, style->sequence, pooled);

  if (w->sequence_dense == NULL && style->sequence_always)
    y = gtf_activate (c, y, style->sequence);
  if (w->choice != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, w->choice, y), 2, (gint64[]){ -1, input->n_choices }));
  else
    gtf_output (c, "logits", gtf_linear (c, w->sequence, y));
}

static void
span_logits (GtfContext *c, const GtfTextHeads *w, GtfTensor *x)
{
  const gint64 shape[] = { gtf_dim (x, 0), gtf_dim (x, 1) };
  GtfTensor *y = gtf_linear (c, w->span, x);

  gtf_output (c, "start_logits", gtf_reshape (c, gtf_slice (c, y, 0, 1), 2, shape));
  gtf_output (c, "end_logits", gtf_reshape (c, gtf_slice (c, y, 1, 1), 2, shape));
}

static void
lm_logits (GtfContext *c, const GtfTextHeads *w, const GtfTextHeadStyle *style, const GtfTextInput *input, GtfTensor *x)
{
  GtfTensor *y;

  if (input->rows != NULL && gtf_dim (input->rows, -1) == 0)
    return;
  y = dense (c, w->lm_dense, style->lm, gtf_text_rows (c, input, x));
  if (w->lm_norm != NULL)
    y = gtf_layer_norm (c, w->lm_norm, y, style->eps);
  gtf_output (c, "logits", gtf_linear (c, w->lm, y));
}

/**
 * gtf_text_outputs:
 * @w: the weights of the head
 * @style: what is done between its layers
 * @input: what was given
 * @x: (nullable): the last hidden state, [B][T][H]
 *
 * Puts all outputs that this head has.
 */
void
gtf_text_outputs (GtfContext *c, const GtfTextHeads *w, const GtfTextHeadStyle *style, const GtfTextInput *input, GtfTensor *x)
{
  GtfTensor *pooled = NULL, *one;

  gtf_output (c, "last_hidden_state", x);
  if (w->pooler != NULL)
    {
      pooled = gtf_linear_act (c, w->pooler, gtf_text_first (c, input, x), style->pooler);
      gtf_output (c, "pooler_output", pooled);
    }
  if (w->sequence != NULL || w->choice != NULL)
    {
      one = pooled != NULL ? pooled : style->from_last ? gtf_text_last (c, input, x) : gtf_text_first (c, input, x);
      sequence_logits (c, w, style, input, one);
    }
  if (w->token != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->token, dense (c, w->token_dense, style->token, x)));
  if (w->detection != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, w->detection, dense (c, w->token_dense, style->token, x)), 2, (gint64[]){ gtf_dim (x, 0), gtf_dim (x, 1) }));
  if (w->span != NULL)
    span_logits (c, w, x);
  if (w->lm != NULL)
    lm_logits (c, w, style, input, x);
  if (w->next_sentence != NULL)
    gtf_output (c, w->lm != NULL ? "seq_relationship_logits" : "logits", gtf_linear (c, w->next_sentence, pooled != NULL ? pooled : gtf_text_first (c, input, x)));
}
