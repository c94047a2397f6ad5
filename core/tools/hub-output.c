/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables and results as hf prints them.
 */
#include "tools/hub-output.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "base/json-print.h"

struct _CliHubTable
{
  const char *const *columns;
  const char *key;
  JsonArray *rows;
  JsonObject *row;              /* the last one */
  guint n_shown;                /* rows that were printed already */
  guint *widths;                /* of the columns as they were printed; NULL: the heads have not been */
};

gboolean
cli_hub_output_choose (CliHubOutput *self, GError **error)
{
  static const char *const formats[] = { "auto", "human", "agent", "json", "quiet", NULL };

  if (self->format && !g_strv_contains (formats, self->format))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--format '%s': expected human, json or quiet", self->format);
      return FALSE;
    }
  self->json = self->json || g_strcmp0 (self->format, "json") == 0;
  self->quiet = self->quiet || g_strcmp0 (self->format, "quiet") == 0;
  cli_quiet = self->quiet;
  return TRUE;
}

void
cli_hub_text (const CliHubOutput *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (self->json || self->quiet)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  printf ("%s\n", text);
}

static void
print_object (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = gtf_json_print (node, GTF_JSON_COMPACT);

  printf ("%s\n", text);
}

void
cli_hub_result (const CliHubOutput *self, const char *format, const char *text, ...)
{
  g_autoptr (JsonObject) object = json_object_new ();
  const char *name, *value, *last = NULL;
  va_list args;

  if (!self->json && !self->quiet)
    {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      printf (format, text);
#pragma GCC diagnostic pop
      printf ("\n");
    }
  va_start (args, text);
  while ((name = va_arg (args, const char *)))
    {
      guint64 number;

      last = value = va_arg (args, const char *);
      if (value == NULL)
        json_object_set_null_member (object, name);
      else if (strcmp (value, "True") == 0)
        json_object_set_boolean_member (object, name, TRUE);
      else if (g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, &number, NULL))
        json_object_set_int_member (object, name, (gint64) number);
      else
        json_object_set_string_member (object, name, value);
      if (value && !self->json && !self->quiet)
        printf ("  %s: %s\n", name, value);
    }
  va_end (args);
  if (self->json)
    print_object (object);
  else if (self->quiet && last)
    printf ("%s\n", last);
}

char *
cli_hub_size (gint64 bytes)
{
  static const char units[] = "\0KMGTPEZY";
  double value = (double) bytes;
  const char *unit = units;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  for (; fabs (value) >= 1000 && unit < units + sizeof units - 2; unit++)
    value /= 1000;
  g_ascii_formatd (digits, sizeof digits, "%.1f", value);
  return g_strdup_printf ("%s%.1s", digits, unit);
}

