/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where the front matter begins and ends is told as the Hub tells it: white space, "---", a line's end, the metadata, "---" on a line of its own.
 *
 * Metadata are added as lines before the second "---" (or behind the first) and then read again: what comes out must be what was there and what was to
 * be added, else the card is left alone.
 */
#include "hub/card.h"

#include <string.h>
#include "base/file.h"
#include "base/json-print.h"
#include "hub/card-private.h"
#include "hub/card-write.h"

#define MODULE "gtf-card-yaml.so"
#define MAX_CARD (32u << 20)
#define MAX_METADATA (1u << 20)

struct _GtfHubCard
{
  char *name, *text;
  gsize length, begin, end;     /* the metadata: from the line behind the first "---" up to the line's end before the second; begin 0: none */
  JsonObject *metadata;
};

static const GtfCardYaml *
get_reader (const char *name, GError **error)
{
  static GMutex lock;
  static const GtfCardYaml *reader;
  g_autofree char *why = NULL;

  g_mutex_lock (&lock);
  if (reader == NULL)
    reader = gtf_hub_module_open (MODULE, "gtf_card_yaml", GTF_CARD_YAML_ABI, &why);
  g_mutex_unlock (&lock);
  if (reader == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "%s: the metadata of the card cannot be read: the module " MODULE " (libyaml) %s", name, why);
  return reader;
}

/* ---- where it is ---------------------------------------------------------------------------------------------------- */

/* How long the line's end at @p is: 0, 1 or 2. */
static gsize
line_end (const char *p)
{
  return p[0] == '\r' && p[1] == '\n' ? 2 : p[0] == '\n' || p[0] == '\r' ? 1 : 0;
}

/* Whether "---" is all there is on the line at @p. */
static gboolean
is_closing (const char *p)
{
  if (!g_str_has_prefix (p, "---"))
    return FALSE;
  p += 3 + strspn (p + 3, " \t");
  return *p == '\0' || *p == '\n' || (p[0] == '\r' && p[1] == '\n');
}

static void
find_metadata (GtfHubCard *self)
{
  const char *p = self->text + (g_str_has_prefix (self->text, "\xef\xbb\xbf") ? 3 : 0);

  p += strspn (p, " \t\r\n\f\v");
  if (!g_str_has_prefix (p, "---") || !line_end (p + 3))
    return;
  p += 3 + line_end (p + 3);
  for (const char *at = p; (at = strpbrk (at, "\r\n")); at += line_end (at))
    if (is_closing (at + line_end (at)))
      {
        self->begin = (gsize) (p - self->text);
        self->end = (gsize) (at - self->text);
        return;
      }
}

static guint
line_of (const char *text, gsize at)
{
  guint line = 1;

  for (gsize i = 0; i < at; i++)
    line += text[i] == '\n';
  return line;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static gboolean
read_metadata (GtfHubCard *self, GError **error)
{
  const GtfCardYaml *reader;
  g_autoptr (JsonNode) node = NULL;

  if (self->end == self->begin)
    {
      self->metadata = json_object_new ();
      return TRUE;
    }
  if (self->end - self->begin > MAX_METADATA)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: its metadata have %zu bytes, at most %u are read", self->name, self->end - self->begin, MAX_METADATA);
      return FALSE;
    }
  reader = get_reader (self->name, error);
  node = reader ? reader->parse (self->name, line_of (self->text, self->begin), self->text + self->begin, self->end - self->begin, error) : NULL;
  if (node == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_OBJECT (node))
    self->metadata = json_node_dup_object (node);
  else if (JSON_NODE_HOLDS_NULL (node))
    self->metadata = json_object_new ();
  else
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %u: expected names and values as metadata", self->name, line_of (self->text, self->begin));
  return self->metadata != NULL;
}

GtfHubCard *
gtf_hub_card_new (const char *name, const char *text, gsize length, GError **error)
{
  g_autoptr (GtfHubCard) self = g_new0 (GtfHubCard, 1);

  self->name = g_strdup (name);
  self->text = length ? g_strndup (text, length) : g_strdup ("");
  self->length = strlen (self->text);
  if (self->length != length)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: holds a NUL at byte %zu, expected text", name, self->length);
      return NULL;
    }
  find_metadata (self);
  return read_metadata (self, error) ? g_steal_pointer (&self) : NULL;
}

GtfHubCard *
gtf_hub_card_load (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "README.md", NULL), *text = NULL;
  gsize length;

  return gtf_file_load (path, MAX_CARD, &text, &length, error) ? gtf_hub_card_new (path, text, length, error) : NULL;
}

void
gtf_hub_card_free (GtfHubCard *self)
{
  g_clear_pointer (&self->metadata, json_object_unref);
  g_free (self->name);
  g_free (self->text);
  g_free (self);
}

JsonObject *
gtf_hub_card_get_metadata (const GtfHubCard *self)
{
  return self->metadata;
}

const char *
gtf_hub_card_get_text (const GtfHubCard *self)
{
  return self->text;
}

