/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Adapters: which numbers come out where weights are stored in either order, under which names tensors are found, and what is refused. Whole ones, made by PEFT, are
 * run by tests/tasks/text-tasks.c.
 */
#include <string.h>

#include "model/adapter.h"
#include "repository.h"
#include "tensor/context-private.h"

#define OUT 5
#define IN 3
#define RANK 2

static GHashTable *
base_tensors (void)
{
  GHashTable *t = tensors_new ();

  add_random (t, "net.dense.weight", OUT, IN);
  add_random (t, "net.words.weight", OUT, IN);
  add_random (t, "head.weight", 4, IN);
  return t;
}

static GHashTable *
adapter_tensors (void)
{
  GHashTable *t = tensors_new ();

  add_random (t, "base_model.model.net.dense.lora_A.weight", RANK, IN);
  add_random (t, "base_model.model.net.dense.lora_B.weight", OUT, RANK);
  return t;
}

/* The base with the adapter in it, or the error. */
static GtfSafetensors *
apply (GHashTable *base, GHashTable *adapter, const char *config, GError **error)
{
  g_autofree char *folder = folder_new ();
  g_autoptr (GtfSafetensors) files = NULL;
  gboolean ok;

  put_tensors (folder, "model.safetensors", base);
  if (adapter)
    put_tensors (folder, "adapter_model.safetensors", adapter);
  put_file (folder, "adapter_config.json", config, -1);
  files = gtf_safetensors_open (folder, error);
  g_assert_no_error (*error);
  g_assert_true (gtf_adapter_is_in (folder));
  ok = gtf_adapter_apply (files, folder, error);
  g_assert_true (ok == (*error == NULL));
  folder_remove (folder);       /* what is open can be read without its name */
  return ok ? g_steal_pointer (&files) : NULL;
}

static const float *
numbers (GHashTable *t, const char *name)
{
  GtfTensor *tensor = g_hash_table_lookup (t, name);

  g_assert_nonnull (tensor);
  return gtf_tensor_f32 (tensor);
}

/* B A, row by row. */
static double
product (const float *b, const float *a, guint o, guint i)
{
  double sum = 0;

  for (guint r = 0; r < RANK; r++)
    sum += (double) b[o * RANK + r] * a[r * IN + i];
  return sum;
}

static void
check (const GtfSafetensors *files, const char *name, const double *expected)
{
  const GtfStoredTensor *t = gtf_safetensors_find (files, name);
  g_autoptr (GError) error = NULL;
  float all[OUT * IN], some[4];

  g_assert_true (t && t->dtype == GTF_DTYPE_F32 && t->n_bytes == sizeof all);
  g_assert_true (gtf_safetensors_read_f32 (files, t, 0, OUT * IN, all, &error));
  for (guint i = 0; i < OUT * IN; i++)
    g_assert_cmpfloat_with_epsilon (all[i], expected[i], 1e-6);
  g_assert_true (gtf_safetensors_read (files, t, 4 * sizeof (float), sizeof some, some, &error));       /* from the middle of a row into the next */
  g_assert_cmpmem (some, sizeof some, all + 4, sizeof some);
}

static void
test_change (void)
{
  static const struct { const char *config; double scale; } cases[] = {
    { "{\"peft_type\": \"LORA\", \"lora_alpha\": 5}", 2.5 }, { "{\"peft_type\": \"LORA\"}", 4 },
    { "{\"peft_type\": \"LORA\", \"lora_alpha\": 3, \"use_rslora\": true}", 3 / G_SQRT2 },
    { "{\"peft_type\": \"LORA\", \"lora_alpha\": 3, \"alpha_pattern\": {\"words\": 7, \"d.nse\": 6, \"dense\": 8}}", 3 },
  };

  for (guint n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      g_autoptr (GHashTable) base = base_tensors (), adapter = adapter_tensors ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = apply (base, adapter, cases[n].config, &error);
      double expected[OUT * IN];

      g_assert_no_error (error);
      for (guint i = 0; i < OUT * IN; i++)
        expected[i] = numbers (base, "net.dense.weight")[i]
                      + cases[n].scale * product (numbers (adapter, "base_model.model.net.dense.lora_B.weight"), numbers (adapter, "base_model.model.net.dense.lora_A.weight"), i / IN, i % IN);
      check (files, "net.dense.weight", expected);
    }
}

