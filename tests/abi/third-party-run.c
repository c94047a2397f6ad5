/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loads a repository and prints the logits of some token ids: what a program does that is built against the installed library.
 *   run REPOSITORY ID...
 */
#include <gtf/gtf.h>
#include <stdio.h>
#include <stdlib.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (argv[1], NULL, NULL, &error);
  g_autoptr (GHashTable) inputs = g_hash_table_new (g_str_hash, g_str_equal), outputs = NULL;
  g_autofree gint32 *ids = g_new (gint32, argc);
  gint64 shape[] = { 1, argc - 2 };
  g_autoptr (GBytes) bytes = NULL, logits = NULL;
  g_autoptr (GtfTensor) tensor = NULL;

  for (int i = 2; i < argc; i++)
    ids[i - 2] = atoi (argv[i]);
  bytes = g_bytes_new (ids, (gsize) (argc - 2) * sizeof *ids);
  tensor = gtf_tensor_new_bytes (GTF_DTYPE_I32, 2, shape, bytes, NULL);
  g_hash_table_insert (inputs, "input_ids", tensor);
  if (model)
    outputs = gtf_model_forward (model, inputs, NULL, NULL, &error);
  if (!outputs)
    {
      fprintf (stderr, "%s\n", error->message);
      return 1;
    }
  logits = gtf_tensor_get_bytes (g_hash_table_lookup (outputs, "logits"));
  for (gsize i = 0; i < g_bytes_get_size (logits) / sizeof (float); i++)
    printf ("%.7g ", ((const float *) g_bytes_get_data (logits, NULL))[i]);
  printf ("\n");
  return 0;
}
