/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The binder by itself: each kind of weight against the tensor it was made of, transposed, fused, tied, optional; names.
 */
#include "model/binding.h"
#include "model/weight-names.h"
#include "repository.h"
#include "tensor/context-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  gint64 in, out, kernel, none;
} Config;

typedef struct
{
  const GtfLinear *plain, *turned, *fused, *absent, *tied, *inner;
  const GtfNorm *norm;
  const GtfEmbedding *table, *empty;
  const GtfConv1d *conv;
  const GtfTensor *tensor;
} Weights;

#define IN GTF_DIM (Config, in)
#define OUT GTF_DIM (Config, out)

static const GtfWeight weights[] = {
  { GTF_WEIGHT_LINEAR, "plain", G_STRUCT_OFFSET (Weights, plain), GTF_WEIGHT_BIAS_OPTIONAL, { OUT, IN } },
  { GTF_WEIGHT_LINEAR, "turned", G_STRUCT_OFFSET (Weights, turned), GTF_WEIGHT_TRANSPOSED, { OUT, IN } },
  { GTF_WEIGHT_LINEAR, "whole|{a,b,c}", G_STRUCT_OFFSET (Weights, fused), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_CONST (50), IN } },
  { GTF_WEIGHT_LINEAR, "absent", G_STRUCT_OFFSET (Weights, absent), GTF_WEIGHT_OPTIONAL, { OUT, IN } },
  { GTF_WEIGHT_NORM, "norm", G_STRUCT_OFFSET (Weights, norm), 0, { IN } },
  { GTF_WEIGHT_EMBEDDING, "table", G_STRUCT_OFFSET (Weights, table), 0, { OUT, IN } },
  { GTF_WEIGHT_CONV1D, "conv", G_STRUCT_OFFSET (Weights, conv), 0, { OUT, IN, GTF_DIM (Config, kernel) } },
  { GTF_WEIGHT_TENSOR, "some.tensor", G_STRUCT_OFFSET (Weights, tensor), 0, { GTF_DIM_CONST (2), IN } },
  { GTF_WEIGHT_LINEAR, "output", G_STRUCT_OFFSET (Weights, tied), GTF_WEIGHT_NO_BIAS, { OUT, IN }, "table" },
  { GTF_WEIGHT_LINEAR, "head.inner", G_STRUCT_OFFSET (Weights, inner), GTF_WEIGHT_PARENT_BIAS, { OUT, IN } },
  { GTF_WEIGHT_EMBEDDING, "no.such.table", G_STRUCT_OFFSET (Weights, empty), 0, { GTF_DIM (Config, none), IN } },
  { GTF_WEIGHT_END }
};

static const char *const types[] = { "x", NULL };
static const GtfHead head = { "Model", NULL, NULL, "base" };
static const GtfArchitecture architecture = { .struct_size = sizeof (GtfArchitecture), .model_types = types, .weights = weights };
static const Config config = { 21, 37, 3 };

static GHashTable *
all_tensors (void)
{
  GHashTable *t = tensors_new ();
  gint64 conv[] = { config.out, config.in, config.kernel };

  add_random (t, "plain.weight", config.out, config.in);
  add_random (t, "head.inner.weight", config.out, config.in);
  add_random (t, "head.bias", config.out, 0);
  add_random (t, "base.turned.weight", config.in, config.out);
  add_random (t, "base.turned.bias", config.out, 0);
  add_random (t, "a.weight", 10, config.in);
  add_random (t, "b.weight", 17, config.in);
  add_random (t, "c.weight", 23, config.in);
  add_random (t, "b.bias", 17, 0);
  add_random (t, "norm.weight", config.in, 0);
  add_random (t, "norm.bias", config.in, 0);
  add_random (t, "table.weight", config.out, config.in);
  add_random (t, "conv.bias", config.out, 0);
  add_random (t, "some.tensor", 2, config.in);
  g_hash_table_insert (t, g_strdup ("conv.weight"), random_tensor ("conv", 3, conv));
  return t;
}

static const float *
data_of (GHashTable *tensors, const char *name)
{
  return gtf_tensor_f32 (g_hash_table_lookup (tensors, name));
}

static void
assert_rows (const GtfLinear *l, gint64 first, gint64 n, const float *expected)
{
  g_autofree float *row = g_new (float, l->in);

  for (gint64 i = 0; i < n; i++)
    {
      gtf_linear_get_row (l, first + i, row);
      g_assert_cmpmem (row, (gsize) l->in * sizeof *row, expected + i * l->in, (gsize) l->in * sizeof *row);
    }
}