/* A weight that is stored [in][out], and a table of words; under names with another prefix. */
static void
test_turned (void)
{
  for (guint embedding = 0; embedding < 2; embedding++)
    {
      g_autoptr (GHashTable) base = base_tensors (), adapter = tensors_new ();
      const char *a = embedding ? "base_model.model.outer.net.words.lora_embedding_A" : "base_model.model.dense.lora_A.weight";
      const char *b = embedding ? "base_model.model.outer.net.words.lora_embedding_B" : "base_model.model.dense.lora_B.weight";
      const char *name = embedding ? "net.words.weight" : "net.dense.weight";
      g_autoptr (GtfSafetensors) files = NULL;
      g_autoptr (GError) error = NULL;
      double expected[OUT * IN] = { 0 };

      add_random (adapter, a, RANK, OUT);
      add_random (adapter, b, IN, RANK);
      files = apply (base, adapter, "{\"peft_type\": \"LORA\", \"lora_alpha\": 2, \"fan_in_fan_out\": true}", &error);
      g_assert_no_error (error);
      for (guint i = 0; i < OUT * IN; i++)
        {
          expected[i] = numbers (base, name)[i];
          for (guint r = 0; r < RANK; r++)
            expected[i] += (double) numbers (adapter, a)[r * OUT + i / IN] * numbers (adapter, b)[i % IN * RANK + r];
        }
      check (files, name, expected);
    }
}

/* What was trained whole takes the place of the base's, or is new. */
static void
test_whole (void)
{
  g_autoptr (GHashTable) base = base_tensors (), adapter = tensors_new ();
  g_autoptr (GtfSafetensors) files = NULL;
  g_autoptr (GError) error = NULL;
  const GtfStoredTensor *t;
  float found[2 * IN];

  add_random (adapter, "base_model.model.head.weight", 2, IN);
  add_random (adapter, "base_model.model.head.base_layer.bias", 2, 0);
  files = apply (base, adapter, "{\"peft_type\": \"LORA\"}", &error);
  g_assert_no_error (error);
  t = gtf_safetensors_find (files, "head.weight");
  g_assert_true (t->shape[0] == 2 && gtf_safetensors_read_f32 (files, t, 0, 2 * IN, found, NULL));
  g_assert_cmpmem (found, sizeof found, numbers (adapter, "base_model.model.head.weight"), sizeof found);
  t = gtf_safetensors_find (files, "head.bias");
  g_assert_true (t && t->n_dims == 1 && gtf_safetensors_read_f32 (files, t, 0, 2, found, NULL));
  g_assert_cmpmem (found, 2 * sizeof *found, numbers (adapter, "base_model.model.head.base_layer.bias"), 2 * sizeof *found);
  g_assert_cmpuint (gtf_safetensors_get_n_tensors (files), ==, 4);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *config, *removed, *added;
    gint64 a, b;
    const char *message;
  } cases[] = {
    { "{\"peft_type\": \"IA3\"}", NULL, NULL, 0, 0, "\"IA3\"" },
    { "{}", NULL, NULL, 0, 0, "peft_type" },
    { "[]", NULL, NULL, 0, 0, "adapter_config.json" },
    { "{\"peft_type\": \"LORA\", \"lora_alpha\": \"much\"}", NULL, NULL, 0, 0, "lora_alpha" },
    { "{\"peft_type\": \"LORA\", \"alpha_pattern\": {\"(\": 3}}", NULL, NULL, 0, 0, "alpha_pattern" },
    { "{\"peft_type\": \"LORA\"}", "base_model.model.net.dense.lora_B.weight", NULL, 0, 0, "there is no \"base_model.model.net.dense.lora_B.weight\"" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.net.dense.lora_B.weight", OUT + 1, RANK, "do not fit \"net.dense.weight\"" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.net.dense.lora_B.weight", OUT, RANK + 1, "do not fit" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.net.dense.lora_A.weight", RANK, 0, "do not fit" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.net.dense.lora_magnitude_vector", OUT + 2, 0, "do not fit" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.other.lora_A.weight", RANK, IN, "other.lora_B.weight" },
    { "{\"peft_type\": \"LORA\"}", NULL, "base_model.model.net.dense.lora_B.bias", OUT, 0, "lora_B.bias" },
    { "{\"peft_type\": \"LORA\"}", NULL, "net.dense.lora_A.weight", RANK, IN, "names that begin with" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GHashTable) base = base_tensors (), adapter = adapter_tensors ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) files = NULL;

      if (cases[i].removed)
        g_hash_table_remove (adapter, cases[i].removed);
      if (cases[i].added)
        add_random (adapter, cases[i].added, cases[i].a, cases[i].b);
      files = apply (base, adapter, cases[i].config, &error);
      if (!error || !strstr (error->message, cases[i].message))
        g_error ("%u: \"%s\" does not say \"%s\"", i, error ? error->message : "no error", cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/adapter/change", test_change);
  g_test_add_func ("/model/adapter/turned", test_turned);
  g_test_add_func ("/model/adapter/whole", test_whole);
  g_test_add_func ("/model/adapter/refused", test_refused);
  return g_test_run ();
}
