/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The way of a frame through GtfVideo. A frame that comes in goes into the outlet (outlet.c), whose task hands it on, and, if it is its turn (`interval`, QoS), to
 * the worker (worker.c). Of a live source the worker takes the newest frame and those that waited longer than `max-lag` are left out; of
 * another one every frame whose turn it is is worked on, and it waits for what is found in it. Before a buffer leaves, finish() waits for its
 * own result, no longer than `latency` by the pipeline's clock where the source is live, and attaches the newest result that is not of a
 * later frame and not older than `max-age`.
 */
#include "video-private.h"

#include <json-glib/json-glib.h>
#include "base/json-print.h"

#define MOST_WAITING 4                /* buffers in the outlet beyond those that `latency` holds back */
#define FALLBACK_DURATION (GST_SECOND / 30)

#define PRIVATE(self) gtf_video_get_private (self)

static void
passage_clear (gpointer data)
{
  Passage *passage = data;

  gst_clear_buffer (&passage->buffer);
  g_clear_pointer (&passage->window, g_ptr_array_unref);
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

const GtfImage *
gtf_video_get_image (GtfVideo *self, const GtfFrame *frame, GstBuffer *buffer, GError **error)
{
  return gtf_frame_picture_open (&PRIVATE (self)->picture, buffer, &frame->info, &frame->turn, error);
}

/* An element that has got another model no longer belongs to those of the old one. */
static GtfBatcher *
batcher_of (GtfVideo *self, GtfPipeline *pipeline)
{
  GtfVideoPrivate *p = PRIVATE (self);

  if (p->batched != pipeline)
    {
      g_clear_pointer (&p->batcher, gtf_batcher_leave);
      p->batcher = gtf_batcher_join (pipeline);
      p->batched = pipeline;
    }
  return p->batcher;
}

GtfResult *
gtf_video_run_image (GtfVideo *self, GtfPipeline *pipeline, const GtfImage *image, const char *parameters, gboolean waits, GCancellable *cancellable, GError **error)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime window;

  GST_OBJECT_LOCK (self);
  window = waits ? PRIVATE (self)->batch_window * GST_MSECOND : 0;
  GST_OBJECT_UNLOCK (self);
  return gtf_batcher_run (batcher_of (self, pipeline), image, parameters, clock, window, cancellable, error);
}

/* How many frames a window has; one where nobody says it, so that the task does. */
static guint
window_length (GtfVideo *self, GtfPipeline *pipeline)
{
  const guint n = PRIVATE (self)->n_frames ? PRIVATE (self)->n_frames : gtf_pipeline_get_n_frames (pipeline);

  return MAX (n, 1);
}

