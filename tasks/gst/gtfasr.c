/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfasr
 *
 * Live speech to text: audio/x-raw in, one text/x-raw buffer a word (or a line) out, each with the time at which it was spoken.
 *
 *   gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! gtfasr model=openai/whisper-base ! fakesink dump=true
 *
 * How it works. The work is GtfTranscriber's (core/pipeline/transcriber.c); this file carries buffers to it and words from it.
 *   - The model is loaded by a thread of its own from READY to PAUSED, told by PROGRESS messages; samples that come before it is
 *     there wait in a queue with the transcriber's own bound.
 *   - Words come on the transcriber's thread. They go through a queue to the task of the source pad, which pushes downstream, so
 *     that neither inference nor the streaming thread ever waits for downstream, and events keep their place among the words.
 *   - Live or not is asked upstream by a LATENCY query at the segment: a live source is never held up (the oldest sound is
 *     dropped beyond max-lag), any other waits until its sound has been worked on.
 *   - It fits transcriberbin (gst-plugins-rs): property names, the answer to LATENCY without caps or model, the
 *     rstranscribe/final-transcript event at the end of each utterance.
 */
#include "elements.h"

#include <string.h>
#include <gst/audio/audio.h>
#include <gtf/gtf.h>
#include "base/json-print.h"

GST_DEBUG_CATEGORY_STATIC (gtf_asr_debug);
#define GST_CAT_DEFAULT gtf_asr_debug

#define DEFAULT_LATENCY 8000
#define DEFAULT_LATENESS 0
#define DEFAULT_MAX_LAG 10000
#define LINE_LENGTH 84                /* two rows of 42 */

typedef enum
{
  UNIT_WORD,
  UNIT_LINE
} Unit;

struct _GtfAsr
{
  GstElement parent;
  GstPad *sink, *src;

  /* properties, under the object lock */
  char *model, *language, *parameters, *dtype, *revision, *adapter, *results;
  guint latency, lateness, max_lag, threads;
  Unit unit;

  GMutex lock;                        /* what follows */
  GCond cond;
  GtfTranscriber *transcriber;        /* there once the model is loaded and the source's liveness is known */
  GtfPipeline *pipeline;
  GThread *loader;
  GCancellable *cancellable;
  gboolean loading, load_failed, live, flushing, draining;
  GArray *early;                      /* samples before the model was there (live sources only) */
  GstClockTime early_time;
  guint64 early_dropped;
  char *model_id;
  GtfResultsFile *results_file;

