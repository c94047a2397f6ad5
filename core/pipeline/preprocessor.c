/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfPreprocessor: what stands between media and tensors. The repository's preprocessor_config.json (or the nested layout of
 * processor_config.json, transformers 5) names a type; the registry finds the module that serves it; the module does the work.
 */
#include "pipeline/preprocessor.h"

#include <errno.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "base/json-print.h"
#include "base/params.h"
#include "model/timm.h"
#include "registry/registry.h"

struct _GtfPreprocessor
{
  GObject parent;
  const GtfPreprocessorPlugin *plugin;
  gpointer state;
  char *directory;      /* that it was loaded from */
};

G_DEFINE_FINAL_TYPE (GtfPreprocessor, gtf_preprocessor, G_TYPE_OBJECT)

static void
gtf_preprocessor_finalize (GObject *object)
{
  GtfPreprocessor *self = GTF_PREPROCESSOR (object);

  if (self->state)
    self->plugin->destroy (self->state);
  g_free (self->directory);
  G_OBJECT_CLASS (gtf_preprocessor_parent_class)->finalize (object);
}

static void
gtf_preprocessor_class_init (GtfPreprocessorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_preprocessor_finalize;
}

static void
gtf_preprocessor_init (GtfPreprocessor *self)
{
}

/* Does the module, perhaps built before the ABI grew, have this function? */
#define PLUGIN_HAS(plugin, member) \
  ((plugin)->head.struct_size >= G_STRUCT_OFFSET (GtfPreprocessorPlugin, member) + sizeof ((plugin)->member) && (plugin)->member)

/* ---- where the configuration stands ---- */

static const char *const type_keys[] = { "feature_extractor_type", "image_processor_type", "video_processor_type" };
static const char *const nested_keys[] = { "feature_extractor", "audio_processor", "image_processor", "video_processor" };
static const char *const video_nested_keys[] = { "video_processor", "image_processor" };

/* A file that may have it, and where in it: at the top, or nested under one of the keys. */
typedef struct
{
  const char *name;
  const char *const *nested;
  guint n_nested;
} ConfigFile;

static const ConfigFile files[] = {
  { "preprocessor_config.json", nested_keys, G_N_ELEMENTS (nested_keys) },
  { "processor_config.json", nested_keys, G_N_ELEMENTS (nested_keys) },
  { "video_preprocessor_config.json", NULL, 0 },
};

/* The order of AutoVideoProcessor: what is meant for videos comes before what is meant for pictures. */
static const ConfigFile video_files[] = {
  { "processor_config.json", video_nested_keys, 1 },
  { "video_preprocessor_config.json", NULL, 0 },
  { "preprocessor_config.json", video_nested_keys, G_N_ELEMENTS (video_nested_keys) },
  { "processor_config.json", video_nested_keys, G_N_ELEMENTS (video_nested_keys) },
};

/* The type in @config, or NULL. */
static const char *
find_type (JsonObject *config)
{
  for (guint i = 0; i < G_N_ELEMENTS (type_keys); i++)
    {
      JsonNode *node = json_object_get_member (config, type_keys[i]);
      if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
        return json_node_get_string (node);
    }
  return NULL;
}

/* The object that holds the type: @config itself, or one nested in it. */
static JsonObject *
find_nested (const ConfigFile *file, JsonObject *config)
{
  if (find_type (config))
    return config;
  for (guint i = 0; i < file->n_nested; i++)
    {
      JsonNode *node = json_object_get_member (config, file->nested[i]);
      if (node && JSON_NODE_HOLDS_OBJECT (node) && find_type (json_node_get_object (node)))
        return json_node_get_object (node);
    }
  return NULL;
}

/* The same of a repository of timm, whose config.json tells it. NULL without the error: it is none. */
static JsonObject *
find_timm (const char *directory, char **file, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "config.json", NULL);
  g_autoptr (JsonObject) config = NULL;
  JsonObject *found;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  config = gtf_json_load_object (path, error);
  found = config ? gtf_timm_preprocessor (config, path, error) : NULL;
  if (found)
    *file = g_steal_pointer (&path);
  return found;
}

