/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The element: pads, events, queries, states, properties. How frames pass and what becomes of them stands in video-frames.c.
 */
#include "video-private.h"

#include <json-glib/json-glib.h>
#include "base/json.h"
#include "base/params.h"

enum
{
  PROP_0,
  PROP_INTERVAL,
  PROP_LATENCY,
  PROP_MAX_LAG,
  PROP_MAX_AGE,
  PROP_BATCH_WINDOW
};

#define FEATURES "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES ("memory:DMABuf", GST_VIDEO_FORMATS_ALL)
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) FEATURES));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) FEATURES));

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GtfVideo, gtf_video, GTF_TYPE_ELEMENT)

#define PRIVATE(self) ((GtfVideoPrivate *) gtf_video_get_instance_private (self))

GtfVideoPrivate *
gtf_video_get_private (GtfVideo *self)
{
  return PRIVATE (self);
}

/* ---- what comes in ---- */

static GstFlowReturn
can_pass (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);
  GstFlowReturn flow = gtf_outlet_get_flow (&p->outlet);

  if (flow == GST_FLOW_OK && !p->has_info)
    flow = GST_FLOW_NOT_NEGOTIATED;
  gtf_element_lock (GTF_ELEMENT (self));
  if (flow == GST_FLOW_OK && !gtf_element_is_loading (GTF_ELEMENT (self)) && !gtf_element_get_pipeline (GTF_ELEMENT (self)))
    flow = GST_FLOW_ERROR;            /* it could not be loaded, which has been told */
  gtf_element_unlock (GTF_ELEMENT (self));
  return flow;
}

static GstFlowReturn
gtf_video_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GtfVideo *self = GTF_VIDEO (parent);
  GstFlowReturn flow = can_pass (self);

  if (flow != GST_FLOW_OK)
    {
      gst_buffer_unref (buffer);
      return flow;
    }
  return gtf_video_enter (self, buffer);
}

static void
start_flush (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);

  g_mutex_lock (&p->lock);
  p->flushing = TRUE;
  g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
  if (p->worker)
    gtf_worker_flush (p->worker);
  gtf_element_lock (GTF_ELEMENT (self));      /* who waits for the model has looked at the cancellable, or waits already */
  gtf_element_tell (GTF_ELEMENT (self));
  gtf_element_unlock (GTF_ELEMENT (self));
}

static void
stop_flush (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);

  if (p->worker)
    gtf_worker_resume (p->worker);
  g_mutex_lock (&p->lock);
  p->flushing = FALSE;
  g_mutex_unlock (&p->lock);
  gtf_video_forget (self);
  gst_segment_init (&p->segment, GST_FORMAT_TIME);
}

static gboolean
on_caps (GtfVideo *self, GstEvent *event)
{
  GtfVideoPrivate *p = PRIVATE (self);
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  p->has_info = gst_video_info_from_caps (&p->info, caps);
  if (!p->has_info)
    {
      g_autofree char *text = gst_caps_to_string (caps);

      GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("caps that describe no frames: %s", text), (NULL));
      gst_event_unref (event);
      return FALSE;
    }
  gtf_outlet_put (&p->outlet, event);
  return TRUE;
}

static gboolean
on_segment (GtfVideo *self, GstEvent *event)
{
  GtfVideoPrivate *p = PRIVATE (self);
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    {
      GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("the video's segment is in %s, not in time", gst_format_get_name (segment->format)), (NULL));
      gst_event_unref (event);
      return FALSE;
    }
  p->live = FALSE;
  if (gst_pad_peer_query (p->sink, query))
    gst_query_parse_latency (query, &p->live, NULL, NULL);
  p->segment = *segment;
  p->next_pts = segment->start;
  gtf_outlet_put (&p->outlet, event);
  return TRUE;
}

/* Of an orientation the last tag counts. */
static void
on_tags (GtfVideo *self, GstEvent *event)
{
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  gtf_turn_from_tags (&PRIVATE (self)->turn, tags);
}

