/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers of any dtype as float32. Sources may be unaligned (mapped files).
 */
#pragma once

#include "tensor/dtype.h"

/* n elements, `stride` elements apart in the source, packed in dst. */
void gtf_convert_f32 (GtfDtype dtype, gconstpointer src, gsize stride, gsize n, float *dst);
