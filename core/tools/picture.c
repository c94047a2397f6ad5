/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers run over pictures, for people: the picture with the answer drawn on it, and detections as COCO has them; on a
 * terminal the picture stands above its answer.
 */
#include "tools/cli.h"

#include "base/json-print.h"
#include "drawing/annotate.h"
#include "drawing/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

GBytes *
cli_picture (GtfPipeline *pipeline, const char *path, const char *parameters, gboolean jpeg, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfImage) image = gtf_image_load (path, cancellable, error);
  g_autoptr (GtfResult) result = image ? gtf_pipeline_run_image (pipeline, image, parameters, cancellable, error) : NULL;

  if (result == NULL || !gtf_annotate_answer (image, gtf_result_get_node (result), error))
    {
      if (image)
        g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return gtf_image_encode (image, jpeg ? "jpeg" : "png", error);
}

/* ---- on a terminal ---- */

#define MOST_COLUMNS 100        /* wider is no clearer */

char *
cli_picture_preview (const char *path, JsonNode *answer)
{
  g_autoptr (GtfImage) image = strcmp (path, "-") == 0 ? NULL : gtf_image_load (path, NULL, NULL);
  struct winsize size = { 0 };

  if (image == NULL || !gtf_annotate_answer (image, answer, NULL))
    return NULL;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    size = (struct winsize) { .ws_col = 80, .ws_row = 24 };
  return gtf_image_to_terminal (image, MIN (size.ws_col, MOST_COLUMNS), MAX (size.ws_row - 4, 1));
}

/* ---- COCO ---- */

typedef struct
{
  JsonArray *images, *annotations, *categories;
  GHashTable *ids;              /* label -> its category */
} Coco;

/* Categories are numbered from 1 in the order in which they turn up. */
static gint64
category (Coco *coco, const char *label)
{
  gint64 id = GPOINTER_TO_INT (g_hash_table_lookup (coco->ids, label));
  JsonObject *object;

  if (id)
    return id;
  id = g_hash_table_size (coco->ids) + 1;
  g_hash_table_insert (coco->ids, g_strdup (label), GINT_TO_POINTER ((gint) id));
  object = json_object_new ();
  json_object_set_int_member (object, "id", id);
  json_object_set_string_member (object, "name", label);
  json_array_add_object_element (coco->categories, object);
  return id;
}

static void
add_annotation (Coco *coco, JsonObject *detection, gint64 image)
{
  JsonObject *box = json_object_get_object_member (detection, "box"), *object = json_object_new ();
  JsonNode *label = json_object_get_member (detection, "label");
  g_autofree char *name = json_node_get_value_type (label) == G_TYPE_STRING ? json_node_dup_string (label) : gtf_json_print (label, GTF_JSON_COMPACT);
  const gint64 left = json_object_get_int_member (box, "xmin"), top = json_object_get_int_member (box, "ymin");
  const gint64 width = json_object_get_int_member (box, "xmax") - left, height = json_object_get_int_member (box, "ymax") - top, sides[4] = { left, top, width, height };
  JsonArray *bbox = json_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    json_array_add_int_element (bbox, sides[i]);
  json_object_set_int_member (object, "id", json_array_get_length (coco->annotations) + 1);
  json_object_set_int_member (object, "image_id", image);
  json_object_set_int_member (object, "category_id", category (coco, name));
  json_object_set_array_member (object, "bbox", bbox);
  json_object_set_int_member (object, "area", width * height);
  json_object_set_int_member (object, "iscrowd", 0);
  json_object_set_double_member (object, "score", json_object_get_double_member (detection, "score"));
  json_array_add_object_element (coco->annotations, object);
}

static gboolean
is_detections (JsonNode *answer)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i), *box = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), "box") : NULL;

      if (box == NULL || !JSON_NODE_HOLDS_OBJECT (box) || !json_object_has_member (json_node_get_object (node), "label"))
        return FALSE;
    }
  return list != NULL;
}

static gboolean
add_image (Coco *coco, const char *path, JsonNode *answer, GError **error)
{
  const gint64 id = json_array_get_length (coco->images) + 1;
  g_autoptr (GtfImage) image = gtf_image_load (path, NULL, error);
  JsonObject *object;

  if (image == NULL)
    return FALSE;
  if (!is_detections (answer))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "--format coco: the answer is no list of boxes; use json");
      return FALSE;
    }
  object = json_object_new ();
  json_object_set_int_member (object, "id", id);
  json_object_set_string_member (object, "file_name", path);
  json_object_set_int_member (object, "width", image->width);
  json_object_set_int_member (object, "height", image->height);
  json_array_add_object_element (coco->images, object);
  for (guint i = 0; i < json_array_get_length (json_node_get_array (answer)); i++)
    add_annotation (coco, json_array_get_object_element (json_node_get_array (answer), i), id);
  return TRUE;
}

char *
cli_coco (char **paths, GPtrArray *results, GError **error)
{
  Coco coco = { json_array_new (), json_array_new (), json_array_new (), g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  JsonObject *all = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  gboolean good = TRUE;

  for (guint i = 0; good && i < results->len; i++)
    good = add_image (&coco, paths[i], gtf_result_get_node (results->pdata[i]), error);
  json_object_set_array_member (all, "images", coco.images);
  json_object_set_array_member (all, "annotations", coco.annotations);
  json_object_set_array_member (all, "categories", coco.categories);
  g_hash_table_unref (coco.ids);
  json_node_take_object (node, all);
  return good ? gtf_json_print (node, GTF_JSON_COMPACT) : NULL;
}
