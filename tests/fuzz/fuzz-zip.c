/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole files of torch.save(): the zip archives of today and their forerunners. What can be opened is read.
 */
#include "model/safetensors.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSafetensors) files = gtf_safetensors_open_source (gtf_byte_source_new_bytes ("fuzz", bytes), &error);

  g_assert_true ((files != NULL) == (error == NULL));
  for (guint i = 0; files && i < gtf_safetensors_get_n_tensors (files); i++)
    {
      const GtfStoredTensor *stored = gtf_safetensors_get (files, i);
      g_autofree char *to = stored->n_bytes < 1 << 20 ? g_malloc (stored->n_bytes + 1) : NULL;

      if (to)
        gtf_safetensors_read (files, stored, 0, stored->n_bytes, to, NULL);
    }
  return 0;
}
