/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions whose weight a file has as a direction and a length (torch's weight_norm), under the names of old and new torch.
 */
#include "model/binding.h"
#include "repository.h"
#include "tensor/context-private.h"

#include <math.h>
#include <string.h>

#define OUT 7
#define IN 3
#define KERNEL 5

typedef struct
{
  const GtfConv1d *conv;
  const GtfConv2d *picture;
} Weights;

static const GtfWeight weights[] = {
  { GTF_WEIGHT_CONV1D, "pos.conv", G_STRUCT_OFFSET (Weights, conv), GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (OUT), GTF_DIM_CONST (IN), GTF_DIM_CONST (KERNEL) } },
  { GTF_WEIGHT_CONV2D, "picture", G_STRUCT_OFFSET (Weights, picture), GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (OUT), GTF_DIM_CONST (IN), GTF_DIM_CONST (KERNEL), GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_END }
};

static const char *const types[] = { "x", NULL };
static const GtfHead head = { "Model", NULL, NULL, "base" };
static const GtfArchitecture architecture = { .struct_size = sizeof (GtfArchitecture), .model_types = types, .weights = weights };

static const struct
{
  const char *direction, *length;       /* endings of the names; NULL: not in the file */
  guint n_dims;
  gint64 shape[3];              /* of the lengths */
  const char *error;
} cases[] = {
  { "weight_v", "weight_g", 3, { OUT, 1, 1 } },         /* weight_norm's own choice */
  { "weight_v", "weight_g", 3, { 1, IN, 1 } },
  { "weight_v", "weight_g", 3, { 1, 1, KERNEL } },      /* positions of Wav2Vec2 */
  { "weight_v", "weight_g", 3, { 1, 1, 1 } },
  { "weight_v", "weight_g", 1, { 1 } },
  { "parametrizations.weight.original1", "parametrizations.weight.original0", 3, { OUT, 1, 1 } },
  { "parametrizations.weight.original1", "parametrizations.weight.original0", 3, { 1, 1, KERNEL } },
  { "weight_v", NULL, 0, { 0 }, "the length that goes with \"pos.conv.weight_v\"" },
  { NULL, "weight_g", 3, { OUT, 1, 1 }, "missing: \"base.pos.conv.weight\"" },
  { "weight_v", "weight_g", 3, { OUT, IN, 1 }, "\"pos.conv.weight_g\" (expected the size" },
  { "weight_v", "weight_g", 3, { KERNEL, 1, 1 }, "\"pos.conv.weight_g\" (expected the size" },
  { "weight_v", "weight_g", 1, { OUT }, "\"pos.conv.weight_g\" (expected the size" },
  { "weight_v", "weight_g", 2, { OUT, IN }, "\"pos.conv.weight_g\" (expected the size" },
};

static GtfTensor *
add (GHashTable *t, const char *name, const char *ending, guint n_dims, const gint64 *shape)
{
  GtfTensor *tensor = random_tensor (name, n_dims, shape);

  g_hash_table_insert (t, g_strdup_printf ("%s.%s", name, ending), tensor);
  return tensor;
}

/* Where element (o, i, k) finds its length. */
static gsize
place (guint c, guint o, guint i, guint k)
{
  const gint64 *shape = cases[c].shape;

  return cases[c].n_dims < 3 ? 0 : shape[0] > 1 ? o : shape[1] > 1 ? i : shape[2] > 1 ? k : 0;
}

static void
check (guint c, const Weights *w, const GtfTensor *direction, const GtfTensor *length)
{
  const float *v = gtf_tensor_f32 ((GtfTensor *) direction), *g = gtf_tensor_f32 ((GtfTensor *) length);
  double squares[OUT] = { 0 };
  float row[IN * KERNEL], picture[IN * KERNEL];

  for (guint o = 0; o < OUT; o++)
    for (guint i = 0; i < IN; i++)
      for (guint k = 0; k < KERNEL; k++)
        squares[place (c, o, i, k)] += pow (v[(o * IN + i) * KERNEL + k], 2);
  for (guint o = 0; o < OUT; o++)
    {
      gtf_linear_get_row (w->conv->linear, o, row);
      gtf_linear_get_row (w->picture->blocks[0], o, picture);
      for (guint i = 0; i < IN; i++)
        for (guint k = 0; k < KERNEL; k++)
          {
            gsize at = place (c, o, i, k);
            double expected = v[(o * IN + i) * KERNEL + k] * g[at] / sqrt (squares[at]);

            g_assert_cmpfloat_with_epsilon (row[k * IN + i], expected, 1e-6);
            g_assert_cmpfloat_with_epsilon (picture[k * IN + i], expected, 1e-6);
          }
    }
}

static void
test_cases (void)
{
  static const gint64 shape[] = { OUT, IN, KERNEL };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GHashTable) t = tensors_new ();
      g_autofree char *folder = folder_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = NULL;
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GtfBinding) binding = NULL;
      GtfTensor *direction = NULL, *length = NULL;
      Weights w = { 0 };

      for (guint i = 0; i < 2; i++)     /* both with the same numbers */
        {
          const char *name = i ? "base.picture" : "pos.conv";
          GtfTensor *v = cases[c].direction ? add (t, name, cases[c].direction, 3, shape) : NULL;
          GtfTensor *g = cases[c].length ? add (t, name, cases[c].length, cases[c].n_dims, cases[c].shape) : NULL;

          if (direction && v)
            memcpy (gtf_tensor_f32 (v), gtf_tensor_f32 (direction), sizeof (float) * OUT * IN * KERNEL);
          if (length && g)
            memcpy (gtf_tensor_f32 (g), gtf_tensor_f32 (length), sizeof (float) * gtf_tensor_get_n_elements (g));
          direction = v;
          length = g;
        }
      put_tensors (folder, "model.safetensors", t);
      files = gtf_safetensors_open (folder, &error);
      binding = gtf_binding_new (files, "Test", &architecture, &head, NULL, &w, store, &error);
      if (cases[c].error)
        {
          g_assert_nonnull (error);
          if (!strstr (error->message, cases[c].error))
            g_error ("case %u: \"%s\"", c, error->message);
        }
      else
        {
          g_assert_no_error (error);
          g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
          check (c, &w, direction, length);
        }
      folder_remove (folder);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/weight-norm/cases", test_cases);
  return g_test_run ();
}
