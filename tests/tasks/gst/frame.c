/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames as pictures: what the preprocessor makes of them as they lie against what GStreamer's converter makes of them first, for every format, odd sizes,
 * colorimetry, range and place of the chroma; parts of them; strides; those that must be converted all the same; and that no frame needs memory once the first has
 * been seen.
 */
#include "../../sanitizer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include "frame.h"

static GtfPreprocessor *processor;
static const GtfTurn upright;

/* ---- allocations ---- */

static gsize n_large;

#ifndef __SANITIZE_ADDRESS__
#define LARGE 4096

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *data, size_t size);
__attribute__ ((visibility ("default"))) void *malloc (size_t size);
__attribute__ ((visibility ("default"))) void *calloc (size_t n, size_t size);
__attribute__ ((visibility ("default"))) void *realloc (void *data, size_t size);

/* Rows, pictures and tensors are large; the names of tensors and the like are not. */
void *
malloc (size_t size)
{
  n_large += size >= LARGE;
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  n_large += n * size >= LARGE;
  return __libc_calloc (n, size);
}

void *
realloc (void *data, size_t size)
{
  n_large += size >= LARGE;
  return __libc_realloc (data, size);
}
#endif

/* ---- frames ---- */

/* Smooth colours with noise and hard edges, in every component. */
static GstBuffer *
make_frame (const GstVideoInfo *info, guint seed)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  GstVideoFrame frame;

  g_assert_true (gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE));
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES (&frame); p++)
    for (gint i = 0; i < GST_VIDEO_FRAME_PLANE_STRIDE (&frame, p) * (gint) GST_VIDEO_FRAME_COMP_HEIGHT (&frame, p); i++)
      ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, p))[i] = (guint8) g_rand_int_range (rand, 0, 256);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&frame); c++)
    for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c); y++)
      for (gint x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH (&frame, c); x++)
        {
          guint8 *at = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c) + y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c) + x * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, c);

          if (GST_VIDEO_INFO_COMP_DEPTH (info, c) == 8 && (x / 5 + y / 3) % 4)
            *at = (guint8) (128 + 90 * sin (x * (0.11 + 0.05 * c) + y * 0.07 + c) + g_rand_int_range (rand, -8, 9));
        }
  gst_video_frame_unmap (&frame);
  return buffer;
}

/* As GStreamer converts it. */
static GtfImage *
convert (GstBuffer *buffer, const GstVideoInfo *info)
{
  GtfImage *image = gtf_image_new (info->width, info->height, NULL);
  g_autoptr (GstBuffer) into = NULL;
  GstVideoConverter *converter;
  GstVideoFrame from, to;
  GstVideoInfo rgb;

  gst_video_info_set_interlaced_format (&rgb, GST_VIDEO_FORMAT_RGB, GST_VIDEO_INFO_INTERLACE_MODE (info), (guint) info->width, (guint) info->height);
  rgb.fps_n = info->fps_n;
  rgb.fps_d = info->fps_d;
  into = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&rgb), NULL);
  converter = gst_video_converter_new (info, &rgb, NULL);
  g_assert_nonnull (converter);
  g_assert_true (gst_video_frame_map (&from, info, buffer, GST_MAP_READ) && gst_video_frame_map (&to, &rgb, into, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &from, &to);
  for (gint y = 0; y < image->height; y++)
    memcpy (image->pixels + y * image->width * 3, (guint8 *) to.data[0] + y * to.info.stride[0], (gsize) image->width * 3);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&to);
  gst_video_converter_free (converter);
  return image;
}

static GtfTensor *
process (const GtfImage *image)
{
  const GtfImage *images[1] = { image };
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) tensors = gtf_preprocessor_run_images (processor, images, 1, NULL, &error);

  g_assert_no_error (error);
  return gtf_tensor_ref (g_hash_table_lookup (tensors, "pixel_values"));
}

/* The largest difference, in levels of grey: the processor of the test does not rescale. */
static double
difference (const GtfImage *a, const GtfImage *b)
{
  g_autoptr (GtfTensor) x = process (a), y = process (b);
  g_autoptr (GBytes) x_bytes = gtf_tensor_get_bytes (x), y_bytes = gtf_tensor_get_bytes (y);
  gsize size, other;
  const guint8 *left = g_bytes_get_data (x_bytes, &size), *right = g_bytes_get_data (y_bytes, &other);
  gint most = 0;

  g_assert_cmpuint (size, ==, other);
  for (gsize i = 0; i < size; i++)
    most = MAX (most, ABS (left[i] - right[i]));
  return most;
}

