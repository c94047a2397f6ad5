/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a transcriber is told when it is made, and what follows from it for each request to the pipeline.
 */
#include "transcriber-private.h"

#include "base/json.h"
#include "base/json-print.h"
#include "base/params.h"

static const GtfParam option_params[] = {
  GTF_PARAM_INT_FIELD (GtfTranscriberOptions, latency, "latency", 100, 600000),
  GTF_PARAM_INT_FIELD (GtfTranscriberOptions, max_lag, "max_lag", 100, 3600000),
  GTF_PARAM_BOOL_FIELD (GtfTranscriberOptions, live, "live"),
  GTF_PARAM_STRING_FIELD (GtfTranscriberOptions, language, "language"),
  GTF_PARAM_NODE_FIELD (GtfTranscriberOptions, parameters, "parameters"),
  GTF_PARAMS_END
};

gboolean
gtf_transcriber_options_read (GtfTranscriberOptions *options, const char *text, GError **error)
{
  options->object = gtf_json_parse_object ("options", text ? text : "{}", -1, 0, error);
  return options->object && gtf_params_read (option_params, options->object, "options", GTF_PARAMS_CLOSED, options, error);
}

void
gtf_transcriber_options_clear (GtfTranscriberOptions *options)
{
  g_clear_pointer (&options->language, g_free);
  g_clear_pointer (&options->object, json_object_unref);
}

/* Sets object.a.b = value unless it is there. */
static void
set_default (JsonObject *object, const char *key, JsonNode *value)
{
  if (json_object_has_member (object, key))
    json_node_unref (value);
  else
    json_object_set_member (object, key, value);
}

static JsonNode *
number (double value)
{
  return json_node_init_double (json_node_alloc (), value);
}

/* Word times; greedy; and the thresholds of the paper (Radford et al. 2022, 4.5) that keep a model from inventing words. Only those
 * that the repository's generation_config can use are given: CTC models have none. */
char *
gtf_transcriber_options_to_parameters (const GtfTranscriberOptions *options, gboolean generates, GError **error)
{
  JsonObject *own = options->parameters && JSON_NODE_HOLDS_OBJECT (options->parameters) ? json_node_get_object (options->parameters) : NULL;
  g_autoptr (JsonNode) copy = own ? json_node_init_object (json_node_alloc (), own) : NULL;
  g_autofree char *text = copy ? gtf_json_print (copy, GTF_JSON_COMPACT) : g_strdup ("{}");
  g_autoptr (JsonObject) all = gtf_json_parse_object ("parameters", text, -1, 0, error);
  g_autoptr (JsonNode) node = NULL;
  JsonObject *generate;

  if (!all)
    return NULL;
  set_default (all, "return_timestamps", json_node_init_string (json_node_alloc (), "word"));
  if (generates)
    {
      if (!json_object_has_member (all, "generate_kwargs"))
        json_object_set_object_member (all, "generate_kwargs", json_object_new ());
      generate = JSON_NODE_HOLDS_OBJECT (json_object_get_member (all, "generate_kwargs")) ? json_object_get_object_member (all, "generate_kwargs") : NULL;
      if (generate)
        {
          set_default (generate, "num_beams", json_node_init_int (json_node_alloc (), 1));
          set_default (generate, "no_speech_threshold", number (0.6));
          set_default (generate, "logprob_threshold", number (-1));
          set_default (generate, "compression_ratio_threshold", number (2.4));
          set_default (generate, "temperature", number (0));
          if (options->language && *options->language)
            set_default (generate, "language", json_node_init_string (json_node_alloc (), options->language));
        }
    }
  node = json_node_init_object (json_node_alloc (), all);
  return gtf_json_print (node, GTF_JSON_COMPACT);
}
