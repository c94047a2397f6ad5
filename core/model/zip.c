/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A zip archive is read from its end: the end record (22 bytes and a comment) says where the central directory lies, and for large
 * archives a zip64 record before it says it in 64 bits. The directory names each entry with its size and the place of its local
 * header, whose own names and paddings have another length: where the data begin is only known from there.
 *
 * Strict where archives are forged: the end record must end the file, the directory must end at the end records, no name twice, nothing
 * outside the file, one disk, no encryption, no compression.
 */
#include "model/zip.h"

#include <string.h>
#include "base/quote.h"

#define END_SIZE 22u
#define LOCATOR_SIZE 20u
#define END64_SIZE 56u
#define ENTRY_SIZE 46u
#define LOCAL_SIZE 30u
#define MAX_DIRECTORY ((guint64) 256 << 20)

struct _GtfZip
{
  const GtfByteSource *source;
  guint64 directory, directory_size, n;     /* as the end record says */
  GArray *entries;                          /* GtfZipEntry */
  GHashTable *by_name;                      /* name -> index + 1 */
  GStringChunk *names;
};

static guint
u16 (const guint8 *p)
{
  return (guint) (p[0] | p[1] << 8);
}

static guint32
u32 (const guint8 *p)
{
  return u16 (p) | (guint32) u16 (p + 2) << 16;
}

static guint64
u64 (const guint8 *p)
{
  return u32 (p) | (guint64) u32 (p + 4) << 32;
}

