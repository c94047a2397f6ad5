/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A repository for the toy architecture, in a temporary folder.
 */
#pragma once

#include <glib/gstdio.h>
#include "model/safetensors.h"

static inline char *
toy_repository (void)
{
  char *folder = g_dir_make_tmp ("gtf-toy-XXXXXX", NULL);
  g_autofree char *config = g_build_filename (folder, "config.json", NULL), *weights = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *card = g_build_filename (folder, "README.md", NULL);
  g_autoptr (GHashTable) tensors = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) gtf_tensor_unref);
  gint64 shape[] = { 4 };
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (config, "{\"model_type\": \"toy\", \"architectures\": [\"ToyForEcho\"], \"hidden_size\": 4, \"dtype\": \"float32\"}", -1, NULL));
  g_assert_true (g_file_set_contents (card, "---\nlicense: mit\n---\n# Toy\n", -1, NULL));
  g_hash_table_insert (tensors, "scale", gtf_tensor_new (GTF_DTYPE_F32, 1, shape, &error));
  g_assert_true (gtf_safetensors_write (weights, tensors, NULL, &error));
  g_assert_no_error (error);
  return folder;
}

/* A folder in which only files lie. */
static inline void
toy_remove (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  if (dir)
    g_dir_close (dir);
  g_rmdir (folder);
}
