/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of a video. Which of them are wanted depends on how many there are, which containers tell wrongly or not at all: the file is decoded once
 * to count them and a second time, up to the last one that is wanted.
 */
#include "decode-gstreamer.h"
#include "frame-rgb.h"
#include "video.h"

#include <string.h>

#include <gst/video/video.h>

GTF_PLUGIN_EXPORT GPtrArray *gtf_decode_gstreamer_video (const char *location, const char *path, gint64 n_frames, GtfImageBegin begin, GCancellable *cancellable,
                                                         GError **error);

static const GtfMediumName name = { "a video", "video" };

/* What is there, 0 with an error. */
static gint64
count_frames (const char *location, const char *path, GCancellable *cancellable, GError **error)
{
  static const char tail[] = "identity name=first ! appsink name=sink caps=video/x-raw sync=false max-buffers=8";
  g_auto (GtfMedium) medium = { NULL };
  g_autoptr (GError) failed = NULL;
  GstSample *sample;
  gint64 n = 0;

  if (!gtf_medium_open (&medium, &name, location, path, "video/x-raw(ANY)", tail, error))
    return 0;
  for (; (sample = gtf_medium_pull (&medium, cancellable, &failed)) != NULL; n++)
    gst_sample_unref (sample);
  if (failed)
    g_propagate_error (error, g_steal_pointer (&failed));
  else if (n == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not a video that can be read: there is no frame in it", path);
  return *error ? 0 : n;
}

/* Colours as the caps tell; where they say nothing, BT.601 whatever the size, as swscale takes it. */
static void
read_colours (const GstCaps *caps, GtfYuvFrame *frame)
{
  const char *text = gst_structure_get_string (gst_caps_get_structure (caps, 0), "colorimetry");
  GstVideoColorimetry colours = { GST_VIDEO_COLOR_RANGE_UNKNOWN };

  if (text)
    gst_video_colorimetry_from_string (&colours, text);
  frame->full = colours.range == GST_VIDEO_COLOR_RANGE_0_255;
  switch (colours.matrix)
    {
    case GST_VIDEO_COLOR_MATRIX_BT709:
      frame->matrix = GTF_MATRIX_709;
      break;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      frame->matrix = GTF_MATRIX_2020;
      break;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
      frame->matrix = GTF_MATRIX_240M;
      break;
    case GST_VIDEO_COLOR_MATRIX_FCC:
      frame->matrix = GTF_MATRIX_FCC;
      break;
    default:
      frame->matrix = GTF_MATRIX_601;
    }
}

static void
copy_rows (const GstVideoFrame *from, GtfImage *image)
{
  const gint n = GST_VIDEO_FRAME_N_COMPONENTS (from);

  for (gint y = 0; y < image->height; y++)
    {
      guint8 *to = image->pixels + (gsize) y * (gsize) image->width * 3;

      for (gint i = 0; i < image->width * 3; i++)
        {
          const gint c = n == 3 ? i % 3 : 0;

          to[i] = ((const guint8 *) GST_VIDEO_FRAME_COMP_DATA (from, c))[y * GST_VIDEO_FRAME_COMP_STRIDE (from, c) + i / 3 * GST_VIDEO_FRAME_COMP_PSTRIDE (from, c)];
        }
    }
}

static void
convert (const GstVideoFrame *from, const GstCaps *caps, GtfImage *image)
{
  GtfYuvFrame frame = { { NULL } };

  if (!GST_VIDEO_FORMAT_INFO_IS_YUV (from->info.finfo))
    {
      copy_rows (from, image);
      return;
    }
  for (gint c = 0; c < 3; c++)
    {
      frame.planes[c] = GST_VIDEO_FRAME_COMP_DATA (from, c);
      frame.strides[c] = (gsize) GST_VIDEO_FRAME_COMP_STRIDE (from, c);
      frame.steps[c] = (gsize) GST_VIDEO_FRAME_COMP_PSTRIDE (from, c);
    }
  frame.across = GST_VIDEO_FORMAT_INFO_W_SUB (from->info.finfo, 1);
  frame.down = GST_VIDEO_FORMAT_INFO_H_SUB (from->info.finfo, 1);
  read_colours (caps, &frame);
  gtf_yuv_to_rgb (&frame, image);
}

static GtfImage *
to_image (GstSample *sample, const char *path, GtfImageBegin begin, GError **error)
{
  GstCaps *caps = gst_sample_get_caps (sample);
  GtfImage *image;
  GstVideoInfo info;
  GstVideoFrame frame;

  if (!caps || !gst_video_info_from_caps (&info, caps) || !gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the decoder gave no frames", path);
      return NULL;
    }
  image = begin ((guint64) GST_VIDEO_FRAME_WIDTH (&frame), (guint64) GST_VIDEO_FRAME_HEIGHT (&frame), path, error);
  if (image)
    convert (&frame, caps, image);
  gst_video_frame_unmap (&frame);
  return image;
}

GPtrArray *
gtf_decode_gstreamer_video (const char *location, const char *path, gint64 n_frames, GtfImageBegin begin, GCancellable *cancellable, GError **error)
{
  /* What frame-rgb.c knows comes as it is. */
  static const char tail[] = "videoconvert name=first dither=none ! appsink name=sink caps=video/x-raw,format={I420,YV12,NV12,NV21,Y42B,Y444,GRAY8,RGB} sync=false max-buffers=8";
  g_autoptr (GPtrArray) frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  g_autoptr (GError) failed = NULL;
  g_auto (GtfMedium) medium = { NULL };
  const gint64 n = count_frames (location, path, cancellable, &failed);
  GstSample *sample;

  if (failed || !gtf_video_choose (n, &n_frames, path, &failed) || !gtf_medium_open (&medium, &name, location, path, "video/x-raw(ANY)", tail, &failed))
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return NULL;
    }
  for (gint64 i = 0; frames->len < n_frames && (sample = gtf_medium_pull (&medium, cancellable, &failed)) != NULL; i++)
    {
      GtfImage *image = i == gtf_video_index (frames->len, n, n_frames) ? to_image (sample, path, begin, &failed) : NULL;

      gst_sample_unref (sample);
      if (image)
        g_ptr_array_add (frames, image);
      if (failed || !gtf_video_check (frames, path, &failed))
        break;
    }
  if (!failed && frames->len < n_frames)
    g_set_error (&failed, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not a video that can be read: of %" G_GINT64_FORMAT " frames %u came the second time", path, n, frames->len);
  if (!failed)
    return g_steal_pointer (&frames);
  g_propagate_error (error, g_steal_pointer (&failed));
  return NULL;
}
