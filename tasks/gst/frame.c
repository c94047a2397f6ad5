/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "frame.h"

#define DMABUF "dmabuf"                /* GST_ALLOCATOR_DMABUF, without the library for it */

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

/* ---- as they lie ---- */

/* GStreamer's converter repeats the chroma of these, and puts that of others between. */
static gboolean
is_repeated (GstVideoFormat format)
{
  return format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_YV12;
}

/* Whether components have bytes of their own. */
static gboolean
has_bytes (const GstVideoFormatInfo *format)
{
  if (format->flags & (GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_PALETTE) || GST_VIDEO_FORMAT_INFO_IS_TILED (format))
    return FALSE;
  if (GST_VIDEO_FORMAT_INFO_FORMAT (format) == GST_VIDEO_FORMAT_VYUY)       /* GStreamer's converter and its own table disagree which is U */
    return FALSE;
  for (guint i = 0; i < MIN (format->n_components, 3); i++)
    if (format->depth[i] != 8 || format->shift[i] != 0)
      return FALSE;
  return TRUE;
}

/* Y, U and V as image-rows.h reads them; of grey Y alone. */
static gboolean
describe_yuv (const GstVideoInfo *info, GtfPlanes *planes)
{
  const GstVideoFormatInfo *format = info->finfo;
  const GstVideoColorRange range = info->colorimetry.range;
  const gboolean grey = GST_VIDEO_INFO_IS_GRAY (info);

  planes->colours = grey ? GTF_PLANES_GREY : GTF_PLANES_YUV;
  planes->full_range = range == GST_VIDEO_COLOR_RANGE_0_255;
  if ((!planes->full_range && range != GST_VIDEO_COLOR_RANGE_16_235) || !gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix, &planes->kr, &planes->kb))
    return FALSE;
  if (grey)
    return TRUE;
  planes->x_shift = (guint8) GST_VIDEO_FORMAT_INFO_W_SUB (format, 1);
  planes->y_shift = (guint8) GST_VIDEO_FORMAT_INFO_H_SUB (format, 1);
  planes->lines_repeated = is_repeated (GST_VIDEO_INFO_FORMAT (info));
  planes->siting = planes->lines_repeated ? GTF_CHROMA_REPEATED : info->chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED ? GTF_CHROMA_LEFT : GTF_CHROMA_BETWEEN;
  /* of fields, and where the chroma of lines is not between them, GStreamer knows more */
  if (planes->y_shift && (GST_VIDEO_INFO_IS_INTERLACED (info) || info->chroma_site & (GST_VIDEO_CHROMA_SITE_V_COSITED | GST_VIDEO_CHROMA_SITE_ALT_LINE)))
    return FALSE;
  return planes->x_shift <= 1 && planes->y_shift <= 1 && planes->x_shift == GST_VIDEO_FORMAT_INFO_W_SUB (format, 2) && planes->y_shift == GST_VIDEO_FORMAT_INFO_H_SUB (format, 2);
}

/* FALSE: not a format that is read as it lies. */
static gboolean
describe (const GstVideoInfo *info, GtfPlanes *planes)
{
  const GstVideoFormatInfo *format = info->finfo;

  *planes = (GtfPlanes) { .width = GST_VIDEO_INFO_WIDTH (info), .height = GST_VIDEO_INFO_HEIGHT (info) };
  if (!has_bytes (format))
    return FALSE;
  if (!GST_VIDEO_INFO_IS_RGB (info))
    return describe_yuv (info, planes);
  planes->colours = GTF_PLANES_RGB;
  return format->n_planes == 1 && (format->pixel_stride[0] == 3 || format->pixel_stride[0] == 4) && info->colorimetry.matrix == GST_VIDEO_COLOR_MATRIX_RGB;
}

/* Such memory is read once and given back: reads may be slow, and a device waits for it. */
static gboolean
is_of_device (GstBuffer *buffer)
{
  for (guint i = 0; i < gst_buffer_n_memory (buffer); i++)
    if (gst_memory_is_type (gst_buffer_peek_memory (buffer, i), DMABUF))
      return TRUE;
  return FALSE;
}

