/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Captions of a recording: each word with the time when it is said.
 *
 *   cc captions.c -o captions $(pkg-config --cflags --libs gtransformers-1.0)
 *   ./captions talk.flac openai/whisper-base
 */
#include <gtf/gtf.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPipeline) asr = NULL;
  g_autoptr (GtfResult) result = NULL;

  if (argc < 2)
    {
      g_printerr ("Usage: %s FILE [MODEL]\n", argv[0]);
      return 2;
    }
  asr = gtf_pipeline_new ("automatic-speech-recognition", argc > 2 ? argv[2] : NULL, NULL, &error);
  if (asr != NULL)
    result = gtf_pipeline_run_file (asr, argv[1], "{\"return_timestamps\": \"word\"}", NULL, &error);
  if (result == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  for (guint i = 0; i < gtf_result_get_n_chunks (result); i++)
    g_print ("%6.2f %s\n", gtf_result_get_chunk_start (result, i), gtf_result_get_chunk_text (result, i));
  g_print ("%s\n", gtf_result_get_text (result));
  return 0;
}
