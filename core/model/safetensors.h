/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The weights of a repository: one file, or shards named by an index, as safetensors or in one of the forms that torch.save() has had. All
 * rules of the format are enforced when it is opened; afterwards each tensor is known to lie inside its file and to have the bytes its
 * shape needs. The table is named after the format that repositories are written in today.
 *
 * Data are read by pread() into the buffers of those who pack them, not mapped: a file that shrinks while it is being loaded is
 * then a short read and an error, where a mapping would be SIGBUS, and nothing of the file counts as memory of the
 * process (docs/decisions/0022). Reading is thread-safe.
 */
#pragma once

#include "base/error.h"
#include "model/byte-source.h"
#include "tensor/tensor.h"

G_BEGIN_DECLS

typedef struct _GtfSafetensors GtfSafetensors;
typedef struct _GtfStoredView GtfStoredView;
typedef struct _GtfAdaptation GtfAdaptation;

/* One tensor as it lies in a file. */
typedef struct
{
  const char *name;
  const char *path;             /* of its file, for messages */
  GtfDtype dtype;
  guint n_dims;                 /* 0: a scalar */
  gint64 shape[GTF_MAX_DIMS];
  gsize n_elements;
  gsize n_bytes;
  goffset offset;               /* in the file */
  guint file;
  GtfStoredView *view;          /* NULL: its elements lie one after the other, as in all safetensors */
  const GtfAdaptation *change;  /* NULL: none; what an adapter makes of it (adapted.h) */
} GtfStoredTensor;

/* The weights of a folder: model.safetensors, else model.safetensors.index.json, else pytorch_model.bin, else pytorch_model.bin.index.json, as
 * transformers looks for them. Where there is none, the error says what there is. A file is known by what it holds, not by its name. */
GTF_API GtfSafetensors *gtf_safetensors_open      (const char *directory, GError **error);
GTF_API GtfSafetensors *gtf_safetensors_open_file (const char *path, GError **error);
/* From anything that gives bytes, which is taken over; of a source that has no data only the table can be used. */
GTF_API GtfSafetensors *gtf_safetensors_open_source (GtfByteSource *source, GError **error);
/* The same from the shards of an index, in its order. A tensor that two have is an error. */
GTF_API GtfSafetensors *gtf_safetensors_open_sources (GtfByteSource **sources, guint n, GError **error);
GTF_API void            gtf_safetensors_free      (GtfSafetensors *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfSafetensors, gtf_safetensors_free)

GTF_API guint                  gtf_safetensors_get_n_tensors (const GtfSafetensors *self);
GTF_API const GtfStoredTensor *gtf_safetensors_get           (const GtfSafetensors *self, guint index);    /* in the order of the files */
GTF_API const GtfStoredTensor *gtf_safetensors_find          (const GtfSafetensors *self, const char *name);   /* (nullable) */
/* (nullable): a value of __metadata__ of the first file that has it */
GTF_API const char            *gtf_safetensors_get_metadata  (const GtfSafetensors *self, const char *key);
GTF_API guint                  gtf_safetensors_get_n_files   (const GtfSafetensors *self);
GTF_API const char            *gtf_safetensors_get_path      (const GtfSafetensors *self, guint file);

/* Raw bytes of a tensor, from @offset in it. */
GTF_API gboolean gtf_safetensors_read     (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize offset, gsize length, gpointer to, GError **error);
/* Elements first ... first + n as float32, whatever floating type is stored. Integers are an error that names the tensor. */
GTF_API gboolean gtf_safetensors_read_f32 (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize first, gsize n, float *to, GError **error);
/* The whole as a heap tensor of its own type. (transfer full) */
GTF_API GtfTensor *gtf_safetensors_read_tensor (const GtfSafetensors *self, const GtfStoredTensor *tensor, GError **error);
/* After loading: every file still has the size it had when it was opened. */
GTF_API gboolean gtf_safetensors_check_sizes (const GtfSafetensors *self, GError **error);

/* The files that an index names, in the order in which they come; each lies inside the folder. (transfer full) */
GTF_API char   **gtf_safetensors_parse_index  (const char *name, const char *text, gsize length, GError **error);
/* Checks a header alone: what the fuzzer feeds. @header are the bytes after the length, @data_size those after the header. */
GTF_API gboolean gtf_safetensors_check_header (const char *name, const char *header, gsize length, guint64 data_size, GError **error);

/**
 * gtf_safetensors_write:
 * @tensors: (element-type utf8 GtfTensor): what to write, in the order of the names
 * @metadata: (nullable) (element-type utf8 utf8): __metadata__
 *
 * Writes a file that appears whole or not at all.
 */
GTF_API gboolean gtf_safetensors_write (const char *path, GHashTable *tensors, GHashTable *metadata, GError **error);

G_END_DECLS
