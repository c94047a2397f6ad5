/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Families of text encoders on tiny repositories with random weights, every head and odd switch, against what transformers computed
 * (data/golden/text-encoders/make.py): as a rectangle with a mask, and packed without padding.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "model/safetensors.h"
#include "model/session.h"
#include "tensor/tensor-private.h"

static const char *const input_names[] = { "input_ids", "attention_mask", "token_type_ids", "position_ids", "input_shape_ids", "input_pronunciation_ids" };

typedef struct
{
  char *name, *directory;
  GtfModel *model;
  GtfSession *session;
  GtfSafetensors *golden;
  GtfTensor *inputs[G_N_ELEMENTS (input_names)];
} Fixture;

static GtfTensor *
golden (Fixture *f, const char *name)
{
  const GtfStoredTensor *stored = gtf_safetensors_find (f->golden, name);
  g_autoptr (GError) error = NULL;
  GtfTensor *t = stored ? gtf_safetensors_read_tensor (f->golden, stored, &error) : NULL;

  g_assert_no_error (error);
  return t;
}

static void
set_up (Fixture *f, gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  f->name = g_strdup (name);
  f->directory = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", name, NULL);
  path = g_build_filename (f->directory, "golden.safetensors", NULL);
  f->model = gtf_model_load (f->directory, NULL, NULL, &error);
  g_assert_no_error (error);
  f->session = gtf_session_new (f->model, &error);
  g_assert_no_error (error);
  f->golden = gtf_safetensors_open_file (path, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (input_names); i++)
    f->inputs[i] = golden (f, input_names[i]);
}

static void
tear_down (Fixture *f, gconstpointer name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (input_names); i++)
    g_clear_pointer (&f->inputs[i], gtf_tensor_unref);
  g_clear_pointer (&f->golden, gtf_safetensors_free);
  g_clear_pointer (&f->session, gtf_session_free);
  g_clear_object (&f->model);
  g_free (f->directory);
  g_free (f->name);
}

static void
assert_row (const Fixture *f, const char *what, gint64 row, const float *found, const float *expected, gint64 n)
{
  for (gint64 i = 0; i < n; i++)
    if (!(fabsf (found[i] - expected[i]) <= 1e-4f * MAX (1.0f, fabsf (expected[i]))))
      g_error ("%s: %s: row %" G_GINT64_FORMAT ", element %" G_GINT64_FORMAT " is %g, not %g", f->name, what, row, i, found[i], expected[i]);
}

/* Whether nobody compares what stands at a token: some families compute something of their own for padding. */
static gboolean
is_skipped (const Fixture *f, gint64 token)
{
  return f->inputs[1] && gtf_safetensors_find (f->golden, "skip_padding") && ((gint32 *) f->inputs[1]->data)[token] == 0;
}

/* One row of an output of the rectangle. */
static void
check_row (const Fixture *f, const char *output, const GtfTensor *found, const GtfTensor *expected, gint64 row)
{
  const float *a = gtf_tensor_f32 (found) + gtf_tensor_row_offset (found, row), *b = gtf_tensor_f32 (expected) + row * gtf_tensor_cols (expected);
  gint64 n = gtf_tensor_cols (expected), n_tokens = (gint64) gtf_tensor_get_n_elements (f->inputs[0]);

  if (strcmp (output, "start_logits") == 0 || strcmp (output, "end_logits") == 0)
    {
      for (gint64 i = 0; i < n; i++)
        if (!is_skipped (f, row * n + i))
          assert_row (f, output, row, a + i, b + i, 1);
    }
  else if (expected->n_dims != 3 || gtf_tensor_rows (expected) != n_tokens || !is_skipped (f, row))
    assert_row (f, output, row, a, b, n);
}

