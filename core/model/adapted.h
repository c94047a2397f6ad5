/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stored tensors that are not what the file has: a low-rank change on top, computed for the rows that are read, or other numbers in their place.
 */
#pragma once

#include "model/safetensors.h"

G_BEGIN_DECLS

/* W + scale left right, and, with a magnitude, each row as long as that says. */
struct _GtfAdaptation
{
  GtfStoredTensor plain;        /* W as the file has it, [rows][cols] */
  gint64 rank;
  float scale;
  float *left, *right;          /* [rows][rank], [rank][cols] */
  float *magnitude;             /* [rows]; NULL: none */
};

void     gtf_adaptation_free (GtfAdaptation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfAdaptation, gtf_adaptation_free)

/* @tensor is float32 from now on. Takes the change over. */
void     gtf_adaptation_put     (GtfSafetensors *files, GtfStoredTensor *tensor, GtfAdaptation *change);
/* @tensor (nullable: a new one called @name) has the shape, the type and the numbers of @by, which are read now. */
gboolean gtf_adaptation_replace (GtfSafetensors *files, GtfStoredTensor *tensor, const char *name, const GtfSafetensors *from, const GtfStoredTensor *by, GError **error);
/* Bytes of the changed tensor. */
gboolean gtf_adaptation_read    (const GtfSafetensors *files, const GtfAdaptation *self, gsize offset, gsize length, gpointer to, GError **error);

G_END_DECLS