static void
lend (GtfFramePicture *self)
{
  const GstVideoFrame *frame = &self->frame;

  for (guint i = 0; i < MIN (GST_VIDEO_FRAME_N_COMPONENTS (frame), 3); i++)
    {
      self->planes.data[i] = GST_VIDEO_FRAME_COMP_DATA (frame, i);
      self->planes.row[i] = GST_VIDEO_FRAME_COMP_STRIDE (frame, i);
      self->planes.pixel[i] = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, i);
    }
  self->image = (GtfImage) { .width = self->planes.width, .height = self->planes.height, .planes = &self->planes };
}

void
gtf_picture_part (GtfPicturePart *self, const GtfImage *image, gint left, gint top, gint width, gint height)
{
  if (image->planes)
    self->planes = *image->planes;
  else
    {
      self->planes = (GtfPlanes) { .colours = GTF_PLANES_RGB, .width = image->width, .height = image->height };
      for (guint c = 0; c < 3; c++)
        {
          self->planes.data[c] = image->pixels + c;
          self->planes.row[c] = (gssize) image->width * 3;
          self->planes.pixel[c] = 3;
        }
    }
  self->planes.left += left;
  self->planes.top += top;
  self->image = (GtfImage) { .width = width, .height = height, .planes = &self->planes };
}

/* ---- converted ---- */

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
prepare (GtfFramePicture *self, const GstVideoInfo *from, const GstVideoInfo *to)
{
  if (self->converter && gst_video_info_is_equal (&self->from, from))
    return TRUE;
  g_clear_pointer (&self->converter, gst_video_converter_free);
  self->from = *from;
  self->converter = gst_video_converter_new (from, to, NULL);
  return self->converter != NULL;
}

/* The picture of the last frame, if it has this size, or a new one. */
static gboolean
prepare_image (GtfFramePicture *self, gint width, gint height, GError **error)
{
  if (self->converted && self->converted->width == width && self->converted->height == height)
    return TRUE;
  g_clear_pointer (&self->converted, gtf_image_free);
  self->converted = gtf_image_new (width, height, error);
  return self->converted != NULL;
}

/* The mapped frame -> `converted` */
static gboolean
convert (GtfFramePicture *self, const GstVideoInfo *info, GError **error)
{
  g_autoptr (GstBuffer) wrapped = NULL;
  GstVideoFrame into;
  GstVideoInfo to;

  if (!prepare_image (self, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), error))
    return FALSE;
  if (!image_info (&to, info) || !prepare (self, info, &to))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "frames of %s %d x %d cannot be converted to RGB", gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)),
                   GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
      return FALSE;
    }
  wrapped = gst_buffer_new_wrapped_full (0, self->converted->pixels, to.size, 0, to.size, NULL, NULL);
  if (!gst_video_frame_map (&into, &to, wrapped, GST_MAP_WRITE))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "a picture of %d x %d cannot be written", to.width, to.height);
      return FALSE;
    }
  gst_video_converter_frame (self->converter, &self->frame, &into);
  gst_video_frame_unmap (&into);
  return TRUE;
}

static const GtfImage *
turn_upright (GtfFramePicture *self, const GtfTurn *turn, GError **error)
{
  GtfImage *upright = gtf_turn_image (turn, self->converted, error);

  gtf_image_free (self->converted);
  self->converted = upright;
  return upright;
}

/* ---- pictures ---- */

const GtfImage *
gtf_frame_picture_open (GtfFramePicture *self, GstBuffer *buffer, const GstVideoInfo *info, const GtfTurn *turn, GError **error)
{
  gboolean converted;

  if (!gtf_frame_map (&self->frame, info, buffer, GST_MAP_READ, error))
    return NULL;
  self->mapped = TRUE;
  if (gtf_turn_is_none (turn) && describe (info, &self->planes) && !is_of_device (buffer))
    {
      lend (self);
      return &self->image;
    }
  converted = convert (self, info, error);
  gtf_frame_picture_close (self);
  if (!converted)
    return NULL;
  return gtf_turn_is_none (turn) ? self->converted : turn_upright (self, turn, error);
}

void
gtf_frame_picture_close (GtfFramePicture *self)
{
  if (self->mapped)
    gst_video_frame_unmap (&self->frame);
  self->mapped = FALSE;
}

void
gtf_frame_picture_clear (GtfFramePicture *self)
{
  gtf_frame_picture_close (self);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  g_clear_pointer (&self->converted, gtf_image_free);
}
