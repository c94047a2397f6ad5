/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The model that a tokenizer class makes of its files: vocabularies of every kind, the pieces of a SentencePiece model
 * and what else it says, bytes, characters.
 */
#include "text/conversion-private.h"

#include <string.h>
#include "base/params.h"
#include "text/model-japanese.h"

void
gtf_conversion_read_facts (GtfConversion *c)
{
  const GtfSpm *spm = c->spm;
  const struct { const char *name, *text; gint32 id; } pieces[] =
  {
    { "bos_piece", spm->bos_piece, spm->bos_id }, { "eos_piece", spm->eos_piece, spm->eos_id }, { "unk_piece", spm->unk_piece, spm->unk_id }
  };
  JsonObject *values = c->template.values;
  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    if (pieces[i].id >= 0)
      json_object_set_string_member (values, pieces[i].name, pieces[i].text);
  json_object_set_int_member (values, "unk_id", spm->unk_id);
  json_object_set_boolean_member (values, "remove_extra_whitespaces", spm->remove_extra_whitespaces);
  json_object_set_boolean_member (values, "dummy_prefix", spm->add_dummy_prefix);
  json_object_set_boolean_member (values, "add_dummy_prefix", spm->add_dummy_prefix && gtf_pass_flag (values, "legacy", TRUE));
  json_object_set_boolean_member (values, "byte_fallback", spm->byte_fallback);
  if (spm->charsmap)
    {
      g_autofree char *base64 = g_base64_encode ((const guchar *) spm->charsmap, spm->n_charsmap);
      json_object_set_string_member (values, "charsmap", base64);
    }
  JsonArray *controls = json_array_new ();
  gboolean cut_out = json_object_has_member (c->template.row, "user_pieces"), user_defined = FALSE;
  for (gsize i = 0; i < spm->n_pieces; i++)
    {
      const GtfSpmPiece *piece = &spm->pieces[i];
      user_defined |= piece->type == GTF_SPM_USER_DEFINED;
      if (piece->type != GTF_SPM_CONTROL && (piece->type != GTF_SPM_USER_DEFINED || cut_out))
        continue;
      g_autofree char *text = g_strndup (piece->text, piece->length);
      JsonObject *token = json_object_new ();
      json_object_set_string_member (token, "content", text);
      json_object_set_boolean_member (token, "normalized", FALSE);
      json_object_set_boolean_member (token, "special", piece->type == GTF_SPM_CONTROL);
      json_array_add_object_element (controls, token);
    }
  json_object_set_array_member (values, "controls", controls);
  json_object_set_boolean_member (values, "user_defined", user_defined);
}

static gboolean
find_unknown (GtfConversion *c, JsonObject *settings, GtfTextModel *model, GError **error)
{
  const char *unknown = gtf_conversion_string (settings, "find_unk");
  gint32 id = unknown ? gtf_vocab_find (&model->vocab, unknown, strlen (unknown)) : -1;
  JsonNode *fallback = gtf_json_find (settings, "unk_id");
  model->unk_id = id >= 0 ? id : fallback ? json_node_get_int (fallback) : -1;
  if (model->unk_id >= 0 && (gsize) model->unk_id < model->n_scores)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s needs an unknown token%s%s%s, and the pieces have none", c->vocab_path, c->klass->name, unknown ? " “" : "",
               unknown ? unknown : "", unknown ? "”" : "");
  return FALSE;
}

static gboolean
read_pieces (GtfConversion *c, GtfTextModel *model, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) before = gtf_template_expand (&c->template, "before", &local);
  g_autoptr (JsonNode) after = local ? NULL : gtf_template_expand (&c->template, "after", &local);
  const char *order = gtf_conversion_string (c->template.row, "order");
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  return gtf_text_model_read_pieces (model, c->spm, before ? json_node_get_array (before) : NULL, (gsize) json_object_get_int_member_with_default (c->template.row, "skip", 0),
                                     after ? json_node_get_array (after) : NULL,
                                     !g_strcmp0 (order, "first") ? GTF_SPM_FIRST_WINS : !g_strcmp0 (order, "ranked") ? GTF_SPM_RANKED : order ? GTF_SPM_SHIFTED :
                                     json_object_has_member (c->template.row, "ids") ? GTF_SPM_HIDDEN_CONTROLS : GTF_SPM_IN_A_ROW, error);
}

