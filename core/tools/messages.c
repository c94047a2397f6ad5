/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What goes to standard error. Messages are UTF-8 bytes, written as they are whatever the locale says.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <unistd.h>

gboolean cli_quiet;

gboolean
cli_colours (int fd)
{
  const char *no = g_getenv ("NO_COLOR"), *term = g_getenv ("TERM");

  return isatty (fd) && !(no && *no) && g_strcmp0 (term, "dumb") != 0;
}

/* Messages quote what stands in files: no control character of theirs reaches the terminal. */
static void
print_error (const char *text)
{
  gboolean colours = cli_colours (STDERR_FILENO);
  g_autoptr (GString) safe = g_string_new (NULL);

  for (const char *p = text; *p; p++)
    if (g_ascii_iscntrl (*p) && *p != '\n' && *p != '\t')
      g_string_append_printf (safe, "\\x%02x", (guchar) *p);
    else if ((guchar) *p == 0xC2 && (guchar) p[1] >= 0x80 && (guchar) p[1] < 0xA0)      /* controls of eight bits */
      g_string_append_printf (safe, "\\x%02x", (guchar) *++p);
    else
      g_string_append_c (safe, *p);
  fprintf (stderr, "%serror:%s %s\n", colours ? "\033[1;31m" : "", colours ? "\033[0m" : "", safe->str);
}

char *
cli_printable (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  for (const char *p = valid; *p; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      g_string_append_c (out, '?');
    else
      g_string_append_len (out, p, g_utf8_next_char (p) - p);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

int
cli_usage_error (const char *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  print_error (text);
  fprintf (stderr, "Try: gtransformers %s%s--help\n", command, *command ? " " : "");
  return CLI_USAGE;
}

int
cli_failure (const GError *error)
{
  /* Who is interrupted needs no message, and dies by the signal. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    cli_interrupt_wait ();
  print_error (error->message);
  return CLI_FAILED;
}

void
cli_note (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (cli_quiet)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  fprintf (stderr, "%s\n", text);
}
