/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large memory straight from the system. Reading weights on 4 KB pages costs half of the memory bandwidth; huge pages must
 * be asked for (most distributions run them in madvise mode) and want their 2 MB alignment.
 */
#include "kernels/memory.h"

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

typedef struct
{
  gpointer data;
  gsize size;
} Scratch;

static void
scratch_free (gpointer data)
{
  Scratch *s = data;

  gtf_pages_free (s->data, s->size);
  g_free (s);
}

static GPrivate scratch_key = G_PRIVATE_INIT (scratch_free), outer_key = G_PRIVATE_INIT (scratch_free);

/* Its sizes follow from weights and activations that already fitted into memory: a failure here is not recoverable. */
static gpointer
scratch_of (GPrivate *key, gsize size)
{
  Scratch *s = g_private_get (key);

  if (s == NULL)
    {
      s = g_new0 (Scratch, 1);
      g_private_set (key, s);
    }
  if (s->size < size)
    {
      gtf_pages_free (s->data, s->size);
      s->size = MAX (size + size / 4, 256 * 1024);
      s->data = gtf_pages_alloc (s->size);
      if (s->data == NULL)
        g_error ("no memory for %" G_GSIZE_FORMAT " bytes of scratch", s->size);
    }
  return s->data;
}

gpointer
gtf_scratch (gsize size)
{
  return scratch_of (&scratch_key, size);
}

gpointer
gtf_scratch_outer (gsize size)
{
  return scratch_of (&outer_key, size);
}