/* No file at all, or one that has no tokens: what the class begins with, then the 256 bytes, each as the character of its number, where it has them (with @hexadecimal as
 * two digits). */
static gboolean
read_bytes (GtfConversion *c, GtfTextModel *model, gboolean hexadecimal, GError **error)
{
  g_autoptr (JsonNode) before = gtf_template_expand (&c->template, "before", error);
  if (before == NULL)
    return FALSE;
  gint64 first = json_array_get_length (json_node_get_array (before));
  gint64 end = first + (json_object_get_boolean_member_with_default (c->template.row, "bytes", TRUE) ? 256 : 0);
  for (gint64 i = 0; i < end; i++)
    {
      char letter[4];
      const char *text = i < first ? json_array_get_string_element (json_node_get_array (before), (guint) i) : letter;
      if (hexadecimal && i >= first)
        g_snprintf (letter, sizeof letter, "%02x", (guint) (i - first));
      gsize length = i < first || hexadecimal ? strlen (text) : i == first ? strlen (strcpy (letter, GTF_NUL)) : gtf_utf8_put ((gunichar) (i - first), letter);
      if (!gtf_text_model_add (model, text, length, i, error))
        return FALSE;
    }
  return TRUE;
}

/* No file at all: each character is a token, its code point the id. U+0000 is there in the form that JSON nodes have it in. */
static gboolean
add_code_points (GtfTextModel *model, GError **error)
{
  for (gunichar c = 0; c <= 0x10FFFF; c++)
    {
      char letter[4] = GTF_NUL;
      gsize length = c ? gtf_utf8_put (c, letter) : 2;
      if ((c < 0xD800 || c > 0xDFFF) && !gtf_text_model_add (model, letter, length, c, error))
        return FALSE;
    }
  return TRUE;
}

/* The tokens of a list of the class that are not there yet, with the next ids. */
static gboolean
add_new (GtfConversion *c, GtfTextModel *model, const char *member, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (JsonNode) node = gtf_template_expand (&c->template, member, &local);
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  JsonArray *list = node ? json_node_get_array (node) : NULL;
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      const char *token = json_array_get_string_element (list, i);
      if (gtf_vocab_find (&model->vocab, token, strlen (token)) < 0 && !gtf_text_model_add (model, token, strlen (token), (gint64) model->vocab.n_entries, error))
        return FALSE;
    }
  return TRUE;
}

/* The file with the ids of the pieces, where the class has one. */
static gboolean
read_mapped_ids (GtfConversion *c, GError **error)
{
  g_autoptr (JsonNode) file = gtf_template_expand (&c->template, "ids", error);
  const char *name = file ? json_node_get_string (file) : NULL;
  if (name == NULL)
    return TRUE;
  g_autofree char *path = g_build_filename (c->tokenizer->directory, name, NULL);
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new_mapped (c->tokenizer->model, path, gtf_conversion_string (c->template.values, "unk_token"));
  gboolean lines = g_str_has_suffix (name, ".txt");
  if (!add_new (c, model, "before_ids", error) ||
      (lines ? !gtf_text_model_read_words (model, path, error) : !gtf_text_model_read_ids (model, path, NULL, error)) || !add_new (c, model, "after_ids", error))
    return FALSE;
  return gtf_text_model_build (model, error);
}

/* Byte pairs in the form of subword-nmt: the class says which file has the codes. */
static gboolean
read_continued (GtfConversion *c, const char *codes, GError **error)
{
  gboolean ends_marked = json_object_has_member (c->template.row, "ends_marked"), counted = g_str_has_suffix (c->vocab_path, ".txt");
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new_continued (c->vocab_path, gtf_conversion_string (c->template.values, "unk_token"), ends_marked);
  g_autofree char *path = g_build_filename (c->tokenizer->directory, codes, NULL);
  if (!add_new (c, model, "before", error))
    return FALSE;
  return (counted ? gtf_text_model_read_counted (model, c->vocab_path, error) : gtf_text_model_read_ids (model, c->vocab_path, NULL, error)) &&
         gtf_text_model_read_codes (model, path, ends_marked ? GTF_CODES_LOOSE : counted ? GTF_CODES_COUNTED : GTF_CODES_HEADED, error) && gtf_text_model_build (model, error);
}

