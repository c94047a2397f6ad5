/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tasks over pictures for tests of what stands around them. Built once a task (FAKE_TASK, FAKE_SYMBOL, FAKE_MEDIA, FAKE_FLAGS); the answers are told from the
 * picture: object-detection finds the one white rectangle in it, image-classification names the colour of its middle, image-segmentation has
 * a mask of what is white, depth-estimation says that each column is as far away as its number, video-classification names the
 * colours of the frames, in order. A picture whose middle is red is an error. It waits while the test holds its lock, so that a slow machine can be played without a clock.
 */
#include <string.h>
#include <gtf/gtf.h>

GTF_PLUGIN_EXPORT const GtfTaskPlugin *FAKE_SYMBOL (void);
GTF_PLUGIN_EXPORT GMutex *gtf_fake_image_lock (void);
GTF_PLUGIN_EXPORT gint gtf_fake_image_together (void);

static GMutex lock;
static gint together;

static const GtfTaskParameter parameters[] = {
  { "threshold", "float", "0.5", "anything", 0, 0 },
  { "top_k", "int", "1", "anything", 0, 0 },
  { "candidate_labels", "list", "[]", "anything", 0, 0 },
  { "num_frames", "int", "4", "anything", 0, 0 },
  { NULL }
};

static const guint8 *
pixel (const GtfImage *image, gint x, gint y)
{
  return image->pixels + ((gsize) y * (gsize) image->width + (gsize) x) * 3;
}

/* The box around all white pixels; its score says how large it is; below the threshold there is none. */
static void
detect (const GtfImage *image, double threshold, JsonArray *list)
{
  gint left = image->width, top = image->height, right = 0, bottom = 0;

  for (gint y = 0; y < image->height; y++)
    for (gint x = 0; x < image->width; x++)
      {
        const guint8 *p = pixel (image, x, y);

        if (p[0] > 200 && p[1] > 200 && p[2] > 200)
          {
            left = MIN (left, x);
            right = MAX (right, x + 1);
            top = MIN (top, y);
            bottom = MAX (bottom, y + 1);
          }
      }
  if (left < right && 0.75 > threshold)
    {
      JsonObject *object = json_object_new (), *box = json_object_new ();

      json_object_set_int_member (box, "xmin", left);
      json_object_set_int_member (box, "ymin", top);
      json_object_set_int_member (box, "xmax", right);
      json_object_set_int_member (box, "ymax", bottom);
      json_object_set_double_member (object, "score", 0.75);
      json_object_set_string_member (object, "label", "white");
      json_object_set_object_member (object, "box", box);
      json_array_add_object_element (list, object);
    }
}

/* "green", "blue" or "grey", by the middle of the picture. */
static const char *
colour_of (const GtfImage *image)
{
  const guint8 *p = pixel (image, image->width / 2, image->height / 2);

  return p[1] > p[0] + 64 && p[1] > p[2] + 64 ? "green" : p[2] > p[0] + 64 && p[2] > p[1] + 64 ? "blue" : "grey";
}

static void
add_label (JsonArray *list, const char *label)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "label", label);
  json_object_set_double_member (object, "score", 0.5);
  json_array_add_object_element (list, object);
}

/* The frames' colours, "green blue". */
static JsonNode *
answer_frames (const GtfRequest *request)
{
  g_autoptr (GString) label = g_string_new (NULL);
  g_autoptr (JsonArray) list = json_array_new ();

  for (gsize i = 0; i < request->n_frames; i++)
    g_string_append_printf (label, "%s%s", i ? " " : "", colour_of (request->frames[i]));
  add_label (list, label->str);
  return json_node_init_array (json_node_alloc (), list);
}

/* One segment, "white", its mask as base64 of a PNG. */
static void
segment (const GtfImage *image, JsonArray *list)
{
  g_autoptr (GtfImage) mask = gtf_image_copy (image);
  g_autoptr (GBytes) png = NULL;
  g_autofree char *base64 = NULL;
  JsonObject *object = json_object_new ();
  gconstpointer data;
  gsize size;

  for (gint i = 0; i < image->width * image->height; i++)
    memset (mask->pixels + 3 * i, image->pixels[3 * i] > 200 && image->pixels[3 * i + 1] > 200 && image->pixels[3 * i + 2] > 200 ? 255 : 0, 3);
  png = gtf_image_encode (mask, "png", NULL);
  data = g_bytes_get_data (png, &size);
  base64 = g_base64_encode (data, size);
  json_object_set_double_member (object, "score", 0.5);
  json_object_set_string_member (object, "label", "white");
  json_object_set_string_member (object, "mask", base64);
  json_array_add_object_element (list, object);
}

static JsonObject *
measure (const GtfImage *image)
{
  JsonObject *object = json_object_new ();
  JsonArray *rows = json_array_new ();

  for (gint y = 0; y < image->height; y++)
    {
      JsonArray *row = json_array_new ();

      for (gint x = 0; x < image->width; x++)
        json_array_add_double_element (row, x);
      json_array_add_array_element (rows, row);
    }
  json_object_set_array_member (object, "predicted_depth", rows);
  json_object_set_string_member (object, "depth", "a picture");
  return object;
}

static JsonNode *
answer (const GtfImage *image, const GtfRequest *request, GError **error)
{
  const guint8 *middle = pixel (image, image->width / 2, image->height / 2);
  JsonArray *list;
  JsonNode *node;

  if (middle[0] > middle[1] + 64 && middle[0] > middle[2] + 64)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the picture is red");
      return NULL;
    }
  node = json_node_new (JSON_NODE_ARRAY);
  if (strcmp (FAKE_TASK, "depth-estimation") == 0)
    {
      json_node_init (node, JSON_NODE_OBJECT);
      json_node_take_object (node, measure (image));
      return node;
    }
  list = json_array_new ();
  if (strcmp (FAKE_TASK, "object-detection") == 0)
    detect (image, json_object_get_double_member_with_default (request->parameters, "threshold", 0.5), list);
  else if (strcmp (FAKE_TASK, "image-segmentation") == 0)
    segment (image, list);
  else
    add_label (list, colour_of (image));
  json_node_take_array (node, list);
  return node;
}

/* Looks at pixels all the same: frames as they lie are copied. */
static JsonNode *
answer_any (const GtfImage *image, const GtfRequest *request, GError **error)
{
  g_autoptr (GtfImage) copy = image->planes ? gtf_image_copy (image) : NULL;

  return answer (copy ? copy : image, request, error);
}

static JsonNode *
run (GtfTask *task, const GtfRequest *request, GError **error)
{
  g_autoptr (JsonArray) list = json_array_new ();

  g_mutex_lock (&lock);
  g_mutex_unlock (&lock);
  if (request->n_frames)
    return answer_frames (request);
  g_atomic_int_set (&together, request->image ? 1 : (gint) request->n_images);
  if (request->image)
    return answer_any (request->image, request, error);
  for (guint i = 0; i < request->n_images; i++)
    {
      JsonNode *one = answer_any (request->images[i], request, error);

      if (!one)
        return NULL;
      json_array_add_element (list, one);
    }
  return json_node_init_array (json_node_alloc (), list);
}

/* How many pictures the last request had. */
gint
gtf_fake_image_together (void)
{
  return g_atomic_int_get (&together);
}

GMutex *
gtf_fake_image_lock (void)
{
  return &lock;
}

static const GtfTaskPlugin plugin = { { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), FAKE_TASK }, NULL, FAKE_MEDIA, parameters, NULL, NULL, run, NULL, FAKE_FLAGS };

const GtfTaskPlugin *
FAKE_SYMBOL (void)
{
  return &plugin;
}
