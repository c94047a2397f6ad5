/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The inside of a model, for the session.
 */
#pragma once

#include "base/pool.h"
#include "model/binding.h"
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
  const char *class_name;               /* (nullable): the class that the adapter was trained with, or the one of config.json */
  const GtfArchitecturePlugin *plugin;
  const GtfArchitecture *architecture;
  const GtfHead *head;
  const GtfHead *other_head;            /* (nullable): which it is instead if the weights of `head` are not there */
  gpointer config;                      /* the plugin's struct */
  gpointer weights;                     /* the plugin's struct; what it points to lies in the store */
  GtfWeightStore *store;
};

/* The entry of the head table that fits a class name ("WhisperForConditionalGeneration"): the longest suffix. NULL: none. */
const GtfHead *gtf_model_find_head  (const GtfArchitecture *architecture, const char *class_name);
/* The head that a task takes where config.json does not say: the bare model if that can do it, else the first of the table that is for
 * this task above all, else the first that can do it. NULL: none. */
const GtfHead *gtf_model_head_for   (const GtfArchitecture *architecture, const char *task);
/* Chooses the head (NULL: there is none) and the other one: that of the class in config.json if it can do the task (nullable), else that of the task, unless the class is for something else. A class
 * that the module does not know is its base model, as AutoModel of transformers has it; the weights of its head are left over. */
void           gtf_model_choose_head (GtfModel *self, const char *task);
/* Finds the weights of the head that was chosen, or else those of the other. If neither are there, the class that config.json names tells what is missing. */
GtfBinding    *gtf_model_bind       (GtfModel *self, const GtfSafetensors *files, const char *task, GError **error);
/* One of the architecture's sizes (decoder_layers ...). */
gint64         gtf_model_get_dim    (GtfModel *self, const GtfDim *dim);

G_END_DECLS