static void
add_text (GStrvBuilder *out, JsonNode *node)
{
  GType type = json_node_get_value_type (node);
  g_autofree char *number = NULL;

  if (type == G_TYPE_STRING)
    g_strv_builder_add (out, json_node_get_string (node));
  else if (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE || type == G_TYPE_BOOLEAN)
    g_strv_builder_add (out, number = gtf_json_print (node, GTF_JSON_COMPACT));
}

char **
gtf_hub_card_dup_values (const GtfHubCard *self, const char *key)
{
  JsonNode *node = json_object_get_member (self->metadata, key);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  g_autoptr (GStrvBuilder) out = g_strv_builder_new ();
  g_auto (GStrv) values = NULL;

  if (node && JSON_NODE_HOLDS_VALUE (node))
    add_text (out, node);
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    if (JSON_NODE_HOLDS_VALUE (json_array_get_element (list, i)))
      add_text (out, json_array_get_element (list, i));
  values = g_strv_builder_end (out);
  return *values ? g_steal_pointer (&values) : NULL;
}

/* ---- adding --------------------------------------------------------------------------------------------------------- */

/* (transfer full): those of @defaults that the card has not. */
static JsonObject *
find_missing (const GtfHubCard *self, JsonObject *defaults)
{
  JsonObject *missing = json_object_new ();
  g_autoptr (GList) names = json_object_get_members (defaults);

  for (GList *l = names; l; l = l->next)
    if (!json_object_has_member (self->metadata, l->data))
      json_object_set_member (missing, l->data, json_node_copy (json_object_get_member (defaults, l->data)));
  return missing;
}

/* Blanks that the first key stands behind. */
static guint
indent_of (const GtfHubCard *self)
{
  for (const char *p = self->text + self->begin; p < self->text + self->end; p += strcspn (p, "\r\n"), p += line_end (p))
    {
      gsize blanks = strspn (p, " ");

      if (p[blanks] != '#' && !line_end (p + blanks))
        return p + blanks < self->text + self->end ? (guint) blanks : 0;
    }
  return 0;
}

/* The text with these lines in it, before all metadata or behind them. (transfer full) */
static char *
insert (const GtfHubCard *self, JsonObject *missing, gboolean first)
{
  gsize at = strcspn (self->text, "\r\n");
  const char *newline = line_end (self->text + at) == 2 ? "\r\n" : self->text[at] == '\r' ? "\r" : "\n";
  g_autofree char *lines = gtf_hub_card_write (missing, indent_of (self), newline);
  GString *out = g_string_new_len (self->text, (gssize) (first ? self->begin : self->end));

  if (self->begin == 0)
    {
      g_string_printf (out, "---%s%s---%s%s%s", newline, lines, newline, *self->text ? newline : "", self->text);
      return g_string_free (out, FALSE);
    }
  if (first)
    {
      g_string_append (out, lines);
      g_string_append (out, self->text + self->begin);
      return g_string_free (out, FALSE);
    }
  if (self->end > self->begin)
    g_string_append (out, newline);
  g_string_append_len (out, lines, (gssize) (strlen (lines) - strlen (newline)));
  g_string_append (out, self->text + self->end);
  return g_string_free (out, FALSE);
}

/* Whether @after is @before and, behind it, @added. */
static gboolean
is_sum (JsonObject *after, JsonObject *before, JsonObject *added)
{
  JsonObject *const parts[] = { before, added };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autoptr (GList) names = json_object_get_members (parts[i]);

      for (GList *l = names; l; l = l->next)
        if (!json_object_has_member (after, l->data) || !json_node_equal (json_object_get_member (parts[i], l->data), json_object_get_member (after, l->data)))
          return FALSE;
    }
  return json_object_get_size (after) == json_object_get_size (before) + json_object_get_size (added);
}

/* (transfer full) (nullable): the card with @missing in it, if that changes nothing else. */
static GtfHubCard *
try_insert (const GtfHubCard *self, JsonObject *missing, gboolean first)
{
  g_autofree char *text = insert (self, missing, first);
  g_autoptr (GtfHubCard) changed = gtf_hub_card_new (self->name, text, strlen (text), NULL);

  return changed && is_sum (changed->metadata, self->metadata, missing) ? g_steal_pointer (&changed) : NULL;
}

gboolean
gtf_hub_card_complete (GtfHubCard *self, JsonObject *defaults, GError **error)
{
  g_autoptr (JsonObject) missing = find_missing (self, defaults);
  g_autoptr (GtfHubCard) changed = NULL;
  g_autofree char *lines = NULL;
  GtfHubCard old;

  if (json_object_get_size (missing) == 0)
    return TRUE;
  changed = try_insert (self, missing, FALSE);
  if (changed == NULL && self->begin)           /* a text in several lines that ends with the metadata would get another line's end */
    changed = try_insert (self, missing, TRUE);
  if (changed == NULL)
    {
      lines = gtf_hub_card_write (missing, 0, "\n");
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: its metadata are written in such a way that nothing can be added to them: write a line for each name, or add "
                   "yourself:\n%s", self->name, lines);
      return FALSE;
    }
  old = *self;
  *self = *changed;
  *changed = old;
  return TRUE;
}
