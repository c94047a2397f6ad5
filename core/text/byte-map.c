/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See byte-map.h. The rules are a trie over their bytes; a place that no rule begins at keeps its byte.
 */
#include "text/byte-map.h"

#include "base/quote.h"

#define LONGEST 1024         /* bytes that a rule is for: each place of a text may be compared with so many */
/* How many bytes rules may make of one in the mean; MyT5's are a letter's few for a letter's few. */
#define GROWTH 32

typedef struct { guint32 child, sibling; gint32 rule; guint8 byte; } Node;

struct _GtfByteMap
{
  GArray *nodes;             /* of Node; the first is the root */
  GPtrArray *outputs;        /* of GByteArray, one a rule */
};

gint
gtf_byte_from_hex (const char *text, gsize length)
{
  gint high = length == 2 ? g_ascii_xdigit_value (text[0]) : -1, low = high >= 0 ? g_ascii_xdigit_value (text[1]) : -1;
  return low < 0 ? -1 : high << 4 | low;
}

/* NULL: @text is none. */
static GByteArray *
parse (const char *text, const char *where, GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  for (const char *p = text;; p += 3)
    {
      gint value = gtf_byte_from_hex (p, strnlen (p, 2));
      guint8 byte = (guint8) value;
      if (value < 0 || (p[2] != ' ' && p[2] != 0))
        break;
      g_byte_array_append (out, &byte, 1);
      if (p[2] == 0)
        return g_steal_pointer (&out);
    }
  g_autofree char *quoted = gtf_quote (text, -1);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected bytes as “e0 a4”, found “%s”", where, quoted);
  return NULL;
}

static guint32
child_of (const GtfByteMap *self, guint32 at, guint8 byte)
{
  guint32 i = g_array_index (self->nodes, Node, at).child;
  while (i && g_array_index (self->nodes, Node, i).byte != byte)
    i = g_array_index (self->nodes, Node, i).sibling;
  return i;
}

static void
add_rule (GtfByteMap *self, const GByteArray *from, GByteArray *to)
{
  guint32 at = 0;
  for (guint i = 0; i < from->len; i++)
    {
      guint32 next = child_of (self, at, from->data[i]);
      if (next == 0)
        {
          Node node = { 0, g_array_index (self->nodes, Node, at).child, -1, from->data[i] };
          g_array_append_val (self->nodes, node);
          next = g_array_index (self->nodes, Node, at).child = self->nodes->len - 1;
        }
      at = next;
    }
  g_array_index (self->nodes, Node, at).rule = (gint32) self->outputs->len;
  g_ptr_array_add (self->outputs, to);
}

GtfByteMap *
gtf_byte_map_new (JsonObject *rules, gboolean reverse, const char *where, GError **error)
{
  GtfByteMap *self = g_new0 (GtfByteMap, 1);
  Node root = { 0, 0, -1, 0 };
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  self->nodes = g_array_new (FALSE, FALSE, sizeof (Node));
  self->outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  g_array_append_val (self->nodes, root);
  json_object_iter_init_ordered (&iter, rules);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      const char *value = gtf_param_get_string (node, where, key, error);
      g_autoptr (GByteArray) a = value ? parse (key, where, error) : NULL;
      g_autoptr (GByteArray) b = a ? parse (value, where, error) : NULL;
      if (b == NULL)
        return gtf_byte_map_free (self), NULL;
      if ((reverse ? b : a)->len > LONGEST)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected rules for at most %d bytes, found one for %u", where, LONGEST, (reverse ? b : a)->len);
          return gtf_byte_map_free (self), NULL;
        }
      if (reverse)
        add_rule (self, b, g_steal_pointer (&a));
      else
        add_rule (self, a, g_steal_pointer (&b));
    }
  return self;
}

void
gtf_byte_map_free (GtfByteMap *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->nodes);
  g_ptr_array_unref (self->outputs);
  g_free (self);
}

GArray *
gtf_byte_map_apply (const GtfByteMap *self, const GArray *in, GError **error)
{
  g_autoptr (GArray) out = g_array_sized_new (FALSE, FALSE, sizeof (gint32), in->len);
  const gsize most = GROWTH * (gsize) in->len + (1 << 20);
  for (guint at = 0, end; at < in->len; at = end)
    {
      gint32 value = g_array_index (in, gint32, at), rule = -1;
      guint32 node = 0;
      end = at + 1;
      for (guint i = at; i < in->len && g_array_index (in, gint32, i) >= 0 && (node = child_of (self, node, (guint8) g_array_index (in, gint32, i))); i++)
        if (g_array_index (self->nodes, Node, node).rule >= 0)
          {
            rule = g_array_index (self->nodes, Node, node).rule;
            end = i + 1;
          }
      const GByteArray *bytes = rule >= 0 ? self->outputs->pdata[rule] : NULL;
      for (guint i = 0; bytes && i < bytes->len; i++)
        {
          gint32 byte = bytes->data[i];
          g_array_append_val (out, byte);
        }
      if (bytes == NULL)
        g_array_append_val (out, value);
      if (out->len > most)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "text: the rules of the byte maps make more than %" G_GSIZE_FORMAT " bytes of %u", most, in->len);
          return NULL;
        }
    }
  return g_steal_pointer (&out);
}

/* ------------------------------------------------------------------ the normalizer */

static GtfByteMap *
read_map (JsonObject *config, const char *key, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, key);
  g_autofree char *here = g_strdup_printf ("%s: %s", where, key);
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return gtf_byte_map_new (json_node_get_object (node), FALSE, here, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an object of rules", here);
  return NULL;
}

gboolean
gtf_byte_maps_init (GtfPass *pass, JsonObject *config, const char *where, GError **error)
{
  GtfByteMaps *self = (GtfByteMaps *) pass;
  return (self->decompose = read_map (config, "decompose", where, error)) && (self->merge = read_map (config, "merge", where, error));
}

void
gtf_byte_maps_clear (GtfPass *pass)
{
  GtfByteMaps *self = (GtfByteMaps *) pass;
  gtf_byte_map_free (self->decompose);
  gtf_byte_map_free (self->merge);
}

static gboolean
rewrite_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  static const char digits[] = "0123456789abcdef";
  const GtfByteMaps *self = data;
  g_autoptr (GArray) bytes = g_array_sized_new (FALSE, FALSE, sizeof (gint32), piece->end - piece->begin);
  GtfSpan all = { pieces->buffer->span[piece->begin].begin, pieces->buffer->span[piece->end - 1].end };
  for (gsize at = piece->begin; at < piece->end; at++)
    {
      gint32 byte = (guint8) pieces->buffer->text[at];
      g_array_append_val (bytes, byte);
    }
  g_autoptr (GArray) simple = gtf_byte_map_apply (self->decompose, bytes, error), merged = simple ? gtf_byte_map_apply (self->merge, simple, error) : NULL;
  if (merged == NULL)
    return FALSE;
  for (guint i = 0; i < merged->len; i++)
    {
      gint32 byte = g_array_index (merged, gint32, i);
      const char hex[] = { digits[byte >> 4], digits[byte & 15] };
      gtf_pieces_emit_bytes (pieces, hex, sizeof hex, all);
    }
  return TRUE;
}

gboolean
gtf_byte_maps_apply (GtfPass *pass, GtfPieces *pieces, GError **error)
{
  return gtf_pieces_rewrite (pieces, rewrite_piece, pass, error);
}
