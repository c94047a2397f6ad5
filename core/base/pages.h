/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large memory straight from the system: for packed weights, arenas, tables. Reading weights on 4 kB pages costs half of the memory bandwidth, and a
 * table that is filled at random has a fault and an address to translate for each; huge pages must be asked for (most distributions run them in
 * madvise mode) and want their 2 MB alignment.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* Zeroed, aligned to 2 MB if large, huge pages asked for. NULL if it cannot be had. */
gpointer gtf_pages_alloc (gsize size);
void     gtf_pages_free  (gpointer data, gsize size);
/* Asks for them inside of memory that the C library has just given out: no more of it than there is. */
void     gtf_pages_huge  (gpointer data, gsize size);

G_END_DECLS
