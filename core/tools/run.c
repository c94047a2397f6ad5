/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers run: a task on inputs, or on requests line by line.
 */
#include "tools/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/json-print.h"
#include "base/json.h"
#include "pipeline/auto-model.h"
#include "pipeline/reference.h"
#include "registry/registry.h"

typedef struct
{
  const char *task, *model, *format, *output, *dtype, *threads, *revision, *adapter;
  gboolean jsonl, help;
  JsonObject *parameters;
  GPtrArray *arguments;                 /* the task, then the inputs */
  const GtfTaskPlugin *plugin;
  CliFormat chosen;
  gboolean chose_times;                 /* return_timestamps was set by us, for subtitles */
  GCancellable *cancellable;
  CliProgress *progress;
  GtfPipeline *pipeline;
} Run;

static void
print_parameters (const GtfTaskPlugin *plugin)
{
  printf ("Usage: gtransformers run %s [INPUT...] [OPTION...]\n\n", plugin->head.name);
  printf ("INPUT is %s\n\n", GTF_TASK_HAS (plugin, input) ? plugin->input
                              : g_strcmp0 (plugin->media, "text") == 0 ? "a text, @FILE or -" : "a file, or - for standard input");
  printf ("Parameters (--set NAME=VALUE):\n");
  for (const GtfTaskParameter *p = plugin->parameters; p && p->name; p++)
    {
      const char *fallback = p->fallback ? p->fallback : "null";

      printf ("  %-26s %s", strcmp (p->name, "*") == 0 ? "(others)" : p->name, p->type);
      if (*fallback)
        printf ("; default %s", fallback);
      printf ("\n  %-26s %s\n", "", p->description ? p->description : "");
    }
  printf ("\nOptions:\n");
}

static int
print_help (const Run *run, const CliOption *options)
{
  g_autoptr (GError) error = NULL;

  if (run->arguments->len && strcmp (run->arguments->pdata[0], "auto") != 0)
    {
      const GtfTaskPlugin *plugin = (const GtfTaskPlugin *) gtf_registry_find (GTF_PLUGIN_TASK, run->arguments->pdata[0], &error);

      if (plugin == NULL)
        return cli_failure (error);
      print_parameters (plugin);
    }
  else
    printf ("Usage: gtransformers run TASK [INPUT...] [OPTION...]\n\n"
            "TASK is a task of transformers or an alias of one, or auto. `gtransformers plugins` lists them,\n"
            "`gtransformers run TASK --help` lists the parameters of one.\n\nOptions:\n");
  cli_print_options (options);
  return CLI_OK;
}

static char *
loading_options (const Run *run, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  guint64 threads;

  if (run->dtype)
    json_object_set_string_member (object, "dtype", run->dtype);
  if (run->revision)
    json_object_set_string_member (object, "revision", run->revision);
  if (run->adapter)
    json_object_set_string_member (object, "adapter", run->adapter);
  if (run->threads)
    {
      if (!g_ascii_string_to_unsigned (run->threads, 10, 1, 1024, &threads, NULL))
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--threads '%s': expected a number from 1 to 1024", run->threads);
          return NULL;
        }
      json_object_set_int_member (object, "threads", (gint64) threads);
    }
  json_node_set_object (node, object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}

static void
on_segment (GtfPipeline *pipeline, const char *json, gboolean final, double fraction, gpointer data)
{
  Run *run = data;
  g_autoptr (JsonNode) node = gtf_json_parse ("segment", json, -1, GTF_JSON_PYTHON, NULL);
  const char *text = node && JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_string_member_with_default (json_node_get_object (node), "text", NULL) : NULL;

  if (run->progress)
    cli_progress_set (run->progress, fraction, text);
}

static char *
json_of_object (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, object);
  return gtf_json_print (node, GTF_JSON_REQUEST);
}

static GtfResult *
run_inputs (Run *run, JsonNode *inputs, JsonObject *parameters, GError **error)
{
  g_autofree char *in = gtf_json_print (inputs, GTF_JSON_REQUEST);
  g_autofree char *with = json_of_object (parameters);

  return gtf_pipeline_run (run->pipeline, in, with, run->cancellable, error);
}

