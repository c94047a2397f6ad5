/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of the pickle interpreter, shared by its files: the machine (pickle.c), memory and input (pickle-memory.c), the names that are known
 * and what they make (pickle-names.c).
 */
#pragma once

#include "model/pickle.h"

#define GTF_PICKLE_MAX_BYTES ((guint64) 256 << 20)        /* of one pickle */
#define GTF_PICKLE_MAX_MEMORY ((gsize) 256 << 20)         /* of all values together */
#define GTF_PICKLE_MAX_STACK 4000000u
#define GTF_PICKLE_MAX_MARKS 1000u
#define GTF_PICKLE_MAX_MEMO 4000000u

struct _GtfPickle
{
  const GtfByteSource *source;
  guint64 position, end;                    /* of the next byte; where the source's part ends */
  guint64 limit;                            /* of the pickle that is being read: GTF_PICKLE_MAX_BYTES from its start */
  guint8 *buffer;
  guint64 buffer_at;                        /* of its first byte in the source */
  gsize buffer_n;

  GPtrArray *blocks;                        /* memory of the values */
  char *free;
  gsize n_free, used;

  GPtrArray *stack;
  GArray *marks;                            /* guint: heights of the stack */
  GHashTable *memo;                         /* index -> value */
  GtfPicklePersistent resolve;
  gpointer resolve_data;
};

/* pickle-memory.c */
gpointer gtf_pickle_alloc  (GtfPickle *self, gsize size, GError **error);      /* zeroed */
gboolean gtf_pickle_append (GtfPickle *self, GtfPickleValue *list, GtfPickleValue *const *items, gsize n, GError **error);
gboolean gtf_pickle_need   (GtfPickle *self, gsize n, GError **error);         /* the next @n bytes, at most 16, are in the buffer */

/* pickle-names.c */
/* The symbol of a name, or an error that names it. */
gboolean        gtf_pickle_find_name (GtfPickle *self, const char *module, const char *name, guint *symbol, GError **error);
/* What function(*args) gives; object (*args) of Python. */
GtfPickleValue *gtf_pickle_call      (GtfPickle *self, const GtfPickleValue *function, GtfPickleValue *args, GError **error);
GtfPickleValue *gtf_pickle_call_new  (GtfPickle *self, const GtfPickleValue *type, GtfPickleValue *args, GError **error);
/* Whether a state may be set on a value; what it is does not matter to us. */
gboolean        gtf_pickle_build     (GtfPickle *self, GtfPickleValue *value, const GtfPickleValue *state, GError **error);
