/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How it works. A track is four Kalman filters, of the box's middle, width and height, each with a velocity. For a new frame each track says
 * where its box should be by now; boxes and tracks are paired so that the sum of their overlaps is largest (the Hungarian method), and pairs
 * that hardly overlap are parted. What is left is paired again with boxes that are twice as large, for objects that moved by their own size
 * (Yang et al. 2022, C-BIoU, arXiv:2211.13509). A box left over begins a track; a track left over is kept for a while, in case its object turns
 * up again.
 */
#include "tracker.h"

#include <math.h>

#define LEAST_OVERLAP 0.2       /* of a pair, as intersection over union; a box of low score must fit better */
#define LEAST_OVERLAP_LOW 0.5
#define GROWTH 0.5              /* of a box, on each side, for the second pairing, as a part of it */
#define LONGEST_ABSENCE 1.0     /* seconds after which a track that is not seen ends */

/* As parts of the box's height: ByteTrack's, whose frames are 1/30 s, by the second. */
#define MEASURED (1 / 20.0)             /* standard deviation of a detector's corner */
#define WANDERS (0.27)                  /* ... of what a position does on its own in a second */
#define TURNS (1.0)                     /* ... and a velocity */
#define FIRST_VELOCITY (1.9)            /* ... of what is known of a velocity at first */

/* Position and velocity with their covariance. */
typedef struct
{
  double x, v, xx, xv, vv;
} Filter;

typedef struct
{
  char *label;
  guint id;
  double seen;                  /* when it was, last */
  gboolean paired;              /* with a box of this frame */
  Filter filters[4];            /* middle across, middle down, width, height */
} Track;

struct _GtfTracker
{
  GtfTrackerKind kind;
  GArray *tracks;               /* of Track */
  guint next_id;
  double time;                  /* of the last frame */
};

/* ---- one number ---- */

static Filter
filter_begin (double x, double height)
{
  return (Filter) { x, 0, pow (2 * MEASURED * height, 2), 0, pow (FIRST_VELOCITY * height, 2) };
}

static void
filter_predict (Filter *f, double dt, double height)
{
  f->x += f->v * dt;
  f->xx += dt * (2 * f->xv + dt * f->vv) + pow (WANDERS * height, 2) * dt;
  f->xv += dt * f->vv;
  f->vv += pow (TURNS * height, 2) * dt;
}

static void
filter_correct (Filter *f, double measured, double height)
{
  const double s = f->xx + pow (MEASURED * height, 2), kx = f->xx / s, kv = f->xv / s, error = measured - f->x;

  f->x += kx * error;
  f->v += kv * error;
  f->vv -= kv * f->xv;
  f->xv -= kx * f->xv;
  f->xx -= kx * f->xx;
}

/* ---- boxes ---- */

static void
measure (const GtfBox *box, double numbers[4])
{
  numbers[0] = (box->left + box->right) / 2;
  numbers[1] = (box->top + box->bottom) / 2;
  numbers[2] = box->right - box->left;
  numbers[3] = box->bottom - box->top;
}

/* Intersection over union, of both grown by this part of them on each side. */
static double
overlap (const Track *track, const GtfBox *box, double growth)
{
  const double width = MAX (track->filters[2].x, 0) * (1 + 2 * growth), height = MAX (track->filters[3].x, 0) * (1 + 2 * growth);
  const double more_x = (box->right - box->left) * growth, more_y = (box->bottom - box->top) * growth;
  const double left = track->filters[0].x - width / 2, top = track->filters[1].x - height / 2;
  const double across = MIN (left + width, box->right + more_x) - MAX (left, box->left - more_x), down = MIN (top + height, box->bottom + more_y) - MAX (top, box->top - more_y);
  const double both = MAX (across, 0) * MAX (down, 0);
  const double all = width * height + (box->right - box->left + 2 * more_x) * (box->bottom - box->top + 2 * more_y) - both;

  return both > 0 && all > 0 ? both / all : 0;
}

