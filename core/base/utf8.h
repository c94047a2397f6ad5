/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether bytes are UTF-8, many at once.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* Valid UTF-8, in which U+0000 may stand. */
gboolean gtf_utf8_valid (const char *s, gsize n);

G_END_DECLS