/* (transfer full): the configuration; @file tells where it was found */
static JsonObject *
find_config (const char *directory, gboolean video, char **file, GError **error)
{
  const ConfigFile *list = video ? video_files : files;
  gboolean seen = FALSE;
  g_autoptr (GError) local = NULL;
  JsonObject *timm;

  for (guint i = 0; i < (video ? G_N_ELEMENTS (video_files) : G_N_ELEMENTS (files)); i++)
    {
      g_autofree char *path = g_build_filename (directory, list[i].name, NULL);
      g_autoptr (JsonObject) config = NULL;
      JsonObject *found;

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        continue;
      seen = TRUE;
      config = gtf_json_load_object (path, error);
      if (!config)
        return NULL;
      found = find_nested (&list[i], config);
      if (found)
        {
          *file = g_steal_pointer (&path);
          return json_object_ref (found);
        }
    }
  timm = seen ? NULL : find_timm (directory, file, &local);
  if (timm)
    return timm;
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (seen)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: preprocessor_config.json and processor_config.json name no \"feature_extractor_type\" or \"image_processor_type\"", directory);
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: there is no preprocessor_config.json (nor processor_config.json)", directory);
  return NULL;
}

static GtfPreprocessor *
load (const char *directory, gboolean video, GCancellable *cancellable, GError **error)
{
  g_autofree char *file = NULL, *text = NULL;
  g_autoptr (JsonObject) config = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GtfPreprocessor) self = NULL;
  const GtfPreprocessorPlugin *plugin;

  g_return_val_if_fail (directory, NULL);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  config = find_config (directory, video, &file, error);
  if (!config)
    return NULL;
  plugin = (const GtfPreprocessorPlugin *) gtf_registry_find (GTF_PLUGIN_PREPROCESSOR, find_type (config), error);
  if (!plugin)
    {
      g_prefix_error (error, "%s: ", file);
      return NULL;
    }
  node = json_node_init_object (json_node_alloc (), config);
  text = gtf_json_print (node, GTF_JSON_REQUEST);      /* json-glib writes 1e-10 as 1e-10.0 */
  self = g_object_new (GTF_TYPE_PREPROCESSOR, NULL);
  self->plugin = plugin;
  self->directory = g_strdup (directory);
  self->state = plugin->create (file, text, error);
  return self->state ? g_steal_pointer (&self) : NULL;
}

/**
 * gtf_preprocessor_load:
 * @directory: (type filename): the folder of a repository
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * Reads preprocessor_config.json, the nested layout of processor_config.json, or video_preprocessor_config.json.
 *
 * Errors: %GTF_ERROR_NOT_FOUND without such a file, %GTF_ERROR_INVALID_DATA for a broken one, %GTF_ERROR_UNSUPPORTED for a type
 * that no module serves.
 *
 * Returns: (transfer full): the preprocessor
 */
GtfPreprocessor *
gtf_preprocessor_load (const char *directory, GCancellable *cancellable, GError **error)
{
  return load (directory, FALSE, cancellable, error);
}

/**
 * gtf_preprocessor_load_video:
 * @directory: (type filename): the folder of a repository
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * The same for videos: of a repository that has several, the one that is meant for videos.
 *
 * Returns: (transfer full): the preprocessor
 */
GtfPreprocessor *
gtf_preprocessor_load_video (const char *directory, GCancellable *cancellable, GError **error)
{
  return load (directory, TRUE, cancellable, error);
}

/**
 * gtf_preprocessor_save_pretrained:
 * @self: a preprocessor
 * @directory: (type filename): a folder, made where there is none
 * @error: return location
 *
 * Writes its configuration, as it is: preprocessor_config.json, processor_config.json, video_preprocessor_config.json, those that there are. Fails with
 * %GTF_ERROR_IO, or %GTF_ERROR_NOT_FOUND where the folder that it was loaded from has none any more.
 *
 * Returns: whether all is written
 */
