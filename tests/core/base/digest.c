/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/base/digest.c against GChecksum, for all lengths around the block and for data that comes in pieces.
 */
#include <string.h>
#include "base/digest.h"

static void
test_sha256 (void)
{
  g_autofree guint8 *data = g_malloc (4096);

  for (guint i = 0; i < 4096; i++)
    data[i] = (guint8) (i * 31 + i / 251);
  for (gsize length = 0; length <= 300; length++)
    for (gsize piece = 1; piece <= 300; piece = piece * 3 + 1)
      {
        g_autoptr (GtfDigest) digest = gtf_digest_new_sha256 ();
        g_autofree char *expected = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, length);

        for (gsize at = 0; at < length; at += piece)
          gtf_digest_update (digest, data + at, MIN (piece, length - at));
        g_assert_cmpstr (gtf_digest_get (digest), ==, expected);
        g_assert_cmpstr (gtf_digest_get (digest), ==, expected);
      }
}

/* As "git hash-object" has them. */
static const struct
{
  const char *text, *hash;
} blobs[] = {
  { "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" },
  { "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a" },
};

static void
test_git_blob (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (blobs); i++)
    {
      g_autoptr (GtfDigest) digest = gtf_digest_new_git_blob (strlen (blobs[i].text));

      gtf_digest_update (digest, blobs[i].text, strlen (blobs[i].text));
      g_assert_cmpstr (gtf_digest_get (digest), ==, blobs[i].hash);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/digest/sha256", test_sha256);
  g_test_add_func ("/base/digest/git-blob", test_git_blob);
  return g_test_run ();
}
