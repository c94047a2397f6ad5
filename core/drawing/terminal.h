/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures in a terminal.
 */
#pragma once

#include "pipeline/preprocessor.h"

G_BEGIN_DECLS

/**
 * gtf_image_to_terminal:
 * @columns: how many characters there is room for, at least 1
 * @rows: how many lines, at least 1
 *
 * The picture as large as it fits, each character an upper half block whose two colours (24 bits, as nearly all terminals have them) are
 * two pixels, one above the other. A pixel is the mean of what it covers. Small pictures are not made larger.
 *
 * Returns: (transfer full): lines of text with escape sequences, each ended by a newline with the colours reset
 */
GTF_API char *gtf_image_to_terminal (const GtfImage *image, gint columns, gint rows);

G_END_DECLS