static const struct
{
  const char *format;
  gboolean as_it_lies;
} formats[] = { { "I420", TRUE }, { "YV12", TRUE }, { "NV12", TRUE }, { "NV21", TRUE }, { "YUY2", TRUE }, { "UYVY", TRUE }, { "YVYU", TRUE }, { "Y42B", TRUE },
                { "Y444", TRUE }, { "NV16", TRUE }, { "NV24", TRUE }, { "GRAY8", TRUE }, { "RGB", TRUE }, { "BGR", TRUE }, { "RGBx", TRUE }, { "BGRx", TRUE }, { "xRGB", TRUE },
                { "xBGR", TRUE }, { "RGBA", TRUE }, { "BGRA", TRUE }, { "ARGB", TRUE }, { "ABGR", TRUE }, { "VYUY", FALSE }, { "Y41B", FALSE }, { "I420_10LE", FALSE }, { "P010_10LE", FALSE },
                { "GRAY16_LE", FALSE }, { "GBR", FALSE } };

static const struct
{
  gint width, height;
} sizes[] = { { 1, 1 }, { 2, 3 }, { 7, 5 }, { 64, 48 }, { 97, 61 } };

static const char *const colorimetries[] = { "bt601", "bt709", "bt2020", "1:4:0:0", "1:3:0:0" };      /* the last two: BT.601 and BT.709 of full range */
static const char *const sites[] = { "jpeg", "mpeg2" };

static gboolean
info_of (GstVideoInfo *info, const char *format, gint width, gint height, const char *colorimetry, const char *site, const char *more)
{
  const gboolean is_yuv = GST_VIDEO_FORMAT_INFO_IS_YUV (gst_video_format_get_info (gst_video_format_from_string (format)));
  g_autofree char *text = g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=25/1%s%s%s%s%s", format, width, height, is_yuv && colorimetry ? ",colorimetry=" : "",
                                           is_yuv && colorimetry ? colorimetry : "", is_yuv && site ? ",chroma-site=" : "", is_yuv && site ? site : "", more);
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  g_assert_nonnull (caps);
  return gst_video_info_from_caps (info, caps);
}

static void
check (GtfFramePicture *picture, const GstVideoInfo *info, GstBuffer *buffer, gboolean as_it_lies, double tolerance)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfImage) converted = convert (buffer, info);
  const GtfImage *image = gtf_frame_picture_open (picture, buffer, info, &upright, &error);
  double found;

  g_assert_no_error (error);
  g_assert_cmpint (image->width, ==, info->width);
  g_assert_cmpint (image->height, ==, info->height);
  g_assert_cmpint (image->planes != NULL, ==, as_it_lies);
  found = difference (image, converted);
  if (found > tolerance)
    g_error ("%s %d x %d: %g levels of grey apart", gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)), info->width, info->height, found);
  if (image->planes)
    {
      g_autoptr (GtfImage) copy = gtf_image_copy (image);

      g_assert_cmpfloat (difference (image, copy), ==, 0);
    }
  gtf_frame_picture_close (picture);
}

static void
test_formats (void)
{
  GtfFramePicture picture = { 0 };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
      for (guint c = 0; c < G_N_ELEMENTS (colorimetries); c++)
        for (guint p = 0; p < G_N_ELEMENTS (sites); p++)
          {
            g_autoptr (GstBuffer) buffer = NULL;
            GstVideoInfo info;

            if (!formats[f].as_it_lies && sizes[s].width < 7)
              continue;               /* GStreamer's converter reads beyond such narrow rows, and gives what stands there */
            g_assert_true (info_of (&info, formats[f].format, sizes[s].width, sizes[s].height, colorimetries[c], sites[p], ""));
            buffer = make_frame (&info, f * 100 + s * 10 + c);
            check (&picture, &info, buffer, formats[f].as_it_lies, 2);
          }
  gtf_frame_picture_clear (&picture);
}

