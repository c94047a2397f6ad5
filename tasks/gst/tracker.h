/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfTracker: which box of a frame is the same object as which box of the frames before it. Two well-known ways: SORT (Bewley et al. 2016,
 * arXiv:1602.00763) and ByteTrack (Zhang et al. 2021, arXiv:2110.06864), which also lets boxes of low score continue a track.
 *
 * Time is in seconds, not in frames, so that a detector that looks at some frames only tracks as well.
 */
#pragma once

#include "boxes.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_TRACKER_NONE,
  GTF_TRACKER_SORT,
  GTF_TRACKER_BYTETRACK
} GtfTrackerKind;

typedef struct _GtfTracker GtfTracker;

GtfTracker *gtf_tracker_new    (GtfTrackerKind kind);
void        gtf_tracker_free   (GtfTracker *self);
/* Nothing that comes has to do with what was; ids go on. */
void        gtf_tracker_reset  (GtfTracker *self);
/*
 * gtf_tracker_update:
 * @boxes: (element-type GtfBox): what was found in a frame; those that belong to no track are taken out, the others get the id of theirs, its
 *   velocities and `tracked`
 * @threshold: boxes with a higher score begin tracks; those below it only continue one (ByteTrack), or are taken out
 * @time: of the frame, in seconds, not before that of the last one
 */
void        gtf_tracker_update (GtfTracker *self, GArray *boxes, double threshold, double time);

/* For tests: of @n rows and @m columns of costs (0 to 1), row after row, the pairs whose sum is smallest. @columns: each row's column, or -1 */
void        gtf_tracker_assign (const double *costs, guint n, guint m, gint *columns);

G_END_DECLS
