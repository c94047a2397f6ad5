/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtftext
 *
 * Any text task over live text: captions of gtfasr, subtitles. Tasks that read (token-classification, question-answering ...) let
 * the text pass and post results; tasks that write (translation, summarization ...) put their own text out.
 *
 *   gst-launch-1.0 -m filesrc location=talk.flac ! decodebin ! audioconvert ! audioresample ! gtfasr model=openai/whisper-base !
 *     gtftext task=token-classification model=DIR ! fakesink
 *
 * How it works. Sentences are put together on the streaming thread (sentences.c) and handed, with the sentences of the window
 * before them, to a thread of the element's own (worker.c); what the task is asked is made in text-request.c. The text itself
 * passes at once, whatever the task needs.
 */
#include "elements.h"

#include "outlet.h"
#include "text-request.h"
#include "worker.h"

#define DEFAULT_TASK "text-classification"
#define DEFAULT_LATENCY 2000
#define DEFAULT_MAX_LAG 10000
#define PAUSE (1500 * GST_MSECOND)    /* ends a sentence */
#define MOST_RECENT 256               /* sentences of a window, whatever the clock of the text says */

struct _GtfText
{
  GtfElement parent;
  GstPad *sink, *src;
  GtfOutlet outlet;
  GtfWorker *worker;                  /* from READY to PAUSED on */

  /* properties, under the object lock */
  char *task, *labels, *question;
  guint window, latency, max_lag;

  /* the streaming thread's */
  gboolean writes, live, sent_caps, heard;
  char *parameters;                   /* a JSON object */
  GtfSentences sentences;
  GPtrArray *recent;                  /* of GtfSentence: the window */
  GstSegment segment;
  GstClockTime next_time;

  gboolean flushing;                  /* under the element's lock */
  gboolean warned;                    /* the worker's: nothing is asked for want of a question or labels */
};

enum
{
  PROP_0,
  PROP_TASK,
  PROP_LABELS,
  PROP_QUESTION,
  PROP_WINDOW,
  PROP_LATENCY,
  PROP_MAX_LAG
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

G_DEFINE_FINAL_TYPE (GtfText, gtf_text, GTF_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (gtftext, "gtftext", GST_RANK_NONE, GTF_TYPE_TEXT);

/* ---- on the worker's thread ---- */

static GtfResult *
ask (GtfText *self, GtfPipeline *pipeline, const GtfTextJob *job, GCancellable *cancellable, GError **error)
{
  const char *task = gtf_pipeline_get_task (pipeline);
  g_autofree char *inputs = NULL, *parameters = NULL;

  GST_OBJECT_LOCK (self);
  inputs = gtf_text_inputs (task, job, self->question);
  parameters = gtf_text_parameters (task, self->parameters, self->labels);
  GST_OBJECT_UNLOCK (self);
  if ((!inputs || !parameters) && !self->warned)
    {
      GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("%s asks nothing until the property \"%s\" is set", task, inputs ? "labels" : "question"), (NULL));
      self->warned = TRUE;
    }
  return inputs && parameters ? gtf_pipeline_run (pipeline, inputs, parameters, cancellable, error) : NULL;
}

static void
work (gpointer data, GCancellable *cancellable, gpointer owner)
{
  GtfText *self = owner;
  GtfTextJob *job = data;
  g_autoptr (GtfPipeline) pipeline = gtf_element_wait_for_pipeline (GTF_ELEMENT (self), cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfResult) result = pipeline ? ask (self, pipeline, job, cancellable, &error) : NULL;
  GstClockTime start = gtf_text_job_start (job), end = gtf_text_job_end (job);

  if (g_cancellable_is_cancelled (cancellable))
    return;
  if (error)
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", error->message), (NULL));
  if (!result)
    return;
  if (self->writes && gtf_result_get_text (result))
    gtf_outlet_put_text (&self->outlet, gtf_result_get_text (result), start, end);
  gtf_element_post_result (GTF_ELEMENT (self), pipeline, gtf_result_to_json (result), &job->segment, start, end - start, TRUE);
}

/* ---- what comes in ---- */

/* The sentences that the task hears together with @newest, which is the last of @recent. */
static GtfTextJob *
make_job (GtfText *self, GstClockTime window)
{
  GtfTextJob *job = g_new0 (GtfTextJob, 1);
  const GtfSentence *newest = self->recent->pdata[self->recent->len - 1];
  guint first = self->recent->len - 1;

  while (first > 0 && self->recent->len - first < MOST_RECENT && ((GtfSentence *) self->recent->pdata[first - 1])->end + window > newest->end)
    first--;
  if (first > 0)
    g_ptr_array_remove_range (self->recent, 0, first);
  job->segment = self->segment;
  job->sentences = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_sentence_free);
  for (guint i = 0; i < self->recent->len; i++)
    {
      const GtfSentence *sentence = self->recent->pdata[i];
      GtfSentence *copy = g_new0 (GtfSentence, 1);

      *copy = *sentence;
      copy->text = g_strdup (sentence->text);
      g_ptr_array_add (job->sentences, copy);
    }
  return job;
}

