/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SECTION:element-gtfoverlay
 *
 * Draws on the frames what the other elements have found in them, or makes it unrecognisable.
 *
 *   gst-launch-1.0 v4l2src ! videoconvert ! gtfdetect model=hustvl/yolos-tiny ! gtfoverlay ! videoconvert ! autovideosink
 *   gst-launch-1.0 ... ! gtfdetect model=hustvl/yolos-tiny ! gtfoverlay mode=blur labels=person ! ...
 *
 * It works in place, in the frames' own format; what draws is core/drawing. A frame that has nothing on it passes untouched.
 */
#include "elements.h"

#include "captions.h"
#include "metas.h"
#include "turn.h"
#include "drawing/annotate.h"

struct _GtfOverlay
{
  GstBaseTransform parent;
  GstVideoInfo info;
  GtfTurn turn;                       /* of the stream, as its tags say */
  GtfFont *font;                      /* the streaming thread's */
  GtfCaptions captions;
  GstPad *text;                       /* (nullable): the pad `captions`, under the object lock */

  /* properties, under the object lock */
  gint mode;
  char *labels;
  guint line_width, text_size;
  gboolean wait_text;
};

typedef enum
{
  MODE_DRAW,
  MODE_BLUR,
  MODE_PIXELATE
} Mode;

enum
{
  PROP_0,
  PROP_MODE,
  PROP_LABELS,
  PROP_LINE_WIDTH,
  PROP_TEXT_SIZE,
  PROP_WAIT_TEXT
};

/* Those whose components have bytes of their own. */
#define FORMATS "{ I420, YV12, NV12, NV21, NV16, NV61, NV24, YUY2, UYVY, YVYU, VYUY, Y41B, Y42B, Y444, YUV9, YVU9, A420, AYUV, VUYA, v308, IYU2, " \
                "RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, GBR, GBRA, GRAY8 }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));
