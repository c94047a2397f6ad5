/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How results leave an element beside its buffers: messages on the bus, and JSON lines in a file.
 */
#include "elements.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <gtf/gtf.h>
#include "base/json-print.h"

struct _GtfResultsFile
{
  GMutex lock;
  FILE *file;
};

GtfResultsFile *
gtf_results_file_open (const char *path, GError **error)
{
  FILE *file = g_str_equal (path, "-") ? stdout : fopen (path, "we");
  GtfResultsFile *self;

  if (!file)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_IO, "%s: cannot be written: %s", path, g_strerror (errno));
      return NULL;
    }
  self = g_new0 (GtfResultsFile, 1);
  self->file = file;
  g_mutex_init (&self->lock);
  return self;
}

void
gtf_results_file_close (GtfResultsFile *self)
{
  if (!self)
    return;
  if (self->file != stdout)
    fclose (self->file);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
write_line (GtfResultsFile *self, const char *json)
{
  g_mutex_lock (&self->lock);
  fputs (json, self->file);
  fputc ('\n', self->file);
  fflush (self->file);
  g_mutex_unlock (&self->lock);
}

void
gtf_post_result (GstElement *element, const char *json, const GstSegment *segment, GstClockTime start, GstClockTime duration,
                 const char *model, gboolean final, GtfResultsFile *file)
{
  GstStructure *s = gst_structure_new ("gtf-result",
    "json", G_TYPE_STRING, json,
    "running-time", G_TYPE_UINT64, gst_segment_to_running_time (segment, GST_FORMAT_TIME, start),
    "stream-time", G_TYPE_UINT64, gst_segment_to_stream_time (segment, GST_FORMAT_TIME, start),
    "duration", G_TYPE_UINT64, duration,
    "model", G_TYPE_STRING, model,
    "final", G_TYPE_BOOLEAN, final, NULL);

  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element), s));
  if (file && final)
    write_line (file, json);
}

/* ---- parameters ---- */

/* A value is JSON if it parses as such, else a string. */
static JsonNode *
parse_value (const char *text)
{
  JsonNode *node = json_from_string (text, NULL);

  return node ? node : json_node_init_string (json_node_alloc (), text);
}

static gboolean
set_member (JsonObject *object, const char *path, const char *value, GError **error)
{
  g_auto (GStrv) names = g_strsplit (path, ".", -1);
  guint n = g_strv_length (names);

  for (guint i = 0; i + 1 < n; i++)
    {
      if (!json_object_has_member (object, names[i]))
        json_object_set_object_member (object, names[i], json_object_new ());
      if (!JSON_NODE_HOLDS_OBJECT (json_object_get_member (object, names[i])))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: \"%s\" is a value and cannot have members", names[i]);
          return FALSE;
        }
      object = json_object_get_object_member (object, names[i]);
    }
  json_object_set_member (object, names[n - 1], parse_value (value));
  return TRUE;
}

/* The end of one "key=value": a comma outside of quotes and brackets. */
static const char *
entry_end (const char *p)
{
  int depth = 0;
  gboolean quoted = FALSE;

  for (; *p && (quoted || depth > 0 || *p != ','); p++)
    {
      if (*p == '"')
        quoted = !quoted;
      else if (quoted && *p == '\\' && p[1])
        p++;
      else if (!quoted)
        depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
    }
  return p;
}

char *
gtf_parameters_to_json (const char *text, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = NULL;

  while (text && g_ascii_isspace (*text))
    text++;
  if (text && *text == '{')
    {
      node = json_from_string (text, error);
      return node && JSON_NODE_HOLDS_OBJECT (node) ? gtf_json_print (node, GTF_JSON_COMPACT) : NULL;
    }
  for (const char *p = text ? text : "", *end; *p; p = *end ? end + 1 : end)
    {
      g_autofree char *entry = NULL;
      char *equals;

      end = entry_end (p);
      entry = g_strstrip (g_strndup (p, (gsize) (end - p)));
      equals = strchr (entry, '=');
      if (!equals || equals == entry)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: expected key=value, found \"%s\"", entry);
          return NULL;
        }
      *equals = 0;
      if (!set_member (object, entry, equals + 1, error))
        return NULL;
    }
  node = json_node_init_object (json_node_alloc (), object);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}
