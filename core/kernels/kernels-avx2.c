/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for avx2.
 */
#include "kernels/vec-avx2.h"
#include "kernels/kernels.inc.c"
