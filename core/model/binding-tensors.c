/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tensors of one weight: found under any of its names, as they are called today or were once, checked, and put into the plan. What is wrong is
 * noted for the one message (binding.c); nothing here ends the walk.
 */
#include "model/binding-private.h"

#include <string.h>
#include "model/weight-names.h"
#include "tensor/tensor-private.h"

/* ---- finding tensors ------------------------------------------------------------------------------------------------ */

const GtfStoredTensor *
gtf_binding_plan_find (GtfBindingPlan *p, const char *name, const char *ending, const char *old_ending)
{
  g_autofree char *full = g_strconcat (name, ending, NULL);
  const GtfStoredTensor *t = gtf_safetensors_find (p->files, full);

  if (!t && old_ending)
    {
      g_autofree char *old = g_strconcat (name, old_ending, NULL);

      t = gtf_safetensors_find (p->files, old);
    }
  return t;
}

/* A tensor as a matrix: its first dimension, and all others as one. */
static const GtfStoredTensor *
flattened (GtfBindingPlan *p, const GtfStoredTensor *t)
{
  GtfStoredTensor *flat;

  if (!t || t->n_dims < 2)
    return t;
  flat = g_new (GtfStoredTensor, 1);
  *flat = *t;
  flat->n_dims = 2;
  flat->shape[1] = t->shape[0] ? (gint64) t->n_elements / t->shape[0] : 0;
  g_ptr_array_add (p->self->flat, flat);
  g_hash_table_add (p->used, (gpointer) t);
  return flat;
}

/* Something else of the same name, where layers have nothing but numbers: a normalisation where a convolution may be, or the other way round. */
static gboolean
is_other (const GtfWeight *w, const GtfStoredTensor *t)
{
  return (w->type == GTF_WEIGHT_NORM && !(w->flags & GTF_WEIGHT_BARE) && t->n_dims > 1) || (w->type == GTF_WEIGHT_CONV2D && t->n_dims == 1);
}

/* A convolution with torch's weight_norm has, in place of its weight, a direction and a length: (direction, length) as they were called before torch 2.1, and since. */
static const char *const normalised[][2] = { { ".weight_v", ".weight_g" }, { ".parametrizations.weight.original1", ".parametrizations.weight.original0" } };

/* Of the convolution's direction (0) or length (1). (nullable) */
static const GtfStoredTensor *
find_normalised (GtfBindingPlan *p, const GtfWeight *w, const char *name, guint which)
{
  return w->type == GTF_WEIGHT_CONV1D || w->type == GTF_WEIGHT_CONV2D ? gtf_binding_plan_find (p, name, normalised[0][which], normalised[1][which]) : NULL;
}

/* Whether NAME itself is the tensor, without .weight. */
static gboolean
is_whole_name (const GtfWeight *w)
{
  return w->type == GTF_WEIGHT_TENSOR || w->type == GTF_WEIGHT_EXPERTS;
}

/* Old checkpoints call the two tensors of a layer norm gamma and beta. */
static const GtfStoredTensor *
find_weight (GtfBindingPlan *p, const GtfWeight *w, const char *name)
{
  const GtfStoredTensor *t;

  if (is_whole_name (w))
    return gtf_safetensors_find (p->files, name);
  if (w->flags & GTF_WEIGHT_BARE)
    return flattened (p, gtf_safetensors_find (p->files, name));
  t = gtf_binding_plan_find (p, name, ".weight", w->type == GTF_WEIGHT_NORM ? ".gamma" : NULL);
  if (!t)
    t = find_normalised (p, w, name, 0);
  return t && (w->flags & GTF_WEIGHT_OPTIONAL) && is_other (w, t) ? NULL : t;
}

static gboolean
may_have_bias (const GtfWeight *w)
{
  return (w->type == GTF_WEIGHT_LINEAR || w->type == GTF_WEIGHT_NORM || w->type == GTF_WEIGHT_CONV1D || w->type == GTF_WEIGHT_CONV2D)
         && !(w->flags & GTF_WEIGHT_NO_BIAS);
}

/* The name whose parts are there; failing that the one of which most are, so that the message is about the right one. */
static char **
choose_parts (GtfBindingPlan *p, const GtfWeight *w, char **names, guint *n_found)
{
  char **best = NULL;

  *n_found = 0;
  for (char **name = names; *name; name++)
    {
      char **parts = gtf_weight_name_parts (*name);
      guint found = 0;

      for (char **part = parts; *part; part++)
        found += find_weight (p, w, *part) != NULL;
      if (!best || found > *n_found)
        {
          g_strfreev (best);
          best = parts;
          *n_found = found;
        }
      else
        g_strfreev (parts);
      if (*n_found && *n_found == g_strv_length (best))
        break;
    }
  return best;
}

/* ---- checks --------------------------------------------------------------------------------------------------------- */

static gboolean
is_float (GtfDtype dtype)
{
  return dtype >= GTF_DTYPE_F64 && dtype <= GTF_DTYPE_F8_E4M3;
}

