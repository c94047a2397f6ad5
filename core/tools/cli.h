/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the commands of the tool share.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <stdio.h>
#include "base/version.h"
#include "gtf.h"
#include "pipeline/reference.h"

G_BEGIN_DECLS

/* Exit statuses, as docs/command-line.md tells them. */
#define CLI_OK      0
#define CLI_FAILED  1
#define CLI_USAGE   2

/* ---- options.c: arguments of a command ---- */

typedef enum
{
  CLI_FLAG,             /* gboolean */
  CLI_STRING,           /* const char *, into argv */
  CLI_STRINGS,          /* GPtrArray *: each one is added */
  CLI_SETTING           /* JsonObject *: each KEY=VALUE goes into it */
} CliType;

typedef struct
{
  const char *name;     /* "model"; NULL ends the table */
  char letter;          /* 0: none */
  CliType type;
  gpointer target;
  const char *argument; /* "REF", for the help */
  const char *help;
} CliOption;

/* Fills the options and gathers the other arguments (borrowed from argv). "--" ends the options, "-" is an argument. */
gboolean cli_parse_options (const char *command, int argc, char **argv, const CliOption *options, GPtrArray *arguments, GError **error);
void     cli_print_options (const CliOption *options);
/* KEY=VALUE: dots descend, VALUE is JSON if it parses as such, else a string; @FILE is the text of a file. */
gboolean cli_apply_setting (JsonObject *object, const char *setting, GError **error);
/* "@FILE" -> its text, "-" -> standard input, else a copy. */
char    *cli_read_text     (const char *argument, GError **error);

/* (nullable) (transfer full): a copy of a secret argument; it is wiped out of the list of processes. */
char    *cli_take_secret   (const char *argument);

/* ---- main.c ---- */

/* (nullable): GTF_PLUGIN_PATH as the user has it; out of the build folder the tool adds to it. */
extern const char *cli_user_plugin_path;

/* ---- messages.c ---- */

extern gboolean cli_quiet;

int      cli_usage_error   (const char *command, const char *format, ...) G_GNUC_PRINTF (2, 3);     /* CLI_USAGE */
int      cli_failure       (const GError *error);                                                   /* CLI_FAILED */
void     cli_note          (const char *format, ...) G_GNUC_PRINTF (1, 2);                          /* nothing with --quiet */
gboolean cli_colours       (int fd);
/* What comes from a stranger, on one line: each character that a terminal would take for a command is a "?". (transfer full) */
char    *cli_printable     (const char *text);

/* ---- interrupt.c: Ctrl-C ---- */

/* Starts to watch SIGINT and SIGTERM; the cancellable is cancelled by them. Call before any thread is started. */
GCancellable *cli_interrupt_init (void);
/* After the cancellable was cancelled: waits for the end of the process. */
void          cli_interrupt_wait (void);
/* A file that must not stay behind; NULL: none any more. */
void          cli_interrupt_set_partial (const char *path);

/* ---- output.c ---- */

typedef enum
{
  CLI_FORMAT_TEXT,
  CLI_FORMAT_JSON,
  CLI_FORMAT_SRT,
  CLI_FORMAT_VTT,
  CLI_FORMAT_HTML,
  CLI_FORMAT_COCO,
  CLI_FORMAT_PNG,
  CLI_FORMAT_JPEG
} CliFormat;

/* From --format, else the ending of --output, else text on a terminal and JSON elsewhere. */
gboolean cli_choose_format (const char *format, const char *output, CliFormat *chosen, GError **error);
/* Writes all or nothing: to standard output (@path NULL), or to a file through a temporary one beside it. */
gboolean cli_write         (const char *path, const char *data, gsize length, GError **error);

/* ---- subtitles.c ---- */

char    *cli_subtitles (JsonNode *result, gboolean vtt, GError **error);

/* ---- picture.c ---- */

/* The task's answer drawn on the picture at @path, as a PNG or JPEG. */
GBytes  *cli_picture   (GtfPipeline *pipeline, const char *path, const char *parameters, gboolean jpeg, GCancellable *cancellable, GError **error);
/* The picture at @path with the @answer drawn on it, for the terminal that standard output is; NULL: it cannot be read again, or nothing is drawn on it. */
char    *cli_picture_preview (const char *path, JsonNode *answer);
/* Detections (element-type GtfResult) in the pictures at @paths, one each, as a COCO data set. */
char    *cli_coco      (char **paths, GPtrArray *results, GError **error);

/* ---- progress.c ---- */

typedef struct _CliProgress CliProgress;

CliProgress *cli_progress_new  (const char *what);
void         cli_progress_set  (CliProgress *self, double fraction, const char *text);
void         cli_progress_free (CliProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliProgress, cli_progress_free)

/* ---- fetch.c: what a command needs of the Hub ---- */

/* gtf_reference_fetch() with a bar. */
GtfReference *cli_fetch (const char *ref, const char *revision, GtfHubParts parts, GCancellable *cancellable, GError **error);
/* A bar for gtf_hub_download(): cli_fetch_progress() is its function, the bar its data. */
typedef struct _CliFetch CliFetch;
CliFetch     *cli_fetch_new      (const char *what);
void          cli_fetch_free     (CliFetch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliFetch, cli_fetch_free)
void          cli_fetch_progress (const GtfHubProgress *progress, gpointer self);

/* ---- json-lines.c: requests a line ---- */

/* (transfer full): the answer to a request's inputs and parameters, as JSON. */
typedef char *(*CliServe) (JsonNode *inputs, JsonObject *parameters, gpointer data, GError **error);

int      cli_serve_lines (CliServe serve, gpointer data, GCancellable *cancellable);

/* ---- table of commands ---- */

int cli_run        (int argc, char **argv);
int cli_tokenize   (int argc, char **argv);
int cli_preprocess (int argc, char **argv);
int cli_inspect    (int argc, char **argv);
int cli_convert    (int argc, char **argv);
int cli_search     (int argc, char **argv);
int cli_download   (int argc, char **argv);
int cli_upload     (int argc, char **argv);
int cli_cache      (int argc, char **argv);
int cli_auth       (int argc, char **argv);
int cli_plugins    (int argc, char **argv);
int cli_env        (int argc, char **argv);

G_END_DECLS
