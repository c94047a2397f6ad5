/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tests of uploads share: a folder, a Hub, and what has arrived there.
 */
#pragma once

#include "hub/upload.h"
#include "server.h"

G_BEGIN_DECLS

#define BIG 300000              /* bytes of model.safetensors */

extern HubServer *server;
extern GtfHubClient *client;
extern char *folder;

typedef struct
{
  GtfHubProgress progress;
  GString *notes;
  const char *spoil;            /* (nullable): a file that is written to at the first news */
} Seen;

void     seen_clear       (Seen *seen);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seen, seen_clear)

/* The three above. */
void     upload_start     (void);
void     upload_stop      (void);
/* All files of the folder, as they are at first. */
void     fill             (void);
/* Uploads the folder, or options->local. */
gboolean upload           (GtfHubUpload *options, const char *id, const char *revision, Seen *seen, GtfHubUploaded *done, GError **error);
/* The repository has each file of the folder, as it is, and large where it should be. */
void     check_repository (const char *id, const char *revision);

G_END_DECLS
