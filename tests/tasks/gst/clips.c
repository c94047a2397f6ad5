/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole lines on the project's own clips, with the built-in and other small models: what comes out is compared with pictures that were looked at
 * (data/golden/frames). How video lies in a file (turned, with pixels that are not square, interlaced) makes no difference. And windows of frames are those that
 * the task takes out of a file. What needs an element that is not installed is skipped, by case. GTF_UPDATE_PICTURES=FOLDER writes the pictures there instead, to be looked at.
 */
#include <string.h>
#include <glib/gstdio.h>
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <gtf/gtf.h>
#include "../../sanitizer.h"

#define STREET "filesrc location=%s/samples/street.webm ! decodebin ! "
#define SMALL " ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=160,height=120,pixel-aspect-ratio=1/1 ! appsink name=sink sync=false"
#define LOOKED_AT 80                   /* the frame with a person, a house and a bicycle */
#define MOST_MEAN 0.5                  /* levels that a channel may be off on average */
#define FAR 24                         /* and of those that are further off ... */
#define MOST_FAR 0.002                 /* ... so many */

static const char *data;

/* A line with the word needs the element. */
static const struct
{
  const char *word, *element;
} needs[] = {
  { ".webm", "matroskademux" }, { ".webm", "vp8dec" }, { "capssetter", "capssetter" }, { "decodebin", "decodebin" }, { "matroskamux", "matroskademux" }, { "matroskamux", "matroskamux" },
  { "qtmux", "qtdemux" }, { "qtmux", "qtmux" }, { "videoconvert", "videoconvert" }, { "videoflip", "videoflip" }, { "videorate", "videorate" }, { "videoscale", "videoscale" },
};

/* Whether the test that runs the line is skipped. */
static gboolean
is_skipped (const char *line)
{
  for (guint i = 0; i < G_N_ELEMENTS (needs); i++)
    {
      g_autoptr (GstElementFactory) factory = gst_element_factory_find (needs[i].element);
      g_autofree char *reason = g_strconcat ("there is no ", needs[i].element, NULL);

      if (factory || !strstr (line, needs[i].word))
        continue;
      g_test_skip (reason);
      return TRUE;
    }
  return FALSE;
}

static GtfImage *
image_of (GstSample *sample)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  GtfImage *image;

  g_assert_true (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  g_assert_true (gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ));
  image = gtf_image_new (info.width, info.height, NULL);
  for (gint y = 0; y < info.height; y++)
    memcpy (image->pixels + (gsize) y * (gsize) info.width * 3, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) + (gsize) y * (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0), (gsize) info.width * 3);
  gst_video_frame_unmap (&frame);
  return image;
}

/* (transfer full): frame @number that comes out of a line, in which each %s is the folder data */
static GtfImage *
frame_of (const char *format, guint number)
{
  g_auto (GStrv) parts = g_strsplit (format, "%s", -1);
  g_autofree char *line = g_strjoinv (data, parts);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error), sink = NULL;
  g_autoptr (GstSample) sample = NULL;
  GtfImage *image;

  g_assert_no_error (error);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i <= number; i++)
    {
      g_clear_pointer (&sample, gst_sample_unref);
      sample = gst_app_sink_pull_sample (GST_APP_SINK (sink));
      if (!sample)
        g_error ("%s: it ends before frame %u", line, i);
    }
  image = image_of (sample);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return image;
}

/* How far apart two pictures of one size are: on average, and the part that is far off. */
static double
difference (const GtfImage *a, const GtfImage *b, double *far)
{
  const gsize n = (gsize) a->width * (gsize) a->height * 3;
  guint64 sum = 0, n_far = 0;

  g_assert_true (a->width == b->width && a->height == b->height);
  for (gsize i = 0; i < n; i++)
    {
      const gint d = ABS (a->pixels[i] - b->pixels[i]);

      sum += (guint64) d;
      n_far += d > FAR;
    }
  *far = (double) n_far / (double) n;
  return (double) sum / (double) n;
}

static void
assert_like (const GtfImage *image, const GtfImage *expected, const char *name)
{
  double far, mean = difference (image, expected, &far);

  g_test_message ("%s: %g levels off on average, %g %% far off", name, mean, far * 100);
  if (mean > MOST_MEAN || far > MOST_FAR)
    g_error ("%s: %g levels off on average, %g %% far off", name, mean, far * 100);
}

