/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a text to tokens: added tokens are cut out of the text, the rest is normalized, cut into words, and each word made tokens by
 * the model; then truncation, post-processing, padding.
 */
#include "text/tokenizer-private.h"

#include "text/byte-level.h"

/* What a call works with. */
typedef struct
{
  GtfPieces pieces;
  GtfTokens tokens;
  GtfModelScratch scratch;
  GtfWordCache cache;
  guint32 *chars;             /* byte -> character of a text that is not ASCII */
  gsize chars_room;
} Worker;

void
gtf_tokenizer_worker_free (gpointer data)
{
  Worker *self = data;
  gtf_pieces_clear (&self->pieces);
  g_free (self->tokens.tokens);
  g_free (self->scratch.memory);
  gtf_word_cache_clear (&self->cache);
  g_free (self->chars);
  g_free (self);
}

static Worker *
worker_take (GtfTokenizer *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  if (self->idle->len)
    return g_ptr_array_steal_index (self->idle, self->idle->len - 1);
  Worker *worker = g_new0 (Worker, 1);
  gtf_pieces_init (&worker->pieces);
  return worker;
}

static void
worker_give_back (GtfTokenizer *self, Worker *worker)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  if (self->idle->len < 64 && worker->pieces.buffer->room < GTF_PIECES_KEPT)
    g_ptr_array_add (self->idle, worker);
  else
    gtf_tokenizer_worker_free (worker);
}

static gboolean
tokenize_part (GtfTokenizer *self, Worker *w, const char *word, gsize length, GError **error)
{
  guint32 hash = gtf_hash_bytes (word, length);
  gsize first = w->tokens.n;
  if (gtf_word_cache_find (&w->cache, word, length, hash, &w->tokens))
    return TRUE;
  if (!self->model->klass->tokenize (self->model, word, length, &w->scratch, &w->tokens, error))
    return FALSE;
  if (!w->tokens.no_memory && w->tokens.tokens)      /* NULL while no word had a token */
    gtf_word_cache_add (&w->cache, word, length, hash, w->tokens.tokens + first, w->tokens.n - first);
  return TRUE;
}

static gboolean
tokenize_word (GtfTokenizer *self, Worker *w, const char *word, gsize length, GError **error)
{
  const GtfTextModelClass *klass = self->model->klass;
  for (gsize at = 0, end; at < length; at = end)
    {
      gsize first = w->tokens.n;
      end = klass->part_end ? klass->part_end (self->model, word, length, at) : length;
      if (!tokenize_part (self, w, word + at, end - at, error))
        return FALSE;
      for (gsize i = first; at && i < w->tokens.n; i++)
        {
          w->tokens.tokens[i].begin += at;
          w->tokens.tokens[i].end += at;
        }
    }
  return TRUE;
}

/* Byte offsets of the original as characters; NULL where they are the same. */
static gboolean
count_chars (Worker *w, const char *text, gsize length, GError **error)
{
  gsize ascii = 0;
  while (ascii < length && (guint8) text[ascii] < 128)
    ascii++;
  if (ascii == length)
    {
      g_clear_pointer (&w->chars, g_free);
      w->chars_room = 0;
      return TRUE;
    }
  if (length + 1 > w->chars_room)
    {
      g_free (w->chars);
      w->chars = g_try_new (guint32, length + 1);
      w->chars_room = w->chars ? length + 1 : 0;
      if (w->chars == NULL)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory to tokenize %" G_GSIZE_FORMAT " bytes", length);
          return FALSE;
        }
    }
  guint32 n = 0;
  for (gsize i = 0; i < length; i++)
    {
      n += i > 0 && ((guint8) text[i] & 0xC0) != 0x80;
      w->chars[i] = n;
    }
  w->chars[length] = n + 1;
  return TRUE;
}

/* Sets a row's span, bytes of the original, as characters; what does not lie in it stays as it is, as in the reference. */
static inline void
set_span (GtfRow *row, const Worker *w, GtfSpan span)
{
  gsize length = w->pieces.original_length;
#define CHAR(i) (w->chars ? w->chars[i] : (i))
  row->begin = span.begin < length ? CHAR (span.begin) : span.begin;
  row->end = span.begin >= length ? span.end : span.end < length ? CHAR (span.end) : (span.end == length ? CHAR (length - 1) : CHAR (span.begin) + 1) + 1;
#undef CHAR
}

/* Where a token lies in the original. One of byte_fallback may count more bytes than its piece has (an end-of-word mark taken
 * apart): the reference then takes its bytes for those of the whole text. */