gboolean
gtf_preprocessor_save_pretrained (GtfPreprocessor *self, const char *directory, GError **error)
{
  static const char *const names[] = { "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json" };
  gboolean found = FALSE;

  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), FALSE);
  if (g_mkdir_with_parents (directory, 0777) < 0)
    {
      gtf_file_fail (error, directory, "cannot be created", errno);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (self->directory, names[i], NULL);

      found |= g_file_test (path, G_FILE_TEST_EXISTS);
      if (!gtf_file_copy_named (self->directory, directory, names[i], error))
        return FALSE;
    }
  if (!found)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: has no %s any more", self->directory, names[0]);
  return found;
}

/**
 * gtf_preprocessor_get_kind:
 * @self: a preprocessor
 *
 * Returns: "audio" or "image": the name of its module
 */
const char *
gtf_preprocessor_get_kind (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), NULL);
  return self->plugin->head.name;
}

/**
 * gtf_preprocessor_get_sampling_rate:
 * @self: a preprocessor
 *
 * Returns: samples a second that it takes; 0: it does not take sound
 */
guint
gtf_preprocessor_get_sampling_rate (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), 0);
  return self->plugin->sampling_rate ? self->plugin->sampling_rate (self->state) : 0;
}

/**
 * gtf_preprocessor_get_n_samples:
 * @self: a preprocessor
 *
 * Returns: samples of one chunk (Whisper: 480000); 0: any length
 */
gsize
gtf_preprocessor_get_n_samples (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), 0);
  return self->plugin->n_samples ? self->plugin->n_samples (self->state) : 0;
}

/**
 * gtf_preprocessor_get_hop_length:
 * @self: a preprocessor
 *
 * Returns: samples from one frame of features to the next; 0: there are no frames
 */
gsize
gtf_preprocessor_get_hop_length (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), 0);
  return self->plugin->hop_length ? self->plugin->hop_length (self->state) : 0;
}

/**
 * gtf_preprocessor_get_segmentation:
 * @self: a preprocessor
 *
 * Returns: what its image processor makes of masks; %GTF_SEGMENTATION_NONE: nothing
 */
GtfSegmentation
gtf_preprocessor_get_segmentation (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), GTF_SEGMENTATION_NONE);
  return PLUGIN_HAS (self->plugin, segmentation) ? self->plugin->segmentation (self->state) : GTF_SEGMENTATION_NONE;
}

/**
 * gtf_preprocessor_get_n_best:
 * @self: a preprocessor
 *
 * What its image processor makes of a detector's logits and boxes (`post_process_object_detection ()` of the reference).
 *
 * Returns: 0: each query is its best class by softmax, the last one being "no object"; else classes are judged by themselves, by a sigmoid, and so many
 *   of the best pairs of query and class are kept, best first (-1: as many as there are queries)
 */
gint
gtf_preprocessor_get_n_best (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), 0);
  return PLUGIN_HAS (self->plugin, n_best) ? self->plugin->n_best (self->state) : 0;
}

/**
 * gtf_preprocessor_run_audio:
 * @self: a preprocessor of sound
 * @samples: (array length=n_samples): mono, at gtf_preprocessor_get_sampling_rate()
 * @n_samples: how many
 * @parameters: (nullable): a JSON object with arguments of the feature extractor's `__call__` ("return_attention_mask", "padding", "truncation", "max_length" ...)
 * @error: return location
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): "input_features" [1][bins][frames] (or "input_values"), "attention_mask" ...
 */
GHashTable *
gtf_preprocessor_run_audio (GtfPreprocessor *self, const float *samples, gsize n_samples, const char *parameters, GError **error)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), NULL);
  if (!self->plugin->run_audio)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "this model's preprocessor (%s) does not take sound", self->plugin->head.name);
      return NULL;
    }
  return self->plugin->run_audio (self->state, samples, n_samples, parameters, error);
}

