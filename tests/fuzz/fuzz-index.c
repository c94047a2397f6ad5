/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The index of shards.
 */
#include "model/safetensors.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) shards = gtf_safetensors_parse_index ("fuzz", (const char *) data, size, &error);

  g_assert_true ((shards != NULL) == (error == NULL));
  for (char **shard = shards; shard && *shard; shard++)
    g_assert_true (**shard != '/' && !g_str_has_prefix (*shard, "../"));
  return 0;
}