  GQueue out;                         /* GstMiniObject: buffers and events on their way downstream */
  GstSegment segment;
  gboolean sent_caps;
  GstClockTime position;              /* end of the last thing put out */
  GstClockTime next_time;             /* expected of the next buffer */
  GString *line;                      /* unit=line: words not put out yet */
  GstClockTime line_start, line_end;
};

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_LANGUAGE,
  PROP_LANGUAGE_CODE,
  PROP_PARAMETERS,
  PROP_DTYPE,
  PROP_REVISION,
  PROP_ADAPTER,
  PROP_THREADS,
  PROP_LATENCY,
  PROP_LATENESS,
  PROP_MAX_LAG,
  PROP_UNIT,
  PROP_RESULTS,
  PROP_STATS
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
  GST_STATIC_CAPS ("audio/x-raw, format = (string) " GST_AUDIO_NE (F32) ", rate = (int) 16000, channels = (int) 1, layout = (string) interleaved"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

G_DEFINE_FINAL_TYPE (GtfAsr, gtf_asr, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (gtfasr, "gtfasr", GST_RANK_NONE, GTF_TYPE_ASR);

static GType
unit_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = { { UNIT_WORD, "One buffer a word", "word" }, { UNIT_LINE, "One buffer a line", "line" }, { 0, NULL, NULL } };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GtfAsrUnit", values));
  return type;
}

/* ---- what goes out ---- */

/* The source pad's task: one thing at a time, waiting for the next. */
static void
push_out (gpointer data)
{
  GtfAsr *self = data;
  GstMiniObject *object;
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  while (!self->flushing && g_queue_is_empty (&self->out))
    g_cond_wait (&self->cond, &self->lock);
  object = self->flushing ? NULL : g_queue_pop_head (&self->out);
  g_mutex_unlock (&self->lock);
  if (!object)
    {
      gst_pad_pause_task (self->src);
      return;
    }
  if (GST_IS_BUFFER (object))
    flow = gst_pad_push (self->src, GST_BUFFER (object));
  else
    {
      gboolean eos = GST_EVENT_TYPE (object) == GST_EVENT_EOS;

      gst_pad_push_event (self->src, GST_EVENT (object));
      if (eos)
        gst_pad_pause_task (self->src);
    }
  if (flow != GST_FLOW_OK && flow != GST_FLOW_FLUSHING)
    {
      GST_DEBUG_OBJECT (self, "downstream: %s", gst_flow_get_name (flow));
      gst_pad_pause_task (self->src);
      if (flow == GST_FLOW_NOT_LINKED || flow <= GST_FLOW_EOS)
        GST_ELEMENT_FLOW_ERROR (self, flow);
    }
}

/* With the lock. */
static void
put_locked (GtfAsr *self, gpointer object)
{
  g_queue_push_tail (&self->out, object);
  g_cond_broadcast (&self->cond);
}

static void
put (GtfAsr *self, gpointer object)
{
  g_mutex_lock (&self->lock);
  put_locked (self, object);
  g_mutex_unlock (&self->lock);
}

static void
put_text (GtfAsr *self, const char *text, GstClockTime start, GstClockTime end)
{
  GstBuffer *buffer = gst_buffer_new_memdup (text, strlen (text));
  GstClockTime lateness;

  GST_OBJECT_LOCK (self);
  lateness = self->lateness * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->lock);
  start = self->position != GST_CLOCK_TIME_NONE ? MAX (start, self->position) : start;     /* in order */
  end = MAX (start, end);
  GST_BUFFER_PTS (buffer) = start + lateness;
  GST_BUFFER_DURATION (buffer) = end - start;
  self->position = end;
  put_locked (self, buffer);
  g_mutex_unlock (&self->lock);
}

static void
put_gap (GtfAsr *self, GstClockTime until)
{
  g_mutex_lock (&self->lock);
  if (self->position == GST_CLOCK_TIME_NONE)
    self->position = self->segment.start;
  if (until > self->position)
    {
      put_locked (self, gst_event_new_gap (self->position, until - self->position));
      self->position = until;
    }
  g_mutex_unlock (&self->lock);
}

static void
put_line (GtfAsr *self)
{
  g_autofree char *text = NULL;

  if (self->line->len == 0)
    return;
  text = g_strdup (self->line->str);
  g_string_truncate (self->line, 0);
  put_text (self, g_strchug (text), self->line_start, self->line_end);
}

static gboolean
ends_sentence (const char *text)
{
  gsize n = strlen (text);

  return n > 0 && strchr (".?!", text[n - 1]) != NULL;
}

static void
put_word (GtfAsr *self, const GtfWord *word)
{
  if (self->unit == UNIT_WORD)
    {
      put_text (self, word->text, word->start, word->end);
      return;
    }
  if (self->line->len + strlen (word->text) > LINE_LENGTH)
    put_line (self);
  if (self->line->len == 0)
    self->line_start = word->start;
  self->line_end = word->end;
  g_string_append (self->line, word->text);
  if (ends_sentence (word->text))
    put_line (self);
}