G_GNUC_PRINTF (3, 4)
static gboolean
fail (const GtfZip *self, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: zip: %s", gtf_byte_source_get_path (self->source), text);
  return FALSE;
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */

/* The zip64 end record, if there is one before the end record at @end. *limit becomes where the end records begin. */
static gboolean
read_end64 (GtfZip *self, guint64 end, guint64 *limit, GError **error)
{
  guint8 locator[LOCATOR_SIZE], record[END64_SIZE];
  guint64 at;

  if (end < LOCATOR_SIZE)
    return TRUE;
  if (!gtf_byte_source_read (self->source, end - LOCATOR_SIZE, locator, sizeof locator, error))
    return FALSE;
  if (u32 (locator) != 0x07064b50)
    return TRUE;
  at = u64 (locator + 8);
  if (u32 (locator + 4) || u32 (locator + 16) > 1 || at > end - LOCATOR_SIZE || end - LOCATOR_SIZE - at < END64_SIZE)
    return fail (self, error, "the zip64 end record is said to lie at byte %" G_GUINT64_FORMAT ", outside the file", at);
  if (!gtf_byte_source_read (self->source, at, record, sizeof record, error))
    return FALSE;
  if (u32 (record) != 0x06064b50 || u32 (record + 16) || u32 (record + 20) || u64 (record + 24) != u64 (record + 32))
    return fail (self, error, "there is no zip64 end record at byte %" G_GUINT64_FORMAT, at);
  self->n = u64 (record + 32);
  self->directory_size = u64 (record + 40);
  self->directory = u64 (record + 48);
  *limit = at;
  return TRUE;
}

/* Finds the end record: the last whose comment reaches to the end of the file. */
static gboolean
read_end (GtfZip *self, guint64 *limit, GError **error)
{
  guint64 size = gtf_byte_source_get_size (self->source), tail = MIN (size, END_SIZE + 65535u);
  g_autofree guint8 *data = g_malloc (tail + 1);

  if (!gtf_byte_source_read (self->source, size - tail, data, tail, error))
    return FALSE;
  for (guint64 i = END_SIZE; i <= tail; i++)
    {
      const guint8 *p = data + tail - i;

      if (u32 (p) != 0x06054b50 || u16 (p + 20) != i - END_SIZE)
        continue;
      if (u16 (p + 4) || u16 (p + 6) || u16 (p + 8) != u16 (p + 10))
        return fail (self, error, "is one of several disks");
      self->n = u16 (p + 10);
      self->directory_size = u32 (p + 12);
      self->directory = u32 (p + 16);
      *limit = size - i;
      return read_end64 (self, size - i, limit, error);
    }
  return fail (self, error, "has no end record (truncated?)");
}

/* ---- the directory -------------------------------------------------------------------------------------------------- */

/* Numbers too large for 32 bits stand in the extra field of type 1, in this order. */
static gboolean
read_extra (GtfZip *self, const guint8 *extra, gsize length, guint64 *size, guint64 *compressed, guint64 *header, GError **error)
{
  guint64 *wanted[] = { size, compressed, header };

  while (length >= 4 && u16 (extra) != 1)
    {
      gsize step = 4 + (gsize) u16 (extra + 2);

      if (step > length)
        break;
      extra += step;
      length -= step;
    }
  for (guint i = 0, at = 4; i < G_N_ELEMENTS (wanted); i++)
    {
      if (*wanted[i] != G_MAXUINT32)
        continue;
      if (length < at + 8 || u16 (extra) != 1 || u16 (extra + 2) + 4u < at + 8)
        return fail (self, error, "an entry needs 64 bits for its size or place and does not have them");
      *wanted[i] = u64 (extra + at);
      at += 8;
    }
  return TRUE;
}

/* One entry at @p, of which @length bytes are there; its own length in *used. */
static gboolean
read_entry (GtfZip *self, const guint8 *p, gsize length, gsize *used, GError **error)
{
  GtfZipEntry entry = { 0 };
  guint64 compressed;
  gsize name_length, extra;
  g_autofree char *name = NULL, *quoted = NULL;

  if (length < ENTRY_SIZE || u32 (p) != 0x02014b50)
    return fail (self, error, "entry %u of the directory is none", self->entries->len);
  name_length = u16 (p + 28);
  extra = u16 (p + 30);
  *used = ENTRY_SIZE + name_length + extra + u16 (p + 32);
  if (*used > length)
    return fail (self, error, "entry %u of the directory is cut off", self->entries->len);
  name = g_strndup ((const char *) p + ENTRY_SIZE, name_length);
  quoted = gtf_quote (name, -1);
  if (strlen (name) != name_length || !g_utf8_validate (name, -1, NULL))
    return fail (self, error, "the name \"%s\" is not UTF-8", quoted);
  entry.size = u32 (p + 24);
  entry.header = u32 (p + 42);
  entry.crc = u32 (p + 16);
  compressed = u32 (p + 20);
  if (!read_extra (self, p + ENTRY_SIZE + name_length, extra, &entry.size, &compressed, &entry.header, error))
    return FALSE;
  if (u16 (p + 8) & 1)
    return fail (self, error, "\"%s\" is encrypted", quoted);
  if (u16 (p + 10) != 0 || compressed != entry.size)
    return fail (self, error, "\"%s\" is compressed; torch stores, and only that is read: save the file again with torch.save", quoted);
  if (entry.header > self->directory || entry.size > self->directory - entry.header)
    return fail (self, error, "\"%s\" lies outside the file", quoted);
  if (g_hash_table_contains (self->by_name, name))
    return fail (self, error, "\"%s\" comes twice", quoted);
  entry.name = g_string_chunk_insert (self->names, name);
  g_array_append_val (self->entries, entry);
  g_hash_table_insert (self->by_name, (gpointer) entry.name, GUINT_TO_POINTER (self->entries->len));
  return TRUE;
}

static gboolean
read_directory (GtfZip *self, guint64 limit, GError **error)
{
  g_autofree guint8 *data = NULL;
  gsize at = 0, used = 0;

  if (self->directory > limit || self->directory_size != limit - self->directory || self->n > self->directory_size / ENTRY_SIZE)
    return fail (self, error, "the directory (%" G_GUINT64_FORMAT " entries, %" G_GUINT64_FORMAT " bytes at byte %" G_GUINT64_FORMAT
                 ") does not reach from there to its end record at byte %" G_GUINT64_FORMAT, self->n, self->directory_size, self->directory, limit);
  if (self->directory_size > MAX_DIRECTORY || !(data = g_try_malloc (self->directory_size + 1)))
    return fail (self, error, "the directory has %" G_GUINT64_FORMAT " bytes, at most %" G_GUINT64_FORMAT " are read", self->directory_size, MAX_DIRECTORY);
  if (!gtf_byte_source_read (self->source, self->directory, data, self->directory_size, error))
    return FALSE;
  for (guint64 i = 0; i < self->n; i++)
    {
      if (!read_entry (self, data + at, self->directory_size - at, &used, error))
        return FALSE;
      at += used;
    }
  return at == self->directory_size || fail (self, error, "the directory goes on behind its last entry");
}

GtfZip *
gtf_zip_open (const GtfByteSource *source, GError **error)
{
  g_autoptr (GtfZip) self = g_new0 (GtfZip, 1);
  guint64 limit = 0;

  self->source = source;
  self->entries = g_array_new (FALSE, FALSE, sizeof (GtfZipEntry));
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  self->names = g_string_chunk_new (4096);
  return read_end (self, &limit, error) && read_directory (self, limit, error) ? g_steal_pointer (&self) : NULL;
}

void
gtf_zip_free (GtfZip *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->by_name);
  g_array_unref (self->entries);
  g_string_chunk_free (self->names);
  g_free (self);
}

