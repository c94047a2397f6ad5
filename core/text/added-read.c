/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * added_tokens of a tokenizer.json without a tree of nodes, which for the thousands that some vocabularies have takes longer than all their
 * tokens. Only what is in order is read here; a file with anything else is read again as a tree, whose reader knows what to say about it.
 */
#include "text/tokenizer-private.h"

/* The flag of this name, or NULL. */
static gboolean *
flag_of (GtfAddedToken *token, const GtfJsonReader *reader)
{
  const struct { const char *key; gboolean *flag; } table[] =
  {
    { "single_word", &token->single_word }, { "lstrip", &token->lstrip }, { "rstrip", &token->rstrip }, { "normalized", &token->normalized }, { "special", &token->special }
  };
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (gtf_json_reader_string_is (reader, table[i].key))
      return table[i].flag;
  return NULL;
}

/* The value behind a key. The id is looked at and forgotten: the token's place in the vocabulary says it. */
static gboolean
read_member (GtfJsonReader *reader, GtfAddedToken *token, gboolean *has_normalized)
{
  gboolean *flag = flag_of (token, reader);
  gint64 id;
  if (flag)
    {
      GtfJsonToken value = gtf_json_reader_next (reader, NULL);
      *flag = value == GTF_JSON_TRUE;
      *has_normalized |= flag == &token->normalized;
      return value == GTF_JSON_TRUE || value == GTF_JSON_FALSE;
    }
  if (gtf_json_reader_string_is (reader, "id"))
    return gtf_json_reader_read_int (reader, 0, GTF_VOCAB_MAX_ID - 1, &id, NULL);
  if (token->content || !gtf_json_reader_string_is (reader, "content") || !gtf_json_reader_expect (reader, GTF_JSON_STRING, NULL))
    return FALSE;
  return (token->content = gtf_json_reader_dup_string (reader, NULL)) != NULL;
}

/* After the brace. */
static gboolean
read_token (GtfJsonReader *reader, GtfAddedToken *token)
{
  gboolean has_normalized = FALSE;
  g_autoptr (GError) error = NULL;
  while (gtf_json_reader_next_key (reader, NULL, NULL, &error))
    if (!read_member (reader, token, &has_normalized))
      return FALSE;
  if (!has_normalized)
    token->normalized = !token->special;
  return error == NULL && token->content;
}

GPtrArray *
gtf_added_tokens_read (GtfJsonReader *reader)
{
  g_autoptr (GPtrArray) tokens = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_added_token_free);
  GtfJsonToken next;
  if (gtf_json_reader_next (reader, NULL) != GTF_JSON_BEGIN_ARRAY)
    return NULL;
  while ((next = gtf_json_reader_next (reader, NULL)) == GTF_JSON_BEGIN_OBJECT)
    {
      GtfAddedToken *token = g_new0 (GtfAddedToken, 1);
      g_ptr_array_add (tokens, token);
      if (!read_token (reader, token))
        return NULL;
    }
  return next == GTF_JSON_END_ARRAY ? g_steal_pointer (&tokens) : NULL;
}
