/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From luma and chroma to red, green and blue, bit for bit what swscale gives by its fast way: numbers of 16 bits, of products the upper half;
 * a sample of colour counts for all its pixels. That way is for 4:2:0 and 4:2:2 with an even number of rows and columns. For other frames
 * swscale goes a longer way: there the numbers here are those of the standard, rounded, with colours between two samples in proportion; they
 * differ from swscale's by a level, more on edges of colour.
 */
#include "frame-rgb.h"

#include <math.h>

/* What V adds to red, U to blue, and what U and V take from green, times 65536, for 16 to 240. */
typedef struct
{
  gint v_red, u_blue, u_green, v_green;
} Coefficients;

static const Coefficients coefficients[] = {
  [GTF_MATRIX_601] = { 104597, 132201, 25675, 53279 },
  [GTF_MATRIX_709] = { 117489, 138438, 13975, 34925 },
  [GTF_MATRIX_2020] = { 110013, 140363, 12277, 42626 },
  [GTF_MATRIX_240M] = { 117579, 136230, 16907, 35559 },
  [GTF_MATRIX_FCC] = { 104448, 132798, 24759, 53109 },
};

static inline guint8
clamp (gint x)
{
  return (guint8) CLAMP (x, 0, 255);
}

/* ---- the fast way -------------------------------------------------------------------------------------------------------- */

/* x / 65536 * 8192, rounded */
static gint
to_13_bits (gint x)
{
  return (gint) (((gint64) x * 8192 + 32768) >> 16);
}

/* The upper half of a product of 16 by 16 bits. */
static inline gint
high (gint a, gint b)
{
  return (a * b) >> 16;
}

static void
convert_fast (const GtfYuvFrame *f, GtfImage *image)
{
  const Coefficients *k = &coefficients[f->matrix];
  const gint narrow = f->full ? 224 : 255, luma = to_13_bits (f->full ? 65536 : 65536 * 255 / 219), black = f->full ? 0 : 16 << 3;
  const gint v_red = to_13_bits (k->v_red * narrow / 255), u_blue = to_13_bits (k->u_blue * narrow / 255);
  const gint u_green = to_13_bits (-(k->u_green * narrow / 255)), v_green = to_13_bits (-(k->v_green * narrow / 255));

  for (gint row = 0; row < image->height; row++)
    {
      const guint8 *ys = f->planes[0] + (gsize) row * f->strides[0];
      const guint8 *us = f->planes[1] + (gsize) (row >> f->down) * f->strides[1], *vs = f->planes[2] + (gsize) (row >> f->down) * f->strides[2];
      guint8 *to = image->pixels + (gsize) row * (gsize) image->width * 3;

      for (gint x = 0; x < image->width; x++, to += 3)
        {
          const gint y = high ((ys[(gsize) x * f->steps[0]] << 3) - black, luma);
          const gint u = (us[(gsize) (x >> f->across) * f->steps[1]] - 128) * 8, v = (vs[(gsize) (x >> f->across) * f->steps[2]] - 128) * 8;

          to[0] = clamp (y + high (v, v_red));
          to[1] = clamp (y + high (u, u_green) + high (v, v_green));
          to[2] = clamp (y + high (u, u_blue));
        }
    }
}

/* ---- the longer one ------------------------------------------------------------------------------------------------------ */

/* Pixel x between the samples of colour first and first + 1, of which the second counts for so much. */
static void
between (gint x, guint half, gint n, gint *first, float *second)
{
  const float at = half ? ((float) x + 0.5f) / 2 - 0.5f : (float) x;

  *first = CLAMP ((gint) floorf (at), 0, MAX (n - 2, 0));
  *second = n > 1 ? CLAMP (at - (float) *first, 0.0f, 1.0f) : 0;
}

static float
colour (const GtfYuvFrame *f, guint plane, gint row, gint x, const GtfImage *image)
{
  const gint columns = (image->width + (gint) f->across) >> f->across, rows = (image->height + (gint) f->down) >> f->down;
  const gsize step = f->steps[plane], stride = f->strides[plane];
  const guint8 *from = f->planes[plane];
  gint left, top;
  float a, b;

  between (x, f->across, columns, &left, &a);
  between (row, f->down, rows, &top, &b);
  from += (gsize) top * stride + (gsize) left * step;
  return ((1 - a) * from[0] + (a > 0 ? a * from[step] : 0)) * (1 - b) + (b > 0 ? ((1 - a) * from[stride] + (a > 0 ? a * from[stride + step] : 0)) * b : 0) - 128;
}

static void
convert_between (const GtfYuvFrame *f, GtfImage *image)
{
  const Coefficients *k = &coefficients[f->matrix];
  const float narrow = (f->full ? 224.0f / 255 : 1) / 65536, luma = f->full ? 1 : 255.0f / 219, black = f->full ? 0 : 16;

  for (gint row = 0; row < image->height; row++)
    for (gint x = 0; x < image->width; x++)
      {
        guint8 *to = image->pixels + ((gsize) row * (gsize) image->width + (gsize) x) * 3;
        const float y = ((float) f->planes[0][(gsize) row * f->strides[0] + (gsize) x * f->steps[0]] - black) * luma;
        const float u = colour (f, 1, row, x, image) * narrow, v = colour (f, 2, row, x, image) * narrow;

        to[0] = clamp ((gint) lrintf (y + v * (float) k->v_red));
        to[1] = clamp ((gint) lrintf (y - u * (float) k->u_green - v * (float) k->v_green));
        to[2] = clamp ((gint) lrintf (y + u * (float) k->u_blue));
      }
}

void
gtf_yuv_to_rgb (const GtfYuvFrame *frame, GtfImage *image)
{
  if (frame->across && image->width % 2 == 0 && image->height % 2 == 0)
    convert_fast (frame, image);
  else
    convert_between (frame, image);
}