static GtfSpan
span_of (const Worker *w, const GtfPiece *piece, const GtfToken *t)
{
  const GtfSpan *spans = w->pieces.buffer->span + piece->begin;
  if (t->begin == t->end)
    return (GtfSpan) { piece->shift + t->begin, piece->shift + t->end };
  if (piece->begin + t->end > piece->end)
    return (GtfSpan) { t->begin, t->end };
  return (GtfSpan) { spans[t->begin].begin, spans[t->end - 1].end };
}

/* How many white characters a token begins and ends with. */
static void
count_white (const GtfTokenizer *self, const Worker *w, const GtfPiece *piece, const GtfToken *t, GtfRow *row)
{
  gsize length = 0;
  const char *text = gtf_vocab_token (&self->model->vocab, t->id, &length);
  if (t->id == self->model->unk_id && piece->begin + t->end <= piece->end)      /* Unigram's unknown token is its text */
    {
      text = w->pieces.buffer->text + piece->begin + t->begin;
      length = t->end - t->begin;
    }
  if (text && length)
    gtf_count_white (text, 0, length, &row->lead, &row->trail);
}

static void
add_rows (GtfTokenizer *self, Worker *w, const GtfPiece *piece, gint word, gint sequence, gsize first, GArray *rows)
{
  guint n = rows->len;
  if (first >= w->tokens.n)
    return;
  g_array_set_size (rows, n + (guint) (w->tokens.n - first));
  for (gsize i = first; i < w->tokens.n; i++)
    {
      const GtfToken *t = &w->tokens.tokens[i];
      GtfRow *row = &g_array_index (rows, GtfRow, n++);
      *row = (GtfRow) { .id = t->id, .word = word, .sequence = sequence, .type = sequence, .attention = 1 };
      if (self->trims)
        count_white (self, w, piece, t, row);
      set_span (row, w, span_of (w, piece, t));
    }
}

/* The rows from @first on are those of a stretch of text: a blank before the first of them and behind each. */
static void
add_blanks (GArray *rows, guint first)
{
  const guint n = rows->len - first;
  g_array_set_size (rows, first + (n ? 2 * n + 1 : 0));
  for (guint i = n; i-- > 0;)
    {
      GtfRow row = g_array_index (rows, GtfRow, first + i), blank = row;
      blank.id = 0;
      blank.begin = row.end;
      g_array_index (rows, GtfRow, first + 2 * i + 2) = blank;
      g_array_index (rows, GtfRow, first + 2 * i + 1) = row;
    }
  if (n)
    {
      GtfRow blank = g_array_index (rows, GtfRow, first + 1);
      blank.id = 0;
      blank.end = blank.begin;
      g_array_index (rows, GtfRow, first) = blank;
    }
}

/* The row of an added token. */
static void
add_added (Worker *w, const GtfPiece *piece, gint word, gint sequence, GArray *rows)
{
  GtfRow row = { .id = piece->id, .word = word, .sequence = sequence, .type = sequence, .lead = piece->lead, .trail = piece->trail, .attention = 1 };
  set_span (&row, w, piece->span);
  g_array_append_val (rows, row);
}

/* U+0000 comes as C0 80, as in the strings of our JSON nodes. NULL: there is none. */
static char *
unescape_nul (const char *text, gsize *length)
{
  *length = strlen (text);
  if (strstr (text, "\xC0\x80") == NULL)
    return NULL;
  g_autoptr (GString) plain = g_string_sized_new (*length);
  for (const char *hit; (hit = strstr (text, "\xC0\x80")); text = hit + 2)
    {
      g_string_append_len (plain, text, hit - text);
      g_string_append_c (plain, 0);
    }
  g_string_append (plain, text);
  *length = plain->len;
  return g_string_free (g_steal_pointer (&plain), FALSE);
}

