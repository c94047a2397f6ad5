/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of the types that a model can compute in, and the options object.
 */
#include "model/options.h"

#include <string.h>
#include "base/params.h"
#include "base/quote.h"

static const struct
{
  const char *name;
  GtfDtype dtype;
} names[] = {
  { "float32", GTF_DTYPE_F32 }, { "bfloat16", GTF_DTYPE_BF16 }, { "float16", GTF_DTYPE_F16 }, { "int8", GTF_DTYPE_I8 }, { "auto", GTF_DTYPE_INVALID },
  { "fp32", GTF_DTYPE_F32 },    { "bf16", GTF_DTYPE_BF16 },     { "fp16", GTF_DTYPE_F16 },
};

gboolean
gtf_compute_dtype_parse (const char *name, GtfDtype *dtype, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i].name) == 0)
      {
        *dtype = names[i].dtype;
        return TRUE;
      }
  if (strcmp (name, "int4") == 0)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "options: \"dtype\": int4 is not there yet; int8 is the smallest");
  else
    {
      g_autofree char *quoted = gtf_quote (name, -1);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "options: \"dtype\": expected float32, bfloat16, float16, int8 or auto (or fp32, bf16, fp16), found \"%s\"", quoted);
    }
  return FALSE;
}

const char *
gtf_compute_dtype_name (GtfDtype dtype)
{
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].dtype == dtype)
      return names[i].name;
  return "float32";
}

gboolean
gtf_model_options_parse (const char *json, GtfModelOptions *options, GError **error)
{
  typedef struct { char *dtype, *task, *adapter; gint64 threads; } Raw;
  static const GtfParam table[] = {
    GTF_PARAM_STRING_FIELD (Raw, dtype, "dtype"),
    GTF_PARAM_STRING_FIELD (Raw, task, "task"),
    GTF_PARAM_STRING_FIELD (Raw, adapter, "adapter"),
    GTF_PARAM_INT_FIELD (Raw, threads, "threads", 0, 1024),
    GTF_PARAMS_END
  };
  g_autoptr (JsonObject) object = NULL;
  Raw raw = { NULL };
  gboolean ok;

  *options = (GtfModelOptions){ .dtype = GTF_DTYPE_F32 };
  if (!json || !*json)
    return TRUE;
  object = gtf_json_parse_object ("options", json, -1, GTF_JSON_STRICT, error);
  ok = object && gtf_params_read (table, object, "options", GTF_PARAMS_DEFAULT, &raw, error)
       && (!raw.dtype || gtf_compute_dtype_parse (raw.dtype, &options->dtype, error));
  options->threads = raw.threads;
  options->task = ok ? g_steal_pointer (&raw.task) : NULL;
  options->adapter = ok ? g_steal_pointer (&raw.adapter) : NULL;
  g_free (raw.dtype);
  g_free (raw.task);
  g_free (raw.adapter);
  return ok;
}

void
gtf_model_options_clear (GtfModelOptions *options)
{
  g_clear_pointer (&options->task, g_free);
  g_clear_pointer (&options->adapter, g_free);
}