typedef struct
{
  const char *name, *line;
} Picture;

static const Picture pictures[] = {
  { "boxes", STREET "gtfdetect model=builtin/objects threshold=0.59 interval=80 max-age=1 ! videoconvert ! gtfoverlay" SMALL },
  { "segments", STREET "gtfsegment model=builtin/segments interval=80 max-age=1 ! videoconvert ! gtfoverlay" SMALL },
  { "blur", STREET "gtfdetect model=builtin/objects threshold=0.59 interval=80 max-age=1 ! videoconvert ! gtfoverlay mode=blur labels=person" SMALL },
  { "depth", STREET "gtfsegment task=depth-estimation model=%s/golden/vision/depth_anything/relative interval=80 max-age=1 ! videoconvert ! gtfoverlay" SMALL },
};

static void
test_picture (gconstpointer pointer)
{
  const Picture *picture = pointer;
  const char *update = g_getenv ("GTF_UPDATE_PICTURES");
  g_autofree char *file = g_strdup_printf ("%s.png", picture->name), *path = update ? g_build_filename (update, file, NULL) : g_build_filename (data, "golden", "frames", file, NULL);
  g_autoptr (GtfImage) image = NULL, bare = NULL, expected = NULL;
  g_autoptr (GError) error = NULL;
  double far;

  if (is_skipped (picture->line))
    return;
  image = frame_of (picture->line, LOOKED_AT);
  bare = frame_of (STREET "identity" SMALL, LOOKED_AT);
  if (update)
    {
      g_autoptr (GBytes) png = gtf_image_encode (image, "png", &error);

      g_assert_no_error (error);
      g_assert_true (g_file_set_contents (path, g_bytes_get_data (png, NULL), (gssize) g_bytes_get_size (png), NULL));
      return;
    }
  expected = gtf_image_load (path, NULL, &error);
  g_assert_no_error (error);
  assert_like (image, expected, picture->name);
  g_assert_true (difference (bare, expected, &far) > MOST_MEAN || far > MOST_FAR);        /* or the frame as it is would do */
}

/* ---- how video lies in a file ---- */

#define BOXES "gtfdetect model=builtin/objects threshold=0.5 max-age=1 ! videoconvert ! gtfoverlay"

