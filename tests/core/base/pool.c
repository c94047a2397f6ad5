/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread pool: each part is done once, with many callers at a time, from within a job, and in a child after fork ().
 */
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"

static void
count_part (gpointer data, guint part, guint n_parts)
{
  gint *counts = data;

  g_assert_cmpuint (part, <, n_parts);
  g_atomic_int_inc (&counts[part]);
}

static void
run_many (GtfPool *pool, guint rounds)
{
  gint counts[100];

  for (guint i = 0; i < rounds; i++)
    {
      guint n = i % 100;
      for (guint j = 0; j < 100; j++)
        counts[j] = 0;
      gtf_pool_run (pool, n, count_part, counts);
      for (guint j = 0; j < 100; j++)
        g_assert_cmpint (counts[j], ==, j < n);
    }
}

static gpointer
caller (gpointer pool)
{
  run_many (pool, 2000);
  return NULL;
}

static void
test_parts (void)
{
  for (guint n = 1; n <= 5; n++)
    {
      GtfPool *pool = gtf_pool_get (n);
      g_assert_cmpuint (gtf_pool_get_n_threads (pool), ==, n);
      g_assert_true (gtf_pool_get (n) == pool);
      run_many (pool, 500);
    }
}

static void
test_callers (void)
{
  GThread *threads[4];

  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("caller", caller, gtf_pool_get (3));
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
}

static void
nested_part (gpointer data, guint part, guint n_parts)
{
  run_many (gtf_pool_get (2), 20);
}

static void
test_nested (void)
{
  gtf_pool_run (gtf_pool_get (2), 8, nested_part, NULL);
}

static void
test_sleep (void)
{
  for (int i = 0; i < 20; i++)
    {
      g_usleep (2000);
      run_many (gtf_pool_get (3), 10);
    }
}

static void
test_fork (void)
{
  int status;
  pid_t child;

  run_many (gtf_pool_get (2), 100);
  child = fork ();
  if (child == 0)
    {
      run_many (gtf_pool_get (2), 100);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  run_many (gtf_pool_get (2), 100);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pool/parts", test_parts);
  g_test_add_func ("/pool/callers", test_callers);
  g_test_add_func ("/pool/nested", test_nested);
  g_test_add_func ("/pool/sleep", test_sleep);
  g_test_add_func ("/pool/fork", test_fork);
  return g_test_run ();
}
