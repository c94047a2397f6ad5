/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models that cut with a model inside and have ids of their own for what that finds (model-mapped.c, model-continued.c).
 */
#pragma once

#include "text/model.h"

G_BEGIN_DECLS

/* ids: of each of the inner model's tokens; unk: what stands for those without one. */
typedef struct { GtfTextModel parent; GtfTextModel *inner; gint32 *ids; gint32 unk; } GtfWrappedModel;

/* Takes @inner. The instance of @klass begins with a GtfWrappedModel. */
GtfTextModel *gtf_wrapped_model_new      (const GtfTextModelClass *klass, GtfTextModel *inner, const char *file, const char *unk_token);
/* The id of unk_token, which must have one. */
gboolean      gtf_wrapped_model_find_unk (GtfWrappedModel *self, GError **error);
/* Room for the ids of all tokens that the inner model has now. */
gboolean      gtf_wrapped_model_add_ids  (GtfWrappedModel *self, GError **error);
void          gtf_wrapped_model_clear    (GtfTextModel *model);

G_END_DECLS
