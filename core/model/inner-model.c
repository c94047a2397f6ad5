/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models inside models: which config they have, and how a backbone hands its feature maps to the model around it.
 *
 * A config of transformers 5 has the backbone's own config as the object "backbone_config". Files of version 4 may instead name a model
 * of timm or a repository of the Hub ("backbone", "use_timm_backbone", "backbone_kwargs"), whose config.json is looked for in the cache, and old ones
 * have nothing: then the family's default counts. All come out as one object with a model_type, by which the registry finds the architecture.
 */
#include "model/inner-model.h"

#include <string.h>
#include "base/json.h"
#include "base/params.h"
#include "base/quote.h"
#include "hub/cache.h"
#include "model/model-private.h"
#include "model/timm.h"
#include "registry/registry.h"
#include "tensor/context-private.h"

struct _GtfFeatures
{
  const GtfInnerModel *model;
  GtfTensor **maps;
};

/* ---- its config ----------------------------------------------------------------------------------------------------- */

gpointer
gtf_config_make (GtfConfig *config, const GtfArchitecture *architecture, GError **error)
{
  g_autofree gpointer out = g_malloc0 (MAX (architecture->config_size, 1));
  g_autoptr (GError) local = NULL;
  g_autofree char *valid = NULL;

  if (!gtf_config_fill (config, architecture->config, out, error))
    return NULL;
  if (!architecture->derive || architecture->derive (out, &local))
    return g_steal_pointer (&out);
  if (local == NULL)
    g_set_error_literal (&local, GTF_ERROR, GTF_ERROR_PLUGIN, "the architecture refuses it and does not say why");
  valid = g_utf8_make_valid (local->message, -1);      /* a plugin may cut what it quotes within a character */
  g_set_error (error, local->domain, local->code, "%s: %s", gtf_config_get_path (config), valid);
  return NULL;
}

/* The members of an object that are not there yet; @from may be NULL. */
static void
add_members (JsonObject *to, JsonObject *from)
{
  g_autoptr (GList) names = from ? json_object_get_members (from) : NULL;

  for (GList *name = names; name; name = name->next)
    if (!json_object_has_member (to, name->data))
      json_object_set_member (to, name->data, json_node_copy (json_object_get_member (from, name->data)));
}

static JsonObject *
find_object (JsonObject *object, const char *key)
{
  JsonNode *node = gtf_json_find (object, key);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/* "backbone" of transformers 4: the name of a model of timm, or, with a slash, a repository of the Hub. */
static gboolean
read_name (GtfConfig *config, const char **name, GError **error)
{
  JsonNode *node = gtf_json_find (gtf_config_get_object (config), "backbone");

  *name = NULL;
  if (!node || (*name = gtf_param_get_string (node, gtf_config_get_path (config), "backbone", error)))
    return TRUE;
  gtf_param_as_data_error (error);
  return FALSE;
}

static gboolean
read_switch (GtfConfig *config, const char *key, gboolean *value, GError **error)
{
  JsonNode *node = gtf_json_find (gtf_config_get_object (config), key);

  if (!node || gtf_param_get_bool (node, gtf_config_get_path (config), key, value, error))
    return TRUE;
  gtf_param_as_data_error (error);
  return FALSE;
}

static JsonObject *
new_timm (const char *name)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "model_type", "timm_backbone");
  json_object_set_string_member (object, "backbone", name);
  return object;
}

/* The model of timm that counts where a family has one by default. That it may not be a repository is the reference's rule. */
static JsonObject *
default_timm (GtfConfig *config, const char *name, JsonObject *timm, gboolean dilation, GError **error)
{
  JsonNode *n_channels = gtf_json_find (gtf_config_get_object (config), "num_channels");
  g_autofree char *quoted = name ? gtf_quote (name, -1) : NULL;
  JsonObject *object;

  if (name && strchr (name, '/'))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"backbone\": expected a model of timm, such as \"resnet50\", found the repository \"%s\"; it may be one only with"
                   " \"use_timm_backbone\": false", gtf_config_get_path (config), quoted);
      return NULL;
    }
  object = new_timm (name ? name : "resnet50");
  if (n_channels)
    json_object_set_member (object, "num_channels", json_node_copy (n_channels));
  if (dilation)
    json_object_set_int_member (object, "output_stride", 16);
  add_members (object, timm);
  return object;
}

