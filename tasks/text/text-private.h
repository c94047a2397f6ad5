/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tasks over text share: a model with its tokenizer and session, texts packed without padding and run in batches,
 * labels, scores, the reading of requests, and views for people. No task is named here and no architecture.
 */
#pragma once

#include "base/file.h"
#include "base/json.h"
#include "base/params.h"
#include "pipeline/task.h"

G_BEGIN_DECLS

/* ---- model.c: what a task works with ------------------------------------------------------------------------------------- */

typedef struct
{
  GtfTask *task;
  GtfTokenizer *tokenizer;
  GtfSession *session;
  JsonObject *config;           /* config.json */
  gboolean token_types;         /* the tokenizer hands token_type_ids to the model */
  GHashTable *seen;             /* (nullable): tensors by name: what the image processor made of the last picture */
  guint rows, row;              /* after a pass over several pictures: how many, and whose outputs are next; 0: one alone */
} TextModel;

/* @heads: tasks of which the model's head must do one, NULL-terminated; NULL: the bare model is enough. @wanted says what the head
 * is called: "a sequence classification head". */
TextModel *text_model_new  (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error);
void       text_model_free (TextModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextModel, text_model_free)
/* Whether the model's head does one of @tasks. */
gboolean   text_model_can_do (GtfModel *model, const char *const *tasks);

/* ---- batch.c: from rows of ids to outputs --------------------------------------------------------------------------------- */

typedef enum
{
  TEXT_PER_ROW,         /* [B][cols] */
  TEXT_PER_TOKEN,       /* [1][N] or [1][N][cols] */
  TEXT_PER_POSITION     /* [1][M][cols]: only the positions that were asked for */
} TextOutputKind;

typedef struct
{
  const char *name;     /* "logits"; NULL ends the list */
  TextOutputKind kind;
} TextOutput;

/* One text (or pair) of ids. A text with padding (mask 0) is a pass of its own. */
typedef struct
{
  const gint32 *ids, *type_ids;
  const guint8 *mask;           /* NULL: no padding */
  gsize n;
  guint n_types;                /* types a token; 0 is one. All rows of a run have the same */
  const guint32 *positions;     /* TEXT_PER_POSITION: which tokens, ascending */
  gsize n_positions;
} TextRow;

/* The part of an output that belongs to one text; valid during the call. */
typedef struct
{
  const float *data;
  gsize rows, cols;
  gssize stride;
} TextSlice;

static inline const float *
text_slice_row (const TextSlice *self, gsize row)
{
  return self->data + (gssize) row * self->stride;
}

/* Called once for each row, in any order; @slices as the outputs were listed. */
typedef gboolean (*TextDone) (gsize row, const TextSlice *slices, gpointer data, GError **error);

/* Runs all rows, longest first, packed without padding into passes of a bounded number of tokens. */
gboolean text_run (TextModel *self, const TextRow *rows, gsize n_rows, const TextOutput *outputs, TextDone done, gpointer data,
                   GCancellable *cancellable, GError **error);
/* How many rows, from @first of @order on, go into one pass. */
gsize    text_pass_size (const TextRow *rows, const guint *order, gsize n_rows, gsize first);

/* ---- tokens.c: from texts to rows ------------------------------------------------------------------------------------------ */

typedef struct
{
  GPtrArray *encodings;         /* GtfEncoding, owned; several a text where it overflowed into windows */
  GArray *rows;                 /* TextRow, into the encodings */
} TextTokens;

void     text_tokens_init  (TextTokens *self);
void     text_tokens_clear (TextTokens *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextTokens, text_tokens_clear)
/* Takes @encoding; padding behind the text is dropped unless @keep_padding. Its windows (overflowing) are rows of their own, if @windows. */
gboolean text_tokens_add   (TextTokens *self, GtfEncoding *encoding, gboolean windows, gboolean keep_padding, GError **error);
/* Tokens of one text or pair. @kwargs: arguments of the tokenizer as JSON */
gboolean text_tokens_add_text (TextTokens *self, TextModel *model, const char *text, const char *pair, const char *kwargs, GError **error);
static inline const GtfEncoding *
text_tokens_encoding (const TextTokens *self, gsize i)
{
  return g_ptr_array_index (self->encodings, i);
}

/* The start of each character of a text, in bytes; one more at its end. NULL where all are ASCII. */
typedef struct
{
  const char *text;
  gsize length, n_chars;
  guint32 *starts;
} TextChars;

gboolean text_chars_init  (TextChars *self, const char *text, GError **error);
void     text_chars_clear (TextChars *self);
/* Characters begin ... end as Python slices them: out of range is cut. (transfer full) */
char    *text_chars_slice (const TextChars *self, gsize begin, gsize end);

/* ---- request.c: inputs and parameters ---------------------------------------------------------------------------------------- */

