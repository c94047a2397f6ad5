/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels for generic.
 */
#include "kernels/vec-generic.h"
#include "kernels/kernels.inc.c"
