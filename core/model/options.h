/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loading options of a model: {"dtype": ..., "threads": ..., "task": ..., "adapter": ...}.
 */
#pragma once

#include "base/error.h"
#include "tensor/dtype.h"

G_BEGIN_DECLS

typedef struct
{
  GtfDtype dtype;       /* F32, BF16, F16, I8; INVALID: as stored ("auto") */
  gint64 threads;       /* 0: as GTF_THREADS or the machine has it */
  char *task;           /* (nullable): what the model is for */
  char *adapter;        /* (nullable): its folder */
} GtfModelOptions;

/* @json may be NULL. Members that concern others (revision) are passed over. Nothing has to be cleared after an error. */
gboolean    gtf_model_options_parse (const char *json, GtfModelOptions *options, GError **error);
void        gtf_model_options_clear (GtfModelOptions *options);
/* "float32" for F32 ...: the names that "dtype" may have */
const char *gtf_compute_dtype_name  (GtfDtype dtype);
/* INVALID: no such name. "auto" is INVALID too, but TRUE is returned. */
gboolean    gtf_compute_dtype_parse (const char *name, GtfDtype *dtype, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfModelOptions, gtf_model_options_clear)

G_END_DECLS
