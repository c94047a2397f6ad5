/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Answers made to be read: the text, or one line a chunk with its times. On a terminal each word has the colour of how sure the
 * model is of it, from red to green. The answer itself says nothing of that, so the words come beside it (the details).
 */
#include "asr/asr-private.h"

#include <string.h>

/* Where the reader is in the words of one answer. */
typedef struct
{
  GString *out;
  GtfView view;
  JsonArray *words;     /* (nullable) */
  guint at;
} View;

static void
append_time (GString *out, JsonArray *timestamp, guint index)
{
  gint64 centiseconds;

  if (timestamp == NULL || index >= json_array_get_length (timestamp) || json_array_get_null_element (timestamp, index))
    {
      g_string_append (out, "  --:--.--");
      return;
    }
  centiseconds = (gint64) (json_array_get_double_element (timestamp, index) * 100 + 0.5);
  g_string_append_printf (out, "%4" G_GINT64_FORMAT ":%02d.%02d", centiseconds / 6000, (int) (centiseconds / 100 % 60), (int) (centiseconds % 100));
}

/* No control character of an answer reaches a terminal. */
static void
append_text (View *self, const char *text)
{
  for (; *text != '\0'; text++)
    if (self->view == GTF_VIEW_TERMINAL && g_ascii_iscntrl (*text) && *text != '\n' && *text != '\t')
      g_string_append_printf (self->out, "\\x%02x", (guchar) *text);
    else
      g_string_append_c (self->out, *text);
}

/* From red over yellow to green, along an edge of the colour cube (codes 16 to 231) that terminals of 256 colours have. The cube
 * of the probability spreads the upper end, where most words are; whisper.cpp does so too. */
static int
colour (double probability)
{
  double p = CLAMP (probability, 0, 1);
  int step = MIN (10, (int) (p * p * p * 11));

  return step <= 5 ? 196 + 6 * step : 226 - 36 * (step - 5);
}

/* The next word, if the text goes on with it. */
static const char *
next_word (View *self, const char *text, double *probability)
{
  JsonObject *object;
  const char *word;

  if (self->words == NULL || self->at >= json_array_get_length (self->words))
    return NULL;
  object = json_array_get_object_element (self->words, self->at);
  word = json_object_get_string_member (object, "text");
  if (*word == '\0' || !g_str_has_prefix (text, word))
    return NULL;
  *probability = json_object_get_double_member (object, "probability");
  self->at++;
  return word;
}

/* A text without the space that it starts with; what no word is found for stays without colour. */
static void
append_words (View *self, const char *text)
{
  const char *start = *text == ' ' ? text + 1 : text;
  double probability;
  const char *word;

  while ((word = next_word (self, text, &probability)) != NULL)
    {
      gsize skip = start > text ? (gsize) (start - text) : 0;

      if (probability >= 0)
        g_string_append_printf (self->out, "\033[38;5;%dm", colour (probability));
      append_text (self, word + skip);
      if (probability >= 0)
        g_string_append (self->out, "\033[0m");
      text += strlen (word);
    }
  append_text (self, MAX (text, start));
}

static void
append_chunk (View *self, JsonObject *chunk)
{
  JsonNode *node = gtf_json_find (chunk, "timestamp");
  JsonArray *timestamp = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const char *language = json_object_get_string_member_with_default (chunk, "language", NULL);

  if (timestamp != NULL)
    {
      append_time (self->out, timestamp, 0);
      g_string_append (self->out, " -");
      append_time (self->out, timestamp, 1);
      g_string_append (self->out, "  ");
    }
  if (language != NULL)
    g_string_append_printf (self->out, "[%s] ", language);
  append_words (self, json_object_get_string_member_with_default (chunk, "text", ""));
  g_string_append_c (self->out, '\n');
}

static void
append_answer (View *self, JsonObject *answer)
{
  JsonNode *chunks = gtf_json_find (answer, "chunks");

  if (chunks == NULL || !JSON_NODE_HOLDS_ARRAY (chunks))
    {
      append_words (self, json_object_get_string_member_with_default (answer, "text", ""));
      g_string_append_c (self->out, '\n');
      return;
    }
  for (guint i = 0; i < json_array_get_length (json_node_get_array (chunks)); i++)
    append_chunk (self, json_array_get_object_element (json_node_get_array (chunks), i));
}

/**
 * asr_view:
 * @details: (nullable): a list of words for each answer
 *
 * Returns: (transfer full) (nullable): %NULL in a view that there is none of
 */
char *
asr_view (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (result) ? json_node_get_array (result) : NULL;
  JsonArray *words = view == GTF_VIEW_TERMINAL && details != NULL ? json_node_get_array (details) : NULL;
  guint n = list != NULL ? json_array_get_length (list) : 1;
  g_autoptr (GString) out = NULL;

  if (view == GTF_VIEW_HTML)
    return NULL;
  out = g_string_new (NULL);
  for (guint i = 0; i < n; i++)
    {
      JsonNode *answer = list != NULL ? json_array_get_element (list, i) : result;
      View self = { .out = out, .view = view, .words = words != NULL && i < json_array_get_length (words) ? json_array_get_array_element (words, i) : NULL };

      if (JSON_NODE_HOLDS_OBJECT (answer))
        append_answer (&self, json_node_get_object (answer));
    }
  if (out->len > 0 && out->str[out->len - 1] == '\n')
    g_string_truncate (out, out->len - 1);
  return g_string_free (g_steal_pointer (&out), FALSE);
}
