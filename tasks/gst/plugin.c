/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The GStreamer plugin `gtransformers`.
 */
#include "elements.h"
#include "metas.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gtf_metas_register ();
  return GST_ELEMENT_REGISTER (gtfasr, plugin) && GST_ELEMENT_REGISTER (gtfclassify, plugin) && GST_ELEMENT_REGISTER (gtfdetect, plugin)
         && GST_ELEMENT_REGISTER (gtfoverlay, plugin) && GST_ELEMENT_REGISTER (gtfsegment, plugin) && GST_ELEMENT_REGISTER (gtftext, plugin);
}

#define PACKAGE "gtransformers"
GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, gtransformers, "Hugging Face models in pipelines", plugin_init, "0.1.0", "LGPL",
                   "GTransformers", "GTransformers")
