/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * torch.save() before 0.2: a tar archive with three members. "storages": how many, for each a pickle (key, place, type), its number of elements and its
 * data, then a pickle of the views into them. "tensors": how many, for each a pickle (key, storage, type), its dimensions, shape, strides and first
 * element. "pickle": the object, which refers to the tensors by their keys.
 */
#include "model/torch-private.h"

#include <string.h>
#include "base/quote.h"

#define BLOCK 512u
#define MAX_MEMBERS 100
#define MAX_STORAGES 1000000

typedef struct
{
  const GtfByteSource *file;
  GtfPickle *storages, *tensors, *object;   /* readers of the members; they own the values */
  GHashTable *by_key;                       /* key -> GtfPickleValue of a storage or a tensor */
  GHashTable *offsets;                      /* GtfPickleStorage.key -> guint64, where it lies in the file */
} Tar;

/* ---- the archive ---------------------------------------------------------------------------------------------------- */

static guint64
octal (const guint8 *text, gsize n)
{
  guint64 value = 0;

  while (n && *text == ' ')
    text++, n--;
  for (gsize i = 0; i < n && text[i] >= '0' && text[i] <= '7'; i++)
    value = value << 3 | (guint64) (text[i] - '0');
  return value;
}

gboolean
gtf_torch_is_tar (const guint8 *block)
{
  guint64 sum = 0;

  for (guint i = 0; i < BLOCK; i++)
    sum += i >= 148 && i < 156 ? ' ' : block[i];
  return block[0] && octal (block + 148, 8) == sum;
}

/* Readers of the three members. */
static gboolean
find_members (Tar *self, GError **error)
{
  guint64 at = 0, size = gtf_byte_source_get_size (self->file);

  for (guint i = 0; i < MAX_MEMBERS && size - at >= BLOCK; i++)
    {
      guint8 block[BLOCK];
      char name[101] = "";
      guint64 length;
      GtfPickle **reader;

      if (!gtf_byte_source_read (self->file, at, block, BLOCK, error))
        return FALSE;
      if (!block[0])
        break;
      length = octal (block + 124, 12);
      memcpy (name, block, 100);
      at += BLOCK;
      if (!gtf_torch_is_tar (block) || length > size - at)
        return gtf_torch_fail (self->file, error, "tar: member %u is damaged or lies outside the file", i);
      reader = strcmp (name, "storages") == 0 ? &self->storages : strcmp (name, "tensors") == 0 ? &self->tensors
             : strcmp (name, "pickle") == 0 ? &self->object : NULL;
      if (reader && !*reader)
        *reader = gtf_pickle_new (self->file, at, at + length);
      at += MIN ((length + BLOCK - 1) / BLOCK * BLOCK, size - at);
    }
  if (self->storages && self->tensors && self->object)
    return TRUE;
  return gtf_torch_fail (self->file, error, "is a tar archive without \"storages\", \"tensors\" and \"pickle\": not one of torch.save");
}

/* ---- keys ----------------------------------------------------------------------------------------------------------- */

/* Keys were addresses: integers, or the same as text. (transfer full) (nullable) */
static char *
key_text (const GtfPickleValue *key)
{
  if (key->type == GTF_PICKLE_INT)
    return g_strdup_printf ("%" G_GINT64_FORMAT, key->integer);
  return key->type == GTF_PICKLE_STRING ? g_strdup (key->bytes.data) : NULL;
}

static GtfPickleValue *
find_key (Tar *self, const GtfPickleValue *key, GtfPickleType type)
{
  g_autofree char *text = key_text (key);
  GtfPickleValue *value = text ? g_hash_table_lookup (self->by_key, text) : NULL;

  return value && value->type == type ? value : NULL;
}

