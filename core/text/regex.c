/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Oniguruma is the only engine with the reference's semantics. The installed one has other property tables than the
 * reference's, so \p{..}, \P{..}, \w, \d, \s, \h and [:..:] are replaced in the pattern by ranges of code points from our
 * tables; inside brackets a class becomes a nested bracket, so that && and ^ mean what they did; outside them a class is not
 * folded where case does not count, as a bracket is. \b and \B become looks to both
 * sides. Patterns of the shape that
 * most pre-tokenizers have do not need it (regex-plain.c).
 *
 * Bounds: a pattern's translation is at most MAX_PATTERN bytes; one match gives up after RETRIES steps back, as in the
 * reference, a text after SECONDS and a little for each byte. Our own matcher counts its steps.
 */
#include "text/regex.h"

#include <oniguruma.h>
#include <string.h>
#include "base/quote.h"

#include "text/regex-plain.h"
#include "text/unicode.h"

#define MAX_PATTERN (4 << 20)
#define MAX_SOURCE (64 << 10)
#define RETRIES 10000000
#define SECONDS 5
#define STEPS 400000000

struct _GtfRegex
{
  regex_t *onig;
  OnigMatchParam *param;
  GtfPlainRegex *plain;
  char *literal;
  char *where;
};

/* ------------------------------------------------------------------ the pattern, rewritten */

static void
append_ranges (GString *out, const guint32 *bits, gboolean negate)
{
  g_string_append_c (out, '[');
  if (negate)
    g_string_append_c (out, '^');
  gsize before = out->len;
  for (gunichar c = 0; c < 0x110000;)
    {
      if (c % 32 == 0 && bits[c / 32] == 0)
        {
          c += 32;
          continue;
        }
      if (!(bits[c / 32] >> c % 32 & 1))
        {
          c++;
          continue;
        }
      gunichar from = c;
      while (c < 0x110000 && (bits[c / 32] >> c % 32 & 1))
        c++;
      /* Surrogates are no characters. */
      if (from >= 0xD800 && c <= 0xE000)
        continue;
      g_string_append_printf (out, "\\x{%X}-\\x{%X}", from, c - 1);
    }
  if (out->len == before)
    g_string_append (out, "\\x{10FFFF}&&\\x{0}");
  g_string_append_c (out, ']');
}

static gboolean
append_class (GString *out, const char *name, gsize length, gboolean negate, guint32 *(*find) (const char *, gsize), const char *where, GError **error)
{
  if (length && *name == '^')
    {
      negate = !negate;
      name++;
      length--;
    }
  g_autofree guint32 *bits = find (name, length);
  if (bits == NULL)
    {
      g_autofree char *quoted = gtf_quote (name, (gssize) length);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: unknown character class “%s” in a regular expression", where, quoted);
      return FALSE;
    }
  append_ranges (out, bits, negate);
  return TRUE;
}

static guint32 *
property_inside (const char *name, gsize length)
{
  return gtf_unicode_property (name, length, TRUE);
}

static guint32 *
property_outside (const char *name, gsize length)
{
  return gtf_unicode_property (name, length, FALSE);
}

/* Between a character of a word and something else, or (@inside) not there. */
static gboolean
append_boundary (GString *out, gboolean inside, const char *where, GError **error)
{
  const char *const looks[] = { "(?:(?<=", inside ? ")(?=" : ")(?!", ")|(?<!", inside ? ")(?!" : ")(?=", "))" };
  for (guint i = 0; i < G_N_ELEMENTS (looks); i++)
    {
      g_string_append (out, looks[i]);
      if (i + 1 < G_N_ELEMENTS (looks) && !append_class (out, "word", strlen ("word"), FALSE, property_outside, where, error))
        return FALSE;
    }
  return TRUE;
}

/* Does an option of the pattern say that case does not count? */
static gboolean
has_folding (const char *pattern)
{
  for (const char *p = pattern; (p = strstr (p, "(?")); p += 2)
    {
      gsize n = strspn (p + 2, "IWDSPmxiLC-");
      if (memchr (p + 2, 'i', n))
        return TRUE;
    }
  return FALSE;
}

