/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of several users of one model: who waits for whom, by a clock that the test moves, and whose answer and error is whose. The detector is known
 * (fake/tasks/image.c) and says how many pictures its last request had.
 */
#include "../../sanitizer.h"
#include <string.h>
#include <gst/check/gsttestclock.h>
#include <json-glib/json-glib.h>
#include "../../core/pipeline/toy/repository.h"
#include "batch.h"
#include "harness.h"

#define WINDOW (5 * GST_MSECOND)

static char *repository;
static GtfPipeline *pipeline;
static GstClock *test_clock;
static gint (*together) (void);

/* A user with a picture that has a white square of @size, or is red (0), and what came of it. */
typedef struct
{
  GtfBatcher *batcher;
  gint size;
  const char *parameters;
  GCancellable *cancellable;
  GThread *thread;
  gint done;
  GtfResult *result;
  GError *error;
} User;

static gpointer
ask (gpointer data)
{
  User *user = data;
  g_autoptr (GtfImage) image = gtf_image_new (16, 16, NULL);

  for (gint i = 0; i < 16 * 16; i++)
    if (user->size == 0)
      image->pixels[3 * i] = 200;
    else if (i % 16 < user->size && i / 16 < user->size)
      memset (image->pixels + 3 * i, 255, 3);
  user->result = gtf_batcher_run (user->batcher, image, user->parameters, test_clock, WINDOW, user->cancellable, &user->error);
  g_atomic_int_set (&user->done, 1);
  return NULL;
}

static void
start (User *user, gint size, const char *parameters)
{
  user->batcher = gtf_batcher_join (pipeline);
  user->size = size;
  user->parameters = parameters;
  user->cancellable = g_cancellable_new ();
}

static void
begin (User *user)
{
  user->thread = g_thread_new ("user", ask, user);
}

/* Its answer is about its own picture. */
static void
finish (User *user)
{
  g_clear_pointer (&user->thread, g_thread_join);
  if (user->size && user->result)
    {
      JsonArray *list = json_node_get_array (gtf_result_get_node (user->result));
      JsonObject *box = json_object_get_object_member (json_array_get_object_element (list, 0), "box");

      g_assert_cmpint (json_object_get_int_member (box, "xmax"), ==, user->size);
    }
  gtf_batcher_leave (user->batcher);
  g_clear_object (&user->result);
  g_clear_object (&user->cancellable);
  g_clear_error (&user->error);
}

/* Until somebody waits for the deadline at which it goes on. */
static void
wait_pending (void)
{
  gst_test_clock_wait_for_next_pending_id (GST_TEST_CLOCK (test_clock), NULL);
}

static void
advance (GstClockTime time)
{
  gst_test_clock_advance_time (GST_TEST_CLOCK (test_clock), time);
  while (gst_test_clock_peek_id_count (GST_TEST_CLOCK (test_clock)) > 0)
    {
      GstClockID id = gst_test_clock_process_next_clock_id (GST_TEST_CLOCK (test_clock));

      if (!id)
        return;
      gst_clock_id_unref (id);
    }
}

static void
test_alone (void)
{
  User user = { 0 };

  start (&user, 3, NULL);
  begin (&user);
  g_clear_pointer (&user.thread, g_thread_join);        /* though the clock stands */
  g_assert_no_error (user.error);
  g_assert_cmpint (together (), ==, 1);
  finish (&user);
}

static void
test_together (void)
{
  User users[3] = { 0 };

  for (guint i = 0; i < 3; i++)
    start (&users[i], (gint) (2 + i), NULL);
  begin (&users[0]);
  begin (&users[1]);
  wait_pending ();
  g_assert_false (g_atomic_int_get (&users[0].done) || g_atomic_int_get (&users[1].done));
  begin (&users[2]);
  for (guint i = 0; i < 3; i++)
    {
      g_clear_pointer (&users[i].thread, g_thread_join);
      g_assert_no_error (users[i].error);
    }
  g_assert_cmpint (together (), ==, 3);
  for (guint i = 0; i < 3; i++)
    finish (&users[i]);
}

static void
test_deadline (void)
{
  User first = { 0 }, second = { 0 };

  start (&first, 4, NULL);
  start (&second, 5, NULL);
  begin (&first);
  wait_pending ();
  advance (WINDOW - 1);
  g_assert_false (g_atomic_int_get (&first.done));
  advance (1);
  g_clear_pointer (&first.thread, g_thread_join);
  g_assert_no_error (first.error);
  g_assert_cmpint (together (), ==, 1);
  finish (&second);
  finish (&first);
}

/* Who leaves is not waited for, nor is who was cancelled, who gets no answer. */
static void
test_leaving (void)
{
  User first = { 0 }, second = { 0 };

  start (&first, 4, NULL);
  start (&second, 5, NULL);
  begin (&first);
  wait_pending ();
  g_cancellable_cancel (first.cancellable);
  g_clear_pointer (&first.thread, g_thread_join);
  g_assert_error (first.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  begin (&second);
  wait_pending ();
  finish (&first);
  g_clear_pointer (&second.thread, g_thread_join);
  g_assert_no_error (second.error);
  finish (&second);
}

static void
test_different (void)
{
  User first = { 0 }, second = { 0 };

  start (&first, 6, "{\"threshold\": 0.1}");
  start (&second, 7, "{\"threshold\": 0.2}");
  begin (&first);
  begin (&second);
  g_clear_pointer (&first.thread, g_thread_join);
  g_clear_pointer (&second.thread, g_thread_join);
  g_assert_no_error (first.error);
  g_assert_no_error (second.error);
  g_assert_cmpint (together (), ==, 1);
  finish (&first);
  finish (&second);
}

static void
test_failure (void)
{
  User good = { 0 }, red = { 0 };

  start (&good, 8, NULL);
  start (&red, 0, NULL);
  begin (&good);
  begin (&red);
  g_clear_pointer (&good.thread, g_thread_join);
  g_clear_pointer (&red.thread, g_thread_join);
  g_assert_no_error (good.error);
  g_assert_error (red.error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  finish (&good);
  finish (&red);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int failed;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  repository = toy_repository ();
  pipeline = gtf_pipeline_load ("object-detection", repository, NULL, NULL, &error);
  g_assert_no_error (error);
  test_clock = gst_test_clock_new ();
  together = (gint (*) (void)) fake_symbol ("object-detection", "gtf_fake_image_together");
  g_test_add_func ("/batch/alone", test_alone);
  g_test_add_func ("/batch/together", test_together);
  g_test_add_func ("/batch/deadline", test_deadline);
  g_test_add_func ("/batch/leaving", test_leaving);
  g_test_add_func ("/batch/different", test_different);
  g_test_add_func ("/batch/failure", test_failure);
  failed = g_test_run ();
  gst_object_unref (test_clock);
  g_object_unref (pipeline);
  toy_remove (repository);
  g_free (repository);
  return failed;
}
