/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the forms of torch.save() share: from the tree of a pickle to the table of tensors.
 */
#pragma once

#include "model/pickle.h"
#include "model/safetensors-private.h"

/* Says where a storage lies in the file and that its elements, as the pickle counts them, are there. */
typedef gboolean (*GtfTorchLocate) (gpointer data, const GtfPickleStorage *storage, guint64 *offset, GError **error);

/* Adds the tensors of the state dict in @root. */
gboolean gtf_torch_collect    (GtfSafetensors *self, const GtfByteSource *file, const GtfPickleValue *root, GtfTorchLocate locate, gpointer data, GError **error);
/* An error that names the file; always FALSE. */
gboolean gtf_torch_fail       (const GtfByteSource *file, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

gboolean gtf_torch_add_zip    (GtfSafetensors *self, const GtfByteSource *file, GError **error);
gboolean gtf_torch_add_legacy (GtfSafetensors *self, const GtfByteSource *file, GError **error);
gboolean gtf_torch_add_tar    (GtfSafetensors *self, const GtfByteSource *file, GError **error);
/* Whether @block, 512 bytes, is the header of a member of a tar archive. */
gboolean gtf_torch_is_tar     (const guint8 *block);
