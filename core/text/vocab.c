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
  GtfVocabSlot *slots = g_try_new0 (GtfVocabSlot, n);
  if (slots == NULL)
    return FALSE;
  for (gsize i = 0; i < self->n_slots; i++)
    {
      gsize at = self->slots[i].hash & (n - 1);
      if (self->slots[i].entry == 0)
        continue;
      while (slots[at].entry)
        at = (at + 1) & (n - 1);
      slots[at] = self->slots[i];
    }
  g_free (self->slots);
  self->slots = slots;
  self->n_slots = n;
  return TRUE;
}

static GtfVocabSlot *
find_slot (const GtfVocab *self, const char *token, gsize length, guint32 hash)
{
  for (gsize at = hash & (self->n_slots - 1);; at = (at + 1) & (self->n_slots - 1))
    {
      GtfVocabSlot *slot = &self->slots[at];
      if (slot->entry == 0)
        return slot;
      if (slot->hash != hash)
        continue;
      const GtfVocabEntry *e = &self->entries[slot->entry - 1];
      if (e->length == length && !memcmp (self->bytes + e->offset, token, length))
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
  GtfVocabSlot *slot = find_slot (self, token, length, hash);
  if (slot->entry)
    {
      GtfVocabEntry *e = &self->entries[slot->entry - 1];
      if (!self->keeps_ids && e->id != id && (gsize) e->id < self->n_ids && self->by_id[e->id] == slot->entry)
        self->by_id[e->id] = 0;
      e->id = id;
      return set_id (self, id, slot->entry - 1);
    }
  if (self->n_bytes + length + 1 > G_MAXINT32 || !grow (&self->bytes, &self->bytes_room, self->n_bytes + length + 1, 1) ||
      !grow (&self->entries, &self->entries_room, self->n_entries + 1, sizeof *self->entries))
    return GTF_VOCAB_NO_MEMORY;
  memcpy (self->bytes + self->n_bytes, token, length);
  self->bytes[self->n_bytes + length] = 0;
  self->entries[self->n_entries] = (GtfVocabEntry) { self->n_bytes, length, id };
  self->n_bytes += length + 1;
  *slot = (GtfVocabSlot) { hash, ++self->n_entries };
  return set_id (self, id, self->n_entries - 1);
}

gint32
gtf_vocab_find (const GtfVocab *self, const char *token, gsize length)
{
  if (self->n_slots == 0)
    return -1;
  const GtfVocabSlot *slot = find_slot (self, token, length, gtf_hash_bytes (token, length));
  return slot->entry ? self->entries[slot->entry - 1].id : -1;
}

void
gtf_vocab_find_all (const GtfVocab *self, GtfVocabQuery *queries, gsize n)
{
  gsize mask = self->n_slots - 1;
  if (self->n_entries == 0)
    {
      for (gsize i = 0; i < n; i++)
        queries[i].id = -1;
      return;
    }
  for (gsize i = 0; i < n; i++)
    {
      queries[i].hash = gtf_hash_bytes (queries[i].token, queries[i].length);
      __builtin_prefetch (&self->slots[queries[i].hash & mask]);
    }
  for (gsize i = 0; i < n; i++)
    __builtin_prefetch (&self->entries[self->slots[queries[i].hash & mask].entry]);
  for (gsize i = 0; i < n; i++)
    {
      guint32 entry = self->slots[queries[i].hash & mask].entry;
      __builtin_prefetch (self->bytes + self->entries[entry ? entry - 1 : 0].offset);
    }
  for (gsize i = 0; i < n; i++)
    {
      const GtfVocabSlot *slot = find_slot (self, queries[i].token, queries[i].length, queries[i].hash);
      queries[i].id = slot->entry ? self->entries[slot->entry - 1].id : -1;
    }
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
