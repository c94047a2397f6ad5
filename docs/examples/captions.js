#!/usr/bin/env gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Captions of a recording: each word with the time when it is said.
//
//   gjs captions.js talk.flac openai/whisper-base
imports.gi.versions.Gtf = '1.0';
const { Gtf } = imports.gi;
const System = imports.system;

if (ARGV.length < 1) {
  printerr('Usage: captions.js FILE [MODEL]');
  System.exit(2);
}
try {
  const asr = Gtf.Pipeline.new('automatic-speech-recognition', ARGV.length > 1 ? ARGV[1] : null, null);
  const result = asr.run_file(ARGV[0], '{"return_timestamps": "word"}', null);
  for (let i = 0; i < result.get_n_chunks(); i++)
    print(`${result.get_chunk_start(i).toFixed(2).padStart(6)} ${result.get_chunk_text(i)}`);
  print(result.get_text());
} catch (error) {
  printerr(error.message);
  System.exit(1);
}
