/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Output of the commands that hf has too: for people, as JSON, or the names alone.
 */
#pragma once

#include "tools/cli.h"

G_BEGIN_DECLS

typedef struct
{
  const char *format;           /* as given */
  gboolean json, quiet;         /* as chosen */
} CliHubOutput;

#define CLI_HUB_OUTPUT_OPTIONS(output) \
  { "format", 0, CLI_STRING, &(output).format, "FORMAT", "human, json or quiet (names alone)" }, \
  { "json", 0, CLI_FLAG, &(output).json, NULL, "the same as --format json" }, \
  { "quiet", 'q', CLI_FLAG, &(output).quiet, NULL, "the same as --format quiet" }

gboolean cli_hub_output_choose (CliHubOutput *self, GError **error);
/* A line for people. */
void     cli_hub_text          (const CliHubOutput *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* What was done: @text (put into @format), and names with values, of which JSON has all and --quiet the last. */
void     cli_hub_result        (const CliHubOutput *self, const char *format, const char *text, ...) G_GNUC_NULL_TERMINATED;
char    *cli_hub_size          (gint64 bytes);          /* "3.0K" (transfer full) */
char    *cli_hub_since         (gint64 seconds);        /* "2 days ago" (transfer full) */

/* A table: @columns are shown, all that is put is in the JSON, @key alone with --quiet. */
typedef struct _CliHubTable CliHubTable;
CliHubTable *cli_hub_table_new      (const char *const *columns, const char *key);
void         cli_hub_table_free     (CliHubTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliHubTable, cli_hub_table_free)
void         cli_hub_table_row      (CliHubTable *self);
void         cli_hub_table_put      (CliHubTable *self, const char *name, const char *value);
void         cli_hub_table_put_int  (CliHubTable *self, const char *name, gint64 value);
void         cli_hub_table_put_list (CliHubTable *self, const char *name, GPtrArray *values);
/* Prints at once what was put since the last time; JSON waits for the end, since half a list is none. */
void         cli_hub_table_flush    (CliHubTable *self, const CliHubOutput *output);
/* The rest, and what is said of an empty table. */
void         cli_hub_table_print    (CliHubTable *self, const CliHubOutput *output);

G_END_DECLS
