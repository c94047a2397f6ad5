/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "element.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include "elements.h"
#include "models.h"
#include "base/json-print.h"
#include "pipeline/reference.h"

typedef struct
{
  /* properties, under the object lock */
  char *model, *parameters, *dtype, *revision, *adapter, *results;
  guint threads;

  GMutex lock;                        /* what follows, and what is the subclass's */
  GCond cond;
  GtfPipeline *pipeline;
  GThread *loader;
  GCancellable *cancellable;          /* of the loader */
  gboolean loading, started;          /* loading: there is none yet, but may be */
  gboolean wanted;                    /* `model` has changed since the loader looked */
  gboolean loader_ended;
  GtfResultsFile *results_file;
} GtfElementPrivate;

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_PARAMETERS,
  PROP_DTYPE,
  PROP_REVISION,
  PROP_ADAPTER,
  PROP_RESULTS,
  PROP_THREADS,
  PROP_STATS
};

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GtfElement, gtf_element, GST_TYPE_ELEMENT)

#define PRIVATE(self) ((GtfElementPrivate *) gtf_element_get_instance_private (self))

/* ---- what subclasses wait on ---- */

void
gtf_element_lock (GtfElement *self)
{
  g_mutex_lock (&PRIVATE (self)->lock);
}

void
gtf_element_unlock (GtfElement *self)
{
  g_mutex_unlock (&PRIVATE (self)->lock);
}

void
gtf_element_wait (GtfElement *self)
{
  g_cond_wait (&PRIVATE (self)->cond, &PRIVATE (self)->lock);
}

void
gtf_element_tell (GtfElement *self)
{
  g_cond_broadcast (&PRIVATE (self)->cond);
}

gboolean
gtf_element_is_loading (GtfElement *self)
{
  return PRIVATE (self)->loading;
}

GtfPipeline *
gtf_element_get_pipeline (GtfElement *self)
{
  return PRIVATE (self)->pipeline;
}

GtfPipeline *
gtf_element_wait_for_pipeline (GtfElement *self, GCancellable *cancellable)
{
  GtfElementPrivate *p = PRIVATE (self);
  GtfPipeline *pipeline;

  g_mutex_lock (&p->lock);
  while (p->loading && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait (&p->cond, &p->lock);
  pipeline = p->loading || !p->pipeline ? NULL : g_object_ref (p->pipeline);
  g_mutex_unlock (&p->lock);
  return pipeline;
}

/* ---- loading ---- */

static void
post_progress (GtfElement *self, GstProgressType type, const char *text)
{
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_progress (GST_OBJECT (self), type, "load-model", text));
}

