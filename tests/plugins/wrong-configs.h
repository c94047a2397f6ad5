/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What configs cannot say: each line of a table changes one member of the config of a tiny repository, and the model is refused before its weights are
 * looked at, by one error that names the member. REPOSITORIES is the folder of data/golden in which they are.
 */
#pragma once

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json-print.h"
#include "base/json.h"
#include "model/model.h"

typedef struct
{
  const char *repository;       /* in REPOSITORIES */
  const char *key;              /* dots descend */
  const char *value;            /* JSON */
  const char *says;
} WrongConfig;

/* The config of a repository with one member changed, alone in a folder. */
static void
spoil_config (const WrongConfig *wrong, const char *folder)
{
  g_autofree char *from = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", REPOSITORIES, wrong->repository, "config.json", NULL);
  g_autofree char *to = g_build_filename (folder, "config.json", NULL), *text = NULL;
  g_autoptr (JsonObject) root = gtf_json_load_object (from, NULL);
  g_autoptr (JsonNode) node = NULL;
  g_auto (GStrv) names = g_strsplit (wrong->key, ".", -1);
  JsonObject *object = root;
  guint i;

  g_assert_nonnull (root);
  for (i = 0; names[i + 1]; i++)
    object = json_object_get_object_member (object, names[i]);
  json_object_set_member (object, names[i], gtf_json_parse ("value", wrong->value, -1, GTF_JSON_PYTHON, NULL));
  node = json_node_init_object (json_node_alloc (), root);
  text = gtf_json_print (node, GTF_JSON_REQUEST);
  g_assert_true (g_file_set_contents (to, text, -1, NULL));
}

static void
test_wrong_config (gconstpointer data)
{
  const WrongConfig *wrong = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gtf-config-XXXXXX", &error), *path = folder ? g_build_filename (folder, "config.json", NULL) : NULL;
  g_autoptr (GtfModel) model = NULL;

  g_assert_no_error (error);
  spoil_config (wrong, folder);
  model = gtf_model_load (folder, NULL, NULL, &error);
  g_remove (path);
  g_rmdir (folder);
  g_assert_null (model);
  g_assert_true (error && error->domain == GTF_ERROR);
  if (!strstr (error->message, wrong->says) || !strstr (error->message, path))
    g_error ("%s: %s, not %s", wrong->key, error->message, wrong->says);
}

/* A test for each line. */
static void
add_wrong_configs (const WrongConfig *wrong, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *path = g_strdup_printf ("/" REPOSITORIES "-configs/%s/%" G_GSIZE_FORMAT, wrong[i].repository, i);

      g_test_add_data_func (path, &wrong[i], test_wrong_config);
    }
}
