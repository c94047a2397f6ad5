/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Segments of rows (rows.h) and GtfEncoding, what callers get: one column for each property.
 */
#include "text/rows.h"

#include <string.h>

G_DEFINE_BOXED_TYPE (GtfEncoding, gtf_encoding, gtf_encoding_copy, gtf_encoding_free)

GtfSegment *
gtf_segment_new (gsize room)
{
  GtfSegment *self = g_new0 (GtfSegment, 1);
  self->rows = g_array_sized_new (FALSE, FALSE, sizeof (GtfRow), room);
  return self;
}

void
gtf_segment_free (GtfSegment *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->rows);
  g_clear_pointer (&self->ranges, g_array_unref);
  g_clear_pointer (&self->overflow, g_ptr_array_unref);
  g_free (self);
}

static void
append_rows (GtfSegment *self, const GtfSegment *other, gsize begin, gsize end)
{
  g_array_append_vals (self->rows, &g_array_index (other->rows, GtfRow, begin), end - begin);
}

static void
put_range (GtfSegment *self, GtfRange range)
{
  if (self->ranges == NULL)
    self->ranges = g_array_new (FALSE, FALSE, sizeof (GtfRange));
  for (guint i = 0; i < self->ranges->len; i++)
    if (g_array_index (self->ranges, GtfRange, i).sequence == range.sequence)
      {
        g_array_index (self->ranges, GtfRange, i) = range;
        return;
      }
  g_array_append_val (self->ranges, range);
}

void
gtf_segment_set_range (GtfSegment *self, gint32 sequence, gsize begin, gsize end)
{
  put_range (self, (GtfRange) { sequence, begin, end });
}

/* @other's ranges, moved on by @shift; they take the place of equal ones. */
static void
add_ranges (GtfSegment *self, const GtfSegment *other, gsize shift)
{
  for (guint i = 0; other->ranges && i < other->ranges->len; i++)
    {
      GtfRange range = g_array_index (other->ranges, GtfRange, i);
      put_range (self, (GtfRange) { range.sequence, range.begin + shift, range.end + shift });
    }
}

static void
add_overflow (GtfSegment *self, GtfSegment *part)
{
  if (self->overflow == NULL)
    self->overflow = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free);
  g_ptr_array_add (self->overflow, part);
}

GtfSegment *
gtf_segment_copy (const GtfSegment *self)
{
  GtfSegment *copy = gtf_segment_new (self->rows->len);
  append_rows (copy, self, 0, self->rows->len);
  add_ranges (copy, self, 0);
  for (guint i = 0; self->overflow && i < self->overflow->len; i++)
    add_overflow (copy, gtf_segment_copy (g_ptr_array_index (self->overflow, i)));
  return copy;
}

static GtfSegment *
joined (const GtfSegment *a, const GtfSegment *b)
{
  GtfSegment *both = gtf_segment_new (a->rows->len + b->rows->len);
  append_rows (both, a, 0, a->rows->len);
  add_ranges (both, a, 0);
  add_ranges (both, b, a->rows->len);
  append_rows (both, b, 0, b->rows->len);
  return both;
}

static void
append (GtfSegment *self, const GtfSegment *other)
{
  add_ranges (self, other, self->rows->len);
  append_rows (self, other, 0, other->rows->len);
}

/* @other comes before what is there. */
static void
prepend (GtfSegment *self, const GtfSegment *other)
{
  g_autoptr (GArray) own = g_steal_pointer (&self->ranges);
  const GtfSegment moved = { .rows = self->rows, .ranges = own };
  add_ranges (self, other, 0);
  add_ranges (self, &moved, other->rows->len);
  if (other->rows->len)
    g_array_prepend_vals (self->rows, other->rows->data, other->rows->len);
}

/* Where only one of the two has what overflowed, as for a long text between special tokens, its parts grow where they are. */
void
gtf_segment_merge (GtfSegment *self, GtfSegment *other)
{
  guint n = self->overflow ? self->overflow->len : 0, m = other->overflow ? other->overflow->len : 0;
  g_autoptr (GPtrArray) all = n && m ? g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free) : NULL;
  for (guint i = 0; i < n && m == 0; i++)
    append (g_ptr_array_index (self->overflow, i), other);
  for (guint j = 0; j < m && n == 0; j++)
    prepend (g_ptr_array_index (other->overflow, j), self);
  for (guint i = 0; all && i < n; i++)
    {
      const GtfSegment *part = g_ptr_array_index (self->overflow, i);
      g_ptr_array_add (all, joined (part, other));
      for (guint j = 0; j < m; j++)
        g_ptr_array_add (all, joined (part, g_ptr_array_index (other->overflow, j)));
    }
  for (guint j = 0; all && j < m; j++)
    g_ptr_array_add (all, joined (self, g_ptr_array_index (other->overflow, j)));
  append (self, other);
  if (m == 0)
    return;
  g_clear_pointer (&self->overflow, g_ptr_array_unref);
  self->overflow = all ? g_steal_pointer (&all) : g_steal_pointer (&other->overflow);
}

gboolean
gtf_segment_truncate (GtfSegment *self, gsize length, gsize stride, gboolean left)
{
  gsize n = self->rows->len;
  if (length >= n)
    return TRUE;
  g_autoptr (GArray) rows = self->rows;
  GtfSegment whole = { .rows = rows };
  g_clear_pointer (&self->ranges, g_array_unref);
  self->rows = g_array_sized_new (FALSE, FALSE, sizeof (GtfRow), length);
  if (length == 0)
    {
      add_overflow (self, gtf_segment_copy (&whole));
      return TRUE;
    }
  if (stride >= length)
    return FALSE;
  gboolean first = TRUE;
  for (gsize at = 0;; at += length - stride)
    {
      gsize begin = left ? (n - at > length ? n - at - length : 0) : at;
      gsize end = left ? n - at : MIN (at + length, n);
      GtfSegment *part = first ? self : gtf_segment_new (end - begin);
      append_rows (part, &whole, begin, end);
      if (!first)
        add_overflow (self, part);
      first = FALSE;
      if (left ? begin == 0 : end == n)
        return TRUE;
    }
}

