/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Families of vision models on tiny repositories with random weights, every head and odd switch, against what transformers computed
 * (data/golden/vision/make.py).
 */
#include <math.h>
#include <string.h>
#include "base/error.h"
#include "model/safetensors.h"
#include "model/session.h"
#include "tensor/tensor-private.h"

static GtfTensor *
read_golden (GtfSafetensors *files, const GtfStoredTensor *stored)
{
  g_autoptr (GError) error = NULL;
  GtfTensor *t = gtf_safetensors_read_tensor (files, stored, &error);

  g_assert_no_error (error);
  return t;
}

static void
assert_output (const char *name, const char *output, const GtfTensor *found, const GtfTensor *expected)
{
  const gint64 cols = gtf_tensor_cols (expected), n = gtf_tensor_rows (expected) * cols;
  float mean = 0;               /* sums of large numbers are as exact as these are */

  if (!found)
    g_error ("%s: there is no %s", name, output);
  if (found->n_dims != expected->n_dims || memcmp (found->shape, expected->shape, found->n_dims * sizeof (gint64)) != 0)
    g_error ("%s: %s has another shape, [.., %d, %d] in %u dimensions", name, output, (int) gtf_tensor_get_dim ((GtfTensor *) found, -2),
             (int) gtf_tensor_cols (found), found->n_dims);
  for (gint64 i = 0; i < n; i++)
    mean += fabsf (gtf_tensor_f32 (expected)[i]) / (float) n;
  for (gint64 row = 0; row < gtf_tensor_rows (expected); row++)
    for (gint64 i = 0; i < cols; i++)
      {
        float a = gtf_tensor_f32 (found)[gtf_tensor_row_offset (found, row) + i], b = gtf_tensor_f32 (expected)[row * cols + i];

        if (!(fabsf (a - b) <= 1e-4f * MAX (MAX (1.0f, mean), fabsf (b))))
          g_error ("%s: %s: row %" G_GINT64_FORMAT ", element %" G_GINT64_FORMAT " is %g, not %g", name, output, row, i, a, b);
      }
}

/* Each output of the golden file, as it is there. */
static void
test_golden (gconstpointer data)
{
  const char *name = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision", name, NULL);
  g_autofree char *path = g_build_filename (directory, "golden.safetensors", NULL);
  g_autoptr (GtfModel) model = gtf_model_load (directory, NULL, NULL, &error);
  g_autoptr (GtfSession) session = model ? gtf_session_new (model, &error) : NULL;
  g_autoptr (GtfSafetensors) files = session ? gtf_safetensors_open_file (path, &error) : NULL;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_tensor_unref);
  guint n_outputs = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (files); i++)
    {
      const GtfStoredTensor *stored = gtf_safetensors_get (files, i);

      if (g_str_has_prefix (stored->name, "out."))
        continue;
      g_ptr_array_add (inputs, read_golden (files, stored));
      gtf_session_set_input (session, stored->name, inputs->pdata[inputs->len - 1]);
    }
  gtf_session_want (session, "hidden_states");
  gtf_session_want (session, "attentions");
  gtf_session_forward (session, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (files); i++)
    {
      const GtfStoredTensor *stored = gtf_safetensors_get (files, i);
      g_autoptr (GtfTensor) expected = NULL;

      if (!g_str_has_prefix (stored->name, "out."))
        continue;
      expected = read_golden (files, stored);
      assert_output (name, stored->name + 4, gtf_session_get_output (session, stored->name + 4), expected);
      n_outputs++;
    }
  g_assert_cmpuint (n_outputs, >, 0);
}

/* One error that names what is wrong, and the session goes on. */
static void
test_wrong_pixels (void)
{
  static const struct
  {
    const char *repository;
    gint64 shape[4];
    const char *says;
  } wrong[] = {
    { "vit/classifier", { 1, 3, 25, 24 }, "takes pictures of 24 x 24" }, { "vit/classifier", { 1, 1, 24, 24 }, "[B, 3, H, W]" }, { "vit/classifier", { 0, 3, 24, 24 }, "[B, 3, H, W]" },
    { "vit/classifier", { 1, 3, 1, 24 }, "takes pictures of 24 x 24" }, { "swin/classifier", { 1, 3, 16, 40 }, "leaves 2 patches for stage 2" }, { "swin/classifier", { 1, 1, 40, 40 }, "[B, 3, H, W]" },
    { "pvt/classifier", { 1, 3, 32, 40 }, "no tail of the first" }, { "siglip2/classifier", { 1, 3, 16, 16 }, "cut into patches" }, { "timm_vit/classifier", { 1, 3, 24, 32 }, "has positions for 9" },
    { "rf_detr/detection", { 1, 3, 40, 48 }, "5 x 6 patches cannot be cut into 2 windows each way" }, { "rf_detr/detection", { 1, 3, 4, 48 }, "at least one patch of 8 x 8" },
    { "rf_detr/detection", { 1, 3, 16, 16 }, "room for 4 proposals" }, { "zoedepth/single", { 1, 3, 4, 24 }, "at least one patch" },
    { "eomt_dinov3/universal", { 1, 3, 24, 32 }, "takes pictures of 24 x 24" },
  };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autofree char *directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision", wrong[i].repository, NULL);
      g_autoptr (GtfModel) model = gtf_model_load (directory, NULL, NULL, &error);
      g_autoptr (GtfSession) session = model ? gtf_session_new (model, &error) : NULL;
      g_autoptr (GtfTensor) pixels = gtf_tensor_new (GTF_DTYPE_F32, 4, wrong[i].shape, NULL);

      g_assert_no_error (error);
      gtf_session_set_input (session, "pixel_values", pixels);
      g_assert_false (gtf_session_forward (session, &error));
      g_assert_true (error && error->domain == GTF_ERROR);
      if (!strstr (error->message, wrong[i].says))
        g_error ("%s, not %s", error->message, wrong[i].says);
      g_clear_error (&error);
    }
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

int
main (int argc, char **argv)
{
  g_autofree char *root = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "vision", NULL);
  g_autoptr (GDir) families = g_dir_open (root, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *family, *name;

  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (families);
  while ((family = g_dir_read_name (families)))
    {
      g_autofree char *path = g_build_filename (root, family, NULL);
      g_autoptr (GDir) dir = g_str_has_prefix (family, "_") ? NULL : g_dir_open (path, 0, NULL);

      while (dir && (name = g_dir_read_name (dir)))
        g_ptr_array_add (names, g_strconcat (family, "/", name, NULL));
    }
  g_assert_cmpuint (names->len, >, 0);
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *path = g_strdup_printf ("/vision/%s", (char *) names->pdata[i]);

      g_test_add_data_func (path, names->pdata[i], test_golden);
    }
  g_test_add_func ("/vision/wrong-pixels", test_wrong_pixels);
  return g_test_run ();
}
