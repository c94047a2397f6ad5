/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfElement: what every element that runs a model is. It has the properties `model`, `dtype`, `revision`, `adapter`, `threads`,
 * `parameters`, `results` and `stats`; loads the model on a thread of its own from READY to PAUSED, told by PROGRESS messages; and
 * posts results. What it does with the model is the subclass's.
 */
#pragma once

#include <gst/gst.h>
#include <gtf/gtf.h>

G_BEGIN_DECLS

#define GTF_TYPE_ELEMENT (gtf_element_get_type ())
G_DECLARE_DERIVABLE_TYPE (GtfElement, gtf_element, GTF, ELEMENT, GstElement)

/* The property `stats`; times in ns. */
typedef struct
{
  guint64 frames_in, frames_done, frames_dropped, inference_mean, inference_max, lag;
} GtfElementStats;

struct _GtfElementClass
{
  GstElementClass parent_class;
  /* (transfer full): which task's pipeline; called with the object lock */
  char *(*get_task)   (GtfElement *self);
  /* From READY to PAUSED, before the loader starts; FALSE with an error: it fails. (nullable) */
  gboolean (*start)   (GtfElement *self, GError **error);
  /* From PAUSED to READY, after the pads and the loader have ended. (nullable) */
  void (*stop)        (GtfElement *self);
  /* With the lock; what is 0 already may stay. (nullable) */
  void (*get_stats)   (GtfElement *self, GtfElementStats *stats);
  /* It asks for its pipeline each time, and keeps nothing in it: `model` may be changed while it runs, and elements may have one in common. */
  gboolean shares_model;
};

/* What subclasses wait on and guard their own state with. */
void         gtf_element_lock      (GtfElement *self);
void         gtf_element_unlock    (GtfElement *self);
/* With the lock: until something is told. */
void         gtf_element_wait      (GtfElement *self);
/* Something changed; with the lock or without. */
void         gtf_element_tell      (GtfElement *self);

/* With the lock. Is it still loading? (nullable) (transfer none): the pipeline, once it is there. Both: it could not be loaded. */
gboolean     gtf_element_is_loading   (GtfElement *self);
GtfPipeline *gtf_element_get_pipeline (GtfElement *self);

/* Without the lock, on a worker's thread. (nullable) (transfer full): the pipeline, waiting for it; NULL: it could not be loaded, or nobody
 * waits any more: who cancels @cancellable tells, with the lock. */
GtfPipeline *gtf_element_wait_for_pipeline (GtfElement *self, GCancellable *cancellable);

/* (transfer full): the property `parameters` as a JSON object; NULL: error */
char        *gtf_element_get_parameters (GtfElement *self, GError **error);
/* Posts `gtf-result`, and writes it to `results` if it is final. @pipeline: who answered. @segment: to which @start belongs. */
void         gtf_element_post_result (GtfElement *self, GtfPipeline *pipeline, const char *json, const GstSegment *segment, GstClockTime start, GstClockTime duration, gboolean final);

/* For class_init: (nullable) defaults and flags are those of all elements. Live: may be changed while playing. */
void         gtf_element_install_string (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb);
void         gtf_element_install_live_string (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb);
void         gtf_element_install_uint   (GObjectClass *klass, guint id, const char *name, const char *nick, const char *blurb, guint min, guint max, guint value);

G_END_DECLS