/* Noise is counted in heights of the box, which are never nothing. */
static double
height_of (double height)
{
  return MAX (height, 1);
}

static void
track_clear (gpointer data)
{
  g_free (((Track *) data)->label);
}

/* ---- pairs ---- */

/*
 * The Hungarian method with potentials, a row at a time (e-maxx's formulation of Kuhn and Munkres): rows 1 .. n, columns 1 .. m, n <= m.
 * row_of[j] is the row that column j is paired with; each new row looks for the shortest augmenting path.
 */
static void
assign_rows (const double *costs, guint n, guint m, gboolean turned, guint *row_of)
{
  g_autofree double *u = g_new0 (double, n + 1), *v = g_new0 (double, m + 1), *least = g_new (double, m + 1);
  g_autofree guint *way = g_new0 (guint, m + 1);
  g_autofree gboolean *used = g_new (gboolean, m + 1);

  for (guint i = 1; i <= n; i++)
    {
      guint at = 0;

      row_of[0] = i;
      for (guint j = 0; j <= m; j++)
        {
          least[j] = G_MAXDOUBLE;
          used[j] = FALSE;
        }
      do
        {
          const guint row = row_of[at];
          double delta = G_MAXDOUBLE;
          guint next = 0;

          used[at] = TRUE;
          for (guint j = 1; j <= m; j++)
            {
              double reduced;

              if (used[j])
                continue;
              reduced = (turned ? costs[(j - 1) * n + row - 1] : costs[(row - 1) * m + j - 1]) - u[row] - v[j];
              if (reduced < least[j])
                {
                  least[j] = reduced;
                  way[j] = at;
                }
              if (least[j] < delta)
                {
                  delta = least[j];
                  next = j;
                }
            }
          for (guint j = 0; j <= m; j++)
            if (used[j])
              {
                u[row_of[j]] += delta;
                v[j] -= delta;
              }
            else
              least[j] -= delta;
          at = next;
        }
      while (row_of[at] != 0);
      for (; at; at = way[at])
        row_of[at] = row_of[way[at]];
    }
}

void
gtf_tracker_assign (const double *costs, guint n, guint m, gint *columns)
{
  const gboolean turned = n > m;
  const guint rows = turned ? m : n, others = turned ? n : m;
  g_autofree guint *row_of = g_new0 (guint, others + 1);

  for (guint i = 0; i < n; i++)
    columns[i] = -1;
  assign_rows (costs, rows, others, turned, row_of);
  for (guint j = 1; j <= others; j++)
    if (row_of[j] && turned)
      columns[j - 1] = (gint) row_of[j] - 1;
    else if (row_of[j])
      columns[row_of[j] - 1] = (gint) j - 1;
}

/* ---- the tracker ---- */

GtfTracker *
gtf_tracker_new (GtfTrackerKind kind)
{
  GtfTracker *self = g_new0 (GtfTracker, 1);

  self->kind = kind;
  self->tracks = g_array_new (FALSE, TRUE, sizeof (Track));
  g_array_set_clear_func (self->tracks, track_clear);
  self->next_id = 1;
  return self;
}

void
gtf_tracker_free (GtfTracker *self)
{
  if (!self)
    return;
  g_array_unref (self->tracks);
  g_free (self);
}

void
gtf_tracker_reset (GtfTracker *self)
{
  g_array_set_size (self->tracks, 0);
  self->time = 0;
}

static void
predict (GtfTracker *self, double time)
{
  const double dt = MAX (time - self->time, 0);

  for (guint i = self->tracks->len; i-- > 0;)
    {
      Track *track = &g_array_index (self->tracks, Track, i);
      const double height = height_of (track->filters[3].x);

      track->paired = FALSE;
      if (time - track->seen > LONGEST_ABSENCE)
        {
          g_array_remove_index (self->tracks, i);
          continue;
        }
      for (guint k = 0; k < G_N_ELEMENTS (track->filters); k++)
        filter_predict (&track->filters[k], dt, height);
    }
  self->time = time;
}

