/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See regex-plain.h. Each class of a pattern is a bit; one two-stage table says for each code point in which classes it is. A
 * sequence backs off like any backtracking matcher: a repeat gives back one character after the other until the rest fits.
 * Where the next item shares no character with it, giving back cannot help and is left out.
 */
#include "text/regex-plain.h"

#include <string.h>

#include "text/unicode.h"

#define MAX_SETS 32
#define WORDS (0x110000 / 32)

typedef enum { SET, TEXTS, NOT_AHEAD } Kind;

typedef struct
{
  Kind kind;
  guint32 set;             /* a bit */
  guint min, max;
  gboolean keeps;          /* never gives back */
  gboolean fold;
  GPtrArray *texts;        /* TEXTS: one of these */
} Item;

typedef struct { GArray *items; guint32 first; gboolean may_be_empty; } Branch;      /* first: classes that a match can begin with */

struct _GtfPlainRegex
{
  GArray *branches;
  guint32 ascii[128];
  guint32 *masks;          /* pages of 256 */
  guint16 index[0x110000 / 256];
};

typedef struct
{
  const char *p, *end;
  GtfPlainRegex *self;
  guint32 *sets[MAX_SETS];
  guint n_sets;
} Parser;

/* ------------------------------------------------------------------ classes */

static void
set_range (guint32 *bits, gunichar from, gunichar to)
{
  for (gunichar c = from; c <= to && c < 0x110000; c++)
    bits[c >> 5] |= 1u << (c & 31);
}

static void
complement (guint32 *bits)
{
  for (gsize i = 0; i < WORDS; i++)
    bits[i] = ~bits[i];
}

static void
unite (guint32 *restrict bits, const guint32 *restrict other, gboolean negated)
{
  const guint32 turned = negated ? G_MAXUINT32 : 0;
  for (gsize i = 0; i < WORDS; i++)
    bits[i] |= other[i] ^ turned;
}

/* [:name:] */
static gboolean
unite_posix (guint32 *bits, const char *name, gsize length)
{
  gboolean negated = length && *name == '^';
  g_autofree guint32 *found = gtf_unicode_class (name + negated, length - negated);
  if (found)
    unite (bits, found, negated);
  return found != NULL;
}

/* \p{name} and its kin */
static gboolean
unite_class (guint32 *bits, const char *name, gsize length, gboolean negated, gboolean inside)
{
  if (length && *name == '^')
    return unite_class (bits, name + 1, length - 1, !negated, inside);
  g_autofree guint32 *found = gtf_unicode_property (name, length, inside);
  if (found)
    unite (bits, found, negated);
  return found != NULL;
}

/* An escape at p->p, after the backslash. A class goes into @bits and gives TRUE with *c 0; a character gives itself. */
static gboolean
parse_escape (Parser *p, guint32 *bits, gunichar *c, gboolean inside)
{
  static const struct { char letter; const char *name; } classes[] = { { 'w', "word" }, { 'd', "nd" }, { 's', "space" }, { 'h', "xdigit" } };
  static const struct { char letter; char c; } controls[] = { { 'r', '\r' }, { 'n', '\n' }, { 't', '\t' }, { 'f', '\f' } };
  if (p->p >= p->end)
    return FALSE;
  char letter = *p->p++;
  *c = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (g_ascii_tolower (letter) == classes[i].letter)
      return unite_class (bits, classes[i].name, strlen (classes[i].name), letter != classes[i].letter, inside);
  for (gsize i = 0; i < G_N_ELEMENTS (controls); i++)
    if (letter == controls[i].letter)
      return *c = controls[i].c, TRUE;
  if (letter == 'p' || letter == 'P')
    {
      const char *close = p->p < p->end && *p->p == '{' ? memchr (p->p, '}', p->end - p->p) : NULL;
      const char *name = p->p + 1;
      if (close == NULL)
        return FALSE;
      p->p = close + 1;
      return unite_class (bits, name, close - name, letter == 'P', inside);
    }
  return g_ascii_ispunct (letter) ? (*c = letter, TRUE) : FALSE;
}

