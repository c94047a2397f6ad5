/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The snippets are those of README.md, with the model's name and task put in.
 */
#include "tools/inspect-use.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_DEPTH 8
#define MAX_FILES 10000

/* For each task: arguments of the command, inputs and parameters as JSON, and a line for the element that serves it (%s: the model). MASK is the tokenizer's. */
static const struct { const char *task, *arguments, *inputs, *parameters, *pipeline; } tasks[] = {
  { "automatic-speech-recognition", "talk.flac", "\"talk.flac\"", NULL,
    "filesrc location=talk.flac ! decodebin ! audioconvert ! audioresample ! gtfasr model=%s ! fakesink dump=true" },
  { "object-detection", "street.jpg", "\"street.jpg\"", NULL,
    "filesrc location=street.mp4 ! decodebin ! videoconvert ! gtfdetect model=%s ! gtfoverlay ! videoconvert ! autovideosink" },
  { "image-classification", "cat.jpg", "\"cat.jpg\"", NULL, NULL },
  { "image-segmentation", "street.jpg", "\"street.jpg\"", NULL, NULL },
  { "image-feature-extraction", "cat.jpg", "\"cat.jpg\"", NULL, NULL },
  { "depth-estimation", "street.jpg", "\"street.jpg\"", NULL, NULL },
  { "zero-shot-image-classification", "cat.jpg --set candidate_labels='[\"cat\", \"dog\"]'", "\"cat.jpg\"", "{\"candidate_labels\": [\"cat\", \"dog\"]}", NULL },
  { "zero-shot-object-detection", "cat.jpg --set candidate_labels='[\"cat\", \"dog\"]'", "\"cat.jpg\"", "{\"candidate_labels\": [\"cat\", \"dog\"]}", NULL },
  { "fill-mask", "\"It is MASK here.\"", "\"It is MASK here.\"", NULL, NULL },
  { "question-answering", "--set question=\"Who?\" --set context=@report.txt", "{\"question\": \"Who?\", \"context\": \"Maria went home.\"}", NULL, NULL },
  { "zero-shot-classification", "\"A text.\" --set candidate_labels='[\"news\", \"sport\"]'", "\"A text.\"", "{\"candidate_labels\": [\"news\", \"sport\"]}", NULL },
  { "text-classification", "\"A text.\"", "\"A text.\"", NULL, "filesrc location=talk.srt ! subparse ! gtftext model=%s results=- ! fakesink" },
  { "token-classification", "\"A text.\"", "\"A text.\"", NULL, "filesrc location=talk.srt ! subparse ! gtftext task=token-classification model=%s results=- ! fakesink" },
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

/* ---- files ---------------------------------------------------------------------------------------------------------- */

typedef struct
{
  char *name;
  gint64 size;
} File;

static void
file_free (gpointer data)
{
  g_free (((File *) data)->name);
  g_free (data);
}

static void
find_files (const char *directory, const char *prefix, guint depth, GPtrArray *files)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name (dir)) && files->len < MAX_FILES)
    {
      g_autofree char *path = g_build_filename (directory, entry, NULL), *name = g_strconcat (prefix, entry, NULL), *inner = g_strconcat (name, "/", NULL);
      struct stat st;

      if (strcmp (entry, ".git") == 0 || strcmp (entry, ".cache") == 0 || stat (path, &st) != 0)
        continue;
      if (S_ISDIR (st.st_mode) && depth < MAX_DEPTH)
        find_files (path, inner, depth + 1, files);
      else if (S_ISREG (st.st_mode))
        {
          File *file = g_new (File, 1);

          file->name = g_steal_pointer (&name);
          file->size = st.st_size;
          g_ptr_array_add (files, file);
        }
    }
}

static gint
compare_files (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(File *const *) a)->name, (*(File *const *) b)->name);
}

JsonArray *
inspect_files (const char *directory)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  JsonArray *out = json_array_new ();

  find_files (directory, "", 0, files);
  g_ptr_array_sort (files, compare_files);
  for (guint i = 0; i < files->len; i++)
    {
      const File *file = files->pdata[i];
      g_autofree char *valid = g_utf8_make_valid (file->name, -1);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", valid);
      json_object_set_int_member (object, "size", file->size);
      json_array_add_object_element (out, object);
    }
  return out;
}
