/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task zero-shot-image-classification: transformers' pipeline of that name. A model of two towers compares a picture with
 * "This is a photo of LABEL." for each label; texts of one request are tokenised once and run with each picture.
 */
#include "image/boxes-private.h"
#include "text/template-private.h"

#include <string.h>

typedef struct
{
  TextModel *model;
  gboolean sigmoid;             /* SigLIP: each label by itself, texts of 64 tokens */
  gboolean masks;               /* the tokenizer hands attention_mask to the model */
} ZeroShot;

typedef struct
{
  ZeroShot *self;
  GPtrArray *labels;
  ImageTexts texts;
  GCancellable *cancellable;
} Request;

static void
zero_shot_free (ZeroShot *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ZeroShot, zero_shot_free)

static gboolean
zero_shot_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "zero-shot-image-classification", NULL };
  g_autoptr (ZeroShot) self = g_new0 (ZeroShot, 1);

  self->model = image_texts_model_new (task, "zero-shot-image-classification", heads, "two towers, one for pictures and one for texts (CLIPModel, SiglipModel)", error);
  if (self->model == NULL)
    return FALSE;
  self->sigmoid = strstr (gtf_model_get_model_type (task->model), "siglip") != NULL;
  self->masks = gtf_tokenizer_hands_attention_mask (task->tokenizer);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
zero_shot_close (GtfTask *task)
{
  g_clear_pointer ((ZeroShot **) &task->state, zero_shot_free);
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

/* Of a string each character is a label, as Python walks over it. */
static void
add_characters (GPtrArray *labels, const char *string)
{
  for (const char *at = string; *at; at = g_utf8_next_char (at))
    g_ptr_array_add (labels, g_strndup (at, (gsize) (g_utf8_next_char (at) - at)));
}

static gboolean
add_texts (Request *request, JsonObject *parameters, TextTokens *tokens, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, "hypothesis_template");
  const char *template = node ? gtf_param_get_string (node, "parameters", "hypothesis_template", error) : "This is a photo of {}.";
  const char *kwargs = request->self->sigmoid ? "{\"padding\": \"max_length\", \"max_length\": 64, \"truncation\": true}" : NULL;

  for (guint i = 0; template && i < request->labels->len; i++)
    {
      g_autofree char *text = text_template_format (template, request->labels->pdata[i], error);

      if (text == NULL
          || !text_tokens_add (tokens, gtf_tokenizer_encode (request->self->model->tokenizer, text, NULL, kwargs, error), FALSE, request->self->sigmoid, error))
        return FALSE;
    }
  return template != NULL;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static JsonNode *
classify (const GtfImage *image, const char *name, gpointer data, GError **error)
{
  const Request *request = data;
  const guint n = request->labels->len;
  const GtfTensor *logits;
  g_autofree float *scores = NULL;
  g_autofree guint *order = NULL;
  g_autoptr (JsonArray) list = json_array_new ();

  gtf_session_set_input (request->self->model->session, "input_ids", request->texts.ids);
  if (request->self->masks || !request->self->sigmoid)
    gtf_session_set_input (request->self->model->session, "attention_mask", request->texts.mask);
  if (!image_model_run_image (request->self->model, image, name, NULL, request->cancellable, error))
    return NULL;
  logits = gtf_session_get_output (request->self->model->session, "logits_per_image");
  if (logits == NULL || gtf_tensor_get_n_elements (logits) != n)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s/config.json: the model gave no logits_per_image for %u labels: expected both towers with a pooler",
                   gtf_model_get_directory (request->self->model->task->model), n);
      return NULL;
    }
  scores = g_new (float, n);
  gtf_tensor_read_f32 (logits, 0, n, scores);
  text_function_apply (request->self->sigmoid ? TEXT_FUNCTION_SIGMOID : TEXT_FUNCTION_SOFTMAX, scores, n);
  order = text_order (scores, n);
  for (guint i = 0; i < n; i++)
    {
      JsonObject *object = json_object_new ();

      json_object_set_double_member (object, "score", scores[order[i]]);
      json_object_set_string_member (object, "label", request->labels->pdata[order[i]]);
      json_array_add_object_element (list, object);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
zero_shot_run (GtfTask *task, const GtfRequest *from, GError **error)
{
  g_auto (TextTokens) tokens = { 0 };
  Request request = { .self = task->state, .cancellable = from->cancellable };
  g_autoptr (GPtrArray) labels = text_template_labels (from->parameters, add_characters, "a list of labels", error);
  JsonNode *answer = NULL;

  text_tokens_init (&tokens);
  request.labels = labels;
  if (labels != NULL && add_texts (&request, from->parameters, &tokens, error) && image_texts_init (&request.texts, &tokens, error))
    answer = image_answer_each (from, classify, &request, error);
  image_texts_clear (&request.texts);
  return answer;
}

static const GtfTaskParameter parameters[] = {
  { "candidate_labels", "list", "(required)", "the labels to choose from", 0, 0 },
  { "hypothesis_template", "string", "\"This is a photo of {}.\"", "the text that a picture is compared with; {} is where the label goes", 0, 0 },
  { "timeout", "float (s)", "null", "accepted, without effect: pictures are files", 0, 0 },
  { "tokenizer_kwargs", "object", "{}", "accepted, without effect, as in transformers", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "zero-shot-image-classification" },
  .media = "image",
  .parameters = parameters,
  .open = zero_shot_open,
  .close = zero_shot_close,
  .run = zero_shot_run,
  .flags = GTF_TASK_NO_PIXELS,
  .render = text_view_labels,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_zero_shot_image_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_zero_shot_image_classification (void)
{
  return &plugin;
}
