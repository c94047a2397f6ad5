/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which frames of a video are taken.
 */
#pragma once

#include "image.h"

/* video-choice.c, which the module for videos has too */

/* Of @n_all frames: *n_frames, or all if that is 0; FALSE with an error if there are fewer. */
gboolean gtf_video_choose (gint64 n_all, gint64 *n_frames, const char *path, GError **error);
/* Which frame is number @i of @n_frames that are spread evenly over all. */
gint64   gtf_video_index  (gint64 i, gint64 n_all, gint64 n_frames);
/* Whether the last frame has the size of the first, and all together are not too large. @path: what messages call it */
gboolean gtf_video_check  (GPtrArray *frames, const char *path, GError **error);

/* video.c: a file, or the frames in a folder in the order of their names; @n_frames of them spread evenly, 0: all. (transfer full): GtfImage */
GPtrArray *gtf_video_decode (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error);

/* gtf_decode_gstreamer_video () of the module gtf-decode-gstreamer.so; @begin: gtf_image_begin () */
typedef GPtrArray *(*GtfVideoDecoder) (const char *location, const char *path, gint64 n_frames, GtfImageBegin begin, GCancellable *cancellable, GError **error);