/* One character or class inside brackets. */
static gboolean
parse_member (Parser *p, guint32 *bits, gunichar *c)
{
  guint size;
  if (*p->p == '\\')
    return p->p++, parse_escape (p, bits, c, TRUE);
  *c = gtf_utf8_get (p->p, &size);
  p->p += size;
  return *c != 0;
}

/* After the opening bracket. */
static gboolean
parse_bracket (Parser *p, guint32 *bits, guint depth)
{
  g_autofree guint32 *own = g_new0 (guint32, WORDS);
  gboolean negated = p->p < p->end && *p->p == '^';
  p->p += negated;
  if (depth > 8 || p->p >= p->end || *p->p == ']')
    return FALSE;
  while (p->p < p->end && *p->p != ']')
    {
      const char *close;
      if (p->p[0] == '[' && p->p[1] == ':')
        {
          if ((close = strstr (p->p + 2, ":]")) == NULL || !unite_posix (own, p->p + 2, close - p->p - 2))
            return FALSE;
          p->p = close + 2;
          continue;
        }
      if (*p->p == '[')
        {
          p->p++;
          if (!parse_bracket (p, own, depth + 1))
            return FALSE;
          continue;
        }
      gunichar from, to;
      if ((p->p[0] == '&' && p->p[1] == '&') || *p->p == '-' || !parse_member (p, own, &from))
        return FALSE;
      to = from;
      if (p->end - p->p > 1 && p->p[0] == '-' && p->p[1] != ']')
        {
          p->p++;
          if (from == 0 || *p->p == '[' || !parse_member (p, own, &to) || to < from)
            return FALSE;
        }
      if (from)
        set_range (own, from, to);
    }
  if (p->p >= p->end)
    return FALSE;
  p->p++;
  unite (bits, own, negated);
  return TRUE;
}

/* The bit of a class, the same for equal ones; 0: too many. */
static guint32
set_of (Parser *p, guint32 *bits)
{
  for (gunichar c = 0xD800; c < 0xE000; c += 32)
    bits[c >> 5] = 0;
  for (guint i = 0; i < p->n_sets; i++)
    if (!memcmp (p->sets[i], bits, WORDS * sizeof *bits))
      return 1u << i;
  if (p->n_sets == MAX_SETS)
    return 0;
  p->sets[p->n_sets] = g_memdup2 (bits, WORDS * sizeof *bits);
  return 1u << p->n_sets++;
}

static guint32
set_of_chars (Parser *p, const gunichar *chars, gsize n)
{
  g_autofree guint32 *bits = g_new0 (guint32, WORDS);
  for (gsize i = 0; i < n; i++)
    set_range (bits, chars[i], chars[i]);
  return set_of (p, bits);
}

/* ------------------------------------------------------------------ items */

static void
item_clear (gpointer data)
{
  g_clear_pointer (&((Item *) data)->texts, g_ptr_array_unref);
}

static void
branch_clear (gpointer data)
{
  g_array_unref (((Branch *) data)->items);
}

/* {m}, {m,}, {m,n} */
static gboolean
parse_counts (Parser *p, Item *item)
{
  char *stop;
  if (p->p + 1 >= p->end || !g_ascii_isdigit (p->p[1]))
    return FALSE;
  item->min = item->max = g_ascii_strtoull (p->p + 1, &stop, 10);
  if (*stop == ',')
    {
      gboolean open = stop[1] == '}';
      item->max = open ? G_MAXUINT : g_ascii_isdigit (stop[1]) ? g_ascii_strtoull (stop + 1, &stop, 10) : 0;
      stop += open;
    }
  p->p = stop + 1;
  return *stop == '}' && item->min <= item->max && item->min < 1000 && (item->max < 1000 || item->max == G_MAXUINT);
}

