/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Spoiling a copy of a good repository, for the tests of bad ones.
 */
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include "base/json-print.h"
#include "base/json.h"
#include "../pipeline/toy/repository.h"

/* Makes @repository a copy of @golden. */
static inline void
spoil_restore (const char *repository, const char *golden)
{
  g_autoptr (GDir) dir = g_dir_open (golden, 0, NULL);
  const char *name;

  toy_remove (repository);
  g_mkdir (repository, 0700);
  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *from = g_build_filename (golden, name, NULL), *to = g_build_filename (repository, name, NULL), *data = NULL;
      gsize length;

      g_assert_true (g_file_get_contents (from, &data, &length, NULL) && g_file_set_contents (to, data, (gssize) length, NULL));
    }
}

static inline void
spoil_put (const char *repository, const char *name, gconstpointer data, gsize length)
{
  g_autofree char *path = g_build_filename (repository, name, NULL);

  g_assert_true (g_file_set_contents (path, data, (gssize) length, NULL));
}

static inline char *
spoil_get (const char *repository, const char *name, gsize *length)
{
  g_autofree char *path = g_build_filename (repository, name, NULL);
  char *data;

  g_assert_true (g_file_get_contents (path, &data, length, NULL));
  return data;
}

/* Sets, or with NULL removes, a member of a JSON file; dots descend. */
static inline void
spoil_member (const char *repository, const char *file, const char *key, const char *json)
{
  g_autofree char *path = g_build_filename (repository, file, NULL), *text = NULL;
  g_autoptr (JsonObject) root = gtf_json_load_object (path, NULL);
  g_autoptr (JsonNode) node = NULL;
  g_auto (GStrv) names = g_strsplit (key, ".", -1);
  JsonObject *object = root;
  guint i;

  g_assert_nonnull (root);
  for (i = 0; names[i + 1]; i++)
    object = json_object_get_object_member (object, names[i]);
  if (json)
    json_object_set_member (object, names[i], gtf_json_parse ("value", json, -1, GTF_JSON_PYTHON, NULL));
  else
    json_object_remove_member (object, names[i]);
  node = json_node_init_object (json_node_alloc (), root);
  text = gtf_json_print (node, GTF_JSON_REQUEST);
  spoil_put (repository, file, text, strlen (text));
}