const char *text_node_string (JsonNode *node);       /* NULL: it is no string */
/* One text or a list of texts; @where for messages. (transfer container) (element-type utf8): borrowed strings */
GPtrArray  *text_inputs_read (JsonNode *inputs, const char *where, gboolean *is_list, GError **error);
/* The arguments of the tokenizer among @parameters as JSON, with those of @more (nullable) first and @fixed (nullable, JSON) last. */
char       *text_tokenizer_kwargs (JsonObject *parameters, JsonObject *more, const char *fixed, GError **error);
/* A member that is an object, or NULL; FALSE: it is something else. */
gboolean    text_object_member (JsonObject *parameters, const char *name, JsonObject **object, GError **error);
/* A list of strings, or one string. (transfer container); NULL: absent, or an error */
GPtrArray  *text_strings_member (JsonObject *parameters, const char *name, GError **error);
gboolean    text_fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);       /* INVALID_ARGUMENT; FALSE */

/* Rows of the parameter tables of tasks that call the tokenizer with the request's own arguments. */
#define TEXT_TOKENIZER_PARAMETERS \
  { "truncation", "bool or string", "false", "cut what is too long: true (longest_first), \"only_first\", \"only_second\"", 0, 0 }, \
  { "max_length", "int (tokens)", "null", "how long a text may be with its special tokens; null: what the model takes", 0, 0 }, \
  { "padding", "bool or string", "false", "as the tokenizer takes it; behind a text it changes no answer", 0, 0 }, \
  { "add_special_tokens", "bool", "true", "put the model's special tokens around the text", 0, 0 }, \
  { "stride", "int (tokens)", "0", "overlap, where truncation cuts a text in windows", 0, 0 }, \
  { "pad_to_multiple_of", "int", "null", "accepted, as padding", 0, 0 }, \
  { "truncation_side", "\"left\" or \"right\"", "null", "where truncation cuts; null: as the tokenizer has it", 0, 0 }, \
  { "padding_side", "\"left\" or \"right\"", "null", "accepted, as padding", 0, 0 }

/* What every pipeline takes and nothing here depends on. */
#define TEXT_COMMON_PARAMETERS \
  { "batch_size", "int", "1", "accepted: texts are packed into batches by their lengths anyway", 0, 0 }, \
  { "num_workers", "int", "null", "accepted, without effect", 0, 0 }

/* ---- labels.c ------------------------------------------------------------------------------------------------------------------ */

typedef struct
{
  char *path;                   /* config.json, for messages */
  GPtrArray *names;             /* JsonNode by id, NULL where id2label has a hole */
  guint count;                  /* num_labels: how many id2label has */
} TextLabels;

TextLabels *text_labels_new   (TextModel *model, GError **error);
void        text_labels_free  (TextLabels *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextLabels, text_labels_free)
/* All outputs of a head must have a label. */
gboolean    text_labels_check (const TextLabels *self, gsize n_outputs, GError **error);
JsonNode   *text_labels_get   (const TextLabels *self, gsize id);
/* As text; what is no string in the file is printed. */
const char *text_labels_name  (TextLabels *self, gsize id);

/* ---- scores.c ------------------------------------------------------------------------------------------------------------------ */

void  text_softmax (float *x, gsize n);
float text_sigmoid (float x);
gsize text_argmax  (const float *x, gsize n);          /* the first of equals */
/* What makes scores of logits: `function_to_apply` of the pipelines and of config.json, in any case of letters. */
typedef enum { TEXT_FUNCTION_NONE, TEXT_FUNCTION_SIGMOID, TEXT_FUNCTION_SOFTMAX } TextFunction;
gboolean text_function_from_name (const char *name, TextFunction *function);
gboolean text_function_read  (JsonNode *node, TextFunction *function, GError **error);     /* of a request */
void     text_function_apply (TextFunction function, float *x, gsize n);
/* Indices by falling value, equals in their order. (transfer full) */
guint *text_order  (const float *x, gsize n);

/* ---- view.c: for people --------------------------------------------------------------------------------------------------------- */

/* Text on its way to a terminal (control characters are made visible) or into a page (escaped). */
void  text_view_text  (GString *out, GtfView view, const char *text, gssize length);
/* A table of labels with bars: label, score between 0 and 1 */
void  text_view_begin (GString *out, GtfView view);
void  text_view_bar   (GString *out, GtfView view, const char *label, guint width, double score);
void  text_view_end   (GString *out, GtfView view);
/* The whole view, (transfer full): @out is taken; text does not end with a new line, the tool puts one. */
char *text_view_finish (GString *out, GtfView view);
void  text_view_heading (GString *out, GtfView view, const char *text);
guint text_view_width (const char *text);               /* columns on a terminal */
guint text_view_widest (JsonArray *texts);              /* of strings */
/* Leaves texts, which the answer does not repeat, for render_details: a list of strings. */
void  text_details_take (const GtfRequest *request, const char *const *texts, gsize n);

typedef struct
{
  gsize begin, end;             /* characters */
  const char *label;
  double score;
} TextSpan;

/* A text with spans marked, and a legend of the labels. Spans are in order and do not overlap. */
void  text_view_spans (GString *out, GtfView view, const char *text, const TextSpan *spans, gsize n_spans);

/* Lists of {"label", "score"}, nested as batches nest them, with their texts. */
char *text_view_labels (JsonNode *inputs, JsonNode *result, GtfView view);

G_END_DECLS
