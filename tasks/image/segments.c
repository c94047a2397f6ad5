/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The segments of a picture from the masks of queries and the classes that these queries vote for: MaskFormer (Cheng et al., "Per-Pixel
 * Classification is Not All You Need for Semantic Segmentation", 2021), and as the image processors of its successors and of DETR have it.
 *
 * Masks are gone through plane by plane, row by row, so that only one number for each pixel of the picture is kept, however many queries there are.
 */
#include "image/segments-private.h"

#include <math.h>
#include <string.h>

gboolean
segments_no_memory (gsize width, gsize height, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for the segments of a picture of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " pixels", width, height);
  return FALSE;
}

gboolean
segment_map_init (SegmentMap *self, gsize width, gsize height, GError **error)
{
  *self = (SegmentMap) { .width = width, .height = height, .map = g_try_new0 (guint32, width * height), .segments = g_array_new (FALSE, FALSE, sizeof (Segment)) };
  return self->map != NULL || segments_no_memory (width, height, error);
}

void
segment_map_clear (SegmentMap *self)
{
  g_clear_pointer (&self->map, g_free);
  g_clear_pointer (&self->segments, g_array_unref);
}

/* As round (x, 6) of Python. */
static double
rounded (double x)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE + 64];

  return isfinite (x) ? g_ascii_strtod (g_ascii_formatd (digits, sizeof digits, "%.6f", x), NULL) : x;
}

/* [n_planes][n_classes] of probabilities, for each tile. */
float *
segments_vote (const Masks *masks)
{
  const gsize n = masks->n_classes, n_queries = masks->n_planes * MAX (masks->n_tiles, 1);
  float *votes = g_try_new (float, n_queries * n);

  for (gsize q = 0; votes && q < n_queries; q++)
    {
      const float *x = masks->classes + q * n;
      float *y = votes + q * n, highest = x[0], sum = 0;

      for (gsize i = 1; i < n; i++)
        highest = fmaxf (highest, x[i]);
      for (gsize i = 0; i < n; i++)
        sum += y[i] = expf (x[i] - highest);
      for (gsize i = 0; i < n; i++)
        y[i] /= sum;
    }
  return votes;
}

/* ---- objects ---------------------------------------------------------------------------------------------------------------- */

/* A query with the class that it stands for. */
typedef struct
{
  gsize plane, label;
  float score;
} Candidate;

/* Each query with its best class; those whose best is "no object" are none. */
static gboolean
best_classes (const Masks *masks, float threshold, GArray *candidates)
{
  g_autofree float *votes = segments_vote (masks);

  for (gsize q = 0; votes && q < masks->n_planes; q++)
    {
      const float *own = votes + q * masks->n_classes;
      gsize best = 0;

      for (gsize c = 1; c < masks->n_classes; c++)
        if (own[c] > own[best])
          best = c;
      if (best + 1 < masks->n_classes && own[best] > threshold)
        g_array_append_val (candidates, ((Candidate){ q, best, own[best] }));
    }
  return votes != NULL;
}

/* Each query with the best of its classes, "no object" left aside. */
static gboolean
best_objects (const Masks *masks, GArray *candidates)
{
  g_autofree float *votes = segments_vote (masks);

  for (gsize q = 0; votes && q < masks->n_planes; q++)
    {
      const float *own = votes + q * masks->n_classes;
      gsize best = 0;

      for (gsize c = 1; c + 1 < masks->n_classes; c++)
        if (own[c] > own[best])
          best = c;
      g_array_append_val (candidates, ((Candidate){ q, best, own[best] }));
    }
  return votes != NULL;
}

/* The best of all pairs of query and class, as many as there are queries. */
static gboolean
best_pairs (const Masks *masks, GArray *candidates)
{
  const gsize n = masks->n_classes - 1;
  g_autofree float *votes = segments_vote (masks);
  g_autofree guint *order = NULL;

  for (gsize q = 0; votes && q < masks->n_planes; q++)
    memmove (votes + q * n, votes + q * masks->n_classes, n * sizeof (float));
  order = votes ? best_of (votes, masks->n_planes * n, masks->n_planes) : NULL;
  for (gsize i = 0; order && i < masks->n_planes; i++)
    g_array_append_val (candidates, ((Candidate){ order[i] / n, order[i] % n, votes[order[i]] }));
  return order != NULL;
}