/* What its track says of a box: its id and how its sides move. */
static void
mark (GtfBox *box, const Track *track)
{
  const Filter *f = track->filters;

  box->id = track->id;
  box->tracked = TRUE;
  box->velocity[0] = f[0].v - f[2].v / 2;
  box->velocity[1] = f[1].v - f[3].v / 2;
  box->velocity[2] = f[0].v + f[2].v / 2;
  box->velocity[3] = f[1].v + f[3].v / 2;
}

static void
begin_track (GtfTracker *self, GtfBox *box)
{
  Track track = { g_strdup (box->label), self->next_id++, self->time, TRUE, { { 0 } } };
  double numbers[4];

  measure (box, numbers);
  for (guint i = 0; i < 4; i++)
    track.filters[i] = filter_begin (numbers[i], height_of (numbers[3]));
  g_array_append_val (self->tracks, track);
  mark (box, &track);
}

static void
continue_track (GtfTracker *self, Track *track, GtfBox *box)
{
  double numbers[4];

  measure (box, numbers);
  for (guint i = 0; i < 4; i++)
    filter_correct (&track->filters[i], numbers[i], height_of (numbers[3]));
  track->seen = self->time;
  track->paired = TRUE;
  mark (box, track);
}

/* Pairs boxes whose score is in (@above, @up_to] with tracks that have none of this frame yet. */
static void
pair (GtfTracker *self, GArray *boxes, double above, double up_to, double least, double growth)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint)), columns = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autofree double *costs = NULL;
  g_autofree gint *of = NULL;

  for (guint i = 0; i < boxes->len; i++)
    {
      const GtfBox *box = &g_array_index (boxes, GtfBox, i);

      if (!box->tracked && box->score > above && box->score <= up_to)
        g_array_append_val (rows, i);
    }
  for (guint i = 0; i < self->tracks->len; i++)
    if (!g_array_index (self->tracks, Track, i).paired)
      g_array_append_val (columns, i);
  if (rows->len == 0 || columns->len == 0)
    return;
  costs = g_new (double, (gsize) rows->len * columns->len);
  of = g_new (gint, rows->len);
  for (guint i = 0; i < rows->len; i++)
    for (guint k = 0; k < columns->len; k++)
      {
        const GtfBox *box = &g_array_index (boxes, GtfBox, g_array_index (rows, guint, i));
        const Track *track = &g_array_index (self->tracks, Track, g_array_index (columns, guint, k));

        costs[i * columns->len + k] = g_str_equal (box->label, track->label) ? 1 - overlap (track, box, growth) : 1;
      }
  gtf_tracker_assign (costs, rows->len, columns->len, of);
  for (guint i = 0; i < rows->len; i++)
    if (of[i] >= 0 && costs[i * columns->len + (guint) of[i]] <= 1 - least)
      continue_track (self, &g_array_index (self->tracks, Track, g_array_index (columns, guint, (guint) of[i])), &g_array_index (boxes, GtfBox, g_array_index (rows, guint, i)));
}

void
gtf_tracker_update (GtfTracker *self, GArray *boxes, double threshold, double time)
{
  predict (self, time);
  pair (self, boxes, threshold, G_MAXDOUBLE, LEAST_OVERLAP, 0);
  if (self->kind == GTF_TRACKER_BYTETRACK)
    pair (self, boxes, -G_MAXDOUBLE, threshold, LEAST_OVERLAP_LOW, 0);
  pair (self, boxes, threshold, G_MAXDOUBLE, LEAST_OVERLAP, GROWTH);
  for (guint i = 0; i < boxes->len; i++)
    if (!g_array_index (boxes, GtfBox, i).tracked && g_array_index (boxes, GtfBox, i).score > threshold)
      begin_track (self, &g_array_index (boxes, GtfBox, i));
  for (guint i = boxes->len; i-- > 0;)
    if (!g_array_index (boxes, GtfBox, i).tracked)
      g_array_remove_index (boxes, i);
}
