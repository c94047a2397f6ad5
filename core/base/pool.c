/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread pool. A job is published in one 64-bit word: its generation in the upper half, below it the range of parts
 * that nobody has taken. The caller takes parts from the front, workers take them from the back, each by one compare and
 * swap. So with as many parts as threads each thread gets the same share of a weight matrix at every call (and finds it
 * in its cache), the caller never waits for a worker that has not begun, and a worker that comes late cannot take a part of
 * the next job by mistake, because the generation no longer fits.
 *
 * Workers spin for about 100 us after a job (a region then costs under 1 us), then sleep on a futex. A second thread that
 * calls while a job runs does all its parts itself: no queue, no deadlock. After fork () the child has no workers; they
 * are started again by the next job.
 */
#include "base/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_THREADS 256
#define SPIN_NS 100000
#define YIELD_NS 50000

struct _GtfPool
{
  guint n_threads;
  gboolean started;
  atomic_flag busy;
  GtfPoolFunc func;
  gpointer data;
  guint n_parts;
  _Alignas (64) _Atomic guint64 state;      /* generation << 32 | first free part << 16 | end of the free parts */
  _Alignas (64) _Atomic guint32 signal;     /* generation again: what workers sleep on */
  _Atomic guint32 sleepers;
  _Alignas (64) _Atomic guint32 done;
};

static GtfPool *pools[MAX_THREADS + 1];
static GMutex pools_lock;

static inline void
relax (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#endif
}

static gint64
now_ns (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec * G_GINT64_CONSTANT (1000000000) + t.tv_nsec;
}