/* Each output of the golden file, as it is there. */
static void
test_rectangle (Fixture *f, gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  guint n_outputs = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (input_names); i++)
    if (f->inputs[i])
      gtf_session_set_input (f->session, input_names[i], f->inputs[i]);
  gtf_session_want (f->session, "hidden_states");
  gtf_session_want (f->session, "attentions");
  gtf_session_forward (f->session, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (f->golden); i++)
    {
      const GtfStoredTensor *stored = gtf_safetensors_get (f->golden, i);
      const char *output = g_str_has_prefix (stored->name, "out.") ? stored->name + strlen ("out.") : NULL;
      g_autoptr (GtfTensor) expected = output ? golden (f, stored->name) : NULL;
      const GtfTensor *found = output ? gtf_session_get_output (f->session, output) : NULL;

      if (!output)
        continue;
      if (!found)
        g_error ("%s: there is no %s", f->name, output);
      if (found->n_dims != expected->n_dims || memcmp (found->shape, expected->shape, found->n_dims * sizeof (gint64)) != 0)
        g_error ("%s: %s has another shape, [.., %d, %d]", f->name, output, (int) gtf_tensor_get_dim ((GtfTensor *) found, -2), (int) gtf_tensor_cols (found));
      for (gint64 row = 0; row < gtf_tensor_rows (expected); row++)
        check_row (f, output, found, expected, row);
      n_outputs++;
    }
  g_assert_cmpuint (n_outputs, >, 0);
}

/* ---- packed --------------------------------------------------------------------------------------------------------- */

typedef struct
{
  gint64 n, n_texts, length;
  gint32 rows[1024];        /* of the rectangle, of each packed token */
  gint32 starts[64];
} Packing;

/* Without padding; FALSE where the padding is not at the end: positions would be others. */
static gboolean
pack (const Fixture *f, Packing *p)
{
  const GtfTensor *ids = f->inputs[0], *mask = f->inputs[1];

  p->length = gtf_tensor_cols (ids);
  p->n_texts = gtf_tensor_rows (ids);
  p->n = 0;
  for (gint64 text = 0; text < p->n_texts; text++)
    {
      gboolean ended = FALSE;

      p->starts[text] = (gint32) p->n;
      for (gint64 i = text * p->length; i < (text + 1) * p->length; i++)
        {
          gboolean seen = !mask || ((gint32 *) mask->data)[i];

          if (seen && ended)
            return FALSE;
          ended |= !seen;
          if (seen)
            p->rows[p->n++] = (gint32) i;
        }
    }
  p->starts[p->n_texts] = (gint32) p->n;
  return TRUE;
}

/* One number a token, or several. */
static GtfTensor *
packed_input (const Packing *p, const GtfTensor *from)
{
  const gint64 width = (gint64) gtf_tensor_get_n_elements (from) / (p->n_texts * p->length);
  GtfTensor *t = gtf_tensor_new (GTF_DTYPE_I32, width > 1 ? 3 : 2, (gint64[]){ 1, p->n, width }, NULL);

  for (gint64 i = 0; i < p->n; i++)
    memcpy ((gint32 *) t->data + i * width, (gint32 *) from->data + p->rows[i] * width, (gsize) width * sizeof (gint32));
  return t;
}

/* Where the golden file has what each text gives alone: that. Rows that are asked for are chosen among all. */
static gboolean
check_alone (Fixture *f, const Packing *p, const char *output, const GtfTensor *asked)
{
  g_autofree char *name = g_strconcat ("alone.", output, NULL);
  g_autoptr (GtfTensor) expected = golden (f, name);
  const GtfTensor *found = gtf_session_get_output (f->session, output);
  gint64 cols;

  if (!expected)
    return FALSE;
  if (!found)
    g_error ("%s: there is no %s", f->name, output);
  if (!asked)
    {
      g_assert_cmpuint (gtf_tensor_get_n_elements (found), ==, gtf_tensor_get_n_elements (expected));
      assert_row (f, output, 0, gtf_tensor_f32 (found), gtf_tensor_f32 (expected), (gint64) gtf_tensor_get_n_elements (found));
      return TRUE;
    }
  cols = gtf_tensor_cols (found);
  for (gint64 i = 0; i < gtf_tensor_cols (asked); i++)
    assert_row (f, output, i, gtf_tensor_f32 (found) + i * cols, gtf_tensor_f32 (expected) + ((gint32 *) asked->data)[i] * cols, cols);
  return TRUE;
}

