/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tracker: pairs against all permutations, and objects whose ways are known: ids stay theirs, and velocities are right.
 */
#include <math.h>
#include "tracker.h"

#define RATE 10.0               /* frames a second */

static void
clear_box (gpointer box)
{
  g_free (((GtfBox *) box)->label);
}

static GArray *
boxes_new (void)
{
  GArray *boxes = g_array_new (FALSE, TRUE, sizeof (GtfBox));

  g_array_set_clear_func (boxes, clear_box);
  return boxes;
}

static void
add (GArray *boxes, const char *label, double score, double x, double y, double width, double height)
{
  GtfBox box = { .label = g_strdup (label), .score = score, .left = x, .top = y, .right = x + width, .bottom = y + height };

  g_array_append_val (boxes, box);
}

static const GtfBox *
at (GArray *boxes, guint i)
{
  return &g_array_index (boxes, GtfBox, i);
}

/* ---- pairs ---- */

static double
best_sum (const double *costs, guint n, guint m, guint row, guint used)
{
  double best = G_MAXDOUBLE;

  if (row == n || used == (1u << m) - 1)
    return 0;
  for (guint j = 0; j < m; j++)
    if (!(used & 1u << j))
      best = MIN (best, costs[row * m + j] + best_sum (costs, n, m, row + 1, used | 1u << j));
  if (n - row > m - (guint) __builtin_popcount (used))      /* it may go without */
    best = MIN (best, best_sum (costs, n, m, row + 1, used));
  return best;
}

static void
test_assign (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 500; i++)
    {
      const guint n = (guint) g_rand_int_range (rand, 1, 6), m = (guint) g_rand_int_range (rand, 1, 6);
      double costs[25], sum = 0;
      guint used = 0, pairs = 0;
      gint columns[5];

      for (guint k = 0; k < n * m; k++)
        costs[k] = g_rand_int_range (rand, 0, 4) ? g_rand_double (rand) : 1;      /* often the same */
      gtf_tracker_assign (costs, n, m, columns);
      for (guint k = 0; k < n; k++)
        if (columns[k] >= 0)
          {
            g_assert_true (columns[k] < (gint) m && !(used & 1u << columns[k]));
            used |= 1u << columns[k];
            sum += costs[k * m + (guint) columns[k]];
            pairs++;
          }
      g_assert_cmpuint (pairs, ==, MIN (n, m));
      g_assert_cmpfloat_with_epsilon (sum, best_sum (costs, n, m, 0, 0), 1e-9);
    }
}

/* ---- objects on their ways ---- */

/* Objects that move steadily, seen by a detector whose corners tremble and whose order changes. */
static void
test_ways (gconstpointer kind)
{
  static const struct
  {
    const char *label;
    double x, y, width, height, vx, vy;       /* per second */
  } objects[] = { { "car", 0, 100, 80, 40, 90, 0 }, { "car", 600, 112, 80, 40, -90, 0 },     /* they meet, in other lanes by half a car */
                  { "person", 300, 50, 30, 80, 10, 15 }, { "dog", 305, 90, 30, 40, 10, 15 } };
  GtfTracker *tracker = gtf_tracker_new (GPOINTER_TO_INT (kind));
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint ids[4] = { 0 };

  for (guint frame = 0; frame < 70; frame++)
    {
      g_autoptr (GArray) boxes = boxes_new ();
      const double t = frame / RATE;

      for (guint k = 0; k < 4; k++)
        {
          const guint i = (k + frame) % 4;

          add (boxes, objects[i].label, 0.9, objects[i].x + objects[i].vx * t + g_rand_double_range (rand, -1, 1), objects[i].y + objects[i].vy * t + g_rand_double_range (rand, -1, 1),
               objects[i].width, objects[i].height);
        }
      gtf_tracker_update (tracker, boxes, 0.5, t);
      g_assert_cmpuint (boxes->len, ==, 4);
      for (guint k = 0; k < 4; k++)
        {
          const guint i = (k + frame) % 4;
          const GtfBox *box = at (boxes, k);

          g_assert_true (box->tracked && box->id > 0);
          if (frame == 0)
            ids[i] = box->id;
          g_assert_cmpuint (box->id, ==, ids[i]);
          if (frame > 20)
            for (guint side = 0; side < 4; side++)
              g_assert_cmpfloat_with_epsilon (box->velocity[side], side % 2 ? objects[i].vy : objects[i].vx, 20);
        }
    }
  for (guint i = 0; i < 4; i++)
    for (guint k = 0; k < i; k++)
      g_assert_cmpuint (ids[i], !=, ids[k]);
  gtf_tracker_free (tracker);
}

/* One object, that is not seen, or hardly, for a while: '#' seen, '-' with a low score, '.' not at all. Ids of what is left, as digits. */
static const struct
{
  const char *name;
  GtfTrackerKind kind;
  const char *seen, *ids;
} absences[] = { { "short", GTF_TRACKER_SORT, "#####...#####", "11111...11111" },
                 { "long", GTF_TRACKER_SORT, "#####............##", "11111............22" },
                 { "low-sort", GTF_TRACKER_SORT, "#####---##", "11111...11" },
                 { "low-bytetrack", GTF_TRACKER_BYTETRACK, "#####--------------##", "111111111111111111111" },
                 { "low-first", GTF_TRACKER_BYTETRACK, "---##", "...11" } };

