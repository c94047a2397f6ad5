/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plan: tables -> bound weights, and the one error.
 */
#include "model/binding.h"

#include <string.h>
#include "model/config.h"
#include "model/inner-model.h"
#include "model/weight-names.h"
#include "tensor/tensor-private.h"

#define MAX_LISTED 8        /* names in a message, of each kind */

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
} Complaints;

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
  Complaints missing, misshapen, mistyped;
  GError *error;            /* something that ends the walk */
} Plan;

static void
complain (Complaints *c, const char *format, ...)
{
  va_list args;

  if (c->n++ >= MAX_LISTED)
    return;
  if (!c->text)
    c->text = g_string_new (NULL);
  if (c->text->len)
    g_string_append (c->text, ", ");
  va_start (args, format);
  g_string_append_vprintf (c->text, format, args);
  va_end (args);
}

static void
add_complaints (GString *out, Complaints *c, const char *title)
{
  if (!c->n)
    return;
  g_string_append_printf (out, "%s%u %s: %s", out->len ? "; " : "", c->n, title, c->text->str);
  if (c->n > MAX_LISTED)
    g_string_append_printf (out, " and %u more", c->n - MAX_LISTED);
}

/* ---- finding tensors ------------------------------------------------------------------------------------------------ */

static const GtfStoredTensor *
find_with (Plan *p, const char *name, const char *ending, const char *old_ending)
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
flattened (Plan *p, const GtfStoredTensor *t)
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
  return (w->type == GTF_WEIGHT_NORM && t->n_dims > 1) || (w->type == GTF_WEIGHT_CONV2D && t->n_dims == 1);
}

/* A convolution with torch's weight_norm has, in place of its weight, a direction and a length: (direction, length) as they were called before torch 2.1, and since. */
static const char *const normalised[][2] = { { ".weight_v", ".weight_g" }, { ".parametrizations.weight.original1", ".parametrizations.weight.original0" } };

/* Of the convolution's direction (0) or length (1). (nullable) */
static const GtfStoredTensor *
find_normalised (Plan *p, const GtfWeight *w, const char *name, guint which)
{
  return w->type == GTF_WEIGHT_CONV1D || w->type == GTF_WEIGHT_CONV2D ? find_with (p, name, normalised[0][which], normalised[1][which]) : NULL;
}