/* {"text", "chunks": [{"text", "timestamp": [b, e]}]} with times of the stream in seconds */
static char *
words_to_json (GPtrArray *words)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (JsonNode) root = NULL;

  for (guint i = 0; i < words->len; i++)
    g_string_append (text, ((GtfWord *) words->pdata[i])->text);
  json_builder_begin_object (b);
  json_builder_set_member_name (b, "text");
  json_builder_add_string_value (b, text->str);
  json_builder_set_member_name (b, "chunks");
  json_builder_begin_array (b);
  for (guint i = 0; i < words->len; i++)
    {
      const GtfWord *word = words->pdata[i];

      json_builder_begin_object (b);
      json_builder_set_member_name (b, "text");
      json_builder_add_string_value (b, word->text);
      json_builder_set_member_name (b, "timestamp");
      json_builder_begin_array (b);
      json_builder_add_double_value (b, (double) word->start / GST_SECOND);
      json_builder_add_double_value (b, (double) word->end / GST_SECOND);
      json_builder_end_array (b);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  root = json_builder_get_root (b);
  return gtf_json_print (root, GTF_JSON_COMPACT);
}

static void
post_words (GtfAsr *self, GPtrArray *words, gboolean final)
{
  g_autofree char *json = words_to_json (words);
  const GtfWord *first = words->pdata[0], *last = words->pdata[words->len - 1];
  GstSegment segment;

  g_mutex_lock (&self->lock);
  segment = self->segment;
  g_mutex_unlock (&self->lock);
  gtf_post_result (GST_ELEMENT (self), json, &segment, first->start, last->end - first->start, self->model_id, final, self->results_file);
}

/* On the transcriber's thread. */
static void
on_event (GtfTranscriber *transcriber, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer data)
{
  GtfAsr *self = data;

  switch (event)
    {
    case GTF_TRANSCRIBER_FINAL:
      for (guint i = 0; i < words->len; i++)
        put_word (self, words->pdata[i]);
      post_words (self, words, TRUE);
      break;
    case GTF_TRANSCRIBER_PARTIAL:
      post_words (self, words, FALSE);
      break;
    case GTF_TRANSCRIBER_SILENCE:
      put_gap (self, time);
      break;
    case GTF_TRANSCRIBER_UTTERANCE_END:
      put_line (self);
      put (self, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty ("rstranscribe/final-transcript")));
      break;
    case GTF_TRANSCRIBER_DRAINED:
      put_line (self);
      g_mutex_lock (&self->lock);
      self->draining = FALSE;
      g_cond_broadcast (&self->cond);
      g_mutex_unlock (&self->lock);
      break;
    case GTF_TRANSCRIBER_ERROR:
      GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", error->message), (NULL));
      break;
    }
}

/* ---- loading ---- */

static void
post_progress (GtfAsr *self, GstProgressType type, const char *text)
{
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_progress (GST_OBJECT (self), type, "load-model", text));
}