/* Rows of tokens: the packed ones, or only those asked for. Rows of texts: all. */
static void
check_packed (Fixture *f, const Packing *p, const char *output, const GtfTensor *asked)
{
  g_autofree char *name = g_strconcat ("out.", output, NULL);
  g_autoptr (GtfTensor) expected = golden (f, name);
  const GtfTensor *found = gtf_session_get_output (f->session, output);
  gboolean by_text, flat;
  gint64 cols;

  if (!expected || check_alone (f, p, output, asked))
    return;
  if (!found)
    g_error ("%s: there is no %s", f->name, output);
  flat = expected->n_dims == 2 && gtf_tensor_cols (expected) == p->length && gtf_tensor_rows (expected) == p->n_texts;
  cols = flat ? 1 : gtf_tensor_cols (expected);
  by_text = !flat && expected->n_dims == 2;
  if (by_text)
    cols *= gtf_tensor_rows (expected);
  g_assert_cmpuint (gtf_tensor_get_n_elements (found), ==, by_text ? (gsize) cols : (gsize) (cols * (asked ? gtf_tensor_cols (asked) : p->n)));
  if (by_text)
    {
      assert_row (f, output, 0, gtf_tensor_f32 (found), gtf_tensor_f32 (expected), cols);
      return;
    }
  for (gint64 i = 0; i < (asked ? gtf_tensor_cols (asked) : p->n); i++)
    {
      gint64 row = asked ? ((gint32 *) asked->data)[i] : i;

      assert_row (f, output, row, gtf_tensor_f32 (found) + i * cols, gtf_tensor_f32 (expected) + p->rows[row] * cols, cols);
    }
}

