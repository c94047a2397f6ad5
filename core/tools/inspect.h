/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers inspect: what its parts share.
 */
#pragma once

#include <json-glib/json-glib.h>
#include "model/config.h"
#include "pipeline/reference.h"

G_BEGIN_DECLS

/* All that is known of a repository, or of a file of weights. */
typedef struct
{
  char *title;
  JsonObject *facts;        /* in the order in which they are shown */
  JsonObject *weights;      /* NULL: there are none that can be read */
  JsonObject *use;          /* NULL: nothing here can run it */
  JsonArray *files;         /* NULL: not a folder */
} Findings;

/* inspect-facts.c: fills all but the weights. @ref: as the user wrote it, with its revision. */
void        inspect_repository   (Findings *findings, const char *ref, const GtfReference *reference, const GtfConfig *config);

/* inspect-files.c: [{"name", "size"}], by name, of the folder and those within; of a repository of the Hub whose listing is known all files, also those
 * that were not fetched. (transfer full) */
JsonArray  *inspect_files        (const GtfReference *reference);

/* inspect-chat.c: name -> chat template; "default" is the one that is used without tools. (transfer full) (nullable) */
JsonObject *inspect_chat         (const char *directory);

/* inspect-use.c: {"command", "c", "python", "gstreamer" (where an element serves the task)}. @mask (nullable): the mask token. (transfer full) */
JsonObject *inspect_use          (const char *ref, const char *task, const char *mask);
/* The page of an architecture, as a file:// address; @plugin: its module. (transfer full) (nullable) */
char       *inspect_page         (const char *plugin);

/* inspect-show.c */
void        inspect_show_text    (const Findings *findings, GString *out);
void        inspect_show_html    (const Findings *findings, GString *out);
void        inspect_show_json    (const Findings *findings, GString *out);

G_END_DECLS
