/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Captions of a recording: each word with the time when it is said.
 *
 *   valac --pkg gtransformers-1.0 captions.vala
 *   ./captions talk.flac openai/whisper-base
 */
int main (string[] args) {
  if (args.length < 2) {
    printerr ("Usage: %s FILE [MODEL]\n", args[0]);
    return 2;
  }
  try {
    var asr = new Gtf.Pipeline ("automatic-speech-recognition", args.length > 2 ? args[2] : null, null);
    var result = asr.run_file (args[1], "{\"return_timestamps\": \"word\"}", null);
    for (uint i = 0; i < result.get_n_chunks (); i++) {
      print ("%6.2f %s\n", result.get_chunk_start (i), result.get_chunk_text (i));
    }
    print ("%s\n", result.get_text ());
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  return 0;
}
