/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model inside a model: its part of config.json, the architecture that serves its model_type, and, once the binder has run, its weights.
 */
#pragma once

#include "model/config.h"
#include "tensor/weights-private.h"

G_BEGIN_DECLS

#define GTF_MAX_STAGES 320

struct _GtfInnerModel
{
  GtfConfig *file;
  const GtfArchitecture *architecture;
  const GtfHead *head;
  gpointer config;                      /* the plugin's struct */
  gpointer weights;                     /* the plugin's struct, in the store of the whole model; NULL before the binder */
  gint64 n_features;
  gint32 place[GTF_MAX_STAGES];         /* of a stage among the feature maps that are asked for; -1: it is none of them */
};

/* The struct of an architecture, filled and derived: g_free. An error names file and key. */
gpointer       gtf_config_make       (GtfConfig *config, const GtfArchitecture *architecture, GError **error);

/* What a GTF_CONFIG_MODEL field stands for; *model NULL: there is none. It lives as long as @config. */
gboolean       gtf_inner_model_read  (GtfConfig *config, const GtfConfigField *field, const GtfInnerModel **model, GError **error);
void           gtf_inner_model_free  (gpointer self);

G_END_DECLS
