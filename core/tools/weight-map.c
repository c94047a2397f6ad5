/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The weight map is one JSON object; text and HTML are ways to write it. Everything in it is known from the headers of the files alone.
 *
 * Names of tensors are paths with dots. Each part is a node, "layers.0" is layer 0 of layers; a node with one child is joined with it, so that
 * the tree shows "word_embeddings.weight" on one line.
 */
#include "tools/weight-map.h"

#include <string.h>
#include "tensor/tensor.h"
#include "tools/cli.h"

/* ---- the tree ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  char *name;
  const GtfStoredTensor *tensor;        /* NULL: a group */
  GPtrArray *children;                  /* Node, in the order of the files */
  GHashTable *by_name;                  /* of them */
} Node;

static void
node_free (gpointer data)
{
  Node *node = data;

  g_free (node->name);
  g_ptr_array_unref (node->children);
  g_hash_table_unref (node->by_name);
  g_free (node);
}

static Node *
node_new (const char *name, gsize length)
{
  Node *node = g_new0 (Node, 1);

  node->name = g_strndup (name, length);
  node->children = g_ptr_array_new_with_free_func (node_free);
  node->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return node;
}

/* The group below @node of this name. A name with a great many dots is one node from some depth on. */
static Node *
child_of (Node *node, const char *name, gsize length)
{
  g_autofree char *key = g_strndup (name, length);
  Node *child = g_hash_table_lookup (node->by_name, key);

  if (child)
    return child;
  child = node_new (name, length);
  g_ptr_array_add (node->children, child);
  g_hash_table_insert (node->by_name, child->name, child);
  return child;
}

static void
add_tensor (Node *root, const GtfStoredTensor *tensor)
{
  const char *name = tensor->name, *dot;
  Node *node = root, *leaf;

  for (guint depth = 0; depth < 32 && (dot = strchr (name, '.')); depth++, name = dot + 1)
    node = child_of (node, name, (gsize) (dot - name));
  leaf = node_new (name, strlen (name));
  leaf->tensor = tensor;
  g_ptr_array_add (node->children, leaf);
}

/* Numbers stand before words in their own order: layer 10 behind layer 9. */
static gint
compare_nodes (gconstpointer a, gconstpointer b)
{
  const Node *x = *(Node *const *) a, *y = *(Node *const *) b;
  gboolean x_digit = g_ascii_isdigit (x->name[0]), y_digit = g_ascii_isdigit (y->name[0]);
  guint64 m = g_ascii_strtoull (x->name, NULL, 10), n = g_ascii_strtoull (y->name, NULL, 10);

  if (x_digit && y_digit && m != n)
    return m < n ? -1 : 1;
  return strcmp (x->name, y->name);
}

/* ---- as JSON -------------------------------------------------------------------------------------------------------- */

static JsonObject *
leaf_json (const Node *node, const char *name)
{
  const GtfStoredTensor *t = node->tensor;
  JsonObject *out = json_object_new ();
  JsonArray *shape = json_array_new ();
  g_autofree char *file = g_path_get_basename (t->path);

  for (guint d = 0; d < t->n_dims; d++)
    json_array_add_int_element (shape, t->shape[d]);
  json_object_set_string_member (out, "name", name);
  json_object_set_string_member (out, "tensor", t->name);
  json_object_set_string_member (out, "dtype", gtf_dtype_name (t->dtype));
  json_object_set_array_member (out, "shape", shape);
  json_object_set_int_member (out, "parameters", (gint64) t->n_elements);
  json_object_set_int_member (out, "bytes", (gint64) t->n_bytes);
  json_object_set_string_member (out, "file", file);
  return out;
}

/* @prefix: the names of groups with this one child, joined. */
static JsonObject *
node_json (Node *node, const char *prefix)
{
  g_autofree char *name = *prefix ? g_strconcat (prefix, ".", node->name, NULL) : g_strdup (node->name);
  JsonObject *out;
  JsonArray *children;
  gint64 parameters = 0, bytes = 0;

  if (node->tensor)
    return leaf_json (node, name);
  if (node->children->len == 1)
    return node_json (node->children->pdata[0], name);
  out = json_object_new ();
  children = json_array_new ();
  g_ptr_array_sort (node->children, compare_nodes);
  for (guint i = 0; i < node->children->len; i++)
    {
      JsonObject *child = node_json (node->children->pdata[i], "");

      parameters += json_object_get_int_member (child, "parameters");
      bytes += json_object_get_int_member (child, "bytes");
      json_array_add_object_element (children, child);
    }
  json_object_set_string_member (out, "name", name);
  json_object_set_int_member (out, "parameters", parameters);
  json_object_set_int_member (out, "bytes", bytes);
  json_object_set_array_member (out, "children", children);
  return out;
}