/* Old checkpoints call the two tensors of a layer norm gamma and beta. */
static const GtfStoredTensor *
find_weight (Plan *p, const GtfWeight *w, const char *name)
{
  const GtfStoredTensor *t;

  if (w->type == GTF_WEIGHT_TENSOR)
    return gtf_safetensors_find (p->files, name);
  if (w->flags & GTF_WEIGHT_BARE)
    return flattened (p, gtf_safetensors_find (p->files, name));
  t = find_with (p, name, ".weight", w->type == GTF_WEIGHT_NORM ? ".gamma" : NULL);
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
choose_parts (Plan *p, const GtfWeight *w, char **names, guint *n_found)
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
check_dtype (Plan *p, const GtfStoredTensor *t)
{
  if (!is_float (t->dtype))
    complain (&p->mistyped, "\"%s\" (expected floating-point numbers, found %s)", t->name, gtf_dtype_name (t->dtype));
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
check_shape (Plan *p, const GtfStoredTensor *t, guint n, const gint64 *shape)
{
  g_autofree char *expected = NULL, *found = NULL;

  if (same_shape (t, n, shape))
    return;
  expected = gtf_shape_to_string (n, shape);
  found = gtf_shape_to_string (t->n_dims, t->shape);
  complain (&p->misshapen, "\"%s\" (expected %s, found %s)", t->name, expected, found);
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
check_part (Plan *p, const GtfBoundWeight *b, GtfBoundPart *part)
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

/* The outputs of a fused weight's parts must add up. */
static void
check_sum (Plan *p, const GtfBoundWeight *b)
{
  gint64 sum = 0;

  for (guint i = 0; i < b->n_parts; i++)
    if (__builtin_add_overflow (sum, b->parts[i].out, &sum))
      sum = -1;
  if (sum != b->dims[0])
    complain (&p->misshapen, "\"%s\" and what is fused with it (expected %" G_GINT64_FORMAT " outputs together, found %" G_GINT64_FORMAT ")",
              b->parts[0].weight->name, b->dims[0], sum);
}

/* As the file has it. */
static gboolean
is_stored (const GtfDim *dim)
{
  return dim->offset == -1 && dim->factor == -1;
}

static gboolean
resolve_dims (Plan *p, const GtfWeight *w, GtfBoundWeight *b)
{
  static const guint numbers[] = { [GTF_WEIGHT_LINEAR] = 2, [GTF_WEIGHT_NORM] = 1, [GTF_WEIGHT_EMBEDDING] = 2, [GTF_WEIGHT_CONV1D] = 3,
                                    [GTF_WEIGHT_CONV2D] = 4, [GTF_WEIGHT_BATCH_NORM] = 1 };
  guint n = 0;

  if (w->type == GTF_WEIGHT_TENSOR)
    while (n < G_N_ELEMENTS (w->dims) && (w->dims[n].offset || w->dims[n].factor))
      n++;
  else
    n = numbers[w->type];
  b->n_dims = n;
  for (guint i = 0; i < n; i++)
    if (is_stored (&w->dims[i]))
      b->dims[i] = -1;          /* as the file has it */
    else if (!gtf_dim_resolve (&w->dims[i], p->config, &b->dims[i]))
      {
        g_set_error (&p->error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: config.json: dimension %u of the weight \"%s\" comes out as no positive number",
                     gtf_safetensors_get_path (p->files, 0), i, w->name);
        return FALSE;
      }
  return TRUE;
}

/* What has a dimension of no size is not there. */
static gboolean
is_empty (const GtfBoundWeight *b)
{
  for (guint i = 0; i < b->n_dims; i++)
    if (b->dims[i] == 0)
      return TRUE;
  return FALSE;
}

/* ---- walking the tables --------------------------------------------------------------------------------------------- */

/* The word that config.json puts into names, for the %s of each. */
static void
put_word (Plan *p, char **names)
{
  const gsize at = p->architecture->name_word;
  const char *word = at ? *(const char *const *) ((const char *) p->config + at) : NULL;

  for (char **name = names; word && *name; name++)
    {
      char *hole = strstr (*name, "%s"), *whole = hole ? g_strdup_printf ("%.*s%s%s", (int) (hole - *name), *name, word, hole + 2) : NULL;

      if (!whole)
        continue;
      g_free (*name);
      *name = whole;
    }
}

static char **
all_names (Plan *p, char **outer, const char *text, gint64 layer)
{
  g_autofree char *names = g_strndup (text, strcspn (text, "&"));
  g_auto (GStrv) joined = gtf_weight_names_join (outer, names, layer);

  put_word (p, joined);
  return gtf_weight_names_prefix (joined, p->head->prefix, !p->in_head);
}

/* "a&b": a, where there is a weight b beside it; "a&!b": where there is none. */
static gboolean
is_meant (Plan *p, const GtfWeight *w, char **outer, gint64 layer)
{
  const char *other = strchr (w->name, '&');
  const gboolean negated = other && other[1] == '!';
  g_auto (GStrv) names = other ? all_names (p, outer, other + 1 + negated, layer) : NULL;
  gboolean found = FALSE;

  for (char **name = names; name && *name; name++)
    found |= find_with (p, *name, ".weight", NULL) != NULL;
  return !other || found != negated;
}

/* The tensor of another weight, which is used where the file has none of this name. */
static const GtfStoredTensor *
find_tied (Plan *p, const GtfWeight *w)
{
  g_auto (GStrv) plain = w->tied ? gtf_weight_names_join (p->within, w->tied, 0) : NULL;
  g_auto (GStrv) names = plain ? gtf_weight_names_prefix (plain, p->head->prefix, TRUE) : NULL;

  for (char **name = names; name && *name; name++)
    {
      const GtfStoredTensor *t = gtf_safetensors_find (p->files, *name);

      if (!t)
        t = find_with (p, *name, ".weight", NULL);
      if (t)
        return t;
    }
  return NULL;
}

/* transformers ties the bias of a decoder to that of the layer around it; files have either, or both. Where these differ, the decoder's own counts,
 * whatever the config says of tying. */
static const GtfStoredTensor *
find_bias_of_parent (Plan *p, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *parent = dot ? g_strndup (name, (gsize) (dot - name)) : NULL;
  const GtfStoredTensor *bias = parent ? find_with (p, parent, ".bias", NULL) : NULL, *own = bias ? find_with (p, name, ".bias", NULL) : NULL;

  if (own)
    g_hash_table_add (p->used, (gpointer) bias);
  return own ? own : bias;
}

/* Where keys never had a bias, queries and values have had theirs by their first letter: "attention.query" -> "attention.q_bias". */
static const GtfStoredTensor *
find_bias_by_letter (Plan *p, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *parent = dot ? g_strdup_printf ("%.*s.%c_bias", (int) (dot - name), name, dot[1]) : NULL;

  return parent && (g_str_equal (dot, ".query") || g_str_equal (dot, ".value")) ? gtf_safetensors_find (p->files, parent) : NULL;
}

static void
bind_bias (Plan *p, const GtfWeight *w, const char *name, GtfBoundPart *part)
{
  if (!may_have_bias (w))
    return;
  if (w->flags & GTF_WEIGHT_PARENT_BIAS)
    part->bias = find_bias_of_parent (p, name);
  if (!part->bias)
    part->bias = find_with (p, name, ".bias", w->type == GTF_WEIGHT_NORM ? ".beta" : NULL);
  if (!part->bias && (w->flags & GTF_WEIGHT_BIAS_OPTIONAL))
    part->bias = find_bias_by_letter (p, name);
  if (part->bias)
    g_hash_table_add (p->used, (gpointer) part->bias);
  else if (!(w->flags & GTF_WEIGHT_BIAS_OPTIONAL))
    complain (&p->missing, "\"%s.bias\"", name);
}

/* The lengths: one number, or one along one dimension of the weight. */
static void
bind_gain (Plan *p, const GtfWeight *w, const char *name, GtfBoundPart *part)
{
  const GtfStoredTensor *g = NULL, *v = part->weight;
  guint wide = 0;

  if (v != find_normalised (p, w, name, 0))
    return;
  part->gain = g = find_normalised (p, w, name, 1);
  if (g == NULL)
    {
      complain (&p->missing, "the length that goes with \"%s\" (weight_g)", v->name);
      return;
    }
  g_hash_table_add (p->used, (gpointer) g);
  check_dtype (p, g);
  for (guint i = 0; i < g->n_dims && wide <= 1; i++)
    if (g->shape[i] != 1)
      wide += g->n_dims == v->n_dims && g->shape[i] == v->shape[i] ? 1 : 2;
  if (wide > 1)
    complain (&p->misshapen, "\"%s\" (expected the size of \"%s\" in one dimension and 1 in all others)", g->name, v->name);
}

/* Fills b->parts; n_parts stays 0 for an optional weight that is absent. */
static void
bind_parts (Plan *p, const GtfWeight *w, char **names, GtfBoundWeight *b)
{
  guint n_found;
  g_auto (GStrv) parts = choose_parts (p, w, names, &n_found);
  guint n = g_strv_length (parts);
  const GtfStoredTensor *tied = n_found ? NULL : find_tied (p, w);

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
          complain (&p->missing, "\"%s%s\"", parts[i], w->type == GTF_WEIGHT_TENSOR ? "" : ".weight");
          continue;
        }
      g_hash_table_add (p->used, (gpointer) part->weight);
      for (guint d = 0; d < b->n_dims; d++)
        if (b->dims[d] < 0)
          b->dims[d] = stored_dim (w, part->weight, d);
      bind_gain (p, w, parts[i], part);
      bind_bias (p, w, parts[i], part);
      check_part (p, b, part);
    }
  if (b->n_parts > 1 && n_found == n)
    check_sum (p, b);
}

/* The four tensors of a batch normalisation, by the first of its names of which the file has any. */
static void
bind_norm (Plan *p, const GtfWeight *w, char **names, GtfBoundWeight *b)
{
  static const char *const endings[] = { ".weight", ".bias", ".running_mean", ".running_var" };
  const char *best = names[0];

  for (char **name = names + g_strv_length (names); name-- > names;)
    for (guint i = 0; i < 4; i++)
      if (find_with (p, *name, endings[i], NULL))
        best = *name;
  for (guint i = 0; i < 4; i++)
    if ((b->norm[i] = find_with (p, best, endings[i], NULL)))
      {
        check_shape (p, b->norm[i], 1, &b->dims[0]);
        check_dtype (p, b->norm[i]);
        g_hash_table_add (p->used, (gpointer) b->norm[i]);
      }
    else
      complain (&p->missing, "\"%s%s\"", best, endings[i]);
}

/* The tensors of a weight whose dimensions are known, and those of the normalisation behind it. */
static void
bind_tensors (Plan *p, const GtfWeight *w, char **outer, gint64 layer, GtfBoundWeight *b)
{
  g_auto (GStrv) names = all_names (p, outer, w->name, layer);

  b->eps = w->eps_field ? *(const double *) ((const char *) p->config + w->eps_field) : w->eps ? w->eps : 1e-5;
  if (!is_empty (b))
    bind_parts (p, w, names, b);
  if (b->n_parts && (w->norm || w->type == GTF_WEIGHT_BATCH_NORM))
    {
      g_auto (GStrv) norms = w->norm ? all_names (p, outer, w->norm, layer) : g_strdupv (names);

      bind_norm (p, w, norms, b);
    }
}

/* What becomes part of the middle of a convolution's windows. */
static GtfBoundWeight *
bind_branch (Plan *p, const GtfWeight *w, char **outer, gint64 layer, const GtfBoundWeight *b)
{
  GtfBoundWeight *branch = g_new0 (GtfBoundWeight, 1);

  *branch = (GtfBoundWeight){ .weight = w, .dims = { b->dims[0], b->dims[1], 1, 1 }, .n_dims = 4 };
  if (b->dims[2] % 2 == 0 || b->dims[3] % 2 == 0)
    complain (&p->misshapen, "\"%s\": windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels, expected some with a middle", b->parts[0].weight->name, b->dims[2], b->dims[3]);
  bind_tensors (p, w, outer, layer, branch);
  return branch;
}

static gboolean walk (Plan *p, const GtfWeight *table, char **outer, gint64 layer, gpointer to);

/* How many layers a group has: as the config says, or as many as there are in the file. */
static gboolean
count_layers (Plan *p, const GtfWeight *w, char **names, gint64 *count)
{
  g_auto (GStrv) whole = NULL;

  if (!is_stored (&w->count))
    return gtf_dim_resolve (&w->count, p->config, count);
  whole = gtf_weight_names_prefix (names, p->head->prefix, TRUE);
  *count = gtf_weight_names_count_layers (whole, p->files);
  return TRUE;
}

static gboolean
bind_group (Plan *p, const GtfWeight *w, char **outer, gint64 layer, gpointer to)
{
  g_auto (GStrv) names = gtf_weight_names_join (outer, w->name, layer);
  gint64 count;
  gsize size;
  char *array;

  if (!count_layers (p, w, names, &count) || count > gtf_safetensors_get_n_tensors (p->files)
      || __builtin_mul_overflow ((gsize) count + is_stored (&w->count), w->group_size, &size))
    {
      g_set_error (&p->error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: config.json asks for %" G_GINT64_FORMAT " layers \"%s\", but the repository has only %u tensors",
                   gtf_safetensors_get_path (p->files, 0), count, w->name, gtf_safetensors_get_n_tensors (p->files));
      return FALSE;
    }
  if (!(array = gtf_weight_store_alloc (p->store, MAX (size, 1), &p->error)))
    return FALSE;
  *(gpointer *) ((char *) to + w->offset) = array;
  for (gint64 i = 0; i < count; i++)
    if (!walk (p, w->group, names, i, array + (gsize) i * w->group_size))
      return FALSE;
  return TRUE;
}

/* Adds the patterns of an architecture whose tensors stand under these names. */
static void
ignore (Plan *p, char **names, const char *patterns)
{
  g_auto (GStrv) list = g_strsplit (patterns ? patterns : "", "|", -1);

  for (char **name = names; *name; name++)
    for (char **pattern = list; *pattern; pattern++)
      g_string_append_printf (p->ignored, "%s.%s|", *name, *pattern);
}

/* The weights of a model inside this one, by its own tables; its base may stand under a prefix of its own. */
static gboolean
bind_model (Plan *p, const GtfWeight *w, char **outer, gint64 layer, gpointer to)
{
  GtfInnerModel *inner = *(GtfInnerModel *const *) ((const char *) p->config + w->count.offset);
  g_auto (GStrv) names = gtf_weight_names_join (outer, w->name, layer), whole = NULL;
  const Plan saved = *p;
  gboolean ok;

  if (!inner)
    return TRUE;
  if (inner->head->prefix)
    {
      g_autoptr (GStrvBuilder) both = g_strv_builder_new ();
      g_auto (GStrv) longer = gtf_weight_names_join (names, inner->head->prefix, layer);

      g_strv_builder_addv (both, (const char **) longer);
      g_strv_builder_addv (both, (const char **) names);
      g_strfreev (names);
      names = g_strv_builder_end (both);
    }
  whole = gtf_weight_names_prefix (names, p->head->prefix, TRUE);
  ignore (p, whole, inner->architecture->ignored);
  if (!(inner->weights = gtf_weight_store_alloc (p->store, MAX (inner->architecture->weights_size, 1), &p->error)))
    return FALSE;
  *(const GtfInnerModel **) ((char *) to + w->offset) = inner;
  p->architecture = inner->architecture;
  p->config = inner->config;
  p->within = names;
  ok = walk (p, inner->architecture->weights, names, layer, inner->weights) && walk (p, inner->head->weights, names, layer, inner->weights);
  p->architecture = saved.architecture;
  p->config = saved.config;
  p->within = saved.within;
  return ok;
}

static gboolean
walk (Plan *p, const GtfWeight *table, char **outer, gint64 layer, gpointer to)
{
  for (const GtfWeight *w = table; w && w->type != GTF_WEIGHT_END; w++)
    {
      GtfBoundWeight b = { .weight = w, .field = (gpointer *) ((char *) to + w->offset) };

      if (w->type == GTF_WEIGHT_GROUP || w->type == GTF_WEIGHT_MODEL)
        {
          if (!(w->type == GTF_WEIGHT_GROUP ? bind_group : bind_model) (p, w, outer, layer, to))
            return FALSE;
          continue;
        }
      if (!is_meant (p, w, outer, layer))
        continue;
      if (!resolve_dims (p, w, &b))
        return FALSE;
      bind_tensors (p, w, outer, layer, &b);
      if (w->type == GTF_WEIGHT_CONV2D && w->group && b.n_parts && b.parts[0].weight)
        b.branch = bind_branch (p, w->group, outer, layer, &b);
      g_array_append_val (p->self->bound, b);
    }
  return TRUE;
}

/* ---- the verdict ---------------------------------------------------------------------------------------------------- */

static void
tell_unexpected (Plan *p, const char *where)
{
  Complaints unexpected = { NULL, 0 };

  for (guint i = 0; i < gtf_safetensors_get_n_tensors (p->files); i++)
    {
      const GtfStoredTensor *t = gtf_safetensors_get (p->files, i);

      if (!g_hash_table_contains (p->used, t) && !gtf_weight_name_matches (p->ignored->str, t->name))
        complain (&unexpected, "\"%s\"", t->name);
    }
  if (unexpected.n)
    {
      g_autoptr (GString) text = g_string_new (NULL);

      add_complaints (text, &unexpected, "tensors are not used");
      g_message ("%s: %s: %s", gtf_safetensors_get_path (p->files, 0), where, text->str);
      g_string_free (unexpected.text, TRUE);
    }
}

static gboolean
verdict (Plan *p, const char *where, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (p->error)
    {
      g_propagate_error (error, g_steal_pointer (&p->error));
      return FALSE;
    }
  add_complaints (text, &p->missing, "missing");
  add_complaints (text, &p->misshapen, "of another shape");
  add_complaints (text, &p->mistyped, "of another type");
  if (!text->len)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the tensors do not fit %s: %s", gtf_safetensors_get_path (p->files, 0), where, text->str);
  return FALSE;
}

static void
clear_bound (gpointer data)
{
  GtfBoundWeight *b = data;

  if (b->branch)
    clear_bound (b->branch);
  g_free (b->branch);
  g_free (b->parts);
}

GtfBinding *
gtf_binding_new (const GtfSafetensors *files, const char *where, const GtfArchitecture *architecture, const GtfHead *head, gconstpointer config,
                 gpointer weights, GtfWeightStore *store, GError **error)
{
  g_autoptr (GtfBinding) self = g_new0 (GtfBinding, 1);
  g_autoptr (GHashTable) used = g_hash_table_new (NULL, NULL);
  g_autoptr (GString) ignored = g_string_new (NULL);
  Plan p = { .self = self, .files = files, .architecture = architecture, .head = head, .config = config, .store = store, .used = used, .ignored = ignored };
  Complaints *all[] = { &p.missing, &p.misshapen, &p.mistyped };
  gboolean ok;

  self->bound = g_array_new (FALSE, TRUE, sizeof (GtfBoundWeight));
  g_array_set_clear_func (self->bound, clear_bound);
  self->flat = g_ptr_array_new_with_free_func (g_free);
  if (walk (&p, architecture->weights, NULL, 0, weights))
    {
      p.in_head = TRUE;
      walk (&p, head->weights, NULL, 0, weights);
    }
  g_string_append (ignored, architecture->ignored ? architecture->ignored : "");
  ok = verdict (&p, where, error);
  if (ok)
    tell_unexpected (&p, where);
  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i]->text)
      g_string_free (all[i]->text, TRUE);
  return ok ? g_steal_pointer (&self) : NULL;
}

void
gtf_binding_free (GtfBinding *self)
{
  if (!self)
    return;
  g_array_unref (self->bound);
  g_ptr_array_unref (self->flat);
  g_free (self);
}

guint
gtf_binding_get_n (const GtfBinding *self)
{
  return self->bound->len;
}

const GtfBoundWeight *
gtf_binding_get (const GtfBinding *self, guint index)
{
  return &g_array_index (self->bound, GtfBoundWeight, index);
}
