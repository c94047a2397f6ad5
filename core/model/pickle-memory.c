/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the pickle interpreter reads from and allocates in. Input goes through a window of 64 kB, so that a pickle in front of gigabytes of data
 * costs what it weighs. Values come from blocks that are freed together; their sum is bounded.
 */
#include "model/pickle-private.h"

#include <string.h>

#define WINDOW 65536u
#define BLOCK 65536u
#define ALIGN 16u

GtfPickle *
gtf_pickle_new (const GtfByteSource *source, guint64 offset, guint64 end)
{
  GtfPickle *self = g_new0 (GtfPickle, 1);

  self->source = source;
  self->end = MIN (end, gtf_byte_source_get_size (source));
  self->position = self->buffer_at = MIN (offset, self->end);
  self->limit = G_MAXUINT64;
  self->buffer = g_malloc (WINDOW);
  self->blocks = g_ptr_array_new_with_free_func (g_free);
  self->stack = g_ptr_array_sized_new (64);
  self->marks = g_array_new (FALSE, FALSE, sizeof (guint));
  self->memo = g_hash_table_new (NULL, NULL);
  return self;
}

void
gtf_pickle_free (GtfPickle *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->memo);
  g_array_unref (self->marks);
  g_ptr_array_unref (self->stack);
  g_ptr_array_unref (self->blocks);
  g_free (self->buffer);
  g_free (self);
}

void
gtf_pickle_set_persistent (GtfPickle *self, GtfPicklePersistent resolve, gpointer data)
{
  self->resolve = resolve;
  self->resolve_data = data;
}

gboolean
gtf_pickle_fail (const GtfPickle *self, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: pickle at byte %" G_GUINT64_FORMAT ": %s", gtf_byte_source_get_path (self->source),
               self->position, text);
  return FALSE;
}

/* ---- memory --------------------------------------------------------------------------------------------------------- */

static gpointer
new_block (GtfPickle *self, gsize size, GError **error)
{
  gpointer block = size <= GTF_PICKLE_MAX_MEMORY - self->used ? g_try_malloc0 (size) : NULL;

  if (!block)
    {
      gtf_pickle_fail (self, error, "its values need more than the %" G_GSIZE_FORMAT " MB that are allowed", GTF_PICKLE_MAX_MEMORY >> 20);
      return NULL;
    }
  self->used += size;
  g_ptr_array_add (self->blocks, block);
  return block;
}

gpointer
gtf_pickle_alloc (GtfPickle *self, gsize size, GError **error)
{
  char *at;

  if (size > GTF_PICKLE_MAX_MEMORY)
    size = GTF_PICKLE_MAX_MEMORY + 1;     /* refused below, without overflow */
  size = (size + ALIGN - 1) & ~(gsize) (ALIGN - 1);
  if (size > BLOCK / 4)
    return new_block (self, size, error);
  if (size > self->n_free)
    {
      if (!(self->free = new_block (self, BLOCK, error)))
        return NULL;
      self->n_free = BLOCK;
    }
  at = self->free;
  self->free += size;
  self->n_free -= size;
  return at;
}

GtfPickleValue *
gtf_pickle_value_new (GtfPickle *self, GtfPickleType type, GError **error)
{
  gsize more = type == GTF_PICKLE_STORAGE ? sizeof (GtfPickleStorage) : type == GTF_PICKLE_TENSOR ? sizeof (GtfPickleTensor) : 0;
  GtfPickleValue *value = gtf_pickle_alloc (self, sizeof *value + more, error);

  if (!value)
    return NULL;
  value->type = type;
  if (type == GTF_PICKLE_STORAGE)
    value->storage = (GtfPickleStorage *) (value + 1);
  else if (type == GTF_PICKLE_TENSOR)
    value->tensor = (GtfPickleTensor *) (value + 1);
  return value;
}

gboolean
gtf_pickle_append (GtfPickle *self, GtfPickleValue *list, GtfPickleValue *const *items, gsize n, GError **error)
{
  gsize need = list->list.n + n;

  if (n == 0)
    return TRUE;
  if (need > list->list.size)
    {
      gsize size = MAX (need, list->list.size * 2);
      GtfPickleValue **grown = gtf_pickle_alloc (self, size * sizeof *grown, error);

      if (!grown)
        return FALSE;
      if (list->list.n)
        memcpy (grown, list->list.items, list->list.n * sizeof *grown);
      list->list.items = grown;
      list->list.size = size;
    }
  memcpy (list->list.items + list->list.n, items, n * sizeof *items);
  list->list.n = need;
  return TRUE;
}

/* ---- input ---------------------------------------------------------------------------------------------------------- */

static gboolean
check_room (GtfPickle *self, guint64 length, GError **error)
{
  if (length > self->end - self->position)
    return gtf_pickle_fail (self, error, "ends too early: %" G_GUINT64_FORMAT " bytes are needed, %" G_GUINT64_FORMAT " are there", length,
                            self->end - self->position);
  if (self->position > self->limit || length > self->limit - self->position)
    return gtf_pickle_fail (self, error, "is larger than the %" G_GUINT64_FORMAT " MB that are read", GTF_PICKLE_MAX_BYTES >> 20);
  return TRUE;
}

gboolean
gtf_pickle_need (GtfPickle *self, gsize n, GError **error)
{
  guint64 at = self->position - self->buffer_at;

  if (!check_room (self, n, error))
    return FALSE;
  if (self->position >= self->buffer_at && at <= self->buffer_n && n <= self->buffer_n - at)
    return TRUE;
  self->buffer_at = self->position;
  self->buffer_n = 0;
  if (!gtf_byte_source_read (self->source, self->position, self->buffer, MIN (WINDOW, self->end - self->position), error))
    return FALSE;
  self->buffer_n = MIN (WINDOW, self->end - self->position);
  return TRUE;
}

gboolean
gtf_pickle_read_raw (GtfPickle *self, gpointer to, gsize length, GError **error)
{
  guint64 at = self->position - self->buffer_at;

  if (!check_room (self, length, error))
    return FALSE;
  if (length <= WINDOW / 2)
    {
      if (!gtf_pickle_need (self, length, error))
        return FALSE;
      at = self->position - self->buffer_at;
      memcpy (to, self->buffer + at, length);
    }
  else if (!gtf_byte_source_read (self->source, self->position, to, length, error))
    return FALSE;
  self->position += length;
  return TRUE;
}

gboolean
gtf_pickle_skip (GtfPickle *self, guint64 length, GError **error)
{
  if (length > self->end - self->position)
    return gtf_pickle_fail (self, error, "ends too early: %" G_GUINT64_FORMAT " bytes are needed, %" G_GUINT64_FORMAT " are there", length,
                            self->end - self->position);
  self->position += length;
  return TRUE;
}

guint64
gtf_pickle_tell (const GtfPickle *self)
{
  return self->position;
}