static char *
loading_options (GtfAsr *self)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;

  GST_OBJECT_LOCK (self);
  if (self->dtype)
    json_object_set_string_member (object, "dtype", self->dtype);
  if (self->revision)
    json_object_set_string_member (object, "revision", self->revision);
  if (self->adapter)
    json_object_set_string_member (object, "adapter", self->adapter);
  if (self->threads)
    json_object_set_int_member (object, "threads", self->threads);
  GST_OBJECT_UNLOCK (self);
  node = json_node_init_object (json_node_alloc (), object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static gpointer
load (gpointer data)
{
  GtfAsr *self = data;
  g_autofree char *options = loading_options (self), *model = NULL;
  g_autoptr (GError) error = NULL;
  GtfPipeline *pipeline;

  GST_OBJECT_LOCK (self);
  model = g_strdup (self->model);
  GST_OBJECT_UNLOCK (self);
  post_progress (self, GST_PROGRESS_TYPE_START, model ? model : "the built-in model");
  pipeline = gtf_pipeline_load ("automatic-speech-recognition", model, options, self->cancellable, &error);
  /* The cause is told first: once the flag is up, the streaming thread fails, and the source tells of that. */
  if (!pipeline && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    post_progress (self, GST_PROGRESS_TYPE_CANCELED, "cancelled");
  else if (!pipeline)
    {
      post_progress (self, GST_PROGRESS_TYPE_ERROR, error->message);
      GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
    }
  g_mutex_lock (&self->lock);
  self->pipeline = pipeline;
  self->loading = FALSE;
  self->load_failed = pipeline == NULL;
  if (pipeline)
    self->model_id = g_strdup (gtf_pipeline_get_model_id (pipeline));
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (pipeline)
    post_progress (self, GST_PROGRESS_TYPE_COMPLETE, "ready");
  return NULL;
}

static char *
transcriber_options (GtfAsr *self, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *parameters = NULL;

  GST_OBJECT_LOCK (self);
  parameters = gtf_parameters_to_json (self->parameters, error);
  if (parameters)
    {
      json_object_set_int_member (object, "latency", self->latency);
      json_object_set_int_member (object, "max_lag", self->max_lag);
      json_object_set_boolean_member (object, "live", self->live);
      if (self->language)
        json_object_set_string_member (object, "language", self->language);
      json_object_set_member (object, "parameters", json_from_string (parameters, NULL));
    }
  GST_OBJECT_UNLOCK (self);
  if (!parameters)
    return NULL;
  node = json_node_init_object (json_node_alloc (), object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

/* Makes the transcriber once the model is there. With the lock. */
static gboolean
start_transcriber (GtfAsr *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *options = transcriber_options (self, &error);

  if (options)
    self->transcriber = gtf_transcriber_new (self->pipeline, options, &error);
  if (!self->transcriber)
    {
      self->load_failed = TRUE;
      GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
      return FALSE;
    }
  gtf_transcriber_set_func (self->transcriber, on_event, self, NULL);
  return TRUE;
}

/* ---- what comes in ---- */

static void
ask_live (GtfAsr *self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (self->sink, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  g_mutex_lock (&self->lock);
  self->live = live;
  g_mutex_unlock (&self->lock);
}

/* A live source before the model is there: keep the newest max-lag. With the lock. */
static void
keep_early (GtfAsr *self, const float *samples, gsize n, GstClockTime time)
{
  gsize most = (gsize) self->max_lag * 16;

  if (self->early->len == 0)
    self->early_time = time;
  g_array_append_vals (self->early, samples, (guint) n);
  if (self->early->len > most)
    {
      guint excess = self->early->len - (guint) most;

      g_array_remove_range (self->early, 0, excess);
      self->early_time += gst_util_uint64_scale (excess, GST_SECOND, 16000);
      self->early_dropped += excess;
    }
}

static GtfTranscriber *
ready_transcriber (GtfAsr *self, const float *samples, gsize n, GstClockTime time, gboolean *kept)
{
  GtfTranscriber *transcriber = NULL;

  *kept = FALSE;
  g_mutex_lock (&self->lock);
  while (self->loading && !self->live && !self->flushing)
    g_cond_wait (&self->cond, &self->lock);
  if (self->loading && self->live)
    {
      keep_early (self, samples, n, time);
      *kept = TRUE;
    }
  else if (!self->load_failed && !self->flushing && (self->transcriber || start_transcriber (self)))
    {
      transcriber = g_object_ref (self->transcriber);
      if (self->early->len > 0)
        {
          gtf_transcriber_push (transcriber, (const float *) self->early->data, self->early->len, self->early_time, TRUE);
          g_array_set_size (self->early, 0);
        }
    }
  g_mutex_unlock (&self->lock);
  return transcriber;
}

static GstFlowReturn
hear (GtfAsr *self, const float *samples, gsize n, GstClockTime time, gboolean discont)
{
  g_autoptr (GtfTranscriber) transcriber = NULL;
  gboolean kept, good;

  transcriber = ready_transcriber (self, samples, n, time, &kept);
  if (kept)
    return GST_FLOW_OK;
  if (!transcriber)
    {
      g_mutex_lock (&self->lock);
      good = self->flushing;
      g_mutex_unlock (&self->lock);
      return good ? GST_FLOW_FLUSHING : GST_FLOW_ERROR;
    }
  good = gtf_transcriber_push (transcriber, samples, n, time, discont);
  return good ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

static GstFlowReturn
gtf_asr_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GtfAsr *self = GTF_ASR (parent);
  GstClockTime time = GST_BUFFER_PTS (buffer);
  gboolean discont = GST_BUFFER_IS_DISCONT (buffer) && self->next_time != GST_CLOCK_TIME_NONE;
  GstFlowReturn flow;
  GstMapInfo map;
  gsize n;

  if (time == GST_CLOCK_TIME_NONE)
    time = self->next_time != GST_CLOCK_TIME_NONE ? self->next_time : 0;
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    {
      gst_buffer_unref (buffer);
      GST_ELEMENT_ERROR (self, RESOURCE, READ, ("a buffer cannot be mapped"), (NULL));
      return GST_FLOW_ERROR;
    }
  n = map.size / sizeof (float);
  if (discont && time + 100 * GST_MSECOND > self->next_time && time < self->next_time + 100 * GST_MSECOND)
    discont = FALSE;      /* flagged, but the samples do continue: sources flag the first buffer after a state change */
  self->next_time = time + gst_util_uint64_scale (n, GST_SECOND, 16000);
  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP))
    {
      g_autofree float *silence = g_new0 (float, MAX (n, 1));

      flow = hear (self, silence, n, time, discont);
    }
  else
    flow = n ? hear (self, (const float *) map.data, n, time, discont) : GST_FLOW_OK;
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return flow;
}

/* A gap in the sound is silence of its length (at most a minute: more is a discontinuity). */
static void
hear_gap (GtfAsr *self, GstEvent *event)
{
  GstClockTime start, duration;
  static const float silence[1600] = { 0 };

  gst_event_parse_gap (event, &start, &duration);
  if (duration == GST_CLOCK_TIME_NONE)
    return;
  for (GstClockTime t = 0; t < MIN (duration, 60 * GST_SECOND); t += 100 * GST_MSECOND)
    if (hear (self, silence, MIN (1600, (gsize) gst_util_uint64_scale (duration - t, 16000, GST_SECOND)), start + t, FALSE) != GST_FLOW_OK)
      return;
  self->next_time = start + duration;
}

/* Waits until all that was heard has gone into the queue. */
static void
drain (GtfAsr *self)
{
  g_autoptr (GtfTranscriber) transcriber = NULL;
  gboolean kept;

  g_mutex_lock (&self->lock);
  while (self->loading && !self->flushing)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
  transcriber = ready_transcriber (self, NULL, 0, 0, &kept);
  if (!transcriber)
    return;
  g_mutex_lock (&self->lock);
  self->draining = TRUE;
  g_mutex_unlock (&self->lock);
  gtf_transcriber_drain (transcriber);
  g_mutex_lock (&self->lock);
  while (self->draining && !self->flushing)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}

static void
clear_out (GtfAsr *self)
{
  g_queue_clear_full (&self->out, (GDestroyNotify) gst_mini_object_unref);
}

static void
start_flush (GtfAsr *self)
{
  g_mutex_lock (&self->lock);
  self->flushing = TRUE;
  if (self->transcriber)
    gtf_transcriber_flush (self->transcriber);
  clear_out (self);
  g_array_set_size (self->early, 0);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

static void
stop_flush (GtfAsr *self)
{
  g_mutex_lock (&self->lock);
  self->flushing = self->draining = FALSE;
  self->position = self->next_time = GST_CLOCK_TIME_NONE;
  clear_out (self);
  g_string_truncate (self->line, 0);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  g_mutex_unlock (&self->lock);
}

static gboolean
on_caps (GtfAsr *self)
{
  if (!self->sent_caps)
    put (self, gst_event_new_caps (gst_static_pad_template_get_caps (&src_template)));
  self->sent_caps = TRUE;
  return TRUE;
}

static gboolean
on_segment (GtfAsr *self, GstEvent *event)
{
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    {
      GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("the sound's segment is in %s, not in time", gst_format_get_name (segment->format)), (NULL));
      gst_event_unref (event);
      return FALSE;
    }
  if (self->next_time != GST_CLOCK_TIME_NONE)
    drain (self);
  ask_live (self);
  g_mutex_lock (&self->lock);
  self->segment = *segment;
  self->position = self->next_time = GST_CLOCK_TIME_NONE;
  put_locked (self, event);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

static gboolean
gtf_asr_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GtfAsr *self = GTF_ASR (parent);
  gboolean good;

  switch (GST_EVENT_TYPE (event))
    {
    case GST_EVENT_CAPS:
      gst_event_unref (event);
      return on_caps (self);
    case GST_EVENT_SEGMENT:
      return on_segment (self, event);
    case GST_EVENT_GAP:
      hear_gap (self, event);
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_FLUSH_START:
      start_flush (self);
      good = gst_pad_push_event (self->src, event);
      gst_pad_pause_task (self->src);
      return good;
    case GST_EVENT_FLUSH_STOP:
      stop_flush (self);
      good = gst_pad_push_event (self->src, event);
      gst_pad_start_task (self->src, push_out, self, NULL);
      return good;
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_GROUP_DONE:
      drain (self);
      put (self, event);
      return TRUE;
    default:
      if (GST_EVENT_IS_SERIALIZED (event))
        {
          put (self, event);
          return TRUE;
        }
      return gst_pad_event_default (pad, parent, event);
    }
}

/* Truthful in any state: what upstream has, and what is promised here. Not linked yet: as for a live source. */
static gboolean
answer_latency (GtfAsr *self, GstQuery *query)
{
  g_autoptr (GstQuery) peer = gst_query_new_latency ();
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE, own;
  gboolean live = TRUE;

  if (gst_pad_peer_query (self->sink, peer))
    gst_query_parse_latency (peer, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  own = (self->latency + self->lateness) * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  if (live)
    {
      min += own;
      max = GST_CLOCK_TIME_NONE;      /* what waits in the queue is bounded by max-lag, by dropping, not by blocking */
    }
  gst_query_set_latency (query, live, min, max);
  return TRUE;
}

static gboolean
gtf_asr_src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    return answer_latency (GTF_ASR (parent), query);
  return gst_pad_query_default (pad, parent, query);
}

/* ---- states ---- */

static gboolean
gtf_asr_src_activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GtfAsr *self = GTF_ASR (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active)
    {
      stop_flush (self);
      return gst_pad_start_task (pad, push_out, self, NULL);
    }
  start_flush (self);
  return gst_pad_stop_task (pad);
}

static gboolean
start (GtfAsr *self)
{
  g_autofree char *results = NULL;
  g_autoptr (GError) error = NULL;

  GST_OBJECT_LOCK (self);
  results = g_strdup (self->results);
  GST_OBJECT_UNLOCK (self);
  if (results && *results && !(self->results_file = gtf_results_file_open (results, &error)))
    {
      GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE, ("%s", error->message), (NULL));
      return FALSE;
    }
  self->loading = TRUE;
  self->load_failed = FALSE;
  self->sent_caps = FALSE;
  self->early_dropped = 0;
  self->cancellable = g_cancellable_new ();
  self->loader = g_thread_new ("gtfasr-load", load, self);
  return TRUE;
}

static void
stop (GtfAsr *self)
{
  g_autoptr (GtfTranscriber) transcriber = NULL;

  if (!self->loader)
    return;
  g_cancellable_cancel (self->cancellable);
  g_thread_join (g_steal_pointer (&self->loader));
  g_mutex_lock (&self->lock);
  transcriber = g_steal_pointer (&self->transcriber);
  g_mutex_unlock (&self->lock);
  if (transcriber)
    gtf_transcriber_stop (transcriber);
  g_mutex_lock (&self->lock);
  clear_out (self);
  g_array_set_size (self->early, 0);
  g_string_truncate (self->line, 0);
  g_clear_object (&self->pipeline);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->model_id, g_free);
  g_clear_pointer (&self->results_file, gtf_results_file_close);
  g_mutex_unlock (&self->lock);
}

