/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.json against a table with a field of each type: what was accepted must lie inside the bounds of the table.
 */
#include "model/config.h"
#include "fuzz.h"

typedef struct
{
  gint64 size, layers;
  double eps;
  gboolean flag;
  GtfActivation act;
  const char *text;
} Config;

static const GtfConfigField fields[] = {
  GTF_CONFIG_INT_REQUIRED (Config, size, "hidden_size|d_model", 1, 4096),
  GTF_CONFIG_INT_FIELD (Config, layers, "text_config.num_layers|num_hidden_layers", 0, 100, 3),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_BOOL_FIELD (Config, flag, "flag", TRUE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, act, "hidden_act", "gelu"),
  GTF_CONFIG_STRING_FIELD (Config, text, "position", "absolute"),
  GTF_CONFIG_FIELDS_END
};

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfConfig) config = gtf_config_parse ("fuzz", (const char *) data, (gssize) size, &error);
  Config out = { 0 };

  if (!config || !gtf_config_fill (config, fields, &out, &error))
    {
      g_assert_nonnull (error);
      return 0;
    }
  g_assert_true (out.size >= 1 && out.size <= 4096 && out.layers >= 0 && out.layers <= 100 && out.eps >= 0 && out.eps <= 1 && out.text);
  gtf_config_get_dtype (config);
  return 0;
}