/* With the object lock. */
static char *
loading_options (GtfElementPrivate *p)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;

  if (p->dtype)
    json_object_set_string_member (object, "dtype", p->dtype);
  if (p->revision)
    json_object_set_string_member (object, "revision", p->revision);
  if (p->adapter)
    json_object_set_string_member (object, "adapter", p->adapter);
  if (p->threads)
    json_object_set_int_member (object, "threads", p->threads);
  node = json_node_init_object (json_node_alloc (), object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static void
on_download (const GtfHubProgress *progress, gpointer self)
{
  g_autofree char *done = g_format_size ((guint64) MAX (progress->bytes_done, 0)), *total = g_format_size ((guint64) progress->bytes_total);
  g_autofree char *text = g_strdup_printf ("downloading: %s of %s, %u of %u files", done, total, progress->files_done, progress->n_files);

  post_progress (self, GST_PROGRESS_TYPE_CONTINUE, text);
}

/* Loads what the properties say now. Of a model that takes another's place a failure is a warning: that one stays. */
static GtfPipeline *
load_pipeline (GtfElement *self, gboolean first)
{
  GtfElementPrivate *p = PRIVATE (self);
  g_autofree char *options = NULL, *model = NULL, *revision = NULL, *task = NULL;
  g_autoptr (GtfReference) reference = NULL;
  g_autoptr (GError) error = NULL;
  GtfPipeline *pipeline = NULL;

  GST_OBJECT_LOCK (self);
  revision = g_strdup (p->revision);
  options = loading_options (p);
  model = g_strdup (p->model);
  task = GTF_ELEMENT_GET_CLASS (self)->get_task (self);
  GST_OBJECT_UNLOCK (self);
  post_progress (self, GST_PROGRESS_TYPE_START, model ? model : "the built-in model");
  reference = model && strcmp (model, "auto") != 0 ? gtf_reference_fetch (model, revision, GTF_HUB_WEIGHTS, on_download, self, p->cancellable, &error) : NULL;
  if (error == NULL)
    pipeline = GTF_ELEMENT_GET_CLASS (self)->shares_model ? gtf_models_load (task, model, options, p->cancellable, &error)
                                                           : gtf_pipeline_load (task, model, options, p->cancellable, &error);
  if (!pipeline && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    post_progress (self, GST_PROGRESS_TYPE_CANCELED, "cancelled");
  else if (!pipeline)
    {
      post_progress (self, GST_PROGRESS_TYPE_ERROR, error->message);
      if (first)
        GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
      else
        GST_ELEMENT_WARNING (self, RESOURCE, OPEN_READ, ("%s", error->message), (NULL));
    }
  return pipeline;
}

static gpointer
load (gpointer data)
{
  GtfElement *self = data;
  GtfElementPrivate *p = PRIVATE (self);
  gboolean again = TRUE;

  for (gboolean first = p->loading; again; first = FALSE)
    {
      g_autoptr (GtfPipeline) old = NULL;
      GtfPipeline *pipeline;

      gtf_element_lock (self);
      p->wanted = FALSE;
      gtf_element_unlock (self);
      /* The cause is told first: once the flag is down, the streaming thread fails, and the source tells of that. */
      pipeline = load_pipeline (self, first);
      gtf_element_lock (self);
      if (pipeline)
        {
          old = p->pipeline;
          p->pipeline = pipeline;
        }
      p->loading = FALSE;
      gtf_element_tell (self);
      gtf_element_unlock (self);
      if (pipeline)
        post_progress (self, GST_PROGRESS_TYPE_COMPLETE, "ready");
      gtf_element_lock (self);
      again = p->wanted && p->started && p->pipeline;
      p->loader_ended = !again;
      gtf_element_unlock (self);
    }
  return NULL;
}

/* `model` has changed: a running element loads it, while it goes on with the one it has. */
static void
load_again (GtfElement *self)
{
  GtfElementPrivate *p = PRIVATE (self);

  gtf_element_lock (self);
  if (p->started && GTF_ELEMENT_GET_CLASS (self)->shares_model)
    {
      p->wanted = TRUE;
      if (p->loader_ended && p->pipeline)
        {
          g_thread_join (p->loader);      /* which does nothing more, and needs no lock for that */
          p->loader_ended = FALSE;
          p->loader = g_thread_new ("gtf-load", load, self);
        }
    }
  gtf_element_unlock (self);
}

/* ---- results ---- */

char *
gtf_element_get_parameters (GtfElement *self, GError **error)
{
  g_autofree char *text = NULL;

  GST_OBJECT_LOCK (self);
  text = g_strdup (PRIVATE (self)->parameters);
  GST_OBJECT_UNLOCK (self);
  return gtf_parameters_to_json (text, error);
}

void
gtf_element_post_result (GtfElement *self, GtfPipeline *pipeline, const char *json, const GstSegment *segment, GstClockTime start, GstClockTime duration, gboolean final)
{
  GtfElementPrivate *p = PRIVATE (self);

  gtf_post_result (GST_ELEMENT (self), json, segment, start, duration, gtf_pipeline_get_model_id (pipeline), final, p->results_file);
}

/* ---- states ---- */

static gboolean
start (GtfElement *self)
{
  GtfElementPrivate *p = PRIVATE (self);
  g_autofree char *results = NULL;
  g_autoptr (GError) error = NULL;

  GST_OBJECT_LOCK (self);
  results = g_strdup (p->results);
  GST_OBJECT_UNLOCK (self);
  if (results && *results && !(p->results_file = gtf_results_file_open (results, &error)))
    {
      GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE, ("%s", error->message), (NULL));
      return FALSE;
    }
  if (GTF_ELEMENT_GET_CLASS (self)->start && !GTF_ELEMENT_GET_CLASS (self)->start (self, &error))
    {
      GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
      g_clear_pointer (&p->results_file, gtf_results_file_close);
      return FALSE;
    }
  p->loading = p->started = TRUE;
  p->loader_ended = FALSE;
  p->cancellable = g_cancellable_new ();
  p->loader = g_thread_new ("gtf-load", load, self);
  return TRUE;
}

static void
stop (GtfElement *self)
{
  GtfElementPrivate *p = PRIVATE (self);

  if (!p->loader)
    return;
  gtf_element_lock (self);
  p->started = FALSE;
  gtf_element_unlock (self);
  g_cancellable_cancel (p->cancellable);
  g_thread_join (g_steal_pointer (&p->loader));
  if (GTF_ELEMENT_GET_CLASS (self)->stop)
    GTF_ELEMENT_GET_CLASS (self)->stop (self);
  gtf_element_lock (self);
  g_clear_object (&p->pipeline);
  g_clear_object (&p->cancellable);
  g_clear_pointer (&p->results_file, gtf_results_file_close);
  gtf_element_unlock (self);
}

static GstStateChangeReturn
gtf_element_change_state (GstElement *element, GstStateChange transition)
{
  GtfElement *self = GTF_ELEMENT (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gtf_element_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

/* ---- properties ---- */

static GstStructure *
make_stats (GtfElement *self)
{
  GtfElementStats stats = { 0 };

  gtf_element_lock (self);
  if (GTF_ELEMENT_GET_CLASS (self)->get_stats)
    GTF_ELEMENT_GET_CLASS (self)->get_stats (self, &stats);
  gtf_element_unlock (self);
  return gst_structure_new ("application/x-gtf-stats",
    "frames-in", G_TYPE_UINT64, stats.frames_in,
    "frames-done", G_TYPE_UINT64, stats.frames_done,
    "frames-dropped", G_TYPE_UINT64, stats.frames_dropped,
    "inference-mean", G_TYPE_UINT64, stats.inference_mean,
    "inference-max", G_TYPE_UINT64, stats.inference_max,
    "lag", G_TYPE_UINT64, stats.lag, NULL);
}

static char **
string_property (GtfElementPrivate *p, guint id)
{
  char **const strings[] = { &p->model, &p->parameters, &p->dtype, &p->revision, &p->adapter, &p->results };

  return id >= PROP_MODEL && id <= PROP_RESULTS ? strings[id - PROP_MODEL] : NULL;
}

static void
gtf_element_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfElementPrivate *p = PRIVATE (GTF_ELEMENT (object));
  char **string = string_property (p, id);

  GST_OBJECT_LOCK (object);
  if (string)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
    }
  else if (id == PROP_THREADS)
    p->threads = g_value_get_uint (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
  if (id == PROP_MODEL)
    load_again (GTF_ELEMENT (object));
}

static void
gtf_element_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfElementPrivate *p = PRIVATE (GTF_ELEMENT (object));
  char **string = string_property (p, id);

  if (id == PROP_STATS)
    {
      g_value_take_boxed (value, make_stats (GTF_ELEMENT (object)));
      return;
    }
  GST_OBJECT_LOCK (object);
  if (string)
    g_value_set_string (value, *string);
  else if (id == PROP_THREADS)
    g_value_set_uint (value, p->threads);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
}

static void
gtf_element_finalize (GObject *object)
{
  GtfElementPrivate *p = PRIVATE (GTF_ELEMENT (object));

  for (guint id = PROP_MODEL; id <= PROP_RESULTS; id++)
    g_free (*string_property (p, id));
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->cond);
  G_OBJECT_CLASS (gtf_element_parent_class)->finalize (object);
}

