/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See vocab.h.
 */
#include "text/vocab.h"

#include <string.h>

#include "base/pages.h"

void
gtf_vocab_clear (GtfVocab *self)
{
  g_free (self->bytes);
  g_free (self->entries);
  gtf_pages_free (self->slots, self->n_slots * sizeof *self->slots);
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
  GtfVocabSlot *slots = gtf_pages_alloc (n * sizeof *slots);
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
  gtf_pages_free (self->slots, self->n_slots * sizeof *slots);
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
      if (e->length == length && gtf_same_bytes (self->bytes + e->offset, token, length))
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

static GtfVocabResult
add (GtfVocab *self, const char *token, gsize length, guint32 hash, gint32 id)
{
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

GtfVocabResult
gtf_vocab_add (GtfVocab *self, const char *token, gsize length, gint32 id)
{
  return add (self, token, length, gtf_hash_bytes (token, length), id);
}

static void
hash_all (const GtfVocab *self, GtfVocabQuery *queries, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      queries[i].hash = gtf_hash_bytes (queries[i].token, queries[i].length);
      if (self->n_slots)
        __builtin_prefetch (&self->slots[queries[i].hash & (self->n_slots - 1)], 1);
    }
}

GtfVocabResult
gtf_vocab_add_all (GtfVocab *self, GtfVocabQuery *queries, gsize *n)
{
  hash_all (self, queries, *n);
  for (gsize i = 0; i < *n; i++)
    {
      const GtfVocabQuery *q = &queries[i];
      GtfVocabResult result = add (self, q->token, q->length, q->hash, q->id);
      if (result != GTF_VOCAB_ADDED)
        return *n = i, result;
    }
  return GTF_VOCAB_ADDED;
}

gint32
gtf_vocab_find (const GtfVocab *self, const char *token, gsize length)
{
  if (self->n_slots == 0)
    return -1;
  const GtfVocabSlot *slot = find_slot (self, token, length, gtf_hash_bytes (token, length));
  return slot->entry ? self->entries[slot->entry - 1].id : -1;
}

/* In three rounds, of slots, entries and bytes: the first slot with the hash is the token's, but for one in thousands. */
void
gtf_vocab_find_all (const GtfVocab *self, GtfVocabQuery *queries, gsize n)
{
  gsize mask = self->n_slots - 1;
  hash_all (self, queries, n);
  for (GtfVocabQuery *q = queries; q < queries + n; q++)
    {
      gsize at = q->hash & mask;
      q->id = -1;
      if (self->n_slots == 0)
        continue;
      while (self->slots[at].entry && self->slots[at].hash != q->hash)
        at = (at + 1) & mask;
      q->id = (gint32) self->slots[at].entry - 1;
      __builtin_prefetch (&self->entries[MAX (q->id, 0)]);
    }
  for (const GtfVocabQuery *q = queries; q < queries + n; q++)
    if (q->id >= 0)
      __builtin_prefetch (self->bytes + self->entries[q->id].offset);
  for (GtfVocabQuery *q = queries; q < queries + n; q++)
    {
      const GtfVocabEntry *e = &self->entries[MAX (q->id, 0)];
      if (q->id < 0)
        continue;
      if (e->length == q->length && gtf_same_bytes (self->bytes + e->offset, q->token, q->length))
        q->id = e->id;
      else
        q->id = gtf_vocab_find (self, q->token, q->length);
    }
}