static void
check_dtype (GtfBindingPlan *p, const GtfStoredTensor *t)
{
  if (!is_float (t->dtype))
    gtf_complain (&p->mistyped, "\"%s\" (expected floating-point numbers, found %s)", t->name, gtf_dtype_name (t->dtype));
}

/* Trailing ones more or less do not matter: a 1x1 convolution is a linear layer. One number may have no dimension at all. */
static gboolean
same_shape (const GtfStoredTensor *t, guint n, const gint64 *shape)
{
  guint have = t->n_dims;

  if (have == 0)
    return n == 1 && shape[0] == 1;
  while (have > n && t->shape[have - 1] == 1)
    have--;
  while (n > have && shape[n - 1] == 1)
    n--;
  return have == n && memcmp (t->shape, shape, n * sizeof *shape) == 0;
}

static void
check_shape (GtfBindingPlan *p, const GtfStoredTensor *t, guint n, const gint64 *shape)
{
  g_autofree char *expected = NULL, *found = NULL;

  if (same_shape (t, n, shape))
    return;
  expected = gtf_shape_to_string (n, shape);
  found = gtf_shape_to_string (t->n_dims, t->shape);
  gtf_complain (&p->misshapen, "\"%s\" (expected %s, found %s)", t->name, expected, found);
}

static gboolean
is_transposed (const GtfWeight *w)
{
  return (w->flags & GTF_WEIGHT_TRANSPOSED) && (w->type == GTF_WEIGHT_LINEAR || w->type == GTF_WEIGHT_CONV2D);
}

/* Dimension d of a weight as the file has it. */
static gint64
stored_dim (const GtfWeight *w, const GtfStoredTensor *t, guint d)
{
  if (is_transposed (w) && d < 2)
    d = 1 - d;
  return d < t->n_dims ? t->shape[d] : 1;
}

/* The shape that a part must have in the file; part->out is set from it. */
static void
check_part (GtfBindingPlan *p, const GtfBoundWeight *b, GtfBoundPart *part)
{
  gint64 shape[4];
  const gboolean transposed = is_transposed (b->weight);
  gint64 stored_out = part->weight->n_dims > (guint) transposed ? part->weight->shape[transposed] : 0;

  memcpy (shape, b->dims, sizeof shape);
  part->out = b->n_parts > 1 ? stored_out : b->dims[0];
  if (transposed)
    {
      shape[0] = b->dims[1];
      shape[1] = part->out;
    }
  else
    shape[0] = part->out;
  check_shape (p, part->weight, b->n_dims, shape);
  check_dtype (p, part->weight);
  if (!part->bias)
    return;
  check_shape (p, part->bias, 1, &part->out);
  check_dtype (p, part->bias);
}

/* A convolution as the file has it must have channels and windows: it is divided by them. */
static void
check_size (GtfBindingPlan *p, const GtfBoundWeight *b, const GtfStoredTensor *t)
{
  const gboolean is_conv = b->weight->type == GTF_WEIGHT_CONV1D || b->weight->type == GTF_WEIGHT_CONV2D;

  for (guint d = 0; d < b->n_dims && is_conv; d++)
    if (b->dims[d] < 1)
      {
        g_autofree char *found = gtf_shape_to_string (t->n_dims, t->shape);

        gtf_complain (&p->misshapen, "\"%s\" (expected a convolution with at least 1 in each dimension, found %s)", t->name, found);
        return;
      }
}

/* The outputs of a fused weight's parts must add up; where the file tells how many there are (@is_stored), their sum is taken. */
static void
check_sum (GtfBindingPlan *p, GtfBoundWeight *b, gboolean is_stored)
{
  gint64 sum = 0;

  for (guint i = 0; i < b->n_parts; i++)
    if (__builtin_add_overflow (sum, b->parts[i].out, &sum))
      sum = -1;
  if (is_stored && sum >= 0)
    b->dims[0] = sum;
  if (sum != b->dims[0])
    gtf_complain (&p->misshapen, "\"%s\" and what is fused with it (expected %" G_GINT64_FORMAT " outputs together, found %" G_GINT64_FORMAT ")",
                  b->parts[0].weight->name, b->dims[0], sum);
}

/* ---- binding --------------------------------------------------------------------------------------------------------- */

/* The tensor of another weight, which is used where the file has none of this name. */
static const GtfStoredTensor *
find_tied (GtfBindingPlan *p, const GtfWeight *w)
{
  g_auto (GStrv) plain = w->tied ? gtf_weight_names_join (p->within, w->tied, 0) : NULL;
  g_auto (GStrv) names = plain ? gtf_weight_names_prefix (plain, p->head->prefix, TRUE) : NULL;

  for (char **name = names; name && *name; name++)
    {
      const GtfStoredTensor *t = gtf_safetensors_find (p->files, *name);

      if (!t)
        t = gtf_binding_plan_find (p, *name, ".weight", NULL);
      if (t)
        return t;
    }
  return NULL;
}

/* transformers ties the bias of a decoder to that of the layer around it; files have either, or both. Where these differ, the decoder's own counts,
 * whatever the config says of tying. */
