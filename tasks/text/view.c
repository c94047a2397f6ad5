/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Answers made to be looked at: scores as bars, what was found in a text underlined in it; plain, for a terminal, or as HTML.
 */
#include "text/text-private.h"

#include <math.h>
#include <string.h>

#define BAR 24      /* columns of a whole bar */

/* Colours of a terminal and of a page, one a label, again and again. */
static const int terminal_colours[] = { 36, 33, 35, 32, 34, 31, 96, 93, 95, 92 };
static const char *const page_colours[] = { "#aee8f5", "#fde293", "#e3c4f7", "#bfeac2", "#c3d4fb", "#f9c9c4", "#d7ece9", "#f6e3c5", "#efd5e6", "#dde5b6" };

void
text_view_text (GString *out, GtfView view, const char *text, gssize length)
{
  const char *end = text + (length < 0 ? (gssize) strlen (text) : length);

  for (const char *p = text; p < end; p++)
    {
      guchar c = (guchar) *p;

      if (view == GTF_VIEW_HTML && c == '<')
        g_string_append (out, "&lt;");
      else if (view == GTF_VIEW_HTML && c == '>')
        g_string_append (out, "&gt;");
      else if (view == GTF_VIEW_HTML && c == '&')
        g_string_append (out, "&amp;");
      else if (view == GTF_VIEW_HTML && c == '"')
        g_string_append (out, "&quot;");
      else if (view == GTF_VIEW_TERMINAL && g_ascii_iscntrl (*p) && *p != '\n' && *p != '\t')
        g_string_append_printf (out, "\\x%02x", c);
      else if (view == GTF_VIEW_TERMINAL && c == 0xC2 && p + 1 < end && (guchar) p[1] < 0xA0)      /* U+0080 ... U+009F: controls of eight bits */
        g_string_append_printf (out, "\\x%02x", (guchar) *++p);
      else
        g_string_append_c (out, *p);
    }
}

guint
text_view_width (const char *text)
{
  guint width = 0;

  for (; *text; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);

      if (!g_unichar_iszerowidth (c))
        width += g_unichar_iswide (c) ? 2 : 1;
    }
  return width;
}

guint
text_view_widest (JsonArray *texts)
{
  guint width = 0;

  for (guint i = 0; i < json_array_get_length (texts); i++)
    width = MAX (width, text_view_width (json_array_get_string_element (texts, i)));
  return width;
}

void
text_details_take (const GtfRequest *request, const char *const *texts, gsize n)
{
  JsonArray *list = json_array_new ();

  for (gsize i = 0; i < n; i++)
    json_array_add_string_element (list, texts[i]);
  if (request->details)
    *request->details = json_node_init_array (json_node_alloc (), list);
  json_array_unref (list);
}

void
text_view_heading (GString *out, GtfView view, const char *text)
{
  if (view == GTF_VIEW_HTML)
    g_string_append (out, "<p>");
  else if (view == GTF_VIEW_TERMINAL)
    g_string_append (out, "\033[1m");
  text_view_text (out, view, text, -1);
  g_string_append (out, view == GTF_VIEW_HTML ? "</p>\n" : view == GTF_VIEW_TERMINAL ? "\033[0m\n" : "\n");
}

void
text_view_begin (GString *out, GtfView view)
{
  if (view == GTF_VIEW_HTML)
    g_string_append (out, "<table style=\"border-spacing: .6em .2em\">\n");
}

void
text_view_end (GString *out, GtfView view)
{
  if (view == GTF_VIEW_HTML)
    g_string_append (out, "</table>\n");
}

char *
text_view_finish (GString *out, GtfView view)
{
  if (out->len && out->str[out->len - 1] == '\n' && view != GTF_VIEW_HTML)
    g_string_truncate (out, out->len - 1);
  return g_string_free (out, FALSE);
}

/* Eighths of a column, as block elements have them. */
static void
append_bar (GString *out, double score)
{
  static const char *const parts[] = { "", "\u258F", "\u258E", "\u258D", "\u258C", "\u258B", "\u258A", "\u2589" };
  int eighths = (int) (CLAMP (score, 0, 1) * BAR * 8 + 0.5);

  for (int i = 0; i < eighths / 8; i++)
    g_string_append (out, "\u2588");
  g_string_append (out, parts[eighths % 8]);
}

void
text_view_bar (GString *out, GtfView view, const char *label, guint width, double score)
{
  gboolean in_range = isfinite (score) && score >= 0 && score <= 1;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.4f", score);
  if (view == GTF_VIEW_HTML)
    {
      g_string_append (out, "<tr><td>");
      text_view_text (out, view, label, -1);
      g_string_append_printf (out, "</td><td>%s</td><td style=\"width: 20em\">", digits);
      if (in_range)
        g_string_append_printf (out, "<div style=\"background: #5b8def; height: 1em; width: %d%%\"></div>", (int) (score * 100 + 0.5));
      g_string_append (out, "</td></tr>\n");
      return;
    }
  text_view_text (out, view, label, -1);
  for (guint i = text_view_width (label); i < width; i++)
    g_string_append_c (out, ' ');
  g_string_append_printf (out, "  %8s", digits);
  if (in_range && score * BAR * 8 >= 0.5)
    {
      g_string_append (out, view == GTF_VIEW_TERMINAL ? "  \033[36m" : "  ");
      append_bar (out, score);
      if (view == GTF_VIEW_TERMINAL)
        g_string_append (out, "\033[0m");
    }
  g_string_append_c (out, '\n');
}

