/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * preprocessor_config.json: what is accepted must work on a short sound, or say why not. Configurations that only ask for much
 * work (long chunks, large transforms) are read but not run.
 */
#include "audio.h"
#include "fuzz.h"

#include <string.h>

const GtfPreprocessorPlugin *gtf_preprocessor_audio (void);

static void
check_features (GHashTable *out)
{
  GHashTableIter iter;
  gpointer tensor;

  g_hash_table_iter_init (&iter, out);
  while (g_hash_table_iter_next (&iter, NULL, &tensor))
    g_assert_cmpint (gtf_tensor_get_dim (tensor, 0), ==, 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const GtfPreprocessorPlugin *plugin = gtf_preprocessor_audio ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GHashTable) out = NULL;
  float samples[700];
  gpointer state;

  /* No text at all, or far more than a configuration. */
  if (size == 0 || size > 4096)
    return 0;
  state = plugin->create ("fuzz", text, &error);
  if (!state)
    {
      g_assert_nonnull (error);
      return 0;
    }
  g_assert_cmpuint (plugin->sampling_rate (state), >=, 1);
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    samples[i] = (float) ((gint) (i * 37 % 101) - 50) / 64;
  if (plugin->n_samples (state) <= 20000 && plugin->hop_length (state) * 400 >= plugin->n_samples (state))
    {
      out = plugin->run_audio (state, samples, G_N_ELEMENTS (samples), NULL, &error);
      g_assert_true (out ? error == NULL : error != NULL);
      if (out)
        check_features (out);
    }
  plugin->destroy (state);
  return 0;
}