static void
forward_packed (Fixture *f, const Packing *p, const GtfTensor *asked)
{
  GtfTensor *inputs[G_N_ELEMENTS (input_names)] = { NULL };
  g_autoptr (GtfTensor) starts = gtf_tensor_new (GTF_DTYPE_I32, 1, (gint64[]){ p->n_texts + 1 }, NULL);
  g_autoptr (GError) error = NULL;

  memcpy (starts->data, p->starts, (gsize) (p->n_texts + 1) * sizeof (gint32));
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    if (f->inputs[i] && strcmp (input_names[i], "attention_mask") != 0)
      {
        inputs[i] = packed_input (p, f->inputs[i]);
        gtf_session_set_input (f->session, input_names[i], inputs[i]);
      }
  gtf_session_set_input (f->session, "sequence_starts", starts);
  if (asked)
    gtf_session_set_input (f->session, "logits_positions", asked);
  gtf_session_forward (f->session, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    g_clear_pointer (&inputs[i], gtf_tensor_unref);
}

static void
test_packed (Fixture *f, gconstpointer name)
{
  static const char *const outputs[] = { "last_hidden_state", "pooler_output", "logits", "logits_aggregation", "start_logits", "end_logits", "seq_relationship_logits" };
  Packing p;

  if (!pack (f, &p))
    {
      g_test_skip ("padding at the front");
      return;
    }
  forward_packed (f, &p, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    check_packed (f, &p, outputs[i], NULL);
}

/* A masked LM gives only the rows that are asked for; none at all for none. */
static void
test_rows (Fixture *f, gconstpointer name)
{
  g_autoptr (GtfTensor) asked = gtf_tensor_new (GTF_DTYPE_I32, 1, (gint64[]){ 3 }, NULL), none = gtf_tensor_new (GTF_DTYPE_I32, 1, (gint64[]){ 0 }, NULL);
  Packing p;

  if (!strstr (name, "masked-lm") || !pack (f, &p))
    {
      g_test_skip ("not a masked LM");
      return;
    }
  memcpy (asked->data, ((gint32[]){ 2, 0, 11 }), 3 * sizeof (gint32));
  forward_packed (f, &p, asked);
  check_packed (f, &p, "logits", asked);
  forward_packed (f, &p, none);
  g_assert_null (gtf_session_get_output (f->session, "logits"));
}

/* Who asks for states gets those of the bare model, whatever head there is. */
static void
test_features (Fixture *f, gconstpointer name)
{
  g_autoptr (GtfTensor) expected = golden (f, "features.last_hidden_state");
  g_autoptr (GError) error = NULL;
  const GtfTensor *found;

  if (!expected)
    {
      g_test_skip ("no other states");
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (input_names); i++)
    if (f->inputs[i])
      gtf_session_set_input (f->session, input_names[i], f->inputs[i]);
  gtf_session_want (f->session, "last_hidden_state");
  gtf_session_forward (f->session, &error);
  g_assert_no_error (error);
  found = gtf_session_get_output (f->session, "last_hidden_state");
  g_assert_cmpuint (gtf_tensor_get_n_elements (found), ==, gtf_tensor_get_n_elements (expected));
  for (gint64 row = 0; row < gtf_tensor_rows (expected); row++)
    check_row (f, "last_hidden_state", found, expected, row);
}

/* ---- classes ---------------------------------------------------------------------------------------------------------- */

/* The last hidden state of the first text of bert/pretraining, where config.json says `architectures`. */
static GtfTensor *
hidden_state_as (const char *architectures, const char *const **tasks, GtfModel **model)
{
  g_autofree char *from = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", "bert", "pretraining", NULL);
  g_autofree char *folder = g_dir_make_tmp ("gtf-XXXXXX", NULL), *config = NULL;
  g_autofree char *weights_from = g_build_filename (from, "model.safetensors", NULL), *weights = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *config_from = g_build_filename (from, "config.json", NULL), *config_path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (GRegex) named = g_regex_new ("\"architectures\": \\[[^]]*\\],", 0, 0, NULL);
  g_autoptr (GtfTensor) ids = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 1, 4 }, NULL);
  g_autoptr (GtfSession) session = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *edited = NULL;
  const GtfTensor *state;
  GtfTensor *copy;

  g_assert_true (g_file_get_contents (config_from, &config, NULL, NULL));
  edited = g_regex_replace_literal (named, config, -1, 0, architectures, 0, NULL);
  g_assert_cmpstr (edited, !=, config);
  g_assert_true (g_file_set_contents (config_path, edited, -1, NULL));
  g_assert_cmpint (symlink (weights_from, weights), ==, 0);
  *model = gtf_model_load (folder, NULL, NULL, &error);
  g_assert_no_error (error);
  *tasks = gtf_model_get_tasks (*model);
  session = gtf_session_new (*model, &error);
  g_assert_no_error (error);
  memcpy (ids->data, ((gint32[]){ 5, 9, 20, 7 }), 4 * sizeof (gint32));
  gtf_session_set_input (session, "input_ids", ids);
  gtf_session_forward (session, &error);
  g_assert_no_error (error);
  g_unlink (weights);
  g_unlink (config_path);
  g_rmdir (folder);
  state = gtf_session_get_output (session, "last_hidden_state");
  copy = gtf_tensor_new (GTF_DTYPE_F32, state->n_dims, state->shape, NULL);
  gtf_tensor_read_f32 (state, 0, gtf_tensor_get_n_elements (state), copy->data);
  return copy;
}

/* The last hidden state of four tokens. */
static GBytes *
hidden_state_of (GtfModel *model)
{
  g_autoptr (GtfTensor) ids = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 1, 4 }, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfSession) session = gtf_session_new (model, &error);

  g_assert_no_error (error);
  memcpy (ids->data, ((gint32[]){ 5, 9, 20, 7 }), 4 * sizeof (gint32));
  gtf_session_set_input (session, "input_ids", ids);
  g_assert_true (gtf_session_forward (session, &error));
  return gtf_tensor_get_bytes (gtf_session_get_output (session, "last_hidden_state"));
}

