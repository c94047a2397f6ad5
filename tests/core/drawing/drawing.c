/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Drawing in every layout, by its properties: what is asked for has the colour, and no sample of which a pixel lies outside is changed.
 */
#include <string.h>

#include "base/json.h"
#include "drawing/annotate.h"
#include "drawing/terminal.h"

/* ---- layouts ---- */

typedef struct
{
  const char *name;
  GtfCanvasColours colours;
  guint n_planes;
  struct
  {
    gssize offset, pixel;       /* within a plane's rows */
    guint8 x_shift, y_shift;
  } planes[4];
  gboolean packed;              /* all components in one plane */
} Layout;

static const Layout layouts[] = {
  { "RGB", GTF_CANVAS_RGB, 3, { { 0, 3, 0, 0 }, { 1, 3, 0, 0 }, { 2, 3, 0, 0 } }, TRUE },
  { "BGRA", GTF_CANVAS_RGB, 4, { { 2, 4, 0, 0 }, { 1, 4, 0, 0 }, { 0, 4, 0, 0 }, { 3, 4, 0, 0 } }, TRUE },
  { "YUY2", GTF_CANVAS_YUV, 3, { { 0, 2, 0, 0 }, { 1, 4, 1, 0 }, { 3, 4, 1, 0 } }, TRUE },
  { "I420", GTF_CANVAS_YUV, 3, { { 0, 1, 0, 0 }, { 0, 1, 1, 1 }, { 0, 1, 1, 1 } }, FALSE },
  { "YUV9", GTF_CANVAS_YUV, 3, { { 0, 1, 0, 0 }, { 0, 1, 2, 2 }, { 0, 1, 2, 2 } }, FALSE },
  { "Y41B", GTF_CANVAS_YUV, 3, { { 0, 1, 0, 0 }, { 0, 1, 2, 0 }, { 0, 1, 2, 0 } }, FALSE },
  { "GRAY8", GTF_CANVAS_GREY, 1, { { 0, 1, 0, 0 } }, FALSE }
};

typedef struct
{
  GtfCanvas canvas;
  guint8 *bytes;
  gsize size;
} Sheet;

/* Noise, with spare bytes between the rows and around them. */
static Sheet
sheet_new (const Layout *layout, gint width, gint height)
{
  const gsize row = (gsize) width * 4 + 13, plane = row * (gsize) (height + 2);
  Sheet sheet = { { .width = width, .height = height, .colours = layout->colours, .n_planes = layout->n_planes, .kr = 0.299, .kb = 0.114 }, NULL, plane * 4 };
  g_autoptr (GRand) noise = g_rand_new_with_seed (5);

  sheet.bytes = g_malloc (sheet.size);
  for (gsize i = 0; i < sheet.size; i++)
    sheet.bytes[i] = (guint8) g_rand_int (noise);
  for (guint i = 0; i < layout->n_planes; i++)
    sheet.canvas.planes[i] = (GtfCanvasPlane) { sheet.bytes + (layout->packed ? 0 : i * plane) + row + layout->planes[i].offset, (gssize) row, layout->planes[i].pixel,
                                                layout->planes[i].x_shift, layout->planes[i].y_shift };
  return sheet;
}

/* All samples whose pixels on the canvas lie in @inside; then what is left must be as in @before. */
static void
assert_outside_same (Sheet *sheet, const guint8 *before, GtfArea inside)
{
  const GtfCanvas *c = &sheet->canvas;
  g_autofree guint8 *after = g_memdup2 (sheet->bytes, sheet->size);

  for (guint i = 0; i < c->n_planes; i++)
    {
      const GtfCanvasPlane *p = &c->planes[i];

      for (gint y = 0; y << p->y_shift < c->height; y++)
        for (gint x = 0; x << p->x_shift < c->width; x++)
          {
            const gint x0 = x << p->x_shift, y0 = y << p->y_shift, x1 = MIN (x0 + (1 << p->x_shift), c->width), y1 = MIN (y0 + (1 << p->y_shift), c->height);
            const gssize at = p->data - sheet->bytes + y * p->row + x * p->pixel;

            if (x0 >= inside.x && x1 <= inside.x + inside.width && y0 >= inside.y && y1 <= inside.y + inside.height)
              after[at] = before[at];
          }
    }
  g_assert_cmpmem (after, sheet->size, before, sheet->size);
}