/* What is needed to bring one plane after the other to the picture's size. */
typedef struct
{
  const Masks *masks;
  Taps down, across;
  float *plane, *scratch, *wide;        /* [height][width] of the masks; [plane_width]; [width] */
} Painter;

static void
painter_clear (Painter *self)
{
  taps_clear (&self->down);
  taps_clear (&self->across);
  g_free (self->plane);
  g_free (self->scratch);
  g_free (self->wide);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Painter, painter_clear)

static gboolean
painter_init (Painter *self, const SegmentMap *map, const Masks *masks, TapsKind kind, GError **error)
{
  self->masks = masks;
  if (!taps_init (&self->down, masks->seen_height, map->height, kind, error) || !taps_init (&self->across, masks->seen_width, map->width, kind, error))
    return FALSE;
  self->plane = g_try_new (float, masks->height * masks->width);
  self->scratch = g_try_new (float, masks->plane_width);
  self->wide = g_try_new (float, masks->width);
  return (self->plane && self->scratch && self->wide) || segments_no_memory (map->width, map->height, error);
}

static void
painter_load (Painter *self, gsize plane)
{
  for (gsize y = 0; y < self->masks->height; y++)
    masks_row (self->masks, plane, y, self->plane + y * self->masks->width, self->scratch);
}

/* Row @y of the loaded plane in the picture. */
static void
painter_row (Painter *self, gsize y, float *to)
{
  const gsize width = self->masks->width;

  memset (self->wide, 0, width * sizeof (float));
  for (guint j = 0; j < self->down.counts[y]; j++)
    {
      const float *row = self->plane + (self->down.firsts[y] + j) * width, weight = self->down.weights[y * self->down.most + j];

      for (gsize x = 0; x < width; x++)
        self->wide[x] += weight * row[x];
    }
  taps_row (&self->across, self->wide, to);
}

/* ---- without overlap: each pixel to the mask that weighs most there ------------------------------------------------------------- */

/* In the map while it is made: the pixel counts for the candidate, but is too unsure to be shown. */
#define UNSURE (1u << 31)

/* The map becomes the number of the candidate that weighs most, plus 1. @areas: pixels where each reaches the threshold, whoever has them */
static gboolean
assign_pixels (SegmentMap *map, Painter *painter, const GArray *candidates, const SegmentRules *rules, gsize *areas)
{
  const gsize width = map->width;
  const float threshold = (float) rules->mask_threshold;
  const gboolean late = rules->how & GTF_SEGMENTATION_UNPADS, as_logits = late || rules->how & GTF_SEGMENTATION_LOGITS;
  g_autofree float *row = g_try_new (float, width), *heaviest = g_try_new (float, width * map->height);

  for (guint k = 0; row && heaviest && k < candidates->len; k++)
    {
      const Candidate *one = &g_array_index (candidates, Candidate, k);

      painter_load (painter, one->plane);
      for (gsize i = 0; !as_logits && i < painter->masks->height * painter->masks->width; i++)
        painter->plane[i] = segments_sigmoid (painter->plane[i]);
      for (gsize y = 0; y < map->height; y++)
        {
          painter_row (painter, y, row);
          for (gsize x = 0; x < width; x++)
            {
              const float sure = late ? segments_sigmoid (row[x]) : row[x], weight = sure * one->score;
              const gboolean inside = (late ? sure : weight) >= threshold;

              areas[k] += inside;
              if (k > 0 && !(weight > heaviest[y * width + x]))
                continue;
              heaviest[y * width + x] = weight;
              map->map[y * width + x] = (k + 1) | (late && !inside ? UNSURE : 0);
            }
        }
    }
  return row && heaviest;
}

