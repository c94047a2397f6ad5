/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * YAML by libyaml, into the nodes of JSON.
 *
 * The core schema of YAML 1.2, as the Hub's own site reads cards: "no" is Norwegian and not false, a date is text. An alias shares the node that it names;
 * what it would be written out counts against the same bounds as all else, so that nine lines cannot stand for a billion words.
 */
#include "hub/card-private.h"

#include <errno.h>
#include <gmodule.h>
#include <string.h>
#include <yaml.h>
#include "base/quote.h"

#define MAX_DEPTH 64
#define MAX_WEIGHT (16u << 20)  /* bytes of all texts, aliases written out, and some for each node */
#define NODE_WEIGHT 16u

/* A value, and what it would take up without aliases. */
typedef struct
{
  JsonNode *node;
  guint64 weight;
  guint height;
} Value;

typedef struct
{
  yaml_parser_t parser;
  const char *name;
  guint line;                   /* of the text's first line in its file */
  GHashTable *anchors;          /* name -> Value */
  guint64 weight;
} Reader;

static gboolean read_value (Reader *self, const yaml_event_t *event, guint depth, Value *value, GError **error);

static void
value_clear (Value *value)
{
  g_clear_pointer (&value->node, json_node_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Value, value_clear)

static void
value_free (gpointer data)
{
  value_clear (data);
  g_free (data);
}

G_GNUC_PRINTF (4, 5)
static gboolean
fail (const Reader *self, yaml_mark_t mark, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: line %zu, column %zu: %s", self->name, self->line + mark.line, mark.column + 1, text);
  return FALSE;
}

static gboolean
next (Reader *self, yaml_event_t *event, GError **error)
{
  if (yaml_parser_parse (&self->parser, event))
    return TRUE;
  memset (event, 0, sizeof *event);
  return fail (self, self->parser.problem_mark, error, "is no YAML: %s%s%s", self->parser.problem ? self->parser.problem : "no memory",
               self->parser.context ? ", " : "", self->parser.context ? self->parser.context : "");
}

/* Counts what @value would take up. */
static gboolean
weigh (Reader *self, yaml_mark_t mark, guint64 weight, GError **error)
{
  self->weight += weight;
  return self->weight <= MAX_WEIGHT || fail (self, mark, error, "the metadata, with each alias written out, take up more than %u bytes", MAX_WEIGHT);
}

/* ---- scalars -------------------------------------------------------------------------------------------------------- */

static gboolean
is_one_of (const char *text, const char *const *words)
{
  return g_strv_contains (words, text);
}

/* [-+]? digits, 0o digits, 0x digits. FALSE also for what needs more than 64 bits. */
static gboolean
read_int (const char *text, gint64 *value)
{
  gboolean negative = *text == '-';
  const char *digits = text + (*text == '-' || *text == '+');
  guint base = strncmp (text, "0x", 2) == 0 ? 16 : strncmp (text, "0o", 2) == 0 ? 8 : 10;
  char *end;
  guint64 n;

  if (base != 10)
    digits = text + 2;
  if (!g_ascii_isxdigit (*digits))
    return FALSE;
  errno = 0;
  n = g_ascii_strtoull (digits, &end, base);
  *value = negative ? -(gint64) n : (gint64) n;
  return *end == '\0' && errno == 0 && n <= G_MAXINT64;
}

/* [-+]? ( . digits | digits [ . digits ] ) [ e [-+] digits ], .inf, .nan */
static gboolean
read_double (const char *text, double *value)
{
  static const char *const infinite[] = { ".inf", ".Inf", ".INF", NULL }, *const none[] = { ".nan", ".NaN", ".NAN", NULL };
  const char *plain = text + (*text == '-' || *text == '+');
  char *end;

  if (is_one_of (plain, infinite) || is_one_of (text, none))
    *value = is_one_of (text, none) ? __builtin_nan ("") : *text == '-' ? -__builtin_inf () : __builtin_inf ();
  else if (strspn (text, "+-.0123456789eE") != strlen (text) || !(g_ascii_isdigit (*plain) || (*plain == '.' && g_ascii_isdigit (plain[1]))))
    return FALSE;
  else
    {
      *value = g_ascii_strtod (text, &end);
      return *end == '\0';
    }
  return TRUE;
}

/* A scalar without quotes. (transfer full) */
static JsonNode *
resolve (const char *text)
{
  static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL }, *const yes[] = { "true", "True", "TRUE", NULL }, *const no[] = { "false", "False", "FALSE", NULL };
  JsonNode *node = json_node_alloc ();
  gint64 integer;
  double number;

  if (is_one_of (text, nulls))
    return json_node_init_null (node);
  if (is_one_of (text, yes) || is_one_of (text, no))
    return json_node_init_boolean (node, is_one_of (text, yes));
  if (read_int (text, &integer))
    return json_node_init_int (node, integer);
  if (read_double (text, &number))
    return json_node_init_double (node, number);
  return json_node_init_string (node, text);
}