static const GtfArea areas[] = { { 4, 4, 8, 8 }, { 3, 5, 7, 9 }, { 0, 0, 1, 1 }, { 30, 20, 100, 100 }, { -50, -50, 60, 60 }, { 0, 0, 37, 29 }, { 36, 28, 1, 1 }, { 5, 5, 0, 0 }, { 50, 50, 3, 3 },
                                 { G_MAXINT - 1, 0, G_MAXINT, 5 }, { G_MININT, G_MININT, G_MAXINT, G_MAXINT } };

static void
test_fill (void)
{
  for (guint l = 0; l < G_N_ELEMENTS (layouts); l++)
    for (guint a = 0; a < G_N_ELEMENTS (areas); a++)
      {
        Sheet sheet = sheet_new (&layouts[l], 37, 29);
        g_autofree guint8 *before = g_memdup2 (sheet.bytes, sheet.size);
        const GtfInk ink = gtf_canvas_ink (&sheet.canvas, 0xe6194b);
        GtfArea area = areas[a];
        gboolean any;

        gtf_canvas_fill (&sheet.canvas, area, ink, 256);
        any = gtf_canvas_clip (&sheet.canvas, &area);
        assert_outside_same (&sheet, before, any ? area : (GtfArea) { 0, 0, 0, 0 });
        for (gint y = area.y; any && y < area.y + area.height; y++)
          for (gint x = area.x; x < area.x + area.width; x++)
            g_assert_cmpuint (sheet.canvas.planes[0].data[y * sheet.canvas.planes[0].row + x * sheet.canvas.planes[0].pixel], ==, ink.values[0]);
        g_free (sheet.bytes);
      }
}

/* Boxes, labels, blur and squares stay within the area that a caller can tell beforehand. */
static void
test_within (void)
{
  for (guint l = 0; l < G_N_ELEMENTS (layouts); l++)
    for (guint a = 0; a < G_N_ELEMENTS (areas); a++)
      for (guint what = 0; what < 4; what++)
        {
          Sheet sheet = sheet_new (&layouts[l], 37, 29);
          g_autofree guint8 *before = g_memdup2 (sheet.bytes, sheet.size);
          const GtfAnnotation box = { "x", NULL, 1, areas[a].x, areas[a].y, (double) areas[a].x + areas[a].width, (double) areas[a].y + areas[a].height, -1 };
          g_autoptr (GtfFont) font = gtf_font_new (12);

          if (what == 0)
            gtf_canvas_blur (&sheet.canvas, areas[a], 8, NULL);
          else if (what == 1)
            gtf_canvas_pixelate (&sheet.canvas, areas[a], 5, NULL);
          else if (what == 2)
            gtf_annotate_box (&sheet.canvas, NULL, 3, &box);
          else
            gtf_canvas_text (&sheet.canvas, font, areas[a].x / 2, areas[a].y / 2, "Äg@W", gtf_canvas_ink (&sheet.canvas, 0), areas[a]);
          assert_outside_same (&sheet, before, gtf_canvas_snap (&sheet.canvas, areas[a]));
          g_free (sheet.bytes);
        }
}

/* The inside of a frame is not drawn on. */
static void
test_frame (void)
{
  g_autoptr (GtfImage) image = gtf_image_new (64, 48, NULL);
  const GtfCanvas canvas = gtf_canvas_of_image (image);
  const GtfAnnotation box = { "person", NULL, 0.5, 10, 12, 40, 36, -1 };
  const guint32 colour = gtf_annotate_colour ("person", -1);

  gtf_annotate_box (&canvas, NULL, 2, &box);
  for (gint y = 0; y < 48; y++)
    for (gint x = 0; x < 64; x++)
      {
        const gboolean within = x >= 10 && x < 40 && y >= 12 && y < 36, inner = x >= 12 && x < 38 && y >= 14 && y < 34;
        const guint8 *p = image->pixels + (y * 64 + x) * 3;

        g_assert_cmpuint ((guint32) p[0] << 16 | (guint32) p[1] << 8 | p[2], ==, within && !inner ? colour : 0);
      }
}

