/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How it works. A frame that comes in goes into the outlet (outlet.c), whose task hands it on, and, if it is its turn (`interval`, QoS), to
 * the worker (worker.c). Of a live source the worker takes the newest frame and those that waited longer than `max-lag` are left out; of
 * another one every frame whose turn it is is worked on, and it waits for what is found in it. Before a buffer leaves, finish() waits for its
 * own result, no longer than `latency` by the pipeline's clock where the source is live, and attaches the newest result that is not of a
 * later frame and not older than `max-age`.
 */
#include "video.h"

#include <json-glib/json-glib.h>
#include "base/json-print.h"
#include "outlet.h"
#include "worker.h"

#define MOST_WAITING 4                /* buffers in the outlet beyond those that `latency` holds back */
#define FALLBACK_DURATION (GST_SECOND / 30)

/* A frame on its way, for the worker and for the outlet. */
typedef struct
{
  GtfFrame frame;
  GstClockTime arrival;               /* by the clock; NONE: there is none */
  gboolean settled;                   /* nothing more will be found in it */
  gboolean late;                      /* it has waited long enough */
  GtfVideo *video;                    /* a reference: an alarm may still be on its way */
  GstBuffer *buffer;                  /* the worker's */
} Passage;

typedef struct
{
  GtfFrame frame;
  gpointer found;
} Finding;

typedef struct
{
  GstPad *sink, *src;
  GtfOutlet outlet;
  GtfWorker *worker;                  /* from READY to PAUSED on */
  GtfFrameConverter converter;        /* the worker's */
  char *parameters;                   /* a JSON object */
  char *last_warning;                 /* the worker's: it is not repeated */

  guint interval, latency, max_lag, max_age;      /* properties, under the object lock */
  GstClockTime earliest;              /* so is this: QoS, frames before it are late already */

  /* the streaming thread's */
  GstVideoInfo info;
  gboolean has_info, live;
  GstSegment segment;
  GstClockTime next_pts;
  guint64 number;
  guint since;                        /* frames since one was to be worked on */

  /* under the lock, which is the innermost of all */
  GMutex lock;
  GCond cond;
  GQueue passages;                    /* of Passage: those in the outlet */
  GQueue findings;                    /* of Finding, by number */
  gboolean flushing;
  guint64 n_in, n_late;
} GtfVideoPrivate;

enum
{
  PROP_0,
  PROP_INTERVAL,
  PROP_LATENCY,
  PROP_MAX_LAG,
  PROP_MAX_AGE
};

#define FEATURES "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES ("memory:DMABuf", GST_VIDEO_FORMATS_ALL)
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) FEATURES));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) FEATURES));

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GtfVideo, gtf_video, GTF_TYPE_ELEMENT)

#define PRIVATE(self) ((GtfVideoPrivate *) gtf_video_get_instance_private (self))

static void
passage_clear (gpointer data)
{
  Passage *passage = data;

  gst_clear_buffer (&passage->buffer);
  gst_object_unref (passage->video);
}

static void
passage_unref (gpointer passage)
{
  g_atomic_rc_box_release_full (passage, passage_clear);
}

static void
finding_free (GtfVideo *self, Finding *finding)
{
  GTF_VIDEO_GET_CLASS (self)->free_found (finding->found);
  g_free (finding);
}

/* With the lock. */
static void
drop_findings (GtfVideo *self)
{
  Finding *finding;

  while ((finding = g_queue_pop_head (&PRIVATE (self)->findings)))
    finding_free (self, finding);
}

/* ---- on the worker's thread ---- */

GtfImage *
gtf_video_get_image (GtfVideo *self, const GtfFrame *frame, GstBuffer *buffer, GError **error)
{
  return gtf_frame_to_image (&PRIVATE (self)->converter, buffer, &frame->info, error);
}

const char *
gtf_video_get_parameters (GtfVideo *self)
{
  return PRIVATE (self)->parameters;
}

