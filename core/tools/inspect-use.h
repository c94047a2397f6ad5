/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * inspect: how a model is used at each door, and which files its repository has.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* {"command", "c", "python", "gstreamer" (where an element serves the task)}. @mask (nullable): the mask token. (transfer full) */
JsonObject *inspect_use   (const char *ref, const char *task, const char *mask);
/* [{"name", "size"}], by name, of the folder and those within. (transfer full) */
JsonArray  *inspect_files (const char *directory);

G_END_DECLS