static void
test_inks (void)
{
  static const struct
  {
    GtfCanvasColours colours;
    double kr, kb;
    gboolean full;
    guint32 rgb;
    guint8 values[3];
  } cases[] = { { GTF_CANVAS_YUV, 0.299, 0.114, FALSE, 0xffffff, { 235, 128, 128 } }, { GTF_CANVAS_YUV, 0.299, 0.114, FALSE, 0x000000, { 16, 128, 128 } },
                { GTF_CANVAS_YUV, 0.299, 0.114, FALSE, 0xff0000, { 81, 90, 240 } }, { GTF_CANVAS_YUV, 0.2126, 0.0722, FALSE, 0xff0000, { 63, 102, 240 } },
                { GTF_CANVAS_YUV, 0.299, 0.114, TRUE, 0x0000ff, { 29, 255, 107 } }, { GTF_CANVAS_RGB, 0, 0, FALSE, 0x123456, { 0x12, 0x34, 0x56 } },
                { GTF_CANVAS_GREY, 0, 0, TRUE, 0x00ff00, { 150, 255, 255 } } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GtfCanvas canvas = { .colours = cases[i].colours, .kr = cases[i].kr, .kb = cases[i].kb, .full_range = cases[i].full };
      const GtfInk ink = gtf_canvas_ink (&canvas, cases[i].rgb);

      g_assert_cmpmem (ink.values, 3, cases[i].values, 3);
    }
}

/* What is hidden no longer depends on how the pixels of a square were arranged. */
static void
test_hidden (void)
{
  for (guint smooth = 0; smooth < 2; smooth++)
    {
      g_autoptr (GtfImage) a = gtf_image_new (32, 32, NULL), b = gtf_image_new (32, 32, NULL);
      const GtfCanvas one = gtf_canvas_of_image (a), other = gtf_canvas_of_image (b);

      for (gint i = 0; i < 32 * 32; i++)
        {
          memset (a->pixels + 3 * i, i % 2 ? 200 : 100, 3);
          memset (b->pixels + 3 * i, i / 32 % 2 ? 200 : 100, 3);
        }
      (smooth ? gtf_canvas_blur : gtf_canvas_pixelate) (&one, (GtfArea) { 0, 0, 32, 32 }, 8, NULL);
      (smooth ? gtf_canvas_blur : gtf_canvas_pixelate) (&other, (GtfArea) { 0, 0, 32, 32 }, 8, NULL);
      g_assert_cmpmem (a->pixels, 32 * 32 * 3, b->pixels, 32 * 32 * 3);
      g_assert_cmpuint (a->pixels[0], ==, 150);
    }
}

/* Of a mask every pixel changes, and no sample that it does not touch. */
static void
test_masked (void)
{
  for (guint l = 0; l < G_N_ELEMENTS (layouts); l++)
    for (guint smooth = 0; smooth < 2; smooth++)
      {
        Sheet sheet = sheet_new (&layouts[l], 37, 29);
        g_autofree guint8 *before = g_memdup2 (sheet.bytes, sheet.size), *mask = g_new0 (guint8, 37 * 29);
        const GtfCanvasPlane *first = &sheet.canvas.planes[0];
        guint same = 0;

        for (gint y = 9; y < 20; y++)
          memset (mask + y * 37 + 11, 1, 10);
        (smooth ? gtf_canvas_blur : gtf_canvas_pixelate) (&sheet.canvas, (GtfArea) { 0, 0, 37, 29 }, 8, mask);
        for (gint y = 9; y < 20; y++)
          for (gint x = 11; x < 21; x++)
            same += first->data[y * first->row + x * first->pixel] == before[first->data - sheet.bytes + y * first->row + x * first->pixel];
        g_assert_cmpuint (same, <, 10);       /* of 110, by chance */
        assert_outside_same (&sheet, before, gtf_canvas_snap (&sheet.canvas, (GtfArea) { 11, 9, 10, 11 }));
        g_free (sheet.bytes);
      }
}

