/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a fuzz target is: one function over one input, that must neither crash nor leak nor take long, whatever the bytes are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
