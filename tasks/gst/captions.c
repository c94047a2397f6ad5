/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "captions.h"

#include <string.h>

#define MOST_WAITING 64               /* texts */
#define ROW 42                        /* characters */
#define ROWS 2
#define PAUSE (2 * GST_SECOND)        /* after it words begin anew, and what stands goes */

typedef struct
{
  char *text;
  GstClockTime start, end;            /* running time */
} Text;

static void
text_free (gpointer data)
{
  g_free (((Text *) data)->text);
  g_free (data);
}

/* With the lock. */
static void
forget (GtfCaptions *self)
{
  g_queue_clear_full (&self->texts, text_free);
  g_string_truncate (self->shown, 0);
  self->shown_end = self->until = self->position = 0;
  self->eos = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
}

void
gtf_captions_init (GtfCaptions *self)
{
  memset (self, 0, sizeof *self);
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->texts);
  self->shown = g_string_new (NULL);
  forget (self);
}

void
gtf_captions_clear (GtfCaptions *self)
{
  forget (self);
  g_string_free (self->shown, TRUE);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

static void
set (GtfCaptions *self, gboolean *flag, gboolean value)
{
  g_mutex_lock (&self->lock);
  *flag = value;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gtf_captions_set_stopped (GtfCaptions *self, gboolean stopped)
{
  set (self, &self->stopped, stopped);
}

void
gtf_captions_set_video_flushing (GtfCaptions *self, gboolean flushing)
{
  set (self, &self->video_flushing, flushing);
}

void
gtf_captions_set_linked (GtfCaptions *self, gboolean linked)
{
  g_mutex_lock (&self->lock);
  forget (self);
  self->linked = linked;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* ---- what comes ---- */

static Text *
text_of (GtfCaptions *self, GstBuffer *buffer)
{
  const GstClockTime pts = GST_BUFFER_PTS (buffer), start = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, pts);
  GstMapInfo map;
  Text *text;

  if (!GST_CLOCK_TIME_IS_VALID (start) || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  text = g_new0 (Text, 1);
  text->text = g_utf8_make_valid ((const char *) map.data, (gssize) map.size);
  text->start = start;
  text->end = GST_BUFFER_DURATION_IS_VALID (buffer) ? start + GST_BUFFER_DURATION (buffer) : start + PAUSE;
  gst_buffer_unmap (buffer, &map);
  return text;
}

GstFlowReturn
gtf_captions_chain (GtfCaptions *self, GstBuffer *buffer)
{
  GstFlowReturn flow;
  Text *text;

  g_mutex_lock (&self->lock);
  while (self->texts.length >= MOST_WAITING && !self->flushing && !self->stopped)
    g_cond_wait (&self->cond, &self->lock);
  flow = self->flushing || self->stopped ? GST_FLOW_FLUSHING : self->eos ? GST_FLOW_EOS : GST_FLOW_OK;
  text = flow == GST_FLOW_OK ? text_of (self, buffer) : NULL;
  if (text)
    {
      g_queue_push_tail (&self->texts, text);
      self->position = MAX (self->position, text->end);
      g_cond_broadcast (&self->cond);
    }
  g_mutex_unlock (&self->lock);
  gst_buffer_unref (buffer);
  return flow;
}

/* With the lock: nothing more comes before that. */
static void
advance (GtfCaptions *self, GstClockTime pts)
{
  const GstClockTime time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, pts);

  if (GST_CLOCK_TIME_IS_VALID (time))
    self->position = MAX (self->position, time);
}

gboolean
gtf_captions_event (GtfCaptions *self, GstEvent *event)
{
  const GstSegment *segment;
  GstClockTime start, duration;

  g_mutex_lock (&self->lock);
  switch (GST_EVENT_TYPE (event))
    {
    case GST_EVENT_STREAM_START:
      self->eos = FALSE;
      break;
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment (event, &segment);
      if (segment->format == GST_FORMAT_TIME)
        self->segment = *segment;
      break;
    case GST_EVENT_GAP:
      gst_event_parse_gap (event, &start, &duration);
      advance (self, start + (GST_CLOCK_TIME_IS_VALID (duration) ? duration : 0));
      break;
    case GST_EVENT_EOS:
      self->eos = TRUE;
      break;
    case GST_EVENT_FLUSH_START:
      self->flushing = TRUE;
      break;
    case GST_EVENT_FLUSH_STOP:
      forget (self);
      self->flushing = FALSE;
      break;
    default:
      break;
    }
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return TRUE;
}

/* ---- what stands ---- */

static void
drop_first_row (GString *rows)
{
  const char *end = strchr (rows->str, '\n');

  g_string_erase (rows, 0, end ? end - rows->str + 1 : (gssize) rows->len);
}

/* A word behind the others; a row that would be too long ends before it. */
static void
add_word (GString *rows, const char *word)
{
  const char *row = strrchr (rows->str, '\n');
  guint n = 1;

  row = row ? row + 1 : rows->str;
  if (g_utf8_strlen (row, -1) + g_utf8_strlen (word, -1) <= ROW)
    {
      g_string_append (rows, word);
      return;
    }
  g_string_append_printf (rows, "\n%s", g_str_has_prefix (word, " ") ? word + 1 : word);
  for (const char *at = rows->str; (at = strchr (at, '\n')); at++)
    n++;
  if (n > ROWS)
    drop_first_row (rows);
}

/* With the lock: a text's time has come. */
static void
show (GtfCaptions *self, const Text *text)
{
  const gboolean is_word = *text->text == ' ';

  if (is_word && self->shown->len && text->start <= self->shown_end + PAUSE)
    add_word (self->shown, text->text);
  else
    g_string_assign (self->shown, text->text + is_word);
  self->shown_end = text->end;
  self->until = text->end + (is_word ? PAUSE : 0);
}

char *
gtf_captions_at (GtfCaptions *self, GstClockTime time, gboolean wait)
{
  char *shown = NULL;
  Text *text;

  g_mutex_lock (&self->lock);
  while (wait && self->linked && !self->eos && !self->flushing && !self->stopped && !self->video_flushing && self->position <= time)
    g_cond_wait (&self->cond, &self->lock);
  while ((text = g_queue_peek_head (&self->texts)) && text->start <= time)
    {
      show (self, text);
      text_free (g_queue_pop_head (&self->texts));
    }
  g_cond_broadcast (&self->cond);
  if (self->shown->len && time < self->until)
    shown = g_strdup (self->shown->str);
  g_mutex_unlock (&self->lock);
  return shown;
}
