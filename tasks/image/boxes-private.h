/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tasks that answer boxes share, and the texts that one of them compares pictures with.
 */
#pragma once

#include "image/image-private.h"

G_BEGIN_DECLS

/* ---- boxes.c --------------------------------------------------------------------------------------------------------------- */

/* {"xmin", "ymin", "xmax", "ymax"} of centre, width and height as parts of @width x @height pixels, cut towards zero. (transfer full) */
JsonObject *image_box_new    (const float *box, float width, float height);
/* Lists of objects with label, box and score, for people: the `render` of a task. */
char       *image_box_render (JsonNode *inputs, JsonNode *result, GtfView view);

/* ---- texts.c --------------------------------------------------------------------------------------------------------------- */

/* The texts of a request as one block, what is short filled up with 0 behind its end. The session borrows them for one call. */
typedef struct
{
  GtfTensor *ids, *mask;        /* I32 [texts][longest] */
} ImageTexts;

/* As image_model_new (), with a tokenizer besides: a repository without one is an error. */
TextModel *image_texts_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error);

gboolean image_texts_init  (ImageTexts *self, const TextTokens *tokens, GError **error);
void     image_texts_clear (ImageTexts *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ImageTexts, image_texts_clear)

G_END_DECLS
