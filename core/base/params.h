/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers out of JSON objects (configs, requests, options) pass one table that says type, minimum and maximum; nothing reads
 * them raw. A table belongs to a struct of its owner: each entry names a key and the field it goes to.
 *
 *   static const GtfParam params[] = {
 *     GTF_PARAM_INT_FIELD (Options, max_new_tokens, "max_new_tokens", 1, 1 << 20),
 *     GTF_PARAM_FLOAT_FIELD (Options, temperature, "temperature", 0, 1e6),
 *     GTF_PARAMS_END
 *   };
 */
#pragma once

#include "base/json.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_PARAM_END,
  GTF_PARAM_BOOL,       /* gboolean; true, false, 0 or 1 */
  GTF_PARAM_INT,        /* gint64; an integer, or a float without fraction */
  GTF_PARAM_FLOAT,      /* double; NaN and infinity only where the bounds are infinite */
  GTF_PARAM_STRING,     /* char *, a copy: g_free it */
  GTF_PARAM_NODE        /* JsonNode *, borrowed from the object: for members that may be several things */
} GtfParamType;

typedef struct
{
  GtfParamType type;
  const char *key;      /* dots descend */
  gsize offset;
  double minimum, maximum;
} GtfParam;

#define GTF_PARAM_BOOL_FIELD(Struct, field, key)            { GTF_PARAM_BOOL, key, G_STRUCT_OFFSET (Struct, field), 0, 1 }
#define GTF_PARAM_INT_FIELD(Struct, field, key, min, max)   { GTF_PARAM_INT, key, G_STRUCT_OFFSET (Struct, field), min, max }
#define GTF_PARAM_FLOAT_FIELD(Struct, field, key, min, max) { GTF_PARAM_FLOAT, key, G_STRUCT_OFFSET (Struct, field), min, max }
#define GTF_PARAM_STRING_FIELD(Struct, field, key)          { GTF_PARAM_STRING, key, G_STRUCT_OFFSET (Struct, field), 0, 0 }
#define GTF_PARAM_NODE_FIELD(Struct, field, key)            { GTF_PARAM_NODE, key, G_STRUCT_OFFSET (Struct, field), 0, 0 }
#define GTF_PARAMS_END                                      { GTF_PARAM_END, NULL, 0, 0, 0 }

typedef enum
{
  GTF_PARAMS_DEFAULT = 0,
  GTF_PARAMS_CLOSED  = 1 << 0   /* a member that the table does not have is an error that names it */
} GtfParamsFlags;

/* Fills @out from @object; what is absent or null keeps its value. @where opens each message: a path, "parameters". */
GTF_API gboolean gtf_params_read (const GtfParam *table, JsonObject *object, const char *where, GtfParamsFlags flags, gpointer out, GError **error);

/* What is an argument in a request is data in a file: makes GTF_ERROR_INVALID_ARGUMENT GTF_ERROR_INVALID_DATA. */
GTF_API void gtf_param_as_data_error (GError **error);

/* One number by itself. @key for the message. */
GTF_API gboolean gtf_param_get_int   (JsonNode *node, const char *where, const char *key, gint64 minimum, gint64 maximum, gint64 *value, GError **error);
GTF_API gboolean gtf_param_get_float (JsonNode *node, const char *where, const char *key, double minimum, double maximum, double *value, GError **error);
GTF_API gboolean gtf_param_get_bool  (JsonNode *node, const char *where, const char *key, gboolean *value, GError **error);
GTF_API const char *gtf_param_get_string (JsonNode *node, const char *where, const char *key, GError **error);   /* borrowed */

G_END_DECLS
