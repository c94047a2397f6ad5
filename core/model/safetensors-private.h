/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of the safetensors reader, shared by its files: header (safetensors.c), index of shards (shards.c), conversion
 * (convert.c), writer (safetensors-writer.c).
 */
#pragma once

#include "model/safetensors.h"

typedef struct
{
  char *path;
  int fd;
  gsize size;
} GtfStoredFile;

struct _GtfSafetensors
{
  GPtrArray *files;       /* GtfStoredFile */
  GPtrArray *tensors;     /* GtfStoredTensor */
  GHashTable *by_name;    /* name -> GtfStoredTensor */
  GHashTable *metadata;   /* key -> value */
  GStringChunk *names;
};

GtfSafetensors *gtf_safetensors_new      (void);
gboolean        gtf_safetensors_add_file (GtfSafetensors *self, const char *path, GError **error);
gboolean        gtf_safetensors_finish   (GtfSafetensors *self, GError **error);