/* Makes the storage or tensor findable; a storage gets its own key for where it lies. */
static gboolean
add_key (Tar *self, const GtfPickle *reader, const GtfPickleValue *key, GtfPickleValue *value, GError **error)
{
  char *text = key_text (key);

  if (!text || g_hash_table_contains (self->by_key, text))
    {
      g_free (text);
      return gtf_pickle_fail (reader, error, "a key comes twice, or is none");
    }
  if (value->type == GTF_PICKLE_STORAGE)
    value->storage->key = text;
  g_hash_table_insert (self->by_key, text, value);
  return TRUE;
}

/* The first pickle of a member: how many things follow. */
static gboolean
read_count (GtfPickle *reader, gint64 *n, GError **error)
{
  const GtfPickleValue *value = gtf_pickle_read (reader, error);

  if (!value)
    return FALSE;
  *n = value->type == GTF_PICKLE_INT ? value->integer : -1;
  return (*n >= 0 && *n <= MAX_STORAGES) || gtf_pickle_fail (reader, error, "expected a number from 0 to %d", MAX_STORAGES);
}

static const GtfPickleValue *
read_triple (GtfPickle *reader, GError **error)
{
  const GtfPickleValue *value = gtf_pickle_read (reader, error);

  if (!value || (value->type == GTF_PICKLE_TUPLE && value->list.n == 3))
    return value;
  gtf_pickle_fail (reader, error, "expected three values");
  return NULL;
}

