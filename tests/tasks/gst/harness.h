/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An element in a GstHarness, which is a live source, with its bus; and a module's symbol, to play a slow machine.
 */
#pragma once

#include <gmodule.h>
#include <gst/check/gstharness.h>

static inline void
wait_loaded (GstBus *bus)
{
  for (;;)
    {
      g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_PROGRESS | GST_MESSAGE_ERROR);
      GstProgressType type;

      g_assert_nonnull (message);
      g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_PROGRESS);
      gst_message_parse_progress (message, &type, NULL, NULL);
      if (type == GST_PROGRESS_TYPE_COMPLETE)
        return;
    }
}

/* A pipeline that cannot begin to play says why. */
static inline void
assert_refused (const char *line, const char *why)
{
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, NULL);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_nonnull (strstr (error->message, why));
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

typedef struct
{
  GstHarness *harness;
  GstBus *bus;
  GstClockTime time;
} Fixture;

static inline void
fixture_setup_source (Fixture *f, const char *line, const char *caps, gboolean live)
{
  memset (f, 0, sizeof *f);
  f->harness = gst_harness_new_parse (line);
  gst_harness_set_live (f->harness, live);
  f->bus = gst_bus_new ();
  gst_element_set_bus (f->harness->element, f->bus);
  /* The harness plays an element from the start, when nobody listens yet: begin anew, so that no message is missed. */
  gst_element_set_state (f->harness->element, GST_STATE_NULL);
  gst_bus_set_flushing (f->bus, TRUE);
  gst_bus_set_flushing (f->bus, FALSE);
  gst_harness_play (f->harness);
  gst_harness_set_src_caps_str (f->harness, caps);
  /* The bin's bus is its parent's to watch: the element posts to it since the harness's element is the bin itself. */
  wait_loaded (f->bus);
}

static inline void
fixture_setup (Fixture *f, const char *line, const char *caps)
{
  fixture_setup_source (f, line, caps, TRUE);
}

static inline void
teardown (Fixture *f)
{
  gst_element_set_bus (f->harness->element, NULL);
  gst_object_unref (f->bus);
  gst_harness_teardown (f->harness);
}

/* A function of a fake task's module. */
static inline gpointer
fake_symbol (const char *task, const char *symbol)
{
  const char *folders = g_getenv ("GTF_PLUGIN_PATH");
  g_autofree char *first = g_strndup (folders, strcspn (folders, ":")), *name = g_strdup_printf ("gtf-%s.so", task);
  g_autofree char *path = g_build_filename (first, "tasks", name, NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gpointer found;

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, symbol, &found));
  return found;
}

/* The lock that a fake task waits for. */
static inline GMutex *
fake_lock (const char *task, const char *symbol)
{
  GMutex *(*lock) (void) = (GMutex * (*) (void)) fake_symbol (task, symbol);

  return lock ();
}
