/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the outputs of a classifier are called: id2label of config.json, or LABEL_0, LABEL_1, ... where it has none.
 */
#include "text/text-private.h"

#include "base/json-print.h"

#define MAX_LABELS (1 << 20)

static void
free_node (gpointer node)
{
  if (node)
    json_node_unref (node);
}

static gboolean
read_id2label (TextLabels *self, JsonObject *map, GError **error)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, map);
  while (json_object_iter_next_ordered (&iter, &key, &value))
    {
      guint64 id;

      if (!g_ascii_string_to_unsigned (key, 10, 0, MAX_LABELS - 1, &id, NULL))
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"id2label\": expected whole numbers from 0 on as keys, found \"%s\"", self->path, key);
          return FALSE;
        }
      if (id >= self->names->len)
        g_ptr_array_set_size (self->names, (gint) id + 1);
      if (self->names->pdata[id] == NULL)
        self->count++;
      g_clear_pointer ((JsonNode **) &self->names->pdata[id], json_node_unref);
      self->names->pdata[id] = json_node_copy (value);
    }
  return TRUE;
}

static gboolean
number_labels (TextLabels *self, JsonNode *num_labels, GError **error)
{
  gint64 n = 2;

  if (num_labels && !gtf_param_get_int (num_labels, self->path, "num_labels", 0, MAX_LABELS, &n, error))
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("LABEL_%d", (int) i);

      g_ptr_array_add (self->names, json_node_init_string (json_node_alloc (), name));
    }
  self->count = (guint) n;
  return TRUE;
}

TextLabels *
text_labels_new (TextModel *model, GError **error)
{
  g_autoptr (TextLabels) self = g_new0 (TextLabels, 1);
  JsonNode *map = gtf_json_find (model->config, "id2label");
  gboolean ok;

  self->path = g_build_filename (gtf_model_get_directory (model->task->model), "config.json", NULL);
  self->names = g_ptr_array_new_with_free_func (free_node);
  if (map && !JSON_NODE_HOLDS_OBJECT (map))
    {
      g_autofree char *found = gtf_json_describe (map);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"id2label\": expected an object, found %s", self->path, found);
      return NULL;
    }
  ok = map ? read_id2label (self, json_node_get_object (map), error) : number_labels (self, gtf_json_find (model->config, "num_labels"), error);
  return ok ? g_steal_pointer (&self) : NULL;
}

void
text_labels_free (TextLabels *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->names, g_ptr_array_unref);
  g_free (self->path);
  g_free (self);
}

gboolean
text_labels_check (const TextLabels *self, gsize n_outputs, GError **error)
{
  for (gsize i = 0; i < n_outputs; i++)
    if (i >= self->names->len || self->names->pdata[i] == NULL)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"id2label\": the model has %zu outputs, but there is no label for output %zu (%u labels)", self->path,
                     n_outputs, i, self->count);
        return FALSE;
      }
  return TRUE;
}

JsonNode *
text_labels_get (const TextLabels *self, gsize id)
{
  return self->names->pdata[id];
}

const char *
text_labels_name (TextLabels *self, gsize id)
{
  JsonNode *node = self->names->pdata[id];

  if (text_node_string (node) == NULL)
    {
      g_autofree char *printed = gtf_json_print (node, GTF_JSON_COMPACT);

      /* A new node: json-glib takes what an object's or list's node holds for a value when it makes a string of it. */
      json_node_unref (node);
      self->names->pdata[id] = node = json_node_init_string (json_node_alloc (), printed);
    }
  return json_node_get_string (node);
}