static gboolean
is_float (GtfDtype dtype)
{
  return dtype >= GTF_DTYPE_F64 && dtype <= GTF_DTYPE_F8_E4M3;
}

static JsonObject *
memory_json (gint64 floats, gint64 others)
{
  static const struct { const char *name; gint64 bytes; } types[] = { { "float32", 4 }, { "float16", 2 }, { "bfloat16", 2 }, { "int8", 1 } };
  JsonObject *out = json_object_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    json_object_set_int_member (out, types[i].name, floats * types[i].bytes + others);
  return out;
}

static JsonArray *
files_json (const GtfSafetensors *weights)
{
  JsonArray *out = json_array_new ();

  for (guint i = 0; i < gtf_safetensors_get_n_files (weights); i++)
    {
      g_autofree char *name = g_path_get_basename (gtf_safetensors_get_path (weights, i));

      json_array_add_string_element (out, name);
    }
  return out;
}

JsonObject *
weight_map_new (const GtfSafetensors *weights, gboolean tree)
{
  JsonObject *out = json_object_new (), *by_type = json_object_new ();
  Node *root = node_new ("", 0);
  gint64 parameters[GTF_DTYPE_LAST] = { 0 }, total = 0, bytes = 0, floats = 0, others = 0;

  for (guint i = 0; i < gtf_safetensors_get_n_tensors (weights); i++)
    {
      const GtfStoredTensor *t = gtf_safetensors_get (weights, i);

      parameters[t->dtype] += (gint64) t->n_elements;
      total += (gint64) t->n_elements;
      bytes += (gint64) t->n_bytes;
      floats += is_float (t->dtype) ? (gint64) t->n_elements : 0;
      others += is_float (t->dtype) ? 0 : (gint64) t->n_bytes;
      add_tensor (root, t);
    }
  for (guint i = 0; i < GTF_DTYPE_LAST; i++)
    if (parameters[i])
      json_object_set_int_member (by_type, gtf_dtype_name (i), parameters[i]);
  json_object_set_int_member (out, "tensors", gtf_safetensors_get_n_tensors (weights));
  json_object_set_int_member (out, "parameters", total);
  json_object_set_object_member (out, "parameters_by_dtype", by_type);
  json_object_set_int_member (out, "bytes", bytes);
  json_object_set_object_member (out, "memory", memory_json (floats, others));
  json_object_set_array_member (out, "files", files_json (weights));
  if (tree)
    json_object_set_object_member (out, "tree", node_json (root, ""));
  node_free (root);
  return out;
}

/* ---- as text -------------------------------------------------------------------------------------------------------- */

/* "1,672": thousands by commas, whatever the locale. */
static char *
grouped (gint64 number)
{
  g_autofree char *plain = g_strdup_printf ("%" G_GINT64_FORMAT, number);
  GString *out = g_string_new (NULL);
  gsize n = strlen (plain);

  for (gsize i = 0; i < n; i++)
    {
      if (i && (n - i) % 3 == 0)
        g_string_append_c (out, ',');
      g_string_append_c (out, plain[i]);
    }
  return g_string_free (out, FALSE);
}

char *
weight_map_size (gint64 bytes)
{
  static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
  double value = (double) bytes / 1000;
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  guint unit = 0;

  if (bytes < 1000)
    return g_strdup_printf ("%" G_GINT64_FORMAT " bytes", bytes);
  for (; value >= 999.95 && unit + 1 < G_N_ELEMENTS (units); unit++)
    value /= 1000;
  return g_strdup_printf ("%s %s", g_ascii_formatd (digits, sizeof digits, "%.1f", value), units[unit]);
}

static char *
shape_text (JsonObject *leaf)
{
  JsonArray *shape = json_object_get_array_member (leaf, "shape");
  GString *out = g_string_new ("[");

  for (guint i = 0; i < json_array_get_length (shape); i++)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? ", " : "", json_array_get_int_element (shape, i));
  g_string_append_c (out, ']');
  return g_string_free (out, FALSE);
}

static void
tree_text (JsonObject *node, guint depth, GString *out)
{
  JsonArray *children = json_object_has_member (node, "children") ? json_object_get_array_member (node, "children") : NULL;
  g_autofree char *name = cli_printable (json_object_get_string_member (node, "name")), *size = weight_map_size (json_object_get_int_member (node, "bytes"));
  g_autofree char *count = grouped (json_object_get_int_member (node, "parameters"));
  gint width = MAX (56 - 2 * (gint) depth, 1);

  if (children)
    g_string_append_printf (out, "%*s%-*s %14s  %10s\n", 2 * depth, "", width, *name ? name : "(all)", count, size);
  else
    {
      g_autofree char *shape = shape_text (node);

      g_string_append_printf (out, "%*s%-*s %14s  %10s  %-7s %-20s %s\n", 2 * depth, "", width, name, count, size, json_object_get_string_member (node, "dtype"), shape,
                              json_object_get_string_member (node, "file"));
    }
  for (guint i = 0; children && i < json_array_get_length (children); i++)
    tree_text (json_array_get_object_element (children, i), depth + 1, out);
}

