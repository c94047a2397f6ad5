/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames that do not stand upright (a telephone held sideways: the tag image-orientation). Models see them upright, and what they find is
 * turned back to the frame's own pixels.
 */
#pragma once

#include <gtf/gtf.h>
#include "boxes.h"
#include "drawing/canvas.h"

G_BEGIN_DECLS

/* From an upright picture to the frame: x and y swapped, then counted from the other side. All FALSE: the frame is upright. */
typedef struct
{
  gboolean swap, flip_x, flip_y;
} GtfTurn;

/* FALSE: the tags do not say. */
gboolean  gtf_turn_from_tags (GtfTurn *turn, GstTagList *tags);
gboolean  gtf_turn_is_none   (const GtfTurn *turn);
/* (transfer full): @frame upright; NULL: error */
GtfImage *gtf_turn_image     (const GtfTurn *turn, const GtfImage *frame, GError **error);
/* The frame's canvas as one on which things stand upright. FALSE: there is none, for half samples of colour would have to be counted from the other side (odd sizes). */
gboolean  gtf_turn_canvas    (const GtfTurn *turn, const GtfCanvas *frame, GtfCanvas *upright);
/* A box of a frame of this size, to where it is upright, and back. */
void      gtf_turn_box       (const GtfTurn *turn, GtfBox *box, gint width, gint height);
void      gtf_turn_box_back  (const GtfTurn *turn, GtfBox *box, gint width, gint height);
/* (transfer full): @upright, rows of numbers of @size bytes, as those of a frame of this size; NULL: no memory */
GBytes   *gtf_turn_map_back  (const GtfTurn *turn, GBytes *upright, gsize size, gint width, gint height);

G_END_DECLS
