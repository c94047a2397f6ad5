/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The error domain.
 */
#include "base/error.h"

G_DEFINE_QUARK (gtf-error-quark, gtf_error)
