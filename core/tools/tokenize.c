/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers tokenize: text to tokens and back.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/json-print.h"
#include "base/json.h"
#include "base/params.h"
#include "pipeline/reference.h"

typedef struct
{
  const char *model, *revision;
  gboolean jsonl, decode, chat, help;
  JsonObject *parameters;
  GPtrArray *arguments;
  GtfTokenizer *tokenizer;
} Tokenize;

/* Written out as it goes: a long text has more tokens than there is memory for JSON nodes. */
static void
append_ids (GString *out, const char *key, const GtfEncoding *encoding)
{
  g_string_append_printf (out, "\"%s\": [", key);
  for (gsize i = 0; i < encoding->n_ids; i++)
    g_string_append_printf (out, "%s%d", i ? ", " : "", encoding->ids[i]);
  g_string_append_c (out, ']');
}

/* Without the brace at its end. @mask: which tokens the tokenizer put there is asked for. */
static void
append_encoding (GString *out, GtfTokenizer *tokenizer, const GtfEncoding *encoding, gboolean mask)
{
  g_string_append_c (out, '{');
  append_ids (out, "ids", encoding);
  g_string_append (out, ", \"tokens\": [");
  for (gsize i = 0; i < encoding->n_ids; i++)
    {
      const char *token = gtf_tokenizer_id_to_token (tokenizer, encoding->ids[i]);

      g_string_append (out, i ? ", " : "");
      if (token)
        gtf_json_append_string (out, token);
      else
        g_string_append (out, "null");
    }
  g_string_append (out, "], \"offsets\": [");
  for (gsize i = 0; i < encoding->n_ids; i++)
    g_string_append_printf (out, "%s[%u, %u]", i ? ", " : "", encoding->begin[i], encoding->end[i]);
  g_string_append_c (out, ']');
  if (mask)
    {
      g_string_append (out, ", \"special_tokens_mask\": [");
      for (gsize i = 0; i < encoding->n_ids; i++)
        g_string_append_printf (out, "%s%d", i ? ", " : "", encoding->special_tokens_mask[i]);
      g_string_append_c (out, ']');
    }
  if (encoding->overflowing)
    {
      g_string_append (out, ", \"overflowing\": [");
      for (guint i = 0; i < encoding->overflowing->len; i++)
        {
          g_string_append (out, i ? ", " : "");
          append_encoding (out, tokenizer, encoding->overflowing->pdata[i], mask);
          g_string_append_c (out, '}');
        }
      g_string_append_c (out, ']');
    }
}

/* @labels: (nullable): the tokens of the text to be written. */
static char *
print_encoding (GtfTokenizer *tokenizer, const GtfEncoding *encoding, const GtfEncoding *labels, gboolean mask)
{
  GString *out = g_string_new (NULL);

  append_encoding (out, tokenizer, encoding, mask);
  if (labels)
    {
      g_string_append (out, ", ");
      append_ids (out, "labels", labels);
    }
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

static const char *
text_input (JsonNode *node, GError **error)
{
  g_autofree char *found = NULL;

  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_get_string (node);
  found = gtf_json_describe (node);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: expected a text or a pair of texts, found %s", found);
  return NULL;
}

static char *
print_object (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

  return gtf_json_print (node, GTF_JSON_REQUEST);
}

/* text_target and text_pair_target: texts to be written, which the target side encodes. Without text_target, nothing. */
static gboolean
encode_target (GtfTokenizer *tokenizer, JsonObject *parameters, GtfEncoding **out, GError **error)
{
  static const char *const keys[] = { "text_target", "text_pair_target" };
  const char *texts[2] = { NULL, NULL };
  GtfTokenizer *target;
  JsonNode *longest = gtf_json_find (parameters, "max_target_length");
  g_autoptr (JsonObject) own = json_object_new ();
  g_autoptr (GList) members = json_object_get_members (parameters);
  g_autofree char *with = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      JsonNode *node = gtf_json_find (parameters, keys[i]);

      if (node && !(texts[i] = gtf_param_get_string (node, "parameters", keys[i], error)))
        return FALSE;
    }
  if (texts[0] == NULL)
    return TRUE;
  for (GList *l = members; l; l = l->next)
    json_object_set_member (own, l->data, json_node_copy (json_object_get_member (parameters, l->data)));
  if (longest)
    json_object_set_member (own, "max_length", json_node_copy (longest));
  with = print_object (own);
  target = gtf_tokenizer_get_target (tokenizer, error);
  *out = target ? gtf_tokenizer_encode (target, texts[0], texts[1], with, error) : NULL;
  return *out != NULL;
}

