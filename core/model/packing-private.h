/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What packs the weights of a plan, for packing.c and the kinds of weights that have a file of their own.
 */
#pragma once

#include "model/binding.h"

G_BEGIN_DECLS

typedef struct
{
  const GtfSafetensors *files;
  GtfDtype dtype;               /* computed with */
  GtfWeightStore *store;
  GtfPool *pool;
  GCancellable *cancellable;
  char *scratch;                /* for what is small and read one after the other */
  gsize scratch_size;
  GHashTable *linears;          /* GtfStoredTensor of a whole weight -> GtfLinear */
  GArray *chunks;               /* Chunk, of packing.c */
  guint first_chunk;            /* of the running job */
  GMutex mutex;                 /* guards what follows */
  GPtrArray *buffers;           /* of a chunk, not in use */
  GError *error;
} GtfPacker;

/* At least @size bytes of scratch. */
gboolean      gtf_packer_need_scratch (GtfPacker *p, gsize size, GError **error);
gboolean      gtf_packer_read_bytes   (GtfPacker *p, const GtfStoredTensor *t, gsize offset, gsize length, gpointer to, GError **error);
/* The whole tensor in the scratch. NULL after the error. */
gconstpointer gtf_packer_read_whole   (GtfPacker *p, const GtfStoredTensor *t, GError **error);

/* packing-conv.c: each gives the packed weight, which lies in the store; NULL after the error. */
gpointer gtf_pack_batch_norm (GtfPacker *p, const GtfBoundWeight *b, GError **error);
/* A convolution, or a linear layer with a batch normalisation: one of 1 x 1 pixels. */
gpointer gtf_pack_conv2d     (GtfPacker *p, const GtfBoundWeight *b, GError **error);
gpointer gtf_pack_conv1d     (GtfPacker *p, const GtfBoundWeight *b, GError **error);

G_END_DECLS