static GtfSegment *
encode_text (GtfTokenizer *self, Worker *w, const char *argument, gint sequence, GError **error)
{
  gsize length;
  if (self->refused)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s", self->refused);
      return NULL;
    }
  g_autofree char *unescaped = unescape_nul (argument, &length);
  const char *text = unescaped ? unescaped : argument;
  if (!gtf_utf8_valid (text, length))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "text: not UTF-8");
      return NULL;
    }
  GtfPieces *p = &w->pieces;
  gtf_pieces_reset (p, text, length);
  if (!gtf_pieces_check (p, error) || !count_chars (w, text, length, error) || !gtf_pieces_cut (p, gtf_added_tokens_cut_plain, &self->added, error) ||
      (self->language_codes && !gtf_pieces_cut (p, gtf_text_model_cut_code, self->model, error)) ||
      (self->empty_id >= 0 && !gtf_pieces_cut (p, gtf_tokenizer_cut_empty, self, error)) || !gtf_pass_apply (self->normalizer, p, error) ||
      !gtf_pieces_cut (p, gtf_added_tokens_cut_normal, &self->added, error) || !gtf_pass_apply (self->pre_tokenizer, p, error) ||
      !gtf_user_pieces_cut (&self->user_pieces, p, error))
    return NULL;
  gtf_pieces_release_spare (p);
  GtfSegment *segment = gtf_segment_new (p->n_pieces + MIN (length / 4, 1024));
  for (gsize i = 0; i < p->n_pieces; i++)
    {
      const GtfPiece *piece = &p->pieces[i];
      const guint before = segment->rows->len;
      w->tokens.n = 0;
      if (piece->id >= 0)
        add_added (w, piece, i, sequence, segment->rows);
      else if (!tokenize_word (self, w, p->buffer->text + piece->begin, piece->end - piece->begin, error))
        return gtf_segment_free (segment), NULL;
      else
        {
          add_rows (self, w, piece, i, sequence, self->drop_first, segment->rows);
          if (self->blanks)
            add_blanks (segment->rows, before);
        }
    }
  return segment;
}

/* A place in a text, by characters and by bytes. */
typedef struct
{
  const char *text, *p;
  guint32 at;
  gboolean is_ascii;            /* both are one */
} Place;

/* Offsets are near each other, so going on from the last one costs little, whatever the length of the text. */
static guint32
bytes_at (Place *place, guint32 at)
{
  if (place->is_ascii)
    return at;
  for (; place->at < at && *place->p; place->at++)
    place->p += gtf_utf8_size (*place->p);
  for (; place->at > at; place->at--)
    while ((*--place->p & 0xC0) == 0x80)
      ;
  return place->p - place->text;
}

/* Of which text each token is stands where its first byte goes. */
static void
fill_bytes (GtfEncoding *self, Place places[2])
{
  for (gsize i = 0; i < self->n_ids; i++)
    {
      const gint sequence = (gint) self->begin_bytes[i];
      Place *place = sequence >= 0 && sequence < 2 && places[sequence].text ? &places[sequence] : NULL;

      self->begin_bytes[i] = place ? bytes_at (place, self->begin[i]) : 0;
      self->end_bytes[i] = place ? bytes_at (place, self->end[i]) : 0;
    }
  for (guint i = 0; self->overflowing && i < self->overflowing->len; i++)
    fill_bytes (g_ptr_array_index (self->overflowing, i), places);
}

/* All segments as one. Each is freed as soon as its rows are there too: those of a long text are most of what encoding it takes. */
static GtfSegment *
join (const GtfTokenizer *self, GPtrArray *segments)
{
  if (segments->len == 1)
    return g_steal_pointer (&g_ptr_array_index (segments, 0));
  gsize n_rows = 0;
  for (guint i = 0; i < segments->len; i++)
    n_rows += ((const GtfSegment *) g_ptr_array_index (segments, i))->rows->len;
  GtfSegment *all = gtf_segment_new (n_rows);
  for (guint i = 0; i < segments->len; i++)
    {
      GtfSegment *segment = g_steal_pointer (&g_ptr_array_index (segments, i));
      if (self->post_processor == NULL)
        gtf_segment_set_range (segment, i, 0, segment->rows->len);
      gtf_segment_merge (all, segment);
      gtf_segment_free (segment);
    }
  return all;
}

static GtfEncoding *
finish (GtfTokenizer *self, GPtrArray **segments, const char *const texts[2], JsonObject *parameters, GError **error)
{
  gboolean add_special = gtf_pass_flag (parameters, "add_special_tokens", TRUE), pad_left = self->pad_left;
  gint64 pad_to = 0;
  Place places[2] = { { NULL } };
  for (guint i = 0; self->eos_once >= 0 && add_special && i < (*segments)->len; i++)
    {
      GArray *rows = ((GtfSegment *) g_ptr_array_index (*segments, i))->rows;
      if (rows->len && g_array_index (rows, GtfRow, rows->len - 1).id == self->eos_once)
        g_array_set_size (rows, rows->len - 1);      /* the post-processor puts it there again */
    }
  if (!gtf_tokenizer_fit (self, *segments, parameters, add_special, &pad_to, &pad_left, error) ||
      (self->post_processor && !gtf_post_processor_run (self->post_processor, segments, add_special, error)))
    return NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free);
  GtfSegment *all = join (self, *segments);
  g_ptr_array_add (list, all);
  JsonNode *multiple = gtf_json_find (parameters, "pad_to_multiple_of");
  gint64 of = 0;
  if (multiple && !gtf_param_get_int (multiple, "parameters", "pad_to_multiple_of", 1, 1 << 20, &of, error))
    return NULL;
  if (pad_to)
    {
      gint64 length = pad_to < 0 ? (gint64) all->rows->len : pad_to;
      if (of && length % of)
        length += of - length % of;
      gtf_segment_pad (all, length, gtf_tokenizer_get_special_id (self, "pad_token"), self->pad_type, pad_left);
    }
  GtfEncoding *encoding = gtf_segment_finish (all);
  for (guint i = 0; i < 2 && texts[i]; i++)
    places[i] = (Place) { .text = texts[i], .p = texts[i], .is_ascii = gtf_utf8_is_ascii (texts[i]) };
  fill_bytes (encoding, places);
  return encoding;
}

