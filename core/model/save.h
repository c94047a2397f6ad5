/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing weights and repositories as transformers writes them today: model.safetensors, or shards with an index, beside the files that say what the
 * model is.
 */
#pragma once

#include <gio/gio.h>
#include "model/safetensors.h"

G_BEGIN_DECLS

typedef struct
{
  GtfDtype dtype;           /* F64, F32, F16, BF16: what floating-point weights become; GTF_DTYPE_INVALID: as stored */
  guint64 shard_size;       /* bytes of a file at the most; 0: 50 GB */
  /* (nullable): called with the bytes that are written and those of all tensors */
  void (*progress) (guint64 done, guint64 total, gpointer data);
  gpointer progress_data;
} GtfSaveOptions;

/* "float32" ... "float64" and their short forms; "auto" is INVALID: as stored. */
GTF_API gboolean gtf_save_dtype_parse (const char *name, GtfDtype *dtype, GError **error);
/* "5GB", "500MB", as huggingface_hub reads them: decimal units. */
GTF_API gboolean gtf_save_size_parse  (const char *text, guint64 *size, GError **error);

/* Into a folder that exists: BASE.safetensors, or BASE-00001-of-0000N.safetensors and BASE.safetensors.index.json; others of these names go. */
GTF_API gboolean gtf_weights_save      (const GtfSafetensors *weights, const char *directory, const char *base, const GtfSaveOptions *options,
                                        GCancellable *cancellable, GError **error);
/* Into one file. */
GTF_API gboolean gtf_weights_save_file (const GtfSafetensors *weights, const char *path, const GtfSaveOptions *options, GCancellable *cancellable, GError **error);
/* A whole repository, with its tokenizer and all else that is no weights. @output appears whole or not at all; it must not exist, or be empty. */
GTF_API gboolean gtf_repository_save   (const char *directory, const char *output, const GtfSaveOptions *options, GCancellable *cancellable, GError **error);
/* config.json with another dtype, as text. (transfer full) */
GTF_API char    *gtf_config_with_dtype (const char *path, GtfDtype dtype, GError **error);

G_END_DECLS
