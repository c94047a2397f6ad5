/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of the pull reader share: json-reader.c (the state machine), json-scan.c (strings and numbers), json.c (trees).
 */
#pragma once

#include "base/json-reader.h"

G_BEGIN_DECLS

/* Fails at the byte in work; the reader is of no more use. Always GTF_JSON_ERROR. */
GtfJsonToken gtf_json_broken     (GtfJsonReader *self, GError **error, const char *what);
/* The same: "expected X, found Y", where Y is what stands in the text. */
GtfJsonToken gtf_json_unexpected (GtfJsonReader *self, GError **error, const char *expected);
/* A token that the caller has no use for: "expected X, found a string". Always FALSE. */
gboolean     gtf_json_mismatch   (GtfJsonReader *self, GtfJsonToken found, const char *expected, GError **error);

/* At the opening quote: sets string and string_length. */
gboolean     gtf_json_scan_string (GtfJsonReader *self, GError **error);
/* At a digit or a minus: sets integer and is_integer; number is worked out when it is asked for. */
gboolean     gtf_json_scan_number (GtfJsonReader *self, GError **error);
double       gtf_json_number      (GtfJsonReader *self);

G_END_DECLS
