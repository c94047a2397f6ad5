/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large memory straight from the system, for packed weights and arenas.
 */
#pragma once

#include <glib.h>

/* Zeroed, aligned to 2 MB if large, huge pages asked for. NULL if it cannot be had. */
gpointer gtf_pages_alloc (gsize size);
void     gtf_pages_free  (gpointer data, gsize size);
/* Scratch of the calling thread, 64-byte aligned: good until its next call. */
gpointer gtf_scratch     (gsize size);
/* Another, for what lives while kernels that take the first are called. */
gpointer gtf_scratch_outer (gsize size);
