/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of config fields: both spellings, null, bounds, Python's numbers; errors that name file and key.
 */
#include "model/config.h"

#include <string.h>

typedef struct
{
  gint64 size, layers, nested, labels;
  double eps, free;
  gboolean flag;
  GtfActivation act;
  const char *text;
} Config;

static const GtfConfigField fields[] = {
  GTF_CONFIG_INT_REQUIRED (Config, size, "hidden_size|d_model", 1, 4096),
  GTF_CONFIG_INT_FIELD (Config, layers, "num_hidden_layers|n_layer", 0, 100, 3),
  GTF_CONFIG_INT_FIELD (Config, nested, "text_config.num_heads|num_heads", 0, 100, 8),
  GTF_CONFIG_COUNT_FIELD (Config, labels, "id2label|num_labels", 1, 3, 2),
  GTF_CONFIG_FLOAT_FIELD (Config, eps, "layer_norm_eps", 0, 1, 1e-5),
  GTF_CONFIG_FLOAT_FIELD (Config, free, "free", -G_MAXDOUBLE, G_MAXDOUBLE, 0.5),
  GTF_CONFIG_BOOL_FIELD (Config, flag, "flag", TRUE),
  GTF_CONFIG_ACTIVATION_FIELD (Config, act, "hidden_act|activation_function", "gelu"),
  GTF_CONFIG_STRING_FIELD (Config, text, "position", "absolute"),
  GTF_CONFIG_FIELDS_END
};

static void
test_good (void)
{
  static const struct { const char *json; Config expected; } cases[] = {
    { "{\"model_type\":\"x\",\"hidden_size\":32}", { 32, 3, 8, 2, 1e-5, 0.5, TRUE, GTF_ACTIVATION_GELU, "absolute" } },
    { "{\"model_type\":\"x\",\"d_model\":64,\"n_layer\":7,\"num_heads\":2,\"layer_norm_eps\":1e-12,\"flag\":false,\"activation_function\":\"gelu_new\",\"position\":\"rotary\"}",
      { 64, 7, 2, 2, 1e-12, 0.5, FALSE, GTF_ACTIVATION_GELU_TANH, "rotary" } },
    { "{\"model_type\":\"x\",\"hidden_size\":null,\"d_model\":64,\"num_hidden_layers\":null,\"flag\":null,\"text_config\":{\"num_heads\":3},\"num_heads\":9,\"flag\":0}",
      { 64, 3, 3, 2, 1e-5, 0.5, FALSE, GTF_ACTIVATION_GELU, "absolute" } },
    { "{\"model_type\":\"x\",\"hidden_size\":32.0,\"layer_norm_eps\":1,\"free\":-1e300,\"other\":NaN,\"more\":[Infinity]}", { 32, 3, 8, 2, 1, -1e300, TRUE, GTF_ACTIVATION_GELU, "absolute" } },
    { "{\"model_type\":\"x\",\"hidden_size\":32,\"num_labels\":2,\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\"}}", { 32, 3, 8, 3, 1e-5, 0.5, TRUE, GTF_ACTIVATION_GELU, "absolute" } },
    { "{\"model_type\":\"x\",\"hidden_size\":32,\"num_labels\":1}", { 32, 3, 8, 1, 1e-5, 0.5, TRUE, GTF_ACTIVATION_GELU, "absolute" } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", cases[i].json, -1, &error);
      const Config *e = &cases[i].expected;
      Config c = { 0 };

      g_assert_no_error (error);
      g_assert_true (gtf_config_fill (config, fields, &c, &error));
      g_assert_true (c.size == e->size && c.layers == e->layers && c.nested == e->nested && c.labels == e->labels && c.eps == e->eps && c.free == e->free && c.flag == e->flag && c.act == e->act);
      g_assert_cmpstr (c.text, ==, e->text);
    }
}

/* What each object of a list has; nothing where none has it. */
static void
test_of_each (void)
{
  typedef struct { const char *names, *depths; gint64 n; } Lists;
  static const GtfConfigField each[] = {
    GTF_CONFIG_LIST_FIELD (Lists, names, "bins.*.name"), GTF_CONFIG_LIST_FIELD (Lists, depths, "bins.*.of.depth"), GTF_CONFIG_COUNT_FIELD (Lists, n, "bins", 0, 9, 1), GTF_CONFIG_FIELDS_END
  };
  static const struct { const char *bins, *names, *depths; gint64 n; const char *says; } cases[] = {
    { "[{\"name\":\"a\",\"of\":{\"depth\":0.5}},{\"name\":\"b\",\"of\":{\"depth\":3}}]", "a|b", "0.5|3", 2, NULL },
    { "[{\"name\":7},{\"name\":true}]", "7|true", NULL, 2, NULL }, { "[{}, {}]", NULL, NULL, 2, NULL }, { "[]", NULL, NULL, 0, NULL }, { "null", NULL, NULL, 1, NULL },
    { "[{\"name\":\"a\"},{}]", NULL, NULL, 0, "each with a string, a number or a truth value under \"name\"" }, { "[3]", NULL, NULL, 0, "\"bins\" must be an array of at most" },
    { "[{\"name\":[]}]", NULL, NULL, 0, "under \"name\"" }, { "{}", NULL, NULL, 0, "\"bins\" must be an array" }, { "4", NULL, NULL, 0, "\"bins\" must be an array" }
  };
  double depth = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *json = g_strdup_printf ("{\"model_type\":\"x\",\"bins\":%s}", cases[i].bins);
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", json, -1, &error);
      Lists lists = { 0 };

      g_assert_no_error (error);
      g_assert_true (gtf_config_fill (config, each, &lists, &error) == (cases[i].says == NULL));
      if (cases[i].says)
        g_assert_nonnull (strstr (error->message, cases[i].says));
      else
        g_assert_true (g_strcmp0 (lists.names, cases[i].names) == 0 && g_strcmp0 (lists.depths, cases[i].depths) == 0 && lists.n == cases[i].n);
    }
  g_assert_true (gtf_config_list_float ("0.5| 3 |x", 1, 0, 3, &depth) && depth == 3);
  g_assert_false (gtf_config_list_float ("0.5|3|x", 1, 0, 2, &depth) || gtf_config_list_float ("0.5|3|x", 2, 0, 2, &depth) || gtf_config_list_float ("0.5", 1, 0, 2, &depth)
                  || gtf_config_list_float (NULL, 0, 0, 2, &depth) || gtf_config_list_float ("nan|", 0, 0, 2, &depth) || gtf_config_list_float ("nan|", 1, 0, 2, &depth));
}

