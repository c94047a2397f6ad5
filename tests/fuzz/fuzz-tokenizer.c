/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tokenizer.json of any bytes: it is refused with an error, or it tokenizes some texts, each of its tokens is a token, and
 * its offsets lie in the text.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "fuzz.h"
#include "text/tokenizer-private.h"

static void
try_text (GtfTokenizer *tokenizer, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfEncoding) e = gtf_tokenizer_encode (tokenizer, text, "pair", NULL, &error);
  g_assert_true ((e == NULL) == (error != NULL));
  if (e == NULL)
    return;
  for (gsize i = 0; i < e->n_ids; i++)
    g_assert_cmpuint (e->end_bytes[i], <=, 64);
  g_autofree char *back = gtf_tokenizer_decode (tokenizer, e->ids, e->n_ids, FALSE, NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *folder = g_dir_make_tmp ("gtf-fuzz-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (g_file_set_contents (path, (const char *) data, (gssize) size, NULL));
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_remove (path);
  g_rmdir (folder);
  g_assert_true ((tokenizer == NULL) == (error != NULL));
  if (tokenizer)
    {
      try_text (tokenizer, "The quick brown fox, it's 2026.");
      try_text (tokenizer, "\xC3\xA9 e\xCC\x81 \xE6\xBC\xA2  <s> x");
    }
  return 0;
}
