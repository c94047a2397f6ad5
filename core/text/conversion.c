/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See conversion.h. The class comes from tokenizer_config.json, else from config.json, as AutoTokenizer chooses it; the model
 * out of the class's files; the other parts out of its template (tokenizer-classes.c), read as those of a tokenizer.json.
 */
#include "text/conversion-private.h"

#include <string.h>
#include "base/params.h"
#include "base/quote.h"
#include "text/whisper-languages.h"

static void
conversion_clear (GtfConversion *c)
{
  JsonObject *objects[] = { c->config, c->special_map, c->added, c->model_config, c->template.row, c->template.values };
  char *strings[] = { c->config_path, c->special_map_path, c->added_path, c->model_config_path, c->vocab_path };
  for (guint i = 0; i < G_N_ELEMENTS (objects); i++)
    g_clear_pointer (&objects[i], json_object_unref);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    g_free (strings[i]);
  gtf_spm_free (c->spm);
  g_clear_pointer (&c->kept, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfConversion, conversion_clear)

const char *
gtf_conversion_string (JsonObject *object, const char *key)
{
  JsonNode *node = object ? gtf_json_find (object, key) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* ------------------------------------------------------------------ the class */

/* The class's members; those that the target side has otherwise are put over them where that side is read. */
static void
read_row (GtfConversion *c)
{
  g_clear_pointer (&c->template.row, json_object_unref);
  c->template.row = gtf_template_row (c->klass->name);
  JsonNode *target = gtf_json_find (c->template.row, "target");
  if (target && c->tokenizer->source)
    gtf_template_put_over (c->template.row, json_node_get_object (target));
  else if (target)
    c->tokenizer->target_directory = g_strdup (c->tokenizer->directory);
}

static gboolean
has_file (const GtfConversion *c, const char *name)
{
  g_autofree char *path = g_build_filename (c->tokenizer->directory, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
choose_class (GtfConversion *c, GError **error)
{
  const char *model_type = gtf_conversion_string (c->model_config, "model_type"), *name = gtf_conversion_string (c->config, "tokenizer_class");
  const GtfTokenizerRow *generic = gtf_tokenizer_row_find ("TokenizersBackend");
  name = name ? name : gtf_conversion_string (c->model_config, "tokenizer_class");
  if (model_type && gtf_tokenizer_row_is_generic (model_type) && has_file (c, generic->files))
    {
      c->klass = generic;
      return read_row (c), TRUE;
    }
  c->klass = name && !(model_type && gtf_tokenizer_row_is_misnamed (model_type)) ? gtf_tokenizer_row_find (name) : NULL;
  if (c->klass == NULL && model_type)
    c->klass = gtf_tokenizer_row_for_model (model_type);
  if (c->klass == NULL && name)
    c->klass = gtf_tokenizer_row_find (name);
  if (c->klass == NULL)
    c->klass = generic;
  read_row (c);
  const char *needs = gtf_conversion_string (c->template.row, "needs");
  if (needs)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: no tokenizer.json, and %s works with %s, which is not here; save a tokenizer.json with transformers",
                 c->tokenizer->directory, c->klass->name, needs);
  return needs == NULL;
}

const char *
gtf_conversion_files (const GtfTokenizerRow *klass)
{
  while (klass->files == NULL)
    klass = gtf_tokenizer_row_find (klass->like);
  return klass->files;
}

/* The class's file. A SentencePiece class also takes tokenizer.model, whatever its own file is called. */
static gboolean
find_vocabulary (GtfConversion *c, GError **error)
{
  const char *side = gtf_conversion_string (c->template.row, "files"), *own = side ? side : gtf_conversion_files (c->klass);
  if (*own == 0)
    {
      c->vocab_path = g_build_filename (c->tokenizer->directory, "tokenizer_config.json", NULL);      /* what errors name */
      return TRUE;
    }
  gboolean pieces = g_str_has_suffix (own, ".model");
  const char *const names[] = { pieces ? "tokenizer.model" : own, own, pieces ? "tiktoken.model" : own };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_free (c->vocab_path);
      c->vocab_path = g_build_filename (c->tokenizer->directory, names[i], NULL);
      if (g_file_test (c->vocab_path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: no tokenizer: expected tokenizer.json, or %s as %s has it", c->tokenizer->directory, own, c->klass->name);
  return FALSE;
}

/* A .model file of tiktoken's: transformers makes the same of it for all classes. */
static void
notice_tiktoken (GtfConversion *c)
{
  c->tiktoken = g_str_has_suffix (c->vocab_path, ".model") && gtf_is_tiktoken (c->vocab_path);
  if (c->tiktoken)
    {
      c->klass = gtf_tokenizer_row_find ("TikToken");
      g_clear_pointer (&c->tokenizer->target_directory, g_free);
      read_row (c);
    }
}

/* ------------------------------------------------------------------ values for the template */

/* The setting @key: the repository's where it is of the type of the class's own. */
static gboolean
read_setting (GtfConversion *c, const char *key, JsonNode *own, GError **error)
{
  JsonNode *node = c->config ? gtf_json_find (c->config, key) : NULL;
  GType type = JSON_NODE_HOLDS_VALUE (own) ? json_node_get_value_type (own) : G_TYPE_INVALID;
  gint64 number;
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    json_object_set_member (c->template.values, key, json_node_copy (own));
  else if (type == G_TYPE_BOOLEAN)
    {
      gboolean flag;
      if (!gtf_param_get_bool (node, c->config_path, key, &flag, error))
        return FALSE;
      json_object_set_boolean_member (c->template.values, key, flag);
    }
  else if (type == G_TYPE_INT64)
    {
      if (strcmp (key, "model_max_length") && !gtf_param_get_int (node, c->config_path, key, 0, 1 << 20, &number, error))
        return FALSE;
      json_object_set_member (c->template.values, key, json_node_copy (node));
    }
  else if (type == G_TYPE_STRING && gtf_param_get_string (node, c->config_path, key, error) == NULL)
    return FALSE;
  else
    json_object_set_member (c->template.values, key, json_node_copy (node));
  return TRUE;
}

/* A language that is named as its token is, "__java__", where the class has a place for "java". That of the target side is tgt_lang's, by default
 * that of the source side, unless the class wants it said. */
static void
name_language (GtfConversion *c)
{
  JsonNode *target = c->tokenizer->source ? gtf_json_find (c->template.values, "tgt_lang") : NULL;
  if (target || (c->tokenizer->source && json_object_has_member (c->template.row, "target_said")))
    json_object_set_member (c->template.values, "src_lang", target ? json_node_copy (target) : json_node_new (JSON_NODE_NULL));
  const char *language = gtf_conversion_string (c->template.values, "src_lang");
  if (language == NULL || strlen (language) < 5 || !g_str_has_prefix (language, "__") || !g_str_has_suffix (language, "__"))
    return;
  g_autofree char *plain = g_strndup (language + 2, strlen (language) - 4);
  json_object_set_string_member (c->template.values, "src_lang", plain);
}

/* A list of two: the language of texts, and that of what is written. */
static gboolean
read_languages (GtfConversion *c, GError **error)
{
  static const char *const names[] = { "read_language", "written_language" };
  JsonNode *node = c->config ? gtf_json_find (c->config, "langs") : NULL;
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *language = list && json_array_get_length (list) == 2 ? gtf_token_content (json_array_get_element (list, i)) : NULL;
      if (language == NULL)
        {
          g_autofree char *found = node ? gtf_json_describe (node) : g_strdup ("nothing");
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: langs: expected a list of two languages, as [\"en\", \"de\"], found %s", c->config_path, found);
          return FALSE;
        }
      json_object_set_string_member (c->template.values, names[i], language);
    }
  return TRUE;
}

/* Whisper's language by code or name, in any case. */
static gboolean
read_language (GtfConversion *c, GError **error)
{
  const char *language = gtf_conversion_string (c->template.values, "language");
  g_autofree char *lower = language ? g_utf8_strdown (language, -1) : NULL;
  const char *code = lower ? gtf_whisper_language_code (lower) : NULL;
  if (code)
    json_object_set_string_member (c->template.values, "language", code);
  if (code || lower == NULL)
    return TRUE;
  g_autofree char *list = gtf_whisper_languages_list (strlen (lower) == 2), *quoted = gtf_quote (lower, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: language: expected one of %s, found “%s”", c->config_path, list, quoted);
  return FALSE;
}

static gboolean
read_settings (GtfConversion *c, GError **error)
{
  static const char *const always[] = { "add_bos_token", "add_eos_token", "padding_side" };
  JsonObject *settings = json_object_has_member (c->template.row, "settings") ? json_object_get_object_member (c->template.row, "settings") : NULL;
  c->template.values = json_object_new ();
  for (guint i = 0; i < G_N_ELEMENTS (always); i++)
    if (c->config && gtf_json_find (c->config, always[i]))
      json_object_set_member (c->template.values, always[i], json_node_copy (gtf_json_find (c->config, always[i])));
  JsonObjectIter iter;
  const char *key;
  JsonNode *own;
  if (settings)
    {
      json_object_iter_init (&iter, settings);
      while (json_object_iter_next (&iter, &key, &own))
        if (!read_setting (c, key, own, error))
          return FALSE;
    }
  if (json_object_has_member (c->template.row, "whisper_language") && !read_language (c, error))
    return FALSE;
  if (json_object_has_member (c->template.row, "two_languages") && !read_languages (c, error))
    return FALSE;
  name_language (c);
  const char *no_text = gtf_conversion_string (c->template.row, "refuse_text");
  if (no_text && gtf_pass_flag (c->template.values, no_text, FALSE))
    c->tokenizer->refused = g_strdup_printf ("%s: %s is true: %s makes other signs of a text first, which is not done here; set it to false and hand those over", c->config_path, no_text,
                                             c->klass->name);
  const char *refused = gtf_conversion_string (c->template.row, "refuse");
  if (refused && gtf_pass_flag (c->template.values, refused, FALSE))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: expected false, found true, which %s cannot do here; save a tokenizer.json, or set it to false and prepare texts before",
                   c->config_path, refused, c->klass->name);
      return FALSE;
    }
  json_object_set_boolean_member (c->template.values, "pads_left", g_strcmp0 (gtf_conversion_string (c->template.values, "padding_side"), "left") == 0);
  return TRUE;
}

/* ------------------------------------------------------------------ the other parts */

static gint32
look_up (gpointer data, const char *token)
{
  return gtf_tokenizer_token_to_id (data, token);
}

static JsonNode *
bos_eos (const GtfConversion *c, GError **error)
{
  static const char template[] =
    "{\"post_processor\": {\"type\": \"TemplateProcessing\","
    " \"single\": [{\"if\": \"bos\", \"then\": \"bos_token:0\"}, \"$A:0\", {\"if\": \"eos\", \"then\": \"eos_token:0\"}],"
    " \"pair\": [{\"if\": \"bos\", \"then\": \"bos_token:0\"}, \"$A:0\", {\"if\": \"eos\", \"then\": \"eos_token:0\"},"
    " {\"if\": \"bos\", \"then\": \"bos_token:1\"}, \"$B:1\", {\"if\": \"eos\", \"then\": \"eos_token:1\"}]}}";
  g_autoptr (JsonObject) row = gtf_json_parse_object ("bos, eos", template, -1, GTF_JSON_STRICT, error);
  GtfTemplate with = { row, c->template.values, c->template.lookup, c->template.data };
  json_object_set_boolean_member (c->template.values, "bos", gtf_pass_flag (c->template.values, "add_bos_token", FALSE));
  json_object_set_boolean_member (c->template.values, "eos", gtf_pass_flag (c->template.values, "add_eos_token", FALSE));
  return gtf_template_expand (&with, "post_processor", error);
}

static gboolean
read_post_processor (GtfConversion *c, GError **error)
{
  gboolean asked = json_object_has_member (c->template.values, "add_bos_token") || json_object_has_member (c->template.values, "add_eos_token");
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) node = gtf_template_expand (&c->template, "post_processor", &local);
  if (local == NULL && (node == NULL || (asked && json_object_get_boolean_member_with_default (c->template.row, "bos_eos", FALSE))))
    {
      g_clear_pointer (&node, json_node_unref);
      node = bos_eos (c, &local);
    }
  if (local)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: %s: ", c->vocab_path, c->klass->name);
      return FALSE;
    }
  g_autofree char *where = g_strdup_printf ("%s: post_processor of %s", c->vocab_path, c->klass->name);
  c->tokenizer->post_processor = gtf_post_processor_new (node, where, error);
  return c->tokenizer->post_processor != NULL;
}

/* The tokens themselves, where a part of the class asks for them. */
static void
name_vocabulary (GtfConversion *c)
{
  const GtfVocab *vocab = &c->tokenizer->model->vocab;
  JsonArray *list = json_array_new ();
  for (gsize i = 0; i < vocab->n_ids; i++)
    {
      const char *text = gtf_vocab_token (vocab, (gint32) i, NULL);
      if (text)
        json_array_add_string_element (list, text);
    }
  json_object_set_array_member (c->template.values, "vocabulary", list);
}

static gboolean
read_parts (GtfConversion *c, GError **error)
{
  static const char *const names[] = { "normalizer", "pre_tokenizer", "decoder" };
  JsonNode *nodes[3] = { NULL };
  g_autoptr (GError) local = NULL;
  gboolean ok = FALSE;
  if (json_object_has_member (c->template.row, "blanks"))
    name_vocabulary (c);
  for (guint i = 0; local == NULL && i < G_N_ELEMENTS (names); i++)
    nodes[i] = gtf_template_expand (&c->template, names[i], &local);
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    {
      GtfTokenizerParts parts = { .normalizer = nodes[0], .pre_tokenizer = nodes[1], .decoder = nodes[2] };
      ok = gtf_tokenizer_build_parts (c->tokenizer, &parts, c->vocab_path, error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (nodes); i++)
    g_clear_pointer (&nodes[i], json_node_unref);
  return ok;
}

/* The classes that call the library, and models without a class, have its user-defined pieces cut out of texts. */
static gboolean
read_user_pieces (GtfConversion *c, GError **error)
{
  GtfTokenizer *self = c->tokenizer;
  return !json_object_has_member (c->template.row, "user_pieces") ||
         gtf_user_pieces_read (&self->user_pieces, c->spm, &self->model->vocab, MAX (gtf_tokenizer_get_special_id (self, "unk_token"), 0), error);
}

/* The first of the repository's further special tokens, as in the reference; without any that of the class. */
static gint32
empty_id (const GtfConversion *c)
{
  JsonNode *node = c->config ? gtf_json_find (c->config, "additional_special_tokens") : NULL;
  JsonArray *more = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const char *own = more && json_array_get_length (more) ? gtf_token_content (json_array_get_element (more, 0)) : NULL;
  if (!json_object_has_member (c->template.row, "empty"))
    return -1;
  return own ? look_up (c->tokenizer, own) : gtf_tokenizer_get_special_id (c->tokenizer, "empty_token");
}

static void
read_rest (GtfConversion *c)
{
  GtfTokenizer *self = c->tokenizer;
  JsonObject *values = c->template.values;
  if (c->config)
    gtf_tokenizer_read_settings (self, c->config);
  self->clean_up |= gtf_pass_flag (values, "clean_up_tokenization_spaces", FALSE);
  if (json_object_has_member (values, "model_max_length") && !(c->config && gtf_json_find (c->config, "model_max_length")))
    self->max_length = json_object_get_int_member (values, "model_max_length");
  self->pad_left = gtf_pass_flag (values, "pads_left", FALSE);
  self->pad_type = (gint32) json_object_get_int_member_with_default (values, "pad_token_type_id", 0);
  self->language_codes = json_object_has_member (c->template.row, "language_codes");
  self->eos_once = json_object_has_member (c->template.row, "eos_once") ? look_up (self, gtf_conversion_string (values, "eos_token")) : -1;
  const char *blanks = gtf_conversion_string (c->template.row, "blanks");
  self->blanks = blanks && gtf_pass_flag (values, blanks, FALSE);
  const char *late = gtf_conversion_string (c->template.row, "late");
  self->added.late = late && gtf_pass_flag (values, late, FALSE);
  self->special_lead = json_object_has_member (c->template.row, "special_lead");
  self->special_ends = json_object_has_member (c->template.row, "special_ends");
  self->empty_id = empty_id (c);
  self->drop_first = json_object_has_member (c->template.row, "drop_first");
  self->special_gap = g_strdup (gtf_conversion_string (c->template.row, "special_gap"));
  self->target_reads = json_object_get_boolean_member_with_default (c->template.row, "target_reads", TRUE);
  const char *decodes = gtf_conversion_string (c->template.row, "target_decodes");
  self->target_decodes |= decodes && gtf_pass_flag (values, decodes, FALSE);
  /* Taking spaces off before punctuation is made for WordPiece and destroys what byte pairs keep. */
  static const char even_so[] = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
  self->python = self->added.python = json_object_has_member (c->template.row, "python");
  self->grouped = json_object_has_member (c->template.row, "grouped");
  self->clean_up_set = json_object_has_member (c->template.row, "clean_up_set");
  self->never_clean_up = !strcmp (self->model->klass->type, "BPE") && !self->python &&
                         !(c->config && gtf_pass_flag (c->config, even_so, FALSE)) && !gtf_pass_flag (values, even_so, FALSE);
}

/* What says which class it is. */
static gboolean
begin (GtfConversion *c, GtfTokenizer *self, GError **error)
{
  c->tokenizer = self;
  c->template.lookup = look_up;
  c->template.data = self;
  if (!gtf_tokenizer_load_object (self, "tokenizer_config.json", &c->config_path, &c->config, error) ||
      !gtf_tokenizer_load_object (self, "config.json", &c->model_config_path, &c->model_config, error))
    return FALSE;
  if (c->model_config == NULL && self->model_config)
    c->model_config = json_object_ref (self->model_config);
  return choose_class (c, error);
}

static JsonObject *
part_of_config (const GtfConversion *c, const char *key)
{
  JsonNode *node = c->model_config ? gtf_json_find (c->model_config, key) : NULL;
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_object_ref (json_node_get_object (node)) : NULL;
}

/* A class of two tokenizers, each in a folder of its own: this one goes on as the first, the second is its target side. */
static gboolean
read_folders (GtfConversion *c, JsonObject *sides, GError **error)
{
  GtfTokenizer *self = c->tokenizer;
  g_autofree char *parent = g_steal_pointer (&self->directory);
  const char *read = gtf_conversion_string (sides, "read"), *written = gtf_conversion_string (sides, "written");
  if (self->model_config)
    {
      self->directory = g_steal_pointer (&parent);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s inside a %s", self->directory, c->klass->name, c->klass->name);
      return FALSE;
    }
  self->directory = g_strdup_printf ("%s/%s_tokenizer", parent, read);
  self->target_directory = g_strdup_printf ("%s/%s_tokenizer", parent, written);
  self->model_config = part_of_config (c, read);
  self->target_config = part_of_config (c, written);
  self->target_decodes = TRUE;
  if (self->model_config == NULL)
    self->model_config = json_object_new ();
  return gtf_tokenizer_read_folder (self, error);
}

/* A tokenizer.json says what stands around texts to be read; around those to be written it is what the class has. */
gboolean
gtf_tokenizer_convert_target (GtfTokenizer *self, const char *path, GError **error)
{
  g_auto (GtfConversion) c = { .vocab_path = g_strdup (path) };
  if (!begin (&c, self, error) || !read_settings (&c, error))
    return FALSE;
  gtf_conversion_set_roles (&c);
  g_clear_pointer (&self->post_processor, gtf_post_processor_free);
  return read_post_processor (&c, error);
}

gboolean
gtf_tokenizer_convert (GtfTokenizer *self, GError **error)
{
  g_auto (GtfConversion) c = { .kept = g_hash_table_new (g_str_hash, g_str_equal) };
  if (!begin (&c, self, error))
    return FALSE;
  JsonNode *folders = gtf_json_find (c.template.row, "folders");
  if (folders)
    return read_folders (&c, json_node_get_object (folders), error);
  if (!find_vocabulary (&c, error))
    return FALSE;
  notice_tiktoken (&c);
  if (!read_settings (&c, error))
    return FALSE;
  c.special_map_path = c.added_path = NULL;
  gboolean has_decoder = c.config && gtf_json_find (c.config, "added_tokens_decoder");
  if (!has_decoder && (!gtf_tokenizer_load_object (self, "special_tokens_map.json", &c.special_map_path, &c.special_map, error) ||
                       !gtf_tokenizer_load_object (self, "added_tokens.json", &c.added_path, &c.added, error)))
    return FALSE;
  if ((g_str_has_suffix (c.vocab_path, ".model") && !c.tiktoken) || g_str_has_suffix (c.vocab_path, ".spm"))
    {
      if ((c.spm = gtf_spm_load (c.vocab_path, error)) == NULL)
        return FALSE;
      gtf_conversion_read_facts (&c);
      gtf_conversion_rename_pieces (&c);
    }
  gtf_conversion_set_roles (&c);
  return gtf_conversion_read_model (&c, error) && read_parts (&c, error) && gtf_conversion_add_tokens (&c, error) && read_post_processor (&c, error) &&
         read_user_pieces (&c, error) && gtf_conversion_read_features (&c, error) && (read_rest (&c), TRUE);
}
