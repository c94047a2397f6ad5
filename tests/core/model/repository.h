/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small repositories in a temporary folder, for the tests of core/model.
 */
#pragma once

#include <glib/gstdio.h>
#include "model/safetensors.h"
#include "tensor/tensor-private.h"

/* A tensor of pseudo-random numbers of either sign, below 0.5 in size; the same for the same name. */
static inline GtfTensor *
random_tensor (const char *name, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_tensor_new (GTF_DTYPE_F32, n_dims, shape, NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (g_str_hash (name));

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_rand_double_range (rand, -0.5, 0.5);
  return t;
}

static inline void
add_random (GHashTable *tensors, const char *name, gint64 a, gint64 b)
{
  gint64 shape[] = { a, b };

  g_hash_table_insert (tensors, g_strdup (name), random_tensor (name, b ? 2 : 1, shape));
}

static inline GHashTable *
tensors_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
}

/* The tensors of tests/core/registry/plugins/demo.c, without the tied output. */
static inline GHashTable *
demo_tensors (gint64 vocab, gint64 d, gint64 layers)
{
  static const char *const linear[] = { "attn.q", "attn.k", "attn.v", "attn.out", "cross.k", "cross.v" };
  GHashTable *tensors = tensors_new ();

  add_random (tensors, "model.tokens.weight", vocab, d);
  add_random (tensors, "model.positions.weight", 100, d);
  for (gint64 i = 0; i < layers; i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (linear); j++)
        {
          g_autofree char *name = g_strdup_printf ("model.layers.%d.%s.weight", (int) i, linear[j]);

          add_random (tensors, name, d, d);
        }
      for (gsize j = 0; j < 4; j++)
        {
          static const char *const one[] = { "norm.weight", "norm.bias", "attn.out.bias", "attn.q.bias" };
          g_autofree char *name = g_strdup_printf ("model.layers.%d.%s", (int) i, one[j]);

          add_random (tensors, name, d, 0);
        }
    }
  return tensors;
}

static inline char *
folder_new (void)
{
  return g_dir_make_tmp ("gtf-model-XXXXXX", NULL);
}

static inline void
put_file (const char *folder, const char *name, gconstpointer data, gssize length)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, data, length, NULL));
}

static inline void
put_tensors (const char *folder, const char *name, GHashTable *tensors)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (gtf_safetensors_write (path, tensors, NULL, &error));
}

static inline void
folder_remove (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_unlink (path) < 0)
        folder_remove (path);
    }
  g_rmdir (folder);
}
