/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What every header stands on: export and attribute macros.
 */
#pragma once

#include <glib.h>
#include <glib-object.h>

G_BEGIN_DECLS

/* Symbols are hidden by default (-fvisibility=hidden); what users, plugins and tasks may call is marked GTF_API. */
#define GTF_API __attribute__ ((visibility ("default"))) extern

G_END_DECLS
