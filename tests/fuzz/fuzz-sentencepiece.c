/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A SentencePiece model of any bytes: it is refused with an error, or its pieces lie in the file, and of the tokenizers that T5's and
 * Llama's classes make of it each is refused or tokenizes a text.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "fuzz.h"
#include "text/sentencepiece.h"
#include "text/tokenizer.h"

static void
try_class (const char *folder, const char *config)
{
  g_autofree char *path = g_build_filename (folder, "tokenizer_config.json", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (g_file_set_contents (path, config, -1, NULL));
  g_autoptr (GtfTokenizer) tokenizer = gtf_tokenizer_load (folder, NULL, &error);
  g_remove (path);
  g_assert_true ((tokenizer == NULL) == (error != NULL));
  g_autoptr (GtfEncoding) e = tokenizer ? gtf_tokenizer_encode (tokenizer, "It's \xC3\xA9 the  river \xE2\x98\x83", "pair", NULL, NULL) : NULL;
  for (gsize i = 0; e && i < e->n_ids; i++)
    g_assert_nonnull (gtf_tokenizer_id_to_token (tokenizer, e->ids[i]));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSpm) spm = gtf_spm_parse ("fuzz", size ? g_memdup2 (data, size) : g_strdup (""), size, &error);
  g_assert_true ((spm == NULL) == (error != NULL));
  if (spm == NULL)
    return 0;
  for (gsize i = 0; i < spm->n_pieces; i++)
    g_assert_true (spm->pieces[i].length > 0 && spm->pieces[i].text >= spm->data && spm->pieces[i].text + spm->pieces[i].length <= spm->data + size);
  g_autofree char *folder = g_dir_make_tmp ("gtf-fuzz-XXXXXX", NULL), *path = g_build_filename (folder, "tokenizer.model", NULL);
  g_assert_true (g_file_set_contents (path, (const char *) data, (gssize) size, NULL));
  try_class (folder, "{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 3}");
  try_class (folder, "{\"tokenizer_class\": \"LlamaTokenizer\"}");
  g_remove (path);
  g_rmdir (folder);
  return 0;
}
