/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In single precision throughout, in the order of the reference: waves turn many times over a picture, so every rounding shows.
 */
#include "layers/prompts.h"

#include <math.h>
#include "base/error.h"
#include "tensor/context-private.h"

#define LABEL_NONE -1
#define LABEL_PADDING -10

/* The place (x, y) from 0 to 1: [sines, cosines] of its waves. */
static void
write_place (const GtfTensor *waves, float x, float y, float *to)
{
  const gint64 n = gtf_tensor_cols (waves);
  const float *by_x = gtf_tensor_f32 (waves), *by_y = by_x + waves->row_stride;

  x = 2 * x - 1;
  y = 2 * y - 1;
  for (gint64 i = 0; i < n; i++)
    {
      const float angle = (float) (2 * G_PI) * (x * by_x[i] + y * by_y[i]);

      to[i] = sinf (angle);
      to[n + i] = cosf (angle);
    }
}

GtfTensor *
gtf_prompt_pixels (GtfContext *c, const GtfPrompts *prompts, gint64 side)
{
  const GtfTensor *waves = prompts->pixel_waves != NULL ? prompts->pixel_waves : prompts->waves;
  GtfTensor *y;

  if (!gtf_op_begin (c, "prompt_pixels", 1, waves))
    return NULL;
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ side * side, 2 * gtf_tensor_cols (waves) });
  for (gint64 i = 0; y != NULL && i < side * side; i++)
    write_place (waves, ((float) (i % side) + 0.5f) / (float) side, ((float) (i / side) + 0.5f) / (float) side, gtf_tensor_f32 (y) + i * y->row_stride);
  return y;
}

gboolean
gtf_prompts_are_given (GtfContext *c)
{
  return gtf_input_optional (c, "input_points") != NULL || gtf_input_optional (c, "input_boxes") != NULL;
}

/* What was given, packed. */
typedef struct
{
  const float *points, *boxes;          /* NULL: none */
  const gint32 *labels;                 /* NULL: all inside */
  gint64 n, n_points;                   /* prompts, points of each */
} Given;

static gboolean
refuse (GtfContext *c, const char *name, const GtfTensor *t, const char *expected)
{
  g_autofree char *shape = gtf_shape_to_string (t->n_dims, t->shape);

  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"%s\" is %s %s, expected %s", name, gtf_dtype_name (t->dtype), shape, expected);
  return FALSE;
}

static gboolean
read_given (GtfContext *c, Given *given)
{
  const GtfTensor *points = gtf_input_optional (c, "input_points"), *labels = gtf_input_optional (c, "input_labels"), *boxes = gtf_input_optional (c, "input_boxes");

  *given = (Given){ NULL };
  if (points != NULL && (points->dtype != GTF_DTYPE_F32 || points->n_dims != 4 || points->shape[3] != 2))
    return refuse (c, "input_points", points, "F32 [B, prompts, points, 2]");
  if (boxes != NULL && (boxes->dtype != GTF_DTYPE_F32 || boxes->n_dims != 3 || boxes->shape[2] != 4))
    return refuse (c, "input_boxes", boxes, "F32 [B, prompts, 4]");
  if (points != NULL && boxes != NULL && (points->shape[0] != boxes->shape[0] || points->shape[1] != boxes->shape[1]))
    return refuse (c, "input_boxes", boxes, "one for each prompt of \"input_points\"");
  if (labels != NULL && (points == NULL || labels->dtype != GTF_DTYPE_I32 || gtf_tensor_get_n_elements (labels) * 2 != gtf_tensor_get_n_elements (points)))
    return refuse (c, "input_labels", labels, "I32 [B, prompts, points], one for each point");
  given->n = points != NULL ? points->shape[0] * points->shape[1] : boxes != NULL ? boxes->shape[0] * boxes->shape[1] : 0;
  given->n_points = points != NULL ? points->shape[2] : 0;
  if (given->n < 1)
    return refuse (c, points != NULL ? "input_points" : "input_boxes", points != NULL ? points : boxes, "at least one prompt");
  points = points != NULL ? gtf_packed (c, points) : NULL;
  boxes = boxes != NULL ? gtf_packed (c, boxes) : NULL;
  given->points = points != NULL ? gtf_tensor_f32 (points) : NULL;
  given->boxes = boxes != NULL ? gtf_tensor_f32 (boxes) : NULL;
  given->labels = labels != NULL ? labels->data : NULL;
  return !gtf_failed (c);
}

static void
add_row (const GtfTensor *row, gint64 n, float *to)
{
  for (gint64 i = 0; i < n; i++)
    to[i] += gtf_tensor_f32 (row)[i];
}

/* One token of @n numbers. @kinds: none, then those of GtfPrompts. */
static void
write_token (const GtfPrompts *prompts, GtfTensor *const *kinds, const float *place, gint32 label, gint64 n, float *to)
{
  const float size = (float) prompts->size;

  if (label == LABEL_NONE || label == LABEL_PADDING)
    {
      for (gint64 i = 0; i < n; i++)
        to[i] = label == LABEL_NONE ? gtf_tensor_f32 (kinds[0])[i] : 0;
      return;
    }
  write_place (prompts->waves, (place[0] + 0.5f) / size, (place[1] + 0.5f) / size, to);
  if (label >= 0 && label < GTF_PROMPT_KINDS)
    add_row (kinds[1 + label], n, to);
}

GtfTensor *
gtf_prompt_tokens (GtfContext *c, const GtfPrompts *prompts)
{
  static const float nowhere[2] = { 0 };
  GtfTensor *kinds[1 + GTF_PROMPT_KINDS], *y;
  gint64 n, n_tokens;
  Given given;

  if (!gtf_op_begin (c, "prompt_tokens", 1, prompts->waves) || !read_given (c, &given))
    return NULL;
  kinds[0] = gtf_embedding_range (c, prompts->none, 0, 1);
  for (guint i = 0; i < GTF_PROMPT_KINDS; i++)
    kinds[1 + i] = prompts->table != NULL ? gtf_embedding_range (c, prompts->table, i, 1) : gtf_embedding_range (c, prompts->kinds[i], 0, 1);
  n = 2 * gtf_tensor_cols (prompts->waves);
  n_tokens = given.n_points + (given.boxes != NULL ? 2 : 0) + (given.boxes == NULL || prompts->closes_boxes);
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ given.n, n_tokens, n });
  if (y == NULL || gtf_failed (c))
    return NULL;
  for (gint64 i = 0; i < given.n; i++)
    {
      float *to = gtf_tensor_f32 (y) + i * n_tokens * n;

      for (gint64 k = 0; k < given.n_points; k++, to += n)
        {
          const gint32 label = given.labels != NULL ? given.labels[i * given.n_points + k] : 1;

          write_token (prompts, kinds, given.points + (i * given.n_points + k) * 2, label > 1 && prompts->table == NULL ? GTF_PROMPT_KINDS : label, n, to);
        }
      for (gint32 corner = 0; given.boxes != NULL && corner < 2; corner++, to += n)
        write_token (prompts, kinds, given.boxes + i * 4 + corner * 2, 2 + corner, n, to);
      if (given.boxes == NULL || prompts->closes_boxes)
        write_token (prompts, kinds, nowhere, LABEL_NONE, n, to);
    }
  return y;
}