char *
cli_hub_since (gint64 seconds)
{
  static const struct
  {
    const char *name;
    double length;
    int most;                   /* of them; then the next unit */
  } units[] = { { "second", 1, 60 }, { "minute", 60, 60 }, { "hour", 3600, 24 }, { "day", 86400, 6 }, { "week", 604800, 6 }, { "month", 2629800, 11 }, { "year", 31557600, G_MAXINT } };
  double delta = (double) g_get_real_time () / 1e6 - (double) seconds;

  if (seconds == 0)
    return g_strdup ("");
  if (delta < 20)
    return g_strdup ("a few seconds ago");
  for (guint i = 0;; i++)
    {
      int value = (int) rint (delta / units[i].length);

      if (value <= units[i].most)
        return g_strdup_printf ("%d %s%s ago", value, units[i].name, value > 1 ? "s" : "");
    }
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

CliHubTable *
cli_hub_table_new (const char *const *columns, const char *key)
{
  CliHubTable *self = g_new0 (CliHubTable, 1);

  self->columns = columns;
  self->key = key;
  self->rows = json_array_new ();
  return self;
}

void
cli_hub_table_free (CliHubTable *self)
{
  json_array_unref (self->rows);
  g_free (self->widths);
  g_free (self);
}

void
cli_hub_table_row (CliHubTable *self)
{
  self->row = json_object_new ();
  json_array_add_object_element (self->rows, self->row);
}

void
cli_hub_table_put (CliHubTable *self, const char *name, const char *value)
{
  json_object_set_string_member (self->row, name, value ? value : "");
}

void
cli_hub_table_put_int (CliHubTable *self, const char *name, gint64 value)
{
  json_object_set_int_member (self->row, name, value);
}

void
cli_hub_table_put_list (CliHubTable *self, const char *name, GPtrArray *values)
{
  JsonArray *list = json_array_new ();

  for (guint i = 0; i < values->len; i++)
    json_array_add_string_element (list, values->pdata[i]);
  json_object_set_array_member (self->row, name, list);
}

/* (transfer full): what a cell shows, in one line. */
static char *
cell (JsonObject *row, const char *column)
{
  JsonNode *node = json_object_get_member (row, column);
  g_autoptr (GString) out = g_string_new (NULL);

  if (node == NULL)
    return g_strdup ("");
  if (JSON_NODE_HOLDS_ARRAY (node))
    for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
      g_string_append_printf (out, "%s%s", i ? ", " : "", json_array_get_string_element (json_node_get_array (node), i));
  else if (json_node_get_value_type (node) == G_TYPE_INT64)
    g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
  else
    g_string_append (out, json_node_get_string (node));
  for (char *p = out->str; *p; p++)
    if (g_ascii_iscntrl (*p))
      *p = ' ';
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
print_line (const CliHubTable *self, char **cells, const guint *widths)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (guint c = 0; self->columns[c]; c++)
    {
      guint pad = widths[c] - (guint) g_utf8_strlen (cells[c], -1);
      gboolean right = strcmp (self->columns[c], "size") == 0 || strcmp (self->columns[c], "downloads") == 0 || strcmp (self->columns[c], "likes") == 0;

      g_string_append_printf (line, "%s%*s%s%*s", c ? " " : "", right ? (int) pad : 0, "", cells[c], right ? 0 : (int) pad, "");
    }
  printf ("%s\n", g_strchomp (line->str));
}

/* What was not printed yet. Columns keep the width that they had before, unless something is wider. */
static void
print_human (CliHubTable *self)
{
  guint n = g_strv_length ((char **) self->columns), n_rows = json_array_get_length (self->rows);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  gboolean heads = self->widths == NULL;

  if (heads)
    self->widths = g_new0 (guint, n);
  for (guint r = heads ? 0 : self->n_shown + 1; r <= n_rows; r++)
    {
      char **cells = g_new0 (char *, n + 1);

      for (guint c = 0; c < n; c++)
        {
          cells[c] = r ? cell (json_array_get_object_element (self->rows, r - 1), self->columns[c]) : g_ascii_strup (self->columns[c], -1);
          self->widths[c] = MAX (self->widths[c], (guint) g_utf8_strlen (cells[c], -1));
        }
      g_ptr_array_add (lines, cells);
    }
  if (heads)
    {
      char **dashes = g_new0 (char *, n + 1);

      for (guint c = 0; c < n; c++)
        dashes[c] = g_strnfill (self->widths[c], '-');
      g_ptr_array_insert (lines, 1, dashes);
    }
  for (guint i = 0; i < lines->len; i++)
    print_line (self, lines->pdata[i], self->widths);
}

void
cli_hub_table_flush (CliHubTable *self, const CliHubOutput *output)
{
  guint n_rows = json_array_get_length (self->rows);

  if (output->json || n_rows == self->n_shown)
    return;
  for (guint i = self->n_shown; output->quiet && i < n_rows; i++)
    printf ("%s\n", json_object_get_string_member (json_array_get_object_element (self->rows, i), self->key));
  if (!output->quiet)
    print_human (self);
  self->n_shown = n_rows;
  fflush (stdout);
}

void
cli_hub_table_print (CliHubTable *self, const CliHubOutput *output)
{
  g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), self->rows);
  g_autofree char *text = NULL;

  cli_hub_table_flush (self, output);
  if (output->json)
    printf ("%s\n", text = gtf_json_print (node, GTF_JSON_COMPACT));
  else if (!output->quiet && self->n_shown == 0)
    printf ("No results found.\n");
}