static void
test_kinds (void)
{
  g_autoptr (GHashTable) t = all_tensors ();
  g_autofree char *folder = folder_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfBinding) binding = NULL;
  Weights w = { 0 };

  put_tensors (folder, "model.safetensors", t);
  files = gtf_safetensors_open (folder, &error);
  binding = gtf_binding_new (files, "Test", &architecture, &head, &config, &w, store, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));

  assert_rows (w.plain, 0, config.out, data_of (t, "plain.weight"));
  g_assert_null (w.plain->bias);
  for (gint64 i = 0; i < config.out; i++)
    {
      float row[64];

      gtf_linear_get_row (w.turned, i, row);
      for (gint64 k = 0; k < config.in; k++)
        g_assert_cmpfloat (row[k], ==, data_of (t, "base.turned.weight")[k * config.out + i]);
      g_assert_cmpfloat (w.turned->bias[i], ==, data_of (t, "base.turned.bias")[i]);
    }
  assert_rows (w.fused, 0, 10, data_of (t, "a.weight"));
  assert_rows (w.fused, 10, 17, data_of (t, "b.weight"));
  assert_rows (w.fused, 27, 23, data_of (t, "c.weight"));
  for (gint64 i = 0; i < 50; i++)
    g_assert_cmpfloat (w.fused->bias[i], ==, i >= 10 && i < 27 ? data_of (t, "b.bias")[i - 10] : 0);
  g_assert_null (w.absent);
  g_assert_null (w.empty);
  g_assert_cmpmem (w.inner->bias, 37 * 4, data_of (t, "head.bias"), 37 * 4);
  g_assert_cmpmem (w.norm->weight, 21 * 4, data_of (t, "norm.weight"), 21 * 4);
  g_assert_true (w.table->linear == w.tied);
  assert_rows (w.tied, 0, config.out, data_of (t, "table.weight"));
  g_assert_cmpmem (w.tensor->data, 2 * 21 * 4, data_of (t, "some.tensor"), 2 * 21 * 4);
  g_assert_nonnull (w.conv->linear);
  folder_remove (folder);
}

/* A tensor larger than a chunk, of each stored type: every row must arrive. */
static void
test_chunks (void)
{
  static const GtfWeight big[] = { { GTF_WEIGHT_LINEAR, "big", 0, GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (3001), GTF_DIM_CONST (257) } },
                                   { GTF_WEIGHT_EMBEDDING, "rows", 8, 0, { GTF_DIM_CONST (9001), GTF_DIM_CONST (257) } },
                                   { GTF_WEIGHT_END } };
  const GtfArchitecture a = { .struct_size = sizeof a, .model_types = types, .weights = big };
  struct { const GtfLinear *big; const GtfEmbedding *rows; } w = { NULL, NULL };
  g_autoptr (GHashTable) t = tensors_new ();
  g_autofree char *folder = folder_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfBinding) binding = NULL;

  add_random (t, "big.weight", 3001, 257);
  add_random (t, "rows.weight", 9001, 257);
  put_tensors (folder, "model.safetensors", t);
  files = gtf_safetensors_open (folder, &error);
  binding = gtf_binding_new (files, "Test", &a, &head, &config, &w, store, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
  assert_rows (w.big, 0, 3001, data_of (t, "big.weight"));
  g_assert_cmpmem (w.rows->rows, 9001 * 257 * 4, data_of (t, "rows.weight"), 9001 * 257 * 4);
  folder_remove (folder);
}

#define STORED GTF_DIM_STORED

typedef struct
{
  const GtfConv2d *conv, *plain, *deep, *turned, *standard, *branched;
  const GtfLinear *linear;
  const GtfNorm *norm;
} Convolutions;