void
gtf_segment_pad (GtfSegment *self, gsize length, gint32 id, gint32 type, gboolean left)
{
  for (guint i = 0; self->overflow && i < self->overflow->len; i++)
    gtf_segment_pad (g_ptr_array_index (self->overflow, i), length, id, type, left);
  if (self->rows->len >= length)
    return;
  gsize n = length - self->rows->len;
  GtfRow pad = { .id = id, .type = type, .word = -1, .sequence = -1, .special = 1 };
  g_autofree GtfRow *rows = g_new (GtfRow, n);
  for (gsize i = 0; i < n; i++)
    rows[i] = pad;
  for (guint i = 0; left && self->ranges && i < self->ranges->len; i++)
    {
      g_array_index (self->ranges, GtfRange, i).begin += n;
      g_array_index (self->ranges, GtfRange, i).end += n;
    }
  if (left)
    g_array_prepend_vals (self->rows, rows, n);
  else
    g_array_append_vals (self->rows, rows, n);
}

/* All columns are one block, which begins with the ids: ten allocations would be a tenth of the time that a short text takes. */
static GtfEncoding *
encoding_new (gsize n)
{
  GtfEncoding *self = g_new0 (GtfEncoding, 1);
  gint32 *words = g_malloc0_n (MAX (n, 1), 7 * sizeof *words + 3);      /* columns of nothing are not NULL either */
  guint8 *bytes = (guint8 *) (words + 7 * n);

  self->n_ids = n;
  self->ids = words;
  self->type_ids = words + n;
  self->word_ids = words + 2 * n;
  self->begin = (guint32 *) (words + 3 * n);
  self->end = (guint32 *) (words + 4 * n);
  self->begin_bytes = (guint32 *) (words + 5 * n);
  self->end_bytes = (guint32 *) (words + 6 * n);
  self->special_tokens_mask = bytes;
  self->attention_mask = bytes + n;
  self->sequence_ids = (gint8 *) (bytes + 2 * n);
  return self;
}

/* As the reference counts: of n ranges those of the sequences 0 ... n - 1 are asked for, and one that is not there is everything. */
static void
fill_sequence_ids (GtfEncoding *self, const GtfSegment *segment)
{
  guint n = segment->ranges && segment->ranges->len ? segment->ranges->len : 1;
  if (self->n_ids == 0)
    return;
  memset (self->sequence_ids, -1, self->n_ids);
  for (guint s = 0; s < n; s++)
    {
      GtfRange range = { s, 0, self->n_ids };
      for (guint i = 0; segment->ranges && i < segment->ranges->len; i++)
        if (g_array_index (segment->ranges, GtfRange, i).sequence == (gint) s)
          range = g_array_index (segment->ranges, GtfRange, i);
      for (gsize i = range.begin; i < MIN (range.end, self->n_ids); i++)
        self->sequence_ids[i] = s;
    }
}

GtfEncoding *
gtf_segment_finish (GtfSegment *segment)
{
  GtfEncoding *self = encoding_new (segment->rows->len);
  for (gsize i = 0; i < self->n_ids; i++)
    {
      const GtfRow *row = &g_array_index (segment->rows, GtfRow, i);
      self->ids[i] = row->id;
      self->type_ids[i] = row->type;
      self->special_tokens_mask[i] = row->special;
      self->attention_mask[i] = row->attention;
      self->begin[i] = row->begin;
      self->end[i] = row->end;
      self->begin_bytes[i] = (guint32) row->sequence;
      self->word_ids[i] = row->word;
    }
  fill_sequence_ids (self, segment);
  for (guint i = 0; segment->overflow && i < segment->overflow->len; i++)
    {
      g_autoptr (GtfSegment) part = g_steal_pointer (&g_ptr_array_index (segment->overflow, i));      /* its memory is the next one's */
      if (self->overflowing == NULL)
        self->overflowing = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_encoding_free);
      g_ptr_array_add (self->overflowing, gtf_segment_finish (part));
    }
  return self;
}

/**
 * gtf_encoding_copy:
 *
 * Returns: (transfer full): a copy, with what overflowed
 */
GtfEncoding *
gtf_encoding_copy (const GtfEncoding *self)
{
  GtfEncoding *copy = encoding_new (self->n_ids);
#define COPY(field) memcpy (copy->field, self->field, self->n_ids * sizeof *self->field)
  COPY (ids); COPY (type_ids); COPY (special_tokens_mask); COPY (attention_mask); COPY (begin); COPY (end);
  COPY (begin_bytes); COPY (end_bytes); COPY (word_ids); COPY (sequence_ids);
#undef COPY
  for (guint i = 0; self->overflowing && i < self->overflowing->len; i++)
    {
      if (copy->overflowing == NULL)
        copy->overflowing = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_encoding_free);
      g_ptr_array_add (copy->overflowing, gtf_encoding_copy (g_ptr_array_index (self->overflowing, i)));
    }
  return copy;
}

/**
 * gtf_encoding_free:
 *
 * Frees an encoding.
 */
void
gtf_encoding_free (GtfEncoding *self)
{
  if (self == NULL)
    return;
  g_free (self->ids);           /* and all other columns */
  g_clear_pointer (&self->overflowing, g_ptr_array_unref);
  g_free (self);
}
