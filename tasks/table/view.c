/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Answers made to be looked at: under each question its answer, and the table with the cells of the answer marked.
 */
#include "table/table-private.h"

/* For each question {"question", "columns": n, "cells": [...]}; requests share what they say of a table. */
void
table_details_take (const GtfRequest *request, GArray *requests)
{
  JsonArray *list;

  if (request->details == NULL)
    return;
  list = json_array_new ();
  for (guint i = 0; i < requests->len; i++)
    {
      const TableRequest *r = &g_array_index (requests, TableRequest, i);
      g_autoptr (JsonArray) cells = json_array_new ();

      for (guint c = 0; c < r->cells->len; c++)
        json_array_add_string_element (cells, r->cells->pdata[c]);
      for (guint q = 0; q < r->questions->len; q++)
        {
          JsonObject *object = json_object_new ();

          json_object_set_string_member (object, "question", r->questions->pdata[q]);
          json_object_set_int_member (object, "columns", (gint64) r->n_columns);
          json_object_set_array_member (object, "cells", json_array_ref (cells));
          json_array_add_object_element (list, object);
        }
    }
  *request->details = json_node_init_array (json_node_alloc (), list);
  json_array_unref (list);
}

static gboolean
is_answer (JsonObject *answer, guint row, guint column)
{
  JsonArray *coordinates = json_object_get_array_member (answer, "coordinates");

  for (guint i = 0; i < json_array_get_length (coordinates); i++)
    {
      JsonArray *at = json_array_get_array_element (coordinates, i);

      if (json_array_get_int_element (at, 0) == row && json_array_get_int_element (at, 1) == column)
        return TRUE;
    }
  return FALSE;
}

/* Columns of a width each, the names above; a page gets a table. */
static void
view_cell (GString *out, GtfView view, const char *text, guint width, gboolean is_name, gboolean marked)
{
  if (view == GTF_VIEW_HTML)
    g_string_append (out, is_name ? "<th>" : marked ? "<td style=\"background: #fde293\">" : "<td>");
  else if (view == GTF_VIEW_TERMINAL && (is_name || marked))
    g_string_append (out, is_name ? "\033[1m" : "\033[4;33m");
  else if (marked)
    g_string_append_c (out, '[');
  text_view_text (out, view, text, -1);
  if (view == GTF_VIEW_HTML)
    g_string_append (out, is_name ? "</th>" : "</td>");
  else if (view == GTF_VIEW_TERMINAL && (is_name || marked))
    g_string_append (out, "\033[0m");
  else if (marked)
    g_string_append_c (out, ']');
  if (view != GTF_VIEW_HTML)
    g_string_append_printf (out, "%*s", (int) (width - text_view_width (text) - (marked && view == GTF_VIEW_TEXT ? 2 : 0)), "");
}

static void
view_table (GString *out, GtfView view, JsonObject *details, JsonObject *answer)
{
  JsonArray *cells = json_object_get_array_member (details, "cells");
  const guint n = (guint) json_object_get_int_member (details, "columns");
  g_autofree guint *widths = g_new0 (guint, n);

  for (guint i = 0; i < json_array_get_length (cells); i++)
    widths[i % n] = MAX (widths[i % n], text_view_width (json_array_get_string_element (cells, i)) + 4);
  text_view_begin (out, view);
  for (guint i = 0; i < json_array_get_length (cells); i++)
    {
      if (view == GTF_VIEW_HTML && i % n == 0)
        g_string_append (out, "<tr>");
      view_cell (out, view, json_array_get_string_element (cells, i), widths[i % n], i < n, i >= n && is_answer (answer, i / n - 1, i % n));
      if (i % n == n - 1)
        g_string_append (out, view == GTF_VIEW_HTML ? "</tr>\n" : "\n");
    }
  text_view_end (out, view);
}

static void
view_answer (GString *out, GtfView view, JsonObject *details, JsonObject *answer)
{
  const char *text = json_object_get_string_member (answer, "answer");

  text_view_heading (out, view, json_object_get_string_member (details, "question"));
  if (view == GTF_VIEW_HTML)
    g_string_append (out, "<p>");
  text_view_text (out, view, *text ? text : "(no answer)", -1);
  g_string_append (out, view == GTF_VIEW_HTML ? "</p>\n" : "\n\n");
  view_table (out, view, details, answer);
}

/* Answers in the order of the questions, however they are nested. */
static void
view_answers (GString *out, GtfView view, JsonArray *details, JsonNode *node, guint *at)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      if (*at > 0)
        g_string_append_c (out, '\n');
      view_answer (out, view, json_array_get_object_element (details, *at), json_node_get_object (node));
      ++*at;
      return;
    }
  for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
    view_answers (out, view, details, json_array_get_element (json_node_get_array (node), i), at);
}

char *
table_view (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  guint at = 0;

  view_answers (out, view, json_node_get_array (details), result, &at);
  return text_view_finish (g_steal_pointer (&out), view);
}
