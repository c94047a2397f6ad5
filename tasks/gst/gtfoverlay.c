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

#include "metas.h"
#include "drawing/annotate.h"

struct _GtfOverlay
{
  GstBaseTransform parent;
  GstVideoInfo info;
  GtfFont *font;                      /* the streaming thread's */

  /* properties, under the object lock */
  gint mode;
  char *labels;
  guint line_width, text_size;
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
  PROP_TEXT_SIZE
};

/* Those whose components have bytes of their own. */
#define FORMATS "{ I420, YV12, NV12, NV21, NV16, NV61, NV24, YUY2, UYVY, YVYU, VYUY, Y41B, Y42B, Y444, YUV9, YVU9, A420, AYUV, VUYA, v308, IYU2, " \
                "RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, GBR, GBRA, GRAY8 }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));

G_DEFINE_FINAL_TYPE (GtfOverlay, gtf_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (gtfoverlay, "gtfoverlay", GST_RANK_NONE, GTF_TYPE_OVERLAY);

#define GTF_TYPE_OVERLAY_MODE (gtf_overlay_mode_get_type ())
static GType
gtf_overlay_mode_get_type (void)
{
  static GType type;
  static const GEnumValue values[] = { { MODE_DRAW, "Draw boxes and labels", "draw" },
                                       { MODE_BLUR, "Blur what is in the boxes", "blur" },
                                       { MODE_PIXELATE, "Pixelate what is in the boxes", "pixelate" },
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

/* A sixth of a face, or a person, tells nobody apart. */
static void
hide (const GtfCanvas *canvas, const GtfBox *box, Mode mode)
{
  const GtfArea area = gtf_canvas_snap (canvas, (GtfArea) { (gint) box->left, (gint) box->top, (gint) (box->right - box->left), (gint) (box->bottom - box->top) });
  const gint block = MAX (MIN (area.width, area.height) / 6, 8);

  (mode == MODE_BLUR ? gtf_canvas_blur : gtf_canvas_pixelate) (canvas, area, block);
}

static void
draw_boxes (GtfOverlay *self, const GtfCanvas *canvas, const Style *style, const GArray *boxes)
{
  for (guint i = 0; i < boxes->len; i++)
    {
      const GtfBox *box = &g_array_index (boxes, GtfBox, i);
      const GtfAnnotation annotation = { box->label, box->class, box->score, box->left, box->top, box->right, box->bottom, box->tracked ? (gint64) box->id : -1 };

      if (style->labels && !g_strv_contains ((const char *const *) style->labels, box->label))
        continue;
      if (style->mode == MODE_DRAW)
        gtf_annotate_box (canvas, font_of_size (self, style->text_size), style->line_width, &annotation);
      else
        hide (canvas, box, style->mode);
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

/* What the other elements have put on a frame. */
typedef struct
{
  GArray *boxes;
  char *lines;
  GtfSegments *segments;
} Finds;

static void
finds_clear (Finds *finds)
{
  g_clear_pointer (&finds->boxes, g_array_unref);
  g_clear_pointer (&finds->lines, g_free);
  g_clear_pointer (&finds->segments, gtf_segments_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Finds, finds_clear)

static void
draw (GtfOverlay *self, const GtfCanvas *canvas, const Finds *finds)
{
  Style style = { 0 };

  style_read (&style, self, canvas);
  if (finds->segments && style.mode == MODE_DRAW)
    draw_segments (canvas, finds->segments);
  draw_boxes (self, canvas, &style, finds->boxes);
  if (finds->lines && style.mode == MODE_DRAW)
    gtf_annotate_lines (canvas, font_of_size (self, style.text_size), finds->lines, FALSE);
  g_strfreev (style.labels);
}

static GstFlowReturn
gtf_overlay_transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
  GtfOverlay *self = GTF_OVERLAY (base);
  g_auto (Finds) finds = { gtf_boxes_from_buffer (buffer), gtf_labels_text (buffer), gtf_segments_of_buffer (buffer, self->info.width, self->info.height) };
  g_autoptr (GError) error = NULL;
  GstVideoFrame frame;
  GtfCanvas canvas;

  if (finds.boxes->len == 0 && !finds.lines && !finds.segments)
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
  g_object_class_install_property (object, PROP_MODE, g_param_spec_enum ("mode", "Mode", "What is done with the boxes", GTF_TYPE_OVERLAY_MODE, MODE_DRAW, LIVE));
  g_object_class_install_property (object, PROP_LABELS, g_param_spec_string ("labels", "Labels", "Only boxes with these labels, separated by commas; unset: all", NULL, LIVE));
  g_object_class_install_property (object, PROP_LINE_WIDTH, g_param_spec_uint ("line-width", "Line width", "Of the boxes, pixels; 0: by the size of the frame", 0, 100, 0, LIVE));
  g_object_class_install_property (object, PROP_TEXT_SIZE, g_param_spec_uint ("text-size", "Text size", "Pixels; 0: by the size of the frame", 0, 512, 0, LIVE));
  gst_element_class_add_static_pad_template (element, &sink_template);
  gst_element_class_add_static_pad_template (element, &src_template);
  gst_element_class_set_static_metadata (element, "Overlay", "Filter/Effect/Video", "Draws boxes and labels that are on the frames, or blurs what is in them", "GTransformers");
  gst_type_mark_as_plugin_api (GTF_TYPE_OVERLAY_MODE, 0);
}

static void
gtf_overlay_init (GtfOverlay *self)
{
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