static void
test_absence (gconstpointer data)
{
  const guint which = GPOINTER_TO_UINT (data);
  GtfTracker *tracker = gtf_tracker_new (absences[which].kind);
  g_autoptr (GString) ids = g_string_new (NULL);

  for (guint frame = 0; absences[which].seen[frame]; frame++)
    {
      g_autoptr (GArray) boxes = boxes_new ();
      const char seen = absences[which].seen[frame];

      if (seen != '.')
        add (boxes, "person", seen == '#' ? 0.8 : 0.2, 100 + 5 * frame, 50, 40, 80);
      gtf_tracker_update (tracker, boxes, 0.5, frame / RATE);
      g_assert_cmpuint (boxes->len, <=, 1);
      g_string_append_c (ids, boxes->len ? (char) ('0' + at (boxes, 0)->id) : '.');
    }
  g_assert_cmpstr (ids->str, ==, absences[which].ids);
  gtf_tracker_free (tracker);
}

/* A ball that moves by two thirds of itself, down and across, from one frame to the next, beside one that lies. */
static void
test_fast (gconstpointer kind)
{
  GtfTracker *tracker = gtf_tracker_new (GPOINTER_TO_INT (kind));

  for (guint frame = 0; frame < 20; frame++)
    {
      g_autoptr (GArray) boxes = boxes_new ();

      add (boxes, "ball", 0.9, 24.0 * frame, 24.0 * frame, 38, 38);
      add (boxes, "ball", 0.9, 300, 100, 38, 38);
      gtf_tracker_update (tracker, boxes, 0.5, frame / RATE);
      g_assert_cmpuint (at (boxes, 0)->id, ==, 1);
      g_assert_cmpuint (at (boxes, 1)->id, ==, 2);
    }
  gtf_tracker_free (tracker);
}

/* Any boxes at any time, also those that make no sense: no id twice in a frame, all numbers finite, the same again from the same. */
static void
test_anything (gconstpointer kind)
{
  GtfTracker *tracker = gtf_tracker_new (GPOINTER_TO_INT (kind)), *twin = gtf_tracker_new (GPOINTER_TO_INT (kind));
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  double t = 0;

  for (guint frame = 0; frame < 300; frame++)
    {
      g_autoptr (GArray) boxes = boxes_new (), same = boxes_new ();
      g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

      for (gint n = g_rand_int_range (rand, 0, 12); n > 0; n--)
        {
          const double score = g_rand_double (rand), x = g_rand_double_range (rand, -50, 300), y = g_rand_double_range (rand, -50, 300);
          const double width = g_rand_double_range (rand, -5, 90), height = g_rand_int_range (rand, 0, 10) ? g_rand_double_range (rand, 0, 90) : 0;

          add (boxes, n % 3 ? "a" : "b", score, x, y, width, height);
          add (same, n % 3 ? "a" : "b", score, x, y, width, height);
        }
      gtf_tracker_update (tracker, boxes, 0.4, t);
      gtf_tracker_update (twin, same, 0.4, t);
      g_assert_cmpuint (boxes->len, ==, same->len);
      for (guint i = 0; i < boxes->len; i++)
        {
          g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (at (boxes, i)->id)));
          g_assert_cmpuint (at (boxes, i)->id, ==, at (same, i)->id);
          for (guint side = 0; side < 4; side++)
            g_assert_true (isfinite (at (boxes, i)->velocity[side]));
        }
      t += g_rand_int_range (rand, 0, 4) ? 0.1 : g_rand_int_range (rand, 0, 2) * 5.0;
    }
  gtf_tracker_reset (tracker);
  {
    g_autoptr (GArray) boxes = boxes_new ();

    add (boxes, "a", 1, 0, 0, 10, 10);
    gtf_tracker_update (tracker, boxes, 0.4, 0);
    g_assert_cmpuint (at (boxes, 0)->id, >, 100);       /* ids go on */
  }
  gtf_tracker_free (tracker);
  gtf_tracker_free (twin);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tracker/assign", test_assign);
  g_test_add_data_func ("/tracker/ways/sort", GINT_TO_POINTER (GTF_TRACKER_SORT), test_ways);
  g_test_add_data_func ("/tracker/ways/bytetrack", GINT_TO_POINTER (GTF_TRACKER_BYTETRACK), test_ways);
  g_test_add_data_func ("/tracker/fast/sort", GINT_TO_POINTER (GTF_TRACKER_SORT), test_fast);
  g_test_add_data_func ("/tracker/fast/bytetrack", GINT_TO_POINTER (GTF_TRACKER_BYTETRACK), test_fast);
  g_test_add_data_func ("/tracker/anything/sort", GINT_TO_POINTER (GTF_TRACKER_SORT), test_anything);
  g_test_add_data_func ("/tracker/anything/bytetrack", GINT_TO_POINTER (GTF_TRACKER_BYTETRACK), test_anything);
  for (guint i = 0; i < G_N_ELEMENTS (absences); i++)
    {
      g_autofree char *path = g_strconcat ("/tracker/absence/", absences[i].name, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_absence);
    }
  return g_test_run ();
}