static GstStateChangeReturn
gtf_asr_change_state (GstElement *element, GstStateChange transition)
{
  GtfAsr *self = GTF_ASR (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gtf_asr_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

/* ---- properties ---- */

static GstStructure *
make_stats (GtfAsr *self)
{
  GtfTranscriberStats stats = { 0 };
  guint64 dropped;

  g_mutex_lock (&self->lock);
  if (self->transcriber)
    gtf_transcriber_get_stats (self->transcriber, &stats);
  dropped = stats.samples_dropped + self->early_dropped;
  g_mutex_unlock (&self->lock);
  return gst_structure_new ("application/x-gtf-stats",
    "frames-in", G_TYPE_UINT64, stats.samples_in + self->early_dropped,
    "frames-done", G_TYPE_UINT64, stats.samples_done,
    "frames-dropped", G_TYPE_UINT64, dropped,
    "inference-mean", G_TYPE_UINT64, stats.passes ? stats.inference_total / stats.passes : 0,
    "inference-max", G_TYPE_UINT64, stats.inference_max,
    "lag", G_TYPE_UINT64, stats.lag, NULL);
}

static char **
string_property (GtfAsr *self, guint id)
{
  switch (id)
    {
    case PROP_MODEL:
      return &self->model;
    case PROP_LANGUAGE:
    case PROP_LANGUAGE_CODE:
      return &self->language;
    case PROP_PARAMETERS:
      return &self->parameters;
    case PROP_DTYPE:
      return &self->dtype;
    case PROP_REVISION:
      return &self->revision;
    case PROP_ADAPTER:
      return &self->adapter;
    case PROP_RESULTS:
      return &self->results;
    default:
      return NULL;
    }
}

static void
gtf_asr_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfAsr *self = GTF_ASR (object);
  char **string = string_property (self, id);
  gboolean latency = id == PROP_LATENCY || id == PROP_LATENESS;

  GST_OBJECT_LOCK (self);
  if (string)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
    }
  else if (id == PROP_LATENCY)
    self->latency = g_value_get_uint (value);
  else if (id == PROP_LATENESS)
    self->lateness = g_value_get_uint (value);
  else if (id == PROP_MAX_LAG)
    self->max_lag = g_value_get_uint (value);
  else if (id == PROP_THREADS)
    self->threads = g_value_get_uint (value);
  else if (id == PROP_UNIT)
    self->unit = (Unit) g_value_get_enum (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
  if (latency && GST_STATE (self) > GST_STATE_READY)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

static void
gtf_asr_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfAsr *self = GTF_ASR (object);
  char **string = string_property (self, id);

  if (id == PROP_STATS)
    {
      g_value_take_boxed (value, make_stats (self));
      return;
    }
  GST_OBJECT_LOCK (self);
  if (string)
    g_value_set_string (value, *string);
  else if (id == PROP_LATENCY)
    g_value_set_uint (value, self->latency);
  else if (id == PROP_LATENESS)
    g_value_set_uint (value, self->lateness);
  else if (id == PROP_MAX_LAG)
    g_value_set_uint (value, self->max_lag);
  else if (id == PROP_THREADS)
    g_value_set_uint (value, self->threads);
  else if (id == PROP_UNIT)
    g_value_set_enum (value, self->unit);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_asr_finalize (GObject *object)
{
  GtfAsr *self = GTF_ASR (object);

  for (guint id = PROP_MODEL; id < PROP_STATS; id++)
    if (string_property (self, id))
      g_clear_pointer (string_property (self, id), g_free);
  clear_out (self);
  g_array_unref (self->early);
  g_string_free (self->line, TRUE);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gtf_asr_parent_class)->finalize (object);
}

static void
install_string (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb)
{
  g_object_class_install_property (klass, id, g_param_spec_string (name, nick, blurb, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

static void
install_uint (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb, guint min, guint max, guint value)
{
  g_object_class_install_property (klass, id, g_param_spec_uint (name, nick, blurb, min, max, value, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

static void
install_properties (GObjectClass *object)
{
  install_string (object, PROP_MODEL, "model", "Model", "A folder, org/name[@revision] from the Hugging Face cache, or builtin/NAME; unset: the built-in model");
  install_string (object, PROP_LANGUAGE, "language", "Language", "What is spoken (\"en\", \"german\"); unset: detected, or as the model's generation_config says");
  install_string (object, PROP_LANGUAGE_CODE, "language-code", "Language code", "The same as language, by the name that gst-plugins-rs uses");
  install_string (object, PROP_PARAMETERS, "parameters", "Parameters", "Parameters of the task: key=value,... (dots descend), or a JSON object");
  install_string (object, PROP_DTYPE, "dtype", "Compute type", "float32, bfloat16, float16, int8, auto");
  install_string (object, PROP_REVISION, "revision", "Revision", "Branch, tag or commit of the model");
  install_string (object, PROP_ADAPTER, "adapter", "Adapter", "An adapter of the model");
  install_string (object, PROP_RESULTS, "results", "Results", "A file, or -: every final result as a JSON line");
  install_uint (object, PROP_THREADS, "threads", "Threads", "Threads for inference (0: one a core)", 0, 1024, 0);
  install_uint (object, PROP_LATENCY, "latency", "Latency", "A word is put out that long after it was spoken, ms", 100, 600000, DEFAULT_LATENCY);
  install_uint (object, PROP_LATENESS, "lateness", "Lateness", "By how much buffers are put later than they were spoken, ms", 0, 600000, DEFAULT_LATENESS);
  install_uint (object, PROP_MAX_LAG, "max-lag", "Maximum lag", "Sound that waits longer than this is dropped (live sources), ms", 100, 3600000, DEFAULT_MAX_LAG);
  g_object_class_install_property (object, PROP_UNIT, g_param_spec_enum ("unit", "Unit", "What one buffer holds", unit_get_type (), UNIT_WORD, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (object, PROP_STATS, g_param_spec_boxed ("stats", "Statistics", "frames-in, frames-done, frames-dropped; inference-mean, inference-max, lag in ns", GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gtf_asr_class_init (GtfAsrClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gtf_asr_debug, "gtfasr", 0, "live speech to text");
  object->set_property = gtf_asr_set_property;
  object->get_property = gtf_asr_get_property;
  object->finalize = gtf_asr_finalize;
  element->change_state = gtf_asr_change_state;
  install_properties (object);
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "Speech to text", "Audio/Text/Filter", "Transcribes speech with a model of the Hugging Face Hub (Whisper ...)", "GTransformers");
}

static void
gtf_asr_init (GtfAsr *self)
{
  self->latency = DEFAULT_LATENCY;
  self->lateness = DEFAULT_LATENESS;
  self->max_lag = DEFAULT_MAX_LAG;
  self->early = g_array_new (FALSE, FALSE, sizeof (float));
  self->line = g_string_new (NULL);
  self->position = self->next_time = GST_CLOCK_TIME_NONE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->out);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, gtf_asr_chain);
  gst_pad_set_event_function (self->sink, gtf_asr_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_query_function (self->src, gtf_asr_src_query);
  gst_pad_set_activatemode_function (self->src, gtf_asr_src_activate);
  gst_pad_use_fixed_caps (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
}
