/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pickles alone, one after the other.
 */
#include "model/pickle.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
  g_autoptr (GtfByteSource) source = gtf_byte_source_new_bytes ("fuzz", bytes);
  g_autoptr (GtfPickle) pickle = gtf_pickle_new (source, 0, size);
  g_autoptr (GError) error = NULL;
  const GtfPickleValue *value;

  do
    value = gtf_pickle_read (pickle, &error);
  while (value && gtf_pickle_tell (pickle) < size);
  g_assert_true ((value != NULL) == (error == NULL));
  return 0;
}
