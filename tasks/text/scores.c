/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From logits to scores, in float32 as the reference computes them.
 */
#include "text/text-private.h"

#include <math.h>
#include <stdlib.h>

void
text_softmax (float *x, gsize n)
{
  float most = -INFINITY;
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    most = x[i] > most ? x[i] : most;
  for (gsize i = 0; i < n; i++)
    sum += x[i] = expf (x[i] - most);
  for (gsize i = 0; i < n; i++)
    x[i] = (float) (x[i] / sum);
}

float
text_sigmoid (float x)
{
  return 1 / (1 + expf (-x));
}

gboolean
text_function_from_name (const char *name, TextFunction *function)
{
  static const char *const names[] = { "none", "sigmoid", "softmax" };

  for (guint i = 0; name && i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i]) == 0)
      {
        *function = (TextFunction) i;
        return TRUE;
      }
  return FALSE;
}

gboolean
text_function_read (JsonNode *node, TextFunction *function, GError **error)
{
  g_autofree char *found = NULL;

  if (text_function_from_name (text_node_string (node), function))
    return TRUE;
  found = gtf_json_describe (node);
  return text_fail (error, "parameters: \"function_to_apply\": expected \"sigmoid\", \"softmax\" or \"none\", found %s", found);
}

void
text_function_apply (TextFunction function, float *x, gsize n)
{
  if (function == TEXT_FUNCTION_SOFTMAX)
    text_softmax (x, n);
  for (gsize i = 0; function == TEXT_FUNCTION_SIGMOID && i < n; i++)
    x[i] = text_sigmoid (x[i]);
}

gsize
text_argmax (const float *x, gsize n)
{
  gsize best = 0;

  for (gsize i = 1; i < n; i++)
    if (x[i] > x[best])
      best = i;
  return best;
}

static int
by_value (gconstpointer a, gconstpointer b, gpointer data)
{
  guint i = *(const guint *) a, j = *(const guint *) b;
  const float *x = data;

  return x[i] > x[j] ? -1 : x[i] < x[j] ? 1 : i < j ? -1 : 1;
}

guint *
text_order (const float *x, gsize n)
{
  guint *order = g_new (guint, n + 1);

  for (gsize i = 0; i < n; i++)
    order[i] = (guint) i;
  g_qsort_with_data (order, (gint) n, sizeof *order, by_value, (gpointer) x);
  return order;
}
