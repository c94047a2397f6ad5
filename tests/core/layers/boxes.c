/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes that are moved by parts of their own size: against a plain loop; and what is refused.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "layers/detection.h"
#include "tensor/context-private.h"

static GtfTensor *
boxes (GtfContext *c, gint64 n, gint64 coordinates)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 2, n, coordinates });

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static void
test_move (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *deltas = boxes (c, 3, 4), *from = boxes (c, 3, 4), *to = gtf_move_boxes (c, deltas, from);

  g_assert_nonnull (to);
  for (gint64 i = 0; i < 6 * 4; i++)
    {
      const double delta = gtf_tensor_f32 (deltas)[i], own = gtf_tensor_f32 (from)[i];
      const double expected = i % 4 < 2 ? delta * (double) gtf_tensor_f32 (from)[i + 2] + own : exp (delta) * own;

      g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (to)[i], expected, 1e-6);
    }
}

static void
test_refused (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_move_boxes (c, boxes (c, 3, 4), i == 0 ? boxes (c, 2, 4) : boxes (c, 3, 2)));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, "boxes and what is changed about them"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/layers/boxes/move", test_move);
  g_test_add_func ("/layers/boxes/refused", test_refused);
  return g_test_run ();
}
