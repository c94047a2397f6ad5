/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tasks over pictures share. Labels, scores and views are those of the tasks over text.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* As text_model_new (), with an image processor instead of a tokenizer. Freed by text_model_free (). */
TextModel *image_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error);
/* Processes a picture and runs the model on it. @name is for messages; @parameters (nullable): for the image processor, as JSON. */
gboolean   image_model_run_image (TextModel *self, const GtfImage *image, const char *name, const char *parameters, GCancellable *cancellable, GError **error);
/* The model by itself on one input. */
gboolean   image_model_run_tensor (TextModel *self, const char *input, GtfTensor *tensor, const char *name, GCancellable *cancellable, GError **error);
/* The same with the frames of one video. */
gboolean   image_model_run_video (TextModel *self, const GtfImage *const *frames, guint n_frames, const char *name, GCancellable *cancellable, GError **error);
/* Makes one pass over all pictures of a request, if each of @outputs (NULL-terminated) that the model gives is then what it would be alone: pictures that become one size without padding. The calls of
 * image_model_run_image() that follow, for each picture in order, make none. image_model_end() when they are over. */
void       image_model_begin (TextModel *self, const GtfRequest *request, const char *const *outputs);
void       image_model_end   (TextModel *self);
/* (nullable): an output, of which the picture's own are @n elements from @first on. */
const GtfTensor *image_model_output (TextModel *self, const char *name, gsize *first, gsize *n);
/* The pictures that the program gave, or those that the inputs name, a path or a list of paths, decoded: @answer once for each; the answers nest
 * as the inputs do. */
typedef JsonNode *(*ImageAnswer) (const GtfImage *image, const char *name, gpointer data, GError **error);
JsonNode  *image_answer_each (const GtfRequest *request, ImageAnswer answer, gpointer data, GError **error);

G_END_DECLS
