/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tasks over pictures share. Labels, scores and views are those of the tasks over text.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* As text_model_new (), with an image processor instead of a tokenizer. Freed by text_model_free (). */
TextModel *image_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error);
/* Decodes and processes one file and runs the model on it. @parameters (nullable): for the image processor, as JSON. */
gboolean   image_model_run (TextModel *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error);
/* The same of a picture that is already decoded; @path is for messages. */
gboolean   image_model_run_image (TextModel *self, const GtfImage *image, const char *path, const char *parameters, GCancellable *cancellable, GError **error);
/* A path, or a list of paths: @run once for each; the answers nest as the inputs do. */
typedef JsonNode *(*ImageRun) (const char *path, gpointer data, GError **error);
JsonNode  *image_run_each  (JsonNode *inputs, ImageRun run, gpointer data, GError **error);
/* The same of pictures: the one that the program gave, or those that the inputs name, decoded. @name is for messages. */
typedef JsonNode *(*ImageAnswer) (const GtfImage *image, const char *name, gpointer data, GError **error);
JsonNode  *image_answer_each (const GtfRequest *request, ImageAnswer answer, gpointer data, GError **error);

G_END_DECLS