char *
gtf_video_make_parameters (GtfVideo *self, const char *labels, double threshold)
{
  g_autoptr (JsonNode) node = json_from_string (PRIVATE (self)->parameters, NULL);
  g_auto (GStrv) parts = g_strsplit (labels ? labels : "", ",", -1);
  JsonObject *object = json_node_get_object (node);
  JsonArray *list = json_array_new ();

  for (guint i = 0; parts[i]; i++)
    if (*g_strstrip (parts[i]))
      json_array_add_string_element (list, parts[i]);
  if (json_array_get_length (list) > 0)
    json_object_set_array_member (object, "candidate_labels", g_steal_pointer (&list));
  g_clear_pointer (&list, json_array_unref);
  if (threshold >= 0)
    json_object_set_double_member (object, "threshold", threshold);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

/* A stream of bad frames is one warning, until one is good again. */
static void
warn (GtfVideo *self, const GError *error)
{
  GtfVideoPrivate *p = PRIVATE (self);

  if (error && g_strcmp0 (p->last_warning, error->message) != 0)
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", error->message), (NULL));
  g_free (p->last_warning);
  p->last_warning = error ? g_strdup (error->message) : NULL;
}

static void
keep (GtfVideo *self, const GtfFrame *frame, gpointer found)
{
  GtfVideoPrivate *p = PRIVATE (self);
  Finding *finding = g_new0 (Finding, 1);

  finding->frame = *frame;
  finding->found = found;
  g_mutex_lock (&p->lock);
  g_queue_push_tail (&p->findings, finding);
  g_mutex_unlock (&p->lock);
}

static void
work (gpointer job, GCancellable *cancellable, gpointer owner)
{
  GtfVideo *self = owner;
  Passage *passage = job;
  GtfPipeline *pipeline = gtf_element_wait_for_pipeline (GTF_ELEMENT (self), cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) answer = NULL;
  gpointer found = pipeline ? GTF_VIDEO_GET_CLASS (self)->look (self, pipeline, &passage->frame, passage->buffer, &answer, cancellable, &error) : NULL;

  if (g_cancellable_is_cancelled (cancellable))
    {
      g_clear_pointer (&found, GTF_VIDEO_GET_CLASS (self)->free_found);
      return;
    }
  if (pipeline)
    warn (self, error);
  if (found)
    keep (self, &passage->frame, found);
  if (answer)
    {
      g_autofree char *json = gtf_json_print (answer, GTF_JSON_COMPACT);

      gtf_element_post_result (GTF_ELEMENT (self), json, &passage->frame.segment, passage->frame.pts, passage->frame.duration, TRUE);
    }
}

/* The worker is done with it, or it is left out. */
static void
settle (gpointer job)
{
  Passage *passage = job;
  GtfVideoPrivate *p = PRIVATE (passage->video);

  g_mutex_lock (&p->lock);
  passage->settled = TRUE;
  gst_clear_buffer (&passage->buffer);
  g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
  passage_unref (passage);
}

/* ---- what goes out ---- */

static gboolean
on_deadline (GstClock *clock, GstClockTime time, GstClockID id, gpointer data)
{
  Passage *passage = data;
  GtfVideoPrivate *p = PRIVATE (passage->video);

  g_mutex_lock (&p->lock);
  passage->late = TRUE;
  g_cond_broadcast (&p->cond);
  g_mutex_unlock (&p->lock);
  return TRUE;
}

/* Waits for what is found in the frame, not longer than was promised. */
static void
wait_for (GtfVideo *self, Passage *passage)
{
  GtfVideoPrivate *p = PRIVATE (self);
  g_autoptr (GstClock) clock = p->live ? gst_element_get_clock (GST_ELEMENT (self)) : NULL;
  GstClockID alarm = NULL;

  if (p->live)
    {
      passage->late = p->latency == 0 || clock == NULL || !GST_CLOCK_TIME_IS_VALID (passage->arrival);
      if (!passage->late)
        {
          alarm = gst_clock_new_single_shot_id (clock, passage->arrival + p->latency * GST_MSECOND);
          gst_clock_id_wait_async (alarm, on_deadline, g_atomic_rc_box_acquire (passage), passage_unref);
        }
    }
  g_mutex_lock (&p->lock);
  while (!passage->settled && !passage->late && !p->flushing)
    g_cond_wait (&p->cond, &p->lock);
  g_mutex_unlock (&p->lock);
  if (alarm)
    {
      gst_clock_id_unschedule (alarm);
      gst_clock_id_unref (alarm);
    }
}

/* With the lock: the newest finding for the frame, or NULL. Those before it have had their time. */
static Finding *
find (GtfVideo *self, const GtfFrame *frame, GstClockTime max_age)
{
  GtfVideoPrivate *p = PRIVATE (self);
  Finding *finding, *next;

  while ((next = g_queue_peek_nth (&p->findings, 1)) && next->frame.number <= frame->number)
    finding_free (self, g_queue_pop_head (&p->findings));
  finding = g_queue_peek_head (&p->findings);
  if (!finding || finding->frame.number > frame->number || finding->frame.info.width != frame->info.width || finding->frame.info.height != frame->info.height)
    return NULL;
  return frame->time <= finding->frame.time + max_age ? finding : NULL;
}

static GstBuffer *
finish (GstElement *element, GstBuffer *buffer)
{
  GtfVideo *self = GTF_VIDEO (element);
  GtfVideoPrivate *p = PRIVATE (self);
  GstClockTime max_age;
  Passage *passage;
  Finding *finding;

  g_mutex_lock (&p->lock);
  passage = g_queue_pop_head (&p->passages);
  g_mutex_unlock (&p->lock);
  if (!passage)
    return buffer;                    /* flushed meanwhile */
  wait_for (self, passage);
  GST_OBJECT_LOCK (self);
  max_age = p->max_age * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&p->lock);
  finding = GST_CLOCK_TIME_IS_VALID (passage->frame.time) ? find (self, &passage->frame, max_age) : NULL;
  if (finding)
    {
      buffer = gst_buffer_make_writable (buffer);
      GTF_VIDEO_GET_CLASS (self)->attach (self, buffer, &passage->frame, finding->found, &finding->frame);
    }
  g_mutex_unlock (&p->lock);
  passage_unref (passage);
  return buffer;
}

