/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cards: what is read can be completed, and what people wrote is in the result.
 */
#include <string.h>
#include "hub/card.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubCard) card = gtf_hub_card_new ("fuzz", (const char *) data, size, &error);
  g_autoptr (JsonObject) defaults = NULL;
  g_autofree char *before = NULL;

  g_assert_true ((card != NULL) == (error == NULL));
  g_assert_false (g_error_matches (error, GTF_ERROR, GTF_ERROR_PLUGIN));
  if (card == NULL)
    return 0;
  before = g_strdup (gtf_hub_card_get_text (card));
  defaults = json_object_new ();
  json_object_set_string_member (defaults, "library_name", "transformers");
  json_object_set_string_member (defaults, "license", "no");
  if (gtf_hub_card_complete (card, defaults, &error))
    {
      g_assert_true (json_object_has_member (gtf_hub_card_get_metadata (card), "license"));
      g_assert_cmpuint (strlen (gtf_hub_card_get_text (card)), >=, strlen (before));
    }
  else
    g_assert_cmpstr (gtf_hub_card_get_text (card), ==, before);
  return 0;
}
