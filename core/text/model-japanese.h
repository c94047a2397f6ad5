/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The model of GPT-NeoX-Japanese, which has no tokenizer.json.
 */
#pragma once

#include "base/json.h"
#include "text/model.h"

G_BEGIN_DECLS

/* @file: vocab.txt; @emoji: what tokens "<|emoji1|>" are decoded as. */
GtfTextModel *gtf_text_model_read_japanese (const char *file, const char *unk_token, JsonObject *emoji, GError **error);

G_END_DECLS