static void
test_bad (void)
{
  static const struct { const char *json, *message; } cases[] = {
    { "", "config.json: line 1" }, { "[]", "expected a JSON object, found a list" }, { "{}", "\"model_type\" is missing" }, { "{\"model_type\":7}", "\"model_type\": expected a string, found 7" },
    { "{\"model_type\":\"x\",\"architectures\":7}", "\"architectures\": expected a list of class names, found 7" },
    { "{\"model_type\":\"x\",\"architectures\":[7]}", "\"architectures\": expected a string, found 7" },
    { "{\"model_type\":\"x\",\"dtype\":7}", "\"dtype\": expected a string, found 7" },
    { "{\"model_type\":\"x\",\"torch_dtype\":\"float33\"}", "\"torch_dtype\": expected the name of a floating-point type" },
    { "{\"model_type\":\"x\",\"tie_word_embeddings\":\"yes\"}", "\"tie_word_embeddings\": expected true or false" },
    { "{\"model_type\":\"x\",\"architectures\":[7]}", "\"architectures\": expected a string" },
    { "{\"model_type\":\"x\"}", "config.json: \"hidden_size\" is missing" },
    { "{\"model_type\":\"x\",\"d_model\":0}", "config.json: \"d_model\": expected an integer from 1 to 4096, found 0" },
    { "{\"model_type\":\"x\",\"d_model\":4097}", "found 4097" }, { "{\"model_type\":\"x\",\"d_model\":1e30}", "found 1e+30" }, { "{\"model_type\":\"x\",\"d_model\":1.5}", "found 1.5" },
    { "{\"model_type\":\"x\",\"d_model\":\"64\"}", "the string \"64\"" }, { "{\"model_type\":\"x\",\"d_model\":true}", "found true" }, { "{\"model_type\":\"x\",\"d_model\":[64]}", "found a list" },
    { "{\"model_type\":\"x\",\"d_model\":NaN}", "expected an integer" }, { "{\"model_type\":\"x\",\"d_model\":-9223372036854775808}", "found -9223372036854775808" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"layer_norm_eps\":NaN}", "\"layer_norm_eps\": expected a number from 0 to 1, found nan" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"layer_norm_eps\":Infinity}", "found inf" }, { "{\"model_type\":\"x\",\"d_model\":8,\"layer_norm_eps\":-1}", "found -1" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"flag\":\"yes\"}", "true or false" }, { "{\"model_type\":\"x\",\"d_model\":8,\"flag\":2}", "true or false" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"hidden_act\":\"swoosh\"}", "\"hidden_act\": the activation \"swoosh\" is unknown" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"hidden_act\":\"prelu\"}", "\"prelu\" has weights of its own, which are not read" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"hidden_act\":{}}", "expected a string, found an object" },
    { "{\"model_type\":\"x\",\"d_model\":8,\"id2label\":{}}", "\"id2label\" has 0 members, expected 1 to 3" }, { "{\"model_type\":\"x\",\"d_model\":8,\"num_labels\":9}", "found 9" }, { "{\"model_type\":\"x\",\"d_model\":8,\"position\":1}", "expected a string" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", cases[i].json, -1, &error);
      Config c = { 0 };

      g_assert_false (config && gtf_config_fill (config, fields, &c, &error));
      g_assert_nonnull (error);
      g_assert_cmpint (error->code, !=, GTF_ERROR_INVALID_ARGUMENT);
      if (!strstr (error->message, cases[i].message))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].json, error->message, cases[i].message);
    }
}

