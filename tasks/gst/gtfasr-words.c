/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What gtfasr makes of words: buffers of a word or of a line, gaps, and results with the JSON of automatic-speech-recognition.
 */
#include "gtfasr-private.h"

#include <string.h>
#include <json-glib/json-glib.h>
#include "base/json-print.h"

#define LINE_LENGTH 84                /* characters: two rows of 42 */

/* ---- lines ---- */

static void
put_line (GtfAsr *self)
{
  g_autofree char *text = NULL;

  if (self->line->len == 0)
    return;
  text = g_strchug (g_strdup (self->line->str));
  g_string_truncate (self->line, 0);
  gtf_outlet_put_text (&self->outlet, text, self->line_start, self->line_end);
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
  if (self->unit == GTF_ASR_WORDS)
    {
      gtf_outlet_put_text (&self->outlet, word->text, word->start, word->end);
      return;
    }
  if (g_utf8_strlen (self->line->str, -1) + g_utf8_strlen (word->text, -1) > LINE_LENGTH)
    put_line (self);
  if (self->line->len == 0)
    self->line_start = word->start;
  self->line_end = word->end;
  g_string_append (self->line, word->text);
  if (ends_sentence (word->text))
    put_line (self);
}

/* ---- results ---- */

static void
add_member (JsonBuilder *b, const char *key, const char *value)
{
  json_builder_set_member_name (b, key);
  json_builder_add_string_value (b, value);
}

static void
add_chunk (JsonBuilder *b, const GtfWord *word)
{
  json_builder_begin_object (b);
  add_member (b, "text", word->text);
  json_builder_set_member_name (b, "timestamp");
  json_builder_begin_array (b);
  json_builder_add_double_value (b, (double) word->start / GST_SECOND);
  json_builder_add_double_value (b, (double) word->end / GST_SECOND);
  json_builder_end_array (b);
  json_builder_end_object (b);
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
  add_member (b, "text", text->str);
  json_builder_set_member_name (b, "chunks");
  json_builder_begin_array (b);
  for (guint i = 0; i < words->len; i++)
    add_chunk (b, words->pdata[i]);
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

  gtf_element_lock (GTF_ELEMENT (self));
  segment = self->segment;
  gtf_element_unlock (GTF_ELEMENT (self));
  gtf_element_post_result (GTF_ELEMENT (self), gtf_element_get_pipeline (GTF_ELEMENT (self)), json, &segment, first->start, last->end - first->start, final);
}

void
gtf_asr_on_event (GtfTranscriber *transcriber, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer data)
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
      gtf_outlet_put_gap (&self->outlet, time);
      break;
    case GTF_TRANSCRIBER_UTTERANCE_END:
      put_line (self);
      gtf_outlet_put (&self->outlet, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty ("rstranscribe/final-transcript")));
      break;
    case GTF_TRANSCRIBER_DRAINED:
      put_line (self);
      gtf_element_lock (GTF_ELEMENT (self));
      self->draining = FALSE;
      gtf_element_tell (GTF_ELEMENT (self));
      gtf_element_unlock (GTF_ELEMENT (self));
      break;
    case GTF_TRANSCRIBER_ERROR:
      GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", error->message), (NULL));
      break;
    }
}
