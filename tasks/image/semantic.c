/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A class for each pixel, from planes that are classes or from the masks of queries and what these vote for. Rows of the picture are made one after the
 * other, of the few rows of masks that they need. Where a picture came in tiles, their answers are put together here.
 */
#include "image/segments-private.h"

#include <math.h>
#include <string.h>

typedef struct
{
  const Masks *masks;
  float *votes;                 /* NULL: planes are classes */
  gsize n_classes;              /* that are answered */
  gsize height, width;          /* of the masks, of all tiles together */
  Taps down, across;            /* from the masks to the picture */
  float *rows;                  /* [down.most][n_classes][width]: the rows of which the one that is made consists; row y at y % most */
  gsize n_rows;                 /* rows made so far */
  float *blend, *mask, *scratch, *out;          /* [n_classes][width], [width], [plane_width], [n_classes][width of the picture] */
  float *tile;                  /* [n_classes][width of a tile]; NULL: there are none */
} Semantic;

static void
semantic_clear (Semantic *self)
{
  taps_clear (&self->down);
  taps_clear (&self->across);
  g_free (self->votes);
  g_free (self->rows);
  g_free (self->blend);
  g_free (self->mask);
  g_free (self->scratch);
  g_free (self->out);
  g_free (self->tile);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Semantic, semantic_clear)

static gboolean
semantic_init (Semantic *self, const SegmentMap *map, const Masks *masks, const SegmentRules *rules, GError **error)
{
  const TapsKind kind = rules->how & GTF_SEGMENTATION_ANTIALIAS ? TAPS_SMOOTH : TAPS_LINEAR;
  const gboolean all = masks->classes == NULL || rules->how & GTF_SEGMENTATION_ALL_CLASSES;

  self->masks = masks;
  self->n_classes = (masks->classes ? masks->n_classes : masks->n_planes) - (all ? 0 : 1);
  self->height = masks->height + (masks->n_tiles && masks->is_tall ? masks->firsts[masks->n_tiles - 1] : 0);
  self->width = masks->width + (masks->n_tiles && !masks->is_tall ? masks->firsts[masks->n_tiles - 1] : 0);
  if (!taps_init (&self->down, self->height, map->height, kind, error) || !taps_init (&self->across, self->width, map->width, kind, error))
    return FALSE;
  self->votes = masks->classes ? segments_vote (masks) : NULL;
  self->rows = g_try_new (float, self->down.most * self->n_classes * self->width);
  self->blend = g_try_new (float, self->n_classes * self->width);
  self->mask = g_try_new (float, masks->width);
  self->tile = masks->n_tiles ? g_try_new (float, self->n_classes * masks->width) : NULL;
  self->scratch = g_try_new (float, masks->plane_width);
  self->out = g_try_new (float, self->n_classes * map->width);
  return (self->rows && self->blend && self->mask && self->scratch && self->out && (self->votes || !masks->classes) && (self->tile || !masks->n_tiles)) ||
         segments_no_memory (map->width, map->height, error);
}

/* Row @y of all classes in a tile: what its masks say, weighed by the votes of their queries. */
static void
make_tile_row (Semantic *self, gsize tile, gsize y, float *to)
{
  const Masks *masks = self->masks;
  const gsize width = masks->width;

  for (gsize c = 0; self->votes == NULL && c < self->n_classes; c++)
    masks_row (masks, tile * masks->n_planes + c, y, to + c * width, self->scratch);
  if (self->votes == NULL)
    return;
  memset (to, 0, self->n_classes * width * sizeof (float));
  for (gsize q = tile * masks->n_planes; q < (tile + 1) * masks->n_planes; q++)
    {
      masks_row (masks, q, y, self->mask, self->scratch);
      for (gsize x = 0; x < width; x++)
        self->mask[x] = segments_sigmoid (self->mask[x]);
      for (gsize c = 0; c < self->n_classes; c++)
        {
          const float weight = self->votes[q * masks->n_classes + c];
          float *row = to + c * width;

          for (gsize x = 0; x < width; x++)
            row[x] += weight * self->mask[x];
        }
    }
}