/* A class outside brackets. */
static gboolean
append_bare (GString *out, const char *name, gsize length, gboolean negate, gboolean folding, const char *where, GError **error)
{
  if (folding)
    g_string_append (out, "(?-i:");
  if (!append_class (out, name, length, negate, property_outside, where, error))
    return FALSE;
  if (folding)
    g_string_append_c (out, ')');
  return TRUE;
}

/* One escape at @p, @inside brackets or not; returns what comes after it. */
static const char *
translate_escape (GString *out, const char *p, const char *end, gboolean inside, gboolean folding, const char *where, GError **error)
{
  static const struct { char letter; const char *name; } shorts[] = { { 'w', "word" }, { 'd', "nd" }, { 's', "space" }, { 'h', "xdigit" } };
  char c = p + 1 < end ? p[1] : 0;
  const char *close;
  if ((c == 'p' || c == 'P') && p + 2 < end && p[2] == '{' && (close = memchr (p, '}', end - p)))
    return (inside ? append_class (out, p + 3, close - p - 3, c == 'P', property_inside, where, error) :
            append_bare (out, p + 3, close - p - 3, c == 'P', folding, where, error)) ? close + 1 : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (shorts); i++)
    if (c == shorts[i].letter || c == g_ascii_toupper (shorts[i].letter))
      return (inside ? append_class (out, shorts[i].name, strlen (shorts[i].name), c != shorts[i].letter, property_inside, where, error) :
              append_bare (out, shorts[i].name, strlen (shorts[i].name), c != shorts[i].letter, folding, where, error)) ? p + 2 : NULL;
  if (!inside && (c == 'b' || c == 'B'))
    return append_boundary (out, c == 'B', where, error) ? p + 2 : NULL;
  gsize size = c ? 1 + gtf_utf8_size (c) : 1;
  g_string_append_len (out, p, size);
  return p + size;
}

char *
gtf_regex_translate (const char *pattern, const char *where, GError **error)
{
  gsize length = strlen (pattern);
  if (length > MAX_SOURCE)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: a regular expression of %" G_GSIZE_FORMAT " bytes (at most %d)", where, length, MAX_SOURCE);
      return NULL;
    }
  g_autoptr (GString) out = g_string_new (NULL);
  const char *end = pattern + length, *close;
  guint brackets = 0;
  gboolean folding = has_folding (pattern);
  for (const char *p = pattern; p < end;)
    {
      if (*p == '\\')
        {
          if ((p = translate_escape (out, p, end, brackets > 0, folding, where, error)) == NULL)
            return NULL;
        }
      else if (brackets && p[0] == '[' && p[1] == ':' && (close = strstr (p + 2, ":]")) && close - p < 24)
        {
          if (!append_class (out, p + 2, close - p - 2, FALSE, gtf_unicode_class, where, error))
            return NULL;
          p = close + 2;
        }
      else
        {
          gboolean opens = *p == '[';
          brackets += opens;
          if (*p == ']' && brackets)
            brackets--;
          g_string_append_c (out, *p++);
          if (opens && *p == '^')
            g_string_append_c (out, *p++);
          if (opens && *p == ']')      /* a bracket that comes first is a character */
            {
              g_string_append (out, "\\]");
              p++;
            }
        }
      if (out->len > MAX_PATTERN)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: a regular expression with too many classes", where);
          return NULL;
        }
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
fail (const GtfRegex *self, int code, OnigErrorInfo *info, GError **error)
{
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  onig_error_code_to_str (text, code, info);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: regular expression: %s", self->where, text);
}

GtfRegex *
gtf_regex_new (const char *pattern, const char *where, GError **error)
{
  static gsize once;
  if (g_once_init_enter (&once))
    {
      onig_initialize ((OnigEncoding[]) { ONIG_ENCODING_UTF8 }, 1);
      g_once_init_leave (&once, 1);
    }
  g_autoptr (GtfRegex) self = g_new0 (GtfRegex, 1);
  self->where = g_strdup (where);
  self->plain = gtf_plain_regex_new (pattern);
  if (self->plain)
    return g_steal_pointer (&self);
  g_autofree char *text = gtf_regex_translate (pattern, where, error);
  if (text == NULL)
    return NULL;
  OnigErrorInfo info = { 0 };
  const OnigUChar *p = (const OnigUChar *) text;
  int code = onig_new (&self->onig, p, p + strlen (text), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_ONIGURUMA, &info);
  if (code != ONIG_NORMAL)
    {
      fail (self, code, &info, error);
      self->onig = NULL;
      return NULL;
    }
  self->param = onig_new_match_param ();
  onig_initialize_match_param (self->param);
  onig_set_retry_limit_in_match_of_match_param (self->param, RETRIES);
  onig_set_retry_limit_in_search_of_match_param (self->param, 4UL * RETRIES);
  return g_steal_pointer (&self);
}

