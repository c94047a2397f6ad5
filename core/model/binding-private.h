/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plan while it is made: what the walk over the tables (binding.c) and the search for a weight's tensors (binding-tensors.c) share.
 */
#pragma once

#include "model/binding.h"

G_BEGIN_DECLS

struct _GtfBinding
{
  GArray *bound;            /* GtfBoundWeight */
  GPtrArray *flat;          /* GtfStoredTensor: tensors of more dimensions than their weight, seen as matrices */
};

/* What is wrong, by kind, for the one message. */
typedef struct
{
  GString *text;
  guint n;
} GtfComplaints;

/* What the walk knows where it is. */
typedef struct
{
  GtfBinding *self;
  const GtfSafetensors *files;
  const GtfArchitecture *architecture;
  const GtfHead *head;
  gconstpointer config;
  GtfWeightStore *store;
  gboolean in_head;         /* the weights of the head: their names come without the prefix first */
  GHashTable *used;         /* GtfStoredTensor */
  char **within;            /* names of the model inside this one that is walked; NULL: none */
  GString *ignored;         /* patterns of tensors that may be left over */
  GtfComplaints missing, misshapen, mistyped;
  GError *error;            /* something that ends the walk */
} GtfBindingPlan;

/* Notes something that is wrong; as many as fit into a message keep their text. */
void gtf_complain (GtfComplaints *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The tensor @name + @ending, failing that @name + @old_ending (nullable). (nullable) */
const GtfStoredTensor *gtf_binding_plan_find (GtfBindingPlan *p, const char *name, const char *ending, const char *old_ending);
/* Fills the parts of @b, the weight of @names, whose dimensions are known or -1 (as the file has them); n_parts stays 0 for an optional weight that is absent. */
void gtf_binding_plan_parts (GtfBindingPlan *p, const GtfWeight *w, char **names, GtfBoundWeight *b);
/* The four tensors of a batch normalisation, by the first of its names of which the file has any. */
void gtf_binding_plan_norm  (GtfBindingPlan *p, char **names, GtfBoundWeight *b);

G_END_DECLS