/* The config of a repository of the Hub, from its cache: its weights are among those of the model around it. "backbone_kwargs" (@more) win. */
static JsonObject *
cached_config (GtfConfig *config, const char *name, JsonObject *more, GError **error)
{
  g_autofree char *folder = gtf_hub_find_snapshot (name, NULL, NULL, error), *path = folder ? g_build_filename (folder, "config.json", NULL) : NULL;
  g_autoptr (JsonObject) own = path ? gtf_json_load_object (path, error) : NULL;
  JsonObject *object;

  if (own && !gtf_json_find (own, "model_type"))
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"model_type\" is missing: it says which architecture this is", path);
  if (!own || !gtf_json_find (own, "model_type"))
    {
      g_prefix_error (error, "%s: \"backbone\": ", gtf_config_get_path (config));
      return NULL;
    }
  object = json_object_new ();
  add_members (object, more);
  add_members (object, own);
  return object;
}

/* What stands for a "backbone_config" that is not there; *object NULL: nothing does. */
static gboolean
old_backbone (GtfConfig *config, JsonObject *fallback, JsonObject **object, GError **error)
{
  JsonObject *file = gtf_config_get_object (config), *timm = fallback ? find_object (fallback, "timm") : NULL, *more = find_object (file, "backbone_kwargs");
  gboolean use_timm = TRUE, dilation = FALSE;
  const char *name;

  if (!read_name (config, &name, error) || !read_switch (config, "use_timm_backbone", &use_timm, error) || !read_switch (config, "dilation", &dilation, error))
    return FALSE;
  if (more && json_object_get_size (more) == 0)
    more = NULL;
  if (timm && use_timm && !more)
    return (*object = default_timm (config, name, timm, dilation, error)) != NULL;
  if (name && strchr (name, '/'))
    return (*object = cached_config (config, name, more, error)) != NULL;
  if (name)
    {
      *object = new_timm (name);
      add_members (*object, more);
    }
  else if (fallback)
    *object = json_object_ref (fallback);
  return TRUE;
}

/* The config of a file, with the members that the family gives to all models of this type, whatever the file says: "always" of its default, whose
 * type also counts where the file has none. */
static JsonObject *
with_fixed (JsonObject *own, JsonObject *fallback)
{
  JsonObject *always = fallback ? find_object (fallback, "always") : NULL;
  JsonNode *own_type = gtf_json_find (own, "model_type"), *type = own_type || !fallback ? own_type : gtf_json_find (fallback, "model_type");
  const char *name = type && JSON_NODE_HOLDS_VALUE (type) && json_node_get_value_type (type) == G_TYPE_STRING ? json_node_get_string (type) : "";
  JsonObject *fixed = always ? find_object (always, name) : NULL, *object;

  if (!fixed && type == own_type)
    return json_object_ref (own);
  object = json_object_new ();
  if (fixed)
    add_members (object, fixed);
  add_members (object, own);
  if (type != own_type)
    json_object_set_member (object, "model_type", json_node_copy (type));
  return object;
}

/* The family's default; *fallback NULL: there is none, or its "when" names a switch that is off in this file. */
static gboolean
read_fallback (GtfConfig *config, const GtfConfigField *field, JsonObject **fallback, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  gboolean counts = TRUE;
  JsonNode *when;

  *fallback = NULL;
  if (!field->fallback_string)
    return TRUE;
  if (!(object = gtf_json_parse_object ("the default of a plugin", field->fallback_string, -1, 0, error)))
    return FALSE;
  if ((when = gtf_json_find (object, "when")))
    {
      counts = FALSE;
      if (!read_switch (config, json_node_get_string (when), &counts, error))
        return FALSE;
    }
  if (counts)
    *fallback = g_steal_pointer (&object);
  return TRUE;
}