/* Parts of a picture are those of the converted one. */
static void
test_parts (void)
{
  static const gint parts[][4] = { { 0, 0, 64, 48 }, { 1, 1, 20, 20 }, { 13, 7, 33, 21 }, { 63, 47, 1, 1 }, { 2, 30, 62, 18 }, { 5, 0, 3, 48 } };
  GtfFramePicture picture = { 0 };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
      {
        g_autoptr (GtfImage) converted = NULL;
        g_autoptr (GstBuffer) buffer = NULL;
        const GtfImage *image;
        GtfPicturePart part, other;
        GstVideoInfo info;

        g_assert_true (info_of (&info, formats[f].format, 64, 48, "bt709", "mpeg2", ""));
        buffer = make_frame (&info, f);
        converted = convert (buffer, &info);
        image = gtf_frame_picture_open (&picture, buffer, &info, &upright, NULL);
        gtf_picture_part (&part, image, parts[i][0], parts[i][1], parts[i][2], parts[i][3]);
        gtf_picture_part (&other, converted, parts[i][0], parts[i][1], parts[i][2], parts[i][3]);
        g_assert_cmpfloat (difference (&part.image, &other.image), <=, 2);
        gtf_frame_picture_close (&picture);
      }
  gtf_frame_picture_clear (&picture);
}

/* Planes that lie far apart, with rows longer than they need to be. */
static void
test_strides (void)
{
  static const char *const names[] = { "I420", "NV12", "YUY2", "BGR", "GRAY8" };
  GtfFramePicture picture = { 0 };

  for (guint f = 0; f < G_N_ELEMENTS (names); f++)
    {
      g_autoptr (GstBuffer) plain = NULL, buffer = NULL;
      GstVideoAlignment align;
      GstVideoFrame from, to;
      GstVideoInfo info, wide;

      g_assert_true (info_of (&info, names[f], 33, 17, "bt601", "jpeg", ""));
      plain = make_frame (&info, f);
      wide = info;
      gst_video_alignment_reset (&align);
      align.padding_right = 37;
      align.padding_bottom = 9;
      align.padding_left = 16;
      g_assert_true (gst_video_info_align (&wide, &align));
      buffer = gst_buffer_new_allocate (NULL, wide.size, NULL);
      gst_buffer_memset (buffer, 0, 0x5a, wide.size);
      gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT (&info), 33, 17, GST_VIDEO_INFO_N_PLANES (&info), wide.offset, wide.stride);
      g_assert_true (gst_video_frame_map (&from, &info, plain, GST_MAP_READ) && gst_video_frame_map (&to, &info, buffer, GST_MAP_WRITE));
      gst_video_frame_copy (&to, &from);
      gst_video_frame_unmap (&from);
      gst_video_frame_unmap (&to);
      check (&picture, &info, buffer, TRUE, 2);
    }
  gtf_frame_picture_clear (&picture);
}

/* What is not read as it lies, though its format is: fields, matrices that nobody knows, turned frames, memory of devices. */
static void
test_converted (void)
{
  GtfFramePicture picture = { 0 };
  const GtfTurn turned = { TRUE, FALSE, TRUE };
  g_autoptr (GstBuffer) buffer = NULL, half = NULL;
  GstMemory *memory;
  const GtfImage *image;
  GstVideoInfo info;

  g_assert_true (info_of (&info, "NV12", 32, 16, NULL, NULL, ",interlace-mode=interleaved"));
  buffer = make_frame (&info, 1);
  check (&picture, &info, buffer, FALSE, 0);
  gst_clear_buffer (&buffer);
  g_assert_true (info_of (&info, "YUY2", 32, 16, NULL, NULL, ",interlace-mode=interleaved"));
  buffer = make_frame (&info, 1);
  check (&picture, &info, buffer, TRUE, 2);
  gst_clear_buffer (&buffer);
  g_assert_true (info_of (&info, "NV12", 32, 16, NULL, NULL, ""));
  buffer = make_frame (&info, 1);
  info.colorimetry.matrix = GST_VIDEO_COLOR_MATRIX_UNKNOWN;
  check (&picture, &info, buffer, FALSE, 0);
  g_assert_true (info_of (&info, "NV12", 32, 16, NULL, NULL, ""));
  image = gtf_frame_picture_open (&picture, buffer, &info, &turned, NULL);
  g_assert_true (image && image->pixels && image->width == 16 && image->height == 32);
  gtf_frame_picture_close (&picture);
  memory = gst_buffer_peek_memory (buffer, 0);
  memory->allocator->mem_type = "dmabuf";               /* of the system's allocator, for a moment */
  check (&picture, &info, buffer, FALSE, 0);
  memory->allocator->mem_type = GST_ALLOCATOR_SYSMEM;
  half = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_ALL, 0, gst_buffer_get_size (buffer) / 2);
  g_assert_null (gtf_frame_picture_open (&picture, half, &info, &upright, NULL));
  gtf_frame_picture_clear (&picture);
}

