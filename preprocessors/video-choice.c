/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which frames are taken, as `BaseVideoProcessor.sample_frames ()` of the reference spreads them; and which cannot be taken together.
 */
#include "video.h"

/* All frames of a video together have no more pixels than so many pictures at their limit. */
#define MAX_PICTURES 4

gboolean
gtf_video_choose (gint64 n_all, gint64 *n_frames, const char *path, GError **error)
{
  if (*n_frames == 0)
    *n_frames = n_all;
  if (*n_frames <= n_all)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the video has %" G_GINT64_FORMAT " frame%s, fewer than the %" G_GINT64_FORMAT " that are wanted (num_frames)", path,
               n_all, n_all == 1 ? "" : "s", *n_frames);
  return FALSE;
}

gint64
gtf_video_index (gint64 i, gint64 n_all, gint64 n_frames)
{
  return i * n_all / n_frames;
}

gboolean
gtf_video_check (GPtrArray *frames, const char *path, GError **error)
{
  const GtfImage *first = frames->len ? frames->pdata[0] : NULL, *last = frames->len ? frames->pdata[frames->len - 1] : NULL;

  if (!first)
    return TRUE;
  if (first->width != last->width || first->height != last->height)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the frame is %d x %d, but the first of the video is %d x %d: all have to be of one size", path, last->width,
                   last->height, first->width, first->height);
      return FALSE;
    }
  if ((guint64) first->width * (guint64) first->height * frames->len <= (guint64) GTF_IMAGE_MAX_PIXELS * MAX_PICTURES)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %u frames of %d x %d are more than can be held: ask for fewer (num_frames)", path, frames->len, first->width,
               first->height);
  return FALSE;
}
