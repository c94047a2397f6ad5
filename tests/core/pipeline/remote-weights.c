/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/remote-weights.c: the same table from afar as on the disk, of one file and of shards, safetensors and archives of torch; how much is asked for it,
 * and what is said where it cannot be.
 */
#include <string.h>
#include "../hub/server.h"
#include "hub/client.h"
#include "hub/model.h"
#include "hub/scan.h"
#include "pipeline/remote-weights.h"

static HubServer *server;

/* Files of data/golden/pickle, and under which names they are put on the Hub; "=TEXT" is the contents. */
static const struct
{
  const char *name;
  const char *files[6][2];
  guint n_tensors, n_files;
  guint requests;               /* of the Hub: a redirect to where a file lies belongs to its request */
  int code;
  const char *message;
} cases[] = {
  { "safetensors", { { "module.safetensors", "model.safetensors" } }, 7, 1, 1 },
  { "zip", { { "module.pth", "pytorch_model.bin" } }, 7, 1, 1 },
  { "zip64", { { "zip64.pt", "pytorch_model.bin" } }, 6, 1, 1 },
  { "safetensors before .bin", { { "module.pth", "pytorch_model.bin" }, { "module.safetensors", "model.safetensors" } }, 7, 1, 1 },
  { "shards, and one that the index does not name",
    { { "module.safetensors", "a.safetensors" }, { "zip64.safetensors", "b.safetensors" }, { "tar.safetensors", "c.safetensors" },
      { "={\"weight_map\": {\"x\": \"a.safetensors\", \"y\": \"b.safetensors\"}}", "model.safetensors.index.json" } }, 13, 2, 3 },
  { "shards of torch",
    { { "module.pth", "a.bin" }, { "zip64.pt", "b.bin" }, { "={\"weight_map\": {\"x\": \"a.bin\", \"y\": \"b.bin\"}}", "pytorch_model.bin.index.json" } }, 13, 2, 3 },
  { "before torch 1.6", { { "legacy.bin", "pytorch_model.bin" } }, 0, 0, 1, GTF_ERROR_UNSUPPORTED, "/model6 ~: pytorch_model.bin: only safetensors and the zip archives of torch~gtransformers download org/" },
  { "no zip after all", { { "=PK\3\4 and nothing else", "pytorch_model.bin" } }, 0, 0, 1, GTF_ERROR_INVALID_DATA, "org/model7/pytorch_model.bin: zip: has no end record" },
  { "none", { { "={}", "tokenizer.json" } }, 0, 0, 0, GTF_ERROR_NOT_FOUND, "has no weights that can be read" },
  { "an index that is none", { { "=[]", "model.safetensors.index.json" } }, 0, 0, 1, GTF_ERROR_INVALID_DATA, "model.safetensors.index.json" },
  { "spoilt", { { "=12345678{\"a\": 1}", "model.safetensors" } }, 0, 0, 1, GTF_ERROR_INVALID_DATA, "org/model10/model.safetensors: is no safetensors file, or truncated" },
};

static void
add_file (const char *id, const char *what, const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "pickle", what, NULL), *data = NULL;
  gsize length;

  if (*what == '=')
    {
      hub_server_add (server, id, "main", name, what + 1, -1, FALSE);
      return;
    }
  g_assert_true (g_file_get_contents (path, &data, &length, NULL));
  hub_server_add (server, id, "main", name, data, (gssize) length, TRUE);
}

static guint
count_lines (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = strstr (text, part); p; p = strstr (p + 1, part))
    n++;
  return n;
}

static void
check_message (guint i, const GError *error)
{
  g_auto (GStrv) parts = g_strsplit (cases[i].message, "~", -1);
  const char *at = error->message;

  for (char **part = parts; *part; part++)
    if (!(at = strstr (at, *part)))
      g_error ("%s: \"%s\" is not in \"%s\"", cases[i].name, cases[i].message, error->message);
  g_assert_error (error, GTF_ERROR, cases[i].code);
}

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *home = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL), *id = g_strdup_printf ("org/model%u", i), *commit = NULL, *snapshot = NULL, *log = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfSafetensors) weights = NULL;

      g_test_message ("%s", cases[i].name);
      g_setenv ("HF_HOME", home, TRUE);
      hub_server_add (server, id, "main", "config.json", "{}", -1, FALSE);
      for (guint f = 0; cases[i].files[f][0]; f++)
        add_file (id, cases[i].files[f][0], cases[i].files[f][1]);
      snapshot = gtf_hub_fetch_model (id, NULL, GTF_HUB_SMALL_PARTS, NULL, NULL, &commit, NULL, &error);
      g_assert_no_error (error);
      g_free (hub_server_take_log (server));
      weights = gtf_remote_weights_open (id, commit, snapshot, NULL, &error);
      log = hub_server_take_log (server);
      if (cases[i].code)
        check_message (i, error);
      else
        {
          g_assert_no_error (error);
          g_assert_cmpuint (gtf_safetensors_get_n_tensors (weights), ==, cases[i].n_tensors);
          g_assert_cmpuint (gtf_safetensors_get_n_files (weights), ==, cases[i].n_files);
          g_assert_true (g_str_has_prefix (gtf_safetensors_get_path (weights, 0), id));
        }
      g_assert_cmpuint (count_lines (log, "/resolve/"), ==, cases[i].requests);
      g_assert_cmpuint (count_lines (log, "\n"), <=, 2 * cases[i].requests);
      gtf_hub_remove_path (home, NULL);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  gtf_hub_backoff = 1;
  g_unsetenv ("HF_HUB_OFFLINE");
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  g_test_add_func ("/pipeline/remote-weights", test_cases);
  status = g_test_run ();
  hub_server_free (server);
  return status;
}
