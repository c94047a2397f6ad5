/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Outlines to coverage. Each edge of an outline adds to a row of signed areas what it covers of the pixel that it crosses and, by a second
 * entry, of all to its right; the sum from the left is then the coverage. (The method of font-rs and stb_truetype's version 2.)
 */
#include "drawing/font.h"

#include <math.h>
#include <stdlib.h>

#define UNITS 256.0f            /* of an em */
#define ASCENT 0.93f            /* parts of an em */
#define HEIGHT 1.17f
#define REPLACEMENT 0xfffd

typedef struct
{
  guint16 character;
  guint16 advance;              /* 1/256 em */
  guint32 outline;              /* where it begins in outlines[] */
} FontGlyph;

/*
 * glyphs: sorted by character.
 * outlines: of each contour the number of its points, then of each 2 * x + (1: on the curve, 0: control point) and y, upwards; 0 ends a glyph.
 */
#include "font-outlines.inc.c"

struct _GtfFont
{
  gint size;
  GHashTable *drawn;            /* character -> GtfGlyph */
};

typedef struct
{
  float x, y;
} Point;

/* What is drawn on: one more column than the glyph is wide. */
typedef struct
{
  gint width, height;
  float *area;
  float scale, left, top;       /* from units to pixels, down */
} Raster;

/* ---- coverage ---- */

/* The part of a line within one row: from (x0, y0) to (x1, y1), heights within the row. */
static void
add_row (Raster *r, gint row, float x0, float x1, float height)
{
  float left = MIN (x0, x1), right = MAX (x0, x1), *area = r->area + (gsize) row * (gsize) (r->width + 2);
  const gint first = CLAMP ((gint) floorf (left), 0, r->width), last = CLAMP ((gint) floorf (right), 0, r->width);

  if (first == last)            /* one pixel: what lies right of the line's middle */
    {
      float covered = 1 - ((left + right) / 2 - (float) first);

      area[first] += height * covered;
      area[first + 1] += height * (1 - covered);
      return;
    }
  /* Several pixels: the area right of the line grows as a ramp. */
  for (gint x = first; x <= last; x++)
    {
      float a = MAX ((float) x, left), b = MIN ((float) x + 1, right), part = height * (b - a) / (right - left), covered = 1 - ((a + b) / 2 - (float) x);

      area[x] += part * covered;
      area[x + 1] += part * (1 - covered);
    }
}

static void
add_line (Raster *r, Point a, Point b)
{
  const float direction = a.y < b.y ? 1 : -1, slope = a.y == b.y ? 0 : (b.x - a.x) / (b.y - a.y);
  const Point top = a.y < b.y ? a : b, bottom = a.y < b.y ? b : a;

  for (gint row = MAX ((gint) floorf (top.y), 0); row < r->height && (float) row < bottom.y; row++)
    {
      float y0 = MAX (top.y, (float) row), y1 = MIN (bottom.y, (float) row + 1);

      if (y1 > y0)
        add_row (r, row, top.x + (y0 - top.y) * slope, top.x + (y1 - top.y) * slope, (y1 - y0) * direction);
    }
}

static void
add_curve (Raster *r, Point a, Point control, Point b)
{
  const float bend = hypotf (a.x - 2 * control.x + b.x, a.y - 2 * control.y + b.y);
  const gint steps = CLAMP ((gint) ceilf (sqrtf (bend) * 1.5f), 1, 32);
  Point from = a;

  for (gint i = 1; i <= steps; i++)
    {
      float t = (float) i / (float) steps, s = 1 - t;
      Point to = { s * s * a.x + 2 * s * t * control.x + t * t * b.x, s * s * a.y + 2 * s * t * control.y + t * t * b.y };

      add_line (r, from, to);
      from = to;
    }
}

static Point
point_at (const Raster *r, const gint16 *entry)
{
  return (Point) { (float) (entry[0] >> 1) * r->scale - r->left, r->top - (float) entry[1] * r->scale };
}

/* Control points in a row have a point of the curve half way between them. */
static void
add_contour (Raster *r, const gint16 *points, gint n)
{
  const Point start = point_at (r, points);
  Point at = start, control = { 0, 0 };
  gboolean curved = FALSE;

  for (gint i = 1; i <= n; i++)
    {
      const gint16 *entry = points + 2 * (i % n);
      Point p = point_at (r, entry);
      gboolean on = entry[0] & 1;
      Point to = on || !curved ? p : (Point) { (control.x + p.x) / 2, (control.y + p.y) / 2 };

      if (curved)
        add_curve (r, at, control, to);
      else if (on)
        add_line (r, at, to);
      if (curved || on)
        at = to;
      curved = !on;
      control = p;
    }
}

/* ---- glyphs ---- */

static int
compare (gconstpointer key, gconstpointer glyph)
{
  return (int) *(const gunichar *) key - ((const FontGlyph *) glyph)->character;
}

static const FontGlyph *
find (gunichar character)
{
  const FontGlyph *found = bsearch (&character, glyphs, G_N_ELEMENTS (glyphs), sizeof *glyphs, compare);
  const gunichar replacement = REPLACEMENT;

  return found ? found : bsearch (&replacement, glyphs, G_N_ELEMENTS (glyphs), sizeof *glyphs, compare);
}

/* FALSE: it is empty */
static gboolean
extent (const gint16 *outline, float scale, gint box[4])
{
  gint low[2] = { G_MAXINT, G_MAXINT }, high[2] = { G_MININT, G_MININT };

  for (; *outline; outline += 1 + 2 * *outline)
    for (gint i = 0; i < *outline; i++)
      {
        const gint p[2] = { outline[1 + 2 * i] >> 1, outline[2 + 2 * i] };

        for (guint k = 0; k < 2; k++)
          {
            low[k] = MIN (low[k], p[k]);
            high[k] = MAX (high[k], p[k]);
          }
      }
  if (low[0] > high[0])
    return FALSE;
  box[0] = (gint) floorf ((float) low[0] * scale);
  box[1] = (gint) floorf (-(float) high[1] * scale);
  box[2] = (gint) ceilf ((float) high[0] * scale) + 1;
  box[3] = (gint) ceilf (-(float) low[1] * scale) + 1;
  return TRUE;
}

static void
finish (GtfGlyph *glyph, const float *area)
{
  for (gint y = 0; y < glyph->height; y++)
    {
      float sum = 0;

      for (gint x = 0; x < glyph->width; x++)
        {
          sum += area[y * (glyph->width + 2) + x];
          glyph->coverage[y * glyph->width + x] = (guint8) (MIN (fabsf (sum), 1) * 255 + 0.5f);
        }
    }
}

static GtfGlyph *
draw (gint size, const FontGlyph *from)
{
  const gint16 *outline = outlines + from->outline;
  GtfGlyph *glyph = g_new0 (GtfGlyph, 1);
  Raster r = { .scale = (float) size / UNITS };
  gint box[4];

  glyph->advance = (gint) lroundf ((float) from->advance * r.scale * 64);
  if (!extent (outline, r.scale, box))
    return glyph;
  glyph->left = box[0];
  glyph->top = box[1];
  glyph->width = r.width = box[2] - box[0];
  glyph->height = r.height = box[3] - box[1];
  glyph->coverage = g_new (guint8, glyph->width * glyph->height);
  r.left = (float) box[0];
  r.top = (float) -box[1];
  r.area = g_new0 (float, (gsize) (r.width + 2) * (gsize) r.height);
  for (; *outline; outline += 1 + 2 * *outline)
    add_contour (&r, outline + 1, *outline);
  finish (glyph, r.area);
  g_free (r.area);
  return glyph;
}

static void
glyph_free (gpointer data)
{
  g_free (((GtfGlyph *) data)->coverage);
  g_free (data);
}

/* ---- the font ---- */

GtfFont *
gtf_font_new (gint size)
{
  GtfFont *self = g_new0 (GtfFont, 1);

  self->size = CLAMP (size, 4, 512);
  self->drawn = g_hash_table_new_full (NULL, NULL, NULL, glyph_free);
  return self;
}

void
gtf_font_free (GtfFont *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->drawn);
  g_free (self);
}

gint
gtf_font_get_size (const GtfFont *self)
{
  return self->size;
}

gint
gtf_font_get_ascent (const GtfFont *self)
{
  return (gint) ceilf ((float) self->size * ASCENT);
}

gint
gtf_font_get_height (const GtfFont *self)
{
  return (gint) ceilf ((float) self->size * HEIGHT);
}

const GtfGlyph *
gtf_font_get_glyph (GtfFont *self, gunichar character)
{
  const FontGlyph *from = find (character);
  gpointer key = GUINT_TO_POINTER ((guint) from->character);
  GtfGlyph *glyph = g_hash_table_lookup (self->drawn, key);

  if (glyph == NULL)
    {
      glyph = draw (self->size, from);
      g_hash_table_insert (self->drawn, key, glyph);
    }
  return glyph;
}

gint
gtf_font_get_width (GtfFont *self, const char *text)
{
  gint width = 0;

  for (; *text; text = g_utf8_next_char (text))
    width += gtf_font_get_glyph (self, g_utf8_get_char (text))->advance;
  return (width + 63) / 64;
}
