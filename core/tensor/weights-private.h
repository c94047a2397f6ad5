/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights as the ops want them, and how the binder makes them. All weights of a model live in one GtfWeightStore (huge
 * pages, freed at once). The binder makes an empty weight of its size, then puts the parts in: a part is a matrix of any
 * dtype as it lies in the mapped file, and it is converted and packed block by block; no full float32 copy ever exists. A
 * fused weight (q, k, v in one product) gets its parts at row offsets.
 *
 *   GtfLinear *w = gtf_linear_new (store, GTF_DTYPE_F32, 3 * d, d, TRUE, &error);
 *   gtf_linear_put (w, 0, d, &q);  gtf_linear_put (w, d, d, &k);  gtf_linear_put (w, 2 * d, d, &v);
 *   gtf_linear_put_bias (w, 0, d, GTF_DTYPE_F32, q_bias);  ...      rows without a put are 0
 *
 * Layout of the panels: 16 outputs lie side by side, [out / 16][in / g][16][g], where g is the granule of the type: 1 for F32
 * and F16, 2 for BF16, 4 for I8 (with one scale an output). One layout serves every instruction set and every tile.
 */
#pragma once

#include "base/pool.h"
#include "kernels/kernels.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

typedef struct _GtfWeightStore GtfWeightStore;

struct _GtfLinear
{
  GtfDtype type;                /* of the panels: F32, BF16, F16, I8 */
  gint64 out, in;
  gsize panel_bytes;
  void *panels;
  float *bias;                  /* whole panels; NULL: none */
  float *scale;                 /* I8 */
  gint32 *sums;                 /* I8 */
};

struct _GtfNorm
{
  gint64 n;
  float *weight, *bias;         /* bias may be NULL */
};

struct _GtfEmbedding
{
  gint64 n, d;
  GtfDtype dtype;               /* of the rows */
  const void *rows;             /* NULL: the rows of `linear` */
  const GtfLinear *linear;
};

/* A convolution is a product with windows: x is [time][in], so a window of `kernel` steps is contiguous. */
struct _GtfConv1d
{
  gint64 out, in, kernel;
  GtfLinear *linear;            /* [out][kernel * in] */
};

typedef struct _GtfWinograd GtfWinograd;        /* tensor/winograd.c */

/* A convolution over pictures is a product with windows [height][width][in], which are runs of pixels. Groups are multiplied by themselves, small
 * ones several together (zeros where an output does not see an input): `n_blocks` of equal size. Where each output sees one channel alone
 * there are only factors. A transposed one is a product of each pixel, [height][width][out] x [in]. */
struct _GtfConv2d
{
  gint64 out, in;               /* channels */
  gint64 height, width, groups;
  gboolean transposed;
  gint64 n_blocks;
  GtfLinear **blocks;           /* [out / n_blocks][height * width * in / n_blocks], with the bias */
  float *taps;                  /* depthwise: [height][width][out] */
  float *bias;                  /* of taps and of what is transposed; NULL: none */
  GtfWinograd *winograd;        /* NULL: not one for it */
};

/* What a batch normalisation does to one output: x scale + shift. */
typedef struct
{
  float *scale, *shift;
} GtfFold;

/* A convolution of 1 x 1 pixels, [out][in] as it lies in a file, that becomes part of the middle of another's windows. */
typedef struct
{
  GtfDtype dtype;
  gconstpointer raw;
  GtfFold fold;                 /* of the shift, whoever puts the bias takes care */
} GtfConvBranch;

/* A matrix as it lies in a file: [rows][cols] row-major, or, transposed, [cols][rows]. It need not be aligned. */
typedef struct
{
  GtfDtype dtype;
  gconstpointer data;
  gboolean transposed;
} GtfRawMatrix;

GtfWeightStore *gtf_weight_store_new      (void);
void            gtf_weight_store_free     (GtfWeightStore *self);
/* 64-byte aligned, zeroed, freed with the store. NULL with the error set. */
gpointer        gtf_weight_store_alloc    (GtfWeightStore *self, gsize size, GError **error);

/* The type that panels get when a model computes in `dtype`: what this CPU can do best without losing what was asked for. */
GtfDtype   gtf_linear_type (GtfDtype dtype);
GtfLinear *gtf_linear_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gboolean bias, GError **error);
/* Outputs first .. first + n. Works on the thread that calls: loading packs many pieces side by side (model/packing.c). */
void       gtf_linear_put (GtfLinear *self, gint64 first, gint64 n, const GtfRawMatrix *raw);
void       gtf_linear_put_bias (GtfLinear *self, gint64 first, gint64 n, GtfDtype dtype, gconstpointer data);
/* One output's weights as float32 (as they were packed). */
void       gtf_linear_get_row (const GtfLinear *self, gint64 row, float *dst);

/* bias == NULL: none */
GtfNorm      *gtf_norm_new (GtfWeightStore *store, gint64 n, GtfDtype dtype, gconstpointer weight, GtfDtype bias_dtype, gconstpointer bias, GError **error);
/* A copy of the rows in their own dtype (F32, F16, BF16), else as float32. */
GtfEmbedding *gtf_embedding_new (GtfWeightStore *store, gint64 n, gint64 d, GtfDtype dtype, gconstpointer rows, GError **error);
/* The embedding that shares its table with a projection: rows are read out of the panels, nothing is stored twice. */
GtfEmbedding *gtf_embedding_new_tied (GtfWeightStore *store, const GtfLinear *linear, GError **error);
/* raw: [out][in][kernel] */
GtfConv1d    *gtf_conv1d_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gint64 kernel, gboolean bias, GError **error);
void          gtf_conv1d_put (GtfConv1d *self, GtfPool *pool, GtfDtype dtype, gconstpointer raw);
void          gtf_conv1d_put_bias (GtfConv1d *self, GtfDtype dtype, gconstpointer data);
/* raw: [out][in / groups][height][width], or, transposed, [in][out][height][width]; groups divides in and out. */
GtfConv2d    *gtf_conv2d_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gint64 height, gint64 width, gint64 groups, gboolean transposed,
                              gboolean bias, GError **error);
/* Both with what follows folded in, if @fold is not NULL. @branch NULL: none; one only without groups. @bias NULL: 0, and where there is no fold either, none. @eps at least 0: the weights of
 * each output are standardised, with it added to their variance; only without groups, and of what is not transposed. FALSE: no memory. */
gboolean      gtf_conv2d_put (GtfConv2d *self, GtfPool *pool, GtfDtype dtype, gconstpointer raw, const GtfFold *fold, const GtfConvBranch *branch, double eps,
                              GError **error);
void          gtf_conv2d_put_bias (GtfConv2d *self, GtfDtype dtype, gconstpointer bias, const GtfFold *fold);
/* GTF_WEIGHT_TENSOR: float32, in the store. */
GtfTensor    *gtf_weight_tensor_new (GtfWeightStore *store, guint n_dims, const gint64 *shape, GtfDtype dtype, gconstpointer raw, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfWeightStore, gtf_weight_store_free)

G_END_DECLS
