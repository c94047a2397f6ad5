/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the two files of logits processors share.
 */
#pragma once

#include "generate/logits-math.h"
#include "generate/logits-processors.h"

#include <string.h>

G_BEGIN_DECLS

/* Appends the processors that only sampling has (temperature, top-k, ...), in the reference's order. */
void gtf_logits_warpers_append (GtfLogitsProcessorList *list, const GtfGenerationConfig *config);

G_END_DECLS
