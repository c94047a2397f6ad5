/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* str.format () of Python with one argument: {}, {0}, {{ and }}. Its errors are ours. (transfer full) */
char *text_template_format (const char *format, const char *value, GError **error);

/* candidate_labels: a list, or one string that @split takes apart; at least one. @expected for messages. (transfer full) (element-type utf8) */
GPtrArray *text_template_labels (JsonObject *parameters, void (*split) (GPtrArray *labels, const char *string), const char *expected, GError **error);

G_END_DECLS
