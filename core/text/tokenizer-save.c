/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Saving a tokenizer: it never changes after it was loaded, so its files are copied, all that any loader may look for.
 */
#include "text/tokenizer-private.h"

#include <errno.h>
#include "base/file.h"

/* tokenizer.json and its kin, vocabularies of every class, chat templates. */
static gboolean
belongs_to_tokenizer (const char *name)
{
  static const char *const patterns[] = { "tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab*", "target_vocab*", "merges.txt", "*.model", "*.spm", "*.codes", "*.tiktoken", "*.tokenizer",
    "dict*.txt", "word_shape.json", "word_pronunciation.json", "byte_maps.json", "emoji.json", "chat_template.jinja", "chat_template.json" };

  for (gsize i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (g_pattern_match_simple (patterns[i], name))
      return TRUE;
  return FALSE;
}

static gboolean
copy_files (const char *from, const char *to, GError **error)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (g_mkdir_with_parents (to, 0777) < 0)
    {
      gtf_file_fail (error, to, "cannot be created", errno);
      return FALSE;
    }
  if (!(dir = g_dir_open (from, 0, error)))
    return FALSE;
  while ((name = g_dir_read_name (dir)))
    if (belongs_to_tokenizer (name) && !gtf_file_copy_named (from, to, name, error))
      return FALSE;
  return TRUE;
}

/* Of a tokenizer of two folders, each has its own in @directory too. */
static gboolean
copy_folder (const char *from, const char *directory, GError **error)
{
  g_autofree char *name = g_path_get_basename (from), *to = g_build_filename (directory, name, NULL);

  return copy_files (from, to, error);
}

/**
 * gtf_tokenizer_save_pretrained:
 * @self: a tokenizer
 * @directory: (type filename): a folder, made where there is none
 * @error: return location
 *
 * Writes the files of the tokenizer, as they are, into @directory; each appears whole or not at all. Fails with %GTF_ERROR_IO, or %GTF_ERROR_NOT_FOUND where
 * the folder that it was loaded from is gone.
 *
 * Returns: whether all is written
 */
gboolean
gtf_tokenizer_save_pretrained (GtfTokenizer *self, const char *directory, GError **error)
{
  if (self->target_directory == NULL || g_str_equal (self->target_directory, self->directory))
    return copy_files (self->directory, directory, error);
  return copy_folder (self->directory, directory, error) && copy_folder (self->target_directory, directory, error);
}