/* The members of the class's file, or another one, that its parts name. */
static gboolean
read_maps (GtfConversion *c, GError **error)
{
  JsonArray *names = json_object_get_array_member (c->template.row, "maps");
  const char *other = gtf_conversion_string (c->template.row, "maps_file");
  g_autofree char *path = other ? g_build_filename (c->tokenizer->directory, other, NULL) : g_strdup (c->vocab_path);
  g_autoptr (JsonObject) file = gtf_json_load_object (path, error);
  for (guint i = 0; file && i < json_array_get_length (names); i++)
    {
      const char *name = json_array_get_string_element (names, i);
      JsonNode *node = gtf_json_find (file, name);
      if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
        {
          g_autofree char *found = node ? gtf_json_describe (node) : g_strdup ("nothing");
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: expected an object, found %s", path, name, found);
          return FALSE;
        }
      json_object_set_member (c->template.values, name, json_node_copy (node));
    }
  return file != NULL;
}

static gboolean
read_japanese (GtfConversion *c, GError **error)
{
  if (!read_maps (c, error))
    return FALSE;
  c->tokenizer->model = gtf_text_model_read_japanese (c->vocab_path, gtf_conversion_string (c->template.values, "unk_token"),
                                                      json_object_get_object_member (c->template.values, "emoji_inv"), error);
  return c->tokenizer->model != NULL;
}

gboolean
gtf_conversion_read_model (GtfConversion *c, GError **error)
{
  const char *codes = gtf_conversion_string (c->template.row, "codes");
  if (codes)
    return read_continued (c, codes, error);
  if (json_object_has_member (c->template.row, "japanese"))
    return read_japanese (c, error);
  g_autoptr (JsonNode) node = gtf_template_expand (&c->template, "model", error);
  if (node == NULL)
    return FALSE;
  JsonObject *settings = json_node_get_object (node);
  const char *type = gtf_conversion_string (settings, "type");
  if (type == NULL)
    type = c->spm->algorithm == GTF_SPM_UNIGRAM ? "Unigram" : "BPE";
  GtfTextModel *model = c->tokenizer->model = gtf_text_model_new (type, c->vocab_path, error);
  if (model == NULL)
    return FALSE;
  gboolean unigram = !strcmp (type, "Unigram");
  model->unk_token = unigram ? NULL : g_strdup (gtf_conversion_string (settings, "unk_token"));
  model->prefix = g_strdup (gtf_conversion_string (settings, "continuing_subword_prefix"));
  model->suffix = g_strdup (gtf_conversion_string (settings, "end_of_word_suffix"));
  model->fuse_unk = gtf_pass_flag (settings, "fuse_unk", FALSE);
  model->byte_fallback = gtf_pass_flag (settings, "byte_fallback", FALSE);
  model->ignore_merges = gtf_pass_flag (settings, "ignore_merges", FALSE);
  if (c->spm)
    {
      if (!read_pieces (c, model, error) || (unigram && !find_unknown (c, settings, model, error)))
        return FALSE;
    }
  else if (*gtf_conversion_files (c->klass) == 0)
    {
      if (json_object_has_member (c->template.row, "code_points") ? !add_code_points (model, error) : !read_bytes (c, model, FALSE, error))
        return FALSE;
    }
  else if (json_object_has_member (c->template.row, "maps"))
    {
      if (!read_maps (c, error) || !read_bytes (c, model, TRUE, error))
        return FALSE;
    }
  else if (c->tiktoken)
    {
      model->ignore_merges = TRUE;
      if (!gtf_text_model_read_tiktoken (model, c->vocab_path, error))
        return FALSE;
    }
  else if (!g_str_has_suffix (c->vocab_path, ".json"))
    {
      if (!gtf_text_model_read_lines (model, c->vocab_path, error))
        return FALSE;
    }
  else
    {
      g_autofree char *merges = g_build_filename (c->tokenizer->directory, "merges.txt", NULL);
      if (!gtf_text_model_read_ids (model, c->vocab_path, gtf_conversion_string (c->template.values, "target_lang"), error) ||
          (json_object_get_boolean_member_with_default (c->template.row, "merges", TRUE) && !gtf_text_model_read_merges (model, merges, error)))
        return FALSE;
    }
  return gtf_text_model_build (model, error) && read_mapped_ids (c, error);
}
