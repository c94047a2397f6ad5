/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Luma and chroma to red, green and blue: every matrix and range against the standard's formula, for each way that samples lie, of even and odd sizes. What swscale
 * gives to the bit is compared by tests/tasks/video-tasks.c.
 */
#include <math.h>
#include <string.h>

#include "frame-rgb.h"

#define NOTHING 77                      /* between rows: not to be read */

/* Kr and Kb of each matrix */
static const double weights[][2] = {
  [GTF_MATRIX_601] = { 0.299, 0.114 }, [GTF_MATRIX_709] = { 0.2126, 0.0722 }, [GTF_MATRIX_2020] = { 0.2627, 0.0593 }, [GTF_MATRIX_240M] = { 0.212, 0.087 }, [GTF_MATRIX_FCC] = { 0.30, 0.11 },
};

static void
expect (GtfColourMatrix matrix, gboolean full, const gint yuv[3], double rgb[3])
{
  const double kr = weights[matrix][0], kb = weights[matrix][1];
  const double y = full ? yuv[0] : (yuv[0] - 16) * 255.0 / 219, u = (yuv[1] - 128) / (full ? 255.0 : 224) * 255, v = (yuv[2] - 128) / (full ? 255.0 : 224) * 255;

  rgb[0] = y + 2 * (1 - kr) * v;
  rgb[2] = y + 2 * (1 - kb) * u;
  rgb[1] = y - (2 * (1 - kr) * kr * v + 2 * (1 - kb) * kb * u) / (1 - kr - kb);
}

/* A frame of one colour: planes of their own (step 1), or U and V by turns (step 2), in rows that are longer than they need be. */
static void
check_flat (GtfColourMatrix matrix, gboolean full, guint across, guint down, guint step, gint width, gint height, const gint yuv[3])
{
  const gint columns = (width + (gint) across) >> across, rows = (height + (gint) down) >> down;
  const gsize luma = (gsize) width + 3, chroma = (gsize) columns * step + 5;
  g_autofree guint8 *y = g_malloc (luma * (gsize) height), *uv = g_malloc (2 * chroma * (gsize) rows);
  guint8 *u = uv, *v = step == 2 ? uv + 1 : uv + chroma * (gsize) rows;
  const GtfYuvFrame frame = { { y, u, v }, { luma, chroma, chroma }, { 1, step, step }, across, down, matrix, full };
  g_autoptr (GtfImage) image = gtf_image_new (width, height, NULL);
  double rgb[3];

  memset (y, NOTHING, luma * (gsize) height);
  memset (uv, NOTHING, 2 * chroma * (gsize) rows);
  for (gint row = 0; row < height; row++)
    memset (y + (gsize) row * luma, yuv[0], (gsize) width);
  for (gint row = 0; row < rows; row++)
    for (gint x = 0; x < columns; x++)
      {
        u[(gsize) row * chroma + (gsize) x * step] = (guint8) yuv[1];
        v[(gsize) row * chroma + (gsize) x * step] = (guint8) yuv[2];
      }
  gtf_yuv_to_rgb (&frame, image);
  expect (matrix, full, yuv, rgb);
  for (gsize i = 0; i < (gsize) width * (gsize) height * 3; i++)
    g_assert_cmpfloat_with_epsilon (image->pixels[i], CLAMP (rgb[i % 3], 0, 255), 2.6);
}

static void
test_colours (void)
{
  static const gint sizes[][2] = { { 8, 6 }, { 7, 5 }, { 8, 5 }, { 2, 2 }, { 1, 1 }, { 1, 6 } };
  static const gint colours[][3] = { { 16, 128, 128 }, { 235, 128, 128 }, { 120, 128, 128 }, { 81, 90, 240 }, { 145, 54, 34 }, { 41, 240, 110 }, { 200, 100, 150 }, { 255, 255, 255 }, { 0, 0, 0 } };

  for (guint matrix = 0; matrix < G_N_ELEMENTS (weights); matrix++)
    for (gint full = 0; full < 2; full++)
      for (guint sampling = 0; sampling < 3; sampling++)        /* 4:4:4, 4:2:2, 4:2:0 */
        for (guint step = 1; step < 3; step++)
          for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
            for (guint k = 0; k < G_N_ELEMENTS (colours); k++)
              check_flat ((GtfColourMatrix) matrix, full, sampling > 0, sampling > 1, step, sizes[s][0], sizes[s][1], colours[k]);
}

/* A sample of colour counts for all its pixels where both sides are even; else colours between two samples are mixed. */
static void
test_edge (void)
{
  static const guint8 luma[4] = { 120, 120, 120, 120 }, u[2] = { 128, 128 }, v[2] = { 60, 200 };
  g_autoptr (GtfImage) even = gtf_image_new (4, 2, NULL), odd = gtf_image_new (4, 1, NULL);
  GtfYuvFrame frame = { { luma, u, v }, { 0, 0, 0 }, { 1, 1, 1 }, 1, 1, GTF_MATRIX_601, FALSE };     /* all rows are the same one */

  gtf_yuv_to_rgb (&frame, even);
  g_assert_cmpuint (even->pixels[0], ==, even->pixels[3]);
  g_assert_cmpuint (even->pixels[6], ==, even->pixels[9]);
  g_assert_cmpuint (even->pixels[3], <, even->pixels[6]);
  gtf_yuv_to_rgb (&frame, odd);
  for (guint x = 0; x < 3; x++)
    g_assert_cmpuint (odd->pixels[3 * x], <, odd->pixels[3 * x + 3]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/frame-rgb/colours", test_colours);
  g_test_add_func ("/frame-rgb/edge", test_edge);
  return g_test_run ();
}
