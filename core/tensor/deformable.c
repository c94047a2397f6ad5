/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Deformable attention: for each query and head a softmax over its points, and the values at these points, between four pixels each. Queries
 * are spread over the threads.
 */
#include "tensor/deformable.h"

#include <math.h>
#include <string.h>
#include "tensor/context-private.h"

typedef struct
{
  const GtfDeformable *how;
  const float *values, *offsets, *scores, *references;
  float *y;
  gint64 n, n_queries, n_values, d, n_points, n_references, n_coordinates;      /* n: queries of all pictures */
  gint64 starts[GTF_MAX_LEVELS];
} Work;

/* Adds weight times what lies at (x, y), in pixels from the corner of the map, to `size` numbers. */
static void
look_between (const Work *w, gint64 level, const float *map, float x, float y, float weight, gint64 size, float *to)
{
  const float left = floorf (x - 0.5f), top = floorf (y - 0.5f), across = x - 0.5f - left, down = y - 0.5f - top;
  gint64 x0, y0;

  if (!(left >= -1 && left < (float) w->how->widths[level] && top >= -1 && top < (float) w->how->heights[level]))
    return;
  x0 = (gint64) left;
  y0 = (gint64) top;
  for (gint64 corner = 0; corner < 4; corner++)
    {
      const gint64 cx = x0 + corner % 2, cy = y0 + corner / 2;
      const float share = weight * (corner % 2 ? across : 1 - across) * (corner / 2 ? down : 1 - down);

      if (cx < 0 || cx >= w->how->widths[level] || cy < 0 || cy >= w->how->heights[level])
        continue;
      for (gint64 i = 0; i < size; i++)
        to[i] += share * map[(cy * w->how->widths[level] + cx) * w->d + i];
    }
}

static gint64
nearest_of (float place, gint64 n)
{
  return isnan (place) ? 0 : (gint64) CLAMP (place + 0.5f, 0.0f, (float) (n - 1));
}

static void
look_nearest (const Work *w, gint64 level, const float *map, float x, float y, float weight, gint64 size, float *to)
{
  const gint64 width = w->how->widths[level], at = nearest_of (y, w->how->heights[level]) * width + nearest_of (x, width);

  for (gint64 i = 0; i < size; i++)
    to[i] += weight * map[at * w->d + i];
}

/* One point of a query: where it is, in pixels of its map. */
static void
locate (const Work *w, gint64 query, gint64 level, const float *offset, float *x, float *y)
{
  const float *r = w->references + (query * w->n_references + (w->n_references > 1 ? level : 0)) * w->n_coordinates;
  const float width = (float) w->how->widths[level], height = (float) w->how->heights[level];

  if (w->n_coordinates == 4)
    {
      const float scale = (float) w->how->offset_scale / (float) w->how->n_points[level];

      *x = (r[0] + offset[0] * scale * r[2]) * width;
      *y = (r[1] + offset[1] * scale * r[3]) * height;
      return;
    }
  *x = r[0] * width + offset[0];
  *y = r[1] * height + offset[1];
}

static void
attend (const Work *w, gint64 query, gint64 head, float *weights)
{
  const gint64 size = w->d / w->how->n_heads, first = (query * w->how->n_heads + head) * w->n_points;
  const float *values = w->values + query / w->n_queries * w->n_values * w->d + head * size, *offset = w->offsets + first * 2;
  float *to = w->y + query * w->d + head * size, most = -INFINITY, sum = 0, *weight = weights;

  for (gint64 i = 0; i < w->n_points; i++)
    most = MAX (most, w->scores[first + i]);
  for (gint64 i = 0; i < w->n_points; i++)
    sum += weights[i] = expf (w->scores[first + i] - most);
  for (gint64 level = 0; level < w->how->n_levels; level++)
    for (gint64 i = 0; i < w->how->n_points[level]; i++, offset += 2, weight++)
      {
        float x, y;

        locate (w, query, level, offset, &x, &y);
        (w->how->nearest ? look_nearest : look_between) (w, level, values + w->starts[level] * w->d, x, y, *weight / sum, size, to);
      }
}

