/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables as pandas reads them in the pipeline: {"name": [cell, ...], ...} by columns, or [{"name": cell, ...}, ...] by rows; one column without a
 * name may be a list of its cells. Every cell is a text, as TAPAS's tokenizer wants it.
 */
#include "table/table-private.h"

#include <string.h>

#define MOST_CELLS (1 << 24)

static gboolean
fail_cell (GError **error, const char *where, const char *column, guint row, JsonNode *cell)
{
  g_autofree char *found = cell ? gtf_json_describe (cell) : g_strdup ("nothing");

  return text_fail (error, "%s: column \"%s\", row %u: expected a text, found %s; numbers are texts too, as \"56\"", where, column, row, found);
}

static gboolean
check_size (const TableRequest *self, const char *where, GError **error)
{
  if (self->n_columns == 0 || self->n_rows == 0)
    return text_fail (error, "%s: the table is empty", where);
  return self->n_rows < MOST_CELLS / self->n_columns || text_fail (error, "%s: %zu rows of %zu columns are too many", where, self->n_rows, self->n_columns);
}

/* Rows of a table by columns: a text beside lists stands in each of them. */
static gboolean
count_rows (TableRequest *self, const char *where, JsonObject *columns, GError **error)
{
  const char *first = NULL, *name;
  JsonObjectIter iter;
  JsonNode *column;

  json_object_iter_init_ordered (&iter, columns);
  while (json_object_iter_next_ordered (&iter, &name, &column))
    {
      const gsize n = JSON_NODE_HOLDS_ARRAY (column) ? json_array_get_length (json_node_get_array (column)) : 0;
      g_autofree char *found = NULL;

      if (text_node_string (column))
        continue;
      if (!JSON_NODE_HOLDS_ARRAY (column))
        {
          found = gtf_json_describe (column);
          return text_fail (error, "%s: column \"%s\": expected a list of texts, found %s", where, name, found);
        }
      if (first != NULL && n != self->n_rows)
        return text_fail (error, "%s: column \"%s\" has %zu cells, column \"%s\" %zu", where, name, n, first, self->n_rows);
      first = first ? first : name;
      self->n_rows = n;
    }
  return first != NULL || self->n_columns == 0 || text_fail (error, "%s: expected a list of cells for each column", where);
}

static gboolean
read_columns (TableRequest *self, const char *where, JsonObject *columns, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *column;

  self->n_columns = json_object_get_size (columns);
  if (!count_rows (self, where, columns, error) || !check_size (self, where, error))
    return FALSE;
  json_object_iter_init_ordered (&iter, columns);
  while (json_object_iter_next_ordered (&iter, &name, &column))
    g_ptr_array_add (self->cells, (gpointer) name);
  for (guint row = 0; row < self->n_rows; row++)
    {
      json_object_iter_init_ordered (&iter, columns);
      while (json_object_iter_next_ordered (&iter, &name, &column))
        {
          JsonNode *cell = JSON_NODE_HOLDS_ARRAY (column) ? json_array_get_element (json_node_get_array (column), row) : column;

          if (text_node_string (cell) == NULL)
            return fail_cell (error, where, name, row, cell);
          g_ptr_array_add (self->cells, (gpointer) text_node_string (cell));
        }
    }
  return TRUE;
}

/* The names of all rows, in the order in which they first come. */
static gboolean
read_names (TableRequest *self, const char *where, JsonArray *rows, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObjectIter iter;
  const char *name;
  JsonNode *cell;

  for (guint i = 0; i < self->n_rows; i++)
    {
      JsonNode *row = json_array_get_element (rows, i);

      if (!JSON_NODE_HOLDS_OBJECT (row))
        {
          g_autofree char *found = gtf_json_describe (row);

          return text_fail (error, "%s: row %u: expected an object of cells by the names of their columns, found %s", where, i, found);
        }
      json_object_iter_init_ordered (&iter, json_node_get_object (row));
      while (json_object_iter_next_ordered (&iter, &name, &cell))
        if (g_hash_table_add (seen, (gpointer) name))
          g_ptr_array_add (self->cells, (gpointer) name);
    }
  self->n_columns = self->cells->len;
  return TRUE;
}

static gboolean
read_rows (TableRequest *self, const char *where, JsonArray *rows, GError **error)
{
  self->n_rows = json_array_get_length (rows);
  if (!read_names (self, where, rows, error) || !check_size (self, where, error))
    return FALSE;
  for (guint i = 0; i < self->n_rows; i++)
    for (guint column = 0; column < self->n_columns; column++)
      {
        const char *name = self->cells->pdata[column];
        JsonNode *cell = json_object_get_member (json_array_get_object_element (rows, i), name);

        if (text_node_string (cell) == NULL)
          return fail_cell (error, where, name, i, cell);
        g_ptr_array_add (self->cells, (gpointer) text_node_string (cell));
      }
  return TRUE;
}

/* Rows without names, all of them lists or all texts. pandas numbers their columns, and TAPAS's tokenizer takes the number 0 for no name and no other
 * number for one. */
