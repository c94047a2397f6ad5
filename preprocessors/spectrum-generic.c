/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * spectrum.inc.c for any processor.
 */
#define SPECTRUM gtf_spectrum_generic
#include "spectrum.inc.c"
