/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The private table of kernels. Ops reach the machine only through it; one table for each instruction set, all built from
 * core/kernels/kernels.inc.c. Kernels are single-threaded: the ops cut the work into parts for the pool.
 */
#pragma once

#include "base/defs.h"
#include "tensor/dtype.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

#define GTF_PANEL 16            /* outputs in a panel of packed weights */
/* What tiles of AMX take at a time of a matrix in bfloat16. Rows are padded to whole tiles with zeros; there is memory for whole tiles of rows, whatever stands in it. */
#define GTF_TILE_ROWS 32
#define GTF_TILE_NUMBERS 32     /* of a row */

/* c = act (a w^T + bias) + residual, or, residual_first, act (a w^T + bias + residual). Weights lie in panels of 16 outputs, see core/tensor/weights-private.h. */
typedef struct
{
  GtfDtype type;                /* of the panels: F32, BF16, F16, I8 */
  gboolean narrow;              /* BF16, I8: rows of a are rounded to that type too; only where gtf_kernels_have () it */
  GtfActivation act;
  gint64 m, n, k;
  const float *a;
  gint64 lda;
  const void *w;
  gsize panel_bytes;
  const float *bias;            /* whole panels; NULL: none */
  const float *scale;           /* I8: one an output, whole panels */
  const gint32 *sums;           /* I8: sum of each output's weights, whole panels */
  const float *residual;        /* it may be c */
  gint64 ldr;
  float *c;
  gint64 ldc;
  gboolean residual_first;
  const guint16 *pairs;         /* BF16 and narrow: the rows of a in bfloat16 already, `lda` of them apart, zeros up to a multiple of 32 numbers; NULL: a.
                                   Whole tiles are read: there must be memory for a multiple of 32 rows, whatever stands in those past m */
  guint16 *halves;              /* BF16 and narrow, with no residual but a first one: where results go in bfloat16, `ldc` of them apart, instead of to c; NULL: c */
} GtfGemm;

/* One head of attention for some queries. */
typedef struct
{
  gint64 queries, keys, d, dv;
  const float *q;
  const void *k, *v;            /* float32, or bfloat16 */
  gint64 ldq, ldk, ldv;
  float scale;
  gint64 causal_past;           /* query t sees keys 0 .. causal_past + t; -1: all */
  const float *mask;            /* added to the scores; NULL: none */
  gint64 mask_row;              /* elements between the rows of the mask for two queries (0: one row for all) */
  float *weights;               /* NULL, or where the probabilities go: [queries][keys] */
  float *out;
  gint64 ldo;
  gboolean bf16_kv;             /* k and v are bfloat16; only without packed keys */
  gboolean narrow;              /* products in bfloat16; only with packed keys, without `weights`, where gtf_kernels_have () it */
} GtfHeadTask;

/* Windows of a convolution: y = act (window w^T + bias + residual). A window is a list of segments of k numbers, in the order of the weights. */
typedef struct
{
  gint64 rows, n, k, segments;  /* windows, outputs */
  const float *const *windows;  /* [segments][rows] */
  gint64 first;                 /* of the numbers that a window begins with, the one that counts */
  const float *w;               /* panels of float32 */
  const float *bias;            /* whole panels; NULL: none */
  GtfActivation act;
  const float *residual;        /* NULL: none */
  float *y;
  gint64 ldy;                   /* of y and the residual */
} GtfConv;

/* The same with stride 1 in bfloat16, of a picture with its margins around it. Windows are counted from the picture's first pixel on, `line` to a line; of those only the first
 * `inside` have a result. */
typedef struct
{
  const guint16 *x;             /* [lines][line][k], and 32 pixels more that are finite */
  gint64 line, inside, k;       /* channels: a multiple of 32 */
  gint64 segments;              /* pixels that a window sees ... */
  const gint64 *offsets;        /* ... and where, in pairs of numbers from its first one */
  gint64 n;                     /* outputs */
  const void *w;                /* panels of bfloat16 */
  gsize panel_bytes;
  const float *bias;            /* whole panels; NULL: none */
  GtfActivation act;
  const float *residual;        /* [lines][inside][n], as y, which it may be; NULL: none */
  float *y;
  guint16 *halves;              /* y in bfloat16; NULL: y */
} GtfTileConv;

/* A convolution that keeps channels apart, row by row of its windows. */
typedef struct
{
  gint64 channels, height, width, stride, dilation;
  gint64 n_cols;                /* columns of pixels that the windows of a row see */
  const float *taps, *bias;     /* [height][width][channels]; [channels], NULL: none */
  GtfActivation act;
} GtfTaps;

/* 4 x 4 results of Winograd's convolution. */
typedef struct
{
  gint64 stride, n;             /* floats between two points; outputs */
  const float *bias;            /* whole panels; NULL: none */
  GtfActivation act;
  gint64 rows, cols;            /* how many of the 4 x 4 there are */
  const float *residual;        /* NULL: none; it may be y */
  float *y;
  gint64 line, ldy;             /* floats between two lines and two pixels of y and the residual */
} GtfWinogradOut;

/* A sum of rows of n numbers, each with its weight. */
typedef struct
{
  gint64 n, n_rows;
  const float *weights;
  GtfActivation act;
} GtfMix;

#define GTF_PIXEL_RUN 32        /* rows of planes are worked on in so many bytes */
#define GTF_PIXEL_SLACK 32      /* bytes that may be read behind the last pixel of a row */

/* Resizing of a row of pixels across: each place is a sum of weighted pixels, from `first` on. Weights have `precision` bits behind the point; of the two kinds one is
 * NULL. `first` and the narrow weights go on for whole fours of places, which are written too. */