/* ---- --jsonl ---- */

static char *
serve (JsonNode *inputs, JsonObject *parameters, gpointer data, GError **error)
{
  Run *run = data;
  g_autoptr (GtfResult) result = NULL;
  g_autoptr (JsonObject) all = json_object_new ();
  JsonObject *sources[] = { run->parameters, parameters };

  /* What --set says holds for each request that does not say otherwise. */
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *value;

      json_object_iter_init_ordered (&iter, sources[i]);
      while (json_object_iter_next_ordered (&iter, &name, &value))
        json_object_set_member (all, name, json_node_copy (value));
    }
  result = run_inputs (run, inputs, all, error);
  return result ? gtf_json_print (gtf_result_get_node (result), GTF_JSON_COMPACT) : NULL;
}

/* ---- inputs of the command line ---- */

static JsonNode *
input_node (const Run *run, const char *argument, GError **error)
{
  g_autofree char *text = NULL;

  if (g_strcmp0 (run->plugin->media, "text") == 0)
    text = cli_read_text (argument, error);
  else
    text = g_strdup (argument);
  if (text && !g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "an input is not UTF-8");
      return NULL;
    }
  return text ? json_node_init_string (json_node_alloc (), text) : NULL;
}

static gboolean
has_parameter (const Run *run, const char *name)
{
  for (const GtfTaskParameter *p = run->plugin->parameters; p && p->name; p++)
    if (strcmp (p->name, name) == 0)
      return TRUE;
  return FALSE;
}

/* Subtitles need times. Words make the better cues; where the model cannot give them, its segments do. */
static GtfResult *
run_with_times (Run *run, JsonNode *input, GError **error)
{
  g_autoptr (GError) first = NULL;
  GtfResult *result;

  if (!run->chose_times)
    return run_inputs (run, input, run->parameters, error);
  json_object_set_string_member (run->parameters, "return_timestamps", "word");
  result = run_inputs (run, input, run->parameters, &first);
  if (result || g_cancellable_is_cancelled (run->cancellable))
    {
      if (first)
        g_propagate_error (error, g_steal_pointer (&first));
      return result;
    }
  json_object_set_boolean_member (run->parameters, "return_timestamps", TRUE);
  result = run_inputs (run, input, run->parameters, NULL);
  if (result == NULL)
    g_propagate_error (error, g_steal_pointer (&first));
  return result;
}

/* @path: of the picture that was looked at; NULL: it was none */
static void
append_text_result (GString *out, GtfResult *result, const char *output, const char *path)
{
  const gboolean colours = output == NULL && cli_colours (STDOUT_FILENO);
  g_autofree char *preview = colours && path ? cli_picture_preview (path, gtf_result_get_node (result)) : NULL;
  g_autofree char *coloured = colours ? gtf_result_render (result, "terminal") : NULL;
  const char *text = coloured ? coloured : gtf_result_get_readable (result) ? gtf_result_get_readable (result) : gtf_result_get_text (result);

  if (preview)
    g_string_append (out, preview);
  if (text)
    g_string_append (out, text[0] == ' ' ? text + 1 : text);
  else
    {
      g_autofree char *json = gtf_json_print (gtf_result_get_node (result), GTF_JSON_PRETTY);

      g_string_append (out, json);
    }
  g_string_append_c (out, '\n');
}

/* Several answers make one page: head and foot are those of the first and the last. */
static gboolean
append_html_result (GString *out, const Run *run, GtfResult *result, gboolean last, GError **error)
{
  g_autofree char *page = gtf_result_render (result, "html");
  const char *body = page ? strstr (page, "<body"): NULL, *end = page ? g_strrstr (page, "</body>") : NULL;

  if (body == NULL || end == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "--format html: the task %s writes no page; use text or json", run->plugin->head.name);
      return FALSE;
    }
  if (out->len)
    body = strchr (body, '\n') + 1;
  else
    body = page;
  g_string_append_len (out, body, last ? (gssize) strlen (body) : end - body);
  return TRUE;
}

