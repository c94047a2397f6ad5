/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Post-processors: special tokens around and between texts, offsets without white space. They work on a list of segments,
 * one for each text at first; a template makes more of them, which come together only after the last processor.
 */
#include "text/rows.h"

#include <string.h>

#include "text/passes.h"

typedef struct { gint sequence; gint32 type; GArray *ids; } Part;      /* sequence -1: the special tokens in ids */
typedef GArray Template;

struct _GtfPostProcessor
{
  gboolean trim, prefix, bert, roberta;
  gint32 cls, sep;
  Template *single, *pair;     /* TemplateProcessing */
  GPtrArray *children;         /* Sequence */
};

static void
part_clear (gpointer data)
{
  g_clear_pointer (&((Part *) data)->ids, g_array_unref);
}

static Template *
template_new (void)
{
  GArray *self = g_array_new (FALSE, TRUE, sizeof (Part));
  g_array_set_clear_func (self, part_clear);
  return self;
}

void
gtf_post_processor_free (GtfPostProcessor *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->single, g_array_unref);
  g_clear_pointer (&self->pair, g_array_unref);
  g_clear_pointer (&self->children, g_ptr_array_unref);
  g_free (self);
}

/* ------------------------------------------------------------------ reading */

static gboolean
read_token (JsonObject *config, const char *key, gint32 *id, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, key);
  gint64 value;
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) != 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: expected [token, id]", where, key);
      return FALSE;
    }
  if (!gtf_param_get_int (json_array_get_element (json_node_get_array (node), 1), where, key, 0, G_MAXINT32, &value, error))
    return FALSE;
  *id = value;
  return TRUE;
}

static gboolean
read_ids (Part *part, JsonObject *tokens, const char *name, const char *where, GError **error)
{
  JsonNode *token = tokens && json_object_has_member (tokens, name) ? json_object_get_member (tokens, name) : NULL;
  JsonNode *ids = token && JSON_NODE_HOLDS_OBJECT (token) ? gtf_json_find (json_node_get_object (token), "ids") : NULL;
  if (ids == NULL || !JSON_NODE_HOLDS_ARRAY (ids))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: special_tokens: “%s” is not there", where, name);
      return FALSE;
    }
  JsonArray *array = json_node_get_array (ids);
  part->ids = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      gint64 value;
      if (!gtf_param_get_int (json_array_get_element (array, i), where, "special_tokens.ids", 0, G_MAXINT32, &value, error))
        return FALSE;
      gint32 id = value;
      g_array_append_val (part->ids, id);
    }
  return TRUE;
}

static gboolean
read_part (Template *self, JsonNode *node, JsonObject *tokens, const char *where, GError **error)
{
  JsonObject *piece = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *sequence = piece ? gtf_json_find (piece, "Sequence") : NULL, *special = piece ? gtf_json_find (piece, "SpecialToken") : NULL;
  JsonNode *inner = sequence ? sequence : special;
  if (inner == NULL || !JSON_NODE_HOLDS_OBJECT (inner))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected {\"Sequence\": ..} or {\"SpecialToken\": ..}", where);
      return FALSE;
    }
  JsonObject *o = json_node_get_object (inner);
  const char *id = gtf_pass_string (o, "id", where, error);
  JsonNode *type = gtf_json_find (o, "type_id");
  gint64 value = 0;
  if (id == NULL || (type && !gtf_param_get_int (type, where, "type_id", 0, G_MAXINT32, &value, error)))
    return FALSE;
  Part part = { sequence ? !strcmp (id, "B") : -1, value, NULL };
  if (special && !read_ids (&part, tokens, id, where, error))
    {
      part_clear (&part);
      return FALSE;
    }
  g_array_append_val (self, part);
  return TRUE;
}

static Template *
read_template (JsonObject *config, const char *key, JsonObject *tokens, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, key);
  g_autoptr (GArray) self = template_new ();
  g_autofree char *inner = g_strdup_printf ("%s: %s", where, key);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an array", inner);
      return NULL;
    }
  JsonArray *array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    if (!read_part (self, json_array_get_element (array, i), tokens, inner, error))
      return NULL;
  return g_steal_pointer (&self);
}

