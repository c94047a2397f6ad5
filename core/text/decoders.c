/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decoders: each takes the list of the tokens' texts and changes it; what is left is joined. Their table is at the end.
 */
#include "text/byte-level.h"
#include "text/byte-map.h"
#include "text/moses.h"
#include "text/passes.h"
#include "text/rows.h"

#define REPLACEMENT "\xEF\xBF\xBD"

typedef gboolean (*RunFunc) (const GtfDecoder *self, GPtrArray *strings, GError **error);

struct _GtfDecoder
{
  RunFunc run;
  char *text, *text2;
  gboolean flag;
  gint64 start, stop;
  GtfRegex *pattern;
  const GtfMosesLanguage *language;
  GtfByteMap *first, *second;
  GPtrArray *children;
};

static GString *
string_at (GPtrArray *strings, guint i)
{
  return g_ptr_array_index (strings, i);
}

static void
free_string (gpointer s)
{
  g_string_free (s, TRUE);
}

void
gtf_string_replace (GString *text, const char *from, const char *to)
{
  gsize n = strlen (from), m = strlen (to);
  if (n && !memmem (text->str, text->len, from, n))
    return;
  g_autoptr (GString) out = g_string_sized_new (text->len);
  const char *p = text->str, *end = text->str + text->len, *hit;
  for (; n == 0 && p < end; p += gtf_utf8_size (*p))      /* an empty text is found between all characters */
    {
      g_string_append_len (out, to, m);
      g_string_append_len (out, p, gtf_utf8_size (*p));
    }
  if (n == 0)
    g_string_append_len (out, to, m);
  for (; n && (hit = memmem (p, end - p, from, n)); p = hit + n)
    {
      g_string_append_len (out, p, hit - p);
      g_string_append_len (out, to, m);
    }
  g_string_append_len (out, p, end - p);
  g_string_truncate (text, 0);
  g_string_append_len (text, out->str, out->len);
}

/* Valid UTF-8, with @instead for each maximal part that is not, as String::from_utf8_lossy does with U+FFFD. */
static void
append_lossy (GString *out, const char *s, gsize n, const char *instead)
{
  const guint8 *p = (const guint8 *) s;
  for (gsize i = 0; i < n;)
    {
      guint8 c = p[i];
      guint want = c < 0x80 ? 1 : c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
      guint8 low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
      guint got = want ? 1 : 0;
      while (got && got < want && i + got < n && p[i + got] >= (got == 1 ? low : 0x80) && p[i + got] <= (got == 1 ? high : 0xBF))
        got++;
      if (want && got == want)
        g_string_append_len (out, s + i, want);
      else
        g_string_append (out, instead);
      i += MAX (got, 1);
    }
}

static gboolean
fuse (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  for (guint i = 0; i < strings->len; i++)
    g_string_append_len (all, string_at (strings, i)->str, string_at (strings, i)->len);
  g_ptr_array_set_size (strings, 0);
  g_ptr_array_add (strings, g_steal_pointer (&all));
  return TRUE;
}

static gboolean
byte_level (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_autoptr (GString) bytes = g_string_new (NULL);
  for (guint i = 0; i < strings->len; i++)
    {
      const GString *s = string_at (strings, i);
      gsize before = bytes->len;
      guint size;
      for (gsize at = 0; at < s->len; at += size)
        {
          gint b = gtf_char_to_byte (gtf_utf8_get (s->str + at, &size));
          if (b >= 0)
            {
              g_string_append_c (bytes, (char) b);
              continue;
            }
          /* One character that stands for no byte, and the whole token is taken as it is. */
          g_string_truncate (bytes, before);
          g_string_append_len (bytes, s->str, s->len);
          break;
        }
    }
  GString *text = g_string_sized_new (bytes->len);
  append_lossy (text, bytes->str, bytes->len, REPLACEMENT);
  g_ptr_array_set_size (strings, 0);
  g_ptr_array_add (strings, text);
  return TRUE;
}

/* Bytes that are not UTF-8 become U+FFFD each: all of them here, or (@each, as the sentencepiece library has it) those that are in no character. */
static void
flush_bytes (GPtrArray *out, GByteArray *bytes, gboolean each)
{
  const char *p = (const char *) bytes->data;
  gboolean valid = gtf_utf8_valid (p, bytes->len);
  if (bytes->len && valid)
    g_ptr_array_add (out, g_string_new_len (p, bytes->len));
  for (guint i = 0, n; !valid && i < bytes->len; i += n)
    {
      n = each ? gtf_utf8_size (p[i]) : 0;
      n = n && i + n <= bytes->len && gtf_utf8_valid (p + i, n) ? n : 0;
      g_ptr_array_add (out, n ? g_string_new_len (p + i, n) : g_string_new ("\xEF\xBF\xBD"));
      n = MAX (n, 1);
    }
  g_byte_array_set_size (bytes, 0);
}

