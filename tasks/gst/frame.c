/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame.h"

/* ---- mapping ---- */

static gboolean
too_short (GstBuffer *buffer, const GstVideoInfo *info, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a buffer of %" G_GSIZE_FORMAT " bytes is too short for a frame of %s %d x %d as its caps and its GstVideoMeta describe it",
               gst_buffer_get_size (buffer), gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)), GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
  return FALSE;
}

/* Bytes from the first of a plane to behind its last, in rows of @stride; of formats whose pixels are no whole bytes, whole rows. FALSE: nonsense. */
static gboolean
plane_bytes (const GstVideoInfo *info, guint plane, gint stride, gsize *bytes)
{
  gint components[GST_VIDEO_MAX_COMPONENTS];
  gsize row = 0, rows;

  *bytes = 0;
  if (GST_VIDEO_FORMAT_INFO_IS_TILED (info->finfo))       /* such strides count tiles; GStreamer has checked the whole */
    return TRUE;
  gst_video_format_info_component (info->finfo, plane, components);
  if (components[0] < 0)
    {
      *bytes = GST_VIDEO_FORMAT_INFO_HAS_PALETTE (info->finfo) ? 256 * 4 : 0;
      return TRUE;
    }
  if (stride <= 0)
    return FALSE;
  for (guint i = 0; i < GST_VIDEO_MAX_COMPONENTS && components[i] >= 0; i++)
    {
      gsize pixel = (gsize) GST_VIDEO_INFO_COMP_PSTRIDE (info, components[i]);

      row = MAX (row, pixel ? (gsize) GST_VIDEO_INFO_COMP_WIDTH (info, components[i]) * pixel : (gsize) stride);
    }
  rows = (gsize) GST_VIDEO_INFO_COMP_HEIGHT (info, components[0]);
  *bytes = (rows - 1) * (gsize) stride + row;
  return row <= (gsize) stride;
}

static gboolean
plane_fits (const GstVideoFrame *frame, guint plane, gboolean has_meta)
{
  const GstMapInfo *map = &frame->map[has_meta ? plane : 0];
  const guint8 *data = frame->data[plane];
  gsize bytes;

  return plane_bytes (&frame->info, plane, frame->info.stride[plane], &bytes) && data >= map->data && data <= map->data + map->size
         && bytes <= (gsize) (map->data + map->size - data);
}

gboolean
gtf_frame_map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags, GError **error)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);

  if (meta && (meta->width != (guint) GST_VIDEO_INFO_WIDTH (info) || meta->height != (guint) GST_VIDEO_INFO_HEIGHT (info) || meta->format != GST_VIDEO_INFO_FORMAT (info)
               || meta->n_planes != GST_VIDEO_INFO_N_PLANES (info)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a buffer's GstVideoMeta says %s %u x %u, its caps %s %d x %d", gst_video_format_to_string (meta->format), meta->width,
                   meta->height, gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)), GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
      return FALSE;
    }
  if (gst_buffer_get_size (buffer) < (meta ? 1 : GST_VIDEO_INFO_SIZE (info)) || !gst_video_frame_map (frame, info, buffer, flags))
    return too_short (buffer, info, error);
  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES (info); i++)
    if (!plane_fits (frame, i, meta != NULL))
      {
        gst_video_frame_unmap (frame);
        return too_short (buffer, info, error);
      }
  return TRUE;
}

GtfCanvas
gtf_frame_canvas (const GstVideoFrame *frame)
{
  const GstVideoInfo *info = &frame->info;
  GtfCanvas canvas = { .width = GST_VIDEO_INFO_WIDTH (info), .height = GST_VIDEO_INFO_HEIGHT (info), .n_planes = MIN (GST_VIDEO_INFO_N_COMPONENTS (info), 4) };

  canvas.colours = GST_VIDEO_INFO_IS_YUV (info) ? GTF_CANVAS_YUV : GST_VIDEO_INFO_IS_GRAY (info) ? GTF_CANVAS_GREY : GTF_CANVAS_RGB;
  canvas.full_range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  if (!gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix, &canvas.kr, &canvas.kb))
    gst_video_color_matrix_get_Kr_Kb (GST_VIDEO_COLOR_MATRIX_BT601, &canvas.kr, &canvas.kb);
  for (guint i = 0; i < canvas.n_planes; i++)
    canvas.planes[i] = (GtfCanvasPlane) { GST_VIDEO_FRAME_COMP_DATA (frame, i), GST_VIDEO_FRAME_COMP_STRIDE (frame, i), GST_VIDEO_FRAME_COMP_PSTRIDE (frame, i),
                                          (guint8) GST_VIDEO_FORMAT_INFO_W_SUB (info->finfo, i), (guint8) GST_VIDEO_FORMAT_INFO_H_SUB (info->finfo, i) };
  return canvas;
}

/* ---- converting ---- */

void
gtf_frame_converter_clear (GtfFrameConverter *self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
}

/* Rows of a GtfImage are packed. */
static gboolean
image_info (GstVideoInfo *to, const GstVideoInfo *from)
{
  if (!gst_video_info_set_interlaced_format (to, GST_VIDEO_FORMAT_RGB, GST_VIDEO_INFO_INTERLACE_MODE (from), (guint) GST_VIDEO_INFO_WIDTH (from), (guint) GST_VIDEO_INFO_HEIGHT (from)))
    return FALSE;
  to->stride[0] = to->width * 3;
  to->size = (gsize) to->stride[0] * (gsize) to->height;
  to->fps_n = from->fps_n;
  to->fps_d = from->fps_d;
  return TRUE;
}

static gboolean
prepare (GtfFrameConverter *self, const GstVideoInfo *from, const GstVideoInfo *to)
{
  if (self->converter && gst_video_info_is_equal (&self->from, from))
    return TRUE;
  gtf_frame_converter_clear (self);
  self->from = *from;
  self->converter = gst_video_converter_new (from, to, NULL);
  return self->converter != NULL;
}

GtfImage *
gtf_frame_to_image (GtfFrameConverter *self, GstBuffer *buffer, const GstVideoInfo *info, GError **error)
{
  g_autoptr (GtfImage) image = gtf_image_new (GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), error);
  g_autoptr (GstBuffer) wrapped = NULL;
  GstVideoFrame from, into;
  GstVideoInfo to;

  if (image == NULL)
    return NULL;
  if (!image_info (&to, info) || !prepare (self, info, &to))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "frames of %s %d x %d cannot be converted to RGB", gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)),
                   GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
      return NULL;
    }
  if (!gtf_frame_map (&from, info, buffer, GST_MAP_READ, error))
    return NULL;
  wrapped = gst_buffer_new_wrapped_full (0, image->pixels, to.size, 0, to.size, NULL, NULL);
  if (!gst_video_frame_map (&into, &to, wrapped, GST_MAP_WRITE))
    {
      gst_video_frame_unmap (&from);
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "a picture of %d x %d cannot be written", to.width, to.height);
      return NULL;
    }
  gst_video_converter_frame (self->converter, &from, &into);
  gst_video_frame_unmap (&into);
  gst_video_frame_unmap (&from);
  return g_steal_pointer (&image);
}