/* ---- what comes in ---- */

/* Whether it is this frame's turn to be worked on. */
static gboolean
is_chosen (GtfVideo *self, const GtfFrame *frame)
{
  GtfVideoPrivate *p = PRIVATE (self);
  gboolean late;

  if (!GST_CLOCK_TIME_IS_VALID (frame->time))
    return FALSE;                     /* outside of its segment */
  GST_OBJECT_LOCK (self);
  late = GST_CLOCK_TIME_IS_VALID (p->earliest) && frame->time < p->earliest;
  p->since++;
  if (p->since < p->interval)
    {
      GST_OBJECT_UNLOCK (self);
      return FALSE;
    }
  GST_OBJECT_UNLOCK (self);
  if (!late)
    p->since = 0;
  else
    {
      g_mutex_lock (&p->lock);
      p->n_late++;
      g_mutex_unlock (&p->lock);
    }
  return !late;
}

static Passage *
make_passage (GtfVideo *self, GstBuffer *buffer)
{
  GtfVideoPrivate *p = PRIVATE (self);
  Passage *passage = g_atomic_rc_box_new0 (Passage);
  GtfFrame *frame = &passage->frame;
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));

  passage->video = gst_object_ref (self);
  passage->arrival = clock ? gst_clock_get_time (clock) : GST_CLOCK_TIME_NONE;
  frame->number = p->number++;
  frame->info = p->info;
  frame->segment = p->segment;
  frame->duration = GST_BUFFER_DURATION (buffer);
  if (!GST_CLOCK_TIME_IS_VALID (frame->duration) && GST_VIDEO_INFO_FPS_N (&p->info) > 0)
    frame->duration = gst_util_uint64_scale (GST_SECOND, (guint64) GST_VIDEO_INFO_FPS_D (&p->info), (guint64) GST_VIDEO_INFO_FPS_N (&p->info));
  frame->pts = GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : p->next_pts;
  p->next_pts = frame->pts + (GST_CLOCK_TIME_IS_VALID (frame->duration) ? frame->duration : 0);
  frame->time = gst_segment_to_running_time (&p->segment, GST_FORMAT_TIME, frame->pts);
  return passage;
}