static gboolean
parse_quantifier (Parser *p, Item *item)
{
  char c = p->p < p->end ? *p->p : 0;
  item->min = item->max = 1;
  if (c == '{')
    return parse_counts (p, item) && !(p->p < p->end && strchr ("?+*{", *p->p));
  if (c != '?' && c != '*' && c != '+')
    return TRUE;
  item->min = c == '+';
  item->max = c == '?' ? 1 : G_MAXUINT;
  p->p++;
  if (p->p < p->end && *p->p == '+')
    {
      item->keeps = TRUE;
      p->p++;
    }
  return !(p->p < p->end && strchr ("?+*{", *p->p));
}

static gboolean
parse_set_item (Parser *p, GArray *items)
{
  g_autofree guint32 *bits = g_new0 (guint32, WORDS);
  Item item = { .kind = SET };
  gunichar c = 0;
  guint size;
  if (*p->p == '[')
    {
      p->p++;
      if (!parse_bracket (p, bits, 0))
        return FALSE;
    }
  else if (*p->p == '\\')
    {
      p->p++;
      if (!parse_escape (p, bits, &c, FALSE))
        return FALSE;
    }
  else if (*p->p == '.')
    {
      p->p++;
      set_range (bits, '\n', '\n');
      complement (bits);
    }
  else
    {
      if (strchr ("*+?{}()|^$]", *p->p))
        return FALSE;
      c = gtf_utf8_get (p->p, &size);
      p->p += size;
    }
  if (c)
    set_range (bits, c, c);
  item.set = set_of (p, bits);
  if (item.set == 0 || !parse_quantifier (p, &item))
    return FALSE;
  g_array_append_val (items, item);
  return TRUE;
}

/* Plain ASCII without those letters that fold to one character together with their neighbour. */
static gboolean
folds_simply (const char *text)
{
  static const char *const pairs[] = { "ff", "fi", "fl", "ss", "st" };
  g_autofree char *low = g_ascii_strdown (text, -1);
  for (const char *c = text; *c; c++)
    if ((guint8) *c >= 128 || strchr ("\\[](){}.*+?^$|", *c))
      return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    if (strstr (low, pairs[i]))
      return FALSE;
  return *text != 0;
}

/* (?i:'s|'t) and (?i:'s|'t)?, after "(?i:". */
static gboolean
parse_folded (Parser *p, GArray *items)
{
  const char *close = memchr (p->p, ')', p->end - p->p);
  if (close == NULL)
    return FALSE;
  g_autofree char *inside = g_strndup (p->p, close - p->p);
  g_auto (GStrv) texts = g_strsplit (inside, "|", -1);
  Item item = { .kind = TEXTS, .fold = TRUE, .texts = g_ptr_array_new_with_free_func (g_free) };
  g_array_append_val (items, item);
  for (guint i = 0; texts[i]; i++)
    {
      if (!folds_simply (texts[i]))
        return FALSE;
      g_ptr_array_add (item.texts, g_ascii_strdown (texts[i], -1));
    }
  p->p = close + 1;
  Item *made = &g_array_index (items, Item, items->len - 1);
  return parse_quantifier (p, made) && made->max == 1;
}

static gboolean
parse_not_ahead (Parser *p, GArray *items)
{
  if (p->p >= p->end || !parse_set_item (p, items) || p->p >= p->end || *p->p != ')')
    return FALSE;
  Item *item = &g_array_index (items, Item, items->len - 1);
  p->p++;
  item->kind = NOT_AHEAD;
  return item->min == 1 && item->max == 1;
}

static gboolean
parse_item (Parser *p, GArray *items)
{
  if (g_str_has_prefix (p->p, "(?i:"))
    return p->p += 4, parse_folded (p, items);
  if (g_str_has_prefix (p->p, "(?!"))
    return p->p += 3, parse_not_ahead (p, items);
  return parse_set_item (p, items);
}

/* ------------------------------------------------------------------ the whole pattern */

static gboolean
disjoint (const Parser *p, guint32 a, guint32 b)
{
  const guint32 *x = p->sets[g_bit_nth_lsf (a, -1)], *y = p->sets[g_bit_nth_lsf (b, -1)];
  for (gsize i = 0; i < WORDS; i++)
    if (x[i] & y[i])
      return FALSE;
  return TRUE;
}

