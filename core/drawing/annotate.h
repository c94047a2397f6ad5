/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tasks find in pictures, drawn on them: the same for files (`gtransformers run ... --output x.png`) and for video (gtfoverlay).
 */
#pragma once

#include <json-glib/json-glib.h>
#include "drawing/canvas.h"

G_BEGIN_DECLS

typedef struct
{
  const char *label;            /* UTF-8 */
  const char *detail;           /* (nullable): what else is known of it, behind the label */
  double score;                 /* below 0: it has none */
  double left, top, right, bottom;
  gint64 id;                    /* of a track: shown, and its colour; below 0: it has none, and the label has the colour */
} GtfAnnotation;

/* Sizes that suit a picture, where the user says nothing (0). */
GTF_API gint    gtf_annotate_line_width (const GtfCanvas *canvas);
GTF_API gint    gtf_annotate_text_size  (const GtfCanvas *canvas);
/* 0xRRGGBB: one of a dozen, the same for the same label everywhere */
GTF_API guint32 gtf_annotate_colour     (const char *label, gint64 id);
/* A frame around the box and its label on a strip above it, or inside where there is no room. @font: NULL: without the label */
GTF_API void    gtf_annotate_box        (const GtfCanvas *canvas, GtfFont *font, gint line_width, const GtfAnnotation *box);
/* A label alone, its strip's left lower corner at (@x, @y) where there is room. */
GTF_API void    gtf_annotate_label      (const GtfCanvas *canvas, GtfFont *font, gint x, gint y, const char *text, guint32 colour);
/* Lines of text on dark ground; @at_bottom: in the middle of the lower edge, as captions stand, else in the upper left corner. Long lines are cut. */
GTF_API void    gtf_annotate_lines      (const GtfCanvas *canvas, GtfFont *font, const char *text, gboolean at_bottom);
/* The pixels of the whole picture whose @map, width * height, has the index: blended with its colour. Of index 0 and those above @n_colours none. */
GTF_API void    gtf_annotate_segments   (const GtfCanvas *canvas, const guint16 *map, const guint32 *colours, guint n_colours, guint opacity);
/* The picture becomes @depth, width * height, dark blue (0) to light yellow (255). */
GTF_API void    gtf_annotate_depth      (const GtfCanvas *canvas, const guint8 *depth);

/* Numbers between their least and their largest as 0 to 255; of those that are no numbers 0. */
GTF_API void    gtf_annotate_depth_levels (const float *depth, gsize n, guint8 *levels);

/* answer.c: a task's answer about one picture: boxes, labels, segments with their masks, depth. Errors: an answer that has none of them. */
GTF_API gboolean gtf_annotate_answer    (GtfImage *image, JsonNode *answer, GError **error);

G_END_DECLS
