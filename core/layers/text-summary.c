/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Summaries of texts. The last token and the mean take padding for text, as the reference does.
 */
#include "layers/text-summary.h"

#include <string.h>
#include "base/error.h"
#include "base/quote.h"

gboolean
gtf_text_summary_derive (GtfTextSummary *summary, const GtfTextConfig *config, GError **error)
{
  static const char *const types[] = { "last", "first", "mean", "cls_index", NULL };

  if (!g_strv_contains (types, summary->type))
    {
      g_autofree char *quoted = gtf_quote (summary->type, -1);
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "summary_type is \"%s\", expected last, first, mean or cls_index", quoted);
      return FALSE;
    }
  if (summary->no_activation)
    summary->activation = GTF_ACTIVATION_NONE;
  summary->in = summary->use_projection ? config->hidden_size : 0;
  summary->size = summary->use_projection && summary->to_labels && config->n_labels > 0 ? config->n_labels : summary->in;
  return TRUE;
}

GtfTensor *
gtf_text_summary (GtfContext *c, const GtfTextSummary *summary, const GtfLinear *projection, const GtfTextInput *input, const GtfTensor *x)
{
  GtfTensor *y;

  if (strcmp (summary->type, "first") == 0)
    y = gtf_text_first (c, input, x);
  else if (strcmp (summary->type, "mean") == 0)
    y = gtf_text_mean (c, input, x, TRUE);
  else
    y = gtf_text_last (c, input, x);
  if (projection != NULL)
    y = gtf_linear (c, projection, y);
  return summary->activation != GTF_ACTIVATION_NONE ? gtf_activate (c, y, summary->activation) : y;
}
