/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Running the command-line tool from outside, for the tests of core/tools. GTF_CLI is its path.
 */
#pragma once

#include <string.h>
#include <sys/wait.h>
#include <gio/gio.h>
#include "base/json.h"

typedef struct
{
  int status;                   /* exit status, or minus the signal */
  char *out, *err;
} Outcome;

static inline void
outcome_clear (Outcome *o)
{
  g_free (o->out);
  g_free (o->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

static inline int
tool_status (int status)
{
  return WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

/* What "$X" stands for in the lines below. */
static struct { const char *name, *value; } tool_names[8];

static inline void
tool_name (const char *name, const char *value)
{
  guint i = 0;

  while (tool_names[i].name)
    i++;
  g_assert_cmpuint (i, <, G_N_ELEMENTS (tool_names) - 1);
  tool_names[i].name = name;
  tool_names[i].value = value;
}

static inline char *
tool_fill_in (const char *text)
{
  g_autoptr (GString) full = g_string_new (text);

  for (guint i = 0; tool_names[i].name; i++)
    g_string_replace (full, tool_names[i].name, tool_names[i].value, 0);
  return g_string_free (g_steal_pointer (&full), FALSE);
}

/* @line is split like a shell does. */
static inline char **
tool_command (const char *line)
{
  g_autofree char *arguments = tool_fill_in (line), *quoted = g_shell_quote (g_getenv ("GTF_CLI"));
  g_autofree char *full = g_strconcat (quoted, " ", arguments, NULL);
  char **argv = NULL;

  g_assert_true (g_shell_parse_argv (full, NULL, &argv, NULL));
  return argv;
}

static inline GSubprocessLauncher *
tool_launcher (void)
{
  return g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
}

static inline GSubprocess *
tool_start (GSubprocessLauncher *launcher, const char *line)
{
  g_auto (GStrv) argv = tool_command (line);
  g_autoptr (GError) error = NULL;
  GSubprocess *process = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, &error);

  g_assert_no_error (error);
  return process;
}

static inline char *
tool_text (GBytes *bytes)
{
  gsize n;
  const char *data = g_bytes_get_data (bytes, &n);

  return n ? g_strndup (data, n) : g_strdup ("");
}

static inline Outcome
tool_finish (GSubprocess *process, const char *input)
{
  g_autoptr (GBytes) in = g_bytes_new (input, strlen (input)), out = NULL, err = NULL;

  g_assert_true (g_subprocess_communicate (process, in, NULL, &out, &err, NULL));
  return (Outcome) { tool_status (g_subprocess_get_status (process)), tool_text (out), tool_text (err) };
}

static inline Outcome
tool_run_with (GSubprocessLauncher *launcher, const char *line, const char *input)
{
  g_autoptr (GSubprocess) process = tool_start (launcher, line);

  return tool_finish (process, input);
}

static inline Outcome
tool_run (const char *line, const char *input)
{
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();

  return tool_run_with (launcher, line, input);
}

static inline gboolean
tool_says (const char *message, const char *says)
{
  g_autofree char *full = tool_fill_in (says);
  g_auto (GStrv) words = g_strsplit (full, "~", -1);

  for (char **word = words; *word; word++)
    if (!strstr (message, *word))
      {
        g_test_message ("\"%s\" does not say \"%s\"", message, *word);
        return FALSE;
      }
  return TRUE;
}

/* An answer of --jsonl that is an error, whose message has all of @says (separated by '~'). */
static inline void
tool_assert_answer_fails (const char *request, const char *answer, const char *says)
{
  g_autoptr (JsonObject) object = gtf_json_parse_object ("answer", answer, -1, GTF_JSON_STRICT, NULL);
  const char *message;

  if (!object || json_object_get_size (object) != 1 || !(message = json_object_get_string_member_with_default (object, "error", NULL)))
    g_error ("%s: %s", request, answer);
  if (!tool_says (message, says))
    g_error ("%s: \"%s\" does not say \"%s\"", request, message, says);
}

/* Status 1, one message with all of @says (separated by '~'), nothing on standard output. */
static inline void
tool_assert_failure (const char *what, const Outcome *o, const char *says)
{
  const char *first = g_str_has_prefix (o->err, "error: ") ? o->err + 7 : NULL;

  if (o->status != 1 || *o->out || !first || strstr (first, "error: ") || !g_str_has_suffix (first, "\n") || !tool_says (first, says))
    g_error ("%s: status %d, output \"%.200s\", message \"%s\", expected to say \"%s\"", what, o->status, o->out, o->err, says);
}

static inline guint
tool_count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}
