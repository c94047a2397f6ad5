/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the task over tables is made of: requests, and views of their answers.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* A table and the questions about it. Texts are borrowed from the request. */
typedef struct
{
  GPtrArray *cells;             /* utf8: the names of the columns, then row after row */
  gsize n_rows, n_columns;
  GPtrArray *questions;         /* utf8 */
  JsonNode *parsed;             /* nullable: what a table that came as text was read into */
} TableRequest;

/* ---- request.c ------------------------------------------------------------------------------------------------------------------ */

/* {"table", "query"}, a list of them, or one of the two with the other among the parameters. (element-type TableRequest) */
GArray *table_requests_read (JsonNode *inputs, JsonObject *parameters, GError **error);

/* ---- view.c --------------------------------------------------------------------------------------------------------------------- */

/* Leaves what the view needs beside the answer. */
void    table_details_take (const GtfRequest *request, GArray *requests);
char   *table_view (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view);

G_END_DECLS
