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

/**
 * GtfTaskParameter:
 *
 * A parameter of the pipeline: for `run TASK --help`, and checked before the task sees it.
 */
typedef struct
{
  const char *name;             /* "return_timestamps"; NULL ends the table */
  const char *type;             /* for people: "bool or \"word\"", "float (s)" */
  const char *fallback;         /* JSON text of the default */
  const char *description;
  double minimum, maximum;      /* for numbers; both 0: no bound */
} GtfTaskParameter;

/**
 * GtfTaskProgress:
 * @piece: (nullable): the piece, as it stands in the answer
 * @final: whether no later piece replaces it
 * @fraction: how much of the input is done, 0 to 1
 * @data: what the request gave
 *
 * Called with each piece of the answer while a long input is worked on (streaming).
 */
typedef void (*GtfTaskProgress) (JsonNode *piece, gboolean final, double fraction, gpointer data);

/**
 * GtfRequest:
 *
 * One call of a task.
 */
typedef struct
{
  JsonNode *inputs;             /* as in the request; a path for media */
  JsonObject *parameters;       /* never NULL */
  const GtfAudio *audio;        /* (nullable): samples given by the program instead of a path */
  GtfTaskProgress progress;     /* (nullable) */
  gpointer progress_data;
  GCancellable *cancellable;
  JsonNode **details;           /* (nullable) (out): what render_details gets beside the answer; a task may leave it */
  const GtfImage *image;        /* (nullable): a picture given by the program instead of a path */
  const GtfImage *const *images;        /* (nullable): several, where the task takes them together; the answer is a list */
  guint n_images;
  const GtfImage *const *frames;        /* frames of a video given by the program instead of a path */
  gsize n_frames;               /* 0: none are given */
} GtfRequest;

/**
 * GtfTask:
 *
 * What the pipeline has loaded for the task.
 */
struct _GtfTask
{
  GtfModel *model;
  GtfTokenizer *tokenizer;          /* NULL where the repository has none */
  GtfPreprocessor *preprocessor;    /* NULL where the repository has none */
  JsonObject *generation_config;    /* NULL where the repository has none */
  gpointer state;                   /* the task's own */
};

/* How the inputs of the command line become requests. */
typedef enum
{
  GTF_TASK_DEFAULT         = 0,
  GTF_TASK_INPUT_OPTIONAL  = 1 << 0,    /* all of a request may stand in its parameters; inputs are then null */
  GTF_TASK_INPUTS_TOGETHER = 1 << 1,    /* several INPUTs are one request with a list */
  GTF_TASK_INPUTS_BATCH    = 1 << 2,    /* as JSON they are one too: a list is answered in the shape that the pipeline has for it */
  GTF_TASK_NO_PIXELS       = 1 << 3,    /* it needs no RGB, because pictures go to the preprocessor alone: frames of video come as they lie, in YUV too, with pixels NULL */
  GTF_TASK_IMAGES_TOGETHER = 1 << 4     /* and a request may have several, which are one pass of the model where that is the same */
} GtfTaskFlags;

/* What an answer is made for, when it is made to be looked at. */
typedef enum
{
  GTF_VIEW_TEXT,        /* plain text */
  GTF_VIEW_TERMINAL,    /* text with colours and underlines */
  GTF_VIEW_HTML         /* what stands inside <body> */
} GtfView;

/**
 * GtfTaskPlugin:
 *
 * What a module of tasks/ describes itself with (gtf-fill-mask.so, gtf_task_fill_mask()).
 */
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
  /* Fields since the first version of the ABI; struct_size tells whether a module has them. */
  GtfTaskFlags flags;
  const char *input;                                            /* (nullable): what an INPUT is, for the help */
  char *(*render) (JsonNode *inputs, JsonNode *result, GtfView view);   /* (nullable), instead of to_text; NULL: not in this view */
  /* (nullable), instead of render: also gets what run left in request->details; NULL where that was nothing. */
  char *(*render_details) (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view);
} GtfTaskPlugin;

/* Whether a module was built with a field of the struct. */
#define GTF_TASK_HAS(plugin, field) ((plugin)->head.struct_size >= G_STRUCT_OFFSET (GtfTaskPlugin, field) + sizeof ((plugin)->field) && (plugin)->field)

G_END_DECLS