static GstStaticPadTemplate captions_template = GST_STATIC_PAD_TEMPLATE ("captions", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

G_DEFINE_FINAL_TYPE (GtfOverlay, gtf_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (gtfoverlay, "gtfoverlay", GST_RANK_NONE, GTF_TYPE_OVERLAY);

#define GTF_TYPE_OVERLAY_MODE (gtf_overlay_mode_get_type ())
static GType
gtf_overlay_mode_get_type (void)
{
  static GType type;
  static const GEnumValue values[] = { { MODE_DRAW, "Draw boxes and labels", "draw" },
                                       { MODE_BLUR, "Blur what is in the boxes and segments", "blur" },
                                       { MODE_PIXELATE, "Pixelate what is in the boxes and segments", "pixelate" },
                                       { 0, NULL, NULL } };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GtfOverlayMode", values));
  return type;
}

/* ---- drawing ---- */

/* What the properties say, for one frame. */
typedef struct
{
  Mode mode;
  GStrv labels;                       /* NULL: all */
  gint line_width, text_size;
} Style;

static void
style_read (Style *style, GtfOverlay *self, const GtfCanvas *canvas)
{
  GST_OBJECT_LOCK (self);
  style->mode = (Mode) self->mode;
  style->labels = self->labels && *self->labels ? g_strsplit (self->labels, ",", -1) : NULL;
  style->line_width = self->line_width ? (gint) self->line_width : gtf_annotate_line_width (canvas);
  style->text_size = self->text_size ? (gint) self->text_size : gtf_annotate_text_size (canvas);
  GST_OBJECT_UNLOCK (self);
  for (guint i = 0; style->labels && style->labels[i]; i++)
    g_strstrip (style->labels[i]);
}

static GtfFont *
font_of_size (GtfOverlay *self, gint size)
{
  if (self->font && gtf_font_get_size (self->font) != size)
    g_clear_pointer (&self->font, gtf_font_free);
  if (!self->font)
    self->font = gtf_font_new (size);
  return self->font;
}

/* A sixth of a face, or a person, tells nobody apart. @mask: of the area only what it has (nullable) */
static void
hide (const GtfCanvas *canvas, GtfArea area, const guint8 *mask, Mode mode)
{
  const gint block = MAX (MIN (area.width, area.height) / 6, 8);

  (mode == MODE_BLUR ? gtf_canvas_blur : gtf_canvas_pixelate) (canvas, gtf_canvas_snap (canvas, area), block, mask);
}

static gboolean
is_asked_for (const Style *style, const char *label)
{
  return style->labels == NULL || g_strv_contains ((const char *const *) style->labels, label);
}

/* Sides of a segment: left, top, right, bottom. */
typedef struct
{
  gint sides[4];
  gboolean asked;
} Reach;

static void
hide_segments (const GtfCanvas *canvas, const Style *style, const GtfSegments *segments)
{
  const guint n = segments->segments->len;
  const guint16 *map = g_bytes_get_data (segments->map, NULL);
  g_autofree guint8 *mask = g_try_malloc0 ((gsize) segments->width * (gsize) segments->height);
  g_autofree Reach *reaches = g_new0 (Reach, n + 1);

  for (guint i = 0; i < n; i++)
    reaches[i + 1] = (Reach) { { G_MAXINT, G_MAXINT, 0, 0 }, is_asked_for (style, g_array_index (segments->segments, GtfBox, i).label) };
  for (gint y = 0; mask && y < segments->height; y++)
    for (gint x = 0; x < segments->width; x++)
      {
        const gsize at = (gsize) y * (gsize) segments->width + (gsize) x;
        Reach *reach = map[at] <= n ? &reaches[map[at]] : reaches;

        if (!reach->asked)
          continue;
        mask[at] = 1;
        reach->sides[0] = MIN (reach->sides[0], x);
        reach->sides[1] = MIN (reach->sides[1], y);
        reach->sides[2] = MAX (reach->sides[2], x + 1);
        reach->sides[3] = MAX (reach->sides[3], y + 1);
      }
  for (guint i = 1; mask && i <= n; i++)
    if (reaches[i].sides[2] > 0)
      hide (canvas, (GtfArea) { reaches[i].sides[0], reaches[i].sides[1], reaches[i].sides[2] - reaches[i].sides[0], reaches[i].sides[3] - reaches[i].sides[1] }, mask, style->mode);
}

static void
draw_boxes (GtfOverlay *self, const GtfCanvas *canvas, const Style *style, const GArray *boxes)
{
  for (guint i = 0; i < boxes->len; i++)
    {
      const GtfBox *box = &g_array_index (boxes, GtfBox, i);
      const GtfAnnotation annotation = { box->label, box->class, box->score, box->left, box->top, box->right, box->bottom, box->tracked ? (gint64) box->id : -1 };

      if (!is_asked_for (style, box->label))
        continue;
      if (style->mode == MODE_DRAW)
        gtf_annotate_box (canvas, font_of_size (self, style->text_size), style->line_width, &annotation);
      else
        hide (canvas, (GtfArea) { (gint) box->left, (gint) box->top, (gint) (box->right - box->left), (gint) (box->bottom - box->top) }, NULL, style->mode);
    }
}

static void
draw_segments (const GtfCanvas *canvas, const GtfSegments *segments)
{
  g_autofree guint32 *colours = g_new0 (guint32, segments->segments->len);
  const gsize n = (gsize) segments->width * (gsize) segments->height;

  for (guint i = 0; i < segments->segments->len; i++)
    colours[i] = gtf_annotate_colour (g_array_index (segments->segments, GtfBox, i).label, -1);
  if (segments->map)
    gtf_annotate_segments (canvas, g_bytes_get_data (segments->map, NULL), colours, segments->segments->len, 128);
  if (segments->depth)
    {
      g_autofree guint8 *levels = g_try_malloc (n);

      if (levels)
        {
          gtf_annotate_depth_levels (g_bytes_get_data (segments->depth, NULL), n, levels);
          gtf_annotate_depth (canvas, levels);
        }
    }
}

/* What the other elements have put on a frame, and what is said at its time. */
typedef struct
{
  GArray *boxes;
  char *lines, *caption;
  GtfSegments *segments;
} Finds;

static void
finds_clear (Finds *finds)
{
  g_clear_pointer (&finds->boxes, g_array_unref);
  g_clear_pointer (&finds->lines, g_free);
  g_clear_pointer (&finds->caption, g_free);
  g_clear_pointer (&finds->segments, gtf_segments_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Finds, finds_clear)

/* What is written stands upright for those who turn the frame as its tags say, where that can be. Changes the boxes to how they are then. */
static GtfCanvas
stand_upright (GtfOverlay *self, const GtfCanvas *canvas, GArray *boxes)
{
  GtfCanvas upright;

  if (gtf_turn_is_none (&self->turn) || !gtf_turn_canvas (&self->turn, canvas, &upright))
    return *canvas;
  for (guint i = 0; i < boxes->len; i++)
    gtf_turn_box (&self->turn, &g_array_index (boxes, GtfBox, i), canvas->width, canvas->height);
  return upright;
}

static void
draw (GtfOverlay *self, const GtfCanvas *canvas, const Finds *finds)
{
  const GtfCanvas upright = stand_upright (self, canvas, finds->boxes);
  Style style = { 0 };

  style_read (&style, self, canvas);
  if (finds->segments && style.mode == MODE_DRAW)
    draw_segments (canvas, finds->segments);
  else if (finds->segments && finds->segments->map)
    hide_segments (canvas, &style, finds->segments);
  draw_boxes (self, &upright, &style, finds->boxes);
  if (finds->lines && style.mode == MODE_DRAW)
    gtf_annotate_lines (&upright, font_of_size (self, style.text_size), finds->lines, FALSE);
  if (finds->caption)
    gtf_annotate_lines (&upright, font_of_size (self, style.text_size), finds->caption, TRUE);
  g_strfreev (style.labels);
}

static char *
caption_of (GtfOverlay *self, GstBuffer *buffer)
{
  const GstClockTime time = gst_segment_to_running_time (&GST_BASE_TRANSFORM (self)->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  gboolean wait;

  GST_OBJECT_LOCK (self);
  wait = self->wait_text;
  GST_OBJECT_UNLOCK (self);
  return GST_CLOCK_TIME_IS_VALID (time) ? gtf_captions_at (&self->captions, time, wait) : NULL;
}

static GstFlowReturn
gtf_overlay_transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
  GtfOverlay *self = GTF_OVERLAY (base);
  g_auto (Finds) finds = { gtf_boxes_from_buffer (buffer), gtf_labels_text (buffer), caption_of (self, buffer), gtf_segments_of_buffer (buffer, self->info.width, self->info.height) };
  g_autoptr (GError) error = NULL;
  GstVideoFrame frame;
  GtfCanvas canvas;

  if (finds.boxes->len == 0 && !finds.lines && !finds.caption && !finds.segments)
    return GST_FLOW_OK;
  if (!gtf_frame_map (&frame, &self->info, buffer, GST_MAP_READWRITE, &error))
    {
      GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s", error->message), (NULL));
      return GST_FLOW_OK;
    }
  canvas = gtf_frame_canvas (&frame);
  draw (self, &canvas, &finds);
  gst_video_frame_unmap (&frame);
  return GST_FLOW_OK;
}

static gboolean
gtf_overlay_set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
  return gst_video_info_from_caps (&GTF_OVERLAY (base)->info, in);
}

/* Upstream need not copy to tell of strides. */
static gboolean
gtf_overlay_propose_allocation (GstBaseTransform *base, GstQuery *decide, GstQuery *query)
{
  if (!GST_BASE_TRANSFORM_CLASS (gtf_overlay_parent_class)->propose_allocation (base, decide, query))
    return FALSE;
  if (!gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

/* ---- captions ---- */

static GstFlowReturn
gtf_overlay_text_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  return gtf_captions_chain (&GTF_OVERLAY (parent)->captions, buffer);
}

static gboolean
gtf_overlay_text_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  return gtf_captions_event (&GTF_OVERLAY (parent)->captions, event);
}

static GstPad *
gtf_overlay_request_pad (GstElement *element, GstPadTemplate *template, const char *name, const GstCaps *caps)
{
  GtfOverlay *self = GTF_OVERLAY (element);
  GstPad *pad = gst_pad_new_from_template (template, "captions");
  gboolean first;

  GST_OBJECT_LOCK (self);
  first = self->text == NULL;
  if (first)
    self->text = pad;
  GST_OBJECT_UNLOCK (self);
  if (!first)
    {
      gst_object_unref (gst_object_ref_sink (pad));
      return NULL;
    }
  gst_pad_set_chain_function (pad, gtf_overlay_text_chain);
  gst_pad_set_event_function (pad, gtf_overlay_text_event);
  gtf_captions_set_linked (&self->captions, TRUE);
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gtf_overlay_release_pad (GstElement *element, GstPad *pad)
{
  GtfOverlay *self = GTF_OVERLAY (element);

  gtf_captions_set_linked (&self->captions, FALSE);
  gst_pad_set_active (pad, FALSE);
  GST_OBJECT_LOCK (self);
  self->text = NULL;
  GST_OBJECT_UNLOCK (self);
  gst_element_remove_pad (element, pad);
}

static gboolean
gtf_overlay_sink_event (GstBaseTransform *base, GstEvent *event)
{
  GtfOverlay *self = GTF_OVERLAY (base);
  GstTagList *tags;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gtf_captions_set_video_flushing (&self->captions, GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    self->turn = (GtfTurn) { FALSE, FALSE, FALSE };
  else if (GST_EVENT_TYPE (event) == GST_EVENT_TAG)
    {
      gst_event_parse_tag (event, &tags);
      gtf_turn_from_tags (&self->turn, tags);
    }
  return GST_BASE_TRANSFORM_CLASS (gtf_overlay_parent_class)->sink_event (base, event);
}

/* A frame waits for what is said at its time: the later of both counts. */
static gboolean
gtf_overlay_query (GstBaseTransform *base, GstPadDirection direction, GstQuery *query)
{
  GtfOverlay *self = GTF_OVERLAY (base);
  g_autoptr (GstQuery) of_text = NULL;
  GstClockTime min, max, text_min;
  gboolean live, text_live;
  GstPad *pad;

  if (!GST_BASE_TRANSFORM_CLASS (gtf_overlay_parent_class)->query (base, direction, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY || direction != GST_PAD_SRC)
    return TRUE;
  GST_OBJECT_LOCK (self);
  pad = self->text && self->wait_text ? gst_object_ref (self->text) : NULL;
  GST_OBJECT_UNLOCK (self);
  if (!pad)
    return TRUE;
  of_text = gst_query_new_latency ();
  if (gst_pad_peer_query (pad, of_text))
    {
      gst_query_parse_latency (query, &live, &min, &max);
      gst_query_parse_latency (of_text, &text_live, &text_min, NULL);
      if (live && text_live)
        gst_query_set_latency (query, TRUE, MAX (min, text_min), max);
    }
  gst_object_unref (pad);
  return TRUE;
}

static GstStateChangeReturn
gtf_overlay_change_state (GstElement *element, GstStateChange transition)
{
  GtfOverlay *self = GTF_OVERLAY (element);

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED || transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gtf_captions_set_stopped (&self->captions, transition == GST_STATE_CHANGE_PAUSED_TO_READY);
  return GST_ELEMENT_CLASS (gtf_overlay_parent_class)->change_state (element, transition);
}

/* ---- properties ---- */

static void
gtf_overlay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GtfOverlay *self = GTF_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_MODE)
    self->mode = g_value_get_enum (value);
  else if (id == PROP_LABELS)
    {
      g_free (self->labels);
      self->labels = g_value_dup_string (value);
    }
  else if (id == PROP_LINE_WIDTH)
    self->line_width = g_value_get_uint (value);
  else if (id == PROP_TEXT_SIZE)
    self->text_size = g_value_get_uint (value);
  else if (id == PROP_WAIT_TEXT)
    self->wait_text = g_value_get_boolean (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_overlay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GtfOverlay *self = GTF_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_MODE)
    g_value_set_enum (value, self->mode);
  else if (id == PROP_LABELS)
    g_value_set_string (value, self->labels);
  else if (id == PROP_LINE_WIDTH)
    g_value_set_uint (value, self->line_width);
  else if (id == PROP_TEXT_SIZE)
    g_value_set_uint (value, self->text_size);
  else if (id == PROP_WAIT_TEXT)
    g_value_set_boolean (value, self->wait_text);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gtf_overlay_finalize (GObject *object)
{
  GtfOverlay *self = GTF_OVERLAY (object);

  g_free (self->labels);
  g_clear_pointer (&self->font, gtf_font_free);
  gtf_captions_clear (&self->captions);
  G_OBJECT_CLASS (gtf_overlay_parent_class)->finalize (object);
}

#define LIVE (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)

static void
gtf_overlay_class_init (GtfOverlayClass *klass)
{
  GObjectClass *object = G_OBJECT_CLASS (klass);
  GstBaseTransformClass *base = GST_BASE_TRANSFORM_CLASS (klass);
  GstElementClass *element = GST_ELEMENT_CLASS (klass);

  object->set_property = gtf_overlay_set_property;
  object->get_property = gtf_overlay_get_property;
  object->finalize = gtf_overlay_finalize;
  base->set_caps = gtf_overlay_set_caps;
  base->transform_ip = gtf_overlay_transform_ip;
  base->propose_allocation = gtf_overlay_propose_allocation;
  base->sink_event = gtf_overlay_sink_event;
  base->query = gtf_overlay_query;
  element->request_new_pad = gtf_overlay_request_pad;
  element->release_pad = gtf_overlay_release_pad;
  element->change_state = gtf_overlay_change_state;
  g_object_class_install_property (object, PROP_MODE, g_param_spec_enum ("mode", "Mode", "What is done with what is on the frames", GTF_TYPE_OVERLAY_MODE, MODE_DRAW, LIVE));
  g_object_class_install_property (object, PROP_LABELS, g_param_spec_string ("labels", "Labels", "Only boxes, and to be hidden segments, with these labels, separated by commas; unset: all", NULL, LIVE));
  g_object_class_install_property (object, PROP_LINE_WIDTH, g_param_spec_uint ("line-width", "Line width", "Of the boxes, pixels; 0: by the size of the frame", 0, 100, 0, LIVE));
  g_object_class_install_property (object, PROP_TEXT_SIZE, g_param_spec_uint ("text-size", "Text size", "Pixels; 0: by the size of the frame", 0, 512, 0, LIVE));
  g_object_class_install_property (object, PROP_WAIT_TEXT, g_param_spec_boolean ("wait-text", "Wait for text", "Frames wait until it is known what is said at their time (pad captions)", TRUE, LIVE));
  gst_element_class_add_static_pad_template (element, &captions_template);
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "Overlay", "Filter/Effect/Video", "Draws boxes, labels, segments, depth and captions on the frames, or blurs what is in boxes", "GTransformers");
  gst_type_mark_as_plugin_api (GTF_TYPE_OVERLAY_MODE, 0);
}

static void
gtf_overlay_init (GtfOverlay *self)
{
  self->wait_text = TRUE;
  gtf_captions_init (&self->captions);
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