/* How many buffers may be on their way. */
static guint
room (GtfVideo *self, const GtfFrame *frame)
{
  GtfVideoPrivate *p = PRIVATE (self);
  GstClockTime duration = GST_CLOCK_TIME_IS_VALID (frame->duration) && frame->duration > GST_MSECOND ? frame->duration : FALLBACK_DURATION;

  return MOST_WAITING + (p->live ? (guint) (p->latency * GST_MSECOND / duration) : 0);
}

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
  GtfVideoPrivate *p = PRIVATE (self);
  GstFlowReturn flow = can_pass (self);
  GstClockTime max_lag, time;
  Passage *passage;
  gboolean chosen;

  if (flow != GST_FLOW_OK)
    {
      gst_buffer_unref (buffer);
      return flow;
    }
  passage = make_passage (self, buffer);
  if (!gtf_outlet_wait (&p->outlet, room (self, &passage->frame)))
    {
      passage_unref (passage);
      gst_buffer_unref (buffer);
      return GST_FLOW_FLUSHING;
    }
  chosen = is_chosen (self, &passage->frame);
  time = passage->frame.time;
  passage->settled = !chosen;
  if (chosen)
    passage->buffer = gst_buffer_ref (buffer);
  g_mutex_lock (&p->lock);
  p->n_in++;
  g_queue_push_tail (&p->passages, chosen ? g_atomic_rc_box_acquire (passage) : passage);
  g_mutex_unlock (&p->lock);
  gtf_outlet_put (&p->outlet, buffer);
  GST_OBJECT_LOCK (self);
  max_lag = p->max_lag * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  if (chosen)
    gtf_worker_push (p->worker, passage, time, p->live, max_lag);
  return GST_FLOW_OK;
}

static void
forget (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);

  g_mutex_lock (&p->lock);
  g_queue_clear_full (&p->passages, passage_unref);
  drop_findings (self);
  g_mutex_unlock (&p->lock);
  p->number = p->next_pts = 0;
  p->since = G_MAXUINT / 2;           /* the first frame is chosen */
  GST_OBJECT_LOCK (self);
  p->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
  if (GTF_VIDEO_GET_CLASS (self)->forget)
    GTF_VIDEO_GET_CLASS (self)->forget (self);
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
  forget (self);
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

static gboolean
gtf_video_start (GtfElement *element, GError **error)
{
  GtfVideoPrivate *p = PRIVATE (GTF_VIDEO (element));

  g_free (p->parameters);
  p->parameters = gtf_element_get_parameters (element, error);
  if (!p->parameters)
    return FALSE;
  p->has_info = FALSE;
  g_clear_pointer (&p->last_warning, g_free);
  p->n_in = p->n_late = 0;
  p->worker = gtf_worker_new (G_OBJECT_TYPE_NAME (element), work, element, settle);
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
  gtf_frame_converter_clear (&p->converter);
  forget (GTF_VIDEO (element));
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
  guint *const numbers[] = { &p->interval, &p->latency, &p->max_lag, &p->max_age };

  return id >= PROP_INTERVAL && id <= PROP_MAX_AGE ? numbers[id - PROP_INTERVAL] : NULL;
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
  gtf_element_install_uint (object, PROP_INTERVAL, "interval", "Interval", "At most one of so many frames is worked on", 1, G_MAXINT, 1);
  gtf_element_install_uint (object, PROP_LATENCY, "latency", "Latency", "Frames of a live source wait so long for what is found in them, ms", 0, 60000, 0);
  gtf_element_install_uint (object, PROP_MAX_LAG, "max-lag", "Maximum lag", "Frames of a live source that wait longer are not worked on any more, ms; 0: only the newest waits", 0, 3600000, 0);
  gtf_element_install_uint (object, PROP_MAX_AGE, "max-age", "Maximum age", "Results of a frame that is older are no longer attached, ms", 0, 3600000, 1000);
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
  p->earliest = GST_CLOCK_TIME_NONE;
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  gst_segment_init (&p->segment, GST_FORMAT_TIME);
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
  p->outlet.finish = finish;
}
