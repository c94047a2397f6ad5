/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Requests of a pipeline: from what a program gives to what the task is given, with its parameters checked against the task's table.
 */
#include "pipeline/pipeline-call.h"

#include <string.h>
#include "base/json.h"

void
gtf_call_free (gpointer data)
{
  GtfCall *call = data;

  g_clear_pointer (&call->inputs, json_node_unref);
  g_clear_pointer (&call->parameters, json_object_unref);
  g_clear_pointer (&call->audio, gtf_audio_free);
  g_clear_pointer (&call->own_image, gtf_image_free);
  g_clear_pointer (&call->own_frames, g_ptr_array_unref);
  g_clear_pointer (&call->frame_list, g_free);
  g_free (call);
}

static gboolean
set_parameters (GtfCall *call, GtfPipeline *self, const char *parameters, GError **error)
{
  call->pipeline = self;
  call->parameters = parameters && *parameters ? gtf_json_parse_object ("parameters", parameters, -1, GTF_JSON_PYTHON | GTF_JSON_MODIFIED_UTF8, error) : json_object_new ();
  return call->parameters && gtf_task_check_parameters (self->plugin, call->parameters, error);
}

GtfCall *
gtf_call_for_json (GtfPipeline *self, const char *inputs, const char *parameters, GError **error)
{
  GtfCall *call = g_new0 (GtfCall, 1);

  call->inputs = gtf_json_parse ("inputs", inputs, -1, GTF_JSON_PYTHON | GTF_JSON_MODIFIED_UTF8, error);
  if (call->inputs && set_parameters (call, self, parameters, error))
    return call;
  gtf_call_free (call);
  return NULL;
}

GtfCall *
gtf_call_for_file (GtfPipeline *self, const char *path, const char *parameters, GError **error)
{
  GtfCall *call = g_new0 (GtfCall, 1);

  call->inputs = json_node_init_string (json_node_alloc (), path);
  if (set_parameters (call, self, parameters, error))
    return call;
  gtf_call_free (call);
  return NULL;
}

GtfCall *
gtf_call_for_samples (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters, GError **error)
{
  GtfCall *call = g_new0 (GtfCall, 1);

  call->inputs = json_node_init_null (json_node_alloc ());
  if (sampling_rate == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "samples: the sampling rate is 0");
  else if ((call->audio = gtf_audio_new (n_samples, sampling_rate, error)) != NULL)
    {
      if (n_samples)
        memcpy (call->audio->samples, samples, n_samples * sizeof (float));
      if (set_parameters (call, self, parameters, error))
        return call;
    }
  gtf_call_free (call);
  return NULL;
}

/* Tasks that look at pixels get pictures that have them. */
static gboolean
needs_copy (GtfPipeline *self, const GtfImage *image)
{
  return image->planes && !(GTF_TASK_HAS (self->plugin, flags) && self->plugin->flags & GTF_TASK_NO_PIXELS);
}

static GtfImage *
copy_image (const GtfImage *image, GError **error)
{
  GtfImage *copy = gtf_image_copy (image);

  if (copy == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a picture of %d x %d", image->width, image->height);
  return copy;
}

static gboolean
set_image (GtfCall *call, GtfPipeline *self, const GtfImage *image, GError **error)
{
  call->image = needs_copy (self, image) ? call->own_image = copy_image (image, error) : image;
  return call->image != NULL;
}

static gboolean
set_frames (GtfCall *call, GtfPipeline *self, const GtfImage *const *frames, guint n_frames, GError **error)
{
  call->frames = call->frame_list = g_memdup2 (frames, n_frames * sizeof *frames);
  call->n_frames = n_frames;
  call->own_frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_image_free);
  for (guint i = 0; i < n_frames; i++)
    if (needs_copy (self, frames[i]))
      {
        GtfImage *copy = copy_image (frames[i], error);

        if (copy == NULL)
          return FALSE;
        g_ptr_array_add (call->own_frames, copy);
        call->frame_list[i] = copy;
      }
  return TRUE;
}

/* Frames of one video have one size. */
static gboolean
check_frames (const GtfImage *const *frames, guint n_frames, GError **error)
{
  for (guint i = 0; i < n_frames; i++)
    if (frames[i]->width < 1 || frames[i]->height < 1 || frames[i]->width != frames[0]->width || frames[i]->height != frames[0]->height)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "frame %u of the video is %d x %d, the first %d x %d: expected one size, at least 1 x 1", i, frames[i]->width,
                     frames[i]->height, frames[0]->width, frames[0]->height);
        return FALSE;
      }
  return TRUE;
}

GtfCall *
gtf_call_for_frames (GtfPipeline *self, const GtfImage *const *frames, guint n_frames, const char *parameters, GError **error)
{
  GtfCall *call = g_new0 (GtfCall, 1);

  call->inputs = json_node_init_null (json_node_alloc ());
  if (g_strcmp0 (self->plugin->media, "video") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s takes no video", self->plugin->head.name);
  else if (check_frames (frames, n_frames, error) && set_parameters (call, self, parameters, error) && set_frames (call, self, frames, n_frames, error))
    return call;
  gtf_call_free (call);
  return NULL;
}

GtfCall *
gtf_call_for_image (GtfPipeline *self, const GtfImage *image, const char *parameters, GError **error)
{
  GtfCall *call = g_new0 (GtfCall, 1);

  call->inputs = json_node_init_null (json_node_alloc ());
  if (image->width < 1 || image->height < 1)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the picture is %d x %d: expected at least 1 x 1", image->width, image->height);
  else if (g_strcmp0 (self->plugin->media, "image") != 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s takes no picture", self->plugin->head.name);
  else if (set_parameters (call, self, parameters, error) && set_image (call, self, image, error))
    return call;
  gtf_call_free (call);
  return NULL;
}
