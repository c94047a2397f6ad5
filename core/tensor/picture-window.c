/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Windows over pictures: how many there are, and where.
 */
#include "tensor/picture-window-private.h"

#define MOST (1 << 20)          /* of any number of a window */

/* FALSE: no such window. */
static gboolean
read_axis (const GtfWindow *w, gboolean across, gint64 kernel, gint64 in, GtfAxis *a)
{
  a->in = in;
  a->kernel = kernel;
  a->stride = across && w->stride_width != 0 ? w->stride_width : w->stride != 0 ? w->stride : 1;
  a->dilation = across && w->dilation_width != 0 ? w->dilation_width : w->dilation != 0 ? w->dilation : 1;
  if (a->kernel < 1 || a->kernel > MOST || a->stride < 1 || a->stride > MOST || a->dilation < 1 || a->dilation > MOST || w->padding < 0 || w->padding > MOST
      || w->more[across] < 0 || w->more[across] > MOST || w->more[2 + across] < 0 || w->more[2 + across] > MOST || in < 1)
    return FALSE;
  a->before = w->padding + w->more[across];
  a->after = w->padding + w->more[2 + across];
  return TRUE;
}

static void
fail (GtfContext *c, const GtfTensor *x, const GtfAxis *axes)
{
  g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);

  gtf_fail (c, "x is %s, expected [B, H, W, C] of at least one window of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels after the padding", text, axes[0].kernel, axes[1].kernel);
}

static gint64
kernel_of (const GtfWindow *w, const gint64 *kernel, guint across)
{
  if (kernel != NULL)
    return kernel[across];
  return across && w->kernel_width != 0 ? w->kernel_width : w->kernel;
}

gboolean
gtf_window_axes (GtfContext *c, const GtfWindow *w, const gint64 *kernel, const GtfTensor *x, GtfAxis *axes)
{
  for (guint i = 0; i < 2; i++)
    {
      GtfAxis *a = &axes[i];
      const gboolean good = x->n_dims == 4 && read_axis (w, i, kernel_of (w, kernel, i), x->shape[1 + i], a);
      const gint64 span = good ? (a->kernel - 1) * a->dilation + 1 : 0;

      if (good && w->same)
        {
          const gint64 missing = MAX (((a->in + a->stride - 1) / a->stride - 1) * a->stride + span - a->in, 0);

          a->before += missing / 2;
          a->after += missing - missing / 2;
        }
      if (!good || a->in + a->before + a->after < span)
        {
          axes[1].kernel = kernel_of (w, kernel, 1);
          axes[0].kernel = kernel_of (w, kernel, 0);
          fail (c, x, axes);
          return FALSE;
        }
      a->out = (a->in + a->before + a->after - span + (w->ceil ? a->stride - 1 : 0)) / a->stride + 1;
      if (w->ceil && (a->out - 1) * a->stride >= a->in + a->before)
        a->out--;
    }
  return TRUE;
}

gboolean
gtf_window_axes_transposed (GtfContext *c, const GtfWindow *w, const gint64 *kernel, const GtfTensor *x, GtfAxis *axes)
{
  for (guint i = 0; i < 2; i++)
    {
      GtfAxis *a = &axes[i];

      if (x->n_dims == 4 && read_axis (w, i, kernel[i], x->shape[1 + i], a))
        {
          a->before = w->padding + w->more[i];
          a->after = w->padding;
          a->out = (a->in - 1) * a->stride + (a->kernel - 1) * a->dilation + 1 - a->before - a->after + w->more[2 + i];
          if (a->out >= 1)
            continue;
        }
      axes[0].kernel = kernel[0];
      axes[1].kernel = kernel[1];
      fail (c, x, axes);
      return FALSE;
    }
  return TRUE;
}