static const GtfWeight branch = {
  GTF_WEIGHT_CONV2D, "plain", 0, GTF_WEIGHT_NO_BIAS, { STORED, STORED, STORED, STORED }, .norm = "small_bn", .eps = 0.25
};
static const GtfWeight convolutions[] = {
  { GTF_WEIGHT_CONV2D, "conv", G_STRUCT_OFFSET (Convolutions, conv), GTF_WEIGHT_NO_BIAS, { STORED, STORED, STORED, STORED }, .norm = "old|bn" },
  { GTF_WEIGHT_CONV2D, "plain", G_STRUCT_OFFSET (Convolutions, plain), GTF_WEIGHT_BIAS_OPTIONAL, { GTF_DIM_CONST (5), STORED, GTF_DIM_CONST (1), GTF_DIM_CONST (1) } },
  { GTF_WEIGHT_CONV2D, "deep", G_STRUCT_OFFSET (Convolutions, deep), GTF_WEIGHT_GROUPED, { STORED, STORED, STORED, STORED } },
  { GTF_WEIGHT_CONV2D, "turned", G_STRUCT_OFFSET (Convolutions, turned), GTF_WEIGHT_TRANSPOSED | GTF_WEIGHT_NO_BIAS, { GTF_DIM_CONST (4), STORED, STORED, STORED } },
  { GTF_WEIGHT_LINEAR, "linear", G_STRUCT_OFFSET (Convolutions, linear), 0, { GTF_DIM_CONST (7), STORED }, .norm = "bn", .eps = 0.5 },
  { GTF_WEIGHT_CONV2D, "conv", G_STRUCT_OFFSET (Convolutions, standard), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_STANDARDIZED, { STORED, STORED, STORED, STORED }, .eps = 1e-3 },
  { GTF_WEIGHT_CONV2D, "wide", G_STRUCT_OFFSET (Convolutions, branched), GTF_WEIGHT_NO_BIAS, { STORED, STORED, STORED, STORED }, .norm = "small_bn", .branch = &branch },
  { GTF_WEIGHT_BATCH_NORM, "bn", G_STRUCT_OFFSET (Convolutions, norm), 0, { GTF_DIM_CONST (7) } },
  { GTF_WEIGHT_END }
};

static void
add_shaped (GHashTable *t, const char *name, gint64 a, gint64 b, gint64 height, gint64 width)
{
  g_hash_table_insert (t, g_strdup (name), random_tensor (name, 4, (gint64[]){ a, b, height, width }));
}

static GHashTable *
convolution_tensors (void)
{
  GHashTable *t = tensors_new ();
  GtfTensor *variance;

  add_shaped (t, "conv.weight", 7, 3, 2, 5);
  add_random (t, "base.plain.weight", 5, 3);            /* a linear layer's matrix will do */
  add_shaped (t, "deep.weight", 9, 1, 3, 3);
  add_random (t, "deep.bias", 9, 0);
  add_shaped (t, "turned.weight", 6, 4, 2, 2);
  add_shaped (t, "wide.weight", 5, 3, 3, 5);
  add_random (t, "small_bn.weight", 5, 0);
  add_random (t, "small_bn.bias", 5, 0);
  add_random (t, "small_bn.running_mean", 5, 0);
  add_random (t, "small_bn.running_var", 5, 0);
  add_random (t, "linear.weight", 7, 3);
  add_random (t, "linear.bias", 7, 0);
  add_random (t, "bn.weight", 7, 0);
  add_random (t, "bn.bias", 7, 0);
  add_random (t, "bn.running_mean", 7, 0);
  add_random (t, "bn.running_var", 7, 0);
  variance = g_hash_table_lookup (t, "bn.running_var");
  for (guint i = 0; i < 7; i++)
    gtf_tensor_f32 (variance)[i] += 1;
  variance = g_hash_table_lookup (t, "small_bn.running_var");
  for (guint i = 0; i < 5; i++)
    gtf_tensor_f32 (variance)[i] += 1;
  return t;
}

/* One of 3 x 5 pixels, and one of 1 x 1 in its middle, both with a normalisation. */
static void
check_branched (GHashTable *t, const GtfConv2d *conv)
{
  for (guint o = 0; o < 5; o++)
    {
      const double mean = data_of (t, "small_bn.running_mean")[o], variance = data_of (t, "small_bn.running_var")[o];
      const double scale = data_of (t, "small_bn.weight")[o] / sqrt (variance + 1e-5), other = data_of (t, "small_bn.weight")[o] / sqrt (variance + 0.25);
      float row[45];

      gtf_linear_get_row (conv->blocks[0], o, row);
      for (guint k = 0; k < 45; k++)
        {
          const double middle = k / 3 == 7 ? data_of (t, "base.plain.weight")[o * 3 + k % 3] * other : 0;

          g_assert_cmpfloat_with_epsilon (row[k], data_of (t, "wide.weight")[o * 45 + k % 3 * 15 + k / 3] * scale + middle, 1e-6);
        }
      g_assert_cmpfloat_with_epsilon (conv->blocks[0]->bias[o], 2 * data_of (t, "small_bn.bias")[o] - mean * (scale + other), 1e-6);
    }
}