static void
futex_wait (_Atomic guint32 *word, guint32 value)
{
  syscall (SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
futex_wake (_Atomic guint32 *word)
{
  syscall (SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Takes a part of the job of this generation: from the front, or from the back. FALSE when none is left. */
static gboolean
take (GtfPool *self, guint32 generation, gboolean front, guint *part)
{
  guint64 old = atomic_load_explicit (&self->state, memory_order_acquire);

  for (;;)
    {
      guint first = (old >> 16) & 0xffff, end = old & 0xffff;
      guint64 new;

      if ((guint32) (old >> 32) != generation || first >= end)
        return FALSE;
      new = ((guint64) generation << 32) | (guint64) (front ? first + 1 : first) << 16 | (front ? end : end - 1);
      if (atomic_compare_exchange_weak_explicit (&self->state, &old, new, memory_order_acq_rel, memory_order_acquire))
        {
          *part = front ? first : end - 1;
          return TRUE;
        }
    }
}

static void
work (GtfPool *self, guint32 generation, gboolean front)
{
  guint part;

  /* A part that was taken keeps the job alive, so func and data are those of this generation. */
  while (take (self, generation, front, &part))
    {
      self->func (self->data, part, self->n_parts);
      atomic_fetch_add_explicit (&self->done, 1, memory_order_release);
    }
}

/* Waits until there is another generation than the one seen. */
static guint32
wait_for_job (GtfPool *self, guint32 seen)
{
  gint64 until = 0;
  guint32 generation;

  for (guint spins = 0;; spins++)
    {
      generation = atomic_load_explicit (&self->signal, memory_order_acquire);
      if (generation != seen)
        return generation;
      relax ();
      if (spins % 64 != 63)
        continue;
      if (until == 0)
        until = now_ns () + SPIN_NS;
      else if (now_ns () > until)
        break;
    }
  atomic_fetch_add (&self->sleepers, 1);
  while ((generation = atomic_load (&self->signal)) == seen)
    futex_wait (&self->signal, seen);
  atomic_fetch_sub (&self->sleepers, 1);
  return generation;
}

typedef struct
{
  GtfPool *pool;
  guint32 seen;
} Worker;

static gpointer
worker_main (gpointer data)
{
  g_autofree Worker *worker = data;
  guint32 seen = worker->seen;

  for (;;)
    {
      seen = wait_for_job (worker->pool, seen);
      work (worker->pool, seen, FALSE);
    }
  return NULL;
}

static void
start_workers (GtfPool *self)
{
  self->started = TRUE;
  for (guint i = 1; i < self->n_threads; i++)
    {
      Worker *worker = g_new (Worker, 1);
      GThread *thread;
      *worker = (Worker){ self, atomic_load (&self->signal) };
      thread = g_thread_try_new ("gtf-worker", worker_main, worker, NULL);
      if (thread != NULL)
        g_thread_unref (thread);
      else
        g_free (worker);    /* fewer helpers: the caller does what is left */
    }
}

static void
after_fork (void)
{
  for (guint i = 0; i <= MAX_THREADS; i++)
    if (pools[i] != NULL)
      {
        pools[i]->started = FALSE;
        atomic_store (&pools[i]->sleepers, 0);
        atomic_flag_clear (&pools[i]->busy);
      }
}

static void
before_fork (void)
{
  g_mutex_lock (&pools_lock);
}

static void
unlock_pools (void)
{
  g_mutex_unlock (&pools_lock);
}

static void
after_fork_in_child (void)
{
  after_fork ();
  g_mutex_unlock (&pools_lock);
}

guint
gtf_pool_get_default_n_threads (void)
{
  const char *text = g_getenv ("GTF_THREADS");
  guint64 n = 0;
  cpu_set_t set;

  if (text != NULL && *text != '\0')
    {
      if (g_ascii_string_to_unsigned (text, 10, 1, MAX_THREADS, &n, NULL))
        return n;
      g_warning ("GTF_THREADS is \"%s\"; it must be a number from 1 to %d", text, MAX_THREADS);
    }
  CPU_ZERO (&set);
  if (sched_getaffinity (0, sizeof set, &set) == 0)
    return CLAMP (CPU_COUNT (&set), 1, MAX_THREADS);
  return CLAMP (g_get_num_processors (), 1, MAX_THREADS);
}

GtfPool *
gtf_pool_get (guint n_threads)
{
  static gboolean hooked;
  GtfPool *pool;

  n_threads = n_threads == 0 ? gtf_pool_get_default_n_threads () : MIN (n_threads, MAX_THREADS);
  g_mutex_lock (&pools_lock);
  if (!hooked)
    pthread_atfork (before_fork, unlock_pools, after_fork_in_child);
  hooked = TRUE;
  pool = pools[n_threads];
  if (pool == NULL)
    {
      pool = g_aligned_alloc0 (1, sizeof *pool, 64);
      pool->n_threads = n_threads;
      atomic_flag_clear (&pool->busy);
      pools[n_threads] = pool;
    }
  g_mutex_unlock (&pools_lock);
  return pool;
}

guint
gtf_pool_get_n_threads (const GtfPool *self)
{
  return self->n_threads;
}

static void
wait_for_parts (GtfPool *self, guint n_parts)
{
  gint64 until = 0;

  for (guint spins = 0; atomic_load_explicit (&self->done, memory_order_acquire) != n_parts; spins++)
    {
      relax ();
      if (spins % 64 != 63)
        continue;
      /* The worker may have lost its core to a neighbour: let it have ours. */
      if (until == 0)
        until = now_ns () + YIELD_NS;
      else if (now_ns () > until)
        sched_yield ();
    }
}

void
gtf_pool_run (GtfPool *self, guint n_parts, GtfPoolFunc func, gpointer data)
{
  guint32 generation;

  g_return_if_fail (n_parts <= 0xffff);

  if (self->n_threads <= 1 || n_parts <= 1 || atomic_flag_test_and_set_explicit (&self->busy, memory_order_acquire))
    {
      for (guint i = 0; i < n_parts; i++)
        func (data, i, n_parts);
      return;
    }
  if (!self->started)
    start_workers (self);
  self->func = func;
  self->data = data;
  self->n_parts = n_parts;
  atomic_store_explicit (&self->done, 0, memory_order_relaxed);
  generation = (guint32) (atomic_load (&self->state) >> 32) + 1;
  atomic_store (&self->state, (guint64) generation << 32 | n_parts);
  atomic_store (&self->signal, generation);
  if (atomic_load (&self->sleepers) > 0)
    futex_wake (&self->signal);
  work (self, generation, TRUE);
  wait_for_parts (self, n_parts);
  atomic_flag_clear_explicit (&self->busy, memory_order_release);
}
