/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a model, for the session.
 */
#pragma once

#include "base/pool.h"
#include "model/config.h"
#include "model/model.h"
#include "tensor/weights-private.h"

G_BEGIN_DECLS

struct _GtfModel
{
  GObject parent_instance;

  char *directory;
  char *adapter;                        /* (nullable): folder of the adapter that is part of the weights */
  char *dtype;                          /* "float32", as computed with */
  GtfPool *pool;
  GtfConfig *config_file;
  const GtfArchitecturePlugin *plugin;
  const GtfArchitecture *architecture;
  const GtfHead *head;
  gpointer config;                      /* the plugin's struct */
  gpointer weights;                     /* the plugin's struct; what it points to lies in the store */
  GtfWeightStore *store;
};

/* The entry of the head table that fits a class name ("WhisperForConditionalGeneration"): the longest suffix. NULL: none. */
const GtfHead *gtf_model_find_head (const GtfArchitecture *architecture, const char *class_name);
/* One of the architecture's sizes (decoder_layers ...). */
gint64         gtf_model_get_dim   (GtfModel *self, const GtfDim *dim);

G_END_DECLS
