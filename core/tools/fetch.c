/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bar of a download: how much of how much, how fast, how long still.
 */
#include "tools/cli.h"

struct _CliFetch
{
  char *what;
  CliProgress *bar;             /* made with the first news: most often there is nothing to fetch */
  gint64 started;
};

CliFetch *
cli_fetch_new (const char *what)
{
  CliFetch *self = g_new0 (CliFetch, 1);

  self->what = g_strdup (what);
  return self;
}

void
cli_fetch_free (CliFetch *self)
{
  g_clear_pointer (&self->bar, cli_progress_free);
  g_free (self->what);
  g_free (self);
}

void
cli_fetch_progress (const GtfHubProgress *progress, gpointer data)
{
  CliFetch *self = data;
  gint64 now = g_get_monotonic_time ();
  double seconds, rate, fraction;
  g_autofree char *done = g_format_size ((guint64) MAX (progress->bytes_done, 0)), *total = g_format_size ((guint64) progress->bytes_total);
  g_autoptr (GString) text = g_string_new (NULL);

  if (self->bar == NULL)
    {
      self->bar = cli_progress_new (self->what);
      self->started = now;
    }
  seconds = (double) (now - self->started) / G_USEC_PER_SEC;
  rate = seconds > 0.2 ? (double) progress->bytes_done / seconds : 0;
  fraction = progress->bytes_total > 0 ? (double) progress->bytes_done / (double) progress->bytes_total : 0;
  g_string_append_printf (text, "%s of %s, %u of %u files", done, total, progress->files_done, progress->n_files);
  if (rate > 0)
    {
      g_autofree char *speed = g_format_size ((guint64) rate);

      g_string_append_printf (text, ", %s/s, %d s left", speed, (int) ((double) MAX (progress->bytes_total - progress->bytes_done, 0) / rate));
    }
  cli_progress_set (self->bar, fraction, text->str);
}

GtfReference *
cli_fetch (const char *ref, const char *revision, GtfHubParts parts, GCancellable *cancellable, GError **error)
{
  g_autoptr (CliFetch) fetch = cli_fetch_new (ref);

  return gtf_reference_fetch (ref, revision, parts, cli_fetch_progress, fetch, cancellable, error);
}
