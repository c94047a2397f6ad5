/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames for tests: one colour with a rectangle of another, in any format.
 */
#pragma once

#include <gst/video/video.h>

typedef struct
{
  gint left, top, right, bottom;
} Rectangle;

/* A frame in RGB, 0xRRGGBB. */
static inline GstBuffer *
frame_rgb (gint width, gint height, guint32 ground, Rectangle r, guint32 colour)
{
  gint stride = GST_ROUND_UP_4 (width * 3);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, (gsize) stride * (gsize) height, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      {
        guint32 c = x >= r.left && x < r.right && y >= r.top && y < r.bottom ? colour : ground;

        for (gint k = 0; k < 3; k++)
          map.data[y * stride + x * 3 + k] = (guint8) (c >> (16 - 8 * k));
      }
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

/* The same as @caps (whole ones of raw video) say. */
static inline GstBuffer *
frame_new (const char *caps, guint32 ground, Rectangle r, guint32 colour)
{
  g_autoptr (GstCaps) to = gst_caps_from_string (caps);
  g_autoptr (GstBuffer) rgb = NULL;
  GstBuffer *buffer;
  GstVideoInfo from_info, to_info;
  GstVideoFrame from, into;
  GstVideoConverter *converter;

  g_assert_true (gst_video_info_from_caps (&to_info, to));
  gst_video_info_set_format (&from_info, GST_VIDEO_FORMAT_RGB, (guint) to_info.width, (guint) to_info.height);
  from_info.fps_n = to_info.fps_n;
  from_info.fps_d = to_info.fps_d;
  rgb = frame_rgb (to_info.width, to_info.height, ground, r, colour);
  buffer = gst_buffer_new_allocate (NULL, to_info.size, NULL);
  gst_buffer_memset (buffer, 0, 0, to_info.size);
  converter = gst_video_converter_new (&from_info, &to_info, NULL);
  g_assert_true (gst_video_frame_map (&from, &from_info, rgb, GST_MAP_READ) && gst_video_frame_map (&into, &to_info, buffer, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &from, &into);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&into);
  gst_video_converter_free (converter);
  return buffer;
}

static inline guint
frame_sum (GstBuffer *buffer)
{
  GstMapInfo map;
  guint sum = 0;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  for (gsize i = 0; i < map.size; i++)
    sum = sum * 31 + map.data[i];
  gst_buffer_unmap (buffer, &map);
  return sum;
}
