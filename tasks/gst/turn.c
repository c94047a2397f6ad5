/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "turn.h"

#include <string.h>

gboolean
gtf_turn_from_tags (GtfTurn *turn, GstTagList *tags)
{
  static const GtfTurn turns[] = {
    [GST_VIDEO_ORIENTATION_IDENTITY] = { FALSE, FALSE, FALSE }, [GST_VIDEO_ORIENTATION_90R] = { TRUE, FALSE, TRUE },
    [GST_VIDEO_ORIENTATION_180] = { FALSE, TRUE, TRUE },        [GST_VIDEO_ORIENTATION_90L] = { TRUE, TRUE, FALSE },
    [GST_VIDEO_ORIENTATION_HORIZ] = { FALSE, TRUE, FALSE },     [GST_VIDEO_ORIENTATION_VERT] = { FALSE, FALSE, TRUE },
    [GST_VIDEO_ORIENTATION_UL_LR] = { TRUE, FALSE, FALSE },     [GST_VIDEO_ORIENTATION_UR_LL] = { TRUE, TRUE, TRUE } };
  GstVideoOrientationMethod method;

  if (!gst_video_orientation_from_tag (tags, &method) || (guint) method >= G_N_ELEMENTS (turns))
    return FALSE;
  *turn = turns[method];
  return TRUE;
}

gboolean
gtf_turn_is_none (const GtfTurn *turn)
{
  return !turn->swap && !turn->flip_x && !turn->flip_y;
}

/* Which number of a frame's, in rows of @width, stands at (@x, @y) upright. */
static gsize
place (const GtfTurn *turn, gint x, gint y, gint width, gint height)
{
  gint across = turn->swap ? y : x, down = turn->swap ? x : y;

  if (turn->flip_x)
    across = width - 1 - across;
  if (turn->flip_y)
    down = height - 1 - down;
  return (gsize) down * (gsize) width + (gsize) across;
}

GtfImage *
gtf_turn_image (const GtfTurn *turn, const GtfImage *frame, GError **error)
{
  GtfImage *image = gtf_image_new (turn->swap ? frame->height : frame->width, turn->swap ? frame->width : frame->height, error);
  guint8 *to = image ? image->pixels : NULL;

  for (gint y = 0; image && y < image->height; y++)
    for (gint x = 0; x < image->width; x++, to += 3)
      memcpy (to, frame->pixels + 3 * place (turn, x, y, frame->width, frame->height), 3);
  return image;
}

gboolean
gtf_turn_canvas (const GtfTurn *turn, const GtfCanvas *frame, GtfCanvas *upright)
{
  *upright = *frame;
  upright->width = turn->swap ? frame->height : frame->width;
  upright->height = turn->swap ? frame->width : frame->height;
  for (guint i = 0; i < frame->n_planes; i++)
    {
      const GtfCanvasPlane *from = &frame->planes[i];
      GtfCanvasPlane *to = &upright->planes[i];
      const gint columns = frame->width >> from->x_shift, rows = frame->height >> from->y_shift;
      const gssize across = turn->flip_x ? -from->pixel : from->pixel, down = turn->flip_y ? -from->row : from->row;

      if ((turn->flip_x && columns << from->x_shift != frame->width) || (turn->flip_y && rows << from->y_shift != frame->height))
        return FALSE;
      to->data += (turn->flip_x ? (columns - 1) * from->pixel : 0) + (turn->flip_y ? (rows - 1) * from->row : 0);
      to->pixel = turn->swap ? down : across;
      to->row = turn->swap ? across : down;
      to->x_shift = turn->swap ? from->y_shift : from->x_shift;
      to->y_shift = turn->swap ? from->x_shift : from->y_shift;
    }
  return TRUE;
}

static void
exchange (double *a, double *b, double sum)
{
  const double old = *a;

  *a = sum - *b;
  *b = sum - old;
}

static void
flip (const GtfTurn *turn, GtfBox *box, gint width, gint height)
{
  if (turn->flip_x)
    {
      exchange (&box->left, &box->right, width);
      exchange (&box->velocity[0], &box->velocity[2], 0);
    }
  if (turn->flip_y)
    {
      exchange (&box->top, &box->bottom, height);
      exchange (&box->velocity[1], &box->velocity[3], 0);
    }
}

static void
swap (const GtfTurn *turn, GtfBox *box)
{
  const GtfBox old = *box;

  if (!turn->swap)
    return;
  box->left = old.top;
  box->top = old.left;
  box->right = old.bottom;
  box->bottom = old.right;
  for (guint i = 0; i < 4; i++)
    box->velocity[i] = old.velocity[i ^ 1];
}

void
gtf_turn_box (const GtfTurn *turn, GtfBox *box, gint width, gint height)
{
  flip (turn, box, width, height);
  swap (turn, box);
}

void
gtf_turn_box_back (const GtfTurn *turn, GtfBox *box, gint width, gint height)
{
  swap (turn, box);
  flip (turn, box, width, height);
}

GBytes *
gtf_turn_map_back (const GtfTurn *turn, GBytes *upright, gsize size, gint width, gint height)
{
  const gint across = turn->swap ? height : width, down = turn->swap ? width : height;
  const guint8 *from = g_bytes_get_data (upright, NULL);
  guint8 *to = g_try_malloc (g_bytes_get_size (upright));

  for (gint y = 0; to && y < down; y++)
    for (gint x = 0; x < across; x++, from += size)
      memcpy (to + place (turn, x, y, width, height) * size, from, size);
  return to ? g_bytes_new_take (to, g_bytes_get_size (upright)) : NULL;
}
