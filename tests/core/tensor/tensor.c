/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Elements of a tensor that is packed, of a slice of columns, and of the first steps of a longer buffer.
 */
#include "tensor/context-private.h"
#include "tensor/ops.h"
#include "tensor/tensor-private.h"

/* [2][4][6], element (a, b, c) = 100 a + 10 b + c */
static GtfTensor *
numbers (GtfContext *c)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]) { 2, 4, 6 });

  for (gint64 i = 0; i < 48; i++)
    gtf_tensor_f32 (t)[i] = (float) (i / 24 * 100 + i / 6 % 4 * 10 + i % 6);
  return t;
}

/* Every stretch of elements. */
static void
check (const GtfTensor *t, gint64 first_step, gint64 first_column)
{
  gsize cols = (gsize) gtf_tensor_get_dim (t, -1), steps = (gsize) gtf_tensor_get_dim (t, -2), n = gtf_tensor_get_n_elements (t);

  for (gsize first = 0; first <= n; first++)
    for (gsize length = 0; length <= n - first; length++)
      {
        float to[50];

        to[length] = -1;
        gtf_tensor_read_f32 (t, first, length, to);
        for (gsize i = 0; i < length; i++)
          {
            gsize at = first + i;
            float expected = (float) (at / cols / steps * 100 + (at / cols % steps + (gsize) first_step) * 10 + at % cols + (gsize) first_column);

            g_assert_cmpfloat (to[i], ==, expected);
          }
        g_assert_cmpfloat (to[length], ==, -1);
      }
}

static void
test_read (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *t = numbers (c);

  check (t, 0, 0);
  check (gtf_slice (c, t, 2, 3), 0, 2);
  check (gtf_steps (c, t, 1, 2), 1, 0);
  check (gtf_slice (c, gtf_steps (c, t, 3, 1), 5, 1), 3, 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/tensor/read", test_read);
  return g_test_run ();
}
