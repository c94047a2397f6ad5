/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What stands between a file and the tables of a model: its tokens and merges, in the order of the file, some hundred at a time. The first ones are put into the model at
 * once; a file that has more gets a thread for it, while the caller reads on (decision 169).
 */
#pragma once

#include "text/model.h"

G_BEGIN_DECLS

#define GTF_FEED_BATCH 1024          /* queries: tokens, or merges two at a time */

typedef struct
{
  gboolean merges;
  GtfVocabQuery queries[GTF_FEED_BATCH];
  gsize n;
  GStringChunk *copies;              /* of strings that do not stay where they are */
} GtfFeedBatch;

typedef struct _GtfModelFeed GtfModelFeed;

/* @model is borrowed. Until gtf_model_feed_finish () it belongs to the feed. */
GtfModelFeed *gtf_model_feed_new    (GtfTextModel *model);
void          gtf_model_feed_free   (GtfModelFeed *self);
/* The batch that is being filled, of tokens or of merges: never full. What waits of the other kind goes on its way first. */
GtfFeedBatch *gtf_model_feed_batch  (GtfModelFeed *self, gboolean merges);
/* Sends it on its way. FALSE: something before did not fit, as gtf_model_feed_finish () will say; there is no sense in reading on. */
gboolean      gtf_model_feed_send   (GtfModelFeed *self);
/* All that was put in is in the model, or the first thing is told that does not fit. More may be put in afterwards. */
gboolean      gtf_model_feed_finish (GtfModelFeed *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfModelFeed, gtf_model_feed_free)

G_END_DECLS
