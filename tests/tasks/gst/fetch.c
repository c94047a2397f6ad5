/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Elements whose model is a name on the Hub: nobody is asked while they are made, looked at and set, the model comes when they are started, with PROGRESS messages,
 * and the second time it is there.
 */
#include <string.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include "../../core/hub/server.h"
#include "../../core/model/repository.h"

static HubServer *server;

static const struct
{
  const char *element, *task;   /* task: NULL where the element has one */
  const char *model, *folder;   /* on the Hub; below data */
} cases[] = {
  { "gtftext", "text-classification", "org/classes", "golden/text-tasks/classes" },
  { "gtfasr", NULL, "org/words", "builtin/whisper-words/model" },
  { "gtfdetect", NULL, "org/objects", "builtin/objects/model" },
  { "gtfsegment", NULL, "org/segments", "builtin/segments/model" },
};

/* What gst-inspect-1.0 does, and an editor of pipelines: everything is read, nothing is started. */
static void
look_at (GstElement *element)
{
  guint n;
  g_autofree GParamSpec **properties = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  g_autoptr (GstQuery) latency = gst_query_new_latency ();

  for (guint i = 0; i < n; i++)
    if (properties[i]->flags & G_PARAM_READABLE)
      {
        g_auto (GValue) value = G_VALUE_INIT;

        g_value_init (&value, properties[i]->value_type);
        g_object_get_property (G_OBJECT (element), properties[i]->name, &value);
      }
  gst_element_query (element, latency);
}

static GstElement *
make (guint i)
{
  GstElement *element = gst_element_factory_make (cases[i].element, NULL);

  g_assert_nonnull (element);
  if (cases[i].task)
    gst_util_set_object_arg (G_OBJECT (element), "task", cases[i].task);
  g_object_set (element, "model", cases[i].model, NULL);
  return element;
}

/* Starts it, until the model is there. Counts messages that tell of a download. */
static guint
start (GstElement *element)
{
  g_autoptr (GstBus) bus = gst_bus_new ();
  GstProgressType type = GST_PROGRESS_TYPE_START;
  guint downloads = 0;

  gst_element_set_bus (element, bus);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_PAUSED), !=, GST_STATE_CHANGE_FAILURE);
  while (type != GST_PROGRESS_TYPE_COMPLETE)
    {
      g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_PROGRESS | GST_MESSAGE_ERROR);
      g_autofree char *code = NULL, *text = NULL;

      g_assert_nonnull (message);
      if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
        g_error ("%" GST_PTR_FORMAT, (void *) gst_message_get_structure (message));
      gst_message_parse_progress (message, &type, &code, &text);
      g_assert_cmpstr (code, ==, "load-model");
      if (type == GST_PROGRESS_TYPE_ERROR)
        g_error ("%s: %s", GST_OBJECT_NAME (element), text);
      downloads += type == GST_PROGRESS_TYPE_CONTINUE && g_str_has_prefix (text, "downloading: ") && strstr (text, " files");
    }
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  return downloads;
}

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GstElement) first = gst_object_ref_sink (make (i)), second = NULL;
      g_autofree char *before = NULL, *during = NULL, *after = NULL;

      look_at (first);
      before = hub_server_take_log (server);
      g_assert_cmpstr (before, ==, "");
      g_assert_cmpuint (start (first), >, 0);
      during = hub_server_take_log (server);
      g_assert_nonnull (strstr (during, cases[i].model));
      g_assert_nonnull (strstr (during, "/cdn/"));
      second = gst_object_ref_sink (make (i));
      g_assert_cmpuint (start (second), ==, 0);
      after = hub_server_take_log (server);
      g_assert_cmpstr (after, ==, "");
    }
}

static void
add_model (const char *id, const char *below)
{
  g_autofree char *folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), below, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *data = NULL;
      gsize n;

      if (g_file_get_contents (path, &data, &n, NULL))
        hub_server_add (server, id, "main", name, data, (gssize) n, g_str_has_suffix (name, ".safetensors"));
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *home = g_dir_make_tmp ("gtf-fetch-XXXXXX", NULL);
  int status;

  g_test_init (&argc, &argv, NULL);
  g_unsetenv ("HF_HUB_OFFLINE");
  g_unsetenv ("HF_HUB_CACHE");
  g_setenv ("HF_HOME", home, TRUE);
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  gst_init (&argc, &argv);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    add_model (cases[i].model, cases[i].folder);
  g_test_add_func ("/gst/fetch/cases", test_cases);
  status = g_test_run ();
  hub_server_free (server);
  folder_remove (home);
  return status;
}