guint
gtf_zip_get_n (const GtfZip *self)
{
  return self->entries->len;
}

const GtfZipEntry *
gtf_zip_get (const GtfZip *self, guint index)
{
  return &g_array_index (self->entries, GtfZipEntry, index);
}

const GtfZipEntry *
gtf_zip_find (const GtfZip *self, const char *name)
{
  guint at = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_name, name));

  return at ? gtf_zip_get (self, at - 1) : NULL;
}

gboolean
gtf_zip_locate (const GtfZip *self, const GtfZipEntry *entry, guint64 *offset, GError **error)
{
  guint8 local[LOCAL_SIZE];
  g_autofree char *quoted = NULL;

  if (!gtf_byte_source_read (self->source, entry->header, local, sizeof local, error))
    return FALSE;
  *offset = entry->header + LOCAL_SIZE + u16 (local + 26) + u16 (local + 28);
  if (u32 (local) == 0x04034b50 && *offset <= self->directory && entry->size <= self->directory - *offset)
    return TRUE;
  quoted = gtf_quote (entry->name, -1);
  return fail (self, error, "\"%s\" is not where the directory says, or lies outside the file", quoted);
}

/* The CRC of zip, four bits at a time: only small entries are checked. */
static guint32
update_crc (guint32 crc, const guint8 *data, gsize n)
{
  static const guint32 table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
  };

  for (gsize i = 0; i < n; i++)
    {
      crc ^= data[i];
      crc = crc >> 4 ^ table[crc & 15];
      crc = crc >> 4 ^ table[crc & 15];
    }
  return crc;
}

gboolean
gtf_zip_check (const GtfZip *self, const GtfZipEntry *entry, GError **error)
{
  g_autofree char *quoted = gtf_quote (entry->name, -1);
  guint32 crc = G_MAXUINT32;
  guint8 buffer[16384];
  guint64 offset;

  if (!gtf_zip_locate (self, entry, &offset, error))
    return FALSE;
  for (guint64 at = 0; at < entry->size; at += sizeof buffer)
    {
      gsize n = MIN (sizeof buffer, entry->size - at);

      if (!gtf_byte_source_read (self->source, offset + at, buffer, n, error))
        return FALSE;
      crc = update_crc (crc, buffer, n);
    }
  return ~crc == entry->crc || fail (self, error, "\"%s\" is damaged: its checksum is %08x, expected %08x", quoted, ~crc, entry->crc);
}
