/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A conversation over lines: one request a line on standard input, one answer a line on standard output, in order and
 * flushed, so that a program can wait for the answer to its question before it asks the next one.
 *
 * A bad request is answered by {"error": ...} and does not end the conversation. A line is read whole whatever bytes it
 * has; surrogates that somebody encoded as UTF-8 count as U+FFFD. Blank lines are skipped.
 */
#include "tools/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/json-print.h"

/* ED A0..BF xx is a surrogate; EF BF BD, U+FFFD, is as long. */
static void
replace_surrogates (char *line, gsize length)
{
  for (gsize i = 0; i + 2 < length; i++)
    if ((guchar) line[i] == 0xED && (guchar) line[i + 1] >= 0xA0 && (guchar) line[i + 1] <= 0xBF && ((guchar) line[i + 2] & 0xC0) == 0x80)
      memcpy (line + i, "\xEF\xBF\xBD", 3);
}

static char *
answer (const char *line, gsize length, CliServe serve, gpointer data, GError **error)
{
  g_autoptr (JsonObject) request = gtf_json_parse_object ("request", line, (gssize) length, GTF_JSON_PYTHON | GTF_JSON_MODIFIED_UTF8, error);
  g_autoptr (JsonObject) none = json_object_new ();
  JsonNode *inputs, *parameters;
  g_autofree char *found = NULL;

  if (request == NULL)
    return NULL;
  inputs = json_object_get_member (request, "inputs");
  parameters = json_object_get_member (request, "parameters");
  if (inputs == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "request: \"inputs\" is missing; expected {\"inputs\": ..., \"parameters\": {...}}");
      return NULL;
    }
  if (parameters == NULL || JSON_NODE_HOLDS_NULL (parameters))
    return serve (inputs, none, data, error);
  if (JSON_NODE_HOLDS_OBJECT (parameters))
    return serve (inputs, json_node_get_object (parameters), data, error);
  found = gtf_json_describe (parameters);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "request: \"parameters\": expected an object, found %s", found);
  return NULL;
}

static char *
answer_line (char *line, gsize length, CliServe serve, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) out = NULL;
  char *json;

  replace_surrogates (line, length);
  json = answer (line, length, serve, data, &error);
  if (json)
    {
      gsize n = strlen (json);

      json = g_realloc (json, n + 2);
      return memcpy (json + n, "\n", 2), json;
    }
  out = g_string_new ("{\"error\": ");
  gtf_json_append_string (out, error ? error->message : "no answer");
  g_string_append (out, "}\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
is_blank (const char *line, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isspace (line[i]))
      return FALSE;
  return TRUE;
}

int
cli_serve_lines (CliServe serve, gpointer data, GCancellable *cancellable)
{
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  int status = CLI_OK;

  while (status == CLI_OK && !g_cancellable_is_cancelled (cancellable) && (length = getline (&line, &room, stdin)) >= 0)
    {
      g_autofree char *out = NULL;
      g_autoptr (GError) error = NULL;

      if (length && line[length - 1] == '\n')
        length--;
      if (is_blank (line, length))
        continue;
      out = answer_line (line, length, serve, data);
      if (g_cancellable_is_cancelled (cancellable))
        cli_interrupt_wait ();
      else if (!cli_write (NULL, out, strlen (out), &error))
        status = cli_failure (error);
    }
  free (line);
  cli_interrupt_wait ();        /* between an answer and the next line, too, the signal ends the process */
  return status;
}