GtfResult *
gtf_video_run_window (GtfVideo *self, GtfPipeline *pipeline, const char *parameters, GCancellable *cancellable, GError **error)
{
  GtfVideoPrivate *p = PRIVATE (self);
  const GtfImage *const *images;
  GtfResult *result;

  if (!p->window || p->window->len != window_length (self, pipeline))
    return NULL;
  images = gtf_frame_window_pictures_open (&p->pictures, p->window, error);
  if (!images)
    return NULL;
  result = gtf_pipeline_run_frames (pipeline, images, p->window->len, parameters, cancellable, error);
  gtf_frame_window_pictures_close (&p->pictures);
  return result;
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

/* The answer, with the time that it is about. */
static void
post (GtfVideo *self, GtfPipeline *pipeline, const Passage *passage, JsonNode *answer)
{
  g_autofree char *json = gtf_json_print (answer, GTF_JSON_COMPACT);
  GstClockTime start = passage->frame.pts, duration = passage->frame.duration;

  if (passage->window)
    gtf_frame_window_extent (passage->window, &start, &duration);
  gtf_element_post_result (GTF_ELEMENT (self), pipeline, json, &passage->frame.segment, start, duration, TRUE);
}

void
gtf_video_work (gpointer job, GCancellable *cancellable, gpointer owner)
{
  GtfVideo *self = owner;
  Passage *passage = job;
  g_autoptr (GtfPipeline) pipeline = gtf_element_wait_for_pipeline (GTF_ELEMENT (self), cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) answer = NULL;
  gpointer found;

  PRIVATE (self)->window = passage->window;
  found = pipeline ? GTF_VIDEO_GET_CLASS (self)->look (self, pipeline, &passage->frame, passage->buffer, &answer, cancellable, &error) : NULL;

  PRIVATE (self)->window = NULL;      /* goes with the passage */
  gtf_frame_picture_close (&PRIVATE (self)->picture);
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
    post (self, pipeline, passage, answer);
}

/* The worker is done with it, or it is left out. */
void
gtf_video_settle (gpointer job)
{
  Passage *passage = job;
  GtfVideoPrivate *p = PRIVATE (passage->video);

  g_mutex_lock (&p->lock);
  passage->settled = TRUE;
  gst_clear_buffer (&passage->buffer);
  g_clear_pointer (&passage->window, g_ptr_array_unref);
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

GstBuffer *
gtf_video_finish (GstElement *element, GstBuffer *buffer)
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

static gboolean
is_flushing (GtfVideo *self)
{
  gboolean flushing;

  g_mutex_lock (&PRIVATE (self)->lock);
  flushing = PRIVATE (self)->flushing;
  g_mutex_unlock (&PRIVATE (self)->lock);
  return flushing;
}

/* (nullable) (transfer full): who tells how many frames a window has. A live source does not wait for it: its windows begin later. */
static GtfPipeline *
pipeline_of_windows (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);
  GtfElement *element = GTF_ELEMENT (self);
  GtfPipeline *pipeline = NULL;

  gtf_element_lock (element);
  while (!p->live && gtf_element_is_loading (element) && !is_flushing (self))
    gtf_element_wait (element);
  if (!gtf_element_is_loading (element) && gtf_element_get_pipeline (element))
    pipeline = g_object_ref (gtf_element_get_pipeline (element));
  gtf_element_unlock (element);
  return pipeline;
}

/* @ready: whether there is something to look at: a frame, or a window that is whole with it. FALSE: windows of such frames cannot be kept. */
static gboolean
gather (GtfVideo *self, const GtfFrame *frame, GstBuffer *buffer, gboolean *ready, GError **error)
{
  GtfVideoPrivate *p = PRIVATE (self);
  const GstClockTime span = GTF_VIDEO_GET_CLASS (self)->get_span ? GTF_VIDEO_GET_CLASS (self)->get_span (self) : 0;
  g_autoptr (GtfPipeline) pipeline = NULL;

  *ready = span == 0;
  if (span == 0)
    {
      gtf_frame_window_clear (&p->frames);
      return TRUE;
    }
  pipeline = pipeline_of_windows (self);
  if (!pipeline)
    return TRUE;
  if (!gtf_frame_window_set (&p->frames, window_length (self, pipeline), span, gst_buffer_get_size (buffer), error))
    return FALSE;
  *ready = gtf_frame_window_add (&p->frames, frame, buffer);
  return TRUE;
}

/* Whether it is this frame's turn to be worked on. @ready: it may be */
static gboolean
is_chosen (GtfVideo *self, const GtfFrame *frame, gboolean ready)
{
  GtfVideoPrivate *p = PRIVATE (self);
  gboolean late;

  if (!GST_CLOCK_TIME_IS_VALID (frame->time))
    return FALSE;                     /* outside of its segment */
  GST_OBJECT_LOCK (self);
  late = GST_CLOCK_TIME_IS_VALID (p->earliest) && frame->time < p->earliest;
  p->since++;
  if (p->since < p->interval || !ready)
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
  frame->turn = p->turn;
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

GstFlowReturn
gtf_video_enter (GtfVideo *self, GstBuffer *buffer)
{
  GtfVideoPrivate *p = PRIVATE (self);
  Passage *passage = make_passage (self, buffer);
  g_autoptr (GError) error = NULL;
  GstClockTime max_lag, time;
  gboolean chosen, ready;

  if (!gtf_outlet_wait (&p->outlet, room (self, &passage->frame)))
    {
      passage_unref (passage);
      gst_buffer_unref (buffer);
      return GST_FLOW_FLUSHING;
    }
  if (!gather (self, &passage->frame, buffer, &ready, &error))
    {
      GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("%s", error->message), (NULL));
      passage_unref (passage);
      gst_buffer_unref (buffer);
      return GST_FLOW_ERROR;
    }
  chosen = is_chosen (self, &passage->frame, ready);
  time = passage->frame.time;
  passage->settled = !chosen;
  if (chosen)
    passage->buffer = gst_buffer_ref (buffer);
  if (chosen && p->frames.frames.length)
    passage->window = gtf_frame_window_get (&p->frames);
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

void
gtf_video_forget (GtfVideo *self)
{
  GtfVideoPrivate *p = PRIVATE (self);

  g_mutex_lock (&p->lock);
  g_queue_clear_full (&p->passages, passage_unref);
  drop_findings (self);
  g_mutex_unlock (&p->lock);
  gtf_frame_window_clear (&p->frames);
  p->number = p->next_pts = 0;
  p->since = G_MAXUINT / 2;           /* the first frame is chosen */
  GST_OBJECT_LOCK (self);
  p->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
  if (GTF_VIDEO_GET_CLASS (self)->forget)
    GTF_VIDEO_GET_CLASS (self)->forget (self);
}