typedef struct
{
  gint64 n, taps;               /* places; weights of each: narrow, 2 or a multiple of 4 */
  const gint32 *first;
  const gint16 *narrow;         /* [n][taps] */
  const gint32 *wide;
  guint precision;
  gint pixel;                   /* bytes from one to the next: 3 or 4 */
  guint8 at[3];                 /* where in a pixel red, green and blue are */
  gint64 stride;                /* bytes from plane to plane */
} GtfAcross;

/* Resizing of rows of n bytes down, n a multiple of GTF_PIXEL_RUN. */
typedef struct
{
  gint64 n, taps;               /* bytes of a row; rows */
  const gint16 *narrow;         /* [taps]; of the two, one is NULL */
  const gint32 *wide;
  guint precision;
} GtfDown;

/* ((x scale - offset - mean) / std) / top */
typedef struct
{
  float scale, offset, mean, std, top;
} GtfLevels;

/* Where samples of chroma stand that two pixels of a row share. */
typedef enum
{
  GTF_CHROMA_REPEATED,          /* both have the same */
  GTF_CHROMA_LEFT,              /* at the first one */
  GTF_CHROMA_BETWEEN
} GtfChroma;

/* A row of video. */
typedef struct
{
  gint64 n;                     /* pixels */
  const guint8 *luma, *chroma[2][2];    /* U, V: the row nearest, and the one beyond it that has a quarter (the same: none has). U NULL: grey */
  gint64 luma_pixel, chroma_pixel;      /* bytes from sample to sample */
  gboolean halved;              /* two pixels share one sample of chroma */
  GtfChroma siting;
  gint16 factors[5];            /* in 1/256: of Y; of V in red; of U in blue; of U and V in green */
  guint8 *scratch;              /* 9 * room bytes */
  gint64 room;                  /* at least n + 2 */
} GtfYuvRow;

typedef struct
{
  const char *name;
  /* Rows m0 .. m1, panels p0 .. p1 of the product. */
  void (*gemm) (const GtfGemm *g, gint64 m0, gint64 m1, gint64 p0, gint64 p1);
  /* Queries q0 .. q1; `packed` as pack_head () makes it (NULL: keys and values are read as they lie, for few queries). */
  void (*attention) (const GtfHeadTask *t, const float *packed, gint64 q0, gint64 q1);
  gint64 (*pack_size) (const GtfHeadTask *t);                   /* in floats */
  void (*pack_head) (const GtfHeadTask *t, float *packed);
  void (*layer_norm) (const float *x, const float *w, const float *b, float eps, gint64 n, float *y);
  void (*rms_norm) (const float *x, const float *w, const float *b, float eps, gint64 n, float *y);
  void (*softmax) (const float *x, gint64 n, float *y);
  void (*log_softmax) (const float *x, gint64 n, float *y);
  void (*activate) (GtfActivation act, const float *x, gint64 n, float *y);
  void (*add) (const float *a, const float *b, gint64 n, float *y);
  void (*scale) (const float *x, float factor, gint64 n, float *y);
  void (*multiply) (const float *a, const float *b, gint64 n, float *y);
  /* Rotary embedding of the first 2 half features of one head, those of a pair half apart. */
  void (*rotate) (const float *x, const float *cosines, const float *sines, gint64 half, float *y);
  /* to float32, from F32, F16, BF16 */
  void (*widen) (GtfDtype type, const void *x, gint64 n, float *y);
  void (*to_bf16) (const float *x, gint64 n, guint16 *y);
  void (*conv) (const GtfConv *t, gint64 p0, gint64 p1);        /* all rows, panels p0 .. p1 */
  /* Windows first .. end, panels p0 .. p1. NULL: this CPU has no tiles. With them products of bfloat16 are many times as fast as those of float32. */
  void (*conv_tiles) (const GtfTileConv *t, gint64 first, gint64 end, gint64 p0, gint64 p1);
  /* n windows side by side, [n][channels]; cols [height][n_cols] are the pixels that they see, from the first column of the first window on. */
  void (*taps) (const GtfTaps *t, const float *const *cols, gint64 n, const float *residual, float *y);
  /* 6 x 6 pixels of n channels (a multiple of 16) -> 36 rows, `stride` apart; and back to 4 x 4. */
  void (*winograd_in) (const float *const *pixels, gint64 n, float *v, gint64 stride);
  void (*winograd_out) (const GtfWinogradOut *t, const float *m);
  void (*maximum) (const float *a, const float *b, gint64 n, float *y);
  void (*mix) (const GtfMix *t, const float *const *rows, const float *residual, float *y);  /* residual NULL: none; it may be y */
  void (*across) (const GtfAcross *t, const guint8 *row, guint8 *planes);
  void (*down) (const GtfDown *t, const guint8 *const *rows, guint8 *out);
  void (*levels) (const GtfLevels *t, const guint8 *x, gint64 n, float *y);
  void (*yuv_row) (const GtfYuvRow *t, guint8 *rgbx);           /* 4 bytes a pixel */
} GtfKernels;

GTF_API const GtfKernels *gtf_kernels_get (void);           /* of this CPU, or what GTF_ISA forces */
const GtfKernels *gtf_kernels_for    (const char *isa);     /* NULL: unknown or not on this CPU */
/* Whether these kernels multiply this type (BF16, I8) by instructions for it, here; and whether that is faster than products of
 * float32. */
gboolean          gtf_kernels_have        (const GtfKernels *k, GtfDtype type);
gboolean          gtf_kernels_are_fast_in (const GtfKernels *k, GtfDtype type);

extern const GtfKernels gtf_kernels_generic, gtf_kernels_avx2, gtf_kernels_avx512, gtf_kernels_amx;

G_END_DECLS
