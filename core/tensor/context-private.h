/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a context: for the session and the ops. Ops begin with gtf_op_begin () and take results by gtf_new_tensor ().
 */
#pragma once

#include <gio/gio.h>

#include "base/pool.h"
#include "kernels/kernels.h"
#include "tensor/context.h"
#include "tensor/tensor-private.h"

G_BEGIN_DECLS

/* A piece of the arena. Marks count through all blocks: `base` is the mark of a block's first byte. */
typedef struct
{
  char *data;
  gsize base, size;
} GtfArenaBlock;

struct _GtfContext
{
  GtfPool *pool;
  const GtfKernels *kernels;
  GArray *blocks;               /* GtfArenaBlock */
  guint current;                /* the block that is being filled */
  gsize top;                    /* mark of the first free byte */
  gsize floor;                  /* below it lie outputs: kept until the next reset */
  gsize peak;
  gboolean narrow;              /* products of activations may be rounded to bfloat16 */
  const char *op;               /* the running op, for messages */
  GError *error;                /* sticky */
  GCancellable *cancellable;
  GPtrArray *input_names, *inputs, *output_names, *outputs, *wanted;    /* names are owned copies */
};

/* ---- for the owner of a context (core/model/session.c) ---------------------------------------------------------- */

GtfContext *gtf_context_new             (GtfPool *pool);    /* NULL: the default pool */
void        gtf_context_free            (GtfContext *c);
/* Before a call: forgets outputs, the sticky error and all temporaries; memory, inputs and wishes stay. */
void        gtf_context_reset           (GtfContext *c);
/* What the model computes in: with BF16 (and I8) attention is computed in bfloat16 too, where the CPU can. */
void        gtf_context_set_dtype       (GtfContext *c, GtfDtype dtype);
void        gtf_context_set_cancellable (GtfContext *c, GCancellable *cancellable);
/* A borrowed tensor; NULL removes the input. */
void        gtf_context_set_input       (GtfContext *c, const char *name, const GtfTensor *tensor);
void        gtf_context_clear_inputs    (GtfContext *c);
void        gtf_context_want            (GtfContext *c, const char *name);
void        gtf_context_clear_wanted    (GtfContext *c);
const GtfTensor *gtf_context_get_output (GtfContext *c, const char *name);
/* All outputs of the last call, for those who copy them. */
guint       gtf_context_get_n_outputs   (GtfContext *c);
const GtfTensor *gtf_context_get_nth_output (GtfContext *c, guint n, const char **name);
/* Moves the sticky error to *error. TRUE: there was none. */
gboolean    gtf_context_take_error      (GtfContext *c, GError **error);
gsize       gtf_context_get_arena_size  (const GtfContext *c);
/* As gtf_fail (), with a code of its own. */
void        gtf_fail_code (GtfContext *c, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* ---- for ops ---------------------------------------------------------------------------------------------------------- */

/* Each op's first call: FALSE if an op failed before, the call was cancelled, or one of the n float32 inputs is missing. */
gboolean    gtf_op_begin     (GtfContext *c, const char *op, guint n_inputs, ...);
/* 64-byte aligned, not zeroed; NULL after setting the error. */
gpointer    gtf_arena_alloc  (GtfContext *c, gsize n_bytes);
GtfTensor  *gtf_new_tensor   (GtfContext *c, GtfDtype dtype, guint n_dims, const gint64 *shape);
/* As x, with another last dimension. */
GtfTensor  *gtf_new_like     (GtfContext *c, const GtfTensor *x, gint64 cols);
/* A view: a copy of the struct of x only. */
GtfTensor  *gtf_new_view     (GtfContext *c, const GtfTensor *x);
/* x itself if its rows are the same distance apart, else a packed copy; packed: as x only if no gaps. */
const GtfTensor *gtf_uniform (GtfContext *c, const GtfTensor *x);
const GtfTensor *gtf_packed  (GtfContext *c, const GtfTensor *x);
/* The sticky error of two inputs that do not fit, with both shapes. */
void        gtf_fail_shapes  (GtfContext *c, const GtfTensor *a, const GtfTensor *b, const char *what);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfContext, gtf_context_free)

G_END_DECLS
