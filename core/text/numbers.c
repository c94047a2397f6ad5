/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The numbers and dates of a text as TAPAS's tokenizer finds them (transformers, tokenization_tapas.py): figures with signs and commas,
 * words ("three", "third"), dates of some twenty patterns. Of what overlaps, the longer counts; where a number is a year too, both do.
 */
#include "text/numbers.h"

#include <math.h>
#include <string.h>
#include "text/unicode.h"

#define FIRST_YEAR 1700
#define LAST_YEAR 2016
#define DEFAULT_YEAR 1900       /* of a date without one */
#define MOST_WORDS 5            /* of a date */

enum { YEAR, MONTH, DAY };

/* A text in lower case with single spaces, by characters. */
typedef struct
{
  gunichar *chars;
  gsize n;
} Text;

typedef struct { gsize begin, end; } Range;

typedef struct
{
  Range range;
  gboolean has_number, has_date;
  GtfNumber number, date;
} Span;

typedef struct
{
  Text text;
  GArray *words;                /* Range */
  GArray *spans;                /* Span */
  GHashTable *by_range;         /* range -> 1 + number of the span */
} Search;

/* ---- characters ----------------------------------------------------------------------------------------------------------------- */

static gboolean
is_digit (gunichar c)
{
  return gtf_unicode_is_gc (gtf_unicode_flags (c), 1u << GTF_GC_ND);
}

/* Decimal digits of each script stand in runs of ten. */
static int
digit_value (gunichar c)
{
  gunichar first = c;

  while (is_digit (first - 1))
    first--;
  return (int) ((c - first) % 10);
}

static gboolean
read_text (Text *self, const char *text, GError **error)
{
  gboolean gap = FALSE;
  gunichar lower[4];
  guint size;

  self->chars = g_try_new (gunichar, strlen (text) * 4 + 1);
  if (self->chars == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "table: no memory for a text of %zu bytes", strlen (text));
      return FALSE;
    }
  for (; *text; text += size)
    {
      gunichar c = gtf_utf8_get (text, &size);
      gsize n = gtf_unicode_lower (c, lower);

      if (gtf_unicode_is_python_space (c))
        {
          gap = self->n > 0;
          continue;
        }
      if (gap)
        self->chars[self->n++] = ' ';
      gap = FALSE;
      for (gsize i = 0; i < n; i++)
        self->chars[self->n++] = lower[i];
    }
  return TRUE;
}

