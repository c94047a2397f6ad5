/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfasr
 *
 * Live speech to text: audio/x-raw in, one text/x-raw buffer a word (or a line) out, each with the time at which it was spoken.
 *
 *   gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! gtfasr model=openai/whisper-base ! fakesink dump=true
 *
 * How it works. The work is GtfTranscriber's (core/pipeline/transcriber.c); this file carries buffers to it, gtfasr-words.c words from it.
 *   - The model is loaded by GtfElement (element.c); samples that come before it is there wait in a queue with the transcriber's
 *     own bound.
 *   - Words come on the transcriber's thread and leave by GtfOutlet (outlet.c), so that nothing ever waits for downstream.
 *   - Live or not is asked upstream by a LATENCY query at the segment: a live source is never held up (the oldest sound is
 *     dropped beyond max-lag), any other waits until its sound has been worked on.
 *   - It fits transcriberbin (gst-plugins-rs): property names, the answer to LATENCY without caps or model, the
 *     rstranscribe/final-transcript event at the end of each utterance.
 */
#include "gtfasr-private.h"

#include <gst/audio/audio.h>
#include <json-glib/json-glib.h>
#include "base/json-print.h"

GST_DEBUG_CATEGORY_STATIC (gtf_asr_debug);
#define GST_CAT_DEFAULT gtf_asr_debug

#define DEFAULT_LATENCY 8000
#define DEFAULT_LATENESS 0
#define DEFAULT_MAX_LAG 10000
#define RATE 16000

