/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tiktoken's vocabularies ("IQ== 0"), as transformers' TikTokenConverter reads them: bytes become letters of GPT-2's alphabet, the id is
 * the rank, and each token has as merges all pairs of tokens that it consists of, those with the lower ids first.
 */
#include "text/vocab-files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
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
  gsize size, room = 0;
  int fd = gtf_file_open (path, &size, NULL);
  FILE *file = fd >= 0 ? fdopen (fd, "r") : NULL;
  char *text = NULL;
  Line line;
  gboolean yes = FALSE;
  if (file && size <= MAX_FILE)
    {
      gssize length = getline (&text, &room, file);
      length -= length > 0 && text[length - 1] == '\n';
      length -= length > 0 && text[length - 1] == '\r';
      yes = length > 0 && parse_line (text, (gsize) length, &line);
    }
  free (text);
  if (file)
    fclose (file);
  else if (fd >= 0)
    close (fd);
  return yes;
}

static gboolean
tiktoken_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  Line line;
  if (length == 0)
    return TRUE;
  if (!parse_line (text, length, &line))
    {
      g_autofree char *quoted = gtf_quote (text, (gssize) MIN (length, 200));
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected a token as base64, a space and its id, found “%s”", path, number, quoted);
      return FALSE;
    }
  g_autofree char *base64 = g_strndup (line.token, line.n_token);
  gsize n;
  g_autofree guchar *bytes = g_base64_decode (base64, &n);
  g_autoptr (GString) token = g_string_sized_new (2 * n);
  for (gsize i = 0; i < n; i++)
    {
      char letter[4];
      g_string_append_len (token, letter, (gssize) gtf_utf8_put (gtf_byte_to_char (bytes[i]), letter));
    }
  return gtf_text_model_add (self, token->str, token->len, line.id, error);
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
  return gtf_vocab_each_line (self, path, MAX_FILE, tiktoken_line, error) && add_merges (self, error);
}
