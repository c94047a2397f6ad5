/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long a picture takes from a file in memory to the tensor: bench-picture DIRECTORY FILE [RUNS], DIRECTORY with a preprocessor_config.json.
 * Prints the least times of decoding and of the whole in milliseconds. tests/bench/picture.py runs it beside transformers.
 */
#include "pipeline/preprocessor.h"

#include <stdlib.h>

int
main (int argc, char **argv)
{
  const guint runs = argc > 3 ? (guint) CLAMP (atoi (argv[3]), 1, 10000) : 40;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = argc > 2 ? gtf_preprocessor_load (argv[1], NULL, &error) : NULL;
  g_autoptr (GBytes) bytes = NULL;
  gint64 decoding = G_MAXINT64, whole = G_MAXINT64;
  char *data;
  gsize size;

  if (!preprocessor || !g_file_get_contents (argv[2], &data, &size, &error))
    {
      g_printerr ("bench-picture DIRECTORY FILE [RUNS]: %s\n", error ? error->message : "no directory or file");
      return 1;
    }
  bytes = g_bytes_new_take (data, size);
  for (guint i = 0; i < runs; i++)
    {
      const gint64 start = g_get_monotonic_time ();
      g_autoptr (GtfImage) image = gtf_image_load_bytes (bytes, argv[2], &error);
      const gint64 decoded = g_get_monotonic_time ();
      const GtfImage *images[1] = { image };
      g_autoptr (GHashTable) out = image ? gtf_preprocessor_run_images (preprocessor, images, 1, NULL, &error) : NULL;

      if (!out)
        {
          g_printerr ("%s\n", error->message);
          return 1;
        }
      decoding = MIN (decoding, decoded - start);
      whole = MIN (whole, g_get_monotonic_time () - start);
    }
  g_print ("%.3f %.3f\n", (double) decoding / 1000, (double) whole / 1000);
  return 0;
}
