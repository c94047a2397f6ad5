/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for amx: those for avx512, and products of bfloat16 and int8 by tiles.
 */
#define ISA amx
#define KERNELS_AMX 1
#include "kernels/vec-avx512.h"
#include "kernels/kernels.inc.c"