/* Runs a line to its end. */
static void
run_line (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  g_assert_no_error (error);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    {
      gst_message_parse_error (message, &error, NULL);
      g_error ("%s: %s", line, error->message);
    }
  g_assert_nonnull (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

#define CLIP STREET "videorate ! video/x-raw,framerate=3/16 ! videoconvert ! video/x-raw,format=RGB ! "
#define FRAME 1                        /* of so few: the second */
#define MATRIX 44                      /* bytes from the name of a track's header to its matrix */

/* A file to an annotated file, and to what is seen: turned frames have the boxes where the clip as it is has them, and labels stand upright; others what they have without files
 * between. */
static const struct
{
  const char *name, *lie, *show;        /* from the clip to the file; to what is seen, where the frames as they are are not */
  gint8 matrix[4];                      /* of the track: 1 or -1; all 0: as the muxer writes it */
} lies[] = {
  { "as-it-is", "identity", "identity", { 0, 0, 0, 0 } },
  { "turned-right", "videoflip video-direction=90r", "identity", { 0, -1, 1, 0 } },
  { "turned-left", "videoflip video-direction=90l", "identity", { 0, 1, -1, 0 } },
  { "on-its-head", "videoflip video-direction=180", "identity", { -1, 0, 0, -1 } },
  { "narrow", "videoscale ! video/x-raw,width=240,height=240,pixel-aspect-ratio=4/3", "videoscale ! video/x-raw,width=320,height=240,pixel-aspect-ratio=1/1", { 0, 0, 0, 0 } },
  { "interlaced", "capssetter caps=video/x-raw,interlace-mode=interleaved,field-order=top-field-first", "capssetter caps=video/x-raw,interlace-mode=progressive", { 0, 0, 0, 0 } },
};

/* Telephones write how the camera was held into the track's matrix, this muxer does not. */
static void
set_matrix (const char *path, const gint8 *matrix)
{
  static const guint places[4] = { 0, 4, 12, 16 };
  g_autofree char *bytes = NULL;
  gsize size;
  char *header;

  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  header = memmem (bytes, size, "tkhd", 4);
  g_assert_true (header && header + MATRIX + 36 <= bytes + size);
  for (guint i = 0; i < 4; i++)
    {
      const guint32 fixed = GUINT32_TO_BE ((guint32) matrix[i] << 16);

      memcpy (header + MATRIX + places[i], &fixed, 4);
    }
  g_assert_true (g_file_set_contents (path, bytes, (gssize) size, NULL));
}

static void
test_lie (gconstpointer pointer)
{
  static const gint8 none[4] = { 0 };
  const gsize i = GPOINTER_TO_SIZE (pointer);
  const gboolean turned = memcmp (lies[i].matrix, none, sizeof none) != 0;      /* only one of these containers knows that, and only the other of any shape of pixels in raw video */
  g_autofree char *folder = g_dir_make_tmp ("gtf-clips-XXXXXX", NULL), *file = g_build_filename (folder, "clip", NULL), *annotated = g_build_filename (folder, "boxes", NULL);
  g_autofree char *make = g_strdup_printf (CLIP "%s ! %s ! filesink location=%s", data, lies[i].lie, turned ? "qtmux" : "matroskamux", file);
  g_autofree char *annotate = g_strdup_printf ("filesrc location=%s ! decodebin ! " BOXES " ! videoconvert ! videoflip video-direction=auto ! video/x-raw,format=RGB ! matroskamux ! filesink location=%s",
                                               file, annotated);
  g_autofree char *see = g_strdup_printf ("filesrc location=%s ! decodebin ! videoconvert ! %s" SMALL, annotated, lies[i].show);
  g_autoptr (GtfImage) seen = NULL, bare = NULL, expected = NULL;
  g_autofree char *without_file = turned ? g_strdup_printf (CLIP BOXES SMALL, data) : g_strdup_printf (CLIP "%s ! " BOXES " ! videoconvert ! %s" SMALL, data, lies[i].lie, lies[i].show);
  double far;

  if (is_skipped (make) || is_skipped (annotate) || is_skipped (see) || is_skipped (without_file))
    {
      g_rmdir (folder);
      return;
    }
  bare = frame_of (CLIP "identity" SMALL, FRAME);
  expected = frame_of (without_file, FRAME);
  g_assert_true (difference (bare, expected, &far) > MOST_MEAN && far > MOST_FAR);      /* there are boxes */
  run_line (make);
  if (turned)
    set_matrix (file, lies[i].matrix);
  run_line (annotate);
  seen = frame_of (see, FRAME);
  assert_like (seen, expected, lies[i].name);
  g_unlink (file);
  g_unlink (annotated);
  g_rmdir (folder);
}

/* ---- windows ---- */

/* A window as long as the clip has the frames that the task takes out of the file, and nearly its answer (data/golden/video-tasks: there, swscale makes RGB, a
 * little otherwise). */
static void
test_window (void)
{
  g_autofree char *line = g_strdup_printf ("filesrc location=%s/golden/video-tasks/waves.webm ! decodebin ! gtfclassify task=video-classification window=880 model=%s/golden/vision/videomae/classifier"
                                           " ! fakesink", data, data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (JsonNode) answer = NULL;
  JsonObject *best;

  if (is_skipped (line))
    return;
  pipeline = gst_parse_launch (line, &error);
  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  do
    {
      g_clear_pointer (&message, gst_message_unref);
      message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
      g_assert_nonnull (message);
      g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_ELEMENT);
    }
  while (!gst_message_has_name (message, "gtf-result"));
  answer = json_from_string (gst_structure_get_string (gst_message_get_structure (message), "json"), NULL);
  best = json_array_get_object_element (json_node_get_array (answer), 0);
  g_assert_cmpstr (json_object_get_string_member (best, "label"), ==, "LABEL_0");
  g_assert_cmpfloat_with_epsilon (json_object_get_double_member (best, "score"), 0.501787, 0.02);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  data = g_getenv ("GTF_TEST_DATA");
  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++)
    {
      g_autofree char *name = g_strconcat ("/clips/pictures/", pictures[i].name, NULL);

      g_test_add_data_func (name, &pictures[i], test_picture);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree char *name = g_strconcat ("/clips/lies/", lies[i].name, NULL);

      g_test_add_data_func (name, GSIZE_TO_POINTER (i), test_lie);
    }
  g_test_add_func ("/clips/window", test_window);
  return g_test_run ();
}
