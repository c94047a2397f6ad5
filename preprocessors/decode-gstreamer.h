/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of gtf-decode-gstreamer.so share: a decoder that is asked for one buffer after the other.
 */
#pragma once

#include <gio/gio.h>
#include <gst/app/gstappsink.h>

#include "base/error.h"

/* What is looked for, for messages: "sound" and "sound", "a video" and "video". */
typedef struct
{
  const char *whole, *kind;
} GtfMediumName;

typedef struct
{
  const GtfMediumName *name;
  const char *path;             /* what messages call the file */
  GstElement *pipeline;
  GstAppSink *sink;
  gint64 last;                  /* when it gave something last */
} GtfMedium;

/* @caps: what decodebin looks for; @tail: what comes behind it, an element called "first" to begin with, an appsink called "sink" at the end.
 * @location: where the file is read; it has to outlive it. */
gboolean   gtf_medium_open  (GtfMedium *self, const GtfMediumName *name, const char *location, const char *path, const char *caps, const char *tail, GError **error);
/* (transfer full) (nullable): the next buffer; NULL at the end, and with an error. */
GstSample *gtf_medium_pull  (GtfMedium *self, GCancellable *cancellable, GError **error);
void       gtf_medium_close (GtfMedium *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfMedium, gtf_medium_close)