/* "!" and !!str are text, other types of YAML itself are what they look like; what stands for objects of a program is refused. */
static gboolean
check_tag (const Reader *self, const char *tag, yaml_mark_t mark, gboolean *text, GError **error)
{
  static const char *const known[] = { "null", "bool", "int", "float", "timestamp", "map", "seq", NULL };
  const char *name = tag && g_str_has_prefix (tag, "tag:yaml.org,2002:") ? tag + strlen ("tag:yaml.org,2002:") : tag;
  g_autofree char *quoted = NULL;

  *text = g_strcmp0 (name, "str") == 0 || g_strcmp0 (tag, "!") == 0;
  if (name == NULL || *text || is_one_of (name, known))
    return TRUE;
  quoted = gtf_quote (tag, -1);
  return fail (self, mark, error, "the type \"%s\" is unknown", quoted);
}

static gboolean
read_scalar (Reader *self, const yaml_event_t *event, Value *value, GError **error)
{
  const char *text = (const char *) event->data.scalar.value;
  gboolean is_text;

  if (strlen (text) != event->data.scalar.length || !g_utf8_validate (text, -1, NULL))
    return fail (self, event->start_mark, error, "a text holds a NUL or is no UTF-8");
  if (!check_tag (self, (const char *) event->data.scalar.tag, event->start_mark, &is_text, error))
    return FALSE;
  is_text = is_text || (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag);
  value->node = is_text ? json_node_init_string (json_node_alloc (), text) : resolve (text);
  value->weight = NODE_WEIGHT + event->data.scalar.length;
  return weigh (self, event->start_mark, value->weight, error);
}

/* ---- lists and mappings --------------------------------------------------------------------------------------------- */

static void
take_inner (Value *value, const Value *inner)
{
  value->weight += inner->weight;
  value->height = MAX (value->height, inner->height + 1);
}

static gboolean
read_sequence (Reader *self, guint depth, Value *value, GError **error)
{
  JsonArray *list = json_array_new ();

  value->node = json_node_init_array (json_node_alloc (), list);
  json_array_unref (list);
  for (;;)
    {
      yaml_event_t event;
      g_auto (Value) item = { 0 };
      gboolean end, ok = next (self, &event, error);

      end = ok && event.type == YAML_SEQUENCE_END_EVENT;
      ok = ok && (end || read_value (self, &event, depth + 1, &item, error));
      yaml_event_delete (&event);
      if (end || !ok)
        return ok;
      take_inner (value, &item);
      json_array_add_element (list, g_steal_pointer (&item.node));
    }
}

/* The key as text. (transfer full) (nullable) */
static char *
read_key (Reader *self, const yaml_event_t *event, Value *value, GError **error)
{
  g_auto (Value) key = { 0 };

  if (event->type != YAML_SCALAR_EVENT)
    {
      fail (self, event->start_mark, error, "a key is no plain text");
      return NULL;
    }
  if (!read_scalar (self, event, &key, error))
    return NULL;
  take_inner (value, &key);
  return g_strdup ((const char *) event->data.scalar.value);
}

/* Of a key that comes twice the last one counts, as in huggingface_hub. */
static gboolean
read_mapping (Reader *self, guint depth, Value *value, GError **error)
{
  JsonObject *object = json_object_new ();

  value->node = json_node_init_object (json_node_alloc (), object);
  json_object_unref (object);
  for (;;)
    {
      yaml_event_t event;
      g_auto (Value) item = { 0 };
      g_autofree char *key = NULL;
      gboolean end, ok = next (self, &event, error);

      end = ok && event.type == YAML_MAPPING_END_EVENT;
      ok = ok && (end || (key = read_key (self, &event, value, error)));
      yaml_event_delete (&event);
      if (end || !ok)
        return ok;
      ok = next (self, &event, error) && read_value (self, &event, depth + 1, &item, error);
      yaml_event_delete (&event);
      if (!ok)
        return FALSE;
      take_inner (value, &item);
      json_object_set_member (object, key, g_steal_pointer (&item.node));
    }
}

