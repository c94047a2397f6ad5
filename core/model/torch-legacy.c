/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * torch.save() before 1.6. A stream: five pickles (a magic number, the version 1001, facts about the machine, the object, the keys of the storages),
 * then each storage: its number of elements in 64 bits, and its data.
 */
#include "model/torch-private.h"

#include <string.h>
#include "base/quote.h"

#define MAX_STORAGES 1000000

/* Where a storage lies. */
typedef struct
{
  guint64 offset, n;
} Place;

typedef struct
{
  const GtfByteSource *file;
  GHashTable *places;       /* key -> Place */
} Stream;

static gboolean
locate (gpointer data, const GtfPickleStorage *storage, guint64 *offset, GError **error)
{
  Stream *s = data;
  const Place *place = g_hash_table_lookup (s->places, storage->key);
  g_autofree char *quoted = gtf_quote (storage->key, -1);

  if (!place)
    return gtf_torch_fail (s->file, error, "the storage \"%s\" is missing, which its pickle refers to", quoted);
  if (place->n != (guint64) storage->n)
    return gtf_torch_fail (s->file, error, "the storage \"%s\" has %" G_GUINT64_FORMAT " elements, its pickle says %" G_GINT64_FORMAT, quoted, place->n, storage->n);
  *offset = place->offset;
  return TRUE;
}

/* The data of a storage: their number of elements, which are left behind. */
static gboolean
read_place (GtfPickle *pickle, GtfDtype dtype, Place *place, GError **error)
{
  gint64 n;
  guint64 size;

  if (!gtf_pickle_read_raw (pickle, &n, sizeof n, error))
    return FALSE;
  n = GINT64_FROM_LE (n);
  if (n < 0 || __builtin_mul_overflow ((guint64) n, gtf_dtype_size (dtype), &size))
    return gtf_pickle_fail (pickle, error, "a storage of %" G_GINT64_FORMAT " elements", n);
  place->n = (guint64) n;
  place->offset = gtf_pickle_tell (pickle);
  return gtf_pickle_skip (pickle, size, error);
}

/* ---- the stream ----------------------------------------------------------------------------------------------------- */

/* The types of storages, by their keys: the data do not say them. */
static gboolean
note_storage (GHashTable *types, const GtfPickleStorage *s)
{
  gpointer old;

  if (g_hash_table_lookup_extended (types, s->key, NULL, &old))
    return GPOINTER_TO_UINT (old) == s->dtype;
  g_hash_table_insert (types, (gpointer) s->key, GUINT_TO_POINTER (s->dtype));
  return TRUE;
}

static GtfPickleValue *
resolve_storage (GtfPickle *pickle, const GtfPickleValue *id, gpointer types, GError **error)
{
  GtfPickleValue *value = gtf_pickle_storage (pickle, id, error);

  if (!value || note_storage (types, value->storage))
    return value;
  gtf_pickle_fail (pickle, error, "a storage is said to be of two types");
  return NULL;
}

static gboolean
read_places (Stream *s, GtfPickle *pickle, const GtfPickleValue *keys, GHashTable *types, GError **error)
{
  if (keys->type != GTF_PICKLE_LIST || keys->list.n > MAX_STORAGES)
    return gtf_pickle_fail (pickle, error, "expected the list of the storages");
  for (gsize i = 0; i < keys->list.n; i++)
    {
      const GtfPickleValue *key = keys->list.items[i];
      Place place;
      gpointer dtype;

      if (key->type != GTF_PICKLE_STRING || !g_hash_table_lookup_extended (types, key->bytes.data, NULL, &dtype))
        return gtf_pickle_fail (pickle, error, "there are data of a storage that nothing refers to");
      if (gtf_dtype_size (GPOINTER_TO_UINT (dtype)) == 0)
        return gtf_pickle_fail (pickle, error, "a storage has numbers of a type that cannot be read");
      if (!read_place (pickle, GPOINTER_TO_UINT (dtype), &place, error))
        return FALSE;
      g_hash_table_insert (s->places, g_strdup (key->bytes.data), g_memdup2 (&place, sizeof place));
    }
  return TRUE;
}

/* Magic number, version, facts about the machine. */
static gboolean
read_preamble (GtfPickle *pickle, GError **error)
{
  static const char magic[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  const GtfPickleValue *value = gtf_pickle_read (pickle, error), *little;

  if (!value)
    return FALSE;
  if (value->type != GTF_PICKLE_LONG || value->bytes.length != sizeof magic - 1 || memcmp (value->bytes.data, magic, sizeof magic - 1) != 0)
    return gtf_pickle_fail (pickle, error, "does not begin with torch's magic number: not a file of torch.save");
  if (!(value = gtf_pickle_read (pickle, error)))
    return FALSE;
  if (value->type != GTF_PICKLE_INT || value->integer != 1001)
    return gtf_pickle_fail (pickle, error, "is not of torch's version 1001, which is the only one");
  if (!(value = gtf_pickle_read (pickle, error)))
    return FALSE;
  little = gtf_pickle_lookup (value, "little_endian");
  if (little && little->type == GTF_PICKLE_BOOL && !little->integer)
    return gtf_pickle_fail (pickle, error, "its numbers are not little-endian, which cannot be read");
  return TRUE;
}

gboolean
gtf_torch_add_legacy (GtfSafetensors *self, const GtfByteSource *file, GError **error)
{
  g_autoptr (GtfPickle) pickle = gtf_pickle_new (file, 0, G_MAXUINT64);
  g_autoptr (GHashTable) types = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Stream s = { file, places };
  const GtfPickleValue *root, *keys;

  if (!read_preamble (pickle, error))
    return FALSE;
  gtf_pickle_set_persistent (pickle, resolve_storage, types);
  root = gtf_pickle_read (pickle, error);
  keys = root ? gtf_pickle_read (pickle, error) : NULL;
  return keys && read_places (&s, pickle, keys, types, error) && gtf_torch_collect (self, file, root, locate, &s, error);
}
