/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"
#include "tensor/tensor.h"
#include "registry/plugin.h"

G_BEGIN_DECLS

/**
 * GtfAudio:
 *
 * Mono samples with their rate, as a task takes them. Decoding, mixing to mono and changing the rate is done by
 * preprocessors/ (gtf-audio.so), so that core links neither libsndfile nor GStreamer.
 */
typedef struct
{
  float *samples;
  gsize n_samples;
  guint sampling_rate;
} GtfAudio;

#define GTF_TYPE_AUDIO (gtf_audio_get_type ())
GTF_API GType     gtf_audio_get_type (void);
GTF_API GtfAudio *gtf_audio_copy (const GtfAudio *self);
GTF_API GtfAudio *gtf_audio_new  (gsize n_samples, guint sampling_rate, GError **error);
GTF_API void      gtf_audio_free (GtfAudio *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfAudio, gtf_audio_free)

/**
 * GtfImage:
 *
 * A picture as a task takes it: 8 bits each of red, green and blue, rows packed without padding. Decoding is done by
 * preprocessors/ (gtf-image.so), so that core links no image library. A frame of video that an element of this project hands to a task has no pixels;
 * gtf_image_copy() of it has. In files where one colour stands for transparency, pixels keep that
 * colour: models of which the image processor converts to RGB (do_convert_rgb) see white there, others the colour.
 */
typedef struct
{
  gint width, height;
  guint8 *pixels;       /* width * height * 3 */
  gboolean has_transparent;
  guint8 transparent[3];        /* if so: the colour that stands for transparency */
  /*< private >*/
  const struct _GtfPlanes *planes;      /* a frame of video as it lies (pixels is NULL); NULL: pixels */
} GtfImage;

#define GTF_TYPE_IMAGE (gtf_image_get_type ())
GTF_API GType     gtf_image_get_type (void);
GTF_API GtfImage *gtf_image_copy (const GtfImage *self);
GTF_API GtfImage *gtf_image_new  (gint width, gint height, GError **error);
GTF_API void      gtf_image_free (GtfImage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfImage, gtf_image_free)

#define GTF_TYPE_PREPROCESSOR (gtf_preprocessor_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfPreprocessor, gtf_preprocessor, GTF, PREPROCESSOR, GObject)

/*
 * gtf_preprocessor_load:
 * @directory: (type filename): the folder of a repository: preprocessor_config.json, or the nested layout of processor_config.json
 * @cancellable: (nullable): stops loading
 *
 * Returns: (transfer full): the preprocessor
 */
GTF_API GtfPreprocessor *gtf_preprocessor_load (const char *directory, GCancellable *cancellable, GError **error);
GTF_API GtfPreprocessor *gtf_preprocessor_load_video (const char *directory, GCancellable *cancellable, GError **error);
GTF_API gboolean gtf_preprocessor_save_pretrained (GtfPreprocessor *self, const char *directory, GError **error);
GTF_API const char *gtf_preprocessor_get_kind  (GtfPreprocessor *self);          /* "audio", "image" */
GTF_API guint  gtf_preprocessor_get_sampling_rate (GtfPreprocessor *self);       /* 0: not audio */
GTF_API gsize  gtf_preprocessor_get_n_samples  (GtfPreprocessor *self);          /* of a chunk (Whisper: 480000); 0: any length */
GTF_API gsize  gtf_preprocessor_get_hop_length (GtfPreprocessor *self);

/**
 * GtfSegmentation:
 * @GTF_SEGMENTATION_NONE: no masks come of it
 * @GTF_SEGMENTATION_SEMANTIC: a class for each pixel
 * @GTF_SEGMENTATION_INSTANCE: a mask for each object
 * @GTF_SEGMENTATION_PANOPTIC: an object or a region for each pixel
 * @GTF_SEGMENTATION_PAIRS: the instances are the best of all pairs of query and class, not the best class of each query
 * @GTF_SEGMENTATION_LAYERS: instances lie over each other where their masks are above 0, and count by the mean of these pixels
 * @GTF_SEGMENTATION_LOGITS: instances are weighed by what the model gives, not by its sigmoid
 * @GTF_SEGMENTATION_384: masks become 384 x 384 pixels before all else
 * @GTF_SEGMENTATION_ANTIALIAS: masks and classes are made smaller smoothly
 * @GTF_SEGMENTATION_ALL_CLASSES: the last class is one like the others, not "no object"
 * @GTF_SEGMENTATION_TASK_INPUTS: the model is told as tokens what is asked of it
 * @GTF_SEGMENTATION_UNPADS: masks become as large as what the model saw before all else; objects lose its padding, and are probabilities only in the picture's size
 * @GTF_SEGMENTATION_FIRST: instances are the best of all pairs of query and class by their sigmoids, and a pixel is that of the first whose number there is above the threshold
 *
 * What the image processor of a repository makes of a model's masks (`post_process_semantic_segmentation ()` and its like of the reference).
 */
typedef enum
{
  GTF_SEGMENTATION_NONE        = 0,
  GTF_SEGMENTATION_SEMANTIC    = 1 << 0,
  GTF_SEGMENTATION_INSTANCE    = 1 << 1,
  GTF_SEGMENTATION_PANOPTIC    = 1 << 2,
  GTF_SEGMENTATION_PAIRS       = 1 << 3,
  GTF_SEGMENTATION_LAYERS      = 1 << 4,
  GTF_SEGMENTATION_LOGITS      = 1 << 5,
  GTF_SEGMENTATION_384         = 1 << 6,
  GTF_SEGMENTATION_ANTIALIAS   = 1 << 7,
  GTF_SEGMENTATION_ALL_CLASSES = 1 << 8,
  GTF_SEGMENTATION_TASK_INPUTS = 1 << 9,
  GTF_SEGMENTATION_UNPADS      = 1 << 10,
  GTF_SEGMENTATION_FIRST       = 1 << 11
} GtfSegmentation;