/* ---- letters ---- */

/* Coverage of letters whose shape is known, and of all that the font has, at several sizes. */
static void
test_font (void)
{
  static const gint sizes[] = { 4, 11, 13, 40, 200 };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    {
      g_autoptr (GtfFont) font = gtf_font_new (sizes[s]);
      const GtfGlyph *bar = gtf_font_get_glyph (font, '|'), *space = gtf_font_get_glyph (font, ' '), *o = gtf_font_get_glyph (font, 'O');
      double ink = 0, area;

      g_assert_null (space->coverage);
      g_assert_cmpint (space->advance, >, 0);
      for (gint i = 0; i < bar->width * bar->height; i++)
        ink += bar->coverage[i] / 255.0;
      area = 204.0 / 2048 * sizes[s] * sizes[s];            /* the bar of the font is an em high */
      g_assert_cmpfloat_with_epsilon (ink, area, 0.05 * area);
      g_assert_cmpuint (o->coverage[o->height / 2 * o->width + o->width / 2], <=, sizes[s] < 11 ? 255 : 16);      /* it is hollow */
      for (gunichar c = 0; c < 0x2200; c++)
        {
          const GtfGlyph *glyph = gtf_font_get_glyph (font, c);

          g_assert_true (glyph->width <= 3 * sizes[s] + 3 && glyph->height <= 3 * sizes[s] + 3 && glyph->advance >= 0);
        }
      g_assert_true (gtf_font_get_glyph (font, 0x732b) == gtf_font_get_glyph (font, 0xfffd));
      g_assert_cmpint (gtf_font_get_width (font, "abc"), >, gtf_font_get_width (font, "ab"));
    }
}

/* ---- answers ---- */

static guint32
rgb_at (const GtfImage *image, gint x, gint y)
{
  const guint8 *p = image->pixels + (y * image->width + x) * 3;

  return (guint32) p[0] << 16 | (guint32) p[1] << 8 | p[2];
}

/* Base64 of a PNG, white right of its middle. */
static char *
half_mask (gint width, gint height)
{
  g_autoptr (GtfImage) mask = gtf_image_new (width, height, NULL);
  g_autoptr (GBytes) png = NULL;
  gsize size;
  gconstpointer data;

  for (gint i = 0; i < width * height; i++)
    memset (mask->pixels + 3 * i, i % width >= width / 2 ? 255 : 0, 3);
  png = gtf_image_encode (mask, "png", NULL);
  data = g_bytes_get_data (png, &size);
  return g_base64_encode (data, size);
}

static void
test_answers (void)
{
  g_autofree char *mask = half_mask (64, 48), *small = half_mask (10, 10);
  g_autofree char *segments = g_strdup_printf ("[{\"score\": null, \"label\": \"\", \"mask\": \"%s\"}]", mask);
  g_autofree char *wrong = g_strdup_printf ("[{\"score\": null, \"label\": \"\", \"mask\": \"%s\"}]", small);
  g_autofree char *depth = g_strdup_printf ("{\"predicted_depth\": [], \"depth\": \"%s\"}", mask);
  const guint32 red = gtf_annotate_colour ("", -1), ground = 0x808080;
  const guint32 blended = ((red >> 16) + 0x80 + 1) / 2 << 16 | ((red >> 8 & 255) + 0x80 + 1) / 2 << 8 | ((red & 255) + 0x80 + 1) / 2;
  const struct
  {
    const char *answer;
    guint32 left, right;        /* the colour at (20, 40) and (50, 40) */
    const char *error;
  } cases[] = { { "[]", ground, ground, NULL },
                { "[{\"score\": 0.5, \"label\": \"\", \"box\": {\"xmin\": 20, \"ymin\": 30, \"xmax\": 40, \"ymax\": 45}}]", red, ground, NULL },
                { "[{\"score\": 0.5, \"label\": \"a\"}, {\"score\": 0.25, \"label\": 3}]", ground, ground, NULL },
                { segments, ground, blended, NULL },
                { depth, 0x081d58, 0xffffd9, NULL },
                { wrong, 0, 0, "10 x 10" },
                { "[{\"score\": 0.5, \"label\": \"a\", \"mask\": \"AAAA\"}]", 0, 0, "mask" },
                { "[[0.5]]", 0, 0, "nothing that could be drawn" },
                { "{\"text\": \"a\"}", 0, 0, "nothing that could be drawn" },
                { "3", 0, 0, "nothing that could be drawn" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonNode) node = gtf_json_parse ("answer", cases[i].answer, -1, GTF_JSON_PYTHON, NULL);
      g_autoptr (GtfImage) image = gtf_image_new (64, 48, NULL);
      g_autoptr (GError) error = NULL;

      memset (image->pixels, 0x80, 64 * 48 * 3);
      if (!gtf_annotate_answer (image, node, &error))
        {
          g_assert_nonnull (cases[i].error ? strstr (error->message, cases[i].error) : NULL);
          continue;
        }
      g_assert_null (cases[i].error);
      g_assert_cmphex (rgb_at (image, 20, 40), ==, cases[i].left);
      g_assert_cmphex (rgb_at (image, 50, 40), ==, cases[i].right);
    }
}