/* The object that is the config, however the file tells it. */
static gboolean
find_config (GtfConfig *config, const GtfConfigField *field, JsonObject **object, GError **error)
{
  JsonNode *node = gtf_json_find (gtf_config_get_object (config), field->keys);
  g_autoptr (JsonObject) fallback = NULL, old = NULL;
  g_autofree char *found = NULL;

  *object = NULL;
  if (!read_fallback (config, field, &fallback, error))
    return FALSE;
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    {
      *object = with_fixed (json_node_get_object (node), fallback);
      return TRUE;
    }
  if (node)
    {
      found = gtf_json_describe (node);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected an object, the config of a model, found %s", gtf_config_get_path (config),
                   field->keys, found);
      return FALSE;
    }
  if (strcmp (field->keys, "backbone_config") == 0 && !old_backbone (config, fallback, &old, error))
    return FALSE;
  if (old)
    *object = with_fixed (old, fallback);
  else if (strcmp (field->keys, "backbone_config") != 0)
    *object = g_steal_pointer (&fallback);
  return TRUE;
}

/* ---- its stages ----------------------------------------------------------------------------------------------------- */

/* The number of a stage by its name; -1: there is none. */
static gint64
stage_by_name (const GtfInnerModel *self, const char *name, gint64 n_stages)
{
  const char *names = self->architecture->stage_names;

  for (gint64 i = 0; i < n_stages; i++)
    {
      g_autofree char *own = i == 0 ? g_strdup ("stem") : g_strdup_printf ("stage%" G_GINT64_FORMAT, i);

      if (names ? gtf_config_list_is (names, i, name) : strcmp (own, name) == 0)
        return i;
    }
  return -1;
}

static gint64
stage_of (const GtfInnerModel *self, JsonNode *node, gint64 n_stages)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_NONE;
  gint64 i = -1;

  if (type == G_TYPE_STRING)
    i = stage_by_name (self, json_node_get_string (node), n_stages);
  else if (type == G_TYPE_INT64)
    i = json_node_get_int (node) + (json_node_get_int (node) < 0 ? n_stages : 0);
  return i < n_stages ? i : -1;
}

/* Which stages are asked for: "out_features" by name, else "out_indices" by number, else the last. timm goes by the numbers. */
static gboolean
read_stages (GtfInnerModel *self, GError **error)
{
  JsonObject *object = gtf_config_get_object (self->file);
  const gboolean by_number = strcmp (gtf_config_get_model_type (self->file), "timm_backbone") == 0 && gtf_json_find (object, "out_indices");
  const char *key = gtf_json_find (object, "out_features") && !by_number ? "out_features" : "out_indices";
  JsonNode *node = gtf_json_find (object, key);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  gint64 n_stages, before = -1;

  for (guint i = 0; i < GTF_MAX_STAGES; i++)
    self->place[i] = -1;
  if (!gtf_dim_resolve (&self->architecture->n_stages, self->config, &n_stages) || n_stages < 1 || n_stages > GTF_MAX_STAGES)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected a model of 1 to %d stages", gtf_config_get_path (self->file), GTF_MAX_STAGES);
      return FALSE;
    }
  if (!node)
    self->place[n_stages - 1] = (gint32) self->n_features++;
  for (guint i = 0; list && i < json_array_get_length (list); i++)
    {
      gint64 stage = stage_of (self, json_array_get_element (list, i), n_stages);

      if (stage <= before)
        list = NULL;
      else
        self->place[before = stage] = (gint32) self->n_features++;
    }
  if (!node || (list && self->n_features > 0 && self->n_features <= GTF_MAX_MAPS))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"%s\": expected some of the %" G_GINT64_FORMAT " stages of a model of the type \"%s\", in their order, at most %d",
               gtf_config_get_path (self->file), key, n_stages, gtf_config_get_model_type (self->file), GTF_MAX_MAPS);
  return FALSE;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

void
gtf_inner_model_free (gpointer data)
{
  GtfInnerModel *self = data;

  gtf_config_free (self->file);
  g_free (self->config);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfInnerModel, gtf_inner_model_free)

