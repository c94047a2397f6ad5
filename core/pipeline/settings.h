/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parameters as people type them: KEY=VALUE, where dots of KEY descend into objects and VALUE is JSON if it parses as such, else
 * a string. The same for --set of the command line and for the elements' property `parameters`.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/error.h"

G_BEGIN_DECLS

/* (transfer full): JSON, else a string (so is NaN); NULL: it is not UTF-8 */
GTF_API JsonNode *gtf_setting_value (const char *text, GError **error);
/* Takes over @value. What stood at @key, or in its way, is replaced. FALSE: @key is empty or has an empty part, or is not UTF-8. */
GTF_API gboolean  gtf_setting_put   (JsonObject *object, const char *key, JsonNode *value, GError **error);
/* "key=value,..." or a JSON object -> (transfer full) a JSON object as text. A comma inside of quotes or brackets belongs to its value. */
GTF_API char     *gtf_parameters_to_json (const char *text, GError **error);

G_END_DECLS
