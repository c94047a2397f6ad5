/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See vocab.h.
 */
#include "text/vocab.h"

#include <string.h>

void
gtf_vocab_clear (GtfVocab *self)
{
  g_free (self->bytes);
  g_free (self->entries);
  g_free (self->slots);
  g_free (self->by_id);
  memset (self, 0, sizeof *self);
}

static gboolean
grow (gpointer array, gsize *room, gsize need, gsize size)
{
  gpointer *p = array;
  if (need <= *room)
    return TRUE;
  gsize more = MAX (need, *room + *room / 2) + 1024;
  gpointer q = g_try_realloc_n (*p, more, size);
  if (q == NULL)
    return FALSE;
  *p = q;
  *room = more;
  return TRUE;
}

static gboolean
rehash (GtfVocab *self)
{
  gsize n = self->n_slots ? 2 * self->n_slots : 1024;
  guint32 *slots = g_try_new0 (guint32, n);
  if (slots == NULL)
    return FALSE;
  for (gsize i = 0; i < self->n_entries; i++)
    {
      gsize at = self->entries[i].hash & (n - 1);
      while (slots[at])
        at = (at + 1) & (n - 1);
      slots[at] = i + 1;
    }
  g_free (self->slots);
  self->slots = slots;
  self->n_slots = n;
  return TRUE;
}

static guint32 *
find_slot (const GtfVocab *self, const char *token, gsize length, guint32 hash)
{
  for (gsize at = hash & (self->n_slots - 1);; at = (at + 1) & (self->n_slots - 1))
    {
      guint32 *slot = &self->slots[at];
      if (*slot == 0)
        return slot;
      const GtfVocabEntry *e = &self->entries[*slot - 1];
      if (e->hash == hash && e->length == length && !memcmp (self->bytes + e->offset, token, length))
        return slot;
    }
}

static GtfVocabResult
set_id (GtfVocab *self, gint32 id, guint32 entry)
{
  gsize room = self->ids_room;
  if (!grow (&self->by_id, &self->ids_room, (gsize) id + 1, sizeof *self->by_id))
    return GTF_VOCAB_NO_MEMORY;
  if (self->ids_room > room)
    memset (self->by_id + room, 0, (self->ids_room - room) * sizeof *self->by_id);
  self->n_ids = MAX (self->n_ids, (gsize) id + 1);
  if (self->by_id[id] && self->by_id[id] != entry + 1)
    return GTF_VOCAB_DUPLICATE_ID;
  self->by_id[id] = entry + 1;
  return GTF_VOCAB_ADDED;
}

GtfVocabResult
gtf_vocab_add (GtfVocab *self, const char *token, gsize length, gint32 id)
{
  guint32 hash = gtf_hash_bytes (token, length);
  if (2 * (self->n_entries + 1) > self->n_slots && !rehash (self))
    return GTF_VOCAB_NO_MEMORY;
  guint32 *slot = find_slot (self, token, length, hash);
  if (*slot)
    {
      GtfVocabEntry *e = &self->entries[*slot - 1];
      if (e->id != id && (gsize) e->id < self->n_ids && self->by_id[e->id] == *slot)
        self->by_id[e->id] = 0;
      e->id = id;
      return set_id (self, id, *slot - 1);
    }
  if (self->n_bytes + length + 1 > G_MAXINT32 || !grow (&self->bytes, &self->bytes_room, self->n_bytes + length + 1, 1) ||
      !grow (&self->entries, &self->entries_room, self->n_entries + 1, sizeof *self->entries))
    return GTF_VOCAB_NO_MEMORY;
  memcpy (self->bytes + self->n_bytes, token, length);
  self->bytes[self->n_bytes + length] = 0;
  self->entries[self->n_entries] = (GtfVocabEntry) { self->n_bytes, length, hash, id };
  self->n_bytes += length + 1;
  *slot = ++self->n_entries;
  return set_id (self, id, self->n_entries - 1);
}

gint32
gtf_vocab_find (const GtfVocab *self, const char *token, gsize length)
{
  if (self->n_slots == 0)
    return -1;
  guint32 *slot = find_slot (self, token, length, gtf_hash_bytes (token, length));
  return *slot ? self->entries[*slot - 1].id : -1;
}

const char *
gtf_vocab_token (const GtfVocab *self, gint32 id, gsize *length)
{
  if (id < 0 || (gsize) id >= self->n_ids || self->by_id[id] == 0)
    return NULL;
  const GtfVocabEntry *e = &self->entries[self->by_id[id] - 1];
  if (length)
    *length = e->length;
  return self->bytes + e->offset;
}
