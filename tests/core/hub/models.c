/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models of the Hub for tests, and looking at what was made of them.
 */
#include "models.h"

#include <string.h>
#include "hub/model.h"

char *hub_weights;

char *
hub_new_home (void)
{
  char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL);

  g_setenv ("HF_HOME", home, TRUE);
  g_unsetenv ("HF_HUB_CACHE");
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_TOKEN");
  return home;
}

guint
hub_count_files (const char *path, const char *suffix)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *below = g_build_filename (path, name, NULL);

      n += g_file_test (below, G_FILE_TEST_IS_DIR) ? hub_count_files (below, suffix) : g_str_has_suffix (name, suffix);
    }
  return n;
}

guint
hub_count_lines (const char *text, const char *part)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;

  for (char **line = lines; *line; line++)
    n += strstr (*line, part) != NULL;
  return n;
}

static void
list_below (const char *root, const char *below, GPtrArray *out)
{
  g_autofree char *folder = g_build_filename (root, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = *below ? g_build_filename (below, name, NULL) : g_strdup (name), *full = g_build_filename (root, path, NULL);

      if (g_file_test (full, G_FILE_TEST_IS_DIR))
        list_below (root, path, out);
      else
        g_ptr_array_add (out, g_steal_pointer (&path));
    }
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
hub_list_files (const char *root)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  list_below (root, "", names);
  g_ptr_array_sort (names, by_name);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

char *
hub_fetch (const char *id, GError **error)
{
  return gtf_hub_fetch_model (id, NULL, GTF_HUB_WEIGHTS, NULL, NULL, NULL, NULL, error);
}

void
hub_assert_file (const char *folder, const char *name, const void *data, gsize n)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *found = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (path, &found, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (found, length, data, n);
}

void
hub_fill_models (HubServer *server)
{
  static const char index[] = "{\"metadata\":{},\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"}}";

  hub_weights = g_malloc (HUB_WEIGHTS);
  for (guint i = 0; i < HUB_WEIGHTS; i++)
    hub_weights[i] = (char) (i * 7 + i / 253);
  for (guint i = 0; i < 3; i++)
    {
      static const char *const ids[] = { "org/plain", "org/private", "org/gated" };

      hub_server_add (server, ids[i], "main", "config.json", "{\"model_type\": \"bert\"}", -1, FALSE);
      hub_server_add (server, ids[i], "main", "tokenizer.json", "{}", -1, FALSE);
      hub_server_add (server, ids[i], "main", "model.safetensors", hub_weights, HUB_WEIGHTS, TRUE);
      hub_server_add (server, ids[i], "main", "pytorch_model.bin", hub_weights, HUB_WEIGHTS - 1, TRUE);
      hub_server_add (server, ids[i], "main", "tf_model.h5", hub_weights, HUB_WEIGHTS - 2, TRUE);
      hub_server_add (server, ids[i], "main", "onnx/model.onnx", hub_weights, HUB_WEIGHTS - 3, TRUE);
      hub_server_add (server, ids[i], "main", "1_Pooling/config.json", "{\"pooling\": 1}", -1, FALSE);
    }
  hub_server_add (server, "org/plain", "v1", "config.json", "{\"model_type\": \"old\"}", -1, FALSE);
  hub_server_add (server, "org/plain", "v1", "vocab.txt", "a\nb\n", -1, FALSE);
  hub_server_add (server, "org/plain", "v1", "pytorch_model.bin", hub_weights, 1000, TRUE);
  hub_server_add (server, "org/plain", "refs/pr/1", "config.json", "{\"model_type\": \"pr\"}", -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "model.safetensors.index.json", index, -1, FALSE);
  hub_server_add (server, "org/sharded", "main", "model-00001-of-00002.safetensors", hub_weights, 5000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model-00002-of-00002.safetensors", hub_weights, 6000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model-00003-of-00003.safetensors", hub_weights, 7000, TRUE);
  hub_server_add (server, "org/sharded", "main", "model.fp16.safetensors", hub_weights, 8000, TRUE);
  hub_server_set_access (server, "org/private", HUB_PRIVATE);
  hub_server_set_access (server, "org/gated", HUB_GATED);
}
