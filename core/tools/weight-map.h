/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tensors of some weights, summed up and grouped by layer, for inspect.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "model/safetensors.h"

G_BEGIN_DECLS

/* What weights hold: tensors, parameters by type, bytes, files, memory for each type to compute in; with @tree each tensor as "tree". (transfer full) */
JsonObject *weight_map_new  (const GtfSafetensors *weights, gboolean tree);
/* Lines of a summary; with a tree, the tree. */
void        weight_map_text (JsonObject *map, GString *out);
void        weight_map_html (JsonObject *map, GString *out);
void        weight_map_html_escape (GString *out, const char *text);
/* "6.7 kB", whatever the locale. (transfer full) */
char       *weight_map_size (gint64 bytes);

G_END_DECLS