static const GtfStoredTensor *
find_bias_of_parent (GtfBindingPlan *p, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *parent = dot ? g_strndup (name, (gsize) (dot - name)) : NULL;
  const GtfStoredTensor *bias = parent ? gtf_binding_plan_find (p, parent, ".bias", NULL) : NULL, *own = bias ? gtf_binding_plan_find (p, name, ".bias", NULL) : NULL;

  if (own)
    g_hash_table_add (p->used, (gpointer) bias);
  return own ? own : bias;
}

/* Where keys never had a bias, queries and values have had theirs by their first letter: "attention.query" -> "attention.q_bias". */
static const GtfStoredTensor *
find_bias_by_letter (GtfBindingPlan *p, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *parent = dot ? g_strdup_printf ("%.*s.%c_bias", (int) (dot - name), name, dot[1]) : NULL;

  return parent && (g_str_equal (dot, ".query") || g_str_equal (dot, ".value")) ? gtf_safetensors_find (p->files, parent) : NULL;
}

static void
bind_bias (GtfBindingPlan *p, const GtfWeight *w, const char *name, GtfBoundPart *part)
{
  if (!may_have_bias (w))
    return;
  if (w->flags & GTF_WEIGHT_PARENT_BIAS)
    part->bias = find_bias_of_parent (p, name);
  if (!part->bias)
    part->bias = gtf_binding_plan_find (p, name, ".bias", w->type == GTF_WEIGHT_NORM ? ".beta" : NULL);
  if (!part->bias && (w->flags & GTF_WEIGHT_BIAS_OPTIONAL))
    part->bias = find_bias_by_letter (p, name);
  if (part->bias)
    g_hash_table_add (p->used, (gpointer) part->bias);
  else if (!(w->flags & GTF_WEIGHT_BIAS_OPTIONAL))
    gtf_complain (&p->missing, "\"%s.bias\"", name);
}

/* The lengths: one number, or one along one dimension of the weight. */
static void
bind_gain (GtfBindingPlan *p, const GtfWeight *w, const char *name, GtfBoundPart *part)
{
  const GtfStoredTensor *g = NULL, *v = part->weight;
  guint wide = 0;

  if (v != find_normalised (p, w, name, 0))
    return;
  part->gain = g = find_normalised (p, w, name, 1);
  if (g == NULL)
    {
      gtf_complain (&p->missing, "the length that goes with \"%s\" (weight_g)", v->name);
      return;
    }
  g_hash_table_add (p->used, (gpointer) g);
  check_dtype (p, g);
  for (guint i = 0; i < g->n_dims && wide <= 1; i++)
    if (g->shape[i] != 1)
      wide += g->n_dims == v->n_dims && g->shape[i] == v->shape[i] ? 1 : 2;
  if (wide > 1)
    gtf_complain (&p->misshapen, "\"%s\" (expected the size of \"%s\" in one dimension and 1 in all others)", g->name, v->name);
}

void
gtf_binding_plan_parts (GtfBindingPlan *p, const GtfWeight *w, char **names, GtfBoundWeight *b)
{
  guint n_found;
  g_auto (GStrv) parts = choose_parts (p, w, names, &n_found);
  guint n = g_strv_length (parts);
  const GtfStoredTensor *tied = n_found ? NULL : find_tied (p, w);
  const gboolean is_stored = b->dims[0] < 0;

  if (!n_found && !tied && (w->flags & GTF_WEIGHT_OPTIONAL))
    return;
  b->n_parts = tied ? 1 : n;
  b->parts = g_new0 (GtfBoundPart, b->n_parts);
  for (guint i = 0; i < b->n_parts; i++)
    {
      GtfBoundPart *part = &b->parts[i];

      part->weight = tied ? tied : find_weight (p, w, parts[i]);
      if (!part->weight)
        {
          gtf_complain (&p->missing, "\"%s%s\"", parts[i], is_whole_name (w) ? "" : ".weight");
          continue;
        }
      g_hash_table_add (p->used, (gpointer) part->weight);
      for (guint d = 0; d < b->n_dims; d++)
        if (b->dims[d] < 0)
          b->dims[d] = stored_dim (w, part->weight, d);
      check_size (p, b, part->weight);
      bind_gain (p, w, parts[i], part);
      bind_bias (p, w, parts[i], part);
      check_part (p, b, part);
    }
  if (b->n_parts > 1 && n_found == n)
    check_sum (p, b, is_stored);
}

void
gtf_binding_plan_norm (GtfBindingPlan *p, char **names, GtfBoundWeight *b)
{
  static const char *const endings[] = { ".weight", ".bias", ".running_mean", ".running_var" };
  const char *best = names[0];

  for (char **name = names + g_strv_length (names); name-- > names;)
    for (guint i = 0; i < 4; i++)
      if (gtf_binding_plan_find (p, *name, endings[i], NULL))
        best = *name;
  for (guint i = 0; i < 4; i++)
    if ((b->norm[i] = gtf_binding_plan_find (p, best, endings[i], NULL)))
      {
        check_shape (p, b->norm[i], 1, &b->dims[0]);
        check_dtype (p, b->norm[i]);
        g_hash_table_add (p->used, (gpointer) b->norm[i]);
      }
    else
      gtf_complain (&p->missing, "\"%s%s\"", best, endings[i]);
}
