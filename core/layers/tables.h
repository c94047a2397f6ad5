/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What encoders of tables need beside what every text encoder does. Of each token they are told its column and its row, from 1; 0 is the
 * question, and row 0 the name of a column.
 */
#pragma once

#include "layers/text-input.h"

G_BEGIN_DECLS

/* Positions as ids for gtf_embedding (), [B][T], that begin anew in each cell, at most @last. @columns and @rows [B][T]: the cell of a token
 * (both NULL: a text is one cell); position_ids, if given, are taken as they are. */
GTF_API GtfTensor *gtf_table_positions (GtfContext *c, const GtfTextInput *input, const GtfTensor *columns, const GtfTensor *rows, gint64 last);

/* How cells are chosen: rows and columns from the last on count as one; `allow_none`: no column may be the best. */
typedef struct
{
  gint64 max_rows, max_columns;
  gboolean allow_none;
} GtfTableSelection;

/* Cells of one column: @cells [B][T][1] as the mean of each cell's tokens, and 10000 less outside the column whose mean over its cells, of
 * @chosen [B][T][1], is highest: [B][T]. */
GTF_API GtfTensor *gtf_table_select (GtfContext *c, const GtfTextInput *input, const GtfTensor *columns, const GtfTensor *rows, const GtfTensor *cells,
                                     const GtfTensor *chosen, const GtfTableSelection *how);

G_END_DECLS
