/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GPT-NeoX-Japanese: a token has several spellings (慶応 and 慶應), one line of vocab.txt each token. At each place the spellings of up to three
 * characters are tried, or any that begin with "<", and of those that are there the token with the smallest id is taken; what has no token is one of
 * two kinds of signs, or its bytes.
 */
#include "text/model-japanese.h"

#include <string.h>
#include "base/quote.h"
#include "text/unicode.h"
#include "text/vocab-files.h"

#define MAX_CHARS 256      /* of a spelling */
#define SIGN "<KIGOU>"
#define SYMBOL "<U2000U2BFF>"

typedef struct { GtfTextModel parent; GHashTable *forms; GPtrArray *decoded; guint longest; gint32 unk; JsonObject *emoji; } Japanese;

static void
clear (GtfTextModel *model)
{
  Japanese *self = (Japanese *) model;
  g_hash_table_unref (self->forms);
  g_ptr_array_unref (self->decoded);
  g_clear_pointer (&self->emoji, json_object_unref);
}

/* -1: there is none. */
static gint32
find (const Japanese *self, const char *text, gsize length)
{
  char form[4 * MAX_CHARS + 1];
  gpointer id;
  if (length >= sizeof form || memchr (text, 0, length))
    return -1;
  memcpy (form, text, length);
  form[length] = 0;
  return g_hash_table_lookup_extended (self->forms, form, NULL, &id) ? GPOINTER_TO_INT (id) : -1;
}

static gint32
find_or_unknown (const Japanese *self, const char *text)
{
  gint32 id = find (self, text, strlen (text));
  return id >= 0 ? id : self->unk;
}

static gboolean
build (GtfTextModel *model, GError **error)
{
  Japanese *self = (Japanese *) model;
  self->unk = model->unk_token ? find (self, model->unk_token, strlen (model->unk_token)) : -1;
  if (self->unk >= 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the unknown token “%s” is not in it", model->file, model->unk_token ? model->unk_token : "null");
  return FALSE;
}

/* ------------------------------------------------------------------ vocab.txt */

/* What the token is decoded as, by its first spelling. */
static const char *
decoded (const Japanese *self, const char *form, char byte[8])
{
  static const char *const signs[][2] = { { "<SP>", " " }, { "<BR>", "\n" }, { "<TAB>", "\t" }, { "<BLOCK>", "▀" }, { SIGN, "ǀ" }, { SYMBOL, "‖" } };
  guint64 value;
  if (g_str_has_prefix (form, "<|byte") && g_str_has_suffix (form, "|>"))
    {
      g_autofree char *digits = g_strndup (form + 6, strlen (form) - 8);
      if (!g_ascii_string_to_unsigned (digits, 10, 0, 255, &value, NULL))
        return form;
      byte[0] = (char) value;
      return value == 0 ? GTF_NUL : value < 128 ? byte : "\xEF\xBF\xBD";
    }
  if (g_str_has_prefix (form, "<|emoji") && g_str_has_suffix (form, "|>"))
    {
      JsonNode *node = gtf_json_find (self->emoji, form);
      return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : form;
    }
  for (guint i = 0; i < G_N_ELEMENTS (signs); i++)
    if (!strcmp (form, signs[i][0]))
      return signs[i][1];
  return form;
}

static gboolean
spellings_line (GtfTextModel *model, const char *path, const char *text, gsize length, guint number, GError **error)
{
  Japanese *self = (Japanese *) model;
  g_autofree char *line = g_strndup (text, length);
  g_auto (GStrv) forms = g_strsplit (line, ",", -1);
  char byte[8] = { 0 };
  for (guint i = 0; forms[i]; i++)
    {
      glong n = g_utf8_strlen (forms[i], -1);
      if (n > MAX_CHARS)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected at most %d characters in a token, found %ld", path, number, MAX_CHARS, n);
          return FALSE;
        }
      self->longest = MAX (self->longest, (guint) n);
      g_hash_table_insert (self->forms, g_strdup (forms[i]), GINT_TO_POINTER (number - 1));
    }
  g_ptr_array_add (self->decoded, g_strdup (decoded (self, forms[0] ? forms[0] : "", byte)));
  return gtf_text_model_add (model, text, length, number - 1, error);
}

static const char *
spell (const GtfTextModel *model, gint32 id)
{
  const GPtrArray *names = ((const Japanese *) model)->decoded;
  return id >= 0 && (guint) id < names->len ? names->pdata[id] : NULL;
}

/* ------------------------------------------------------------------ texts */

/* What has no token: a sign, or bytes. */
static void
add_unknown (const Japanese *self, const char *text, gsize at, guint size, GtfTokens *out)
{
  const guint8 *p = (const guint8 *) text + at;
  guint32 value = size == 2 ? (guint32) p[0] << 8 | p[1] : size == 3 ? (guint32) p[0] << 16 | p[1] << 8 | p[2] : 0;
  const gboolean is_sign = (value >= 0xC2A1 && value <= 0xC2BF) || (value >= 0xC780 && value <= 0xC783) || (value >= 0xCAB9 && value <= 0xCBBF) || (value >= 0xCC80 && value <= 0xCDA2);
  if (is_sign || (value >= 0xE28080 && value <= 0xE2B07F))
    {
      gtf_tokens_add (out, find_or_unknown (self, is_sign ? SIGN : SYMBOL), at, at + size);
      return;
    }
  for (guint i = 0; i < size; i++)
    {
      char name[16];
      g_snprintf (name, sizeof name, "<|byte%u|>", p[i]);
      gtf_tokens_add (out, find_or_unknown (self, name), at, at + size);
    }
}

static gboolean
tokenize (const GtfTextModel *model, const char *text, gsize length, GtfModelScratch *scratch, GtfTokens *out, GError **error)
{
  const Japanese *self = (const Japanese *) model;
  gsize next;
  for (gsize at = 0; at < length; at = next)
    {
      gsize ends[MAX_CHARS + 2] = { 0 }, end = at;
      guint n = 0, most = text[at] == '<' ? self->longest + 1 : 3;
      gint32 best = -1;
      for (; n < most && end < length; n++)
        ends[n] = end += gtf_utf8_size (text[end]);
      next = ends[0];
      for (guint chars = n; chars > 0; chars--)
        {
          gint32 id = find (self, text + at, ends[chars - 1] - at);
          const gboolean named = id >= 0 && text[at] == '<' && chars > 2;
          if (id < 0 || (best >= 0 && id >= best && !named))
            continue;
          best = id;
          next = ends[chars - 1];
          if (named)
            break;
        }
      if (best >= 0)
        gtf_tokens_add (out, best, at, next);
      else
        add_unknown (self, text, at, (guint) (next - at), out);
    }
  return TRUE;
}

GtfTextModel *
gtf_text_model_read_japanese (const char *file, const char *unk_token, JsonObject *emoji, GError **error)
{
  static const GtfTextModelClass klass = { "Japanese", sizeof (Japanese), build, tokenize, clear, NULL, spell };
  Japanese *self = g_new0 (Japanese, 1);
  g_autoptr (GtfTextModel) model = &self->parent;
  model->klass = &klass;
  model->file = g_strdup (file);
  model->unk_token = g_strdup (unk_token);
  model->unk_id = -1;
  self->forms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->decoded = g_ptr_array_new_with_free_func (g_free);
  self->emoji = json_object_ref (emoji);
  if (!gtf_vocab_each_line (model, file, G_MAXUINT32, spellings_line, error) || !gtf_text_model_build (model, error))
    return NULL;
  return g_steal_pointer (&model);
}
