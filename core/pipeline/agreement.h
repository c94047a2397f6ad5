/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Local agreement: what two hypotheses about growing sound agree on is final.
 */
#pragma once

#include "pipeline/heard.h"

G_BEGIN_DECLS

typedef struct _GtfAgreement GtfAgreement;

GtfAgreement *gtf_agreement_new   (void);
void          gtf_agreement_free  (GtfAgreement *self);
void          gtf_agreement_reset (GtfAgreement *self);
/* A new hypothesis (element-type GtfHeard), over sound that begins at @from. Returns (transfer full) the words that became final:
 * those on which this hypothesis and the last one agree, those that end by @deadline, all if @all. */
GPtrArray    *gtf_agreement_add   (GtfAgreement *self, GPtrArray *words, guint64 from, guint64 deadline, gboolean all);
/* The rest of the last hypothesis, not final yet (transfer none). */
GPtrArray    *gtf_agreement_get_pending (GtfAgreement *self);
/* Where the final words end. */
guint64       gtf_agreement_get_end (GtfAgreement *self);
/* Where sound may be cut: a window that begins there says the last two final words again (as far as they lie within @longest), so
 * that a recogniser which swallows what stands at the very beginning swallows one of those. */
guint64       gtf_agreement_get_seam (GtfAgreement *self, guint64 longest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfAgreement, gtf_agreement_free)

G_END_DECLS