static gboolean
byte_fallback (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_autoptr (GPtrArray) out = g_ptr_array_new ();
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  for (guint i = 0; i < strings->len; i++)
    {
      const GString *s = string_at (strings, i);
      const char *p = s->str;
      if (s->len == 6 && g_str_has_prefix (p, "<0x") && p[5] == '>' && ((g_ascii_isxdigit (p[3]) || p[3] == '+') && g_ascii_isxdigit (p[4])))
        {
          guint8 b = (p[3] == '+' ? 0 : g_ascii_xdigit_value (p[3]) << 4) | g_ascii_xdigit_value (p[4]);
          g_byte_array_append (bytes, &b, 1);
          continue;
        }
      flush_bytes (out, bytes, self->flag);
      g_ptr_array_add (out, g_string_new_len (s->str, s->len));
    }
  flush_bytes (out, bytes, self->flag);
  g_ptr_array_set_size (strings, 0);
  for (guint i = 0; i < out->len; i++)
    g_ptr_array_add (strings, g_ptr_array_index (out, i));
  return TRUE;
}

static gboolean
metaspace (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  for (guint i = 0; i < strings->len; i++)
    gtf_string_replace (string_at (strings, i), self->text, i == 0 && self->flag ? "" : " ");
  return TRUE;
}

static void
cleanup (GString *s)
{
  static const char *const pairs[][2] =
  {
    { " .", "." }, { " ?", "?" }, { " !", "!" }, { " ,", "," }, { " ' ", "'" }, { " n't", "n't" }, { " 'm", "'m" }, { " do not", " don't" },
    { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" }
  };
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    gtf_string_replace (s, pairs[i][0], pairs[i][1]);
}

static gboolean
wordpiece (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  for (guint i = 0; i < strings->len; i++)
    {
      GString *s = string_at (strings, i);
      if (i && g_str_has_prefix (s->str, self->text))
        g_string_erase (s, 0, strlen (self->text));
      else if (i)
        g_string_prepend_c (s, ' ');
      if (self->flag)
        cleanup (s);
    }
  return TRUE;
}

static gboolean
bpe (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  for (guint i = 0; i < strings->len; i++)
    gtf_string_replace (string_at (strings, i), self->text, i + 1 == strings->len ? "" : " ");
  return TRUE;
}

/* The string @i is one of those to keep, of which there are @n before it; what is not kept goes to the end. */
static void
keep (GPtrArray *strings, guint *n, guint i)
{
  gpointer kept = strings->pdata[i];
  strings->pdata[i] = strings->pdata[*n];
  strings->pdata[(*n)++] = kept;
}

static gboolean
ctc (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  guint n = 0;
  for (guint i = 0; i < strings->len; i++)
    if (n == 0 || !g_string_equal (string_at (strings, i), string_at (strings, n - 1)))
      keep (strings, &n, i);
  g_ptr_array_set_size (strings, (gint) n);
  n = 0;
  for (guint i = 0; i < strings->len; i++)
    {
      GString *s = string_at (strings, i);
      gtf_string_replace (s, self->text, "");
      if (self->flag)
        {
          cleanup (s);
          gtf_string_replace (s, self->text2, " ");
        }
      if (s->len)
        keep (strings, &n, i);
    }
  g_ptr_array_set_size (strings, (gint) n);
  return TRUE;
}

static gboolean
strip (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  gsize n = strlen (self->text);
  for (guint i = 0; i < strings->len; i++)
    {
      GString *s = string_at (strings, i);
      for (gint64 j = 0; j < self->start && s->len >= n && !memcmp (s->str, self->text, n); j++)
        g_string_erase (s, 0, n);
      for (gint64 j = 0; j < self->stop && s->len >= n && !memcmp (s->str + s->len - n, self->text, n); j++)
        g_string_truncate (s, s->len - n);
    }
  return TRUE;
}

/* Bytes that Replace may make of all strings together: a chain of replacements grows them by the product of their lengths. */
#define MAX_REPLACED ((gsize) 1 << 26)

typedef struct { GString *in, *out; const char *text; gsize done, room; } Replacing;

static void
replace_match (gpointer data, gsize begin, gsize end)
{
  Replacing *r = data;
  if (r->out->len > r->room)      /* replace() says so */
    return;
  g_string_append_len (r->out, r->in->str + r->done, begin - r->done);
  g_string_append (r->out, r->text);
  r->done = end;
}

static gboolean
replace (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  gsize room = MAX_REPLACED;
  for (guint i = 0; i < strings->len; i++)
    {
      g_autoptr (GString) out = g_string_new (NULL);
      GString *s = string_at (strings, i);
      Replacing r = { s, out, self->text, 0, room };
      if (!gtf_regex_each (self->pattern, s->str, s->len, replace_match, &r, error))
        return FALSE;
      g_string_append_len (out, s->str + r.done, s->len - r.done);
      if (out->len > room)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "text: the tokenizer's decoder makes more than %" G_GSIZE_FORMAT " bytes: a replacement that grows without end", MAX_REPLACED);
          return FALSE;
        }
      room -= out->len;
      g_string_truncate (s, 0);
      g_string_append_len (s, out->str, out->len);
    }
  return TRUE;
}

