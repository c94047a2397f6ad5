/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See vocab-files.h.
 */
#include "text/vocab-files.h"

#include <string.h>
#include "base/file.h"
#include "base/quote.h"
#include "text/unicode.h"

#define MAX_FILE ((gsize) 1 << 30)

/* ------------------------------------------------------------------ lines */

gboolean
gtf_vocab_each_line (GtfTextModel *self, const char *path, gsize max, GtfVocabLine line, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  if (!gtf_file_load (path, max, &text, &length, error))
    return FALSE;
  if (!gtf_utf8_valid (text, length))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not UTF-8", path);
      return FALSE;
    }
  const char *end = text + length, *stop;
  guint number = 0;
  for (const char *at = text; at < end; at = stop + 1)
    {
      stop = memchr (at, '\n', (gsize) (end - at));
      stop = stop ? stop : end;
      gsize n = (gsize) (stop - at);
      n -= n && at[n - 1] == '\r';
      if (!line (self, path, at, n, ++number, error))
        return FALSE;
    }
  return TRUE;
}

static gsize
without_end (const char *text, gsize length)
{
  guint size;
  while (length)
    {
      gsize before = gtf_utf8_before (text, length);
      if (!(gtf_unicode_flags (gtf_utf8_get (text + before, &size)) & GTF_U_STRIP))
        break;
      length = before;
    }
  return length;
}

static gboolean
vocab_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  return gtf_text_model_add (self, text, without_end (text, length), number - 1, error);
}

gboolean
gtf_text_model_read_lines (GtfTextModel *self, const char *path, GError **error)
{
  return gtf_vocab_each_line (self, path, MAX_FILE, vocab_line, error);
}

static gboolean
merge_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  const char *space = memchr (text, ' ', length);
  if (length == 0 || (length >= 8 && !memcmp (text, "#version", 8)))
    return TRUE;
  gsize n = space ? (gsize) (space - text) : 0;
  if (space == NULL || memchr (space + 1, ' ', length - n - 1))
    {
      g_autofree char *quoted = gtf_quote (text, (gssize) length);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected two tokens with a space between, found “%s”", path, number, quoted);
      return FALSE;
    }
  g_autoptr (GError) local = NULL;
  GtfVocabQuery pair[] = { { .token = text, .length = n }, { .token = space + 1, .length = length - n - 1 } };
  if (gtf_text_model_add_merges (self, pair, 1, &local))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: line %u: ", path, number);
  return FALSE;
}

gboolean
gtf_text_model_read_merges (GtfTextModel *self, const char *path, GError **error)
{
  return gtf_vocab_each_line (self, path, MAX_FILE, merge_line, error);
}

/* Without spaces at both ends. */
static const char *
stripped (const char *text, gsize *length)
{
  guint size;
  for (; *length && gtf_unicode_flags (gtf_utf8_get (text, &size)) & GTF_U_STRIP; *length -= size)
    text += size;
  *length = without_end (text, *length);
  return text;
}

static gboolean
counted_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  text = stripped (text, &length);
  gsize end = length;
  while (end && text[end - 1] != ' ')
    end--;
  if (end)
    return gtf_text_model_add (self, text, end - 1, (gint64) self->vocab.n_entries, error);
  g_autofree char *quoted = gtf_quote (text, (gssize) length);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected a token, a space and its count, found “%s”", path, number, quoted);
  return FALSE;
}

gboolean
gtf_text_model_read_counted (GtfTextModel *self, const char *path, GError **error)
{
  return gtf_vocab_each_line (self, path, MAX_FILE, counted_line, error);
}

static gboolean
word_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  guint size;
  gsize end = 0;
  text = stripped (text, &length);
  while (end < length && !(gtf_unicode_flags (gtf_utf8_get (text + end, &size)) & GTF_U_STRIP))
    end += size;
  if (end)
    return gtf_text_model_add (self, text, end, (gint64) self->vocab.n_entries, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected a token, found an empty line", path, number);
  return FALSE;
}

gboolean
gtf_text_model_read_words (GtfTextModel *self, const char *path, GError **error)
{
  return gtf_vocab_each_line (self, path, MAX_FILE, word_line, error);
}

static gboolean
add_code (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GtfCodes form, GError **error)
{
  const char *words[3] = { NULL };
  gsize sizes[3] = { 0 };
  guint n = 0, wanted = form == GTF_CODES_COUNTED ? 3 : 2;
  for (gsize at = 0; at < length && n <= wanted;)
    {
      gsize begin = at;
      while (at < length && text[at] != ' ' && text[at] != '\t')
        at++;
      if (at > begin && n++ < wanted)
        {
          words[n - 1] = text + begin;
          sizes[n - 1] = at - begin;
        }
      at += at < length;
    }
  if (n == 0 || (form == GTF_CODES_LOOSE && n < wanted))
    return TRUE;
  g_autoptr (GError) local = NULL;
  if (n == wanted || form == GTF_CODES_LOOSE)
    {
      if (gtf_text_model_add_code (self, words[0], sizes[0], words[1], sizes[1], &local))
        return TRUE;
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: line %u: ", path, number);
      return FALSE;
    }
  g_autofree char *quoted = gtf_quote (text, (gssize) length);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected two tokens%s with a space between, found “%s”", path, number,
               form == GTF_CODES_COUNTED ? " and a count" : "", quoted);
  return FALSE;
}

