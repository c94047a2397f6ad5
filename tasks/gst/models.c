/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models.h"

#define PATIENCE (100 * G_TIME_SPAN_MILLISECOND)    /* after which who waits looks whether he is to stop */

typedef struct
{
  GWeakRef pipeline;
  gboolean loading;
} Entry;

static GMutex lock;
static GCond cond;
static GHashTable *entries;           /* "task\nmodel\noptions" -> Entry */

static void
entry_free (gpointer data)
{
  g_weak_ref_clear (&((Entry *) data)->pipeline);
  g_free (data);
}

static gboolean
is_over (gpointer key, gpointer value, gpointer data)
{
  Entry *entry = value;
  g_autoptr (GtfPipeline) pipeline = g_weak_ref_get (&entry->pipeline);

  return !pipeline && !entry->loading;
}

/* With the lock: waits while another loads it. */
static Entry *
find (const char *key, GCancellable *cancellable, GError **error)
{
  Entry *entry;

  if (!entries)
    entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  while ((entry = g_hash_table_lookup (entries, key)) && entry->loading)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      g_cond_wait_until (&cond, &lock, g_get_monotonic_time () + PATIENCE);
    }
  if (!entry)
    {
      entry = g_new0 (Entry, 1);
      g_weak_ref_init (&entry->pipeline, NULL);
      g_hash_table_insert (entries, g_strdup (key), entry);
    }
  return entry;
}

GtfPipeline *
gtf_models_load (const char *task, const char *model, const char *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%s\n%s\n%s", task, model ? model : "", options ? options : "");
  GtfPipeline *pipeline;
  Entry *entry;

  g_mutex_lock (&lock);
  entry = find (key, cancellable, error);
  pipeline = entry ? g_weak_ref_get (&entry->pipeline) : NULL;
  if (!entry || pipeline)
    {
      g_mutex_unlock (&lock);
      return pipeline;
    }
  entry->loading = TRUE;              /* so nobody takes it out */
  g_mutex_unlock (&lock);
  pipeline = gtf_pipeline_load (task, model, options, cancellable, error);
  g_mutex_lock (&lock);
  entry->loading = FALSE;
  g_weak_ref_set (&entry->pipeline, pipeline);
  g_hash_table_foreach_remove (entries, is_over, NULL);
  g_cond_broadcast (&cond);
  g_mutex_unlock (&lock);
  return pipeline;
}
