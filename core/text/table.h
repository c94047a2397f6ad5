/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A table as TAPAS's tokenizer hands it to a model: cells flattened behind a question, seven types a token.
 */
#pragma once

#include "text/tokenizer.h"

G_BEGIN_DECLS

/* The types of a token, in their order. */
enum
{
  GTF_TABLE_SEGMENT,            /* 1: of the table */
  GTF_TABLE_COLUMN,             /* from 1; 0: none */
  GTF_TABLE_ROW,                /* from 1; 0: none, or the name of a column */
  GTF_TABLE_PREVIOUS,           /* 1: of the answer to the question before */
  GTF_TABLE_RANK,               /* of the cell's number in its column, from the smallest; 0: none */
  GTF_TABLE_INVERSE_RANK,       /* the same from the largest */
  GTF_TABLE_RELATION,           /* to the numbers of the question: 1 equals one, 2 is larger than one, 4 is smaller than one, added up */
  GTF_TABLE_N_TYPES
};

typedef struct _GtfTable GtfTable;

/* @cells: the names of the columns, then row after row; borrowed. The table is read once for all questions about it. */
GTF_API GtfTable    *gtf_table_new    (GtfTokenizer *tokenizer, const char *const *cells, gsize n_rows, gsize n_columns, GError **error);
GTF_API void         gtf_table_free   (GtfTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfTable, gtf_table_free)
/* [CLS] question [SEP] cells. @drop_rows: from the end as many rows as it takes to fit model_max_length; a row that stays may lose words of long
 * cells. Ids and types are those of the result, GTF_TABLE_N_TYPES each. */
GTF_API gboolean     gtf_table_encode (GtfTable *self, const char *question, gboolean drop_rows, gsize *n, gint32 **ids, gint32 **types, GError **error);

G_END_DECLS
