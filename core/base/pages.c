/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See pages.h.
 */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define HUGE ((gsize) 2 << 20)

gpointer
gtf_pages_alloc (gsize size)
{
  char *map, *data;
  gsize head, total;

  size = (size + 4095) & ~(gsize) 4095;
  if (size == 0 || !g_size_checked_add (&total, size, HUGE))
    return NULL;
  if (size < HUGE)
    total = size;
  map = mmap (NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    return NULL;
  if (total == size)
    return map;
  data = (char *) (((uintptr_t) map + HUGE - 1) & ~(uintptr_t) (HUGE - 1));
  head = (gsize) (data - map);
  if (head > 0)
    munmap (map, head);
  if (HUGE - head > 0)
    munmap (data + size, HUGE - head);
  madvise (data, size, MADV_HUGEPAGE);
  return data;
}

void
gtf_pages_free (gpointer data, gsize size)
{
  if (data != NULL)
    munmap (data, (size + 4095) & ~(gsize) 4095);
}

void
gtf_pages_huge (gpointer data, gsize size)
{
  uintptr_t begin = ((uintptr_t) data + HUGE - 1) & ~(uintptr_t) (HUGE - 1), end = ((uintptr_t) data + size) & ~(uintptr_t) (HUGE - 1);

  if (data != NULL && begin < end)
    madvise ((gpointer) begin, end - begin, MADV_HUGEPAGE);
}
