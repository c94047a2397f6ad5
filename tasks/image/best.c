/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The k largest of n numbers, in the order in which the reference has them: later objects are painted over earlier ones, so the order shows.
 *
 * torch.topk (sorted=False) on a CPU selects by the C++ library (libstdc++): few of many by a heap that is then sorted, else by quickselect with the
 * median of three as pivot and an insertion sort of what is left, which leaves the k largest as the partitions put them. Both are
 * written here step by step as there, since any other way to select gives another order.
 */
#include "image/segments-private.h"

#include <math.h>

typedef struct
{
  float value;
  guint index;
} Entry;

/* Whether a goes before b: NaN first, as numpy has it. */
static inline gboolean
before (const Entry *a, const Entry *b)
{
  return (isnan (a->value) && !isnan (b->value)) || a->value > b->value;
}

static inline void
swap (Entry *a, Entry *b)
{
  const Entry e = *a;

  *a = *b;
  *b = e;
}

/* ---- a heap whose first entry goes after all others ---- */

/* Puts @e in the place of entry @hole: down along the children to a leaf, then up again to where it belongs. */
static void
heap_put (Entry *heap, gsize n, gsize hole, Entry e)
{
  const gsize top = hole;

  for (gsize child = 2 * hole + 2; child <= n; child = 2 * hole + 2)
    {
      if (child == n || before (&heap[child], &heap[child - 1]))
        child--;
      heap[hole] = heap[child];
      hole = child;
    }
  for (; hole > top && before (&heap[(hole - 1) / 2], &e); hole = (hole - 1) / 2)
    heap[hole] = heap[(hole - 1) / 2];
  heap[hole] = e;
}

/* The k largest of n become a heap in front. */
static void
heap_select (Entry *entries, gsize n, gsize k)
{
  for (gsize i = k / 2; i-- > 0;)
    heap_put (entries, k, i, entries[i]);
  for (gsize i = k; i < n; i++)
    if (before (&entries[i], &entries[0]))
      {
        const Entry e = entries[i];

        entries[i] = entries[0];
        heap_put (entries, k, 0, e);
      }
}

static void
heap_sort (Entry *heap, gsize n)
{
  while (n > 1)
    {
      const Entry e = heap[--n];

      heap[n] = heap[0];
      heap_put (heap, n, 0, e);
    }
}

/* ---- quickselect ---- */

static void
median_to_first (Entry *first, Entry *a, Entry *b, Entry *c)
{
  if (before (a, b))
    swap (first, before (b, c) ? b : before (a, c) ? c : a);
  else
    swap (first, before (a, c) ? a : before (b, c) ? c : b);
}

/* Where the part begins that does not go before the median of three. */
static Entry *
partition (Entry *first, Entry *end)
{
  Entry *low = first + 1, *high = end;

  median_to_first (first, first + 1, first + (end - first) / 2, end - 1);
  for (;; low++)
    {
      while (before (low, first))
        low++;
      high--;
      while (before (first, high))
        high--;
      if (low >= high)
        return low;
      swap (low, high);
    }
}

static void
insertion_sort (Entry *first, Entry *end)
{
  for (Entry *at = first; at < end; at++)
    {
      const Entry e = *at;
      Entry *to = at;

      for (; to > first && before (&e, to - 1); to--)
        *to = *(to - 1);
      *to = e;
    }
}

/* The entries up to @nth are those that go first. */
static void
quickselect (Entry *first, Entry *nth, Entry *end)
{
  guint depth = 2 * (g_bit_storage ((gulong) (end - first)) - 1);

  while (end - first > 3)
    {
      Entry *cut;

      if (depth-- == 0)
        {
          heap_select (first, (gsize) (end - first), (gsize) (nth - first) + 1);
          swap (first, nth);
          return;
        }
      cut = partition (first, end);
      if (cut <= nth)
        first = cut;
      else
        end = cut;
    }
  insertion_sort (first, end);
}

guint *
best_of (const float *x, gsize n, gsize k)
{
  g_autofree Entry *entries = NULL;
  guint *best;

  g_return_val_if_fail (k > 0 && k <= n, NULL);
  entries = n <= G_MAXUINT32 ? g_try_new (Entry, n) : NULL;
  best = entries ? g_try_new (guint, k) : NULL;
  if (best == NULL)
    return NULL;
  for (gsize i = 0; i < n; i++)
    entries[i] = (Entry){ x[i], (guint) i };
  if (k <= n / 64)
    {
      heap_select (entries, n, k);
      heap_sort (entries, k);
    }
  else
    quickselect (entries, entries + k - 1, entries + n);
  for (gsize i = 0; i < k; i++)
    best[i] = entries[i].index;
  return best;
}
