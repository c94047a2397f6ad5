/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What decoders share: those that only some files need are modules of their own (gtf-decode-NAME.so), so that nobody else waits for their
 * libraries; and they seek.
 */
#pragma once

#include <glib.h>

/* The function @symbol of the module @file in one of the registry's folders, which then stays loaded; NULL if there is none. */
gpointer gtf_media_module_find (const char *file, const char *symbol);

/* A descriptor that can be sought in, or -1 with an error; "-" is standard input. Pipes are spooled. @what: "a sound file" */
int      gtf_media_open (const char *path, const char *what, GError **error);
