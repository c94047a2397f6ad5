/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * torch.save() since 1.6: a zip archive with one folder, in it data.pkl (the pickle), data/KEY (the storages), byteorder, version.
 */
#include "model/torch-private.h"

#include <string.h>
#include "base/quote.h"
#include "model/zip.h"

typedef struct
{
  const GtfByteSource *file;
  GtfZip *zip;
  char *folder;             /* "archive/" */
} Archive;

static gboolean
locate (gpointer data, const GtfPickleStorage *storage, guint64 *offset, GError **error)
{
  Archive *a = data;
  g_autofree char *name = g_strconcat (a->folder, "data/", storage->key, NULL), *quoted = gtf_quote (name, -1);
  const GtfZipEntry *entry = gtf_zip_find (a->zip, name);
  guint64 size;

  if (!entry)
    return gtf_torch_fail (a->file, error, "zip: \"%s\" is missing, which its pickle refers to", quoted);
  if (__builtin_mul_overflow ((guint64) storage->n, gtf_dtype_size (storage->dtype), &size) || size != entry->size)
    return gtf_torch_fail (a->file, error, "zip: \"%s\" has %" G_GUINT64_FORMAT " bytes, its pickle says %" G_GINT64_FORMAT " elements of %s", quoted,
                           entry->size, storage->n, storage->type_name);
  *offset = 0;
  return !gtf_byte_source_has_data (a->file) || gtf_zip_locate (a->zip, entry, offset, error);
}

/* The folder, from where data.pkl lies. */
static const GtfZipEntry *
find_pickle (Archive *a, GError **error)
{
  for (guint i = 0; i < gtf_zip_get_n (a->zip); i++)
    {
      const GtfZipEntry *entry = gtf_zip_get (a->zip, i);
      const char *slash = strchr (entry->name, '/');

      if (!slash || strcmp (slash, "/data.pkl") != 0)
        continue;
      a->folder = g_strndup (entry->name, (gsize) (slash - entry->name) + 1);
      return entry;
    }
  gtf_torch_fail (a->file, error, "is a zip archive without data.pkl: not one of torch.save");
  return NULL;
}

static const GtfZipEntry *
find_in_folder (const Archive *a, const char *name)
{
  g_autofree char *path = g_strconcat (a->folder, name, NULL);

  return gtf_zip_find (a->zip, path);
}

static gboolean
check_byte_order (const Archive *a, GError **error)
{
  const GtfZipEntry *entry = find_in_folder (a, "byteorder");
  char text[8] = "";
  guint64 offset;

  if (!entry)
    return TRUE;
  if (!gtf_zip_locate (a->zip, entry, &offset, error) || !gtf_byte_source_read (a->file, offset, text, MIN (entry->size, sizeof text - 1), error))
    return FALSE;
  return strcmp (text, "little") == 0 || gtf_torch_fail (a->file, error, "its numbers are not little-endian, which cannot be read");
}

static gboolean
add (GtfSafetensors *self, Archive *a, GError **error)
{
  const GtfZipEntry *entry = find_pickle (a, error);
  g_autoptr (GtfPickle) pickle = NULL;
  const GtfPickleValue *root;
  guint64 offset;

  if (!entry)
    return FALSE;
  if (find_in_folder (a, "constants.pkl"))
    return gtf_torch_fail (a->file, error, "is TorchScript, a program with its weights; save the state dict with torch.save");
  /* where only headers are read, each request counts, and numbers are not looked at */
  if ((gtf_byte_source_has_data (a->file) && !check_byte_order (a, error)) || !gtf_zip_locate (a->zip, entry, &offset, error))
    return FALSE;
  pickle = gtf_pickle_new (a->file, offset, offset + entry->size);
  root = gtf_pickle_read (pickle, error);
  /* after it was read, so that the error of a pickle names what is wrong in it */
  if (!root || (gtf_byte_source_has_data (a->file) && !gtf_zip_check (a->zip, entry, error)))
    return FALSE;
  return gtf_torch_collect (self, a->file, root, locate, a, error);
}

gboolean
gtf_torch_add_zip (GtfSafetensors *self, const GtfByteSource *file, GError **error)
{
  g_autoptr (GtfZip) zip = gtf_zip_open (file, error);
  Archive a = { .file = file, .zip = zip };
  gboolean ok = zip && add (self, &a, error);

  g_free (a.folder);
  return ok;
}
