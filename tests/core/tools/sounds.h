/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sounds for the tests of core/tools: one that is good, and some that are not.
 */
#pragma once

#include <glib.h>

static inline void
append_le (GByteArray *out, guint32 value, guint n_bytes)
{
  value = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, n_bytes);
}

/* A mono WAV file of 16-bit or (bits 32) floating-point samples. */
static inline void
write_wav (const char *folder, const char *name, guint32 rate, guint bits, gconstpointer samples, gsize n)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint32 bytes = (guint32) (n * bits / 8);
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_byte_array_append (out, (const guint8 *) "RIFF", 4);
  append_le (out, 36 + bytes, 4);
  g_byte_array_append (out, (const guint8 *) "WAVEfmt ", 8);
  append_le (out, 16, 4);
  append_le (out, bits == 32 ? 3 : 1, 2);
  append_le (out, 1, 2);
  append_le (out, rate, 4);
  append_le (out, rate * bits / 8, 4);
  append_le (out, bits / 8, 2);
  append_le (out, bits, 2);
  g_byte_array_append (out, (const guint8 *) "data", 4);
  append_le (out, bytes, 4);
  g_byte_array_append (out, samples, bytes);
  g_assert_true (g_file_set_contents (path, (const char *) out->data, (gssize) out->len, NULL));
}

/* A second of noise. */
static inline void
write_tone (const char *folder)
{
  static gint16 samples[16000];

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    samples[i] = (gint16) ((gint) (i * 37 % 101) * 200 - 10000);
  write_wav (folder, "tone.wav", 16000, 16, samples, G_N_ELEMENTS (samples));
}

static inline void
write_bad_sounds (const char *folder)
{
  static const char png[] = "\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0:~\233U\0\0\0\12IDATx\234c`\0\0\0\2\0\1H\257\244q\0\0\0\0IEND\256B`\202";
  float nan[200], infinite[200];
  static const struct { const char *name; const char *data; gsize size; } plain[] = {
    { "png.wav", png, sizeof png - 1 }, { "empty.wav", "", 0 }, { "riff.wav", "RIFF\377\377\377\377WAVE", 12 }, { "text.wav", "no sound at all\n", 16 },
  };

  for (guint i = 0; i < 200; i++)
    {
      nan[i] = i == 100 ? (float) g_ascii_strtod ("nan", NULL) : 0.1f;
      infinite[i] = i == 100 ? (float) g_ascii_strtod ("inf", NULL) : 0.1f;
    }
  write_wav (folder, "nan.wav", 16000, 32, nan, 200);
  write_wav (folder, "infinite.wav", 16000, 32, infinite, 200);
  write_wav (folder, "rate-0.wav", 0, 16, nan, 200);
  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    {
      g_autofree char *path = g_build_filename (folder, plain[i].name, NULL);

      g_assert_true (g_file_set_contents (path, plain[i].data, (gssize) plain[i].size, NULL));
    }
}