/* Candidates that have enough of their pixels become segments; the pixels of the others are of none. */
static gboolean
keep_large (SegmentMap *map, const GArray *candidates, const gsize *areas, const SegmentRules *rules)
{
  const gsize n = map->width * map->height;
  g_autofree gsize *own = g_try_new0 (gsize, candidates->len + 1), *sure = g_try_new0 (gsize, candidates->len + 1);
  g_autofree guint32 *index_of = g_try_new0 (guint32, candidates->len + 1);

  if (own == NULL || sure == NULL || index_of == NULL)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      own[map->map[i] & ~UNSURE]++;
      sure[map->map[i] & ~UNSURE] += !(map->map[i] & UNSURE);
    }
  for (guint k = 0; k < candidates->len; k++)
    {
      const Candidate *one = &g_array_index (candidates, Candidate, k);

      if (sure[k + 1] == 0 || areas[k] == 0 || !((double) ((float) own[k + 1] / (float) areas[k]) > rules->overlap_mask_area_threshold))
        continue;
      g_array_append_val (map->segments, ((Segment){ one->label, rounded (one->score) }));
      index_of[k + 1] = map->segments->len;
    }
  for (gsize i = 0; i < n; i++)
    map->map[i] = map->map[i] & UNSURE ? 0 : index_of[map->map[i]];
  return TRUE;
}

static gboolean
segments_flat (SegmentMap *map, const Masks *masks, const GArray *candidates, const SegmentRules *rules, GError **error)
{
  g_auto (Painter) painter = { 0 };
  g_autofree gsize *areas = g_try_new0 (gsize, candidates->len + 1);

  if (candidates->len == 0)
    return TRUE;
  if (!painter_init (&painter, map, masks, rules->how & GTF_SEGMENTATION_ANTIALIAS ? TAPS_SMOOTH : TAPS_LINEAR, error))
    return FALSE;
  return (areas && assign_pixels (map, &painter, candidates, rules, areas) && keep_large (map, candidates, areas, rules)) || segments_no_memory (map->width, map->height, error);
}

gboolean
segments_panoptic (SegmentMap *map, const Masks *masks, const SegmentRules *rules, GError **error)
{
  SegmentRules probabilities = *rules;
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));

  probabilities.how &= ~(guint) GTF_SEGMENTATION_LOGITS;
  if (!best_classes (masks, (float) rules->threshold, candidates))
    return segments_no_memory (map->width, map->height, error);
  return segments_flat (map, masks, candidates, &probabilities, error);
}

/* ---- one over the other ----------------------------------------------------------------------------------------------------------- */

/* The loaded plane becomes 1 where it is above 0, else 0: the mean of its sigmoid there, NaN where that is nowhere. */
static float
binarise (Painter *painter)
{
  const gsize n = painter->masks->height * painter->masks->width;
  double sum = 0;
  gsize area = 0;

  for (gsize i = 0; i < n; i++)
    {
      const gboolean inside = painter->plane[i] > 0;

      sum += inside ? segments_sigmoid (painter->plane[i]) : 0;
      area += inside;
      painter->plane[i] = inside;
    }
  return area > 0 ? (float) sum / ((float) area + 1e-6f) : NAN;
}

/* The mean of the loaded plane's sigmoid where it is above 0 in the picture, NaN where that is nowhere. */
static float
mean_inside (const SegmentMap *map, Painter *painter, float *row)
{
  double sum = 0;
  gsize area = 0;

  for (gsize y = 0; y < map->height; y++)
    {
      painter_row (painter, y, row);
      for (gsize x = 0; x < map->width; x++)
        if (row[x] > 0)
          {
            sum += segments_sigmoid (row[x]);
            area++;
          }
    }
  return area > 0 ? (float) sum / ((float) area + 1e-6f) : NAN;
}

/* Whether the loaded plane has a pixel in the picture; these become @index. */
static gboolean
paint (SegmentMap *map, Painter *painter, guint32 index, float *row)
{
  gboolean seen = FALSE;

  for (gsize y = 0; y < map->height; y++)
    {
      painter_row (painter, y, row);
      for (gsize x = 0; x < map->width; x++)
        if (row[x] > 0)
          {
            map->map[y * map->width + x] = index;
            seen = TRUE;
          }
    }
  return seen;
}

static gboolean
segments_layers (SegmentMap *map, const Masks *masks, const GArray *candidates, const SegmentRules *rules, GError **error)
{
  const gboolean late = rules->how & GTF_SEGMENTATION_UNPADS;
  g_auto (Painter) painter = { 0 };
  g_autofree float *row = g_try_new (float, map->width);

  if (!painter_init (&painter, map, masks, late ? TAPS_LINEAR : TAPS_NEAREST, error))
    return FALSE;
  for (guint k = 0; row && k < candidates->len; k++)
    {
      const Candidate *one = &g_array_index (candidates, Candidate, k);
      double score;

      painter_load (&painter, one->plane);
      score = one->score * (late ? mean_inside (map, &painter, row) : binarise (&painter));
      if (!(score >= rules->threshold) || !paint (map, &painter, map->segments->len + 1, row))
        continue;
      g_array_append_val (map->segments, ((Segment){ one->label, rounded (score) }));
    }
  return row != NULL || segments_no_memory (map->width, map->height, error);
}