static gboolean
read_i64 (GtfPickle *reader, gint64 *to, gsize n, GError **error)
{
  if (!gtf_pickle_read_raw (reader, to, n * sizeof *to, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    to[i] = GINT64_FROM_LE (to[i]);
  return TRUE;
}

/* ---- storages ------------------------------------------------------------------------------------------------------- */

static gboolean
read_storage (Tar *self, GError **error)
{
  GtfPickle *reader = self->storages;
  const GtfPickleValue *triple = read_triple (reader, error);
  GtfPickleValue *value = triple ? gtf_pickle_value_new (reader, GTF_PICKLE_STORAGE, error) : NULL;
  GtfPickleStorage *s = value ? value->storage : NULL;
  guint64 size, offset;

  if (!s)
    return FALSE;
  if (!gtf_pickle_storage_type (triple->list.items[2], &s->dtype, &s->type_name) || gtf_dtype_size (s->dtype) == 0)
    return gtf_pickle_fail (reader, error, "a storage has numbers of a type that cannot be read");
  if (!read_i64 (reader, &s->n, 1, error))
    return FALSE;
  s->n_viewed = s->n;
  if (s->n < 0 || __builtin_mul_overflow ((guint64) s->n, gtf_dtype_size (s->dtype), &size))
    return gtf_pickle_fail (reader, error, "a storage of %" G_GINT64_FORMAT " elements", s->n);
  offset = gtf_pickle_tell (reader);
  if (!gtf_pickle_skip (reader, size, error) || !add_key (self, reader, triple->list.items[0], value, error))
    return FALSE;
  g_hash_table_insert (self->offsets, (gpointer) s->key, g_memdup2 (&offset, sizeof offset));
  return TRUE;
}

/* (key, key of the whole, first element, elements) */
static gboolean
add_storage_view (Tar *self, const GtfPickleValue *view, GError **error)
{
  gboolean four = view->type == GTF_PICKLE_TUPLE && view->list.n == 4;
  GtfPickleValue *const *item = four ? view->list.items : NULL, *whole = four ? find_key (self, item[1], GTF_PICKLE_STORAGE) : NULL, *value;
  const char *key;

  if (!whole || item[2]->type != GTF_PICKLE_INT || item[3]->type != GTF_PICKLE_INT || item[2]->integer < 0 || item[3]->integer < 0
      || item[2]->integer > whole->storage->n || item[3]->integer > whole->storage->n - item[2]->integer)
    return gtf_pickle_fail (self->storages, error, "the view of a storage does not lie inside it");
  if (!(value = gtf_pickle_value_new (self->storages, GTF_PICKLE_STORAGE, error)))
    return FALSE;
  key = whole->storage->key;
  *value->storage = *whole->storage;
  value->storage->first = item[2]->integer;
  value->storage->n_viewed = item[3]->integer;
  if (!add_key (self, self->storages, item[0], value, error))
    return FALSE;
  value->storage->key = key;
  return TRUE;
}

static gboolean
read_storages (Tar *self, GError **error)
{
  const GtfPickleValue *views;
  gint64 n;

  if (!read_count (self->storages, &n, error))
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    if (!read_storage (self, error))
      return FALSE;
  if (!(views = gtf_pickle_read (self->storages, error)))
    return FALSE;
  if (views->type != GTF_PICKLE_LIST)
    return gtf_pickle_fail (self->storages, error, "expected the list of views");
  for (gsize i = 0; i < views->list.n; i++)
    if (!add_storage_view (self, views->list.items[i], error))
      return FALSE;
  return TRUE;
}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static gboolean
read_tensor (Tar *self, GError **error)
{
  GtfPickle *reader = self->tensors;
  const GtfPickleValue *triple = read_triple (reader, error), *storage = triple ? find_key (self, triple->list.items[1], GTF_PICKLE_STORAGE) : NULL;
  GtfPickleValue *value = triple ? gtf_pickle_value_new (reader, GTF_PICKLE_TENSOR, error) : NULL;
  GtfPickleTensor *t = value ? value->tensor : NULL;
  guint32 numbers[2];

  if (!t)
    return FALSE;
  if (!storage)
    return gtf_pickle_fail (reader, error, "a tensor refers to a storage that is not there");
  t->storage = storage->storage;
  t->dtype = storage->storage->dtype;
  t->type_name = storage->storage->type_name;
  if (!gtf_pickle_read_raw (reader, numbers, sizeof numbers, error))
    return FALSE;
  t->n_dims = GUINT32_FROM_LE (numbers[0]);
  if (t->n_dims > GTF_MAX_DIMS)
    return gtf_pickle_fail (reader, error, "a tensor has %u dimensions, at most %d can be read", t->n_dims, GTF_MAX_DIMS);
  return read_i64 (reader, t->shape, t->n_dims, error) && read_i64 (reader, t->strides, t->n_dims, error) && read_i64 (reader, &t->first, 1, error)
         && add_key (self, reader, triple->list.items[0], value, error);
}

static gboolean
read_tensors (Tar *self, GError **error)
{
  gint64 n;

  if (!read_count (self->tensors, &n, error))
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    if (!read_tensor (self, error))
      return FALSE;
  return TRUE;
}

static GtfPickleValue *
resolve (GtfPickle *reader, const GtfPickleValue *id, gpointer data, GError **error)
{
  GtfPickleValue *value = find_key (data, id, GTF_PICKLE_TENSOR);

  if (!value)
    gtf_pickle_fail (reader, error, "refers to a tensor that is not there");
  return value;
}

static gboolean
locate (gpointer data, const GtfPickleStorage *storage, guint64 *offset, GError **error)
{
  *offset = *(const guint64 *) g_hash_table_lookup (((Tar *) data)->offsets, storage->key);
  return TRUE;
}

static gboolean
add (GtfSafetensors *self, Tar *tar, GError **error)
{
  const GtfPickleValue *root;

  if (!find_members (tar, error) || !read_storages (tar, error) || !read_tensors (tar, error))
    return FALSE;
  gtf_pickle_set_persistent (tar->object, resolve, tar);
  return (root = gtf_pickle_read (tar->object, error)) && gtf_torch_collect (self, tar->file, root, locate, tar, error);
}

gboolean
gtf_torch_add_tar (GtfSafetensors *self, const GtfByteSource *file, GError **error)
{
  Tar tar = { .file = file };
  gboolean ok;

  tar.by_key = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  tar.offsets = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  ok = add (self, &tar, error);
  g_hash_table_unref (tar.offsets);
  g_hash_table_unref (tar.by_key);
  gtf_pickle_free (tar.storages);
  gtf_pickle_free (tar.tensors);
  gtf_pickle_free (tar.object);
  return ok;
}