/* ---- spans ----------------------------------------------------------------------------------------------------------------------- */

static guint
label_index (GPtrArray *labels, const char *label)
{
  for (guint i = 0; i < labels->len; i++)
    if (strcmp (labels->pdata[i], label) == 0)
      return i;
  g_ptr_array_add (labels, (gpointer) label);
  return labels->len - 1;
}

static void
append_span (GString *out, GtfView view, const char *text, const char *label, guint colour)
{
  if (view == GTF_VIEW_HTML)
    {
      g_string_append_printf (out, "<mark style=\"background: %s; padding: .2em .4em; border-radius: .3em\">", page_colours[colour % G_N_ELEMENTS (page_colours)]);
      text_view_text (out, view, text, -1);
      g_string_append (out, " <b style=\"font-size: .7em\">");
      text_view_text (out, view, label, -1);
      g_string_append (out, "</b></mark>");
    }
  else if (view == GTF_VIEW_TERMINAL)
    {
      g_string_append_printf (out, "\033[4;%dm", terminal_colours[colour % G_N_ELEMENTS (terminal_colours)]);
      text_view_text (out, view, text, -1);
      g_string_append (out, "\033[0m");
    }
  else
    g_string_append_printf (out, "[%s](%s)", text, label);
}

static void
append_legend (GString *out, GtfView view, GPtrArray *labels)
{
  for (guint i = 0; i < labels->len; i++)
    {
      g_string_append (out, i ? "  " : "\n");
      g_string_append_printf (out, "\033[4;%dm", terminal_colours[i % G_N_ELEMENTS (terminal_colours)]);
      text_view_text (out, view, labels->pdata[i], -1);
      g_string_append (out, "\033[0m");
    }
}

void
text_view_spans (GString *out, GtfView view, const char *text, const TextSpan *spans, gsize n_spans)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new ();
  TextChars chars;
  gsize at = 0;

  if (!text_chars_init (&chars, text, NULL))
    return;
  if (view == GTF_VIEW_HTML)
    g_string_append (out, "<p style=\"line-height: 2.2; white-space: pre-wrap\">");
  for (gsize i = 0; i < n_spans; i++)
    {
      g_autofree char *before = NULL, *inside = NULL;

      if (spans[i].begin < at || spans[i].end < spans[i].begin)
        continue;
      before = text_chars_slice (&chars, at, spans[i].begin);
      inside = text_chars_slice (&chars, spans[i].begin, spans[i].end);
      text_view_text (out, view, before, -1);
      append_span (out, view, inside, spans[i].label, label_index (labels, spans[i].label));
      at = spans[i].end;
    }
  if (at < chars.n_chars)
    {
      g_autofree char *rest = text_chars_slice (&chars, at, chars.n_chars);

      text_view_text (out, view, rest, -1);
    }
  if (view == GTF_VIEW_TERMINAL)
    append_legend (out, view, labels);
  g_string_append (out, view == GTF_VIEW_HTML ? "</p>\n" : "\n");
  text_chars_clear (&chars);
}

/* ---- lists of labels ------------------------------------------------------------------------------------------------------------- */

static gboolean
is_label (JsonNode *node)
{
  return JSON_NODE_HOLDS_OBJECT (node) && json_object_has_member (json_node_get_object (node), "label") && json_object_has_member (json_node_get_object (node), "score");
}

static const char *
label_of (JsonNode *node)
{
  const char *label = text_node_string (json_object_get_member (json_node_get_object (node), "label"));

  return label ? label : "?";
}

static void
append_labels (GString *out, GtfView view, JsonNode *result)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (result) ? json_node_get_array (result) : NULL;
  guint n = list ? json_array_get_length (list) : 1, width = 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = list ? json_array_get_element (list, i) : result;

      if (is_label (node))
        width = MAX (width, text_view_width (label_of (node)));
    }
  text_view_begin (out, view);
  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = list ? json_array_get_element (list, i) : result;

      if (is_label (node))
        text_view_bar (out, view, label_of (node), width, json_object_get_double_member (json_node_get_object (node), "score"));
    }
  text_view_end (out, view);
}

/* A text, or {"text", "text_pair"}. */
static void
append_input (GString *out, GtfView view, JsonNode *input)
{
  const char *text = text_node_string (input), *pair = NULL;
  g_autofree char *both = NULL;

  if (text == NULL && input && JSON_NODE_HOLDS_OBJECT (input))
    {
      text = text_node_string (json_object_get_member (json_node_get_object (input), "text"));
      pair = text_node_string (json_object_get_member (json_node_get_object (input), "text_pair"));
    }
  if (text == NULL)
    return;
  both = pair ? g_strconcat (text, " / ", pair, NULL) : g_strdup (text);
  text_view_heading (out, view, both);
}

char *
text_view_labels (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *asked = inputs && JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;
  JsonArray *list = asked && JSON_NODE_HOLDS_ARRAY (result) ? json_node_get_array (result) : NULL;

  if (list == NULL)
    {
      if (view == GTF_VIEW_HTML)
        append_input (out, view, inputs);
      append_labels (out, view, result);
    }
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      append_input (out, view, i < json_array_get_length (asked) ? json_array_get_element (asked, i) : NULL);
      append_labels (out, view, json_array_get_element (list, i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
}