static gboolean
gtf_video_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GtfVideo *self = GTF_VIDEO (parent);
  GtfVideoPrivate *p = PRIVATE (self);

  switch (GST_EVENT_TYPE (event))
    {
    case GST_EVENT_CAPS:
      return on_caps (self, event);
    case GST_EVENT_SEGMENT:
      return on_segment (self, event);
    case GST_EVENT_FLUSH_START:
      start_flush (self);
      return gtf_outlet_flush (&p->outlet, event);
    case GST_EVENT_FLUSH_STOP:
      stop_flush (self);
      return gtf_outlet_start (&p->outlet, event);
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_GROUP_DONE:
      gtf_worker_drain (p->worker);
      gtf_outlet_put (&p->outlet, event);
      return TRUE;
    default:
      if (!GST_EVENT_IS_SERIALIZED (event))
        return gst_pad_event_default (pad, parent, event);
      if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
        p->turn = (GtfTurn) { FALSE, FALSE, FALSE };
      else if (GST_EVENT_TYPE (event) == GST_EVENT_TAG)
        on_tags (self, event);
      gtf_outlet_put (&p->outlet, event);
      return TRUE;
    }
}

/* What must keep its place among the buffers waits until they have gone. */
static gboolean
gtf_video_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (parent));

  if (GST_QUERY_IS_SERIALIZED (query) && !gtf_outlet_wait (&p->outlet, 1))
    return FALSE;
  return gst_pad_query_default (pad, parent, query);
}

static gboolean
gtf_video_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GtfVideo *self = GTF_VIDEO (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
    {
      GstClockTimeDiff late;
      GstClockTime time;

      gst_event_parse_qos (event, NULL, NULL, &late, &time);
      GST_OBJECT_LOCK (self);
      if (GST_CLOCK_TIME_IS_VALID (time) && late > 0)
        PRIVATE (self)->earliest = time + 2 * (GstClockTime) late;
      else
        PRIVATE (self)->earliest = GST_CLOCK_TIME_NONE;
      GST_OBJECT_UNLOCK (self);
    }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
gtf_video_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (parent));
  GstClockTime min, max, own = p->latency * GST_MSECOND;
  gboolean live;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  if (!gst_pad_peer_query (p->sink, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  if (live)
    gst_query_set_latency (query, TRUE, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}

/* ---- states ---- */

static gboolean
gtf_video_src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GtfVideo *self = GTF_VIDEO (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    {
      stop_flush (self);
      return gtf_outlet_start (&PRIVATE (self)->outlet, NULL);
    }
  start_flush (self);
  return gtf_outlet_stop (&PRIVATE (self)->outlet);
}

/* num_frames of the parameters; 0: they have none, or none that will do, which the task tells. */
static guint
frames_in (const char *parameters)
{
  g_autoptr (JsonNode) node = json_from_string (parameters, NULL);
  JsonNode *member = node && JSON_NODE_HOLDS_OBJECT (node) ? gtf_json_find (json_node_get_object (node), "num_frames") : NULL;
  gint64 n = 0;

  return member && gtf_param_get_int (member, "parameters", "num_frames", 1, 1 << 16, &n, NULL) ? (guint) n : 0;
}

static gboolean
gtf_video_start (GtfElement *element, GError **error)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (element));

  g_free (p->parameters);
  p->parameters = gtf_element_get_parameters (element, error);
  if (!p->parameters)
    return FALSE;
  p->n_frames = frames_in (p->parameters);
  p->has_info = FALSE;
  g_clear_pointer (&p->last_warning, g_free);
  p->n_in = p->n_late = 0;
  p->worker = gtf_worker_new (G_OBJECT_TYPE_NAME (element), gtf_video_work, element, gtf_video_settle);
  return TRUE;
}

static void
gtf_video_stop (GtfElement *element)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (element));
  GtfWorker *worker;

  gtf_element_lock (element);
  worker = g_steal_pointer (&p->worker);
  gtf_element_unlock (element);
  gtf_worker_free (worker);
  gtf_frame_picture_clear (&p->picture);
  gtf_frame_window_pictures_clear (&p->pictures);
  p->batched = NULL;
  g_clear_pointer (&p->batcher, gtf_batcher_leave);
  gtf_video_forget (GTF_VIDEO (element));
}

static void
gtf_video_get_stats (GtfElement *element, GtfElementStats *stats)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (element));
  GtfWorkerStats s = { 0 };

  if (p->worker)
    gtf_worker_get_stats (p->worker, &s);
  g_mutex_lock (&p->lock);
  *stats = (GtfElementStats) { p->n_in, s.done, s.dropped + p->n_late, s.done ? s.time_total / s.done : 0, s.time_max, s.lag };
  g_mutex_unlock (&p->lock);
}