enum
{
  PROP_0,
  PROP_LANGUAGE,
  PROP_LANGUAGE_CODE,
  PROP_LATENCY,
  PROP_LATENESS,
  PROP_MAX_LAG,
  PROP_UNIT
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
  GST_STATIC_CAPS ("audio/x-raw, format = (string) " GST_AUDIO_NE (F32) ", rate = (int) 16000, channels = (int) 1, layout = (string) interleaved"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

G_DEFINE_FINAL_TYPE (GtfAsr, gtf_asr, GTF_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE (gtfasr, "gtfasr", GST_RANK_NONE, GTF_TYPE_ASR);

static GType
unit_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = { { GTF_ASR_WORDS, "One buffer a word", "word" }, { GTF_ASR_LINES, "One buffer a line", "line" }, { 0, NULL, NULL } };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GtfAsrUnit", values));
  return type;
}

/* ---- the transcriber ---- */

static char *
transcriber_options (GtfAsr *self, GError **error)
{
  g_autofree char *parameters = gtf_element_get_parameters (GTF_ELEMENT (self), error);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;

  if (!parameters)
    return NULL;
  GST_OBJECT_LOCK (self);
  json_object_set_int_member (object, "latency", self->latency);
  json_object_set_int_member (object, "max_lag", self->max_lag);
  json_object_set_boolean_member (object, "live", self->live);
  if (self->language)
    json_object_set_string_member (object, "language", self->language);
  json_object_set_member (object, "parameters", json_from_string (parameters, NULL));
  GST_OBJECT_UNLOCK (self);
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
    self->transcriber = gtf_transcriber_new (gtf_element_get_pipeline (GTF_ELEMENT (self)), options, &error);
  if (!self->transcriber)
    {
      self->refused = TRUE;
      GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
      return FALSE;
    }
  gtf_transcriber_set_func (self->transcriber, gtf_asr_on_event, self, NULL);
  return TRUE;
}

/* (nullable) (transfer full): waits for the model unless the source is live. With the lock. */
static GtfTranscriber *
get_transcriber (GtfAsr *self)
{
  GtfElement *element = GTF_ELEMENT (self);

  while (gtf_element_is_loading (element) && !self->live && !self->flushing)
    gtf_element_wait (element);
  if (!gtf_element_get_pipeline (element) || self->refused || self->flushing || (!self->transcriber && !start_transcriber (self)))
    return NULL;
  if (self->early->len > 0)
    {
      gtf_transcriber_push (self->transcriber, (const float *) self->early->data, self->early->len, self->early_time, TRUE);
      g_array_set_size (self->early, 0);
    }
  return g_object_ref (self->transcriber);
}

/* ---- what comes in ---- */

static void
ask_live (GtfAsr *self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (self->sink, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  gtf_element_lock (GTF_ELEMENT (self));
  self->live = live;
  gtf_element_unlock (GTF_ELEMENT (self));
}

/* A live source before the model is there: keep the newest max-lag. With the lock. */
static void
keep_early (GtfAsr *self, const float *samples, gsize n, GstClockTime time)
{
  gsize most = (gsize) self->max_lag * RATE / 1000;

  if (self->early->len == 0)
    self->early_time = time;
  g_array_append_vals (self->early, samples, (guint) n);
  if (self->early->len > most)
    {
      guint excess = self->early->len - (guint) most;

      g_array_remove_range (self->early, 0, excess);
      self->early_time += gst_util_uint64_scale (excess, GST_SECOND, RATE);
      self->early_dropped += excess;
    }
}

static GstFlowReturn
hear (GtfAsr *self, const float *samples, gsize n, GstClockTime time, gboolean discont)
{
  g_autoptr (GtfTranscriber) transcriber = NULL;
  GstFlowReturn flow = gtf_outlet_get_flow (&self->outlet);

  if (flow != GST_FLOW_OK)
    return flow;
  gtf_element_lock (GTF_ELEMENT (self));
  transcriber = get_transcriber (self);
  if (self->flushing)
    flow = GST_FLOW_FLUSHING;
  else if (!transcriber && gtf_element_is_loading (GTF_ELEMENT (self)))
    keep_early (self, samples, n, time);
  else if (!transcriber)
    flow = GST_FLOW_ERROR;
  gtf_element_unlock (GTF_ELEMENT (self));
  if (transcriber && flow == GST_FLOW_OK && !gtf_transcriber_push (transcriber, samples, n, time, discont))
    flow = GST_FLOW_FLUSHING;
  return flow;
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
  self->next_time = time + gst_util_uint64_scale (n, GST_SECOND, RATE);
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
  static const float silence[RATE / 10] = { 0 };

  gst_event_parse_gap (event, &start, &duration);
  if (duration == GST_CLOCK_TIME_NONE)
    return;
  for (GstClockTime t = 0; t < MIN (duration, 60 * GST_SECOND); t += 100 * GST_MSECOND)
    if (hear (self, silence, MIN (RATE / 10, (gsize) gst_util_uint64_scale (duration - t, RATE, GST_SECOND)), start + t, FALSE) != GST_FLOW_OK)
      return;
  self->next_time = start + duration;
}

/* Waits until all that was heard has gone into the queue. */
static void
drain (GtfAsr *self)
{
  GtfElement *element = GTF_ELEMENT (self);
  g_autoptr (GtfTranscriber) transcriber = NULL;

  gtf_element_lock (element);
  while (gtf_element_is_loading (element) && !self->flushing)
    gtf_element_wait (element);
  transcriber = get_transcriber (self);
  self->draining = transcriber != NULL;
  gtf_element_unlock (element);
  if (!transcriber)
    return;
  gtf_transcriber_drain (transcriber);
  gtf_element_lock (element);
  while (self->draining && !self->flushing)
    gtf_element_wait (element);
  gtf_element_unlock (element);
}

static void
start_flush (GtfAsr *self)
{
  gtf_element_lock (GTF_ELEMENT (self));
  self->flushing = TRUE;
  if (self->transcriber)
    gtf_transcriber_flush (self->transcriber);
  g_array_set_size (self->early, 0);
  gtf_element_tell (GTF_ELEMENT (self));
  gtf_element_unlock (GTF_ELEMENT (self));
}

static void
stop_flush (GtfAsr *self)
{
  gtf_element_lock (GTF_ELEMENT (self));
  self->flushing = self->draining = FALSE;
  self->next_time = GST_CLOCK_TIME_NONE;
  g_string_truncate (self->line, 0);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  gtf_element_unlock (GTF_ELEMENT (self));
}

static gboolean
on_caps (GtfAsr *self)
{
  if (!self->sent_caps)
    gtf_outlet_put (&self->outlet, gst_event_new_caps (gst_static_pad_template_get_caps (&src_template)));
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
  gtf_element_lock (GTF_ELEMENT (self));
  self->segment = *segment;
  self->next_time = GST_CLOCK_TIME_NONE;
  gtf_element_unlock (GTF_ELEMENT (self));
  gtf_outlet_put (&self->outlet, event);
  return TRUE;
}

static gboolean
gtf_asr_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GtfAsr *self = GTF_ASR (parent);

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
      gtf_outlet_put (&self->outlet, event);
      return TRUE;
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
      return gtf_outlet_start (&self->outlet, NULL);
    }
  start_flush (self);
  return gtf_outlet_stop (&self->outlet);
}

static char *
gtf_asr_get_task (GtfElement *element)
{
  return g_strdup ("automatic-speech-recognition");
}

static gboolean
gtf_asr_start (GtfElement *element, GError **error)
{
  GtfAsr *self = GTF_ASR (element);

  self->refused = self->sent_caps = FALSE;
  self->early_dropped = 0;
  GST_OBJECT_LOCK (self);
  self->outlet.offset = self->lateness * GST_MSECOND;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static void
gtf_asr_stop (GtfElement *element)
{
  GtfAsr *self = GTF_ASR (element);
  g_autoptr (GtfTranscriber) transcriber = NULL;

  gtf_element_lock (element);
  transcriber = g_steal_pointer (&self->transcriber);
  gtf_element_unlock (element);
  if (transcriber)
    gtf_transcriber_stop (transcriber);
  g_array_set_size (self->early, 0);
  g_string_truncate (self->line, 0);
}

static void
gtf_asr_get_stats (GtfElement *element, GtfElementStats *stats)
{
  GtfAsr *self = GTF_ASR (element);
  GtfTranscriberStats s = { 0 };

  if (self->transcriber)
    gtf_transcriber_get_stats (self->transcriber, &s);
  *stats = (GtfElementStats) { s.samples_in + self->early_dropped, s.samples_done, s.samples_dropped + self->early_dropped,
                               s.passes ? s.inference_total / s.passes : 0, s.inference_max, s.lag };
}

/* ---- properties ---- */

static guint *
uint_property (GtfAsr *self, guint id)
{
  return id == PROP_LATENCY ? &self->latency : id == PROP_LATENESS ? &self->lateness : id == PROP_MAX_LAG ? &self->max_lag : NULL;
}

static void
gtf_asr_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfAsr *self = GTF_ASR (object);
  guint *number = uint_property (self, id);
  gboolean latency = id == PROP_LATENCY || id == PROP_LATENESS;

  GST_OBJECT_LOCK (self);
  if (id == PROP_LANGUAGE || id == PROP_LANGUAGE_CODE)
    {
      g_free (self->language);
      self->language = g_value_dup_string (value);
    }
  else if (number)
    *number = g_value_get_uint (value);
  else if (id == PROP_UNIT)
    self->unit = (GtfAsrUnit) g_value_get_enum (value);
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
  guint *number = uint_property (self, id);

  GST_OBJECT_LOCK (self);
  if (id == PROP_LANGUAGE || id == PROP_LANGUAGE_CODE)
    g_value_set_string (value, self->language);
  else if (number)
    g_value_set_uint (value, *number);
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

  g_free (self->language);
  gtf_outlet_clear (&self->outlet);
  g_array_unref (self->early);
  g_string_free (self->line, TRUE);
  G_OBJECT_CLASS (gtf_asr_parent_class)->finalize (object);
}

static void
gtf_asr_class_init (GtfAsrClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GtfElementClass *own = GTF_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gtf_asr_debug, "gtfasr", 0, "live speech to text");
  object->set_property = gtf_asr_set_property;
  object->get_property = gtf_asr_get_property;
  object->finalize = gtf_asr_finalize;
  own->get_task = gtf_asr_get_task;
  own->start = gtf_asr_start;
  own->stop = gtf_asr_stop;
  own->get_stats = gtf_asr_get_stats;
  gtf_element_install_string (object, PROP_LANGUAGE, "language", "Language", "What is spoken (\"en\", \"german\"); unset: detected, or as the model's generation_config says");
  gtf_element_install_string (object, PROP_LANGUAGE_CODE, "language-code", "Language code", "The same as language, by the name that gst-plugins-rs uses");
  gtf_element_install_uint (object, PROP_LATENCY, "latency", "Latency", "A word is put out that long after it was spoken, ms", 100, 600000, DEFAULT_LATENCY);
  gtf_element_install_uint (object, PROP_LATENESS, "lateness", "Lateness", "By how much buffers are put later than they were spoken, ms", 0, 600000, DEFAULT_LATENESS);
  gtf_element_install_uint (object, PROP_MAX_LAG, "max-lag", "Maximum lag", "Sound that waits longer than this is dropped (live sources), ms", 100, 3600000, DEFAULT_MAX_LAG);
  g_object_class_install_property (object, PROP_UNIT, g_param_spec_enum ("unit", "Unit", "What one buffer holds", unit_get_type (), GTF_ASR_WORDS, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
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
  self->next_time = GST_CLOCK_TIME_NONE;
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
  gtf_outlet_init (&self->outlet, GST_ELEMENT (self), self->src);
}
