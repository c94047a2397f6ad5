/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tensor/tensor.h"

G_BEGIN_DECLS

/**
 * GtfContext:
 *
 * What one forward pass works with: a stack arena for temporaries, the thread pool, the kernels of this CPU, the named
 * inputs and outputs, and a sticky error. Once an op has failed, each later op returns at once (a harmless tensor or
 * %NULL, which ops accept), so forward code has no ladders of ifs; the session turns the error into a #GError.
 */
typedef struct _GtfContext GtfContext;

GTF_API gsize      gtf_push   (GtfContext *c);                /* a mark in the arena */
GTF_API void       gtf_pop    (GtfContext *c, gsize mark);    /* frees all temporaries since the mark */
/* The result of a layer survives the pop of its temporaries: x = gtf_pop_keep (c, mark, x). */
GTF_API GtfTensor *gtf_pop_keep (GtfContext *c, gsize mark, GtfTensor *x);

GTF_API gboolean   gtf_failed (const GtfContext *c);
GTF_API void       gtf_fail   (GtfContext *c, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Named inputs and outputs of the running call. An input that is absent is NULL (optional) or a sticky error (required). */
GTF_API const GtfTensor *gtf_input          (GtfContext *c, const char *name);
GTF_API const GtfTensor *gtf_input_optional (GtfContext *c, const char *name);
GTF_API gboolean         gtf_wants          (GtfContext *c, const char *output);
GTF_API void             gtf_output         (GtfContext *c, const char *name, const GtfTensor *tensor);

G_END_DECLS