/**
 * gtf_preprocessor_run_images:
 * @self: a preprocessor of pictures
 * @images: (array length=n_images): pictures
 * @n_images: how many: one batch
 * @parameters: (nullable): a JSON object with arguments of the image processor's `__call__` ("size", "do_resize" ...)
 * @error: return location
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): "pixel_values" [B][C][H][W], "pixel_mask" [B][H][W] where the processor gives one ...
 */
GHashTable *
gtf_preprocessor_run_images (GtfPreprocessor *self, const GtfImage *const *images, guint n_images, const char *parameters, GError **error)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), NULL);
  g_return_val_if_fail (images && n_images > 0, NULL);
  if (!PLUGIN_HAS (self->plugin, run_images))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "this model's preprocessor (%s) does not take pictures", self->plugin->head.name);
      return NULL;
    }
  return self->plugin->run_images (self->state, images, n_images, parameters, error);
}

/**
 * gtf_preprocessor_takes_video:
 * @self: a preprocessor
 *
 * Returns: whether the pictures that it is given are the frames of one video
 */
gboolean
gtf_preprocessor_takes_video (GtfPreprocessor *self)
{
  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), FALSE);
  return PLUGIN_HAS (self->plugin, takes_video) && self->plugin->takes_video (self->state);
}

/* All frames of a video, or num_frames of them. */
static GHashTable *
run_video_file (GtfPreprocessor *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_autoptr (JsonObject) object = parameters ? gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON, error) : NULL;
  JsonNode *wanted = object ? gtf_json_find (object, "num_frames") : NULL;
  g_autoptr (GPtrArray) frames = NULL;
  GHashTable *tensors;
  gint64 n = 0;

  if ((parameters && !object) || (wanted && !gtf_param_get_int (wanted, "parameters", "num_frames", 1, 1 << 16, &n, error)))
    return NULL;
  frames = gtf_video_load (path, n, cancellable, error);
  tensors = frames ? gtf_preprocessor_run_images (self, (const GtfImage *const *) frames->pdata, frames->len, parameters, error) : NULL;
  if (frames && !tensors)
    g_prefix_error (error, "%s: ", path);
  return tensors;
}

static GHashTable *
run_image_file (GtfPreprocessor *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfImage) image = gtf_image_load (path, cancellable, error);
  const GtfImage *images[1] = { image };
  GHashTable *tensors = image ? gtf_preprocessor_run_images (self, images, 1, parameters, error) : NULL;

  if (image && !tensors)
    g_prefix_error (error, "%s: ", path);
  return tensors;
}

/**
 * gtf_preprocessor_run_file:
 * @self: a preprocessor
 * @path: (type filename): a file, or a folder with the frames of a video; "-" is standard input
 * @parameters: (nullable): as in gtf_preprocessor_run_audio(); "num_frames" of a video
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * Decodes and processes a file.
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): the tensors that the model is given
 */
GHashTable *
gtf_preprocessor_run_file (GtfPreprocessor *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfAudio) audio = NULL;
  GHashTable *tensors;

  g_return_val_if_fail (GTF_IS_PREPROCESSOR (self), NULL);
  if (gtf_preprocessor_takes_video (self))
    return run_video_file (self, path, parameters, cancellable, error);
  if (PLUGIN_HAS (self->plugin, run_images))
    return run_image_file (self, path, parameters, cancellable, error);
  audio = gtf_audio_load (path, gtf_preprocessor_get_sampling_rate (self), cancellable, error);
  if (!audio)
    return NULL;
  tensors = gtf_preprocessor_run_audio (self, audio->samples, audio->n_samples, parameters, error);
  if (!tensors)
    g_prefix_error (error, "%s: ", path);
  return tensors;
}