static gboolean
is_word (const Text *text, Range r, const char *word)
{
  gsize n = strlen (word);

  if (r.end - r.begin != n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (text->chars[r.begin + i] != (guchar) word[i])
      return FALSE;
  return TRUE;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------------------- */

/* "1st", "22nd": what counts is before it. */
static gsize
without_suffix (const Text *text, Range r)
{
  static const char *const suffixes[] = { "st", "nd", "rd", "th" };

  for (guint i = 0; r.end - r.begin >= 2 && i < G_N_ELEMENTS (suffixes); i++)
    if (is_word (text, (Range) { r.end - 2, r.end }, suffixes[i]))
      return r.end - 2;
  return r.end;
}

/* Figures in ASCII, without commas and spaces; NULL: it is no number as Python's float () reads them. */
static char *
figures (const Text *text, Range r)
{
  g_autofree char *out = g_try_malloc (r.end - r.begin + 1);
  gsize n = 0, digits = 0;
  gboolean point = FALSE, exponent = FALSE;

  for (gsize i = r.begin; out != NULL && i < r.end; i++)
    {
      gunichar c = text->chars[i];

      if (c == ',' || (c == ' ' && n == 0))
        continue;
      if (is_digit (c))
        {
          out[n++] = (char) ('0' + digit_value (c));
          digits++;
          continue;
        }
      if (!((c == '+' || c == '-') && n == 0) && !(c == '.' && !point && !exponent) && !(c == 'e' && digits > 0 && !exponent))
        return NULL;
      point |= c == '.';
      if (c == 'e')
        exponent = TRUE, digits = 0;
      out[n++] = (char) c;
    }
  if (out == NULL || digits == 0)
    return NULL;
  out[n] = 0;
  return g_steal_pointer (&out);
}

static gboolean
parse_number (const Text *text, Range r, double *value)
{
  g_autofree char *ascii = figures (text, (Range) { r.begin, without_suffix (text, r) });

  if (ascii == NULL)
    return FALSE;
  *value = g_ascii_strtod (ascii, NULL);
  return isfinite (*value);
}

static gboolean
parse_word (const Text *text, Range r, double *value)
{
  static const char *const words[] = { "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
                                       "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth" };
  const guint half = G_N_ELEMENTS (words) / 2;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (is_word (text, r, words[i]))
      {
        *value = i % half;
        return TRUE;
      }
  return FALSE;
}

/* ---- dates ---------------------------------------------------------------------------------------------------------------------- */

static const char *const months[] = { "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december" };
static const char *const weekdays[] = { "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday" };

/* A run of letters at *at that is one of the names, or (@short_ones) the first three letters of one: its number from 1, or 0. */
static int
read_name (const Text *text, gsize end, gsize *at, const char *const *names, guint n_names, gboolean short_ones)
{
  Range r = { *at, *at };

  while (r.end < end && text->chars[r.end] >= 'a' && text->chars[r.end] <= 'z')
    r.end++;
  *at = r.end;
  for (guint i = 0; i < n_names; i++)
    {
      g_autofree char *name = g_strndup (names[i], short_ones ? 3 : strlen (names[i]));

      if (is_word (text, r, name))
        return (int) i + 1;
    }
  return 0;
}

/* Up to @most digits: 0 if there are none. Of two digits the first is one of ASCII, and so is a single one, and what follows 0 or 3, as in strptime. */
static int
read_digits (const Text *text, gsize end, gsize *at, guint most)
{
  const gsize first = *at;
  int value = 0;

  while (*at < end && *at - first < most && is_digit (text->chars[*at]))
    value = value * 10 + digit_value (text->chars[(*at)++]);
  if (most > 2)
    return *at - first == most ? value : 0;
  if (*at == first || text->chars[first] > '9' || (*at - first == 2 && text->chars[first] != '1' && text->chars[first] != '2' && text->chars[first + 1] > '9'))
    return 0;
  return value;
}

static gboolean
is_day (int year, int month, int day)
{
  static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  const gboolean leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

  return day <= lengths[month - 1] + (month == 2 && leap);
}

/* A whole range by a pattern of strptime. */
static gboolean
match_date (const Text *text, Range r, const char *pattern, GtfNumber *date)
{
  int value[3] = { DEFAULT_YEAR, 1, 1 };
  gsize at = r.begin;

  *date = (GtfNumber) { .is_date = TRUE };
  for (const char *p = pattern; *p; p++)
    {
      guint part = YEAR;
      int found;

      if (*p != '%')
        {
          if (at >= r.end || text->chars[at++] != (guchar) *p)
            return FALSE;
          continue;
        }
      switch (*++p)
        {
        case 'Y':
          found = read_digits (text, r.end, &at, 4);
          break;
        case 'A':
          if (read_name (text, r.end, &at, weekdays, G_N_ELEMENTS (weekdays), FALSE) == 0)
            return FALSE;
          continue;
        case 'd':
          part = DAY;
          found = read_digits (text, r.end, &at, 2);
          break;
        case 'm':
          part = MONTH;
          found = read_digits (text, r.end, &at, 2);
          break;
        default:
          part = MONTH;
          found = read_name (text, r.end, &at, months, G_N_ELEMENTS (months), *p == 'b');
        }
      if (found < 1)
        return FALSE;
      date->fields |= 1u << part;
      date->parts[part] = value[part] = found;
    }
  return at == r.end && value[YEAR] >= FIRST_YEAR && value[YEAR] <= LAST_YEAR && value[MONTH] <= 12 && is_day (value[YEAR], value[MONTH], value[DAY]);
}

/* %B: a month, %b: its first three letters, %A: a day of the week, %Y %m %d: figures. */
static gboolean
parse_date (const Text *text, Range r, GtfNumber *date)
{
  static const char *const patterns[] = { "%B", "%Y", "%Ys", "%b %Y", "%B %Y", "%B %d", "%b %d", "%d %b", "%d %B", "%B %d, %Y", "%d %B %Y", "%m-%d-%Y", "%Y-%m-%d",
                                          "%Y-%m", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%A, %b %d", "%A, %B %d" };

  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (match_date (text, r, patterns[i], date))
      return TRUE;
  return FALSE;
}

/* ---- spans ---------------------------------------------------------------------------------------------------------------------- */

/* The span of a range: a new one where there is none. */
static Span *
span_of (Search *self, Range r)
{
  gint64 *key = g_new (gint64, 1);
  guint at;

  *key = (gint64) r.begin << 32 | (gint64) r.end;
  at = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_range, key));
  if (at == 0)
    {
      Span span = { .range = r };

      g_array_append_val (self->spans, span);
      at = self->spans->len;
      g_hash_table_insert (self->by_range, key, GUINT_TO_POINTER (at));
    }
  else
    g_free (key);
  return &g_array_index (self->spans, Span, at - 1);
}

static void
add_number (Search *self, Range r, double value)
{
  Span *span = span_of (self, r);

  span->has_number = TRUE;
  span->number = (GtfNumber) { .fields = 1, .parts = { value } };
}

/* Where a number like -1,234.5 that begins at @at ends, or @at. A sign counts only behind a space or at the beginning. */
static gsize
figures_end (const Text *text, gsize at)
{
#define AT(i) ((i) < text->n ? text->chars[i] : 0)
#define DIGIT(i) ((i) < text->n && is_digit (text->chars[i]))
  const gsize sign = at == 0 && (AT (0) == '+' || AT (0) == '-') ? 1 : AT (at) == ' ' && (AT (at + 1) == '+' || AT (at + 1) == '-') ? 2 : 0;
  gsize i = at + sign;

  if (AT (i) == '.' && DIGIT (i + 1))
    {
      for (i++; DIGIT (i); i++)
        ;
      return i;
    }
  if (!DIGIT (i))
    return at;
  while (DIGIT (i))
    i++;
  while (AT (i) == ',' && DIGIT (i + 1) && DIGIT (i + 2) && DIGIT (i + 3))
    i += 4;
  if (AT (i) == '.')
    for (i++; DIGIT (i); i++)
      ;
  return i;
#undef AT
#undef DIGIT
}

static void
find_numbers (Search *self)
{
  double value;

  for (gsize at = 0, end; at < self->text.n; at = MAX (end, at + 1))
    {
      end = figures_end (&self->text, at);
      if (end > at && parse_number (&self->text, (Range) { at, end }, &value))
        add_number (self, (Range) { at, end }, value);
    }
  for (guint i = 0; i < self->words->len; i++)
    {
      Range r = g_array_index (self->words, Range, i);
      gint64 key = (gint64) r.begin << 32 | (gint64) r.end;

      if (!g_hash_table_contains (self->by_range, &key) && (parse_number (&self->text, r, &value) || parse_word (&self->text, r, &value)))
        add_number (self, r, value);
    }
}

static void
find_dates (Search *self)
{
  GtfNumber date;

  for (guint last = 0; last < self->words->len; last++)
    for (guint first = last < MOST_WORDS ? 0 : last - MOST_WORDS + 1; first <= last; first++)
      {
        Range r = { g_array_index (self->words, Range, first).begin, g_array_index (self->words, Range, last).end };

        if (parse_date (&self->text, r, &date))
          {
            Span *span = span_of (self, r);
            span->has_date = TRUE;
            span->date = date;
          }
      }
}

static void
find_words (Search *self)
{
  const Text *text = &self->text;

  for (gsize i = 0; i < text->n; i++)
    {
      Range r = { i, i };

      while (r.end < text->n && gtf_unicode_is_alnum (text->chars[r.end]))
        r.end++;
      if (r.end == r.begin)
        continue;
      g_array_append_val (self->words, r);
      i = r.end;
    }
}

/* ---- the longest ---------------------------------------------------------------------------------------------------------------- */

/* The longest first, of equals that which comes first. */
static int
by_length (gconstpointer a, gconstpointer b)
{
  const Range *x = &((const Span *) a)->range, *y = &((const Span *) b)->range;
  const gsize n = x->end - x->begin, m = y->end - y->begin;

  return n != m ? (n > m ? -1 : 1) : x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int
by_place (gconstpointer a, gconstpointer b, gpointer data)
{
  const gsize x = GPOINTER_TO_SIZE (a), y = GPOINTER_TO_SIZE (b);

  return x < y ? -1 : x > y;
}

/* Spans that lie in no longer one, by where they begin. None of those kept lies in another, so the last that begins no later ends last. */
static GTree *
keep_longest (Search *self)
{
  GTree *kept = g_tree_new_full (by_place, NULL, NULL, NULL);

  g_array_sort (self->spans, by_length);
  for (guint i = 0; i < self->spans->len; i++)
    {
      Span *span = &g_array_index (self->spans, Span, i);
      GTreeNode *after = g_tree_upper_bound (kept, GSIZE_TO_POINTER (span->range.begin));
      GTreeNode *before = after != NULL ? g_tree_node_previous (after) : g_tree_node_last (kept);

      if (before == NULL || ((const Span *) g_tree_node_value (before))->range.end < span->range.end)
        g_tree_insert (kept, GSIZE_TO_POINTER (span->range.begin), span);
    }
  return kept;
}

static gboolean
take_values (gpointer key, gpointer value, gpointer data)
{
  const Span *span = value;

  if (span->has_number)
    g_array_append_val ((GArray *) data, span->number);
  if (span->has_date)
    g_array_append_val ((GArray *) data, span->date);
  return FALSE;
}

GArray *
gtf_numbers_find (const char *text, GError **error)
{
  Search self = { { NULL } };
  GArray *numbers;
  GTree *kept;

  if (!read_text (&self.text, text, error))
    return NULL;
  numbers = g_array_new (FALSE, FALSE, sizeof (GtfNumber));
  self.words = g_array_new (FALSE, FALSE, sizeof (Range));
  self.spans = g_array_new (FALSE, FALSE, sizeof (Span));
  self.by_range = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  find_words (&self);
  find_numbers (&self);
  find_dates (&self);
  kept = keep_longest (&self);
  g_tree_foreach (kept, take_values, numbers);
  g_tree_unref (kept);
  g_hash_table_unref (self.by_range);
  g_array_unref (self.spans);
  g_array_unref (self.words);
  g_free (self.text.chars);
  return numbers;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------------ */

guint
gtf_numbers_common (const GtfNumber *numbers, gsize n)
{
  guint common = n > 0 ? numbers[0].fields : 0;

  for (gsize i = 1; i < n; i++)
    common &= numbers[i].is_date == numbers[0].is_date ? numbers[i].fields : 0;
  return common;
}

int
gtf_number_compare (const GtfNumber *a, const GtfNumber *b, guint common)
{
  for (guint i = 0; i < G_N_ELEMENTS (a->parts); i++)
    if ((common & 1u << i) && a->parts[i] != b->parts[i])
      return a->parts[i] < b->parts[i] ? -1 : 1;
  return 0;
}

/* The first value of a cell that is (or is not) a date. */
static const GtfNumber *
first_of (const GArray *cell, gboolean is_date)
{
  for (guint i = 0; i < cell->len; i++)
    if (g_array_index (cell, GtfNumber, i).is_date == is_date)
      return &g_array_index (cell, GtfNumber, i);
  return NULL;
}

void
gtf_numbers_consolidate (GArray *const *cells, GtfNumberColumn *column)
{
  const double wanted = (double) column->n_rows * 0.7;
  gsize n[2] = { 0 };
  gboolean dates;

  for (gsize row = 0; row < column->n_rows; row++)
    for (guint kind = 0; kind < 2; kind++)
      n[kind] += first_of (cells[row], kind) != NULL;
  dates = n[1] > 0 && n[1] >= n[0];
  for (gsize row = 0; row < column->n_rows; row++)
    column->of_row[row] = (double) n[dates] < wanted ? NULL : first_of (cells[row], dates);
}