/* Convolutions, and normalisations that become part of what stands before them. */
static void
test_convolutions (void)
{
  const GtfArchitecture a = { .struct_size = sizeof a, .model_types = types, .weights = convolutions };
  g_autoptr (GHashTable) t = convolution_tensors ();
  g_autofree char *folder = folder_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfBinding) binding = NULL;
  Convolutions w = { NULL };
  float row[64];

  put_tensors (folder, "model.safetensors", t);
  files = gtf_safetensors_open (folder, &error);
  binding = gtf_binding_new (files, "Test", &a, &head, &config, &w, store, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
  g_assert_true (w.conv->height == 2 && w.conv->width == 5 && w.conv->in == 3 && w.conv->out == 7 && w.conv->groups == 1);
  g_assert_true (w.plain->height == 1 && w.plain->width == 1 && w.plain->in == 3 && w.plain->out == 5);
  g_assert_true (w.deep->groups == 9 && w.deep->in == 9 && w.deep->taps && w.deep->bias);
  check_branched (t, w.branched);
  g_assert_true (w.turned->in == 6 && w.turned->out == 4 && w.turned->transposed);
  for (guint o = 0; o < 7; o++)
    {
      const double mean = data_of (t, "bn.running_mean")[o], shift = data_of (t, "bn.bias")[o];
      const double scale = data_of (t, "bn.weight")[o] / sqrt (data_of (t, "bn.running_var")[o] + 1e-5);
      const double other = data_of (t, "bn.weight")[o] / sqrt (data_of (t, "bn.running_var")[o] + 0.5);

      gtf_linear_get_row (w.conv->blocks[0], o, row);
      for (guint k = 0; k < 30; k++)    /* [height][width][in] of [in][height][width] */
        g_assert_cmpfloat_with_epsilon (row[k], data_of (t, "conv.weight")[o * 30 + k % 3 * 10 + k / 3] * scale, 1e-6);
      g_assert_cmpfloat_with_epsilon (w.conv->blocks[0]->bias[o], shift - mean * scale, 1e-6);
      g_assert_cmpfloat_with_epsilon (w.norm->weight[o], scale, 1e-6);
      gtf_linear_get_row (w.standard->blocks[0], o, row);
      for (guint k = 0; k < 30; k++)
        {
          const float *all = data_of (t, "conv.weight") + o * 30;
          double sum = 0, squares = 0;

          for (guint i = 0; i < 30; i++)
            sum += all[i];
          for (guint i = 0; i < 30; i++)
            squares += pow (all[i] - sum / 30, 2);
          g_assert_cmpfloat_with_epsilon (row[k], (all[k % 3 * 10 + k / 3] - sum / 30) / sqrt (squares / 30 + 1e-3), 1e-5);
        }
      g_assert_cmpfloat_with_epsilon (w.norm->bias[o], shift - mean * scale, 1e-6);
      gtf_linear_get_row (w.linear, o, row);
      for (guint k = 0; k < 3; k++)
        g_assert_cmpfloat_with_epsilon (row[k], data_of (t, "linear.weight")[o * 3 + k] * other, 1e-6);
      g_assert_cmpfloat_with_epsilon (w.linear->bias[o], (data_of (t, "linear.bias")[o] - mean) * other + shift, 1e-6);
    }
  folder_remove (folder);
}

/* A branch whose weight is a direction and a length (weight_norm). */
static void
test_normalised_branch (void)
{
  const GtfArchitecture a = { .struct_size = sizeof a, .model_types = types, .weights = convolutions };
  g_autoptr (GHashTable) t = convolution_tensors ();
  g_autofree char *folder = folder_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfBinding) binding = NULL;
  Convolutions w = { NULL };
  float *product;

  g_hash_table_remove (t, "base.plain.weight");
  add_shaped (t, "base.plain.weight_v", 5, 3, 1, 1);
  add_shaped (t, "base.plain.weight_g", 5, 1, 1, 1);
  put_tensors (folder, "model.safetensors", t);
  files = gtf_safetensors_open (folder, &error);
  binding = gtf_binding_new (files, "Test", &a, &head, &config, &w, store, &error);
  g_assert_no_error (error);
  g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
  add_random (t, "base.plain.weight", 5, 3);
  product = gtf_tensor_f32 (g_hash_table_lookup (t, "base.plain.weight"));
  for (guint o = 0; o < 5; o++)
    {
      const float *v = data_of (t, "base.plain.weight_v") + o * 3;

      for (guint k = 0; k < 3; k++)
        product[o * 3 + k] = (float) (v[k] * data_of (t, "base.plain.weight_g")[o] / sqrt ((double) v[0] * v[0] + v[1] * v[1] + v[2] * v[2]));
    }
  check_branched (t, w.branched);
  folder_remove (folder);
}

