/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models in common: the same for the same question, for as long as anybody has it; failures are nobody's.
 */
#include "models.h"

#include "../../core/pipeline/toy/repository.h"

static char *repository;

static gpointer
load (gpointer data)
{
  return gtf_models_load ("echo", repository, "{}", NULL, NULL);
}

static void
test_same (void)
{
  g_autoptr (GtfPipeline) one = load (NULL), two = load (NULL), other = gtf_models_load ("echo", repository, "{\"threads\": 1}", NULL, NULL);
  g_autoptr (GtfPipeline) parrot = gtf_models_load ("parrot", repository, "{}", NULL, NULL);

  g_assert_nonnull (one);
  g_assert_true (one == two);
  g_assert_true (other && other != one && parrot && parrot != one);
}

/* Threads that ask at once get one. */
static void
test_threads (void)
{
  GThread *threads[8];
  GtfPipeline *first = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("load", load, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      GtfPipeline *pipeline = g_thread_join (threads[i]);

      g_assert_nonnull (pipeline);
      if (first)
        {
          g_assert_true (pipeline == first);
          g_object_unref (pipeline);
        }
      else
        first = pipeline;
    }
  g_object_unref (first);
}

/* Nothing is kept that nobody has. */
static void
test_over (void)
{
  GtfPipeline *one = load (NULL);

  g_object_add_weak_pointer (G_OBJECT (one), (gpointer *) &one);
  g_object_unref (one);
  g_assert_null (one);
  one = load (NULL);
  g_assert_nonnull (one);
  g_object_unref (one);
}

static void
test_failure (void)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_models_load ("echo", "/nowhere/at-all", "{}", NULL, &error));
      g_assert_nonnull (strstr (error->message, "/nowhere/at-all"));
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  g_test_add_func ("/models/same", test_same);
  g_test_add_func ("/models/threads", test_threads);
  g_test_add_func ("/models/over", test_over);
  g_test_add_func ("/models/failure", test_failure);
  status = g_test_run ();
  toy_remove (repository);
  g_free (repository);
  return status;
}