static gboolean
read_sequence (GtfPostProcessor *self, JsonObject *config, const char *where, GError **error)
{
  JsonNode *list = gtf_json_find (config, "processors");
  self->children = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_post_processor_free);
  if (list == NULL || !JSON_NODE_HOLDS_ARRAY (list))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: processors: expected an array", where);
      return FALSE;
    }
  JsonArray *array = json_node_get_array (list);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *inner = g_strdup_printf ("%s: processors[%u]", where, i);
      GtfPostProcessor *child = gtf_post_processor_new (json_array_get_element (array, i), inner, error);
      if (child == NULL)
        return FALSE;
      g_ptr_array_add (self->children, child);
    }
  return TRUE;
}

GtfPostProcessor *
gtf_post_processor_new (JsonNode *node, const char *where, GError **error)
{
  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an object", where);
      return NULL;
    }
  JsonObject *config = json_node_get_object (node);
  const char *type = gtf_pass_string (config, "type", where, error);
  if (type == NULL || !gtf_pass_check (config, where, error))
    return NULL;
  g_autoptr (GtfPostProcessor) self = g_new0 (GtfPostProcessor, 1);
  gboolean ok = TRUE;
  self->trim = gtf_pass_flag (config, "trim_offsets", FALSE);
  self->prefix = gtf_pass_flag (config, "add_prefix_space", TRUE);
  if (!strcmp (type, "TemplateProcessing"))
    {
      JsonNode *tokens = gtf_json_find (config, "special_tokens");
      JsonObject *map = tokens && JSON_NODE_HOLDS_OBJECT (tokens) ? json_node_get_object (tokens) : NULL;
      self->trim = FALSE;
      ok = (self->single = read_template (config, "single", map, where, error)) && (self->pair = read_template (config, "pair", map, where, error));
    }
  else if (!strcmp (type, "BertProcessing") || !strcmp (type, "RobertaProcessing"))
    {
      self->roberta = *type == 'R';
      self->bert = !self->roberta;
      ok = read_token (config, "cls", &self->cls, where, error) && read_token (config, "sep", &self->sep, where, error);
    }
  else if (!strcmp (type, "Sequence"))
    ok = read_sequence (self, config, where, error);
  else if (strcmp (type, "ByteLevel"))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: type: “%s” is not known", where, type);
      return NULL;
    }
  return ok ? g_steal_pointer (&self) : NULL;
}

/* ------------------------------------------------------------------ working */

gsize
gtf_post_processor_added (const GtfPostProcessor *self, gboolean pair)
{
  gsize n = self && self->bert ? (pair ? 3 : 2) : self && self->roberta ? (pair ? 4 : 2) : 0;
  Template *t = self == NULL ? NULL : pair ? self->pair : self->single;
  for (guint i = 0; t && i < t->len; i++)
    n += g_array_index (t, Part, i).ids ? g_array_index (t, Part, i).ids->len : 0;
  for (guint i = 0; self && self->children && i < self->children->len; i++)
    n += gtf_post_processor_added (g_ptr_array_index (self->children, i), pair);
  return n;
}

gboolean
gtf_post_processor_trims (const GtfPostProcessor *self)
{
  gboolean trims = self && self->trim;
  for (guint i = 0; self && self->children && i < self->children->len; i++)
    trims |= gtf_post_processor_trims (g_ptr_array_index (self->children, i));
  return trims;
}

static void
trim (GtfSegment *segment, gboolean prefix)
{
  for (guint i = 0; i < segment->rows->len; i++)
    {
      GtfRow *row = &g_array_index (segment->rows, GtfRow, i);
      guint lead = row->lead;
      /* The space that add_prefix_space put there is none of the text's. */
      if (lead == 1 && prefix && (i == 0 || row->begin == 0))
        lead = 0;
      if (row->lead)
        row->begin = MIN (row->begin + lead, row->end);
      if (row->trail && row->end >= row->trail)
        row->end = MAX (row->end - row->trail, row->begin);
    }
  for (guint i = 0; segment->overflow && i < segment->overflow->len; i++)
    trim (g_ptr_array_index (segment->overflow, i), prefix);
}

static void
set_types (GtfSegment *segment, gint32 type)
{
  for (guint i = 0; i < segment->rows->len; i++)
    g_array_index (segment->rows, GtfRow, i).type = type;
}

static GtfRow
special_row (gint32 id, gint32 type)
{
  return (GtfRow) { .id = id, .type = type, .word = -1, .sequence = -1, .special = 1, .attention = 1 };
}

