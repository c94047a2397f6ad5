/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * preprocessor_config.json of pictures: what is accepted must work on a small picture and on a frame of video of the same size, with the same shape, or say why
 * not. Configurations that only ask for large pictures are read but not run.
 */
#include "image.h"
#include "pipeline/image-rows.h"
#include "fuzz.h"

#include <string.h>

#define MAX_SIDE 600

const GtfPreprocessorPlugin *gtf_preprocessor_image (void);

/* Whether a side that is asked for is too long to be waited for: any number of many digits. */
static gboolean
asks_for_much (const char *text)
{
  for (const char *at = text; *at; at++)
    if (g_ascii_isdigit (*at))
      {
        char *end;

        if (g_ascii_strtod (at, &end) > MAX_SIDE)
          return TRUE;
        at = end - 1;
      }
  return FALSE;
}

static GHashTable *
run (const GtfPreprocessorPlugin *plugin, gpointer state, const GtfImage *image)
{
  g_autoptr (GError) error = NULL;
  GHashTable *out = plugin->run_images (state, &image, 1, NULL, &error);

  g_assert_true (out ? error == NULL : error != NULL);
  return out;
}

static void
check_same (GHashTable *a, GHashTable *b)
{
  const GtfTensor *x, *y;

  g_assert_true ((a != NULL) == (b != NULL));
  if (!a)
    return;
  x = g_hash_table_lookup (a, "pixel_values");
  y = g_hash_table_lookup (b, "pixel_values");
  g_assert_true (x && y);
  for (guint i = 0; i < gtf_tensor_get_n_dims (x); i++)
    g_assert_cmpint (gtf_tensor_get_dim (x, (gint) i), ==, gtf_tensor_get_dim (y, (gint) i));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const GtfPreprocessorPlugin *plugin = gtf_preprocessor_image ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strndup ((const char *) data, size);
  guint8 pixels[19 * 13 * 3];
  GtfPlanes planes = { GTF_PLANES_YUV, 19, 13, 0, 0, { pixels, pixels + 19 * 13, pixels + 19 * 13 + 70 }, { 19, 10, 10 }, { 1, 1, 1 }, 1, 1, GTF_CHROMA_BETWEEN, FALSE, 0.299, 0.114, FALSE };
  GtfImage image = { .width = 19, .height = 13, .pixels = pixels }, frame = { .width = 19, .height = 13, .planes = &planes };
  gpointer state;

  if (size == 0 || size > 4096)
    return 0;
  state = plugin->create ("fuzz", text, &error);
  if (!state)
    {
      g_assert_nonnull (error);
      return 0;
    }
  for (guint i = 0; i < G_N_ELEMENTS (pixels); i++)
    pixels[i] = (guint8) (i * 37);
  if (!asks_for_much (text))
    {
      g_autoptr (GHashTable) out = run (plugin, state, &image), of_frame = run (plugin, state, &frame);

      check_same (out, of_frame);
    }
  plugin->destroy (state);
  return 0;
}
