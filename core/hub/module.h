/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of core/hub that bring a library which most commands do not need are modules of their own, opened with their first use: http-soup.c (libsoup) and
 * card-yaml.c (libyaml).
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

/* What a module gives out begins with this number. */
typedef guint GtfHubModuleAbi;

/**
 * gtf_hub_module_open:
 * @name: "gtf-http-soup.so"
 * @symbol: a function of it, without arguments, that returns a table
 * @abi: that the table must have
 * @why: (out): where there is no such module, "is not installed" or what is wrong with it
 *
 * Returns: (nullable): the table, which stays
 */
gconstpointer gtf_hub_module_open (const char *name, const char *symbol, GtfHubModuleAbi abi, char **why);

G_END_DECLS
