/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Expansion of the names of a weight table. All are small lists of strings: a model has some thousand weights and is
 * loaded once.
 */
#include "model/weight-names.h"

#include <string.h>

/* @name with @layer for its %d, or one more for its %n. Only these patterns are known: a table is no printf format. */
static char *
with_layer (const char *name, gint64 layer)
{
  const char *at = strstr (name, "%d"), *from_one = at ? NULL : strstr (name, "%n");

  if (!at && !from_one)
    return g_strdup (name);
  at = at ? at : from_one;
  return g_strdup_printf ("%.*s%" G_GINT64_FORMAT "%s", (int) (at - name), name, layer + (from_one != NULL), at + 2);
}

char **
gtf_weight_names_join (char **outer, const char *names, gint64 layer)
{
  /* no name at all is one: a group whose layers have no folder of their own */
  g_auto (GStrv) inner = *names ? g_strsplit (names, "|", -1) : g_strdupv ((char *[]){ (char *) "", NULL });
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();

  if (!outer)
    return g_steal_pointer (&inner);
  for (char **o = outer; *o; o++)
    {
      g_autofree char *head = with_layer (*o, layer);

      for (char **i = inner; *i; i++)
        {
          /* a nameless group has its number in the names of its weights; elsewhere a %d of theirs is that of a group within */
          g_autofree char *tail = *head ? g_strdup (*i) : with_layer (*i, layer), *joined = g_strconcat (head, *head && *tail ? "." : "", tail, NULL);

          g_strv_builder_add (out, joined);
        }
    }
  return g_strv_builder_end (out);
}

/* Adds @name under each of the prefixes that it does not begin with. */
static void
add_longer (GStrvBuilder *out, const char *name, char **prefixes)
{
  for (char **prefix = prefixes; *prefix; prefix++)
    {
      g_autofree char *dotted = g_strconcat (*prefix, ".", NULL), *longer = g_strconcat (dotted, name, NULL);

      if (!g_str_has_prefix (name, dotted))
        g_strv_builder_add (out, longer);
    }
}

/* Adds what is left of @name behind each of the prefixes that it begins with. */
static void
add_shorter (GStrvBuilder *out, const char *name, char **prefixes)
{
  for (char **prefix = prefixes; *prefix; prefix++)
    if (g_str_has_prefix (name, *prefix) && name[strlen (*prefix)] == '.')
      g_strv_builder_add (out, name + strlen (*prefix) + 1);
}

char **
gtf_weight_names_prefix (char **names, const char *prefix, gboolean prefix_first)
{
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();
  g_auto (GStrv) prefixes = g_strsplit (prefix ? prefix : "", "|", -1);

  for (char **name = names; *name; name++)
    {
      if (prefix_first)
        add_longer (out, *name, prefixes);
      g_strv_builder_add (out, *name);
      if (!prefix_first)
        add_longer (out, *name, prefixes);
      add_shorter (out, *name, prefixes);
    }
  return g_strv_builder_end (out);
}

/* Whether a tensor's name begins with one of these. */
static gboolean
any_begins (const GtfSafetensors *files, char **names, gint64 layer)
{
  for (char **name = names; *name; name++)
    {
      g_autofree char *whole = with_layer (*name, layer), *folder = g_strconcat (whole, ".", NULL);

      for (guint i = 0; i < gtf_safetensors_get_n_tensors (files); i++)
        if (g_str_has_prefix (gtf_safetensors_get (files, i)->name, folder))
          return TRUE;
    }
  return FALSE;
}

gint64
gtf_weight_names_count_layers (char **names, const GtfSafetensors *files)
{
  gint64 n = 0;

  while (n < gtf_safetensors_get_n_tensors (files) && any_begins (files, names, n))
    n++;
  return n;
}

char **
gtf_weight_name_parts (const char *name)
{
  const char *open = strchr (name, '{'), *close = open ? strchr (open, '}') : NULL;
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();
  g_autofree char *list = NULL;
  g_auto (GStrv) parts = NULL;

  if (!close)
    {
      g_strv_builder_add (out, name);
      return g_strv_builder_end (out);
    }
  list = g_strndup (open + 1, (gsize) (close - open - 1));
  parts = g_strsplit (list, ",", -1);
  for (char **part = parts; *part; part++)
    {
      g_autofree char *whole = g_strdup_printf ("%.*s%s%s", (int) (open - name), name, *part, close + 1);

      g_strv_builder_add (out, whole);
    }
  return g_strv_builder_end (out);
}

gboolean
gtf_weight_name_matches (const char *patterns, const char *name)
{
  g_auto (GStrv) list = g_strsplit (patterns ? patterns : "", "|", -1);

  for (char **pattern = list; *pattern; pattern++)
    if (**pattern && g_pattern_match_simple (*pattern, name))
      return TRUE;
  return FALSE;
}
