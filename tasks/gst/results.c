/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How results leave an element beside its buffers: messages on the bus, and JSON lines in a file.
 */
#include "elements.h"

#include <errno.h>
#include <stdio.h>
#include <gtf/gtf.h>

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
  fprintf (self->file, "%s\n", json);      /* at once: two elements may write to standard output */
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
