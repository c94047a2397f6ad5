/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What some tokenizers tell a model of each token beside its id: RoCBert's shape and sound of a word. A file has a number for each
 * token; here they become a table by id.
 */
#include "text/conversion-private.h"

#include "base/params.h"

typedef struct { char *name; gint32 *by_id; gsize n; } TokenFeature;

static void
feature_free (gpointer data)
{
  TokenFeature *self = data;
  g_free (self->name);
  g_free (self->by_id);
  g_free (self);
}

/* Whatever the file does not have is as the unknown token, and so is what stands around a text. */
static gboolean
fill (const GtfConversion *c, TokenFeature *feature, JsonObject *object, const char *path, GError **error)
{
  static const char *const around[] = { "cls_token", "sep_token" };
  GtfTokenizer *tokenizer = c->tokenizer;
  const char *unknown = gtf_conversion_string (c->template.values, "unk_token");
  JsonNode *node = unknown ? gtf_json_find (object, unknown) : NULL;
  gint64 number = 0, of_unknown = 0;
  if (node == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the unknown token “%s” is missing", path, unknown ? unknown : "null");
      return FALSE;
    }
  if (!gtf_param_get_int (node, path, unknown, 0, G_MAXINT32, &of_unknown, error))
    return FALSE;
  for (gsize i = 0; i < feature->n; i++)
    feature->by_id[i] = (gint32) of_unknown;
  g_autoptr (GList) members = json_object_get_members (object);
  for (GList *l = members; l; l = l->next)
    {
      gint32 id = gtf_tokenizer_token_to_id (tokenizer, l->data);
      if (!gtf_param_get_int (json_object_get_member (object, l->data), path, l->data, 0, G_MAXINT32, &number, error))
        return FALSE;
      if (id >= 0 && (gsize) id < feature->n)
        feature->by_id[id] = (gint32) number;
    }
  for (guint i = 0; i < G_N_ELEMENTS (around); i++)
    {
      gint32 id = gtf_tokenizer_get_special_id (tokenizer, around[i]);
      if (id >= 0 && (gsize) id < feature->n)
        feature->by_id[id] = (gint32) of_unknown;
    }
  return TRUE;
}

static gboolean
read_feature (GtfConversion *c, const char *name, const char *file, GError **error)
{
  GtfTokenizer *tokenizer = c->tokenizer;
  g_autofree char *path = NULL;
  g_autoptr (JsonObject) object = NULL;
  TokenFeature *feature = g_new0 (TokenFeature, 1);
  g_ptr_array_add (tokenizer->features, feature);
  feature->name = g_strdup (name);
  feature->n = gtf_tokenizer_get_vocab_size (tokenizer);
  feature->by_id = g_try_new0 (gint32, feature->n + 1);
  if (!gtf_tokenizer_load_object (tokenizer, file, &path, &object, error))
    return FALSE;
  if (object == NULL || feature->by_id == NULL)
    {
      g_set_error (error, GTF_ERROR, object ? GTF_ERROR_NO_MEMORY : GTF_ERROR_NOT_FOUND, "%s: %s", path, object ? "no memory for it" : "expected it, as the tokenizer has it");
      return FALSE;
    }
  return fill (c, feature, object, path, error);
}

gboolean
gtf_conversion_read_features (GtfConversion *c, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *file;
  if (!json_object_has_member (c->template.row, "features"))
    return TRUE;
  c->tokenizer->features = g_ptr_array_new_with_free_func (feature_free);
  json_object_iter_init (&iter, json_object_get_object_member (c->template.row, "features"));
  while (json_object_iter_next (&iter, &name, &file))
    if (!read_feature (c, name, json_node_get_string (file), error))
      return FALSE;
  return TRUE;
}

/**
 * gtf_tokenizer_get_token_feature:
 * @self: a tokenizer
 * @index: 0, 1, ...
 * @n: (out): for how many ids
 * @by_id: (out) (array length=n) (transfer none): the number of each token, by its id
 *
 * What the tokenizer tells a model of each token beside its id, as RoCBert's does of shapes and sounds of words.
 *
 * Returns: (nullable) (transfer none): the name of the model's input; %NULL: there are fewer
 */
const char *
gtf_tokenizer_get_token_feature (GtfTokenizer *self, guint index, gsize *n, const gint32 **by_id)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && n != NULL && by_id != NULL, NULL);
  if (self->features == NULL || index >= self->features->len)
    return NULL;
  const TokenFeature *feature = g_ptr_array_index (self->features, index);
  *n = feature->n;
  *by_id = feature->by_id;
  return feature->name;
}