/* Of our own: tokens of one character below U+0100 are bytes. What is not UTF-8 becomes U+FFFD, or nothing. */
static gboolean
bytes (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  for (guint i = 0; i < strings->len; i++)
    {
      const GString *s = string_at (strings, i);
      guint size = 0;
      gunichar c = s->len ? gtf_utf8_get (s->str, &size) : 0;
      if (size == s->len && c < 0x100)
        g_string_append_c (all, (char) c);
      else
        g_string_append_len (all, s->str, s->len);
    }
  GString *text = g_string_sized_new (all->len);
  append_lossy (text, all->str, all->len, self->flag ? REPLACEMENT : "");
  g_ptr_array_set_size (strings, 0);
  g_ptr_array_add (strings, text);
  return TRUE;
}

/* Of our own: bytes as two digits each, which maps rewrite; other tokens stay. What is not UTF-8 is left out. */
static gboolean
byte_maps (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_autoptr (GArray) in = g_array_sized_new (FALSE, FALSE, sizeof (gint32), strings->len);
  g_autoptr (GString) all = g_string_new (NULL);
  for (guint i = 0; i < strings->len; i++)
    {
      gint32 byte = gtf_byte_from_hex (string_at (strings, i)->str, string_at (strings, i)->len);
      byte = byte < 0 ? -1 - (gint32) i : byte;
      g_array_append_val (in, byte);
    }
  g_autoptr (GArray) simple = gtf_byte_map_apply (self->first, in, error), out = simple ? gtf_byte_map_apply (self->second, simple, error) : NULL;
  if (out == NULL)
    return FALSE;
  for (guint i = 0; i < out->len; i++)
    {
      gint32 value = g_array_index (out, gint32, i);
      if (value >= 0)
        g_string_append_c (all, (char) value);
      else
        g_string_append_len (all, string_at (strings, (guint) (-1 - value))->str, (gssize) string_at (strings, (guint) (-1 - value))->len);
    }
  GString *text = g_string_sized_new (all->len);
  append_lossy (text, all->str, all->len, "");
  g_ptr_array_set_size (strings, 0);
  g_ptr_array_add (strings, text);
  return TRUE;
}

/* Of our own: the tokens between blanks, each second one. */
static gboolean
between_blanks (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  guint n = 0;
  for (guint i = 1; i < strings->len; i += 2)
    keep (strings, &n, i);
  g_ptr_array_set_size (strings, (gint) (strings->len > 1 ? n : strings->len));
  return TRUE;
}

/* Of our own: words that moses.c cut. */
static gboolean
moses (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  fuse (self, strings, error);
  gtf_moses_join (string_at (strings, 0), self->language);
  return TRUE;
}

static gboolean
sequence (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  for (guint i = 0; i < self->children->len; i++)
    if (!gtf_decoder_run (g_ptr_array_index (self->children, i), strings, error))
      return FALSE;
  return TRUE;
}

/* ------------------------------------------------------------------ reading */

static gboolean
read_sequence (GtfDecoder *self, JsonObject *config, const char *where, GError **error)
{
  JsonNode *list = gtf_json_find (config, "decoders");
  self->children = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_decoder_free);
  JsonArray *array = list && JSON_NODE_HOLDS_ARRAY (list) ? json_node_get_array (list) : NULL;
  for (guint i = 0; array && i < json_array_get_length (array); i++)
    {
      g_autofree char *inner = g_strdup_printf ("%s: decoders[%u]", where, i);
      GtfDecoder *child = gtf_decoder_new (json_array_get_element (array, i), inner, error);
      if (child == NULL)
        return FALSE;
      g_ptr_array_add (self->children, child);
    }
  return TRUE;
}