/* What is written is read again: PNG to the bit, JPEG nearly. */
static void
test_encode (void)
{
  static const char *const formats[] = { "png", "jpeg" };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    {
      g_autoptr (GtfImage) image = gtf_image_new (37, 29, NULL), again = NULL;
      g_autoptr (GBytes) bytes = NULL;

      for (gint i = 0; i < 37 * 29; i++)
        memset (image->pixels + 3 * i, 3 * (i % 37 + i / 37), 3);
      bytes = gtf_image_encode (image, formats[f], NULL);
      again = gtf_image_load_bytes (bytes, "again", NULL);
      g_assert_true (again && again->width == 37 && again->height == 29);
      for (gint i = 0; i < 37 * 29 * 3; i++)
        g_assert_cmpint (ABS (again->pixels[i] - image->pixels[i]), <=, f ? 4 : 0);
    }
}

/* Two rows of pixels a line, each pixel the mean of what it covers; an odd last row has no lower half; nothing is made larger. */
static void
test_terminal (void)
{
  static const struct { gint width, height, columns, rows; const char *lines; } cases[] = {
    { 2, 2, 80, 24, "\033[38;2;0;0;0m\033[48;2;20;20;20m▀\033[38;2;10;10;10m\033[48;2;30;30;30m▀\033[0m\n" },
    { 2, 2, 1, 24, "\033[38;2;15;15;15m▀\033[0m\n" },
    { 1, 3, 80, 24, "\033[38;2;0;0;0m\033[48;2;10;10;10m▀\033[0m\n\033[38;2;20;20;20m▀\033[0m\n" },
    { 1, 4, 80, 1, "\033[38;2;5;5;5m\033[48;2;25;25;25m▀\033[0m\n" },
    { 1, 400, 80, 1, "\033[38;2;35;35;35m\033[48;2;125;125;125m▀\033[0m\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfImage) image = gtf_image_new (cases[i].width, cases[i].height, NULL);
      g_autofree char *lines = NULL;

      for (gint j = 0; j < cases[i].width * cases[i].height; j++)
        memset (image->pixels + 3 * j, cases[i].height == 400 ? 35 + 90 * (j / 200) : 10 * j, 3);
      lines = gtf_image_to_terminal (image, cases[i].columns, cases[i].rows);
      g_assert_cmpstr (lines, ==, cases[i].lines);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/drawing/fill", test_fill);
  g_test_add_func ("/drawing/within", test_within);
  g_test_add_func ("/drawing/frame", test_frame);
  g_test_add_func ("/drawing/inks", test_inks);
  g_test_add_func ("/drawing/hidden", test_hidden);
  g_test_add_func ("/drawing/masked", test_masked);
  g_test_add_func ("/drawing/font", test_font);
  g_test_add_func ("/drawing/answers", test_answers);
  g_test_add_func ("/drawing/encode", test_encode);
  g_test_add_func ("/drawing/terminal", test_terminal);
  return g_test_run ();
}
