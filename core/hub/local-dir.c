/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Downloads into a folder of the user's (--local-dir). What is known of each file stands in FOLDER/.cache/huggingface/download/PATH.metadata:
 * three lines, the commit, the ETag and when; it counts while the file was not changed since.
 */
#include "hub/download.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "hub/fetch.h"

char *
gtf_hub_local_beside (const char *folder, const char *path, const char *suffix)
{
  g_autofree char *name = g_strconcat (path, suffix, NULL);

  return g_build_filename (folder, ".cache", "huggingface", "download", name, NULL);
}

char *
gtf_hub_local_stem (const char *folder, const char *path, const char *etag)
{
  g_autofree char *base = g_path_get_basename (path), *note = g_strconcat (base, ".metadata", NULL), *parent = g_path_get_dirname (path), *hash = NULL, *name = NULL;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize n = sizeof digest;

  g_checksum_update (sum, (const guchar *) note, -1);
  g_checksum_get_digest (sum, digest, &n);
  hash = g_strdelimit (g_strdelimit (g_base64_encode (digest, n), "+", '-'), "/", '_');
  name = g_strconcat (hash, ".", etag, NULL);
  return g_build_filename (folder, ".cache", "huggingface", "download", strcmp (parent, ".") == 0 ? "" : parent, name, NULL);
}

/* FALSE where nothing valid is known of it. */
static gboolean
read_note (const char *folder, const char *path, GStatBuf *st, char ***lines)
{
  g_autofree char *file = g_build_filename (folder, path, NULL), *note = gtf_hub_local_beside (folder, path, ".metadata"), *text = NULL;

  if (g_stat (file, st) != 0 || !S_ISREG (st->st_mode) || !g_file_get_contents (note, &text, NULL, NULL))
    return FALSE;
  *lines = g_strsplit (text, "\n", 4);
  if (g_strv_length (*lines) >= 3 && (double) st->st_mtim.tv_sec + (double) st->st_mtim.tv_nsec / 1e9 - 1 <= g_ascii_strtod ((*lines)[2], NULL))
    return TRUE;
  g_clear_pointer (lines, g_strfreev);
  return FALSE;
}

gboolean
gtf_hub_local_has (const char *folder, const char *commit, const GtfHubFile *file)
{
  g_autofree char *path = g_build_filename (folder, file->path, NULL);
  g_auto (GStrv) lines = NULL;
  GStatBuf st;
  gboolean same = FALSE;

  if (g_stat (path, &st) != 0 || !S_ISREG (st.st_mode) || (file->size >= 0 && st.st_size != file->size))
    return FALSE;
  if (read_note (folder, file->path, &st, &lines) && (strcmp (lines[0], commit) == 0 || strcmp (lines[1], file->etag) == 0))
    return TRUE;
  return (strlen (file->etag) == 64 || strlen (file->etag) == 40) && gtf_hub_hash_is (path, file->etag, NULL, &same, NULL) && same;
}

/* So that nobody commits the notes, nor makes a backup of them. */
static void
write_marks (const char *folder)
{
  g_autofree char *notes = g_build_filename (folder, ".cache", "huggingface", NULL), *path = g_build_filename (notes, ".gitignore", NULL);

  gtf_hub_write_tag (notes);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_file_set_contents (path, "*", -1, NULL);
}

gboolean
gtf_hub_local_note (const char *folder, const char *commit, const GtfHubFile *file, GError **error)
{
  g_autofree char *note = gtf_hub_local_beside (folder, file->path, ".metadata");
  char now[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *text = g_strdup_printf ("%s\n%s\n%s\n", commit, file->etag, g_ascii_formatd (now, sizeof now, "%.6f", (double) g_get_real_time () / 1e6));
  g_autoptr (GtfFileWriter) writer = NULL;

  if (!gtf_hub_make_parent (note, error))
    return FALSE;
  write_marks (folder);
  writer = gtf_file_writer_new (note, error);
  return writer && gtf_file_writer_write (writer, text, strlen (text), error) && gtf_file_writer_commit (writer, error);
}
