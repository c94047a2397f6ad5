/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>
#include "base/defs.h"

G_BEGIN_DECLS

#define GTF_TYPE_RESULT (gtf_result_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfResult, gtf_result, GTF, RESULT, GObject)

GTF_API const char *gtf_result_get_text (GtfResult *self);     /* (nullable) */
GTF_API const char *gtf_result_to_json  (GtfResult *self);     /* the JSON of the contract */

G_END_DECLS
