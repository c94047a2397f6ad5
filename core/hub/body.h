/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The body of a request, put together of texts and of pieces of files, which are read while they are sent: a folder of any size is uploaded with the
 * memory of a buffer.
 */
#pragma once

#include "hub/fetch.h"
#include "hub/local-files.h"

G_BEGIN_DECLS

#define GTF_TYPE_HUB_BODY (gtf_hub_body_get_type ())
G_DECLARE_FINAL_TYPE (GtfHubBody, gtf_hub_body, GTF, HUB_BODY, GInputStream)

GTF_API GtfHubBody *gtf_hub_body_new        (void);
/* @text is taken. */
GTF_API void        gtf_hub_body_add_text   (GtfHubBody *self, char *text);
/* @length bytes of @file, which must live as long as the body. */
GTF_API void        gtf_hub_body_add_piece  (GtfHubBody *self, const GtfHubLocalFile *file, gint64 from, gint64 length);
/* All of @file in base64. */
GTF_API void        gtf_hub_body_add_base64 (GtfHubBody *self, const GtfHubLocalFile *file);
GTF_API gint64      gtf_hub_body_get_length (const GtfHubBody *self);
/* @func is told how many bytes of files are read; less than nothing where they are to be sent again. */
GTF_API void        gtf_hub_body_watch      (GtfHubBody *self, GtfHubBytesFunc func, gpointer data);

G_END_DECLS
