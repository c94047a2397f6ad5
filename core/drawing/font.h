/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The letters that pictures are labelled with: outlines of one font, built in, drawn at any size. It has the letters of European languages
 * (Latin, Greek, Cyrillic); what it has not is drawn as its replacement character.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* A letter as coverage, 0 to 255, rows packed. */
typedef struct
{
  gint width, height;
  gint left, top;               /* from the pen on the base line to the first pixel, down */
  gint advance;                 /* 1/64 pixels */
  guint8 *coverage;             /* NULL: nothing is drawn (a space) */
} GtfGlyph;

/* Letters at one size, drawn when they are first asked for; of one thread. */
typedef struct _GtfFont GtfFont;

/* @size: pixels of an em, 4 to 512 */
GTF_API GtfFont        *gtf_font_new         (gint size);
GTF_API void            gtf_font_free        (GtfFont *self);
GTF_API gint            gtf_font_get_size    (const GtfFont *self);
/* pixels from the top of a line to its base line, and to the next line's top */
GTF_API gint            gtf_font_get_ascent  (const GtfFont *self);
GTF_API gint            gtf_font_get_height  (const GtfFont *self);
GTF_API const GtfGlyph *gtf_font_get_glyph   (GtfFont *self, gunichar character);
/* pixels that a UTF-8 text is wide */
GTF_API gint            gtf_font_get_width   (GtfFont *self, const char *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfFont, gtf_font_free)

G_END_DECLS
