/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The header of a safetensors file. The first two bytes are how many data follow it.
 */
#include "model/safetensors.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  gboolean ok;

  if (size < 2)
    return 0;
  ok = gtf_safetensors_check_header ("fuzz", (const char *) data + 2, size - 2, (guint64) (data[0] | data[1] << 8), &error);
  g_assert_true (ok == (error == NULL));
  return 0;
}