GTF_API GtfSegmentation gtf_preprocessor_get_segmentation (GtfPreprocessor *self);
GTF_API gint gtf_preprocessor_get_n_best (GtfPreprocessor *self);
GTF_API gboolean gtf_preprocessor_takes_video (GtfPreprocessor *self);

/*
 * gtf_audio_load:
 * @path: (type filename): a file
 * @sampling_rate: in Hz
 * @cancellable: (nullable): stops it
 *
 * Decodes a file ("-": standard input) into mono at @sampling_rate, mixed and resampled as the reference's pipeline does.
 *
 * Returns: (transfer full): the sound
 */
GTF_API GtfAudio *gtf_audio_load     (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error);
GTF_API GtfAudio *gtf_audio_resample (const GtfAudio *audio, guint sampling_rate, GError **error);

/*
 * gtf_preprocessor_run_audio:
 * @samples: (array length=n_samples): mono
 * @n_samples: how many
 * @parameters: (nullable): a JSON object with arguments of the feature extractor's __call__ ("return_attention_mask", "padding", "truncation", "max_length" ...)
 *
 * Features of mono samples at the preprocessor's rate.
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): "input_features" [1][bins][frames] (or "input_values"), "attention_mask" ...
 */
GTF_API GHashTable *gtf_preprocessor_run_audio (GtfPreprocessor *self, const float *samples, gsize n_samples, const char *parameters, GError **error);

/*
 * gtf_image_load:
 * @path: (type filename): a file
 * @cancellable: (nullable): stops it
 *
 * Decodes a file ("-": standard input) into RGB, turned as its EXIF data says.
 *
 * Returns: (transfer full): the picture
 */
GTF_API GtfImage *gtf_image_load (const char *path, GCancellable *cancellable, GError **error);

/*
 * gtf_image_load_bytes:
 * @bytes: a file in memory
 * @name: what messages call it
 *
 * Returns: (transfer full): the picture, as [func@Image.load] gives it
 */
GTF_API GtfImage *gtf_image_load_bytes (GBytes *bytes, const char *name, GError **error);

/*
 * gtf_image_encode:
 * @format: "png" or "jpeg"
 *
 * Returns: (transfer full): the picture as a file in memory
 */
GTF_API GBytes *gtf_image_encode (const GtfImage *self, const char *format, GError **error);

GTF_API GPtrArray *gtf_video_load (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error);

/*
 * gtf_preprocessor_run_images:
 * @images: (array length=n_images): pictures
 * @n_images: how many: one batch
 * @parameters: (nullable): a JSON object with arguments of the image processor's __call__ ("size", "do_resize" ...)
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): "pixel_values" F32 [B][C][H][W], or [1][frames][C][H][W] of a video, "pixel_mask" I64 [B][H][W] ...
 */
GTF_API GHashTable *gtf_preprocessor_run_images (GtfPreprocessor *self, const GtfImage *const *images, guint n_images, const char *parameters, GError **error);

/*
 * gtf_preprocessor_run_file:
 * @path: (type filename): a file
 * @parameters: (nullable): as in [method@Preprocessor.run_audio]
 * @cancellable: (nullable): stops it
 *
 * Decodes and processes a file: what `gtransformers preprocess` does.
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): as [method@Preprocessor.run_audio] or [method@Preprocessor.run_images]
 */
GTF_API GHashTable *gtf_preprocessor_run_file  (GtfPreprocessor *self, const char *path, const char *parameters, GCancellable *cancellable, GError **error);

/**
 * GtfPreprocessorPlugin:
 *
 * What a module of preprocessors/ describes itself with (gtf-audio.so, gtf_preprocessor_audio(); gtf-image.so, gtf_preprocessor_image()).
 */
typedef struct
{
  GtfPlugin head;
  const char *const *types;       /* feature_extractor_type / image_processor_type values it serves, NULL-terminated */
  gpointer (*create) (const char *config_path, const char *config_json, GError **error);   /* the path is for messages */
  void (*destroy) (gpointer state);
  guint (*sampling_rate) (gpointer state);
  gsize (*n_samples) (gpointer state);
  gsize (*hop_length) (gpointer state);
  GHashTable *(*run_audio) (gpointer state, const float *samples, gsize n_samples, const char *parameters, GError **error);
  GtfAudio *(*load_audio) (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error);
  GtfAudio *(*resample) (const GtfAudio *audio, guint sampling_rate, GError **error);
  GtfImage *(*load_image) (const char *path, GCancellable *cancellable, GError **error);
  GHashTable *(*run_images) (gpointer state, const GtfImage *const *images, guint n_images, const char *parameters, GError **error);
  GtfSegmentation (*segmentation) (gpointer state);     /* (nullable) */
  GtfImage *(*decode_image) (const guint8 *data, gsize length, const char *name, GError **error);
  GBytes *(*encode_image) (const GtfImage *image, const char *format, GError **error);
  gint (*n_best) (gpointer state);                      /* (nullable) */
  GPtrArray *(*load_video) (const char *path, gint64 n_frames, GCancellable *cancellable, GError **error);
  gboolean (*takes_video) (gpointer state);             /* (nullable) */
} GtfPreprocessorPlugin;

G_END_DECLS