/**
 * gtf_tokenizer_encode:
 * @self: a tokenizer
 * @text: UTF-8 (U+0000 as C0 80)
 * @pair: (nullable): the second text; an empty one is none, as in the reference
 * @parameters: (nullable): a JSON object with the arguments of PreTrainedTokenizer.__call__ (add_special_tokens, truncation,
 *   max_length, padding, stride, ...)
 * @error: return location for an error
 *
 * Threads may share a tokenizer.
 *
 * Returns: (transfer full): the tokens
 */
GtfEncoding *
gtf_tokenizer_encode (GtfTokenizer *self, const char *text, const char *pair, const char *parameters, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && text != NULL, NULL);
  g_autoptr (JsonObject) parsed = NULL;
  JsonObject *options = gtf_tokenizer_read_options (parameters, &parsed, error);
  if (options == NULL)
    return NULL;
  Worker *w = worker_take (self);
  g_autoptr (GPtrArray) segments = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free);
  const char *const texts[2] = { text, pair && (*pair || self->python) ? pair : NULL };      /* to the library an empty second text is none */
  g_autoptr (GtfEncoding) encoding = NULL;
  gboolean ok = TRUE;
  for (guint i = 0; ok && i < 2 && texts[i]; i++)
    {
      GtfSegment *segment = encode_text (self, w, texts[i], i, error);
      if ((ok = segment != NULL))
        g_ptr_array_add (segments, segment);
    }
  if (ok && w->tokens.no_memory)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory for its tokens");
      ok = w->tokens.no_memory = FALSE;
    }
  worker_give_back (self, w);
  if (ok)
    encoding = finish (self, &segments, texts, options, error);
  return g_steal_pointer (&encoding);
}

/**
 * gtf_tokenizer_encode_words:
 * @self: a tokenizer
 * @words: (array length=n_words): the words of a text
 * @n_words: how many
 * @parameters: (nullable): as in gtf_tokenizer_encode()
 * @error: return location for an error
 *
 * A text that comes cut into words (is_split_into_words): each word is made tokens as if it stood alone; word_ids say of which
 * word a token is, and offsets in characters count inside that word. Offsets in bytes are not given.
 *
 * Returns: (transfer full): the tokens
 */
GtfEncoding *
gtf_tokenizer_encode_words (GtfTokenizer *self, const char *const *words, gsize n_words, const char *parameters, GError **error)
{
  g_return_val_if_fail (GTF_IS_TOKENIZER (self) && (words != NULL || n_words == 0), NULL);
  g_autoptr (JsonObject) parsed = NULL;
  JsonObject *options = gtf_tokenizer_read_options (parameters, &parsed, error);
  if (options == NULL)
    return NULL;
  Worker *w = worker_take (self);
  g_autoptr (GPtrArray) segments = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free);
  GtfSegment *all = gtf_segment_new (n_words);
  gboolean ok = TRUE;
  g_ptr_array_add (segments, all);
  for (gsize i = 0; ok && i < n_words; i++)
    {
      GtfSegment *word = encode_text (self, w, words[i], 0, error);
      if (!(ok = word != NULL))
        break;
      for (guint j = 0; j < word->rows->len; j++)
        g_array_index (word->rows, GtfRow, j).word = i;
      g_array_append_vals (all->rows, word->rows->data, word->rows->len);
      gtf_segment_free (word);
    }
  if (ok && w->tokens.no_memory)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "text: no memory for its tokens");
      ok = w->tokens.no_memory = FALSE;
    }
  worker_give_back (self, w);
  return ok ? finish (self, &segments, (const char *const[2]) { NULL, NULL }, options, error) : NULL;
}
