/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The snippets are those of README.md, with the model's name and task put in; the page of an architecture is the one of docs/models that names its source.
 */
#include "tools/inspect.h"

#include <string.h>
#include "base/folders.h"

/* For each task: arguments of the command, inputs and parameters as JSON, and a line for the element that serves it (%s: the model). MASK is the tokenizer's. */
#define VIDEO "filesrc location=street.mp4 ! decodebin ! videoconvert ! "
#define SHOW " ! gtfoverlay ! videoconvert ! autovideosink"
#define CAPTIONS "filesrc location=talk.srt ! subparse ! gtftext "
#define CHOICE "[\"cat\", \"dog\"]"

static const struct { const char *task, *arguments, *inputs, *parameters, *pipeline; } tasks[] = {
  { "automatic-speech-recognition", "talk.flac", "\"talk.flac\"", NULL,
    "filesrc location=talk.flac ! decodebin ! audioconvert ! audioresample ! gtfasr model=%s ! fakesink dump=true" },
  { "object-detection", "street.jpg", "\"street.jpg\"", NULL, VIDEO "gtfdetect model=%s" SHOW },
  { "image-classification", "cat.jpg", "\"cat.jpg\"", NULL, VIDEO "gtfclassify model=%s" SHOW },
  { "image-segmentation", "street.jpg", "\"street.jpg\"", NULL, VIDEO "gtfsegment model=%s" SHOW },
  { "image-feature-extraction", "cat.jpg", "\"cat.jpg\"", NULL, NULL },
  { "depth-estimation", "street.jpg", "\"street.jpg\"", NULL, VIDEO "gtfsegment task=depth-estimation model=%s" SHOW },
  { "mask-generation", "street.jpg --output masks.png", "\"street.jpg\"", NULL, NULL },
  { "video-classification", "clip.mp4", "\"clip.mp4\"", NULL, NULL },
  { "zero-shot-image-classification", "cat.jpg --set candidate_labels='" CHOICE "'", "\"cat.jpg\"", "{\"candidate_labels\": " CHOICE "}", VIDEO "gtfclassify labels=cat,dog model=%s" SHOW },
  { "zero-shot-object-detection", "cat.jpg --set candidate_labels='" CHOICE "'", "\"cat.jpg\"", "{\"candidate_labels\": " CHOICE "}", VIDEO "gtfdetect labels=cat,dog model=%s" SHOW },
  { "fill-mask", "\"It is MASK here.\"", "\"It is MASK here.\"", NULL, NULL },
  { "question-answering", "--set question=\"Who?\" --set context=@report.txt", "{\"question\": \"Who?\", \"context\": \"Maria went home.\"}", NULL,
    CAPTIONS "task=question-answering question=\"Who?\" model=%s results=- ! fakesink" },
  { "table-question-answering", "\"How many?\" --set table=@table.json", "{\"table\": {\"name\": [\"tea\"], \"price\": [\"12\"]}, \"query\": \"How many?\"}", NULL, NULL },
  { "zero-shot-classification", "\"A text.\" --set candidate_labels='[\"news\", \"sport\"]'", "\"A text.\"", "{\"candidate_labels\": [\"news\", \"sport\"]}",
    CAPTIONS "task=zero-shot-classification labels=news,sport model=%s results=- ! fakesink" },
  { "text-classification", "\"A text.\"", "\"A text.\"", NULL, CAPTIONS "model=%s results=- ! fakesink" },
  { "token-classification", "\"A text.\"", "\"A text.\"", NULL, CAPTIONS "task=token-classification model=%s results=- ! fakesink" },
  { "", "\"A text.\"", "\"A text.\"", NULL, NULL },      /* any other */
};

/* @text with each @from replaced. (transfer full) */
static char *
replaced (const char *text, const char *from, const char *to)
{
  GString *out = g_string_new (text);

  g_string_replace (out, from, to, 0);
  return g_string_free (out, FALSE);
}

JsonObject *
inspect_use (const char *ref, const char *task, const char *mask)
{
  g_autofree char *shell = strpbrk (ref, " '\"$&;()<>|*?`\\") ? g_shell_quote (ref) : g_strdup (ref), *name = g_strescape (ref, NULL);
  g_autofree char *arguments = NULL, *inputs = NULL, *literal = NULL, *parameters = NULL, *command = NULL, *c = NULL, *python = NULL;
  JsonObject *use = json_object_new ();
  gsize i = 0;

  while (*tasks[i].task && strcmp (task, tasks[i].task) != 0)
    i++;
  arguments = replaced (tasks[i].arguments, "MASK", mask ? mask : "[MASK]");
  inputs = replaced (tasks[i].inputs, "MASK", mask ? mask : "[MASK]");
  literal = g_strescape (inputs, NULL);
  parameters = tasks[i].parameters ? g_strescape (tasks[i].parameters, NULL) : NULL;
  command = g_strdup_printf ("gtransformers run %s %s --model %s", task, arguments, shell);
  c = g_strdup_printf ("gtf_pipeline_run (gtf_pipeline_new (\"%s\", \"%s\", NULL, &error), \"%s\", %s%s%s, NULL, &error)", task, name, literal, parameters ? "\"" : "",
                       parameters ? parameters : "NULL", parameters ? "\"" : "");
  python = g_strdup_printf ("Gtf.Pipeline.new(\"%s\", \"%s\", None).run(\"%s\", %s%s%s, None).to_json()", task, name, literal, parameters ? "\"" : "",
                            parameters ? parameters : "None", parameters ? "\"" : "");
  json_object_set_string_member (use, "command", command);
  json_object_set_string_member (use, "c", c);
  json_object_set_string_member (use, "python", python);
  if (tasks[i].pipeline)
    {
      g_autofree char *filled = replaced (tasks[i].pipeline, "%s", shell), *line = g_strconcat ("gst-launch-1.0 ", filled, NULL);

      json_object_set_string_member (use, "gstreamer", line);
    }
  return use;
}

/* ---- the page ------------------------------------------------------------------------------------------------------- */

/* (transfer full) (nullable): the page below @folder that names @source. */
static char *
find_page (const char *folder, const char *source)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, entry, NULL), *text = NULL;

      if (g_str_has_suffix (entry, ".md") && g_file_get_contents (path, &text, NULL, NULL) && strstr (text, source))
        return g_filename_to_uri (path, NULL, NULL);
    }
  return NULL;
}

/* Out of the build folder docs/models leads to those of the source. */
char *
inspect_page (const char *plugin)
{
  g_autofree char *source = g_strdup_printf ("plugins/%s.c", plugin);
  g_auto (GStrv) folders = gtf_module_folders ();
  char *page = NULL;

  for (guint i = 0; folders[i] && !page; i++)
    {
      g_autofree char *folder = g_build_filename (folders[i], "docs", "models", NULL);

      page = find_page (folder, source);
    }
  return page ? page : find_page (GTF_DOCS_DIR "/models", source);
}