static gboolean
headed_code_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  return number == 1 || add_code (self, path, text, length, number, GTF_CODES_HEADED, error);
}

static gboolean
counted_code_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  return add_code (self, path, text, length, number, GTF_CODES_COUNTED, error);
}

static gboolean
loose_code_line (GtfTextModel *self, const char *path, const char *text, gsize length, guint number, GError **error)
{
  return add_code (self, path, text, length, number, GTF_CODES_LOOSE, error);
}

gboolean
gtf_text_model_read_codes (GtfTextModel *self, const char *path, GtfCodes form, GError **error)
{
  static const GtfVocabLine lines[] = { headed_code_line, counted_code_line, loose_code_line };
  return gtf_vocab_each_line (self, path, MAX_FILE, lines[form], error);
}

static gboolean
read_object (GtfTextModel *self, GtfJsonReader *reader, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GString) token = g_string_new (NULL);
  const char *key;
  gsize n;
  gint64 id;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (reader, &key, &n, &local))
    {
      g_string_truncate (token, 0);
      g_string_append_len (token, key, n);
      if (!gtf_json_reader_read_int (reader, 0, GTF_VOCAB_MAX_ID - 1, &id, &local) || !gtf_text_model_add (self, token->str, n, id, &local))
        break;
    }
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
read_member (GtfTextModel *self, GtfJsonReader *reader, const char *member, GError **error)
{
  g_autoptr (GError) local = NULL;
  const char *key;
  gsize n;
  gboolean found = FALSE;
  if (!gtf_json_reader_expect (reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (reader, &key, &n, &local))
    {
      gboolean wanted = n == strlen (member) && !memcmp (key, member, n);
      found |= wanted;
      if (wanted ? !read_object (self, reader, &local) : !gtf_json_reader_skip (reader, &local))
        break;
    }
  if (local)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (!found)
    gtf_json_reader_fail (reader, error, "no vocabulary of “%s”", member);
  return found;
}

gboolean
gtf_text_model_read_ids (GtfTextModel *self, const char *path, const char *member, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  g_auto (GtfJsonReader) reader;
  gtf_json_reader_init (&reader, path, NULL, 0, GTF_JSON_STRICT);
  if (!gtf_file_load (path, MAX_FILE, &text, &length, error))
    return FALSE;
  gtf_json_reader_clear (&reader);
  gtf_json_reader_init (&reader, path, text, length, GTF_JSON_STRICT);
  return (member ? read_member (self, &reader, member, error) : read_object (self, &reader, error)) && gtf_json_reader_expect (&reader, GTF_JSON_END, error);
}

/* ------------------------------------------------------------------ SentencePiece */

/* What is put into a model, one after the other. */
typedef struct { GtfTextModel *model; gboolean scored, first_wins; gsize next; } Filling;

static gboolean
add_token (Filling *f, const char *text, gsize length, double score, GError **error)
{
  if (f->first_wins && gtf_vocab_find (&f->model->vocab, text, length) >= 0)
    return TRUE;
  gsize id = f->next++;
  return f->scored ? gtf_text_model_add_scored (f->model, text, length, score, error) : gtf_text_model_add (f->model, text, length, id, error);
}

static gboolean
add_list (Filling *f, JsonArray *list, GError **error)
{
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i);
      JsonArray *scored = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
      const char *text = scored ? json_array_get_string_element (scored, 0) : json_node_get_string (node);
      if (!add_token (f, text, strlen (text), scored ? json_array_get_double_element (scored, 1) : 0, error))
        return FALSE;
    }
  return TRUE;
}

/* @first: the id of the first piece. */
static gboolean
check_new (const GtfTextModel *self, const GtfSpm *spm, gsize index, gint32 first, GError **error)
{
  const GtfSpmPiece *piece = &spm->pieces[index];
  if (gtf_vocab_find (&self->vocab, piece->text, piece->length) < first)
    return TRUE;
  g_autofree char *quoted = gtf_quote (piece->text, (gssize) piece->length);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: pieces[%" G_GSIZE_FORMAT "]: piece: “%s” is there already", spm->name, index, quoted);
  return FALSE;
}

static gboolean
is_piece (const GtfSpm *spm, const char *text)
{
  gsize n = strlen (text);
  for (gsize i = 0; i < spm->n_pieces; i++)
    if (spm->pieces[i].length == n && !memcmp (spm->pieces[i].text, text, n))
      return TRUE;
  return FALSE;
}

