/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same work on several things at once, on threads that mostly wait for a network.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"

G_BEGIN_DECLS

/* Works on number @index. @stop is cancelled by the caller's cancellable or by the first error. */
typedef gboolean (*GtfHubEachFunc) (guint index, gpointer data, GCancellable *stop, GError **error);

/* Calls @func for 0 ... @n - 1 on at most @workers threads, the caller's among them. FALSE with the first error. */
gboolean gtf_hub_each (guint n, guint workers, GtfHubEachFunc func, gpointer data, GCancellable *cancellable, GError **error);

G_END_DECLS
