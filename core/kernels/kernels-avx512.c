/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for avx512.
 */
#include "kernels/vec-avx512.h"
#include "kernels/kernels.inc.c"