static gboolean
read_maps (GtfDecoder *self, JsonObject *config, const char *where, GError **error)
{
  JsonNode *merge = gtf_json_find (config, "merge"), *decompose = gtf_json_find (config, "decompose");
  if (merge == NULL || !JSON_NODE_HOLDS_OBJECT (merge) || decompose == NULL || !JSON_NODE_HOLDS_OBJECT (decompose))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected the objects “merge” and “decompose”", where);
      return FALSE;
    }
  return (self->first = gtf_byte_map_new (json_node_get_object (merge), TRUE, where, error)) &&
         (self->second = gtf_byte_map_new (json_node_get_object (decompose), TRUE, where, error));
}

static gboolean
read_counts (GtfDecoder *self, JsonObject *config, const char *where, GError **error)
{
  JsonNode *start = gtf_json_find (config, "start"), *stop = gtf_json_find (config, "stop");
  return (start == NULL || gtf_param_get_int (start, where, "start", 0, G_MAXINT32, &self->start, error)) &&
         (stop == NULL || gtf_param_get_int (stop, where, "stop", 0, G_MAXINT32, &self->stop, error));
}

static const struct { const char *type; RunFunc run; const char *text, *text_default, *text2, *text2_default, *flag; } table[] =
{
  { "BPEDecoder", bpe, "suffix", "</w>" },
  { "BetweenBlanks", between_blanks },
  { "ByteFallback", byte_fallback },      /* "each" is of our own */
  { "ByteLevel", byte_level },
  { "ByteMaps", byte_maps },
  { "Bytes", bytes, NULL, NULL, NULL, NULL, "replace" },
  { "CTC", ctc, "pad_token", "<pad>", "word_delimiter_token", "|", "cleanup" },
  { "Fuse", fuse },
  { "Metaspace", metaspace, "replacement", "\xE2\x96\x81", "prepend_scheme", "always" },
  { "Moses", moses },
  { "Replace", replace, "content", "" },
  { "Sequence", sequence },
  { "Strip", strip, "content", " " },
  { "WordPiece", wordpiece, "prefix", "##", NULL, NULL, "cleanup" }
};

GtfDecoder *
gtf_decoder_new (JsonNode *node, const char *where, GError **error)
{
  JsonObject *config = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *type = config ? gtf_pass_string (config, "type", where, error) : NULL;
  guint i = 0;
  while (type && i < G_N_ELEMENTS (table) && strcmp (type, table[i].type))
    i++;
  if (type == NULL || i == G_N_ELEMENTS (table))
    {
      if (config == NULL || type)
        g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: type: “%s” is not known", where, type ? type : "");
      return NULL;
    }
  if (!gtf_pass_check (config, where, error))
    return NULL;
  g_autoptr (GtfDecoder) self = g_new0 (GtfDecoder, 1);
  self->run = table[i].run;
  self->flag = table[i].flag ? gtf_pass_flag (config, table[i].flag, TRUE) : FALSE;
  if ((table[i].text && !(self->text = gtf_pass_text (config, table[i].text, table[i].text_default, where, error))) ||
      (table[i].text2 && !(self->text2 = gtf_pass_text (config, table[i].text2, table[i].text2_default, where, error))) ||
      (self->run == replace && !(self->pattern = gtf_pass_pattern (config, where, error))) ||
      (self->run == strip && !read_counts (self, config, where, error)) || (self->run == sequence && !read_sequence (self, config, where, error)) || (self->run == byte_maps && !read_maps (self, config, where, error)) || (self->run == moses && !(self->language = gtf_moses_language (config, where, error))))
    return NULL;
  if (self->run == byte_fallback)
    self->flag = gtf_pass_flag (config, "each", FALSE);
  if (self->run == metaspace)
    self->flag = strcmp (self->text2, "never") && gtf_pass_flag (config, "add_prefix_space", TRUE);
  return g_steal_pointer (&self);
}

gboolean
gtf_decoder_run (const GtfDecoder *self, GPtrArray *strings, GError **error)
{
  g_ptr_array_set_free_func (strings, free_string);
  return self->run (self, strings, error);
}

void
gtf_decoder_free (GtfDecoder *self)
{
  if (self == NULL)
    return;
  g_free (self->text);
  g_free (self->text2);
  gtf_regex_free (self->pattern);
  gtf_byte_map_free (self->first);
  gtf_byte_map_free (self->second);
  g_clear_pointer (&self->children, g_ptr_array_unref);
  g_free (self);
}
