/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The version that is loaded.
 */
#include "base/version.h"

const char *
gtf_version_string (void)
{
  return GTF_VERSION_STRING;
}