/* Each sentence is a job. */
static void
hand_over (GtfText *self, GPtrArray *complete)
{
  GstClockTime window, max_lag;

  GST_OBJECT_LOCK (self);
  window = (self->window ? self->window : gtf_text_task_window (self->task)) * GST_SECOND;
  max_lag = self->max_lag * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  for (guint i = 0; i < complete->len; i++)
    {
      GtfSentence *sentence = complete->pdata[i];

      g_ptr_array_add (self->recent, sentence);
      gtf_worker_push (self->worker, make_job (self, window), sentence->end, self->live, max_lag);
    }
}

static void
end_sentence (GtfText *self)
{
  g_autoptr (GPtrArray) complete = g_ptr_array_new ();

  gtf_sentences_close (&self->sentences, complete);
  hand_over (self, complete);
}

static void
hear (GtfText *self, const char *text, GstClockTime start, GstClockTime end)
{
  g_autoptr (GPtrArray) complete = g_ptr_array_new ();

  if (self->sentences.text->len > 0 && start > self->sentences.end + PAUSE)
    end_sentence (self);
  gtf_sentences_add (&self->sentences, text, start, end, complete);
  hand_over (self, complete);
  self->heard = TRUE;
}

static GstFlowReturn
gtf_text_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GtfText *self = GTF_TEXT (parent);
  GstClockTime start = GST_BUFFER_PTS_IS_VALID (buffer) ? GST_BUFFER_PTS (buffer) : self->next_time;
  GstClockTime duration = GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) : 0;
  GstFlowReturn flow = gtf_outlet_get_flow (&self->outlet);
  g_autofree char *text = NULL;
  GstMapInfo map;

  gtf_element_lock (GTF_ELEMENT (self));
  if (self->flushing)
    flow = GST_FLOW_FLUSHING;
  else if (flow == GST_FLOW_OK && !gtf_element_is_loading (GTF_ELEMENT (self)) && !gtf_element_get_pipeline (GTF_ELEMENT (self)))
    flow = GST_FLOW_ERROR;            /* it could not be loaded, which has been told */
  gtf_element_unlock (GTF_ELEMENT (self));
  if (flow == GST_FLOW_OK && !gst_buffer_map (buffer, &map, GST_MAP_READ))
    {
      GST_ELEMENT_ERROR (self, RESOURCE, READ, ("a buffer cannot be mapped"), (NULL));
      flow = GST_FLOW_ERROR;
    }
  if (flow != GST_FLOW_OK)
    {
      gst_buffer_unref (buffer);
      return flow;
    }
  text = g_utf8_make_valid ((const char *) map.data, (gssize) map.size);
  gst_buffer_unmap (buffer, &map);
  self->next_time = start + duration;
  if (self->writes)
    gst_buffer_unref (buffer);
  else
    gtf_outlet_put (&self->outlet, buffer);
  hear (self, text, start, self->next_time);
  return GST_FLOW_OK;
}

/* Waits until all that was heard has been worked on. */
static void
drain (GtfText *self)
{
  if (!self->heard)
    return;
  end_sentence (self);
  gtf_worker_drain (self->worker);
  self->heard = FALSE;
}

/* Nothing of what was heard before matters any more. */
static void
forget (GtfText *self)
{
  gtf_sentences_reset (&self->sentences);
  g_ptr_array_set_size (self->recent, 0);
  self->next_time = 0;
  self->heard = FALSE;
}

static void
start_flush (GtfText *self)
{
  gtf_element_lock (GTF_ELEMENT (self));
  self->flushing = TRUE;
  gtf_element_unlock (GTF_ELEMENT (self));
  if (self->worker)
    gtf_worker_flush (self->worker);
  gtf_element_lock (GTF_ELEMENT (self));      /* who waits for the model has looked at the cancellable, or waits already */
  gtf_element_tell (GTF_ELEMENT (self));
  gtf_element_unlock (GTF_ELEMENT (self));
}

