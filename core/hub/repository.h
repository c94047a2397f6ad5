/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A repository of the Hub: its addresses, which commit a revision is, and which files there are.
 */
#pragma once

#include "hub/client.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_HUB_TYPE_MODEL,
  GTF_HUB_TYPE_DATASET,
  GTF_HUB_TYPE_SPACE
} GtfHubType;

typedef struct
{
  GtfHubType type;
  char *id;                     /* "org/name" */
  char *revision;               /* as it was asked for; "main" */
  char *what;                   /* "org/name (revision main)", for messages */
} GtfHubRepo;

/* @revision: (nullable). Both are checked. */
GTF_API GtfHubRepo *gtf_hub_repo_new         (GtfHubType type, const char *id, const char *revision, GError **error);
GTF_API void        gtf_hub_repo_free        (GtfHubRepo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubRepo, gtf_hub_repo_free)

GTF_API const char *gtf_hub_type_get_name    (GtfHubType type);         /* "model", "dataset", "space" */
GTF_API gboolean    gtf_hub_type_from_name   (const char *name, GtfHubType *type);
/* "models--org--name": its folder in a cache. (transfer full) */
GTF_API char       *gtf_hub_repo_dup_folder  (const GtfHubRepo *self);
/* ENDPOINT/org/name (transfer full) */
GTF_API char       *gtf_hub_repo_dup_page    (const GtfHubRepo *self, const GtfHubClient *client);
/* ENDPOINT/api/models/org/name + @rest (transfer full) */
GTF_API char       *gtf_hub_repo_dup_api     (const GtfHubRepo *self, const GtfHubClient *client, const char *rest);
/* ENDPOINT/org/name/resolve/REVISION/PATH (transfer full) */
GTF_API char       *gtf_hub_repo_dup_resolve (const GtfHubRepo *self, const GtfHubClient *client, const char *revision, const char *path);

/* Text of 40 hexadecimal digits. */
GTF_API gboolean    gtf_hub_is_commit        (const char *text);

typedef struct
{
  char *path;
  char *etag;                   /* SHA-256 of a large file, else git's SHA-1: the name of its blob */
  char *blob_id;                /* (nullable): git's name of what is in the repository, for a large file its pointer */
  gint64 size;                  /* -1: unknown */
  gboolean lfs;
} GtfHubFile;

GTF_API void        gtf_hub_file_free        (GtfHubFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfHubFile, gtf_hub_file_free)
/* FALSE for a path that could lead out of its folder, on this system or another, or that no file system takes. */
GTF_API gboolean    gtf_hub_check_path       (const char *what, const char *path, GError **error);

/* The commit that the revision is now. (transfer full) */
GTF_API char       *gtf_hub_ask_commit       (GtfHubClient *client, const GtfHubRepo *repo, GtfHubRequestFlags flags, GCancellable *cancellable, GError **error);
/* All files of a commit, or of what a revision is now. (transfer container) (element-type GtfHubFile) */
GTF_API GPtrArray  *gtf_hub_ask_tree         (GtfHubClient *client, const GtfHubRepo *repo, const char *commit, GtfHubRequestFlags flags, GCancellable *cancellable, GError **error);
/* What one file is, by HEAD: *commit and *url (where it is to be got) besides. (transfer full) */
GTF_API GtfHubFile *gtf_hub_ask_file         (GtfHubClient *client, GtfHubRequest *request, const char *path, char **commit, char **url, GCancellable *cancellable, GError **error);

/* What the headers of an answer say of a file. (transfer full) */
GTF_API GtfHubFile *gtf_hub_file_from_headers (const GtfHttpResponse *response, const char *what, const char *path, char **commit, GError **error);
/* A page of the listing of a commit: appends to @files; @seen has the paths that there were already. */
GTF_API gboolean    gtf_hub_tree_read_page   (const GtfHubRepo *repo, JsonNode *page, GPtrArray *files, GHashTable *seen, GError **error);
/* FOLDER/trees/COMMIT.json, as huggingface_hub 2.4 has it: read (NULL where there is none that can be used), and written if possible. */
GTF_API GPtrArray  *gtf_hub_tree_read        (const char *folder, const char *commit);
GTF_API void        gtf_hub_tree_write       (const char *folder, const char *commit, GPtrArray *files);

/* (transfer full) (nullable): the address of the next page in a Link header, if it is the Hub's own. */
GTF_API char       *gtf_hub_next_page        (const GtfHubClient *client, const char *url, const GtfHttpResponse *response);

G_END_DECLS
