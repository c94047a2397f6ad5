/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large memory of this process's scratch, straight from the system (base/pages.h).
 */
#include "kernels/memory.h"

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