static char *
coco_results (const Run *run, GPtrArray *results, GError **error)
{
  g_autofree char *json = cli_coco ((char **) run->arguments->pdata + 1, results, error);

  return json ? g_strconcat (json, "\n", NULL) : NULL;
}

static char *
format_results (const Run *run, GPtrArray *results, GError **error)
{
  const gboolean shows_pictures = g_strcmp0 (run->plugin->media, "image") == 0;
  g_autoptr (GString) out = g_string_new (NULL);

  if (run->chosen == CLI_FORMAT_COCO)
    return coco_results (run, results, error);

  if (run->chosen == CLI_FORMAT_SRT || run->chosen == CLI_FORMAT_VTT)
    return cli_subtitles (gtf_result_get_node (results->pdata[0]), run->chosen == CLI_FORMAT_VTT, error);
  if (run->chosen == CLI_FORMAT_JSON && results->len > 1)
    g_string_append_c (out, '[');
  for (guint i = 0; i < results->len; i++)
    if (run->chosen == CLI_FORMAT_TEXT)
      append_text_result (out, results->pdata[i], run->output, shows_pictures && results->len + 1 == run->arguments->len ? run->arguments->pdata[i + 1] : NULL);
    else if (run->chosen == CLI_FORMAT_HTML)
      {
        if (!append_html_result (out, run, results->pdata[i], i + 1 == results->len, error))
          return NULL;
      }
    else
      g_string_append_printf (out, "%s%s", i ? ", " : "", gtf_result_to_json (results->pdata[i]));
  if (run->chosen == CLI_FORMAT_JSON)
    g_string_append (out, results->len > 1 ? "]\n" : "\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
run_input (Run *run, JsonNode *input, const char *name, GPtrArray *results, GError **error)
{
  g_autofree char *what = g_filename_display_basename (name);
  g_autoptr (CliProgress) progress = cli_progress_new (g_strcmp0 (run->plugin->media, "text") == 0 ? run->plugin->head.name : what);
  GtfResult *result;

  run->progress = progress;
  result = run_with_times (run, input, error);
  run->progress = NULL;
  if (result)
    g_ptr_array_add (results, result);
  return result != NULL;
}

/* All inputs as one request: null where there is none, a list where there are several. */
static gboolean
run_together (Run *run, GPtrArray *results, GError **error)
{
  g_autoptr (JsonArray) list = json_array_new ();
  g_autoptr (JsonNode) inputs = NULL;

  for (guint i = 1; i < run->arguments->len; i++)
    {
      JsonNode *input = input_node (run, run->arguments->pdata[i], error);

      if (input == NULL)
        return FALSE;
      json_array_add_element (list, input);
    }
  if (json_array_get_length (list) == 0)
    inputs = json_node_new (JSON_NODE_NULL);
  else
    inputs = json_node_init_array (json_node_alloc (), list);
  return run_input (run, inputs, run->plugin->head.name, results, error);
}

static gboolean
run_each (Run *run, GPtrArray *results, GError **error)
{
  for (guint i = 1; i < run->arguments->len; i++)
    {
      g_autoptr (JsonNode) input = input_node (run, run->arguments->pdata[i], error);

      if (input == NULL || !run_input (run, input, run->arguments->pdata[i], results, error))
        return FALSE;
    }
  return TRUE;
}

/* One input, and what was found in it drawn on it. */
static int
run_picture (Run *run)
{
  g_autofree char *parameters = json_of_object (run->parameters);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) picture = cli_picture (run->pipeline, run->arguments->pdata[1], parameters, run->chosen == CLI_FORMAT_JPEG, run->cancellable, &error);

  if (picture == NULL || !cli_write (run->output, g_bytes_get_data (picture, NULL), g_bytes_get_size (picture), &error))
    return cli_failure (error);
  return CLI_OK;
}

static int
run_arguments (Run *run)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  const guint flags = GTF_TASK_HAS (run->plugin, flags) ? run->plugin->flags : 0;
  gboolean together = run->arguments->len == 1 || flags & GTF_TASK_INPUTS_TOGETHER;

  if (run->chosen == CLI_FORMAT_PNG || run->chosen == CLI_FORMAT_JPEG)
    return run_picture (run);
  /* One request is also packed into one pass. */
  if (flags & GTF_TASK_INPUTS_BATCH && run->chosen == CLI_FORMAT_JSON && run->arguments->len > 2)
    together = TRUE;

  if (!(together ? run_together : run_each) (run, results, &error))
    return cli_failure (error);
  out = format_results (run, results, &error);
  if (out == NULL || !cli_write (run->output, out, strlen (out), &error))
    return cli_failure (error);
  return CLI_OK;
}

