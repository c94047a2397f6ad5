/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Subtitles (SubRip, WebVTT) out of an answer with chunks.
 *
 * Chunks become words: those of a segment share its time by their length. Words are gathered into cues, one line of
 * speech each: a cue ends with a sentence, before a pause, at the end of a segment, after MAX_SECONDS, and where the
 * next word would not fit into two rows of 42 characters.
 */
#include "tools/cli.h"

#include <math.h>
#include <string.h>

#define ROW_CHARACTERS 42
#define MAX_ROWS 2
#define MAX_SECONDS 7.0
#define PAUSE_SECONDS 0.8
#define LAST_WORD_SECONDS 1.0   /* where the model gave no end */

typedef struct
{
  char *text;                   /* with its leading space */
  double start, end;
  gboolean ends_segment;
} Word;

static void
word_free (gpointer data)
{
  Word *word = data;

  g_free (word->text);
  g_free (word);
}

static gsize
characters (const char *text)
{
  return (gsize) g_utf8_strlen (text, -1);
}

/* Byte length of the next word with the spaces before it; one longer than a row is cut. */
static gsize
next_word (const char *text)
{
  const char *p = text;
  gsize n = 0;

  while (g_ascii_isspace (*p))
    p++;
  while (*p && !g_ascii_isspace (*p) && n < ROW_CHARACTERS)
    {
      p = g_utf8_next_char (p);
      n++;
    }
  if (*p && strspn (p, " \t\r\n") == strlen (p))
    p += strlen (p);
  return (gsize) (p - text);
}

static void
add_words (GPtrArray *words, const char *text, double start, double end)
{
  gsize total = characters (text), done = 0;
  guint first = words->len;

  while (*text)
    {
      gsize n = next_word (text);
      Word *word = g_new0 (Word, 1);

      word->text = g_strndup (text, n);
      word->start = start + (end - start) * (double) done / (double) total;
      done += characters (word->text);
      word->end = start + (end - start) * (double) done / (double) total;
      for (char *p = word->text; *p; p++)
        if (g_ascii_isspace (*p))
          *p = ' ';
      text += n;
      if (strspn (word->text, " ") == strlen (word->text))
        word_free (word);
      else
        g_ptr_array_add (words, word);
    }
  /* Of several words: a segment; its end is the end of a line of speech. */
  if (words->len > first + 1)
    ((Word *) words->pdata[words->len - 1])->ends_segment = TRUE;
}

static double
time_of (JsonArray *timestamp, guint i)
{
  JsonNode *node = i < json_array_get_length (timestamp) ? json_array_get_element (timestamp, i) : NULL;

  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : NAN;
}

static GPtrArray *
words_of (JsonArray *chunks)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (word_free);
  guint n = json_array_get_length (chunks);
  double last = 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (chunks, i);
      JsonObject *chunk = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      JsonNode *time = chunk ? json_object_get_member (chunk, "timestamp") : NULL;
      g_autofree char *text = NULL;
      double start, end;

      if (time == NULL || !JSON_NODE_HOLDS_ARRAY (time) || !json_object_has_member (chunk, "text"))
        continue;
      text = g_utf8_make_valid (json_object_get_string_member (chunk, "text"), -1);
      start = time_of (json_node_get_array (time), 0);
      end = time_of (json_node_get_array (time), 1);
      start = isfinite (start) ? MAX (start, 0) : last;
      end = isfinite (end) ? MAX (end, start) : start + LAST_WORD_SECONDS;
      add_words (words, text, start, end);
      last = end;
    }
  return g_steal_pointer (&words);
}