static void
append_members (JsonObject *object, char *(*print) (gint64), GString *out)
{
  g_autoptr (GList) members = json_object_get_members (object);

  for (GList *l = members; l; l = l->next)
    {
      g_autofree char *value = print (json_object_get_int_member (object, l->data));

      g_string_append_printf (out, "%s%s %s", l == members ? "" : ", ", (char *) l->data, value);
    }
}

static void
summary (JsonObject *map, GString *out)
{
  guint n_files = json_array_get_length (json_object_get_array_member (map, "files"));
  g_autofree char *size = weight_map_size (json_object_get_int_member (map, "bytes")), *total = grouped (json_object_get_int_member (map, "parameters"));

  g_string_append_printf (out, "%-14s %" G_GINT64_FORMAT ", %s, %u file%s\n", "tensors", json_object_get_int_member (map, "tensors"), size, n_files, n_files == 1 ? "" : "s");
  g_string_append_printf (out, "%-14s %s (", "parameters", total);
  append_members (json_object_get_object_member (map, "parameters_by_dtype"), grouped, out);
  g_string_append_printf (out, ")\n%-14s ", "memory");
  append_members (json_object_get_object_member (map, "memory"), weight_map_size, out);
  g_string_append (out, " (weights alone)\n");
}

void
weight_map_text (JsonObject *map, GString *out)
{
  summary (map, out);
  if (!json_object_has_member (map, "tree"))
    return;
  g_string_append_c (out, '\n');
  tree_text (json_object_get_object_member (map, "tree"), 0, out);
}

/* ---- as a page ------------------------------------------------------------------------------------------------------ */

void
weight_map_html_escape (GString *out, const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  g_string_append (out, escaped);
}

/* A bar of the part that @bytes are of the whole. */
static void
bar_html (gint64 bytes, gint64 whole, GString *out)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *size = weight_map_size (bytes);

  g_ascii_formatd (digits, sizeof digits, "%.2f", whole ? 100.0 * (double) bytes / (double) whole : 0);
  g_string_append_printf (out, "<span class=\"bar\"><i style=\"width:%s%%\"></i></span><span class=\"size\">%s</span>", digits, size);
}

static void
tree_html (JsonObject *node, gint64 whole, guint depth, GString *out)
{
  JsonArray *children = json_object_has_member (node, "children") ? json_object_get_array_member (node, "children") : NULL;
  gint64 bytes = json_object_get_int_member (node, "bytes");
  const char *name = json_object_get_string_member (node, "name");
  g_autofree char *count = grouped (json_object_get_int_member (node, "parameters"));

  g_string_append (out, children ? depth < 2 ? "<details open><summary>" : "<details><summary>" : "<div class=\"leaf\">");
  g_string_append (out, "<span class=\"name\">");
  weight_map_html_escape (out, *name ? name : "all");
  g_string_append_printf (out, "</span><span class=\"count\">%s</span>", count);
  bar_html (bytes, whole, out);
  if (!children)
    {
      g_autofree char *shape = shape_text (node);

      g_string_append_printf (out, "<span class=\"type\">%s %s</span><span class=\"file\">", json_object_get_string_member (node, "dtype"), shape);
      weight_map_html_escape (out, json_object_get_string_member (node, "file"));
      g_string_append (out, "</span></div>\n");
      return;
    }
  g_string_append (out, "</summary>\n");
  for (guint i = 0; i < json_array_get_length (children); i++)
    tree_html (json_array_get_object_element (children, i), whole, depth + 1, out);
  g_string_append (out, "</details>\n");
}

void
weight_map_html (JsonObject *map, GString *out)
{
  JsonObject *tree = json_object_has_member (map, "tree") ? json_object_get_object_member (map, "tree") : NULL;

  g_string_append (out, "<pre>\n");
  summary (map, out);
  g_string_append (out, "</pre>\n");
  if (!tree)
    return;
  g_string_append (out, "<style>details,.leaf{margin-left:1.2em;white-space:nowrap}summary,.leaf{line-height:1.6}.name{display:inline-block;min-width:22em}"
                        ".count,.size{display:inline-block;width:8em;text-align:right;color:#555}.bar{display:inline-block;width:8em;height:.7em;margin-left:1em;"
                        "background:#eee}.bar i{display:block;height:100%;background:#4878a8}.type,.file{margin-left:1.5em;color:#555}</style>\n<div>\n");
  tree_html (tree, json_object_get_int_member (map, "bytes"), 0, out);
  g_string_append (out, "</div>\n");
}