/* What is wrong with them is named. */
static void
test_wrong_convolutions (void)
{
  static const struct { const char *name; gint64 a, b, height, width; const char *message; } wrong[] = {
    { "bn.running_var", 0, 0, 0, 0, "missing: \"bn.running_var\"" },
    { "bn.running_mean", 8, 1, 1, 1, "\"bn.running_mean\" (expected [7], found [8, 1, 1, 1])" },
    { "base.plain.weight", 5, 3, 1, 2, "\"base.plain.weight\" (expected [5, 3, 1, 1], found [5, 3, 1, 2])" },
    { "turned.weight", 6, 5, 2, 2, "\"turned.weight\" (expected [6, 4, 2, 2], found [6, 5, 2, 2])" },
    { "deep.weight", 9, 10, 3, 3, "is impossible" },
    { "deep.weight", 9, 0, 3, 3, "\"deep.weight\" (expected a convolution with at least 1 in each dimension, found [9, 0, 3, 3])" },
    { "wide.weight", 5, 0, 3, 3, "\"wide.weight\" (expected a convolution with at least 1 in each dimension, found [5, 0, 3, 3])" },
    { "wide.weight", 5, 3, 3, 4, "\"wide.weight\": windows of 3 x 4 pixels, expected some with a middle" },
    { "wide.weight", 5, 2, 3, 3, "\"base.plain.weight\" (expected [5, 2, 1, 1], found [5, 3])" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      const GtfArchitecture a = { .struct_size = sizeof a, .model_types = types, .weights = convolutions };
      g_autoptr (GHashTable) t = convolution_tensors ();
      g_autofree char *folder = folder_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = NULL;
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GtfBinding) binding = NULL;
      Convolutions w = { NULL };

      g_hash_table_remove (t, wrong[i].name);
      if (wrong[i].a)
        add_shaped (t, wrong[i].name, wrong[i].a, wrong[i].b, wrong[i].height, wrong[i].width);
      put_tensors (folder, "model.safetensors", t);
      files = gtf_safetensors_open (folder, &error);
      binding = gtf_binding_new (files, "Test", &a, &head, &config, &w, store, &error);
      if (binding)
        g_assert_false (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
      g_assert_nonnull (error);
      if (!strstr (error->message, wrong[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", wrong[i].name, error->message, wrong[i].message);
      folder_remove (folder);
    }
}

static void
test_names (void)
{
  g_auto (GStrv) outer = g_strsplit ("h.%d|layers.%d", "|", -1), joined = gtf_weight_names_join (outer, "a|b.%d", 7);
  g_auto (GStrv) prefixed = gtf_weight_names_prefix (joined, "model", TRUE), parts = gtf_weight_name_parts ("x.{q,k}.y"), single = gtf_weight_name_parts ("x{");
  g_autofree char *a = g_strjoinv (" ", joined), *b = g_strjoinv (" ", prefixed), *c = g_strjoinv (" ", parts);
  const char *with[] = { "model.a", NULL };
  g_auto (GStrv) stripped = gtf_weight_names_prefix ((char **) with, "model", TRUE);

  g_assert_cmpstr (a, ==, "h.7.a h.7.b.%d layers.7.a layers.7.b.%d");
  g_assert_true (g_str_has_prefix (b, "model.h.7.a h.7.a model.h.7.b.%d h.7.b.%d "));
  g_assert_cmpstr (c, ==, "x.q.y x.k.y");
  g_assert_cmpstr (single[0], ==, "x{");
  g_assert_cmpstr (stripped[0], ==, "model.a");
  g_assert_cmpstr (stripped[1], ==, "a");
  g_assert_true (gtf_weight_name_matches ("*.inv_freq|x?", "a.b.inv_freq") && gtf_weight_name_matches ("*.inv_freq|x?", "xy"));
  g_assert_false (gtf_weight_name_matches ("*.inv_freq|x?", "x") || gtf_weight_name_matches (NULL, "x") || gtf_weight_name_matches ("", "x"));
}

typedef struct
{
  const GtfLinear *linear;
} Block;

typedef struct
{
  const GtfLinear *gate, *up, *whole;
  const Block *blocks;
} Conditional;

static const GtfWeight block_weights[] = { { GTF_WEIGHT_LINEAR, "fc", G_STRUCT_OFFSET (Block, linear), GTF_WEIGHT_NO_BIAS, { OUT, IN } }, { GTF_WEIGHT_END } };

static const GtfWeight conditional_weights[] = {
  { GTF_WEIGHT_LINEAR, "up", G_STRUCT_OFFSET (Conditional, up), GTF_WEIGHT_NO_BIAS | GTF_WEIGHT_OPTIONAL, { OUT, IN } },
  { GTF_WEIGHT_LINEAR, "gate&up", G_STRUCT_OFFSET (Conditional, gate), GTF_WEIGHT_NO_BIAS, { OUT, IN } },
  { GTF_WEIGHT_LINEAR, "whole&!up", G_STRUCT_OFFSET (Conditional, whole), GTF_WEIGHT_NO_BIAS, { OUT, IN } },
  { GTF_WEIGHT_GROUP, "blocks.b%n", .offset = G_STRUCT_OFFSET (Conditional, blocks), .group = block_weights, .group_size = sizeof (Block), .count = GTF_DIM_STORED },
  { GTF_WEIGHT_END }
};

/* A weight that there is beside another one, or instead of it; and layers that the file counts from 1, as many as it has. */
static void
test_conditions (void)
{
  static const struct
  {
    const char *names;
    gboolean has_up, has_whole;
    guint n_blocks;
    const char *missing;                /* NULL: it binds */
  } cases[] = {
    { "up gate blocks.b1.fc blocks.b2.fc blocks.b3.fc", TRUE, FALSE, 3, NULL },
    { "whole blocks.b1.fc", FALSE, TRUE, 1, NULL },
    { "up blocks.b1.fc", FALSE, FALSE, 0, "gate" },
    { "blocks.b1.fc", FALSE, FALSE, 0, "whole" },
  };
  GtfArchitecture a = architecture;

  a.weights = conditional_weights;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GHashTable) t = tensors_new ();
      g_autofree char *folder = folder_new ();
      g_auto (GStrv) names = g_strsplit (cases[i].names, " ", -1);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = NULL;
      g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
      g_autoptr (GtfBinding) binding = NULL;
      Conditional w = { 0 };

      for (guint k = 0; names[k]; k++)
        {
          g_autofree char *name = g_strconcat (names[k], ".weight", NULL);

          add_random (t, name, config.out, config.in);
        }
      put_tensors (folder, "model.safetensors", t);
      files = gtf_safetensors_open (folder, &error);
      binding = gtf_binding_new (files, "Test", &a, &head, &config, &w, store, &error);
      g_assert_cmpint (binding != NULL, ==, cases[i].missing == NULL);
      if (cases[i].missing)
        g_assert_nonnull (strstr (error->message, cases[i].missing));
      else
        {
          g_assert_true (gtf_binding_pack (binding, files, GTF_DTYPE_F32, store, gtf_pool_get (0), NULL, &error));
          g_assert_true ((w.gate != NULL) == cases[i].has_up && (w.up != NULL) == cases[i].has_up && (w.whole != NULL) == cases[i].has_whole);
          for (guint k = 0; k < cases[i].n_blocks; k++)
            {
              g_autofree char *name = g_strdup_printf ("blocks.b%u.fc.weight", k + 1);

              assert_rows (w.blocks[k].linear, 0, config.out, data_of (t, name));
            }
          g_assert_null (w.blocks[cases[i].n_blocks].linear);
        }
      folder_remove (folder);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/binding/kinds", test_kinds);
  g_test_add_func ("/model/binding/chunks", test_chunks);
  g_test_add_func ("/model/binding/convolutions", test_convolutions);
  g_test_add_func ("/model/binding/normalised-branch", test_normalised_branch);
  g_test_add_func ("/model/binding/wrong-convolutions", test_wrong_convolutions);
  g_test_add_func ("/model/binding/names", test_names);
  g_test_add_func ("/model/binding/conditions", test_conditions);
  return g_test_run ();
}
