/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a flush leaves of events that wait in an outlet, and who tells that downstream wants no more.
 */
#include "outlet.h"

static GstEvent *
new_segment_event (void)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  return gst_event_new_segment (&segment);
}

/* The pad's task has not begun: nothing of this went out before the flush. */
static void
test_flush (void)
{
  static const struct { GstEventType type; gboolean stays; } events[] = {
    { GST_EVENT_STREAM_START, TRUE }, { GST_EVENT_CAPS, TRUE }, { GST_EVENT_TAG, TRUE }, { GST_EVENT_SEGMENT, FALSE }, { GST_EVENT_EOS, FALSE }
  };
  g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
  GstPad *pad = gst_pad_new ("src", GST_PAD_SRC);
  GtfOutlet outlet;

  gst_element_add_pad (bin, pad);
  gst_pad_set_active (pad, TRUE);
  gtf_outlet_init (&outlet, bin, pad);
  gtf_outlet_put (&outlet, gst_event_new_stream_start ("a"));
  gtf_outlet_put (&outlet, gst_event_new_caps (gst_caps_new_empty_simple ("text/x-raw")));
  gtf_outlet_put (&outlet, gst_event_new_tag (gst_tag_list_new_empty ()));
  gtf_outlet_put (&outlet, new_segment_event ());
  gtf_outlet_put (&outlet, gst_buffer_new ());
  gtf_outlet_put (&outlet, gst_event_new_eos ());
  gtf_outlet_flush (&outlet, gst_event_new_flush_start ());
  g_assert_cmpuint (outlet.queue.length, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    {
      g_autoptr (GstEvent) event = gst_pad_get_sticky_event (pad, events[i].type, 0);

      g_assert_cmpint (event != NULL, ==, events[i].stays);
    }
  gtf_outlet_stop (&outlet);
  gst_pad_set_active (pad, FALSE);
  gtf_outlet_clear (&outlet);
}

static GstFlowReturn
refuse (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_NOT_NEGOTIATED;
}

/* Downstream refuses a buffer: the error is told once, whether the end of the stream is known by then or comes later; without an end upstream hears of it by the next buffer. */
static void
test_refused (void)
{
  enum { NEVER, BEFORE, AFTER, LAST };

  for (gint eos = NEVER; eos < LAST; eos++)
    {
      g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
      g_autoptr (GstBus) bus = gst_bus_new ();
      g_autoptr (GstPad) sink = gst_object_ref_sink (gst_pad_new ("sink", GST_PAD_SINK));
      g_autoptr (GstMessage) told = NULL, again = NULL;
      GstPad *pad = gst_pad_new ("src", GST_PAD_SRC);
      GtfOutlet outlet;

      gst_element_set_bus (bin, bus);
      gst_element_add_pad (bin, pad);
      gst_pad_set_chain_function (sink, refuse);
      gst_pad_set_active (pad, TRUE);
      gst_pad_set_active (sink, TRUE);
      g_assert_cmpint (gst_pad_link (pad, sink), ==, GST_PAD_LINK_OK);
      gtf_outlet_init (&outlet, bin, pad);
      gtf_outlet_start (&outlet, NULL);
      gtf_outlet_put (&outlet, gst_event_new_stream_start ("a"));
      gtf_outlet_put (&outlet, new_segment_event ());
      if (eos == BEFORE)
        outlet.eos = TRUE;              /* as if it waited behind the buffer */
      gtf_outlet_put (&outlet, gst_buffer_new ());
      while (gtf_outlet_get_flow (&outlet) == GST_FLOW_OK)
        g_thread_yield ();
      if (eos == AFTER)
        gtf_outlet_put (&outlet, gst_event_new_eos ());
      gtf_outlet_stop (&outlet);
      g_assert_cmpint (gtf_outlet_get_flow (&outlet), ==, GST_FLOW_FLUSHING);
      told = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
      again = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
      g_assert_cmpint (told != NULL, ==, eos != NEVER);
      g_assert_null (again);
      gst_pad_set_active (pad, FALSE);
      gst_pad_set_active (sink, FALSE);
      gst_pad_unlink (pad, sink);
      gst_element_set_bus (bin, NULL);
      gtf_outlet_clear (&outlet);
    }
}

int
main (int argc, char *argv[])
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/outlet/flush", test_flush);
  g_test_add_func ("/outlet/refused", test_refused);
  return g_test_run ();
}
