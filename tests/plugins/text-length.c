/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts longer than the model has positions: one error that says so, and as soon as the tokens are counted. The rows of all tokens of some
 * megabytes of text would be gigabytes.
 */
#include <string.h>

#include "model/session.h"
#include "tensor/tensor-private.h"

static const struct
{
  const char *repository, *says;
} cases[] = {
  { "bert/model", "a text of 40000 tokens is too long for the model: max_position_embeddings is 16" },
  { "roberta/model", "a text of 40000 tokens is too long for the model" },
  { "mobilebert/model", "a text of 40000 tokens is too long for the model: max_position_embeddings is 16" },
  { "xlm/model", "40000 tokens are more than the 16 positions of the model" },
  { "big_bird/model", "40000 tokens are more than the" },
  { "deberta/masked-lm", "40000 tokens are more than the 16 positions of the model" },
};

static void
test_too_long (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", cases[i].repository, NULL);
      g_autoptr (GtfTensor) ids = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 1, 40000 }, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
      g_autoptr (GtfSession) session = NULL;

      g_assert_no_error (error);
      session = gtf_session_new (model, &error);
      for (gint k = 0; k < 40000; k++)
        ((gint32 *) ids->data)[k] = 3;
      gtf_session_set_input (session, "input_ids", ids);
      g_assert_false (gtf_session_forward (session, &error));
      if (!strstr (error->message, cases[i].says))
        g_error ("%s: \"%s\" does not say \"%s\"", cases[i].repository, error->message, cases[i].says);
      g_assert_null (strstr (error->message, "embedding:"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugins/text-length/too-long", test_too_long);
  return g_test_run ();
}