/* ---- the command ---- */

static int
choose_model (Run *run, char **owned)
{
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (run->model, "auto") == 0 && run->plugin)
    {
      run->model = *owned = gtf_auto_model_for_task (run->plugin->head.name, run->cancellable, &error);
      if (run->model == NULL)
        return cli_failure (error);
      cli_note ("model: %s", run->model);
      return CLI_OK;
    }
  if (run->model)
    return CLI_OK;
  *owned = run->plugin ? gtf_builtin_for_task (run->plugin->head.name) : NULL;
  if (*owned == NULL)
    {
      error = g_error_new (GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no built-in model for this task; name one with --model REF", run->task);

      return cli_failure (error);
    }
  run->model = *owned;
  cli_note ("model: %s", run->model);
  return CLI_OK;
}

/* Whether all of a request may be said by --set. */
static gboolean
takes_no_input (const Run *run)
{
  return GTF_TASK_HAS (run->plugin, flags) && (run->plugin->flags & GTF_TASK_INPUT_OPTIONAL) && json_object_get_size (run->parameters) > 0;
}

/* What only tasks over pictures write. */
static int
check_picture (const Run *run)
{
  const gboolean draws = run->chosen == CLI_FORMAT_PNG || run->chosen == CLI_FORMAT_JPEG;

  if (!draws && run->chosen != CLI_FORMAT_COCO)
    return CLI_OK;
  if (g_strcmp0 (run->plugin->media, "image") != 0)
    return cli_usage_error ("run", "%s: no task over pictures, so it writes neither pictures nor COCO", run->plugin->head.name);
  if (draws && run->arguments->len != 2)
    return cli_usage_error ("run", "one picture is drawn on, but %u inputs were given", run->arguments->len - 1);
  for (guint i = 1; !draws && i < run->arguments->len; i++)
    if (strcmp (run->arguments->pdata[i], "-") == 0)
      return cli_usage_error ("run", "--format coco names its pictures: standard input has no name");
  return CLI_OK;
}

/* What can be wrong in the arguments is found before anything is loaded. */
static int
check_arguments (Run *run)
{
  g_autoptr (GError) error = NULL;
  gboolean subtitles;

  if (run->arguments->len == 0)
    return cli_usage_error ("run", "a task is missing");
  run->task = run->arguments->pdata[0];
  if (run->jsonl && run->arguments->len > 1)
    return cli_usage_error ("run", "--jsonl takes its inputs from standard input, but '%s' was given", (char *) run->arguments->pdata[1]);
  if (run->jsonl && (run->format || run->output))
    return cli_usage_error ("run", "--jsonl writes JSON to standard output; --format and --output do not go with it");
  if (!cli_choose_format (run->format, run->output, &run->chosen, &error))
    return cli_usage_error ("run", "%s", error->message);
  subtitles = run->chosen == CLI_FORMAT_SRT || run->chosen == CLI_FORMAT_VTT;
  if (subtitles && run->arguments->len > 2)
    return cli_usage_error ("run", "subtitles are made of one input, but %u were given", run->arguments->len - 1);
  if (!run->jsonl && run->arguments->len == 1 && json_object_get_size (run->parameters) == 0)
    return cli_usage_error ("run", "%s: an input is missing", run->task);
  if (strcmp (run->task, "auto") != 0)
    {
      run->plugin = (const GtfTaskPlugin *) gtf_registry_find (GTF_PLUGIN_TASK, run->task, &error);
      if (run->plugin == NULL)
        return cli_failure (error);
      if (!run->jsonl && run->arguments->len == 1 && !takes_no_input (run))
        return cli_usage_error ("run", "%s: an input is missing", run->task);
      run->chose_times = subtitles && has_parameter (run, "return_timestamps") && !json_object_has_member (run->parameters, "return_timestamps");
      return check_picture (run);
    }
  return CLI_OK;
}

