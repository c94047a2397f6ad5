/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens between the model and the caller: one row each, in segments (a text, its pair, what a template puts between) that
 * are truncated, post-processed and at last joined. Offsets are in characters.
 */
#pragma once

#include "base/params.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

typedef struct
{
  gint32 id, type, word;
  guint32 begin, end;
  guint16 lead, trail;       /* white characters at both ends of the token's text, for trim_offsets */
  gint8 sequence;
  guint8 special, attention;
} GtfRow;

/* Which rows are of which text, as the reference keeps it: what it calls sequence_ids follows from these, with their gaps. */
typedef struct { gint32 sequence; guint32 begin, end; } GtfRange;
typedef struct { GArray *rows; GArray *ranges; GPtrArray *overflow; } GtfSegment;      /* ranges: GtfRange; overflow: GtfSegment; both nullable */

/* @room: for so many rows. */
GtfSegment *gtf_segment_new      (gsize room);
void        gtf_segment_free     (GtfSegment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfSegment, gtf_segment_free)
GtfSegment *gtf_segment_copy     (const GtfSegment *self);
/* Appends @other, also to what overflowed, in every combination, as the reference does. Of @other only the rows are left. */
void        gtf_segment_merge    (GtfSegment *self, GtfSegment *other);
/* The rows between are text @sequence. */
void        gtf_segment_set_range (GtfSegment *self, gint32 sequence, gsize begin, gsize end);
/* FALSE: @stride does not fit into @length. */
gboolean    gtf_segment_truncate (GtfSegment *self, gsize length, gsize stride, gboolean left);
void        gtf_segment_pad      (GtfSegment *self, gsize length, gint32 id, gint32 type, gboolean left);
/* Takes what overflowed with it. In begin_bytes stands, for the caller to put bytes there, of which text a token is. */
GtfEncoding *gtf_segment_finish  (GtfSegment *self);

/* Post-processors. */
typedef struct _GtfPostProcessor GtfPostProcessor;
GtfPostProcessor *gtf_post_processor_new     (JsonNode *node, const char *where, GError **error);
gsize             gtf_post_processor_added   (const GtfPostProcessor *self, gboolean pair);
gboolean          gtf_post_processor_trims   (const GtfPostProcessor *self);
/* @segments: GtfSegment, replaced by what comes out. */
gboolean          gtf_post_processor_run     (const GtfPostProcessor *self, GPtrArray **segments, gboolean add_special, GError **error);
void              gtf_post_processor_free    (GtfPostProcessor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfPostProcessor, gtf_post_processor_free)

/* Decoders: a list of GString, replaced by what comes out. */
typedef struct _GtfDecoder GtfDecoder;
GtfDecoder *gtf_decoder_new   (JsonNode *node, const char *where, GError **error);
gboolean    gtf_decoder_run   (const GtfDecoder *self, GPtrArray *strings, GError **error);
void        gtf_decoder_free  (GtfDecoder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfDecoder, gtf_decoder_free)
void        gtf_string_replace (GString *text, const char *from, const char *to);

G_END_DECLS
