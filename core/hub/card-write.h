/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Metadata of cards as lines of YAML.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A line for each member, each behind @indent blanks and with @newline at its end; lists and objects in lines below. (transfer full) */
char *gtf_hub_card_write (JsonObject *metadata, guint indent, const char *newline);

G_END_DECLS