static gboolean
finish_branch (Parser *p, Branch *branch)
{
  gboolean leads = TRUE;
  for (guint i = 0; i < branch->items->len; i++)
    {
      Item *item = &g_array_index (branch->items, Item, i), *next = item + 1;
      gboolean last = i + 1 == branch->items->len;
      if (item->kind == SET && (last || (next->kind == SET && next->min && disjoint (p, item->set, next->set))))
        item->keeps = TRUE;
      if (!leads || item->kind == NOT_AHEAD)
        continue;
      for (guint j = 0; item->texts && j < item->texts->len; j++)
        {
          gunichar c = *(const char *) g_ptr_array_index (item->texts, j), both[] = { c, g_ascii_toupper (c), c == 's' ? 0x17F : c == 'k' ? 0x212A : c };
          guint32 set = set_of_chars (p, both, 3);
          if (set == 0)
            return FALSE;
          branch->first |= set;
        }
      branch->first |= item->set;
      leads = item->min == 0;
    }
  branch->may_be_empty = leads;
  return TRUE;
}

static gboolean
parse_pattern (Parser *p)
{
  for (;;)
    {
      Branch branch = { .items = g_array_new (FALSE, FALSE, sizeof (Item)) };
      g_array_set_clear_func (branch.items, item_clear);
      g_array_append_val (p->self->branches, branch);
      while (p->p < p->end && *p->p != '|')
        if (!parse_item (p, branch.items))
          return FALSE;
      if (branch.items->len == 0 || branch.items->len > 16 || !finish_branch (p, &g_array_index (p->self->branches, Branch, p->self->branches->len - 1)))
        return FALSE;
      if (p->p >= p->end)
        return TRUE;
      p->p++;
    }
}

static void
fill_page (const Parser *p, guint page, guint32 *out)
{
  memset (out, 0, 256 * sizeof *out);
  for (guint s = 0; s < p->n_sets; s++)
    for (guint c = 0; c < 256; c++)
      if (p->sets[s][page * 8 + c / 32] >> c % 32 & 1)
        out[c] |= 1u << s;
}

static gboolean
same_page (const Parser *p, guint a, guint b)
{
  for (guint s = 0; s < p->n_sets; s++)
    if (memcmp (p->sets[s] + a * 8, p->sets[s] + b * 8, 32))
      return FALSE;
  return TRUE;
}

/* Most pages are like the one before them. */
static void
build_table (Parser *p)
{
  GtfPlainRegex *self = p->self;
  guint n = 0;
  for (guint page = 0; page < 0x110000 / 256; page++)
    self->index[page] = page && same_page (p, page, page - 1) ? n - 1 : n++;
  self->masks = g_new (guint32, 256 * n);
  for (guint page = 0; page < 0x110000 / 256; page++)
    if (page == 0 || self->index[page] != self->index[page - 1])
      fill_page (p, page, self->masks + 256 * self->index[page]);
  memcpy (self->ascii, self->masks, sizeof self->ascii);
}

GtfPlainRegex *
gtf_plain_regex_new (const char *pattern)
{
  gsize length = strlen (pattern);
  if (length == 0 || length > 4096 || !gtf_utf8_valid (pattern, length))
    return NULL;
  GtfPlainRegex *self = g_new0 (GtfPlainRegex, 1);
  Parser p = { pattern, pattern + length, self, { NULL }, 0 };
  self->branches = g_array_new (FALSE, FALSE, sizeof (Branch));
  g_array_set_clear_func (self->branches, branch_clear);
  gboolean ok = parse_pattern (&p);
  if (ok)
    build_table (&p);
  for (guint i = 0; i < p.n_sets; i++)
    g_free (p.sets[i]);
  if (ok)
    return self;
  gtf_plain_regex_free (self);
  return NULL;
}

void
gtf_plain_regex_free (GtfPlainRegex *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->branches);
  g_free (self->masks);
  g_free (self);
}

