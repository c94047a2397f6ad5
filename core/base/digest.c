/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SHA-256 by the instructions of the processor where it has them (x86: SHA extensions; several times GChecksum's rate, so that a
 * download is hashed while it arrives), else by GChecksum; SHA-1 by GChecksum, since only small files have it.
 *
 * FIPS 180-4; the schedule of the SHA extensions is that of Intel's white paper "Intel SHA Extensions" (2013).
 */
#include "base/digest.h"

#include <string.h>

#if defined (__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define HAVE_SHA_INSTRUCTIONS 1
#endif

struct _GtfDigest
{
  GChecksum *checksum;          /* NULL: by instructions */
  guint32 state[8];
  guint8 block[64];
  guint64 length;
  char hex[65];
};

#ifdef HAVE_SHA_INSTRUCTIONS

static const guint32 k256[64] G_GNUC_UNUSED __attribute__ ((aligned (16))) = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static gboolean
have_sha_instructions (void)
{
  unsigned int a, b, c, d;

  return __get_cpuid (1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) && __get_cpuid_count (7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

__attribute__ ((target ("sha,sse4.1,ssse3"))) static void
hash_blocks (guint32 state[8], const guint8 *data, gsize n_blocks)
{
  const __m128i swap = _mm_set_epi64x (0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i low = _mm_shuffle_epi32 (_mm_loadu_si128 ((const __m128i *) state), 0xB1);              /* c d a b */
  __m128i high = _mm_shuffle_epi32 (_mm_loadu_si128 ((const __m128i *) (state + 4)), 0x1B);       /* h g f e turned */
  __m128i abef = _mm_alignr_epi8 (low, high, 8), cdgh = _mm_blend_epi16 (high, low, 0xF0);

  for (; n_blocks; n_blocks--, data += 64)
    {
      const __m128i abef_before = abef, cdgh_before = cdgh;
      __m128i w[4];

      for (guint i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8 (_mm_loadu_si128 ((const __m128i *) (data + 16 * i)), swap);
      for (guint i = 0; i < 16; i++)
        {
          __m128i wk = _mm_add_epi32 (w[i % 4], _mm_load_si128 ((const __m128i *) (k256 + 4 * i)));

          cdgh = _mm_sha256rnds2_epu32 (cdgh, abef, wk);
          abef = _mm_sha256rnds2_epu32 (abef, cdgh, _mm_shuffle_epi32 (wk, 0x0E));
          if (i < 12)           /* four words on, in the place of the four that were used */
            {
              __m128i next = _mm_sha256msg1_epu32 (w[i % 4], w[(i + 1) % 4]);

              next = _mm_add_epi32 (next, _mm_alignr_epi8 (w[(i + 3) % 4], w[(i + 2) % 4], 4));
              w[i % 4] = _mm_sha256msg2_epu32 (next, w[(i + 3) % 4]);
            }
        }
      abef = _mm_add_epi32 (abef, abef_before);
      cdgh = _mm_add_epi32 (cdgh, cdgh_before);
    }
  low = _mm_shuffle_epi32 (abef, 0x1B);
  high = _mm_shuffle_epi32 (cdgh, 0xB1);
  _mm_storeu_si128 ((__m128i *) state, _mm_blend_epi16 (low, high, 0xF0));
  _mm_storeu_si128 ((__m128i *) (state + 4), _mm_alignr_epi8 (high, low, 8));
}

static void
update_blocks (GtfDigest *self, const guint8 *data, gsize length)
{
  gsize have = self->length % 64;

  self->length += length;
  if (have)
    {
      gsize n = MIN (length, 64 - have);

      memcpy (self->block + have, data, n);
      data += n;
      length -= n;
      if (have + n < 64)
        return;
      hash_blocks (self->state, self->block, 1);
    }
  hash_blocks (self->state, data, length / 64);
  memcpy (self->block, data + length / 64 * 64, length % 64);
}

static void
finish_blocks (GtfDigest *self)
{
  static const guint8 padding[64] = { 0x80 };
  guint64 bits = GUINT64_TO_BE (self->length * 8);

  update_blocks (self, padding, 1 + (119 - self->length % 64) % 64);
  update_blocks (self, (const guint8 *) &bits, 8);
  for (guint i = 0; i < 8; i++)
    g_snprintf (self->hex + 8 * i, 9, "%08x", self->state[i]);
}

#else

static gboolean have_sha_instructions (void) { return FALSE; }
static void update_blocks (GtfDigest *self, const guint8 *data, gsize length) { }
static void finish_blocks (GtfDigest *self) { }

#endif

GtfDigest *
gtf_digest_new_sha256 (void)
{
  static const guint32 initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
  GtfDigest *self = g_new0 (GtfDigest, 1);

  memcpy (self->state, initial, sizeof initial);
  if (!have_sha_instructions ())
    self->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  return self;
}

GtfDigest *
gtf_digest_new_git_blob (guint64 size)
{
  GtfDigest *self = g_new0 (GtfDigest, 1);
  g_autofree char *head = g_strdup_printf ("blob %" G_GUINT64_FORMAT, size);

  self->checksum = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (self->checksum, (const guchar *) head, (gssize) strlen (head) + 1);
  return self;
}

void
gtf_digest_update (GtfDigest *self, gconstpointer data, gsize length)
{
  if (self->checksum)
    g_checksum_update (self->checksum, data, (gssize) length);
  else
    update_blocks (self, data, length);
}

const char *
gtf_digest_get (GtfDigest *self)
{
  if (self->checksum)
    return g_checksum_get_string (self->checksum);
  if (!*self->hex)
    finish_blocks (self);
  return self->hex;
}

void
gtf_digest_free (GtfDigest *self)
{
  g_clear_pointer (&self->checksum, g_checksum_free);
  g_free (self);
}