static void
test_memory (void)
{
  GtfFramePicture picture = { 0 };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    {
      g_autoptr (GstBuffer) buffer = NULL;
      GstVideoInfo info;
      gsize before = 0;

      g_assert_true (info_of (&info, formats[f].format, 320, 240, NULL, NULL, ""));
      buffer = make_frame (&info, f);
      for (guint i = 0; i < 6; i++)
        {
          const GtfImage *image = gtf_frame_picture_open (&picture, buffer, &info, &upright, NULL);
          GtfPicturePart part;

          gtf_tensor_unref (process (image));
          gtf_picture_part (&part, image, 0, 0, 320, 240);
          gtf_tensor_unref (process (&part.image));
          gtf_frame_picture_close (&picture);
          if (i == 2)
            before = n_large;
        }
      if (formats[f].as_it_lies)      /* GStreamer's converter is not asked */
        g_assert_cmpuint (n_large, ==, before);
    }
  gtf_frame_picture_clear (&picture);
}

/* What is filled on a canvas that stands upright is there when the picture is turned. */
static void
test_turned_canvas (void)
{
  static const GtfArea area = { 2, 5, 3, 4 };

  for (guint i = 0; i < 8; i++)
    {
      const GtfTurn turn = { i & 1, i & 2, i & 4 };
      g_autoptr (GtfImage) frame = gtf_image_new (11, 10, NULL), seen = NULL;
      GtfCanvas canvas = gtf_canvas_of_image (frame), upright;

      g_assert_true (gtf_turn_canvas (&turn, &canvas, &upright));
      gtf_canvas_fill (&upright, area, gtf_canvas_ink (&upright, 0xffffff), 256);
      seen = gtf_turn_image (&turn, frame, NULL);
      g_assert_true (upright.width == seen->width && upright.height == seen->height);
      for (gint y = 0; y < seen->height; y++)
        for (gint x = 0; x < seen->width; x++)
          g_assert_cmpuint (seen->pixels[3 * (y * seen->width + x)], ==,
                            x >= area.x && x < area.x + area.width && y >= area.y && y < area.y + area.height ? 255 : 0);
    }
}

/* Colour that two columns have in common cannot be counted from the other side of an odd width; of an even one it can. */
static void
test_turned_colour (void)
{
  static const struct
  {
    gint width, height;
    GtfTurn turn;
    gboolean can;
  } cases[] = { { 7, 6, { FALSE, TRUE, FALSE }, FALSE }, { 8, 6, { FALSE, TRUE, FALSE }, TRUE }, { 7, 6, { FALSE, FALSE, TRUE }, TRUE }, { 8, 5, { TRUE, FALSE, TRUE }, FALSE },
                { 7, 5, { TRUE, FALSE, FALSE }, TRUE } };
  guint8 bytes[64] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GtfCanvas canvas = { .width = cases[i].width, .height = cases[i].height, .colours = GTF_CANVAS_GREY, .n_planes = 1, .planes = { { bytes, 4, 1, 1, 1 } } };
      GtfCanvas upright;

      g_assert_cmpint (gtf_turn_canvas (&cases[i].turn, &canvas, &upright), ==, cases[i].can);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = g_dir_make_tmp ("gtf-XXXXXX", NULL), *path = g_build_filename (folder, "preprocessor_config.json", NULL);
  g_autoptr (GError) error = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_assert_true (g_file_set_contents (path, "{\"image_processor_type\": \"ViTImageProcessor\", \"size\": {\"height\": 48, \"width\": 56}, \"do_rescale\": false, \"do_normalize\": false}", -1, NULL));
  processor = gtf_preprocessor_load (folder, NULL, &error);
  g_assert_no_error (error);
  g_unlink (path);
  g_rmdir (folder);
  g_test_add_func ("/frame/formats", test_formats);
  g_test_add_func ("/frame/parts", test_parts);
  g_test_add_func ("/frame/strides", test_strides);
  g_test_add_func ("/frame/converted", test_converted);
  g_test_add_func ("/frame/memory", test_memory);
  g_test_add_func ("/frame/turned-canvas", test_turned_canvas);
  g_test_add_func ("/frame/turned-colour", test_turned_colour);
  failed = g_test_run ();
  g_object_unref (processor);
  return failed;
}