static int
run_command (Run *run)
{
  g_autofree char *options = NULL, *builtin = NULL;
  g_autoptr (GtfReference) reference = NULL;
  g_autoptr (GError) error = NULL;
  int status = check_arguments (run);

  if (status != CLI_OK)
    return status;
  options = loading_options (run, &error);
  if (options == NULL)
    return cli_usage_error ("run", "%s", error->message);
  status = choose_model (run, &builtin);
  if (status != CLI_OK)
    return status;
  reference = cli_fetch (run->model, run->revision, GTF_HUB_WEIGHTS, run->cancellable, &error);
  if (reference == NULL)
    return cli_failure (error);
  run->pipeline = gtf_pipeline_load (run->task, run->model, options, run->cancellable, &error);
  if (run->pipeline == NULL)
    return cli_failure (error);
  if (run->plugin == NULL)
    {
      run->plugin = (const GtfTaskPlugin *) gtf_registry_find (GTF_PLUGIN_TASK, gtf_pipeline_get_task (run->pipeline), NULL);
      if (!run->jsonl && run->arguments->len == 1 && !takes_no_input (run))
        return cli_usage_error ("run", "%s: an input is missing", run->plugin->head.name);
      status = check_picture (run);
      if (status != CLI_OK)
        return status;
    }
  g_signal_connect (run->pipeline, "segment", G_CALLBACK (on_segment), run);
  return run->jsonl ? cli_serve_lines (serve, run, run->cancellable) : run_arguments (run);
}

int
cli_run (int argc, char **argv)
{
  g_autoptr (JsonObject) parameters = json_object_new ();
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  Run run = { .parameters = parameters, .arguments = arguments };
  const CliOption options[] = {
    { "model", 'm', CLI_STRING, &run.model, "REF", "a folder, org/name[@revision] or builtin/NAME; default: the built-in model" },
    { "set", 's', CLI_SETTING, parameters, "KEY=VALUE", "a parameter of the task; dots descend, VALUE is JSON or text" },
    { "format", 'f', CLI_STRING, &run.format, "FORMAT", "text, json, html, srt or vtt; of pictures also coco, png or jpeg" },
    { "output", 'o', CLI_STRING, &run.output, "FILE", "where to write; its ending is the format" },
    { "jsonl", 0, CLI_FLAG, &run.jsonl, NULL, "requests a line on standard input, answers a line on standard output" },
    { "dtype", 0, CLI_STRING, &run.dtype, "TYPE", "float32, bfloat16, float16, int8 or auto" },
    { "threads", 0, CLI_STRING, &run.threads, "N", "how many to compute with" },
    { "revision", 0, CLI_STRING, &run.revision, "REV", "branch, tag or commit of the model" },
    { "adapter", 0, CLI_STRING, &run.adapter, "REF", "an adapter to put on the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no progress, no notes" },
    { "help", 'h', CLI_FLAG, &run.help, NULL, "this, or with TASK its parameters" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  int status;

  if (!cli_parse_options ("run", argc, argv, options, arguments, &error))
    return error->domain == G_OPTION_ERROR ? cli_usage_error ("run", "%s", error->message) : cli_failure (error);
  if (run.help)
    return print_help (&run, options);
  run.cancellable = cli_interrupt_init ();
  status = run_command (&run);
  g_clear_object (&run.pipeline);
  return status;
}