static void
stop_flush (GtfText *self)
{
  if (self->worker)
    gtf_worker_resume (self->worker);
  gtf_element_lock (GTF_ELEMENT (self));
  self->flushing = FALSE;
  gtf_element_unlock (GTF_ELEMENT (self));
  forget (self);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
}

static gboolean
on_segment (GtfText *self, GstEvent *event)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    {
      GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("the text's segment is in %s, not in time", gst_format_get_name (segment->format)), (NULL));
      gst_event_unref (event);
      return FALSE;
    }
  drain (self);
  forget (self);
  self->live = FALSE;
  if (gst_pad_peer_query (self->sink, query))
    gst_query_parse_latency (query, &self->live, NULL, NULL);
  self->segment = *segment;
  self->next_time = segment->start;
  gtf_outlet_put (&self->outlet, event);
  return TRUE;
}

static void
on_gap (GtfText *self, GstEvent *event)
{
  GstClockTime start, duration;

  gst_event_parse_gap (event, &start, &duration);
  if (GST_CLOCK_TIME_IS_VALID (duration) && start + duration > self->sentences.end + PAUSE)
    end_sentence (self);
  if (!self->writes)
    gtf_outlet_put (&self->outlet, event);
  else
    {
      if (GST_CLOCK_TIME_IS_VALID (duration) && self->sentences.text->len == 0)
        gtf_outlet_put_gap (&self->outlet, start + duration);
      gst_event_unref (event);
    }
}

static gboolean
gtf_text_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GtfText *self = GTF_TEXT (parent);

  switch (GST_EVENT_TYPE (event))
    {
    case GST_EVENT_CAPS:
      if (!self->sent_caps)
        gtf_outlet_put (&self->outlet, gst_event_new_caps (gst_static_pad_template_get_caps (&src_template)));
      self->sent_caps = TRUE;
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_SEGMENT:
      return on_segment (self, event);
    case GST_EVENT_GAP:
      on_gap (self, event);
      return TRUE;
    case GST_EVENT_FLUSH_START:
      start_flush (self);
      return gtf_outlet_flush (&self->outlet, event);
    case GST_EVENT_FLUSH_STOP:
      stop_flush (self);
      return gtf_outlet_start (&self->outlet, event);
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_GROUP_DONE:
      drain (self);
      gtf_outlet_put (&self->outlet, event);
      return TRUE;
    default:
      if (!GST_EVENT_IS_SERIALIZED (event))
        return gst_pad_event_default (pad, parent, event);
      if (gst_event_has_name (event, "rstranscribe/final-transcript"))
        end_sentence (self);
      gtf_outlet_put (&self->outlet, event);
      return TRUE;
    }
}

