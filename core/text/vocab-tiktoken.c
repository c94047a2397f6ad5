/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tiktoken's vocabularies ("IQ== 0"), as transformers' TikTokenConverter reads them: bytes become letters of GPT-2's alphabet, the id is
 * the rank, and each token has as merges all pairs of tokens that it consists of, those with the lower ids first.
 */
#include "text/vocab-files.h"

#include <string.h>
#include "base/file.h"
#include "base/quote.h"
#include "text/byte-level.h"
#include "text/unicode.h"

#define MAX_FILE ((gsize) 1 << 28)

typedef struct { const char *token; gsize n_token; gint64 id; } Line;

static gboolean
is_digit64 (char c)
{
  return g_ascii_isalnum (c) || c == '+' || c == '/' || c == '=';
}

/* "base64 number"; what else stands there is no such line. */
static gboolean
parse_line (const char *text, gsize length, Line *line)
{
  gsize i = 0;
  while (i < length && is_digit64 (text[i]))
    i++;
  *line = (Line) { text, i, 0 };
  if (i == 0 || i % 4 || i + 1 >= length || text[i++] != ' ')
    return FALSE;
  for (; i < length; i++)
    {
      if (!g_ascii_isdigit (text[i]) || line->id >= GTF_VOCAB_MAX_ID)
        return FALSE;
      line->id = 10 * line->id + (text[i] - '0');
    }
  return TRUE;
}

gboolean
gtf_is_tiktoken (const char *path)
{
  g_autofree char *text = NULL;
  gsize length;
  Line line;
  if (!gtf_file_load (path, MAX_FILE, &text, &length, NULL))
    return FALSE;
  const char *end = memchr (text, '\n', length);
  length = end ? (gsize) (end - text) : length;
  return parse_line (text, length - (length && text[length - 1] == '\r'), &line);
}

static gboolean
add_line (GtfTextModel *self, const Line *line, GError **error)
{
  g_autofree char *base64 = g_strndup (line->token, line->n_token);
  gsize n;
  g_autofree guchar *bytes = g_base64_decode (base64, &n);
  g_autoptr (GString) token = g_string_sized_new (2 * n);
  for (gsize i = 0; i < n; i++)
    {
      char letter[4];
      g_string_append_len (token, letter, (gssize) gtf_utf8_put (gtf_byte_to_char (bytes[i]), letter));
    }
  return gtf_text_model_add (self, token->str, token->len, line->id, error);
}

typedef struct { gint32 left, right; } Pair;

static gint
compare_pairs (gconstpointer a, gconstpointer b)
{
  const Pair *x = a, *y = b;
  return x->left != y->left ? (x->left > y->left) - (x->left < y->left) : (x->right > y->right) - (x->right < y->right);
}

static gboolean
add_merges (GtfTextModel *self, GError **error)
{
  g_autoptr (GArray) pairs = g_array_new (FALSE, FALSE, sizeof (Pair));
  for (gsize id = 0; id < self->vocab.n_ids; id++)
    {
      gsize length;
      const char *text = gtf_vocab_token (&self->vocab, (gint32) id, &length);
      g_array_set_size (pairs, 0);
      for (gsize cut = text && length ? gtf_utf8_size (*text) : 0; text && cut < length; cut += gtf_utf8_size (text[cut]))
        {
          Pair pair = { gtf_vocab_find (&self->vocab, text, cut), gtf_vocab_find (&self->vocab, text + cut, length - cut) };
          if (pair.left >= 0 && pair.right >= 0)
            g_array_append_val (pairs, pair);
        }
      g_array_sort (pairs, compare_pairs);
      for (guint i = 0; i < pairs->len; i++)
        {
          const Pair *pair = &g_array_index (pairs, Pair, i);
          if (!gtf_text_model_add_merge_ids (self, pair->left, pair->right, (gint32) id, error))
            return FALSE;
        }
    }
  return TRUE;
}

gboolean
gtf_text_model_read_tiktoken (GtfTextModel *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (!gtf_file_load (path, MAX_FILE, &text, &length, error))
    return FALSE;
  const char *end = text + length, *stop;
  guint number = 0;
  for (const char *at = text; at < end; at = stop + 1)
    {
      stop = memchr (at, '\n', (gsize) (end - at));
      stop = stop ? stop : end;
      gsize n = (gsize) (stop - at);
      Line line;
      n -= n && at[n - 1] == '\r';
      number++;
      if (n == 0)
        continue;
      if (!parse_line (at, n, &line))
        {
          g_autofree char *quoted = gtf_quote (at, (gssize) MIN (n, 200));
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected a token as base64, a space and its id, found “%s”", path, number, quoted);
          return FALSE;
        }
      if (!add_line (self, &line, error))
        return FALSE;
    }
  return add_merges (self, error);
}