static void
run_part (gpointer data, guint part, guint n_parts)
{
  const Work *w = data;
  const gint64 last = (part + 1) * w->n / n_parts;
  float weights[GTF_MAX_LEVELS * GTF_MAX_POINTS];

  for (gint64 query = part * w->n / n_parts; query < last; query++)
    {
      memset (w->y + query * w->d, 0, (gsize) w->d * sizeof (float));
      for (gint64 head = 0; head < w->how->n_heads; head++)
        attend (w, query, head, weights);
    }
}

/* Whether all shapes belong together; fills what follows from them. */
static gboolean
measure (Work *w, const GtfTensor *values, const GtfTensor *offsets, const GtfTensor *scores, const GtfTensor *references)
{
  const GtfDeformable *how = w->how;
  gint64 n_pixels = 0;

  if (values->n_dims != 3 || offsets->n_dims != 3 || scores->n_dims != 3 || references->n_dims != 4 || how->n_levels < 1 || how->n_levels > GTF_MAX_LEVELS)
    return FALSE;
  for (gint64 i = 0; i < how->n_levels; i++)
    {
      if (how->heights[i] < 1 || how->widths[i] < 1 || how->n_points[i] < 1 || how->n_points[i] > GTF_MAX_POINTS)
        return FALSE;
      w->starts[i] = n_pixels;
      n_pixels += how->heights[i] * how->widths[i];
      w->n_points += how->n_points[i];
    }
  w->n_values = values->shape[1];
  w->d = values->shape[2];
  w->n_queries = offsets->shape[1];
  w->n = values->shape[0] * w->n_queries;
  w->n_references = references->shape[2];
  w->n_coordinates = references->shape[3];
  return how->n_heads > 0 && w->d % how->n_heads == 0 && n_pixels == w->n_values && offsets->shape[0] == values->shape[0] && scores->shape[0] == values->shape[0]
         && scores->shape[1] == w->n_queries && references->shape[0] == values->shape[0] && references->shape[1] == w->n_queries
         && scores->shape[2] == how->n_heads * w->n_points && offsets->shape[2] == 2 * scores->shape[2]
         && (w->n_references == 1 || w->n_references == how->n_levels) && (w->n_coordinates == 2 || w->n_coordinates == 4);
}

/**
 * gtf_deformable_attention:
 * @values: (nullable): [B][S][D], the pixels of all maps
 * @offsets: (nullable): [B][Q][heads * points * 2]
 * @scores: (nullable): [B][Q][heads * points]
 * @references: (nullable): [B][Q][1 or levels][2 or 4]
 * @how: heads, maps and points
 *
 * Returns: (transfer none) (nullable): [B][Q][D]
 */
GtfTensor *
gtf_deformable_attention (GtfContext *c, const GtfTensor *values, const GtfTensor *offsets, const GtfTensor *scores, const GtfTensor *references,
                          const GtfDeformable *how)
{
  Work w = { .how = how };
  GtfTensor *y;

  if (!gtf_op_begin (c, "deformable_attention", 4, values, offsets, scores, references))
    return NULL;
  if (!measure (&w, values, offsets, scores, references))
    {
      g_autofree char *v = gtf_shape_to_string (values->n_dims, values->shape), *o = gtf_shape_to_string (offsets->n_dims, offsets->shape);
      g_autofree char *s = gtf_shape_to_string (scores->n_dims, scores->shape), *r = gtf_shape_to_string (references->n_dims, references->shape);

      gtf_fail (c, "values %s, offsets %s, scores %s and reference points %s do not belong to %" G_GINT64_FORMAT " heads and %" G_GINT64_FORMAT " feature maps", v, o, s, r,
                how->n_heads, how->n_levels);
      return NULL;
    }
  values = gtf_packed (c, values);
  offsets = gtf_packed (c, offsets);
  scores = gtf_packed (c, scores);
  references = gtf_packed (c, references);
  y = gtf_failed (c) ? NULL : gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ values->shape[0], w.n_queries, w.d });
  if (y == NULL)
    return NULL;
  w.values = values->data;
  w.offsets = offsets->data;
  w.scores = scores->data;
  w.references = references->data;
  w.y = y->data;
  gtf_pool_run (c->pool, (guint) CLAMP (w.n / 8, 1, 64), run_part, &w);
  return y;
}
