/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models of the Hub by what they are.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"

G_BEGIN_DECLS

/**
 * GtfHubModel:
 *
 * A model as a search finds it.
 */
#define GTF_TYPE_HUB_MODEL (gtf_hub_model_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfHubModel, gtf_hub_model, GTF, HUB_MODEL, GObject)

GTF_API const char        *gtf_hub_model_get_id         (GtfHubModel *self);
GTF_API const char        *gtf_hub_model_get_task       (GtfHubModel *self);
GTF_API const char        *gtf_hub_model_get_library    (GtfHubModel *self);
GTF_API const char        *gtf_hub_model_get_model_type (GtfHubModel *self);
GTF_API gint64             gtf_hub_model_get_downloads  (GtfHubModel *self);
GTF_API gint64             gtf_hub_model_get_likes      (GtfHubModel *self);
GTF_API gint64             gtf_hub_model_get_parameters (GtfHubModel *self);
GTF_API gint64             gtf_hub_model_get_size       (GtfHubModel *self);
GTF_API const char        *gtf_hub_model_get_modified   (GtfHubModel *self);
GTF_API const char *const *gtf_hub_model_get_tags       (GtfHubModel *self);

GTF_API GListModel        *gtf_hub_search               (const char *query, GCancellable *cancellable, GError **error);
GTF_API void               gtf_hub_search_async         (const char *query, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
GTF_API GListModel        *gtf_hub_search_finish        (GAsyncResult *result, GError **error);

G_END_DECLS
