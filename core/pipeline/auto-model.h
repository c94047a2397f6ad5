/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which models of the Hub can be run here.
 */
#pragma once

#include <gio/gio.h>
#include "registry/registry.h"

G_BEGIN_DECLS

/* Whether one of @modules, as gtf_registry_list() has them, serves a model_type. None is opened. */
GTF_API gboolean gtf_modules_serve      (GPtrArray *modules, const char *model_type);
/* The most downloaded model of the Hub for a task, by its name in transformers, that can be run here. (transfer full) */
GTF_API char    *gtf_auto_model_for_task (const char *task, GCancellable *cancellable, GError **error);

G_END_DECLS
