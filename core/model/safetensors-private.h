/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of the table of stored tensors, shared by its files: the table (stored-tensors.c), the header of safetensors (safetensors.c), torch's
 * files (torch-files.c and those it names), index of shards (shards.c).
 */
#pragma once

#include "base/file.h"
#include "model/byte-source.h"
#include "model/safetensors.h"

/* How the elements of a tensor lie, where it is not one after the other: strides count elements from the tensor's offset. */
struct _GtfStoredView
{
  guint n_dims;
  gint64 shape[GTF_MAX_DIMS], strides[GTF_MAX_DIMS];
  gsize span;             /* bytes of the file from the first to the last element */
  char *packed;           /* in order; NULL until it is asked for, then for as long as the table lives */
};

struct _GtfSafetensors
{
  GPtrArray *files;       /* GtfByteSource */
  GPtrArray *tensors;     /* GtfStoredTensor */
  GPtrArray *views;       /* GtfStoredView */
  GPtrArray *changes;     /* GtfAdaptation */
  GHashTable *by_name;    /* name -> GtfStoredTensor */
  GHashTable *metadata;   /* key -> value */
  GStringChunk *names;
  GMutex mutex;           /* guards `packed` of the views */
};

GtfSafetensors *gtf_safetensors_new      (void);
gboolean        gtf_safetensors_add_file (GtfSafetensors *self, const char *path, GError **error);
/* Takes the source over. */
gboolean        gtf_safetensors_add_source (GtfSafetensors *self, GtfByteSource *source, GError **error);
gboolean        gtf_safetensors_finish   (GtfSafetensors *self, GError **error);

/* safetensors.c: whether a file begins like one; its tensors. The file is the last one of self->files. */
gboolean        gtf_safetensors_looks_like      (const guint8 *first, gsize n);
gboolean        gtf_safetensors_add_safetensors (GtfSafetensors *self, const GtfByteSource *file, GError **error);

/* torch-files.c: the tensors of a file of torch.save(), told by its first bytes. */
#define GTF_TORCH_FIRST_BYTES 512
gboolean        gtf_torch_add (GtfSafetensors *self, const GtfByteSource *file, const guint8 *first, gsize n, GError **error);

/* safetensors-writer.c: a tensor that is written, and what writes its bytes. */
typedef struct
{
  const char *name;
  GtfDtype dtype;           /* in the file */
  guint n_dims;
  const gint64 *shape;
  guint64 n_bytes;
  gconstpointer source;     /* for the callback */
} GtfWrittenTensor;

typedef gboolean (*GtfWriteData) (GtfFileWriter *writer, const GtfWrittenTensor *tensor, gpointer data, GError **error);

/* Sorts @entries (GtfWrittenTensor) and writes a file that appears whole or not at all. */
gboolean        gtf_safetensors_write_entries (const char *path, GArray *entries, GHashTable *metadata, GtfWriteData write, gpointer data, GError **error);
