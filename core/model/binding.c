/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plan: tables -> bound weights, and the one error. Here are the walk over the tables, which makes the names of each weight, and the verdict;
 * the tensors under these names are found and checked in binding-tensors.c.
 */
#include "model/binding-private.h"

#include <string.h>
#include "model/config.h"
#include "model/inner-model.h"
#include "model/weight-names.h"

#define MAX_LISTED 8        /* names in a message, of each kind */

void
gtf_complain (GtfComplaints *c, const char *format, ...)
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
add_complaints (GString *out, GtfComplaints *c, const char *title)
{
  if (!c->n)
    return;
  g_string_append_printf (out, "%s%u %s: %s", out->len ? "; " : "", c->n, title, c->text->str);
  if (c->n > MAX_LISTED)
    g_string_append_printf (out, " and %u more", c->n - MAX_LISTED);
}

/* ---- walking the tables --------------------------------------------------------------------------------------------- */

/* As the file has it. */
static gboolean
is_stored (const GtfDim *dim)
{
  return dim->offset == -1 && dim->factor == -1;
}

static gboolean
resolve_dims (GtfBindingPlan *p, const GtfWeight *w, GtfBoundWeight *b)
{
  static const guint numbers[] = { [GTF_WEIGHT_LINEAR] = 2, [GTF_WEIGHT_NORM] = 1, [GTF_WEIGHT_EMBEDDING] = 2, [GTF_WEIGHT_CONV1D] = 3,
                                    [GTF_WEIGHT_CONV2D] = 4, [GTF_WEIGHT_BATCH_NORM] = 1, [GTF_WEIGHT_EXPERTS] = 3 };
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

/* The word that config.json puts into names, for the %s of each: the same for all, or, of several, that of the layer. */
static void
put_word (GtfBindingPlan *p, char **names, gint64 layer)
{
  const gsize at = p->architecture->name_word;
  const char *list = at ? *(const char *const *) ((const char *) p->config + at) : NULL;
  g_auto (GStrv) words = g_strsplit (list ? list : "", "|", -1);
  const gint64 n = g_strv_length (words);
  const char *word = list && n ? words[n == 1 ? 0 : CLAMP (layer, 0, n - 1)] : list;

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
all_names (GtfBindingPlan *p, char **outer, const char *text, gint64 layer)
{
  g_autofree char *names = g_strndup (text, strcspn (text, "&"));
  g_auto (GStrv) joined = gtf_weight_names_join (outer, names, layer);

  put_word (p, joined, layer);
  return gtf_weight_names_prefix (joined, p->head->prefix, !p->in_head);
}

/* "a&b": a, where there is a weight b beside it; "a&!b": where there is none. */
static gboolean
is_meant (GtfBindingPlan *p, const GtfWeight *w, char **outer, gint64 layer)
{
  const char *other = strchr (w->name, '&');
  const gboolean negated = other && other[1] == '!';
  g_auto (GStrv) names = other ? all_names (p, outer, other + 1 + negated, layer) : NULL;
  gboolean found = FALSE;

  for (char **name = names; name && *name; name++)
    found |= gtf_binding_plan_find (p, *name, ".weight", NULL) != NULL;
  return !other || found != negated;
}

/* The tensors of a weight whose dimensions are known, and those of the normalisation behind it. */
static void
bind_tensors (GtfBindingPlan *p, const GtfWeight *w, char **outer, gint64 layer, GtfBoundWeight *b)
{
  g_auto (GStrv) names = all_names (p, outer, w->name, layer);

  b->eps = w->eps_field ? *(const double *) ((const char *) p->config + w->eps_field) : w->eps ? w->eps : 1e-5;
  if (!is_empty (b))
    gtf_binding_plan_parts (p, w, names, b);
  if (b->n_parts && (w->norm || w->type == GTF_WEIGHT_BATCH_NORM))
    {
      g_auto (GStrv) norms = w->norm ? all_names (p, outer, w->norm, layer) : g_strdupv (names);

      gtf_binding_plan_norm (p, norms, b);
    }
}

/* What becomes part of the middle of a convolution's windows. */
static GtfBoundWeight *
bind_branch (GtfBindingPlan *p, const GtfWeight *w, char **outer, gint64 layer, const GtfBoundWeight *b)
{
  GtfBoundWeight *branch = g_new0 (GtfBoundWeight, 1);

  *branch = (GtfBoundWeight){ .weight = w, .dims = { b->dims[0], b->dims[1], 1, 1 }, .n_dims = 4 };
  if (b->dims[2] % 2 == 0 || b->dims[3] % 2 == 0)
    gtf_complain (&p->misshapen, "\"%s\": windows of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels, expected some with a middle", b->parts[0].weight->name, b->dims[2], b->dims[3]);
  bind_tensors (p, w, outer, layer, branch);
  if (!branch->n_parts && !is_empty (branch))   /* what is empty was complained of */
    gtf_complain (&p->missing, "\"%s\", which goes with \"%s\"", w->name, b->parts[0].weight->name);
  return branch;
}

static gboolean walk (GtfBindingPlan *p, const GtfWeight *table, char **outer, gint64 layer, gpointer to);

/* How many layers a group has: as the config says, or as many as there are in the file. */
static gboolean
count_layers (GtfBindingPlan *p, const GtfWeight *w, char **names, gint64 *count)
{
  g_auto (GStrv) whole = NULL;

  if (!is_stored (&w->count))
    return gtf_dim_resolve (&w->count, p->config, count);
  whole = gtf_weight_names_prefix (names, p->head->prefix, TRUE);
  *count = gtf_weight_names_count_layers (whole, p->files);
  return TRUE;
}

static gboolean
bind_group (GtfBindingPlan *p, const GtfWeight *w, char **outer, gint64 layer, gpointer to)
{
  g_auto (GStrv) names = gtf_weight_names_join (outer, w->name, layer);
  gint64 count;
  gsize size;
  char *array;

  put_word (p, names, layer);
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
ignore (GtfBindingPlan *p, char **names, const char *patterns)
{
  g_auto (GStrv) list = g_strsplit (patterns ? patterns : "", "|", -1);

  for (char **name = names; *name; name++)
    for (char **pattern = list; *pattern; pattern++)
      g_string_append_printf (p->ignored, "%s.%s|", *name, *pattern);
}

/* The weights of a model inside this one, by its own tables; its base may stand under a prefix of its own. */
static gboolean
bind_model (GtfBindingPlan *p, const GtfWeight *w, char **outer, gint64 layer, gpointer to)
{
  GtfInnerModel *inner = *(GtfInnerModel *const *) ((const char *) p->config + w->count.offset);
  g_auto (GStrv) names = gtf_weight_names_join (outer, w->name, layer), whole = NULL;
  const GtfBindingPlan saved = *p;
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
walk (GtfBindingPlan *p, const GtfWeight *table, char **outer, gint64 layer, gpointer to)
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
      if (w->type == GTF_WEIGHT_CONV2D && w->branch && b.n_parts && b.parts[0].weight)
        b.branch = bind_branch (p, w->branch, outer, layer, &b);
      g_array_append_val (p->self->bound, b);
    }
  return TRUE;
}

/* ---- the verdict ---------------------------------------------------------------------------------------------------- */

static void
tell_unexpected (GtfBindingPlan *p, const char *where)
{
  GtfComplaints unexpected = { NULL, 0 };

  for (guint i = 0; i < gtf_safetensors_get_n_tensors (p->files); i++)
    {
      const GtfStoredTensor *t = gtf_safetensors_get (p->files, i);

      if (!g_hash_table_contains (p->used, t) && !gtf_weight_name_matches (p->ignored->str, t->name))
        gtf_complain (&unexpected, "\"%s\"", t->name);
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
verdict (GtfBindingPlan *p, const char *where, GError **error)
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
  GtfBindingPlan p = { .self = self, .files = files, .architecture = architecture, .head = head, .config = config, .store = store, .used = used, .ignored = ignored };
  GtfComplaints *all[] = { &p.missing, &p.misshapen, &p.mistyped };
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