static char *
encode (GtfTokenizer *tokenizer, JsonNode *inputs, JsonObject *parameters, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;
  const char *text, *pair = NULL;
  g_autoptr (GtfEncoding) encoding = NULL, target = NULL;
  JsonNode *asked = gtf_json_find (parameters, "return_special_tokens_mask");
  gboolean mask = FALSE;
  g_autofree char *with = print_object (parameters);

  if ((asked && !gtf_param_get_bool (asked, "parameters", "return_special_tokens_mask", &mask, error)) || !encode_target (tokenizer, parameters, &target, error))
    return NULL;
  if (target && JSON_NODE_HOLDS_NULL (inputs))
    return print_encoding (gtf_tokenizer_get_target (tokenizer, NULL), target, NULL, mask);
  if (list && json_array_get_length (list) != 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: expected a text or a pair of texts, found a list of %u", json_array_get_length (list));
      return NULL;
    }
  text = text_input (list ? json_array_get_element (list, 0) : inputs, error);
  if (text && list)
    pair = text_input (json_array_get_element (list, 1), error);
  if (text == NULL || (list && pair == NULL))
    return NULL;
  encoding = gtf_tokenizer_encode (tokenizer, text, pair, with, error);
  return encoding ? print_encoding (tokenizer, encoding, target, mask) : NULL;
}

/* Ids are checked one by one: a vocabulary has far less than 2^31 of them. */
static gint32 *
read_ids (JsonNode *inputs, gsize *n, GError **error)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL;
  g_autofree gint32 *ids = NULL;

  if (list == NULL)
    {
      g_autofree char *found = gtf_json_describe (inputs);

      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "inputs: expected a list of token ids, found %s", found);
      return NULL;
    }
  *n = json_array_get_length (list);
  ids = g_new0 (gint32, *n + 1);
  for (gsize i = 0; i < *n; i++)
    {
      gint64 id;

      if (!gtf_param_get_int (json_array_get_element (list, i), "inputs", "token id", 0, G_MAXINT32, &id, error))
        return NULL;
      ids[i] = (gint32) id;
    }
  return g_steal_pointer (&ids);
}

static char *
decode (GtfTokenizer *tokenizer, JsonNode *inputs, JsonObject *parameters, GError **error)
{
  typedef struct
  {
    gboolean skip_special_tokens, clean_up, use_source;
  } Options;
  static const GtfParam table[] = {
    GTF_PARAM_BOOL_FIELD (Options, skip_special_tokens, "skip_special_tokens"),
    GTF_PARAM_BOOL_FIELD (Options, clean_up, "clean_up_tokenization_spaces"),
    GTF_PARAM_BOOL_FIELD (Options, use_source, "use_source_tokenizer"),
    GTF_PARAMS_END
  };
  Options checked = { FALSE, FALSE, FALSE };
  g_autoptr (JsonNode) options = json_node_init_object (json_node_alloc (), parameters);
  g_autofree char *with = gtf_json_print (options, GTF_JSON_COMPACT), *text = NULL;
  g_autofree gint32 *ids = NULL;
  g_autoptr (GString) out = NULL;
  gsize n;

  if (!gtf_params_read (table, parameters, "parameters", GTF_PARAMS_CLOSED, &checked, error))
    return NULL;
  ids = read_ids (inputs, &n, error);
  text = ids ? gtf_tokenizer_decode_with (tokenizer, ids, n, with, error) : NULL;
  if (text == NULL)
    return NULL;
  out = g_string_new ("{\"text\": ");
  gtf_json_append_string (out, text);
  g_string_append_c (out, '}');
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static char *
serve (JsonNode *inputs, JsonObject *parameters, gpointer data, GError **error)
{
  Tokenize *self = data;

  return self->decode ? decode (self->tokenizer, inputs, parameters, error) : encode (self->tokenizer, inputs, parameters, error);
}

/* What is looked at: a text, or a table of tokens. */
static void
append_table (GString *out, const char *answer)
{
  g_autoptr (JsonObject) object = gtf_json_parse_object ("answer", answer, -1, GTF_JSON_MODIFIED_UTF8, NULL);
  JsonArray *ids, *tokens, *offsets;

  g_return_if_fail (object != NULL);
  if (json_object_has_member (object, "text"))
    {
      g_string_append_printf (out, "%s\n", json_object_get_string_member (object, "text"));
      return;
    }
  ids = json_object_get_array_member (object, "ids");
  tokens = json_object_get_array_member (object, "tokens");
  offsets = json_object_get_array_member (object, "offsets");
  for (guint i = 0; i < json_array_get_length (ids); i++)
    {
      JsonArray *pair = json_array_get_array_element (offsets, i);
      JsonNode *token = json_array_get_element (tokens, i);

      g_string_append_printf (out, "%8d  %5d-%-5d  %s\n", (int) json_array_get_int_element (ids, i), (int) json_array_get_int_element (pair, 0),
                              (int) json_array_get_int_element (pair, 1), JSON_NODE_HOLDS_NULL (token) ? "?" : json_node_get_string (token));
    }
}

/* Without --decode each argument is a text; with it each argument is an id. */
static JsonNode *
arguments_node (Tokenize *self, guint i, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonArray) ids = NULL;

  if (!self->decode)
    {
      text = cli_read_text (self->arguments->pdata[i], error);
      return text ? json_node_init_string (json_node_alloc (), text) : NULL;
    }
  ids = json_array_new ();
  for (guint j = 0; j < self->arguments->len; j++)
    {
      g_autoptr (JsonNode) id = gtf_json_parse ("token id", self->arguments->pdata[j], -1, GTF_JSON_PYTHON, error);

      if (id == NULL)
        return NULL;
      json_array_add_element (ids, g_steal_pointer (&id));
    }
  return json_node_init_array (json_node_alloc (), ids);
}