static gboolean
read_plain_rows (TableRequest *self, const char *where, JsonArray *rows, GError **error)
{
  const gboolean lists = JSON_NODE_HOLDS_ARRAY (json_array_get_element (rows, 0));

  self->n_rows = json_array_get_length (rows);
  for (guint i = 0; i < self->n_rows; i++)
    {
      JsonNode *row = json_array_get_element (rows, i);
      const gsize n = JSON_NODE_HOLDS_ARRAY (row) ? json_array_get_length (json_node_get_array (row)) : 1;

      if (JSON_NODE_HOLDS_ARRAY (row) != lists)
        return text_fail (error, "%s: row %u: expected a %s, as row 0 is", where, i, lists ? "list" : "text");
      if (n > 1)
        return text_fail (error, "%s: row %u has %zu cells whose columns have no names: expected {\"name\": cell, ...}", where, i, n);
      self->n_columns = MAX (self->n_columns, n);
    }
  if (!check_size (self, where, error))
    return FALSE;
  g_ptr_array_add (self->cells, (gpointer) "");
  for (guint i = 0; i < self->n_rows; i++)
    {
      JsonNode *row = json_array_get_element (rows, i), *cell = row;

      if (lists)
        cell = json_array_get_length (json_node_get_array (row)) ? json_array_get_element (json_node_get_array (row), 0) : NULL;
      if (text_node_string (cell) == NULL)
        return fail_cell (error, where, "0", i, cell);
      g_ptr_array_add (self->cells, (gpointer) text_node_string (cell));
    }
  return TRUE;
}

static gboolean
has_names (JsonArray *rows)
{
  return json_array_get_length (rows) == 0 || JSON_NODE_HOLDS_OBJECT (json_array_get_element (rows, 0));
}

static gboolean
read_table (TableRequest *self, const char *where, JsonNode *table, GError **error)
{
  g_autofree char *found = NULL;

  if (text_node_string (table))     /* as --set table=@FILE hands it over */
    table = self->parsed = gtf_json_parse (where, text_node_string (table), -1, GTF_JSON_PYTHON, error);
  if (self->parsed == NULL && table == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_OBJECT (table))
    return read_columns (self, where, json_node_get_object (table), error);
  if (JSON_NODE_HOLDS_ARRAY (table))
    return (has_names (json_node_get_array (table)) ? read_rows : read_plain_rows) (self, where, json_node_get_array (table), error);
  found = gtf_json_describe (table);
  return text_fail (error, "%s: expected {\"name\": [cells], ...} or [{\"name\": cell, ...}, ...], found %s", where, found);
}

static gboolean
read_questions (TableRequest *self, const char *where, JsonNode *query, GError **error)
{
  gboolean is_list;

  self->questions = text_inputs_read (query, where, &is_list, error);
  if (self->questions == NULL || is_list || *(const char *) self->questions->pdata[0])
    return self->questions != NULL;
  return text_fail (error, "%s: the question is empty", where);
}

static gboolean
add_request (GArray *requests, const char *where, JsonNode *table, JsonNode *query, GError **error)
{
  g_autofree char *of_table = g_strconcat (where, ": table", NULL), *of_query = g_strconcat (where, ": query", NULL);
  TableRequest *self;

  if (table == NULL || JSON_NODE_HOLDS_NULL (table) || query == NULL || JSON_NODE_HOLDS_NULL (query))
    return text_fail (error, "%s: expected {\"table\": {\"name\": [cells], ...}, \"query\": a question or a list of them}", where);
  g_array_set_size (requests, requests->len + 1);
  self = &g_array_index (requests, TableRequest, requests->len - 1);
  self->cells = g_ptr_array_new ();
  return read_table (self, of_table, table, error) && read_questions (self, of_query, query, error);
}

static gboolean
add_object (GArray *requests, const char *where, JsonNode *node, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  return add_request (requests, where, object ? gtf_json_find (object, "table") : NULL, object ? gtf_json_find (object, "query") : NULL, error);
}

static gboolean
add_all (GArray *requests, JsonNode *inputs, JsonObject *parameters, GError **error)
{
  JsonNode *table = gtf_json_find (parameters, "table"), *query = gtf_json_find (parameters, "query");
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;

  if (JSON_NODE_HOLDS_NULL (inputs))
    return add_request (requests, "parameters", table, query, error);
  if (table)
    return add_request (requests, "inputs", table, inputs, error);
  if (query)
    return add_request (requests, "inputs", inputs, query, error);
  if (list == NULL)
    return add_object (requests, "inputs", inputs, error);
  if (json_array_get_length (list) == 0)
    return text_fail (error, "inputs: expected at least one {\"table\", \"query\"}, found an empty list");
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      g_autofree char *where = g_strdup_printf ("inputs[%u]", i);

      if (!add_object (requests, where, json_array_get_element (list, i), error))
        return FALSE;
    }
  return TRUE;
}

static void
clear_request (gpointer data)
{
  TableRequest *self = data;

  g_clear_pointer (&self->cells, g_ptr_array_unref);
  g_clear_pointer (&self->questions, g_ptr_array_unref);
  g_clear_pointer (&self->parsed, json_node_unref);
}

GArray *
table_requests_read (JsonNode *inputs, JsonObject *parameters, GError **error)
{
  g_autoptr (GArray) requests = g_array_new (FALSE, TRUE, sizeof (TableRequest));

  g_array_set_clear_func (requests, clear_request);
  return add_all (requests, inputs, parameters, error) ? g_steal_pointer (&requests) : NULL;
}
