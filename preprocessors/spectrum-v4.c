/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * spectrum.inc.c for processors with AVX-512.
 */
#define SPECTRUM gtf_spectrum_v4
#include "spectrum.inc.c"
