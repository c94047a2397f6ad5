/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The names that a weight may have in a file: alternatives, prefixes, layers, the parts of a fused weight.
 */
#pragma once

#include "model/safetensors.h"

G_BEGIN_DECLS

/* "a|b" inside each of "x|y": x.a, x.b, y.a, y.b, with @layer for %d in the outer names. NULL @outer: just a, b. (transfer full) */
char **gtf_weight_names_join   (char **outer, const char *names, gint64 layer);
/* Each name as it is, with the prefix and without it: for the base model the one with it comes first. @prefix may be NULL, or several between '|'. (transfer full) */
char **gtf_weight_names_prefix (char **names, const char *prefix, gboolean prefix_first);
/* "self_attn.{q,k,v}_proj" -> three names; a name without braces -> itself. (transfer full) */
char **gtf_weight_name_parts   (const char *name);
/* How many layers a file has of a group with these names, a %d in each. */
gint64 gtf_weight_names_count_layers (char **names, const GtfSafetensors *files);
/* Whether the tensor's name matches one of the patterns, '|' between them, '*' and '?' as in file names. */
gboolean gtf_weight_name_matches (const char *patterns, const char *name);

G_END_DECLS