/* Text that passes is not late; what a task writes is. */
static gboolean
gtf_text_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GtfText *self = GTF_TEXT (parent);
  GstClockTime min, max, own;
  gboolean live;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  if (!gst_pad_peer_query (self->sink, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  own = gtf_text_task_writes (self->task) ? self->latency * GST_MSECOND : 0;
  GST_OBJECT_UNLOCK (self);
  if (live)
    gst_query_set_latency (query, TRUE, min + own, own ? GST_CLOCK_TIME_NONE : max);
  return TRUE;
}

/* ---- states ---- */

static gboolean
gtf_text_src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GtfText *self = GTF_TEXT (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    {
      stop_flush (self);
      return gtf_outlet_start (&self->outlet, NULL);
    }
  start_flush (self);
  return gtf_outlet_stop (&self->outlet);
}

static char *
gtf_text_get_task (GtfElement *element)
{
  return g_strdup (GTF_TEXT (element)->task);
}

static gboolean
gtf_text_start (GtfElement *element, GError **error)
{
  GtfText *self = GTF_TEXT (element);

  g_free (self->parameters);
  self->parameters = gtf_element_get_parameters (element, error);
  if (!self->parameters)
    return FALSE;
  GST_OBJECT_LOCK (self);
  self->writes = gtf_text_task_writes (self->task);
  GST_OBJECT_UNLOCK (self);
  self->sent_caps = self->warned = FALSE;
  self->worker = gtf_worker_new ("gtftext", work, self, (GDestroyNotify) gtf_text_job_free);
  return TRUE;
}

static void
gtf_text_stop (GtfElement *element)
{
  GtfText *self = GTF_TEXT (element);
  GtfWorker *worker;

  gtf_element_lock (element);
  worker = g_steal_pointer (&self->worker);
  gtf_element_unlock (element);
  gtf_worker_free (worker);
  forget (self);
}

static void
gtf_text_get_stats (GtfElement *element, GtfElementStats *stats)
{
  GtfWorkerStats s = { 0 };

  if (GTF_TEXT (element)->worker)
    gtf_worker_get_stats (GTF_TEXT (element)->worker, &s);
  *stats = (GtfElementStats) { s.in, s.done, s.dropped, s.done ? s.time_total / s.done : 0, s.time_max, s.lag };
}

/* ---- properties ---- */

static char **
string_property (GtfText *self, guint id)
{
  return id == PROP_TASK ? &self->task : id == PROP_LABELS ? &self->labels : id == PROP_QUESTION ? &self->question : NULL;
}

static guint *
uint_property (GtfText *self, guint id)
{
  return id == PROP_WINDOW ? &self->window : id == PROP_LATENCY ? &self->latency : id == PROP_MAX_LAG ? &self->max_lag : NULL;
}

static void
gtf_text_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfText *self = GTF_TEXT (object);
  char **string = string_property (self, id);
  guint *number = uint_property (self, id);

  GST_OBJECT_LOCK (self);
  if (string)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
    }
  else if (number)
    *number = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  if (!self->task)
    self->task = g_strdup (DEFAULT_TASK);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_text_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfText *self = GTF_TEXT (object);

  GST_OBJECT_LOCK (self);
  if (string_property (self, id))
    g_value_set_string (value, *string_property (self, id));
  else if (uint_property (self, id))
    g_value_set_uint (value, *uint_property (self, id));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_text_finalize (GObject *object)
{
  GtfText *self = GTF_TEXT (object);

  g_free (self->task);
  g_free (self->labels);
  g_free (self->question);
  g_free (self->parameters);
  gtf_outlet_clear (&self->outlet);
  gtf_sentences_clear (&self->sentences);
  g_ptr_array_unref (self->recent);
  G_OBJECT_CLASS (gtf_text_parent_class)->finalize (object);
}

static void
gtf_text_class_init (GtfTextClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GtfElementClass *own = GTF_ELEMENT_CLASS (klass);

  object->set_property = gtf_text_set_property;
  object->get_property = gtf_text_get_property;
  object->finalize = gtf_text_finalize;
  own->get_task = gtf_text_get_task;
  own->start = gtf_text_start;
  own->stop = gtf_text_stop;
  own->get_stats = gtf_text_get_stats;
  own->shares_model = TRUE;
  g_object_class_install_property (object, PROP_TASK, g_param_spec_string ("task", "Task", "A task over text, by the name that transformers gives it", DEFAULT_TASK, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  gtf_element_install_live_string (object, PROP_LABELS, "labels", "Labels", "zero-shot-classification: what to choose from, separated by commas; may be changed while playing");
  gtf_element_install_live_string (object, PROP_QUESTION, "question", "Question", "question-answering: what is asked of the captions (text-ranking, sentence-similarity: what they are compared with); may be changed while playing");
  gtf_element_install_uint (object, PROP_WINDOW, "window", "Window", "Seconds of captions that the task is given at once (0: 30 where a question or labels are asked, else a sentence alone)", 0, 3600, 0);
  gtf_element_install_uint (object, PROP_LATENCY, "latency", "Latency", "Text of a task that writes is put out that long after its source, ms", 0, 600000, DEFAULT_LATENCY);
  gtf_element_install_uint (object, PROP_MAX_LAG, "max-lag", "Maximum lag", "Sentences that wait longer than this are not worked on any more (live sources), ms", 100, 3600000, DEFAULT_MAX_LAG);
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "Text tasks", "Filter/Analyzer/Text", "Runs a text task of the Hugging Face Hub over captions (entities, answers, labels, translation ...)", "GTransformers");
}

static void
gtf_text_init (GtfText *self)
{
  self->task = g_strdup (DEFAULT_TASK);
  self->latency = DEFAULT_LATENCY;
  self->max_lag = DEFAULT_MAX_LAG;
  self->recent = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_sentence_free);
  gtf_sentences_init (&self->sentences);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, gtf_text_chain);
  gst_pad_set_event_function (self->sink, gtf_text_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_query_function (self->src, gtf_text_src_query);
  gst_pad_set_activatemode_function (self->src, gtf_text_src_activate);
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
  gtf_outlet_init (&self->outlet, GST_ELEMENT (self), self->src);
}
