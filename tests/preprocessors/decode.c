/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files to samples: formats that the test writes with libsndfile, mixes of 1 to 8 channels, rates, files that are no sound; and media
 * that ffmpeg writes, where there is one.
 */
#include "../sanitizer.h"
#include <math.h>
#include <sndfile.h>
#include <string.h>
#include <glib/gstdio.h>
#include "pipeline/preprocessor.h"

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_frames (const char *path, int format, int channels, int rate, const float *frames, gsize n)
{
  SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
  SNDFILE *file = sf_open (path, SFM_WRITE, &info);

  g_assert_nonnull (file);
  sf_command (file, SFC_SET_CLIPPING, NULL, SF_TRUE);
  g_assert_cmpint (sf_writef_float (file, frames, (sf_count_t) n), ==, (sf_count_t) n);
  sf_close (file);
}

static float *
make_tone (gsize n, guint rate)
{
  float *samples = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    samples[i] = (float) (.5 * sin (2 * G_PI * 440 * (double) i / rate));
  return samples;
}

typedef struct
{
  const char *name;
  int format;
  double tolerance;
} Format;

static const Format formats[] = {
  { "u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 8e-3 },
  { "s16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4e-5 },
  { "s24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 2e-7 },
  { "s32.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 1e-7 },
  { "f32.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0 },
  { "f64.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0 },
  { "ulaw.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 2e-2 },
  { "ex.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 4e-5 },
  { "s16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 4e-5 },
  { "s24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 2e-7 },
  { "vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 5e-2 }
};

static void
test_format (gconstpointer data)
{
  const Format *format = data;
  g_autofree char *path = in_folder (format->name);
  g_autofree float *tone = make_tone (16000, 16000);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfAudio) audio = NULL;

  write_frames (path, format->format, 1, 16000, tone, 16000);
  audio = gtf_audio_load (path, 16000, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (audio->n_samples, ==, 16000);
  g_assert_cmpuint (audio->sampling_rate, ==, 16000);
  for (guint i = 0; i < 16000; i++)
    g_assert_cmpfloat_with_epsilon (audio->samples[i], tone[i], format->tolerance + 1e-9);
}

/* Channel c is 0.05 (c + 1) throughout: what ffmpeg's float mixer makes of it. */
static void
test_channels (void)
{
  const double half_power = sqrt (.5) * .15;
  const double expected[9] = { 0, .05, half_power, half_power, half_power + .25, half_power + .375, half_power + .425, half_power + .6, half_power + .8 };

  for (int n = 1; n <= 8; n++)
    {
      g_autofree char *path = in_folder ("channels.wav");
      g_autofree float *frames = g_new (float, 100 * n);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfAudio) audio = NULL;

      for (int i = 0; i < 100 * n; i++)
        frames[i] = .05f * (float) (i % n + 1);
      write_frames (path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, n, 16000, frames, 100);
      audio = gtf_audio_load (path, 0, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (audio->n_samples, ==, 100);
      for (guint i = 0; i < 100; i++)
        g_assert_cmpfloat_with_epsilon (audio->samples[i], expected[n], 1e-6);
    }
}

static void
test_rates (void)
{
  static const int rates[] = { 1000, 7350, 8000, 11025, 16000, 22050, 44100, 48000, 96001, 192000 };

  for (guint r = 0; r < G_N_ELEMENTS (rates); r++)
    {
      gsize n = (gsize) rates[r] + 1, expected = (16000 * n + (gsize) rates[r] - 1) / (gsize) rates[r];
      g_autofree char *path = in_folder ("rate.wav");
      g_autofree float *tone = make_tone (n, (guint) rates[r]), *there = make_tone (expected, 16000);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfAudio) audio = NULL;

      write_frames (path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, rates[r], tone, n);
      audio = gtf_audio_load (path, 16000, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (audio->n_samples, ==, expected);
      for (gsize i = 2000; i + 2000 < expected; i++)
        g_assert_cmpfloat_with_epsilon (audio->samples[i], there[i], 2e-3);
    }
}

/* ---- what is no sound ---- */

static void
write_bytes (const char *path, const char *bytes, gsize n)
{
  g_assert_true (g_file_set_contents (path, bytes, (gssize) n, NULL));
}

static void
write_truncated (const char *path)
{
  g_autofree char *bytes = NULL;
  float silence[100] = { 0 };

  write_frames (path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, silence, 100);
  g_assert_true (g_file_get_contents (path, &bytes, NULL, NULL));
  write_bytes (path, bytes, 24);
}

static void
write_png (const char *path)
{
  static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0\x3a\x7e\x9b\x55\0\0\0\nIDATx\x9c" "c`\0\0\0\2\0\1H\xaf\xa4q\0\0\0\0IEND\xae" "B`\x82";

  write_bytes (path, png, sizeof png - 1);
}

static void
write_nan (const char *path)
{
  float samples[4] = { 0, 0, NAN, 0 };

  write_frames (path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, samples, 4);
}

static void
write_infinite (const char *path)
{
  float samples[4] = { 0, INFINITY, 0, 0 };

  write_frames (path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, samples, 4);
}

static void
write_nothing (const char *path)
{
  float none = 0;

  write_frames (path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, &none, 0);
}

static void
write_empty (const char *path)
{
  write_bytes (path, "", 0);
}

static void
write_text (const char *path)
{
  write_bytes (path, "this is text, not sound, and stays so\n", 38);
}

static void
write_folder (const char *path)
{
  g_mkdir (path, 0700);
}

typedef struct
{
  const char *name;
  void (*write) (const char *path);
  GtfError code;
  const char *says;
} Bad;

static const Bad bads[] = {
  { "missing.wav", NULL, GTF_ERROR_NOT_FOUND, "No such file" },
  { "folder.wav", write_folder, GTF_ERROR_INVALID_DATA, "folder" },
  { "truncated.wav", write_truncated, GTF_ERROR_INVALID_DATA, "not sound" },
  { "picture.wav", write_png, GTF_ERROR_INVALID_DATA, "" },
  { "nan.wav", write_nan, GTF_ERROR_INVALID_DATA, "sample 2" },
  { "infinite.wav", write_infinite, GTF_ERROR_INVALID_DATA, "sample 1" },
  { "nothing.wav", write_nothing, GTF_ERROR_INVALID_DATA, "0 samples" },
  { "empty.wav", write_empty, GTF_ERROR_INVALID_DATA, "" },
  { "text.wav", write_text, GTF_ERROR_INVALID_DATA, "" }
};

static void
test_bad (gconstpointer data)
{
  const Bad *bad = data;
  g_autofree char *path = in_folder (bad->name);
  g_autoptr (GError) error = NULL;

  if (bad->write)
    bad->write (path);
  g_assert_null (gtf_audio_load (path, 16000, NULL, &error));
  g_assert_nonnull (error);
  g_assert_true (error->domain == GTF_ERROR);
  /* Without the module for other media, those are unsupported rather than broken. */
  if (error->code != GTF_ERROR_UNSUPPORTED)
    g_assert_cmpint (error->code, ==, bad->code);
  g_assert_nonnull (strstr (error->message, bad->name));
  g_assert_nonnull (strstr (error->message, bad->says));
}

static void
test_cancelled (void)
{
  g_autofree char *path = in_folder ("cancelled.wav");
  g_autofree float *tone = make_tone (1000, 16000);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  write_frames (path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1, 16000, tone, 1000);
  g_cancellable_cancel (cancellable);
  g_assert_null (gtf_audio_load (path, 16000, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* ---- other media ---- */

static const char *const media[] = { "tone.m4a", "tone.mp4", "tone.webm", "tone.mka" };

/* Decoders differ by their delay: the tone may begin late, but is there for its length and as loud. */
static void
test_medium (gconstpointer data)
{
  g_autofree char *ffmpeg = g_find_program_in_path ("ffmpeg");
  g_autofree char *wav = in_folder ("tone.wav"), *path = in_folder (data);
  g_autofree float *tone = make_tone (64000, 16000);
  const char *argv[] = { ffmpeg, "-loglevel", "error", "-y", "-i", wav, path, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfAudio) audio = NULL;
  double energy = 0;
  int status = -1;

  write_frames (wav, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, tone, 64000);
  if (!ffmpeg || !g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) || status != 0)
    {
      g_test_skip ("there is no ffmpeg that writes this");
      return;
    }
  audio = gtf_audio_load (path, 16000, NULL, &error);
  if (g_error_matches (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED) || (error && strstr (error->message, "installed GStreamer")))
    {
      g_test_skip (error->message);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (audio->n_samples, >, 62500);
  g_assert_cmpuint (audio->n_samples, <, 66000);
  for (guint i = 20000; i < 40000; i++)
    energy += audio->samples[i] * audio->samples[i];
  g_assert_cmpfloat_with_epsilon (sqrt (energy / 20000), .5 * sqrt (.5), .02);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("gtf-test-XXXXXX", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *path = g_strconcat ("/preprocessors/decode/", formats[i].name, NULL);
      g_test_add_data_func (path, &formats[i], test_format);
    }
  g_test_add_func ("/preprocessors/decode/channels", test_channels);
  g_test_add_func ("/preprocessors/decode/rates", test_rates);
  g_test_add_func ("/preprocessors/decode/cancelled", test_cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (bads); i++)
    {
      g_autofree char *path = g_strconcat ("/preprocessors/decode/bad/", bads[i].name, NULL);
      g_test_add_data_func (path, &bads[i], test_bad);
    }
  for (guint i = 0; i < G_N_ELEMENTS (media); i++)
    {
      g_autofree char *path = g_strconcat ("/preprocessors/decode/media/", media[i], NULL);
      g_test_add_data_func (path, media[i], test_medium);
    }
  result = g_test_run ();
  {
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir)))
      {
        g_autofree char *path = in_folder (name);
        g_remove (path);
      }
  }
  g_rmdir (folder);
  g_free (folder);
  return result;
}
