/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The micro-kernel of AMX: up to 32 rows of A times up to 2 panels, sums in four tile registers of 16 x 16. A tile of A is 16 rows of 16 words (pairs of
 * bfloat16 or quads of bytes), one of B is 16 rows of a panel as they are packed for vectors too: both types have one shape, and only the instruction
 * differs.
 *
 * Rows of A are padded to whole tiles, in memory and, where they are pairs, with zeros: what is multiplied with the zeros below the last
 * rows of B must be finite. Sums of rows that are not there are computed and thrown away. A row of A is one or more segments, at the same places in all rows:
 * windows of a picture are rows without being laid out (conv-amx.inc.c).
 */

#define AMX_ROWS GTF_TILE_ROWS
#define AMX_PANELS 2
#define AMX_STEP 16             /* words of A, rows of B in a tile */
#define AMX_TILE (AMX_STEP * GTF_PANEL)

typedef struct
{
  const float *a;
  gint64 lda;                   /* in words, as all of these */
  gint64 segments;              /* of each row of A ... */
  const gint64 *offsets;        /* ... and where they begin */
  const float *b;
  gint64 ldb, bps;              /* as in tile.inc.c */
  gint64 steps;                 /* of a segment: whole ones */
  const float *rest;            /* what is below them in B, filled up with zeros, a tile for each panel; NULL: nothing */
  const float *bias;            /* where the sums begin; NULL: at 0 */
  float *c;
  gint64 ldc;
  const char *ahead;            /* what is wanted next ... */
  gint64 fetches;               /* ... and how many lines of it are asked for at each step */
} AmxTile;

/* The offsets of rows that are one segment. */
static const gint64 amx_whole[] = { 0 };

typedef void (*AmxFunc) (const AmxTile *t);

/* The registers: 0 to 3 the sums, 4 and 5 of A, 6 and 7 of B, all of 16 rows of 64 bytes. They belong to the thread until amx_end (). */
static void
amx_begin (void)
{
  struct
  {
    guint8 palette, start, reserved[14];
    guint16 row_bytes[16];
    guint8 rows[16];
  } config = { .palette = 1 };

  for (int i = 0; i < 8; i++)
    {
      config.row_bytes[i] = AMX_STEP * 4;
      config.rows[i] = 16;
    }
  _tile_loadconfig (&config);
}

static void
amx_end (void)
{
  _tile_release ();
}

#define AMX_BODY(name, product)                                                                                                    \
  INLINE void amx_##name##_products (const int rows, const int panels, const float *a, gint64 lda, const float *b, gint64 ldb, const float *b1)    \
  {                                                                                                                                \
    _tile_loadd (6, b, (gsize) ldb * 4);                                                                                           \
    _tile_loadd (4, a, (gsize) lda * 4);                                                                                           \
    if (panels > 1)                                                                                                                \
      _tile_loadd (7, b1, (gsize) ldb * 4);                                                                                        \
    product (0, 4, 6);                                                                                                             \
    if (rows > 1)                                                                                                                  \
      _tile_loadd (5, a + 16 * lda, (gsize) lda * 4);                                                                              \
    if (panels > 1)                                                                                                                \
      product (1, 4, 7);                                                                                                           \
    if (rows > 1)                                                                                                                  \
      product (2, 5, 6);                                                                                                           \
    if (rows > 1 && panels > 1)                                                                                                    \
      product (3, 5, 7);                                                                                                           \
  }                                                                                                                                \
  INLINE void amx_##name##_body (const int rows, const int panels, const AmxTile *t)                                               \
  {                                                                                                                                \
    amx_begin_sums (rows, panels, t->bias);                                                                                        \
    const float *b = t->b;                                                                                                         \
    const char *ahead = t->ahead;                                                                                                  \
    for (gint64 i = 0; i < t->segments; i++)                                                                                       \
      for (gint64 s = 0; s < t->steps; s++, b += AMX_STEP * t->ldb)                                                                \
        {                                                                                                                          \
          amx_##name##_products (rows, panels, t->a + t->offsets[i] + s * AMX_STEP, t->lda, b, t->ldb, b + t->bps);                \
          for (gint64 j = 0; j < t->fetches; j++, ahead += 64)                                                                     \
            __builtin_prefetch (ahead, 0, 2);                                                                                      \
        }                                                                                                                          \
    if (t->rest != NULL)                                                                                                           \
      amx_##name##_products (rows, panels, t->a + t->steps * AMX_STEP, t->lda, t->rest, GTF_PANEL, t->rest + AMX_TILE);            \
    amx_store_sums (rows, panels, t->c, t->ldc);                                                                                   \
  }                                                                                                                                \
  static void amx_##name##_1_1 (const AmxTile *t) { amx_##name##_body (1, 1, t); }                                                 \
  static void amx_##name##_1_2 (const AmxTile *t) { amx_##name##_body (1, 2, t); }                                                 \
  static void amx_##name##_2_1 (const AmxTile *t) { amx_##name##_body (2, 1, t); }                                                 \
  static void amx_##name##_2_2 (const AmxTile *t) { amx_##name##_body (2, 2, t); }                                                 \
  static const AmxFunc amx_##name##_tiles[2][2] = { { amx_##name##_1_1, amx_##name##_1_2 }, { amx_##name##_2_1, amx_##name##_2_2 } };

/* What is wanted next is brought by all tiles of these rows, a few lines at each step: 32 at each step of the first tile would cost it a fifth of its time. */
static void
amx_fetch (AmxTile *t, const char *ahead, gint64 panels, gint64 rows)
{
  const gint64 tiles = (rows + AMX_ROWS - 1) / AMX_ROWS;

  t->ahead = ahead;
  t->fetches = (panels * AMX_STEP + tiles - 1) / tiles;
}

static void
amx_fetch_on (AmxTile *t)
{
  t->ahead += t->segments * t->steps * t->fetches * 64;
}

INLINE void
amx_begin_sums (const int rows, const int panels, const float *bias)
{
  static const float zeros[AMX_PANELS * GTF_PANEL];

  /* one row of numbers, 16 times */
  if (bias == NULL)
    bias = zeros;
  _tile_loadd (0, bias, 0);
  if (panels > 1)
    _tile_loadd (1, bias + GTF_PANEL, 0);
  if (rows > 1)
    _tile_loadd (2, bias, 0);
  if (rows > 1 && panels > 1)
    _tile_loadd (3, bias + GTF_PANEL, 0);
}

INLINE void
amx_store_sums (const int rows, const int panels, float *c, gint64 ldc)
{
  _tile_stored (0, c, (gsize) ldc * 4);
  if (panels > 1)
    _tile_stored (1, c + GTF_PANEL, (gsize) ldc * 4);
  if (rows > 1)
    _tile_stored (2, c + 16 * ldc, (gsize) ldc * 4);
  if (rows > 1 && panels > 1)
    _tile_stored (3, c + 16 * ldc + GTF_PANEL, (gsize) ldc * 4);
}

AMX_BODY (bf16, _tile_dpbf16ps)
AMX_BODY (i8, _tile_dpbusd)