static gboolean
add_shifted (GtfTextModel *self, const GtfSpm *spm, JsonArray *before, GError **error)
{
  for (guint i = 0; i < json_array_get_length (before); i++)
    {
      const char *text = json_array_get_string_element (before, i);
      if (!is_piece (spm, text) && !gtf_text_model_add (self, text, strlen (text), i, error))
        return FALSE;
    }
  for (gsize i = 0; i < spm->n_pieces; i++)
    if (!check_new (self, spm, i, 1, error) || !gtf_text_model_add (self, spm->pieces[i].text, spm->pieces[i].length, i + 1, error))
      return FALSE;
  return TRUE;
}

/* Each piece is made of each two others that it consists of, in the order of the pieces, the shorter left part first. */
static gboolean
add_merges (GtfTextModel *self, GError **error)
{
  for (gsize id = 0; id < self->vocab.n_ids; id++)
    {
      gsize length;
      const char *text = gtf_vocab_token (&self->vocab, id, &length);
      for (gsize cut = text ? gtf_utf8_size (*text) : 0; text && cut < length; cut += gtf_utf8_size (text[cut]))
        {
          gint32 left = gtf_vocab_find (&self->vocab, text, cut), right = left < 0 ? -1 : gtf_vocab_find (&self->vocab, text + cut, length - cut);
          if (right >= 0 && !gtf_text_model_add_merge_ids (self, left, right, id, error))
            return FALSE;
        }
    }
  return TRUE;
}

typedef struct { float score; gint32 id, left, right; guint32 cut; } RankedMerge;

static int
compare_ranked (gconstpointer a, gconstpointer b)
{
  const RankedMerge *x = a, *y = b;
  return x->score != y->score ? (x->score < y->score ? 1 : -1) : x->id != y->id ? (x->id < y->id ? -1 : 1) : x->cut < y->cut ? -1 : x->cut > y->cut;
}

static gboolean
is_normal (const GtfSpm *spm, gint32 id)
{
  return id >= 0 && spm->pieces[id].type == GTF_SPM_NORMAL;
}

/* The same as the SentencePiece library merges: by score, and of normal pieces only. Piece and id are one. */
static gboolean
add_ranked_merges (GtfTextModel *self, const GtfSpm *spm, GError **error)
{
  g_autoptr (GArray) merges = g_array_new (FALSE, FALSE, sizeof (RankedMerge));
  for (gsize id = 0; id < spm->n_pieces; id++)
    {
      const GtfSpmPiece *piece = &spm->pieces[id];
      for (gsize cut = piece->length ? gtf_utf8_size (*piece->text) : 0; is_normal (spm, (gint32) id) && cut < piece->length; cut += gtf_utf8_size (piece->text[cut]))
        {
          RankedMerge merge = { piece->score, (gint32) id, gtf_vocab_find (&self->vocab, piece->text, cut), gtf_vocab_find (&self->vocab, piece->text + cut, piece->length - cut), cut };
          if (is_normal (spm, merge.left) && is_normal (spm, merge.right))
            g_array_append_val (merges, merge);
        }
    }
  g_array_sort (merges, compare_ranked);
  for (guint i = 0; i < merges->len; i++)
    {
      const RankedMerge *merge = &g_array_index (merges, RankedMerge, i);
      if (!gtf_text_model_add_merge_ids (self, merge->left, merge->right, merge->id, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
gtf_text_model_read_pieces (GtfTextModel *self, const GtfSpm *spm, JsonArray *before, gsize skip, JsonArray *after, GtfSpmOrder order, GError **error)
{
  Filling f = { self, !strcmp (self->klass->type, "Unigram"), order == GTF_SPM_FIRST_WINS, 0 };
  if (order == GTF_SPM_SHIFTED)
    return add_shifted (self, spm, before, error) && add_merges (self, error);
  if (!add_list (&f, before, error))
    return FALSE;
  gint32 first = (gint32) f.next;
  for (gsize i = skip; i < spm->n_pieces; i++)
    {
      const GtfSpmPiece *piece = &spm->pieces[i];
      /* The library does not find control pieces in a text; a name that no text has hides them. */
      g_autofree char *hidden = order == GTF_SPM_HIDDEN_CONTROLS && piece->type == GTF_SPM_CONTROL ? g_strdup_printf ("\x01%.*s", (int) piece->length, piece->text) : NULL;
      if (!check_new (self, spm, i, first, error) ||
          !add_token (&f, hidden ? hidden : piece->text, hidden ? piece->length + 1 : piece->length, (double) piece->score, error))
        return FALSE;
    }
  return add_list (&f, after, error) && (f.scored || (order == GTF_SPM_RANKED ? add_ranked_merges (self, spm, error) : add_merges (self, error)));
}