gboolean
gtf_regex_is_plain (const GtfRegex *self)
{
  return self->plain != NULL;
}

GtfRegex *
gtf_regex_literal (const char *text)
{
  if (*text == 0)          /* found between all characters */
    return gtf_regex_new ("(?:)", "", NULL);
  GtfRegex *self = g_new0 (GtfRegex, 1);
  self->literal = g_strdup (text);
  return self;
}

void
gtf_regex_free (GtfRegex *self)
{
  if (self == NULL)
    return;
  if (self->onig)
    onig_free (self->onig);
  if (self->param)
    onig_free_match_param (self->param);
  gtf_plain_regex_free (self->plain);
  g_free (self->literal);
  g_free (self->where);
  g_free (self);
}

static void
each_literal (GtfRegex *self, const char *text, gsize length, GtfMatchFunc found, gpointer data)
{
  gsize n = strlen (self->literal);
  const char *end = text + length;
  for (const char *p = text, *hit; n && (hit = memmem (p, end - p, self->literal, n)); p = hit + n)
    found (data, hit - text, hit - text + n);
}

/* The next match from @at on: 1, 0 for none, -1 with an error. */
typedef struct { gint64 steps, deadline; OnigRegion *region; } Search;

static gboolean
took_long (const GtfRegex *self, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: regular expression: this text takes too many steps", self->where);
  return FALSE;
}

static gint
refuse_match (const GtfRegex *self, GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: regular expression: a match begins before the end of another, or behind its own", self->where);
  return -1;
}

static gint
next_match (GtfRegex *self, Search *s, const char *text, gsize length, gsize at, gsize *begin, gsize *end, GError **error)
{
  if (self->plain)
    {
      GtfPlainResult result = gtf_plain_regex_search (self->plain, text, length, at, &s->steps, begin, end);
      return result == GTF_PLAIN_TOO_HARD ? took_long (self, error) - 1 : result == GTF_PLAIN_MATCH;
    }
  const OnigUChar *p = (const OnigUChar *) text, *stop = p + length;
  int code = onig_search_with_param (self->onig, p, stop, p + at, stop, s->region, ONIG_OPTION_NONE, self->param);
  if (code == ONIG_MISMATCH)
    return 0;
  if (code < 0)
    return fail (self, code, NULL, error), -1;
  if (g_get_monotonic_time () > s->deadline)
    return took_long (self, error) - 1;
  *begin = s->region->beg[0];
  *end = s->region->end[0];
  return 1;
}

gboolean
gtf_regex_each (GtfRegex *self, const char *text, gsize length, GtfMatchFunc found, gpointer data, GError **error)
{
  if (self->literal)
    return each_literal (self, text, length, found, data), TRUE;
  Search search = { .steps = STEPS + 64 * (gint64) length };
  if (self->onig)
    {
      search.region = onig_region_new ();
      search.deadline = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC + (gint64) length;
    }
  gssize last_end = -1;
  gint more = 0;
  for (gsize at = 0, begin, end; at <= length && (more = next_match (self, &search, text, length, at, &begin, &end, error)) > 0;)
    {
      /* An empty match is not accepted where the last one ended: from there the search goes on a character further. */
      if (begin == end && last_end == (gssize) end)
        {
          at += at < length ? gtf_utf8_size (text[at]) : 1;
          continue;
        }
      if (begin > end || (gssize) begin < last_end)      /* \K in a look to the side */
        {
          more = refuse_match (self, error);
          break;
        }
      at = end;
      last_end = (gssize) end;
      found (data, begin, end);
    }
  if (search.region)
    onig_region_free (search.region, 1);
  return more >= 0;
}