/* ---- first come, first served ----------------------------------------------------------------------------------------------------- */

static gint
by_score (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  if (x->score != y->score)
    return (x->score < y->score) - (x->score > y->score);
  return x->plane != y->plane ? (x->plane > y->plane) - (x->plane < y->plane) : (x->label > y->label) - (x->label < y->label);
}

/* The best of all pairs of query and class by their sigmoids, as many as there are queries, best first. */
static gboolean
best_sigmoids (const Masks *masks, GArray *candidates)
{
  const gsize n = masks->n_classes, most = masks->n_planes * n;
  g_autofree float *scores = g_try_new (float, most);
  g_autofree guint *order = NULL;

  for (gsize i = 0; scores && i < most; i++)
    scores[i] = segments_sigmoid (masks->classes[i]);
  order = scores ? best_of (scores, most, masks->n_planes) : NULL;
  for (gsize i = 0; order && i < masks->n_planes; i++)
    g_array_append_val (candidates, ((Candidate){ order[i] / n, order[i] % n, scores[order[i]] }));
  g_array_sort (candidates, by_score);
  return order != NULL;
}

/* Pixels of nobody where the loaded plane is above the threshold become @index. Whether there are any. */
static gboolean
claim (SegmentMap *map, Painter *painter, guint32 index, float threshold, float *row)
{
  gboolean seen = FALSE;

  for (gsize y = 0; y < map->height; y++)
    {
      painter_row (painter, y, row);
      for (gsize x = 0; x < map->width; x++)
        if (row[x] > threshold && map->map[y * map->width + x] == 0)
          {
            map->map[y * map->width + x] = index;
            seen = TRUE;
          }
    }
  return seen;
}

static gboolean
segments_first (SegmentMap *map, const Masks *masks, const SegmentRules *rules, GError **error)
{
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  g_auto (Painter) painter = { 0 };
  g_autofree float *row = g_try_new (float, map->width);

  if (!best_sigmoids (masks, candidates))
    return segments_no_memory (map->width, map->height, error);
  if (!painter_init (&painter, map, masks, TAPS_LINEAR, error))
    return FALSE;
  for (guint k = 0; row && k < candidates->len; k++)
    {
      const Candidate *one = &g_array_index (candidates, Candidate, k);

      if (!((double) one->score > rules->threshold))
        break;
      painter_load (&painter, one->plane);
      if (claim (map, &painter, map->segments->len + 1, (float) rules->mask_threshold, row))
        g_array_append_val (map->segments, ((Segment){ one->label, rounded (one->score) }));
    }
  return row != NULL || segments_no_memory (map->width, map->height, error);
}

static void
drop_below (GArray *candidates, float threshold)
{
  guint kept = 0;

  for (guint k = 0; k < candidates->len; k++)
    if (g_array_index (candidates, Candidate, k).score > threshold)
      g_array_index (candidates, Candidate, kept++) = g_array_index (candidates, Candidate, k);
  g_array_set_size (candidates, kept);
}

gboolean
segments_instance (SegmentMap *map, const Masks *masks, const SegmentRules *rules, GError **error)
{
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));

  if (rules->how & GTF_SEGMENTATION_FIRST)
    return segments_first (map, masks, rules, error);
  if (!(rules->how & (GTF_SEGMENTATION_PAIRS | GTF_SEGMENTATION_UNPADS)))
    return segments_panoptic (map, masks, rules, error);
  if (!(rules->how & GTF_SEGMENTATION_PAIRS ? best_pairs (masks, candidates) : best_objects (masks, candidates)))
    return segments_no_memory (map->width, map->height, error);
  if (rules->how & GTF_SEGMENTATION_LAYERS)
    return segments_layers (map, masks, candidates, rules, error);
  drop_below (candidates, (float) rules->threshold);
  return segments_flat (map, masks, candidates, rules, error);
}
