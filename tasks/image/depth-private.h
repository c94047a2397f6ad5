/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of the task depth-estimation.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

/* A plane [old_height][old_width] as [height][width], by bicubic interpolation; sizes are not 0. (transfer full) */
float *cubic_resize (const float *x, gsize old_height, gsize old_width, gsize height, gsize width, GError **error);

G_END_DECLS