static gboolean
find_architecture (GtfInnerModel *self, GError **error)
{
  const char *path = gtf_config_get_path (self->file), *type = gtf_config_get_model_type (self->file);
  const GtfArchitecturePlugin *plugin;

  if (!(self->architecture = gtf_timm_find_architecture (type, gtf_config_get_object (self->file), &plugin, error)))
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  self->head = gtf_model_find_head (self->architecture, "Backbone");
  if (!self->head)
    self->head = gtf_model_find_head (self->architecture, "Model");
  if (self->head && self->architecture->features)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: \"model_type\": the module gtf-%s.so cannot be a backbone", path, plugin->head.name);
  return FALSE;
}

gboolean
gtf_inner_model_read (GtfConfig *config, const GtfConfigField *field, const GtfInnerModel **model, GError **error)
{
  g_autoptr (GtfInnerModel) self = NULL;
  g_autofree char *path = g_strdup_printf ("%s: \"%s\"", gtf_config_get_path (config), field->keys);
  JsonObject *object;

  *model = NULL;
  if (!find_config (config, field, &object, error))
    return FALSE;
  if (!object && !field->required)
    return TRUE;
  if (!object)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s is missing", path);
      return FALSE;
    }
  self = g_new0 (GtfInnerModel, 1);
  if (!(self->file = gtf_config_new_object (path, object, error)) || !find_architecture (self, error)
      || !(self->config = gtf_config_make (self->file, self->architecture, error)) || !read_stages (self, error))
    return FALSE;
  *model = self;
  gtf_config_keep_inner (config, g_steal_pointer (&self));
  return TRUE;
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

/**
 * gtf_feature:
 * @f: of a backbone's `features`
 * @stage: which of its stages, from 0
 * @x: (nullable): the stage's output, alive until `features` returns
 *
 * Hands a feature map to the model around the backbone, if that asked for it.
 */
void
gtf_feature (GtfContext *c, const GtfForward *f, gint64 stage, const GtfTensor *x)
{
  if (!gtf_failed (c) && x != NULL && gtf_feature_wanted (f, stage))
    f->features->maps[f->features->model->place[stage]] = gtf_new_view (c, x);
}

/**
 * gtf_feature_wanted:
 * @f: of a backbone's `features`
 * @stage: which of its stages, from 0
 *
 * Returns: whether the model around the backbone asked for this stage
 */
gboolean
gtf_feature_wanted (const GtfForward *f, gint64 stage)
{
  return stage >= 0 && stage < GTF_MAX_STAGES && f->features->model->place[stage] >= 0;
}

/**
 * gtf_backbone_n_maps:
 * @backbone: (nullable): a model inside a model
 *
 * Returns: how many feature maps it gives, as its config says
 */
gint64
gtf_backbone_n_maps (const GtfInnerModel *backbone)
{
  return backbone ? backbone->n_features : 0;
}

/**
 * gtf_backbone_maps:
 * @backbone: a model inside a model, with its weights
 * @pixels: (nullable): [B][C][H][W]
 * @maps: (array length=n): where the feature maps go, from the first stage that is asked for to the last
 * @n: as gtf_backbone_n_maps () says
 *
 * Runs a backbone.
 *
 * Returns: whether all maps are there; else there is a sticky error
 */
gboolean
gtf_backbone_maps (GtfContext *c, const GtfInnerModel *backbone, const GtfTensor *pixels, GtfTensor **maps, gint64 n)
{
  GtfFeatures features = { backbone, maps };
  const GtfForward f = { .config = backbone->config, .weights = backbone->weights, .head = backbone->head, .features = &features };

  if (n != backbone->n_features)
    gtf_fail (c, "the backbone gives %" G_GINT64_FORMAT " feature maps, but %" G_GINT64_FORMAT " are expected", backbone->n_features, n);
  if (gtf_failed (c))
    return FALSE;
  memset (maps, 0, (gsize) n * sizeof *maps);
  backbone->architecture->features (c, &f, pixels);
  for (gint64 i = 0; i < n; i++)
    if (maps[i] == NULL)
      gtf_fail (c, "the backbone leaves out feature map %" G_GINT64_FORMAT, i + 1);
  return !gtf_failed (c);
}
