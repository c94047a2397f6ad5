/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A precompiled charsmap of any bytes: it is refused with an error, or at each place of some texts it finds nothing, finds a text
 * of its own that is UTF-8, or says that it is broken.
 */
#include <string.h>

#include "fuzz.h"
#include "text/charsmap.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char text[] = "abq \xC3\xA9 e\xCC\x81 \xE6\xBC\xA2 \xEF\xAC\x81 \xF0\x9F\x99\x82\x7f";
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfCharsmap) map = gtf_charsmap_new (data, size, "fuzz", &error);
  g_assert_true ((map == NULL) == (error != NULL));
  for (gsize i = 0; map && i < sizeof text - 1; i++)
    for (gsize n = 1; n <= 4 && i + n < sizeof text; n++)
      {
        const char *found = NULL;
        GtfCharsmapResult result = gtf_charsmap_find (map, text + i, n, &found);
        g_assert_true (result != GTF_CHARSMAP_FOUND || g_utf8_validate (found, -1, NULL));
        g_assert_true (result == GTF_CHARSMAP_FOUND || found == NULL);
      }
  return 0;
}