void
gtf_element_install_string (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb)
{
  g_object_class_install_property (klass, id, g_param_spec_string (name, nick, blurb, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

void
gtf_element_install_live_string (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb)
{
  g_object_class_install_property (klass, id, g_param_spec_string (name, nick, blurb, NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

void
gtf_element_install_uint (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb, guint min, guint max, guint value)
{
  g_object_class_install_property (klass, id, g_param_spec_uint (name, nick, blurb, min, max, value, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

static void
gtf_element_class_init (GtfElementClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);

  object->set_property = gtf_element_set_property;
  object->get_property = gtf_element_get_property;
  object->finalize = gtf_element_finalize;
  GST_ELEMENT_CLASS (klass)->change_state = gtf_element_change_state;
  gtf_element_install_string (object, PROP_MODEL, "model", "Model", "A folder, org/name[@revision] from the Hugging Face cache, or builtin/NAME; unset: the built-in model. Elements over text and video load another while playing");
  gtf_element_install_string (object, PROP_PARAMETERS, "parameters", "Parameters", "Parameters of the task: key=value,... (dots descend), or a JSON object");
  gtf_element_install_string (object, PROP_DTYPE, "dtype", "Compute type", "float32, bfloat16, float16, int8, auto");
  gtf_element_install_string (object, PROP_REVISION, "revision", "Revision", "Branch, tag or commit of the model");
  gtf_element_install_string (object, PROP_ADAPTER, "adapter", "Adapter", "An adapter of the model");
  gtf_element_install_string (object, PROP_RESULTS, "results", "Results", "A file, or -: every final result as a JSON line");
  gtf_element_install_uint (object, PROP_THREADS, "threads", "Threads", "Threads for inference (0: one a core)", 0, 1024, 0);
  g_object_class_install_property (object, PROP_STATS, g_param_spec_boxed ("stats", "Statistics", "frames-in, frames-done, frames-dropped; inference-mean, inference-max, lag in ns", GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_type_mark_as_plugin_api (GTF_TYPE_ELEMENT, 0);
}

static void
gtf_element_init (GtfElement *self)
{
  g_mutex_init (&PRIVATE (self)->lock);
  g_cond_init (&PRIVATE (self)->cond);
}