/* What a tile says of row @y is added to what others say of the same pixels. FALSE: it does not reach there. */
static gboolean
add_tile (Semantic *self, gsize tile, gsize y, float *to)
{
  const Masks *masks = self->masks;
  const gsize first = masks->firsts[tile], left = masks->is_tall ? 0 : first, top = masks->is_tall ? first : 0;

  if (y < top || y >= top + masks->height)
    return FALSE;
  make_tile_row (self, tile, y - top, self->tile);
  for (gsize c = 0; c < self->n_classes; c++)
    for (gsize x = 0; x < masks->width; x++)
      to[c * self->width + left + x] += self->tile[c * masks->width + x];
  return TRUE;
}

/* Row @y of all classes; where tiles lie over each other it is their mean. */
static void
make_row (Semantic *self, gsize y, float *to)
{
  const Masks *masks = self->masks;
  gsize n = 0;

  if (masks->n_tiles == 0)
    {
      make_tile_row (self, 0, y, to);
      return;
    }
  memset (to, 0, self->n_classes * self->width * sizeof (float));
  for (gsize tile = 0; tile < masks->n_tiles; tile++)
    n += add_tile (self, tile, y, to);
  for (gsize x = 0; x < self->width; x++)
    {
      gsize n_here = masks->is_tall ? n : 0;

      for (gsize tile = 0; !masks->is_tall && tile < masks->n_tiles; tile++)
        n_here += x >= masks->firsts[tile] && x < masks->firsts[tile] + masks->width;
      for (gsize c = 0; n_here > 1 && c < self->n_classes; c++)
        to[c * self->width + x] /= (float) n_here;
    }
}

/* Row @y of the picture, [n_classes][width of the picture] in self->out. */
static void
make_picture_row (Semantic *self, gsize y)
{
  const gsize n = self->n_classes * self->width, most = self->down.most;
  const guint first = self->down.firsts[y], count = self->down.counts[y];

  for (self->n_rows = MAX (self->n_rows, first); self->n_rows < first + count; self->n_rows++)
    make_row (self, self->n_rows, self->rows + self->n_rows % most * n);
  memset (self->blend, 0, n * sizeof (float));
  for (guint j = 0; j < count; j++)
    {
      const float *row = self->rows + (first + j) % most * n, weight = self->down.weights[y * most + j];

      for (gsize i = 0; i < n; i++)
        self->blend[i] += weight * row[i];
    }
  for (gsize c = 0; c < self->n_classes; c++)
    taps_row (&self->across, self->blend + c * self->width, self->out + c * self->across.n);
}

/* The map holds classes, plus 1: they become indices of the segments that there are. */
static void
number_classes (SegmentMap *map, guint32 *index_of, gsize n_classes)
{
  const gsize n = map->width * map->height;

  for (gsize i = 0; i < n; i++)
    index_of[map->map[i] - 1] = 1;
  for (gsize c = 0; c < n_classes; c++)
    if (index_of[c])
      {
        g_array_append_val (map->segments, ((Segment){ c, NAN }));
        index_of[c] = map->segments->len;
      }
  for (gsize i = 0; i < n; i++)
    map->map[i] = index_of[map->map[i] - 1];
}

gboolean
segments_semantic (SegmentMap *map, const Masks *masks, const SegmentRules *rules, GError **error)
{
  g_auto (Semantic) s = { 0 };
  g_autofree guint32 *index_of = NULL;

  if (!semantic_init (&s, map, masks, rules, error))
    return FALSE;
  index_of = g_try_new0 (guint32, s.n_classes);
  if (index_of == NULL)
    return segments_no_memory (map->width, map->height, error);
  for (gsize y = 0; y < map->height; y++)
    {
      guint32 *to = map->map + y * map->width;

      make_picture_row (&s, y);
      for (gsize x = 0; x < map->width; x++)
        {
          gsize best = 0;

          for (gsize c = 1; c < s.n_classes; c++)
            if (s.out[c * map->width + x] > s.out[best * map->width + x])
              best = c;
          to[x] = (guint32) best + 1;
        }
    }
  number_classes (map, index_of, s.n_classes);
  return TRUE;
}