/* ------------------------------------------------------------------ matching */

typedef struct { const GtfPlainRegex *self; const char *text; gsize length; gint64 *steps; } Matcher;

static inline guint32
mask_at (const Matcher *m, gsize at, guint *size)
{
  guint8 c = m->text[at];
  if (G_LIKELY (c < 128))
    return *size = 1, m->self->ascii[c];
  gunichar u = gtf_utf8_get (m->text + at, size);
  return m->self->masks[(guint) m->self->index[u >> 8] << 8 | (u & 255)];
}

/* The end of @text at @at, or 0. */
static gsize
match_text (const Matcher *m, const char *text, gsize at)
{
  for (; *text; text++)
    {
      if (at >= m->length)
        return 0;
      guint size = 1;
      gunichar c = (guint8) m->text[at];
      if (c >= 128)
        {
          c = gtf_utf8_get (m->text + at, &size);
          c = c == 0x17F ? 's' : c == 0x212A ? 'k' : c;
        }
      if (c >= 128 || g_ascii_tolower (c) != *text)
        return 0;
      at += size;
    }
  return at;
}

static gssize match_items (const Matcher *m, const Item *item, const Item *end, gsize at);

static gssize
match_texts (const Matcher *m, const Item *item, const Item *end, gsize at)
{
  for (guint i = 0; i < item->texts->len && --*m->steps >= 0; i++)
    {
      gsize stop = match_text (m, g_ptr_array_index (item->texts, i), at);
      gssize all = stop ? match_items (m, item + 1, end, stop) : -1;
      if (all >= 0)
        return all;
      if (stop && item->keeps)
        return -1;
    }
  return item->min || *m->steps < 0 ? -1 : match_items (m, item + 1, end, at);
}

static gssize
match_set (const Matcher *m, const Item *item, const Item *end, gsize at)
{
  guint n = 0, size;
  gsize stop = at;
  while (n < item->max && stop < m->length && (mask_at (m, stop, &size) & item->set))
    {
      stop += size;
      n++;
    }
  *m->steps -= n + 1;
  if (n < item->min || *m->steps < 0)
    return -1;
  if (item + 1 == end)
    return stop;
  for (;;)
    {
      gssize all = match_items (m, item + 1, end, stop);
      if (all >= 0 || item->keeps || n == item->min || *m->steps < 0)
        return all;
      stop = gtf_utf8_before (m->text, stop);
      n--;
      --*m->steps;
    }
}

static gssize
match_items (const Matcher *m, const Item *item, const Item *end, gsize at)
{
  guint size;
  if (item == end)
    return at;
  switch (item->kind)
    {
    case NOT_AHEAD:
      return at < m->length && (mask_at (m, at, &size) & item->set) ? -1 : match_items (m, item + 1, end, at);
    case TEXTS:
      return match_texts (m, item, end, at);
    default:
      return match_set (m, item, end, at);
    }
}

GtfPlainResult
gtf_plain_regex_search (const GtfPlainRegex *self, const char *text, gsize length, gsize at, gint64 *steps, gsize *begin, gsize *end)
{
  const Matcher m = { self, text, length, steps };
  const Branch *branches = (const Branch *) (gpointer) self->branches->data;
  for (guint size = 0;; at += size)
    {
      guint32 mask = at < length ? mask_at (&m, at, &size) : 0;
      for (guint i = 0; i < self->branches->len; i++)
        {
          const Branch *b = &branches[i];
          if (!(mask & b->first) && !b->may_be_empty)
            continue;
          const Item *items = (const Item *) (gpointer) b->items->data;
          gssize stop = match_items (&m, items, items + b->items->len, at);
          if (*steps < 0)
            return GTF_PLAIN_TOO_HARD;
          if (stop >= 0)
            {
              *begin = at;
              *end = stop;
              return GTF_PLAIN_MATCH;
            }
        }
      if (at >= length)
        return GTF_PLAIN_MISMATCH;
    }
}