/* ---- properties ---- */

static guint *
uint_property (GtfVideo *self, guint id)
{
  GtfVideoPrivate *p = PRIVATE (self);
  guint *const numbers[] = { &p->interval, &p->latency, &p->max_lag, &p->max_age, &p->batch_window };

  return id >= PROP_INTERVAL && id <= PROP_BATCH_WINDOW ? numbers[id - PROP_INTERVAL] : NULL;
}

static void
gtf_video_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  guint *number = uint_property (GTF_VIDEO (object), id);

  GST_OBJECT_LOCK (object);
  if (number)
    *number = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
}

static void
gtf_video_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  guint *number = uint_property (GTF_VIDEO (object), id);

  GST_OBJECT_LOCK (object);
  if (number)
    g_value_set_uint (value, *number);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
}

static void
gtf_video_finalize (GObject *object)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (object));

  g_free (p->parameters);
  g_free (p->last_warning);
  gtf_outlet_clear (&p->outlet);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->cond);
  G_OBJECT_CLASS (gtf_video_parent_class)->finalize (object);
}

void
gtf_video_install_threshold (GObjectClass *klass, guint id, const char *blurb)
{
  g_autofree char *whole = g_strdup_printf ("%s; below 0: the task's own; may be changed while playing", blurb);

  g_object_class_install_property (klass, id, g_param_spec_double ("threshold", "Threshold", whole, -1, 1, -1, G_PARAM_READWRITE | G_PARAM_STATIC_NAME | G_PARAM_STATIC_NICK | GST_PARAM_MUTABLE_PLAYING));
}

static void
gtf_video_class_init (GtfVideoClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GtfElementClass *own = GTF_ELEMENT_CLASS (klass);

  object->set_property = gtf_video_set_property;
  object->get_property = gtf_video_get_property;
  object->finalize = gtf_video_finalize;
  own->start = gtf_video_start;
  own->stop = gtf_video_stop;
  own->get_stats = gtf_video_get_stats;
  own->shares_model = TRUE;
  gtf_element_install_uint (object, PROP_INTERVAL, "interval", "Interval", "At most one of so many frames is worked on", 1, G_MAXINT, 1);
  gtf_element_install_uint (object, PROP_LATENCY, "latency", "Latency", "Frames of a live source wait so long for what is found in them, ms", 0, 60000, 0);
  gtf_element_install_uint (object, PROP_MAX_LAG, "max-lag", "Maximum lag", "Frames of a live source that wait longer are not worked on any more, ms; 0: only the newest waits", 0, 3600000, 0);
  gtf_element_install_uint (object, PROP_MAX_AGE, "max-age", "Maximum age", "Results of a frame that is older are no longer attached, ms", 0, 3600000, 1000);
  gtf_element_install_uint (object, PROP_BATCH_WINDOW, "batch-window", "Batch window", "Frames of other elements with the same model are waited for so long, to be worked on together, ms", 0, 60000, 5);
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &sink_template);
  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &src_template);
  gst_type_mark_as_plugin_api (GTF_TYPE_VIDEO, 0);
}

static void
gtf_video_init (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);
  GstElement *element = GST_ELEMENT (self);

  p->interval = 1;
  p->max_age = 1000;
  p->batch_window = 5;
  p->earliest = GST_CLOCK_TIME_NONE;
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  gst_segment_init (&p->segment, GST_FORMAT_TIME);
  gtf_frame_window_init (&p->frames);
  p->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (p->sink, gtf_video_chain);
  gst_pad_set_event_function (p->sink, gtf_video_sink_event);
  gst_pad_set_query_function (p->sink, gtf_video_sink_query);
  GST_PAD_SET_PROXY_CAPS (p->sink);
  GST_PAD_SET_PROXY_ALLOCATION (p->sink);
  gst_element_add_pad (element, p->sink);
  p->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (p->src, gtf_video_src_event);
  gst_pad_set_query_function (p->src, gtf_video_src_query);
  gst_pad_set_activatemode_function (p->src, gtf_video_src_activate);
  GST_PAD_SET_PROXY_CAPS (p->src);
  gst_element_add_pad (element, p->src);
  gtf_outlet_init (&p->outlet, element, p->src);
  p->outlet.finish = gtf_video_finish;
}
