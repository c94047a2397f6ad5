/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Progress on standard error: a bar that redraws itself on a terminal; elsewhere one plain line each ten percent and
 * only for work that takes longer than a moment; nothing with --quiet.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 24
#define QUIET_SECONDS 2         /* work that is done by then gets no plain lines */

struct _CliProgress
{
  char *what;
  gint64 started;
  gboolean terminal, drawn;
  int tenth;
};

CliProgress *
cli_progress_new (const char *what)
{
  CliProgress *self = g_new0 (CliProgress, 1);

  self->what = g_strdup (what);
  self->started = g_get_monotonic_time ();
  self->terminal = isatty (STDERR_FILENO);
  return self;
}

static int
terminal_width (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void
draw_bar (CliProgress *self, double fraction, const char *text)
{
  g_autoptr (GString) line = g_string_new (NULL);
  int full = (int) (CLAMP (fraction, 0, 1) * BAR_WIDTH + 0.5);
  int room = terminal_width () - 1;
  g_autofree char *valid = NULL, *cut = NULL;

  g_string_append_printf (line, "%s [", self->what);
  for (int i = 0; i < BAR_WIDTH; i++)
    g_string_append_c (line, i < full ? '#' : '.');
  g_string_append_printf (line, "] %3d %%  %s", (int) (CLAMP (fraction, 0, 1) * 100), text ? text : "");
  valid = g_utf8_make_valid (line->str, -1);
  cut = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), room));
  fprintf (stderr, "\r\033[K%s", cut);
  fflush (stderr);
  self->drawn = TRUE;
}

void
cli_progress_set (CliProgress *self, double fraction, const char *text)
{
  int tenth = (int) (fraction * 10);

  if (cli_quiet || fraction < 0)
    return;
  if (self->terminal)
    draw_bar (self, fraction, text);
  else if (tenth > self->tenth && g_get_monotonic_time () - self->started > QUIET_SECONDS * G_USEC_PER_SEC)
    {
      fprintf (stderr, "%s: %d %%\n", self->what, tenth * 10);
      self->tenth = tenth;
    }
}

void
cli_progress_free (CliProgress *self)
{
  if (self->drawn)
    {
      fprintf (stderr, "\r\033[K");
      fflush (stderr);
    }
  g_free (self->what);
  g_free (self);
}