static gboolean
read_alias (Reader *self, const yaml_event_t *event, guint depth, Value *value, GError **error)
{
  const char *name = (const char *) event->data.alias.anchor;
  const Value *meant = g_hash_table_lookup (self->anchors, name);
  g_autofree char *quoted = gtf_quote (name, -1);

  if (meant == NULL)
    return fail (self, event->start_mark, error, "the alias \"%s\" names nothing that is whole before it", quoted);
  if (depth + meant->height > MAX_DEPTH)
    return fail (self, event->start_mark, error, "the alias \"%s\": more than %d levels", quoted, MAX_DEPTH);
  *value = (Value) { json_node_copy (meant->node), meant->weight, meant->height };
  return weigh (self, event->start_mark, meant->weight, error);
}

static void
remember (Reader *self, const yaml_char_t *anchor, const Value *value)
{
  Value *copy;

  if (anchor == NULL)
    return;
  copy = g_new (Value, 1);
  *copy = *value;
  copy->node = json_node_copy (value->node);
  g_hash_table_replace (self->anchors, g_strdup ((const char *) anchor), copy);
}

static gboolean
read_value (Reader *self, const yaml_event_t *event, guint depth, Value *value, GError **error)
{
  const yaml_char_t *anchor = NULL;
  gboolean text;

  if (depth > MAX_DEPTH)
    return fail (self, event->start_mark, error, "more than %d levels", MAX_DEPTH);
  switch (event->type)
    {
    case YAML_ALIAS_EVENT:
      return read_alias (self, event, depth, value, error);
    case YAML_SCALAR_EVENT:
      anchor = event->data.scalar.anchor;
      if (!read_scalar (self, event, value, error))
        return FALSE;
      break;
    case YAML_SEQUENCE_START_EVENT:
      anchor = event->data.sequence_start.anchor;
      value->weight = NODE_WEIGHT;
      if (!check_tag (self, (const char *) event->data.sequence_start.tag, event->start_mark, &text, error) || !weigh (self, event->start_mark, NODE_WEIGHT, error)
          || !read_sequence (self, depth, value, error))
        return FALSE;
      break;
    case YAML_MAPPING_START_EVENT:
      anchor = event->data.mapping_start.anchor;
      value->weight = NODE_WEIGHT;
      if (!check_tag (self, (const char *) event->data.mapping_start.tag, event->start_mark, &text, error) || !weigh (self, event->start_mark, NODE_WEIGHT, error)
          || !read_mapping (self, depth, value, error))
        return FALSE;
      break;
    default:
      return fail (self, event->start_mark, error, "expected a value");
    }
  remember (self, anchor, value);
  return TRUE;
}

/* ---- the document --------------------------------------------------------------------------------------------------- */

/* The next event must be of this type. */
static gboolean
expect (Reader *self, yaml_event_type_t type, const char *what, GError **error)
{
  yaml_event_t event;
  gboolean ok = next (self, &event, error);

  if (ok && event.type != type)
    ok = fail (self, event.start_mark, error, "expected %s", what);
  yaml_event_delete (&event);
  return ok;
}

static gboolean
read_document (Reader *self, Value *value, GError **error)
{
  yaml_event_t event;
  gboolean ok;

  if (!expect (self, YAML_STREAM_START_EVENT, "text", error) || !next (self, &event, error))
    return FALSE;
  ok = event.type == YAML_DOCUMENT_START_EVENT || event.type == YAML_STREAM_END_EVENT;
  if (event.type == YAML_STREAM_END_EVENT)
    value->node = json_node_init_null (json_node_alloc ());
  yaml_event_delete (&event);
  if (!ok || value->node)
    return ok;
  ok = next (self, &event, error) && read_value (self, &event, 0, value, error);
  yaml_event_delete (&event);
  return ok && expect (self, YAML_DOCUMENT_END_EVENT, "the end", error) && expect (self, YAML_STREAM_END_EVENT, "one document", error);
}

static JsonNode *
parse (const char *name, guint line, const char *text, gsize length, GError **error)
{
  Reader self = { .name = name, .line = line };
  g_auto (Value) value = { 0 };
  gboolean ok;

  if (!yaml_parser_initialize (&self.parser))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for its metadata", name);
      return NULL;
    }
  yaml_parser_set_encoding (&self.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string (&self.parser, (const unsigned char *) text, length);
  self.anchors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, value_free);
  ok = read_document (&self, &value, error);
  g_hash_table_unref (self.anchors);
  yaml_parser_delete (&self.parser);
  return ok ? g_steal_pointer (&value.node) : NULL;
}

static const GtfCardYaml table = { GTF_CARD_YAML_ABI, parse };

const GtfCardYaml *gtf_card_yaml (void);

G_MODULE_EXPORT const GtfCardYaml *
gtf_card_yaml (void)
{
  return &table;
}