/* The same weights in a pytorch_model.bin, of today and of before torch 1.6, give the same numbers to the bit; so does what
 * gtf_model_save_pretrained() writes of them. */
static void
test_pickled (void)
{
  static const char *const folders[] = { "text-encoders/bert/pretraining", "pickle/bert", "pickle/bert-legacy" };
  g_autoptr (GBytes) expected = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", folders[i], NULL), *parent = g_dir_make_tmp ("gtf-XXXXXX", NULL);
      g_autofree char *saved = g_build_filename (parent, "saved", NULL), *command = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error), again = NULL;
      g_autoptr (GBytes) state = NULL, state_again = NULL;

      g_assert_no_error (error);
      state = hidden_state_of (model);
      if (!expected)
        expected = g_bytes_ref (state);
      g_assert_true (g_bytes_equal (state, expected));
      g_assert_true (gtf_model_save_pretrained (model, saved, "{\"max_shard_size\": \"2KB\"}", NULL, &error));
      again = gtf_model_load (saved, NULL, NULL, &error);
      g_assert_no_error (error);
      state_again = hidden_state_of (again);
      g_assert_true (g_bytes_equal (state_again, expected));
      command = g_strdup_printf ("rm -rf '%s'", parent);
      g_assert_cmpint (system (command), ==, 0);
    }
}

/* A class that the module does not know, or none: the bare model, which gives features and nothing else. */
static void
test_unknown_class (void)
{
  static const char *const architectures[] = { "\"architectures\": [\"BertForSomethingElse\"],", "\"architectures\": null,", "" };
  g_autoptr (GtfModel) known = NULL;
  const char *const *tasks;
  g_autoptr (GtfTensor) expected = hidden_state_as ("\"architectures\": [ \"BertForPreTraining\" ],", &tasks, &known);

  g_assert_true (g_strv_contains (tasks, "fill-mask"));
  for (gsize i = 0; i < G_N_ELEMENTS (architectures); i++)
    {
      g_autoptr (GtfModel) model = NULL;
      g_autoptr (GtfTensor) found = hidden_state_as (architectures[i], &tasks, &model);

      g_assert_true (g_strv_contains (tasks, "feature-extraction") && g_strv_contains (tasks, "sentence-embedding"));
      g_assert_false (g_strv_contains (tasks, "fill-mask"));
      g_assert_cmpuint (gtf_tensor_get_n_elements (found), ==, gtf_tensor_get_n_elements (expected));
      for (gsize k = 0; k < gtf_tensor_get_n_elements (found); k++)
        g_assert_cmpfloat (gtf_tensor_f32 (found)[k], ==, gtf_tensor_f32 (expected)[k]);
    }
}

static gint
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*run) (Fixture *f, gconstpointer name);
  } tests[] = { { "rectangle", test_rectangle }, { "packed", test_packed }, { "rows", test_rows }, { "features", test_features } };
  g_autofree char *root = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", NULL);
  g_autoptr (GDir) families = g_dir_open (root, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *family, *name;

  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (families);
  while ((family = g_dir_read_name (families)))
    {
      g_autofree char *path = g_build_filename (root, family, NULL);
      g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

      while (dir && (name = g_dir_read_name (dir)))
        g_ptr_array_add (names, g_strconcat (family, "/", name, NULL));
    }
  g_assert_cmpuint (names->len, >, 0);
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    for (gsize t = 0; t < G_N_ELEMENTS (tests); t++)
      {
        g_autofree char *path = g_strdup_printf ("/text-encoders/%s/%s", (char *) names->pdata[i], tests[t].name);

        g_test_add (path, Fixture, names->pdata[i], set_up, tests[t].run, tear_down);
      }
  g_test_add_func ("/text-encoders/unknown-class", test_unknown_class);
  g_test_add_func ("/text-encoders/pickled", test_pickled);
  return g_test_run ();
}