/* Rows that @text takes and, with @out, the text with its rows apart. Pieces start at a space or, without one, anywhere. */
static guint
wrap (GPtrArray *words, guint from, guint to, GString *out)
{
  guint rows = 1;
  gsize length = 0;

  for (guint i = from; i < to; i++)
    {
      const Word *word = words->pdata[i];
      const char *bare = word->text + strspn (word->text, " ");
      gboolean space = bare > word->text;
      gsize n = characters (bare);

      if (length > 0 && length + space + n > ROW_CHARACTERS)
        {
          rows++;
          length = 0;
          if (out)
            g_string_append_c (out, '\n');
        }
      else if (length > 0 && space)
        {
          length++;
          if (out)
            g_string_append_c (out, ' ');
        }
      length += n;
      if (out)
        g_string_append (out, bare);
    }
  return rows;
}

static gboolean
ends_sentence (const Word *word)
{
  static const char *const marks[] = { ".", "?", "!", "…", "。", "？", "！", ".\"", "?\"", "!\"", "।", "؟" };

  if (word->ends_segment)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (g_str_has_suffix (word->text, marks[i]))
      return TRUE;
  return FALSE;
}

static guint
cue_end (GPtrArray *words, guint from)
{
  const Word *first = words->pdata[from];
  guint to = from + 1;

  while (to < words->len)
    {
      const Word *last = words->pdata[to - 1], *next = words->pdata[to];

      if (ends_sentence (last) || next->start - last->end > PAUSE_SECONDS || next->end - first->start > MAX_SECONDS ||
          wrap (words, from, to + 1, NULL) > MAX_ROWS)
        break;
      to++;
    }
  return to;
}

static void
append_time (GString *out, double seconds, char mark)
{
  gint64 ms = (gint64) llround (MIN (seconds, 3.5e6) * 1000);

  g_string_append_printf (out, "%02d:%02d:%02d%c%03d", (int) (ms / 3600000), (int) (ms / 60000 % 60), (int) (ms / 1000 % 60), mark, (int) (ms % 1000));
}

/* WebVTT has markup, and "-->" must not stand in either. */
static void
append_text (GString *out, const char *text, gboolean vtt)
{
  for (const char *p = text; *p; p++)
    if (vtt && *p == '&')
      g_string_append (out, "&amp;");
    else if (vtt && *p == '<')
      g_string_append (out, "&lt;");
    else if (vtt && *p == '>')
      g_string_append (out, "&gt;");
    else if (g_str_has_prefix (p, "-->"))
      {
        g_string_append (out, "->");
        p += 2;
      }
    else
      g_string_append_c (out, *p);
}

static char *
cues (GPtrArray *words, gboolean vtt)
{
  g_autoptr (GString) out = g_string_new (vtt ? "WEBVTT\n\n" : NULL);
  double last = 0;
  guint number = 1;

  for (guint from = 0; from < words->len; number++)
    {
      guint to = cue_end (words, from);
      double start = MAX (((Word *) words->pdata[from])->start, last);
      double end = MAX (((Word *) words->pdata[to - 1])->end, start + 0.001);
      g_autoptr (GString) text = g_string_new (NULL);

      wrap (words, from, to, text);
      g_string_append_printf (out, "%u\n", number);
      append_time (out, start, vtt ? '.' : ',');
      g_string_append (out, " --> ");
      append_time (out, end, vtt ? '.' : ',');
      g_string_append_c (out, '\n');
      append_text (out, text->str, vtt);
      g_string_append (out, "\n\n");
      last = end;
      from = to;
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
cli_subtitles (JsonNode *result, gboolean vtt, GError **error)
{
  JsonNode *chunks = JSON_NODE_HOLDS_OBJECT (result) ? json_object_get_member (json_node_get_object (result), "chunks") : NULL;
  g_autoptr (GPtrArray) words = NULL;

  if (chunks == NULL || !JSON_NODE_HOLDS_ARRAY (chunks))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "subtitles need one answer with times (\"chunks\"); this one has none%s",
                   JSON_NODE_HOLDS_ARRAY (result) ? ": it is a list of answers, give one input" : "");
      return NULL;
    }
  words = words_of (json_node_get_array (chunks));
  return cues (words, vtt);
}
