/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See added-tokens.h. The trie keeps, for each first byte, a list of children and siblings: added tokens are few and begin
 * with few bytes, so that most of a text is passed over by one look at a table.
 */
#include "text/added-tokens.h"

typedef struct { guint8 byte; guint32 child, sibling; GtfAddedToken *token; } Node;

void
gtf_added_token_free (GtfAddedToken *self)
{
  if (self == NULL)
    return;
  g_free (self->content);
  g_free (self->normal);
  g_free (self);
}

void
gtf_added_tokens_init (GtfAddedTokens *self)
{
  self->tokens = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_added_token_free);
  self->by_id = g_hash_table_new (NULL, NULL);
  self->by_content = g_hash_table_new (g_str_hash, g_str_equal);
}

void
gtf_added_tokens_clear (GtfAddedTokens *self)
{
  g_clear_pointer (&self->by_id, g_hash_table_unref);
  g_clear_pointer (&self->by_content, g_hash_table_unref);
  g_clear_pointer (&self->tokens, g_ptr_array_unref);
  g_clear_pointer (&self->plain.nodes, g_array_unref);
  g_clear_pointer (&self->normal.nodes, g_array_unref);
}

void
gtf_added_tokens_add (GtfAddedTokens *self, GtfAddedToken *token)
{
  g_ptr_array_add (self->tokens, token);
  self->next_id = MAX (self->next_id, token->id + 1);
  if (!token->nameless)
    g_hash_table_insert (self->by_id, GINT_TO_POINTER (token->id), token);
  g_hash_table_insert (self->by_content, token->content, token);
}

GtfAddedToken *
gtf_added_tokens_find (const GtfAddedTokens *self, gint32 id)
{
  return g_hash_table_lookup (self->by_id, GINT_TO_POINTER (id));
}

/* The node for @byte among the siblings that start at *@link, made if it is not there. Index 0 is no node. */
static guint32
child_of (GArray *nodes, guint32 parent, guint32 first, guint8 byte)
{
  for (guint32 i = first; i; i = g_array_index (nodes, Node, i).sibling)
    if (g_array_index (nodes, Node, i).byte == byte)
      return i;
  Node node = { byte, 0, first, NULL };
  g_array_append_val (nodes, node);
  if (parent)
    g_array_index (nodes, Node, parent).child = nodes->len - 1;
  return nodes->len - 1;
}

static void
trie_add (GtfTrie *self, const char *text, GtfAddedToken *token)
{
  guint32 at = 0;
  for (const char *p = text; *p; p++)
    {
      guint8 byte = *p;
      if (at)
        at = child_of (self->nodes, at, g_array_index (self->nodes, Node, at).child, byte);
      else
        at = self->first[byte] = self->first[byte] ? self->first[byte] : child_of (self->nodes, 0, 0, byte);
    }
  if (at)
    g_array_index (self->nodes, Node, at).token = token;
}

static void
trie_reset (GtfTrie *self)
{
  g_clear_pointer (&self->nodes, g_array_unref);
  self->nodes = g_array_new (FALSE, TRUE, sizeof (Node));
  g_array_set_size (self->nodes, 1);
  memset (self->first, 0, sizeof self->first);
}

void
gtf_added_tokens_build (GtfAddedTokens *self)
{
  trie_reset (&self->plain);
  trie_reset (&self->normal);
  for (guint i = 0; i < self->tokens->len; i++)
    {
      GtfAddedToken *token = g_ptr_array_index (self->tokens, i);
      if (!token->nameless && gtf_added_tokens_find (self, token->id) != token)
        continue;
      if (token->normalized || self->late)
        trie_add (&self->normal, token->normal ? token->normal : token->content, token);
      else
        trie_add (&self->plain, token->content, token);
    }
}

static GtfAddedToken *
longest_at (const GtfTrie *self, const char *text, gsize at, gsize end, gsize *stop)
{
  GtfAddedToken *found = NULL;
  const Node *nodes = (const Node *) (gpointer) self->nodes->data;
  guint32 node = self->first[(guint8) text[at]];
  while (node)
    {
      at++;
      if (nodes[node].token)
        {
          found = nodes[node].token;
          *stop = at;
        }
      if (at == end)
        break;
      guint32 child = nodes[node].child;
      while (child && nodes[child].byte != (guint8) text[at])
        child = nodes[child].sibling;
      node = child;
    }
  return found;
}

static guint32
flags_before (const char *text, gsize begin, gsize at)
{
  guint size;
  return at == begin ? 0 : gtf_unicode_flags (gtf_utf8_get (text + gtf_utf8_before (text, at), &size));
}

static guint32
flags_after (const char *text, gsize at, gsize end)
{
  guint size;
  return at == end ? 0 : gtf_unicode_flags (gtf_utf8_get (text + at, &size));
}

static gboolean
white (const char *text, gsize at)
{
  guint size;
  gunichar c = gtf_utf8_get (text + at, &size);
  return c == 0x120 || gtf_unicode_flags (c) & GTF_U_STRIP;
}

void
gtf_count_white (const char *text, gsize begin, gsize end, guint16 *lead, guint16 *trail)
{
  gsize n = 0, i = begin;
  for (; i < end && white (text, i); i += gtf_utf8_size (text[i]))
    n++;
  *lead = MIN (n, G_MAXUINT16);
  for (n = 0, i = end; i > begin && white (text, gtf_utf8_before (text, i)); i = gtf_utf8_before (text, i))
    n++;
  *trail = MIN (n, G_MAXUINT16);
}

static gboolean
is_white (const GtfAddedTokens *self, gunichar c)
{
  return gtf_unicode_flags (c) & GTF_U_STRIP || (self->python && c >= 0x1C && c <= 0x1F);
}

static gboolean
cut (const GtfAddedTokens *self, const GtfTrie *trie, GtfPieces *pieces, const GtfPiece *piece)
{
  guint size;
  const char *text = pieces->buffer->text;
  gsize done = piece->begin, end = piece->end;
  for (gsize at = trie->nodes->len > 1 ? piece->begin : end, stop = 0; at < end;)
    {
      while (at < end && !trie->first[(guint8) text[at]])
        at++;
      GtfAddedToken *token = at < end ? longest_at (trie, text, at, end, &stop) : NULL;
      if (token == NULL)
        {
          at++;
          continue;
        }
      gsize from = at, to = stop;
      at = stop;
      if (token->single_word &&
          ((flags_before (text, piece->begin, from) & GTF_U_CRATE_WORD) || (flags_after (text, to, end) & GTF_U_CRATE_WORD)))
        continue;
      /* What an earlier token took of the white space stays with it; it may even have taken this token's beginning. */
      while (token->lstrip && from > done && is_white (self, gtf_utf8_get (text + gtf_utf8_before (text, from), &size)))
        from -= size;
      while (token->rstrip && to < end && is_white (self, gtf_utf8_get (text + to, &size)))
        to += size;
      if (from > done)
        gtf_pieces_add (pieces, done, from);
      GtfPiece *made = gtf_pieces_add_token (pieces, from, to, token->id);
      if (made)
        gtf_count_white (text, from, to, &made->lead, &made->trail);
      done = to;
    }
  if (done < end)
    gtf_pieces_add (pieces, done, end);
  return TRUE;
}

gboolean
gtf_added_tokens_cut_plain (gpointer self, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  return cut (self, &((GtfAddedTokens *) self)->plain, pieces, piece);
}

gboolean
gtf_added_tokens_cut_normal (gpointer self, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  return cut (self, &((GtfAddedTokens *) self)->normal, pieces, piece);
}
