/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How the values of a config are read that are lists (config-lists.c).
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define GTF_CONFIG_OF_EACH ".*."        /* "a.*.b": the list of what stands under b in each object of the list a */
#define GTF_CONFIG_BY_NUMBER ".#."      /* "a.#.b": the same of an object a whose keys are numbers */

/* @key may have GTF_CONFIG_OF_EACH; @node is then the list before it. The string belongs to @lists. */
gboolean gtf_config_read_list     (GPtrArray *lists, JsonNode *node, const char *path, const char *key, const char **out, GError **error);
/* @keys has GTF_CONFIG_BY_NUMBER. TRUE without a string where there is no such object. */
gboolean gtf_config_read_numbered (GPtrArray *lists, JsonObject *object, const char *path, const char *keys, const char **out, GError **error);

G_END_DECLS
