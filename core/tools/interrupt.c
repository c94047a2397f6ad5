/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ctrl-C: the work is asked to stop, and the process ends within 100 ms whether the work listens or not.
 *
 * The signals are blocked in all threads and taken by one that does nothing else (sigwait), so that nothing here runs in
 * a signal handler. It cancels, gives the main thread a moment to leave by itself, removes a file that was being
 * written, and lets the signal do what it would have done, so that a shell sees the right status.
 */
#include "tools/cli.h"

#include <signal.h>
#include <unistd.h>

/* What is left of the 100 ms is for the system to end the process. */
#define GRACE_MICROSECONDS 60000

static GMutex lock;
static char *partial;
static GCancellable *cancellable;

void
cli_interrupt_set_partial (const char *path)
{
  g_mutex_lock (&lock);
  g_free (partial);
  partial = g_strdup (path);
  g_mutex_unlock (&lock);
}

void
cli_interrupt_wait (void)
{
  while (g_cancellable_is_cancelled (cancellable))
    pause ();
}

static gpointer
watch (gpointer data)
{
  sigset_t *set = data;
  int number;

  if (sigwait (set, &number) != 0)
    return NULL;
  g_cancellable_cancel (cancellable);
  g_usleep (GRACE_MICROSECONDS);
  /* The lock stays taken: nobody may begin another file now. */
  g_mutex_lock (&lock);
  if (partial)
    unlink (partial);
  signal (number, SIG_DFL);
  pthread_sigmask (SIG_UNBLOCK, set, NULL);
  raise (number);
  _exit (128 + number);
}

GCancellable *
cli_interrupt_init (void)
{
  static sigset_t set;

  if (cancellable)
    return cancellable;
  cancellable = g_cancellable_new ();
  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
  g_thread_unref (g_thread_new ("gtf-signals", watch, &set));
  return cancellable;
}
