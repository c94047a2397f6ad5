/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The JSON reader: what it takes as a tree it must also take token by token, and the other way round.
 */
#include "base/json.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL, other = NULL;
  g_autoptr (JsonNode) node = gtf_json_parse ("fuzz", (const char *) data, (gssize) size, GTF_JSON_PYTHON, &error);
  g_auto (GtfJsonReader) reader = { 0 };
  gboolean ok;

  gtf_json_reader_init (&reader, "fuzz", (const char *) data, size, GTF_JSON_PYTHON);
  ok = gtf_json_reader_skip (&reader, &other) && gtf_json_reader_expect (&reader, GTF_JSON_END, &other);
  g_assert_true (ok == (node != NULL));
  g_assert_true ((node != NULL) == (error == NULL));
  g_assert_true (ok == (other == NULL));
  return 0;
}
