/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From an object to a repository of the Hub: push_to_hub() of transformers.
 */
#pragma once

#include "model/model.h"
#include "pipeline/preprocessor.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

GTF_API char *gtf_model_push_to_hub               (GtfModel *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error);
GTF_API void  gtf_model_push_to_hub_async         (GtfModel *self, const char *repo_id, const char *options, GCancellable *cancellable,
                                                   GAsyncReadyCallback callback, gpointer user_data);
GTF_API char *gtf_model_push_to_hub_finish        (GtfModel *self, GAsyncResult *result, GError **error);

GTF_API char *gtf_tokenizer_push_to_hub           (GtfTokenizer *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error);
GTF_API void  gtf_tokenizer_push_to_hub_async     (GtfTokenizer *self, const char *repo_id, const char *options, GCancellable *cancellable,
                                                   GAsyncReadyCallback callback, gpointer user_data);
GTF_API char *gtf_tokenizer_push_to_hub_finish    (GtfTokenizer *self, GAsyncResult *result, GError **error);

GTF_API char *gtf_preprocessor_push_to_hub        (GtfPreprocessor *self, const char *repo_id, const char *options, GCancellable *cancellable, GError **error);
GTF_API void  gtf_preprocessor_push_to_hub_async  (GtfPreprocessor *self, const char *repo_id, const char *options, GCancellable *cancellable,
                                                   GAsyncReadyCallback callback, gpointer user_data);
GTF_API char *gtf_preprocessor_push_to_hub_finish (GtfPreprocessor *self, GAsyncResult *result, GError **error);

G_END_DECLS
