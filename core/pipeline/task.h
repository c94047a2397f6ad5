/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a task module is and what it gets. One task = one module (gtf-automatic-speech-recognition.so). A task turns the
 * pipeline's request into the pipeline's answer; it never names an architecture.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "model/session.h"
#include "text/tokenizer.h"
#include "pipeline/preprocessor.h"

G_BEGIN_DECLS

typedef struct _GtfTask GtfTask;

/* A parameter of the pipeline: for `run TASK --help`, and checked before the task sees it. */
typedef struct
{
  const char *name;             /* "return_timestamps"; NULL ends the table */
  const char *type;             /* for people: "bool or \"word\"", "float (s)" */
  const char *fallback;         /* JSON text of the default */
  const char *description;
  double minimum, maximum;      /* for numbers; both 0: no bound */
} GtfTaskParameter;

/* A final or partial piece of the answer while a long input is worked on (streaming). */
typedef void (*GtfTaskProgress) (JsonNode *piece, gboolean final, double fraction, gpointer data);

typedef struct
{
  JsonNode *inputs;             /* as in the request; a path for media */
  JsonObject *parameters;       /* never NULL */
  const GtfAudio *audio;        /* (nullable): samples given by the program instead of a path */
  GtfTaskProgress progress;     /* (nullable) */
  gpointer progress_data;
  GCancellable *cancellable;
} GtfRequest;

/* What the pipeline has loaded for the task. */
struct _GtfTask
{
  GtfModel *model;
  GtfTokenizer *tokenizer;          /* NULL where the repository has none */
  GtfPreprocessor *preprocessor;    /* NULL where the repository has none */
  JsonObject *generation_config;    /* NULL where the repository has none */
  gpointer state;                   /* the task's own */
};

typedef struct
{
  GtfPlugin head;
  const char *const *aliases;           /* (nullable): "ner"; NULL-terminated */
  const char *media;                    /* "audio", "image", "video", "text": what an INPUT of the command line is */
  const GtfTaskParameter *parameters;
  gboolean (*open) (GtfTask *task, GError **error);            /* after loading: state, checks */
  void (*close) (GtfTask *task);
  JsonNode *(*run) (GtfTask *task, const GtfRequest *request, GError **error);    /* (transfer full) */
  char *(*to_text) (JsonNode *result);                          /* made to be read; (nullable) */
} GtfTaskPlugin;

G_END_DECLS
