/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON as a tree, for configs and requests: read by our own strict reader (json-reader.h: bounded depth, errors with line
 * and byte), held in json-glib's nodes. Of equal keys the last one wins; null members stay.
 */
#pragma once

#include "base/json-reader.h"

G_BEGIN_DECLS

/* @length -1: NUL-terminated. @name stands in error messages ("the request", a path). (transfer full) */
GTF_API JsonNode   *gtf_json_parse        (const char *name, const char *text, gssize length, GtfJsonFlags flags, GError **error);
GTF_API JsonObject *gtf_json_parse_object (const char *name, const char *text, gssize length, GtfJsonFlags flags, GError **error);
/* A file of a repository, with Python's NaN and Infinity; it must hold an object. GTF_ERROR_NOT_FOUND where there is none. */
GTF_API JsonObject *gtf_json_load_object  (const char *path, GError **error);
/* (nullable): the member, or NULL where it is absent or null. Dots descend into objects: "text_config.hidden_size". */
GTF_API JsonNode   *gtf_json_find         (JsonObject *object, const char *path);
/* What a node is, for error messages: "a string", "an object", "3.5". (transfer full) */
GTF_API char       *gtf_json_describe     (JsonNode *node);

G_END_DECLS
