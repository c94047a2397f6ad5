/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors on the heap and in the arena: sizes, views, what survives a pop, sticky errors, inputs and outputs.
 */
#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "tensor/context-private.h"
#include "tensor/ops.h"

static GtfTensor *
counting (GtfContext *c, gint64 rows, gint64 cols, float first)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ rows, cols });

  for (gint64 i = 0; i < rows * cols; i++)
    gtf_tensor_f32 (t)[i] = first + (float) i;
  return t;
}

static void
test_dtype (void)
{
  for (guint i = 1; i < GTF_DTYPE_LAST; i++)
    {
      g_assert_cmpuint (gtf_dtype_from_name (gtf_dtype_name (i)), ==, i);
      g_assert_cmpuint (gtf_dtype_size (i), >, 0);
    }
  g_assert_cmpuint (gtf_dtype_from_name ("F31"), ==, GTF_DTYPE_INVALID);
  g_assert_cmpuint (gtf_dtype_from_name (NULL), ==, GTF_DTYPE_INVALID);
  g_assert_cmpuint (gtf_dtype_size (GTF_DTYPE_INVALID), ==, 0);
  g_assert_cmpuint (gtf_dtype_size ((GtfDtype) 99), ==, 0);
}

static void
test_tensor (void)
{
  static const gint64 absurd[][2] = { { -1, 4 }, { G_MAXINT64, 4 }, { G_MAXINT64 / 2, G_MAXINT64 / 2 } };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfTensor) t = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 3, 5 }, &error);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("0123456789", 10);
  g_autoptr (GtfTensor) b = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (gtf_tensor_get_dim (t, -1), ==, 5);
  g_assert_cmpint (gtf_tensor_get_dim (t, 0), ==, 3);
  g_assert_cmpint (gtf_tensor_get_dim (t, 7), ==, 1);
  g_assert_cmpuint (gtf_tensor_get_n_elements (t), ==, 15);
  for (guint i = 0; i < G_N_ELEMENTS (absurd); i++)
    {
      g_assert_null (gtf_tensor_new (GTF_DTYPE_F32, 2, absurd[i], &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  g_assert_null (gtf_tensor_new (GTF_DTYPE_F32, 0, absurd[0], &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (gtf_tensor_new_bytes (GTF_DTYPE_I16, 1, (gint64[]){ 6 }, bytes, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  b = gtf_tensor_new_bytes (GTF_DTYPE_I16, 1, (gint64[]){ 5 }, bytes, &error);
  g_assert_no_error (error);
  g_assert_true (b->data == g_bytes_get_data (bytes, NULL));
}

static void
test_arena (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  gsize mark = gtf_push (c), size;
  GtfTensor *a, *slice, *kept;

  /* larger than a block, and freed */
  a = counting (c, 1000, 700, 0);
  counting (c, 2000, 700, 0);
  gtf_pop (c, mark);
  g_assert_cmpuint (gtf_push (c), ==, mark);
  /* a view of the first columns is packed where it lies */
  a = counting (c, 4, 6, 0);
  slice = gtf_slice (c, a, 0, 2);
  kept = gtf_pop_keep (c, mark, slice);
  for (int i = 0; i < 8; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (kept)[i], ==, (float) (i / 2 * 6 + i % 2));
  /* a result further up moves down; one from before the mark stays */
  mark = gtf_push (c);
  counting (c, 3, 100, 0);
  a = counting (c, 5, 7, 9);
  g_assert_true (gtf_pop_keep (c, mark, kept) == kept);
  mark = gtf_push (c);
  counting (c, 300, 1000, 0);
  counting (c, 300, 1000, 0);
  a = counting (c, 5, 7, 9);
  a = gtf_pop_keep (c, mark, a);
  for (int i = 0; i < 35; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (a)[i], ==, (float) (9 + i));
  /* after a reset one block holds all */
  gtf_context_reset (c);
  size = gtf_context_get_arena_size (c);
  counting (c, 2000, 700, 0);
  counting (c, 1000, 700, 0);
  gtf_context_reset (c);
  g_assert_cmpuint (gtf_context_get_arena_size (c), ==, size);
}

static void
test_outputs (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  gsize mark = gtf_push (c);
  GtfTensor *a = counting (c, 4, 6, 0), *b;
  const GtfTensor *out;

  gtf_output (c, "first", gtf_slice (c, a, 2, 3));
  gtf_pop (c, mark);
  b = counting (c, 50, 60, 1000);
  gtf_output (c, "second", gtf_pop_keep (c, mark, b));
  counting (c, 100, 100, 5);
  out = gtf_context_get_output (c, "first");
  g_assert_cmpint (out->row_stride, ==, 3);
  for (int i = 0; i < 12; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (out)[i], ==, (float) (i / 3 * 6 + i % 3 + 2));
  out = gtf_context_get_output (c, "second");
  g_assert_cmpfloat (gtf_tensor_f32 (out)[2999], ==, 3999);
  g_assert_null (gtf_context_get_output (c, "third"));
  gtf_context_reset (c);
  g_assert_null (gtf_context_get_output (c, "first"));
}

static void
test_errors (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GtfTensor *a = counting (c, 4, 6, 0), *b = counting (c, 3, 6, 0);

  g_assert_null (gtf_input (c, "input_ids"));
  g_assert_null (gtf_add (c, a, a));            /* sticky */
  g_assert_null (gtf_softmax (c, NULL));
  g_assert_cmpint (gtf_dim (NULL, 0), ==, 1);
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "input_ids"));
  g_clear_error (&error);
  g_assert_nonnull (gtf_add (c, a, a));
  g_assert_null (gtf_add (c, a, b));
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_cmpstr (error->message, ==, "add: the second shape is no tail of the first: [4, 6] and [3, 6]");
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  gtf_context_set_cancellable (c, cancellable);
  g_assert_null (gtf_add (c, a, a));
  g_assert_false (gtf_context_take_error (c, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_shapes (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = gtf_reshape (c, counting (c, 6, 4, 0), 3, (gint64[]){ 2, 3, -1 }), *y, *z;

  y = gtf_steps (c, gtf_slice (c, x, 1, 2), 1, 2);      /* x[:, 1:, 1:3] */
  g_assert_false (gtf_tensor_is_uniform (y));
  z = gtf_scale (c, y, 1.0f);
  for (int i = 0; i < 8; i++)
    g_assert_cmpfloat (gtf_tensor_f32 (z)[i], ==, (float) (i / 4 * 12 + (i / 2 % 2 + 1) * 4 + i % 2 + 1));
  z = gtf_transpose (c, y);
  g_assert_cmpfloat (gtf_tensor_f32 (z)[1], ==, 9);
  g_assert_cmpfloat (gtf_tensor_f32 (z)[4], ==, 17);
  z = gtf_reshape (c, y, 1, (gint64[]){ 8 });
  g_assert_cmpfloat (gtf_tensor_f32 (z)[7], ==, 22);
  g_assert_false (gtf_failed (c));
  g_assert_null (gtf_reshape (c, x, 2, (gint64[]){ 5, -1 }));
  g_assert_true (gtf_failed (c));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/dtype", test_dtype);
  g_test_add_func ("/tensor/tensor", test_tensor);
  g_test_add_func ("/tensor/arena", test_arena);
  g_test_add_func ("/tensor/outputs", test_outputs);
  g_test_add_func ("/tensor/errors", test_errors);
  g_test_add_func ("/tensor/shapes", test_shapes);
  return g_test_run ();
}
