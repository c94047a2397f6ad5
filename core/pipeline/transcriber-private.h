/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfTranscriber in three files: the object and its queue (transcriber.c), what its thread does (transcriber-worker.c), its options
 * (transcriber-options.c).
 */
#pragma once

#include "pipeline/transcriber.h"
#include "pipeline/live-stream.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum
{
  ITEM_SAMPLES,
  ITEM_DRAIN
} ItemType;

typedef struct
{
  ItemType type;
  gboolean discontinuity;
  guint64 time;
  gsize n;
  float samples[];
} Item;

struct _GtfTranscriber
{
  GObject parent;
  GtfPipeline *pipeline;
  guint rate;
  gboolean live;
  guint64 max_queued;                 /* samples */
  char *parameters;                   /* of each request */

  GMutex lock;
  GCond cond;
  GQueue queue;                       /* of Item */
  guint64 queued;                     /* samples in it */
  gboolean quit, lost;                /* lost: something was dropped since the last item taken */
  guint flushes;
  GCancellable *cancellable;          /* of the run under way */
  GtfTranscriberStats stats;
  GThread *thread;

  GtfTranscriberFunc func;
  gpointer func_data;
  GDestroyNotify func_destroy;
  GMainContext *context;              /* where the signals are emitted */

  /* the thread's own */
  GtfLiveStream *stream;
  guint64 base_time;                  /* time of the stream's position 0 */
  guint64 next_time;                  /* expected of the next samples */
  double mean_cost;
};

typedef struct
{
  gint64 latency, max_lag;            /* ms */
  gboolean live;
  char *language;
  JsonNode *parameters;               /* of @object */
  JsonObject *object;
} GtfTranscriberOptions;

/* Reads the options that gtf_transcriber_new() documents over the defaults in @options; what they hold is freed by _clear(). */
gboolean gtf_transcriber_options_read  (GtfTranscriberOptions *options, const char *text, GError **error);
void     gtf_transcriber_options_clear (GtfTranscriberOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfTranscriberOptions, gtf_transcriber_options_clear)
/* (transfer full): the parameters of each request. @generates: the model writes by a generation_config. */
char    *gtf_transcriber_options_to_parameters (const GtfTranscriberOptions *options, gboolean generates, GError **error);

/* Calls the program's function, or emits the signal. */
void     gtf_transcriber_tell (GtfTranscriber *self, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error);

/* What the thread does until it is told to quit. */
gpointer gtf_transcriber_work (gpointer transcriber);
extern const GtfLiveOwner gtf_transcriber_live_owner;

G_END_DECLS
