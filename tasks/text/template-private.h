/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* str.format () of Python with one argument: {}, {0}, {{ and }}. Its errors are ours. (transfer full) */
char *text_template_format (const char *format, const char *value, GError **error);

G_END_DECLS
