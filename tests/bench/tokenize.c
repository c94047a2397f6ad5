/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times a tokenizer on the lines of a file, on one thread: not a test. Prints one JSON object: milliseconds of every run (each
 * over all lines), bytes, tokens, and by how many bytes the first loading raised the peak of memory; "load" times loading instead.
 *
 *   bench-tokenize FOLDER FILE [RUNS] [load]
 */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

static double
now (void)
{
  return g_get_monotonic_time () / 1e3;
}

/* The most memory that the process has had at once, in bytes; 0 where /proc does not say. What getrusage() says is the parent's, if that had more. */
static gsize
peak (void)
{
  g_autofree char *status = NULL;
  const char *line = g_file_get_contents ("/proc/self/status", &status, NULL, NULL) ? strstr (status, "VmHWM:") : NULL;
  return line ? g_ascii_strtoull (line + 6, NULL, 10) * 1024 : 0;
}

static GtfTokenizer *
load (const char *folder)
{
  g_autoptr (GError) error = NULL;
  GtfTokenizer *tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  if (tokenizer == NULL)
    {
      g_printerr ("%s\n", error->message);
      exit (1);
    }
  return tokenizer;
}

static gsize
encode_all (GtfTokenizer *tokenizer, char **lines)
{
  gsize n = 0;
  for (guint i = 0; lines[i]; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, lines[i], NULL, NULL, &error);
      if (e == NULL)
        {
          g_printerr ("%s\n", error->message);
          exit (1);
        }
      n += e->n_ids;
    }
  return n;
}

int
main (int argc, char **argv)
{
  if (argc < 3)
    return g_printerr ("bench-tokenize FOLDER FILE [RUNS] [load]\n"), 2;
  gint runs = argc > 3 ? atoi (argv[3]) : 5;
  gboolean only_load = argc > 4 && !strcmp (argv[4], "load");
  g_autofree char *text = NULL;
  gsize length, tokens = 0;
  g_autoptr (GError) error = NULL;
  if (!g_file_get_contents (argv[2], &text, &length, &error))
    return g_printerr ("%s\n", error->message), 1;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  gsize before = peak ();
  g_autoptr (GtfTokenizer) tokenizer = load (argv[1]);
  gsize memory = peak () - before;
  g_print ("{\"ms\": [");
  for (gint i = 0; i < runs; i++)
    {
      double start = now ();
      if (only_load)
        {
          g_autoptr (GtfTokenizer) again = load (argv[1]);
        }
      else
        tokens = encode_all (tokenizer, lines);
      g_print ("%s%.2f", i ? ", " : "", now () - start);
    }
  g_print ("], \"bytes\": %" G_GSIZE_FORMAT ", \"tokens\": %" G_GSIZE_FORMAT ", \"memory\": %" G_GSIZE_FORMAT "}\n", length, tokens, memory);
  return 0;
}
