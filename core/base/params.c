/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of bounds.
 */
#include "base/params.h"

#include <math.h>
#include <string.h>

void
gtf_param_as_data_error (GError **error)
{
  if (error && *error && g_error_matches (*error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT))
    (*error)->code = GTF_ERROR_INVALID_DATA;
}

static gboolean
wrong (JsonNode *node, const char *where, const char *key, const char *expected, GError **error)
{
  g_autofree char *found = gtf_json_describe (node);

  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: \"%s\": expected %s, found %s", where, key, expected, found);
  return FALSE;
}

static gboolean
wrong_number (JsonNode *node, const char *where, const char *key, const char *kind, double minimum, double maximum, GError **error)
{
  char low[G_ASCII_DTOSTR_BUF_SIZE], high[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *expected = g_strdup_printf ("%s from %s to %s", kind, g_ascii_formatd (low, sizeof low, "%.15g", minimum),
                                               g_ascii_formatd (high, sizeof high, "%.15g", maximum));

  return wrong (node, where, key, expected, error);
}

gboolean
gtf_param_get_int (JsonNode *node, const char *where, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  gint64 v;

  if (type == G_TYPE_INT64)
    v = json_node_get_int (node);
  else if (type == G_TYPE_DOUBLE && fabs (json_node_get_double (node)) <= 9007199254740992.0 && floor (json_node_get_double (node)) == json_node_get_double (node))
    v = (gint64) json_node_get_double (node);
  else
    return wrong_number (node, where, key, "an integer", (double) minimum, (double) maximum, error);
  if (v < minimum || v > maximum)
    return wrong_number (node, where, key, "an integer", (double) minimum, (double) maximum, error);
  *value = v;
  return TRUE;
}

gboolean
gtf_param_get_float (JsonNode *node, const char *where, const char *key, double minimum, double maximum, double *value, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;
  double v;

  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return wrong_number (node, where, key, "a number", minimum, maximum, error);
  v = type == G_TYPE_INT64 ? (double) json_node_get_int (node) : json_node_get_double (node);
  /* Written so that NaN fails, unless the table has no bounds at all. */
  if (!(v >= minimum && v <= maximum) && !(isnan (v) && isinf (minimum) && isinf (maximum)))
    return wrong_number (node, where, key, "a number", minimum, maximum, error);
  *value = v;
  return TRUE;
}

gboolean
gtf_param_get_bool (JsonNode *node, const char *where, const char *key, gboolean *value, GError **error)
{
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  if (type == G_TYPE_BOOLEAN)
    *value = json_node_get_boolean (node);
  else if (type == G_TYPE_INT64 && (json_node_get_int (node) == 0 || json_node_get_int (node) == 1))
    *value = json_node_get_int (node) == 1;
  else
    return wrong (node, where, key, "true or false", error);
  return TRUE;
}

const char *
gtf_param_get_string (JsonNode *node, const char *where, const char *key, GError **error)
{
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_get_string (node);
  wrong (node, where, key, "a string", error);
  return NULL;
}

/* Bounds of the table are doubles; what they cannot hold exactly is clamped to what gint64 can. */
static gint64
bound_to_int (double bound)
{
  return bound >= 9.2e18 ? G_MAXINT64 : bound <= -9.2e18 ? G_MININT64 : (gint64) bound;
}

static gboolean
read_one (const GtfParam *param, JsonNode *node, const char *where, gpointer out, GError **error)
{
  gpointer field = (char *) out + param->offset;
  const char *text;

  switch (param->type)
    {
    case GTF_PARAM_BOOL:
      return gtf_param_get_bool (node, where, param->key, field, error);
    case GTF_PARAM_INT:
      return gtf_param_get_int (node, where, param->key, bound_to_int (param->minimum), bound_to_int (param->maximum), field, error);
    case GTF_PARAM_FLOAT:
      return gtf_param_get_float (node, where, param->key, param->minimum, param->maximum, field, error);
    case GTF_PARAM_STRING:
      text = gtf_param_get_string (node, where, param->key, error);
      if (!text)
        return FALSE;
      g_free (*(char **) field);
      *(char **) field = g_strdup (text);
      return TRUE;
    case GTF_PARAM_NODE:
      *(JsonNode **) field = node;
      return TRUE;
    default:
      return TRUE;
    }
}

static gboolean
check_closed (const GtfParam *table, JsonObject *object, const char *where, GError **error)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList *l = keys; l; l = l->next)
    {
      const char *key = l->data;
      const GtfParam *param = table;

      while (param->type != GTF_PARAM_END
             && !(strncmp (param->key, key, strlen (key)) == 0 && (param->key[strlen (key)] == 0 || param->key[strlen (key)] == '.')))
        param++;
      if (param->type != GTF_PARAM_END)
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%s: \"%s\" is unknown", where, key);
      return FALSE;
    }
  return TRUE;
}

gboolean
gtf_params_read (const GtfParam *table, JsonObject *object, const char *where, GtfParamsFlags flags, gpointer out, GError **error)
{
  if ((flags & GTF_PARAMS_CLOSED) && !check_closed (table, object, where, error))
    return FALSE;
  for (const GtfParam *param = table; param->type != GTF_PARAM_END; param++)
    {
      JsonNode *node = gtf_json_find (object, param->key);

      if (node && !read_one (param, node, where, out, error))
        return FALSE;
    }
  return TRUE;
}