/* A map by numbers as a list: of what each member has under one key. */
static void
test_numbered (void)
{
  typedef struct { const char *windows; } Numbered;
  static const GtfConfigField numbered[] = { GTF_CONFIG_LIST_FIELD (Numbered, windows, "layers.#.window"), GTF_CONFIG_FIELDS_END };
  static const struct { const char *json, *expected, *message; } cases[] = {
    { "{\"model_type\":\"x\"}", NULL, NULL },
    { "{\"model_type\":\"x\",\"layers\":{}}", "", NULL },
    { "{\"model_type\":\"x\",\"layers\":{\"3\":{\"window\":null},\"1\":{\"window\":16},\"0\":{\"other\":1}}}", "|16||null", NULL },
    { "{\"model_type\":\"x\",\"layers\":[]}", NULL, "objects by numbers below 4096" },
    { "{\"model_type\":\"x\",\"layers\":{\"-1\":{}}}", NULL, "objects by numbers below 4096" },
    { "{\"model_type\":\"x\",\"layers\":{\"4096\":{}}}", NULL, "objects by numbers below 4096" },
    { "{\"model_type\":\"x\",\"layers\":{\"1\":[]}}", NULL, "objects by numbers below 4096" },
    { "{\"model_type\":\"x\",\"layers\":{\"1\":{\"window\":[2]}}}", NULL, "whose \"window\" is a string, a number or a truth value" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfConfig) config = gtf_config_parse ("config.json", cases[i].json, -1, &error);
      Numbered c = { NULL };

      g_assert_no_error (error);
      g_assert_cmpint (gtf_config_fill (config, numbered, &c, &error), ==, cases[i].message == NULL);
      if (cases[i].message == NULL)
        g_assert_cmpstr (c.windows, ==, cases[i].expected);
      else if (strstr (error->message, cases[i].message) == NULL)
        g_error ("%s: %s", cases[i].json, error->message);
    }
}

static void
test_dims (void)
{
  static const struct { GtfDim dim; gboolean ok; gint64 value; } cases[] = {
    { GTF_DIM (Config, size), TRUE, 32 }, { GTF_DIM_TIMES (Config, size, 3), TRUE, 96 }, { GTF_DIM_CONST (7), TRUE, 7 }, { GTF_DIM_TIMES (Config, layers, 4), FALSE, 0 },
    { GTF_DIM_TIMES (Config, size, -1), FALSE, 0 },
  };
  Config c = { .size = 32, .layers = G_MAXINT64 / 2 };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gint64 value = 0;

      g_assert_cmpint (gtf_dim_resolve (&cases[i].dim, &c, &value), ==, cases[i].ok);
      if (cases[i].ok)
        g_assert_cmpint (value, ==, cases[i].value);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/config/good", test_good);
  g_test_add_func ("/model/config/of-each", test_of_each);
  g_test_add_func ("/model/config/bad", test_bad);
  g_test_add_func ("/model/config/numbered", test_numbered);
  g_test_add_func ("/model/config/dims", test_dims);
  return g_test_run ();
}
