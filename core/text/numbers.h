/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers and dates in a text, as encoders of tables are told of them: which cells of a column are larger, which equal a number of
 * the question.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

/* A number, or a date of which year, month and day may each be missing. */
typedef struct
{
  gboolean is_date;
  guint fields;                 /* a date: which of its parts there are, a bit each */
  double parts[3];              /* the number in the first; year, month, day */
} GtfNumber;

/* All that is found in @text, in its order: (element-type GtfNumber). */
GArray  *gtf_numbers_find       (const char *text, GError **error);
/* What all of @numbers can be compared by: bits as of `fields`, 1 where they are numbers; 0: nothing, as where only some are dates. */
guint    gtf_numbers_common     (const GtfNumber *numbers, gsize n);
int      gtf_number_compare     (const GtfNumber *a, const GtfNumber *b, guint common);
/* Columns of cells: in each the first value of the kind that most of them have, NULL where there is none; nothing at all where too few have one. */
typedef struct { const GtfNumber **of_row; gsize n_rows; } GtfNumberColumn;
void     gtf_numbers_consolidate (GArray *const *cells, GtfNumberColumn *column);

G_END_DECLS
