/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON text of a node, for answers: json-glib's own printer has neither Python's numbers nor null for what is not finite.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "base/defs.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_JSON_COMPACT,     /* one line, ", " and ": " between, as Python's json.dumps */
  GTF_JSON_PRETTY,      /* two spaces a level; lists of plain values stay on one line */
  GTF_JSON_CONFIG,      /* pretty, with Python's NaN and Infinity, as its files have them */
  GTF_JSON_REQUEST      /* compact, with Python's NaN and Infinity instead of null: for what is parsed again with GTF_JSON_PYTHON */
} GtfJsonStyle;

GTF_API char *gtf_json_print         (JsonNode *node, GtfJsonStyle style);     /* (transfer full) */
GTF_API void  gtf_json_append_number (GString *out, double value);
GTF_API void  gtf_json_append_string (GString *out, const char *value);

G_END_DECLS