static int
tokenize_arguments (Tokenize *self)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  guint n = self->decode ? 1 : self->arguments->len;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (JsonNode) inputs = arguments_node (self, i, &error);
      g_autofree char *answer = inputs ? serve (inputs, self->parameters, self, &error) : NULL;

      if (answer == NULL)
        return cli_failure (error);
      if (isatty (STDOUT_FILENO))
        append_table (out, answer);
      else
        g_string_append_printf (out, "%s\n", answer);
    }
  return cli_write (NULL, out->str, out->len, &error) ? CLI_OK : cli_failure (error);
}

static int
tokenize_command (Tokenize *self, GCancellable *cancellable)
{
  g_autoptr (GtfReference) reference = NULL;
  g_autoptr (GError) error = NULL;

  if (self->model == NULL)
    return cli_usage_error ("tokenize", "--model is missing");
  if (self->chat)
    {
      error = g_error_new (GTF_ERROR, GTF_ERROR_UNSUPPORTED, "--chat: chat templates are not there yet; they come with text generation");
      return cli_failure (error);
    }
  if (!self->jsonl && self->arguments->len == 0)
    return cli_usage_error ("tokenize", "a text is missing");
  if (self->jsonl && self->arguments->len)
    return cli_usage_error ("tokenize", "--jsonl takes its inputs from standard input, but '%s' was given", (char *) self->arguments->pdata[0]);
  reference = cli_fetch (self->model, self->revision, GTF_HUB_SMALL_PARTS, cancellable, &error);
  self->tokenizer = reference ? gtf_tokenizer_load (reference->directory, cancellable, &error) : NULL;
  if (self->tokenizer == NULL)
    return cli_failure (error);
  return self->jsonl ? cli_serve_lines (serve, self, cancellable) : tokenize_arguments (self);
}

int
cli_tokenize (int argc, char **argv)
{
  g_autoptr (JsonObject) parameters = json_object_new ();
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  Tokenize self = { .parameters = parameters, .arguments = arguments };
  const CliOption options[] = {
    { "model", 'm', CLI_STRING, &self.model, "REF", "a folder, org/name[@revision] or builtin/NAME" },
    { "set", 's', CLI_SETTING, parameters, "KEY=VALUE", "an argument of the tokenizer (add_special_tokens, max_length ...)" },
    { "jsonl", 0, CLI_FLAG, &self.jsonl, NULL, "requests a line on standard input, answers a line on standard output" },
    { "decode", 'd', CLI_FLAG, &self.decode, NULL, "ids to text" },
    { "chat", 0, CLI_FLAG, &self.chat, NULL, "messages to text by the model's chat template" },
    { "revision", 0, CLI_STRING, &self.revision, "REV", "branch, tag or commit of the model" },
    { "quiet", 'q', CLI_FLAG, &cli_quiet, NULL, "no notes" },
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;
  int status;

  if (!cli_parse_options ("tokenize", argc, argv, options, arguments, &error))
    return error->domain == G_OPTION_ERROR ? cli_usage_error ("tokenize", "%s", error->message) : cli_failure (error);
  if (self.help)
    {
      printf ("Usage: gtransformers tokenize --model REF [TEXT...] [OPTION...]\n\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  status = tokenize_command (&self, cli_interrupt_init ());
  g_clear_object (&self.tokenizer);
  return status;
}
