/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The binder: brings the tensors of a repository into the weights struct of an architecture, as its tables say.
 *
 * It works in two steps. The plan walks the tables, finds each weight's tensors under any of their names, checks shape and type, and
 * collects everything that is wrong into one error; no data are read. Then the plan is packed, block by block, on all cores.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "base/pool.h"
#include "model/safetensors.h"
#include "registry/plugin.h"
#include "tensor/weights-private.h"

G_BEGIN_DECLS

/* The tensors of one part of a weight. */
typedef struct
{
  const GtfStoredTensor *weight;
  const GtfStoredTensor *bias;      /* NULL: none */
  const GtfStoredTensor *gain;      /* of a weight that is normalised (torch's weight_norm): what its parts are long; NULL: it is not */
  gint64 out;                       /* how many outputs it gives; 1st dimension of what it is bound to */
} GtfBoundPart;

typedef struct _GtfBoundWeight GtfBoundWeight;

/* One weight of the struct. */
struct _GtfBoundWeight
{
  const GtfWeight *weight;
  gpointer *field;                  /* in the weights struct; points to a const pointer of the weight's type */
  guint n_parts;
  GtfBoundPart *parts;              /* n_parts 0: an optional weight that is absent */
  gint64 dims[4];
  guint n_dims;
  const GtfStoredTensor *norm[4];   /* weight, bias, running mean and variance of the batch normalisation that is part of it; NULL: none */
  double eps;                       /* of that, or of weights that are standardised */
  GtfBoundWeight *branch;           /* NULL: none */
};

typedef struct _GtfBinding GtfBinding;

/**
 * gtf_binding_new:
 * @where: for messages: the architecture's class
 * @config: the filled config struct
 * @weights: the weights struct, zeroed; arrays of groups are allocated from @store
 *
 * Makes the plan. One error lists all that is missing or misshapen; tensors that nothing asks for are told by g_message.
 */
GtfBinding *gtf_binding_new   (const GtfSafetensors *files, const char *where, const GtfArchitecture *architecture, const GtfHead *head,
                               gconstpointer config, gpointer weights, GtfWeightStore *store, GError **error);
void        gtf_binding_free  (GtfBinding *self);
guint       gtf_binding_get_n (const GtfBinding *self);
const GtfBoundWeight *gtf_binding_get (const GtfBinding *self, guint index);

/* Reads and packs everything of the plan for computing in @dtype (F32, BF16, F16, I8), and sets the fields. */
gboolean    gtf_binding_pack  (GtfBinding *self, const GtfSafetensors *files, GtfDtype dtype, GtfWeightStore *store, GtfPool *pool,
                               GCancellable *cancellable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfBinding, gtf_binding_free)

G_END_DECLS