static GtfSegment *
special_segment (const Part *part)
{
  GtfSegment *segment = gtf_segment_new (part->ids->len);
  for (guint i = 0; i < part->ids->len; i++)
    {
      GtfRow row = special_row (g_array_index (part->ids, gint32, i), part->type);
      g_array_append_val (segment->rows, row);
    }
  return segment;
}

/* The last part of the template that is this text takes it as it is. */
static GtfSegment *
take_segment (Template *template, guint i, GPtrArray *segments)
{
  gint sequence = g_array_index (template, Part, i).sequence;
  for (guint j = i + 1; j < template->len; j++)
    if (g_array_index (template, Part, j).ids == NULL && g_array_index (template, Part, j).sequence == sequence)
      return gtf_segment_copy (g_ptr_array_index (segments, sequence));
  return g_steal_pointer (&g_ptr_array_index (segments, sequence));
}

/* Types and ranges are set anew in the text itself and not in what overflowed, as in the reference. */
static void
apply_template (Template *template, GPtrArray **segments, gboolean add_special)
{
  GPtrArray *out = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_segment_free);
  for (guint i = 0; i < template->len; i++)
    {
      const Part *part = &g_array_index (template, Part, i);
      if (part->ids)
        {
          if (add_special)
            g_ptr_array_add (out, special_segment (part));
        }
      else if (part->sequence < (gint) (*segments)->len)
        {
          GtfSegment *segment = g_ptr_array_index (*segments, part->sequence);
          set_types (segment, part->type);
          gtf_segment_set_range (segment, part->sequence, 0, segment->rows->len);
          g_ptr_array_add (out, take_segment (template, i, *segments));
        }
    }
  g_ptr_array_unref (*segments);
  *segments = out;
}

/* One segment of BertProcessing or RobertaProcessing, with its special tokens at both ends. */
static void
surround (const GtfPostProcessor *self, GtfSegment *segment, gboolean first)
{
  gint32 type = first || self->roberta ? 0 : 1;
  GtfRow sep = special_row (self->sep, type), cls = special_row (self->cls, 0);
  gsize n = segment->rows->len;
  for (guint i = 0; i < n; i++)
    {
      GtfRow *row = &g_array_index (segment->rows, GtfRow, i);
      row->special = 0;
      row->attention = 1;
      if (self->roberta)
        row->type = 0;
    }
  gsize before = first || self->roberta;
  if (before)
    g_array_prepend_val (segment->rows, *(first ? &cls : &sep));
  g_array_append_val (segment->rows, sep);
  g_clear_pointer (&segment->ranges, g_array_unref);
  gtf_segment_set_range (segment, !first, before, before + n);
  for (guint i = 0; segment->overflow && i < segment->overflow->len; i++)
    surround (self, g_ptr_array_index (segment->overflow, i), first);
}

static gboolean
run (const GtfPostProcessor *self, GPtrArray **segments, gboolean add_special, GError **error)
{
  for (guint i = 0; self->children && i < self->children->len; i++)
    if (!run (g_ptr_array_index (self->children, i), segments, add_special, error))
      return FALSE;
  for (guint i = 0; i < (*segments)->len; i++)
    {
      GtfSegment *segment = g_ptr_array_index (*segments, i);
      if (self->trim)
        trim (segment, self->prefix);
      if (self->roberta)
        set_types (segment, 0);
      if ((self->bert || self->roberta) && add_special)
        surround (self, segment, i == 0);
      else if (!self->bert && !self->roberta && !self->children && !self->single)      /* ByteLevel */
        gtf_segment_set_range (segment, i, 0, segment->rows->len);
    }
  if (self->single && (*segments)->len > 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "post_processor: a template after another one: it has %u texts instead of 1 or 2", (*segments)->len);
      return FALSE;
    }
  if (self->single)
    apply_template ((*segments)->len > 1 ? self->pair : self->single, segments, add_special);
  return TRUE;
}

gboolean
gtf_post_processor_run (const GtfPostProcessor *self, GPtrArray **segments, gboolean add_special, GError **error)
{
  for (guint i = 0; i < (*segments)->len; i++)
    {
      GtfSegment *segment = g_ptr_array_index (*segments, i);
      gtf_segment_set_range (segment, i, 0, segment->rows->len);
      set_types (segment, i);
      for (guint j = 0; segment->overflow && j < segment->overflow->len; j++)
        {
          GtfSegment *part = g_ptr_array_index (segment->overflow, j);
          gtf_segment_set_range (part, i, 0, part->rows->len);
        }
    }
  return run (self, segments, add_special, error);
}
