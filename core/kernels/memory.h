/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Large memory straight from the system, and the scratch that kernels take out of it.
 */
#pragma once

#include "base/pages.h"

/* Scratch of the calling thread, 64-byte aligned: good until its next call. */
gpointer gtf_scratch     (gsize size);
/* Another, for what lives while kernels that take the first are called. */
gpointer gtf_scratch_outer (gsize size);
