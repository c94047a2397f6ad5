/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * spectrum.inc.c for processors with AVX2 and FMA.
 */
#define SPECTRUM gtf_spectrum_v3
#include "spectrum.inc.c"
