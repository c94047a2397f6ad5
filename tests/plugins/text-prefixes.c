/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files whose tensors stand under another prefix than the class has: transformers takes the prefix of a base model off or puts it before
 * the names, whichever fits. The same numbers come out.
 */
#include <string.h>

#include "../core/tools/spoil.h"
#include "model/session.h"
#include "tensor/tensor-private.h"

static const struct
{
  const char *repository, *from, *to;
} cases[] = {
  { "modernvbert/masked-lm", "model.text_model.", "text_model." },
  { "modernvbert/masked-lm", "model.text_model.", "" },
  { "modernvbert/sequence-mean", "model.text_model.", "text_model." },
  { "modernvbert/token", "model.text_model.", "text_model." },
  { "modernvbert/model", "text_model.", "model.text_model." },
  { "modernvbert/model", "text_model.", "" },
  { "ultravbert/masked-lm", "model.text_model.", "text_model." },
  { "ultravbert/sequence", "model.text_model.", "text_model." },
  { "ultravbert/token", "model.text_model.", "text_model." },
  { "ultravbert/model", "text_model.", "model.text_model." },
  { "ultrabert/model", "", "ultrabert." },
  { "ultrabert/model", "", "model." },
  { "ultrabert/token", "ultrabert.", "" },
  { "ultrabert/token", "ultrabert.", "model." },
  { "bert/token", "bert.", "" },
  { "t5/token", "transformer.", "" },
  { "t5/encoder", "", "transformer." },
  { "neomme/masked-lm", "model.", "" },
  { "neomme/model", "", "model." },
};

/* The file with `from` at the beginning of names replaced; only the header changes, and places count from its end. */
static void
rename_tensors (const char *folder, const char *from, const char *to)
{
  gsize length;
  g_autofree char *data = spoil_get (folder, "model.safetensors", &length), *escaped = g_regex_escape_string (from, -1);
  /* a name stands before an object that begins with its type */
  g_autofree char *pattern = g_strdup_printf ("\"%s([^\"_][^\"]*\": *\\{ *\"dtype)", escaped), *with = g_strdup_printf ("\"%s\\1", to), *header = NULL;
  g_autoptr (GRegex) name = g_regex_new (pattern, 0, 0, NULL);
  g_autoptr (GString) file = g_string_new (NULL);
  guint64 old_size, size;

  memcpy (&old_size, data, sizeof old_size);
  old_size = GUINT64_FROM_LE (old_size);
  header = g_regex_replace (name, data + 8, (gssize) old_size, 0, with, 0, NULL);
  size = GUINT64_TO_LE ((guint64) strlen (header));
  g_string_append_len (file, (const char *) &size, sizeof size);
  g_string_append (file, header);
  g_string_append_len (file, data + 8 + old_size, (gssize) (length - 8 - old_size));
  spoil_put (folder, "model.safetensors", file->str, file->len);
}

/* What it says of four tokens. (transfer full) */
static GBytes *
answer (const char *folder, const char *shown)
{
  g_autoptr (GtfTensor) ids = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 1, 4 }, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfModel) model = gtf_model_load (folder, NULL, NULL, &error);
  g_autoptr (GtfSession) session = NULL;
  const GtfTensor *logits;

  if (!model)
    g_error ("%s: %s", shown, error->message);
  session = gtf_session_new (model, &error);
  memcpy (ids->data, ((gint32[]){ 5, 9, 20, 7 }), 4 * sizeof (gint32));
  gtf_session_set_input (session, "input_ids", ids);
  gtf_session_forward (session, &error);
  g_assert_no_error (error);
  logits = gtf_session_get_output (session, "logits");
  return gtf_tensor_get_bytes (logits ? logits : gtf_session_get_output (session, "last_hidden_state"));
}

static void
test_prefixes (void)
{
  g_autofree char *parent = g_dir_make_tmp ("gtf-prefixes-XXXXXX", NULL), *scratch = g_build_filename (parent, "repository", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-encoders", cases[i].repository, NULL);
      g_autofree char *shown = g_strdup_printf ("%s: \"%s\" is \"%s\"", cases[i].repository, cases[i].from, cases[i].to);
      g_autoptr (GBytes) expected = answer (folder, cases[i].repository), found = NULL;

      spoil_restore (scratch, folder);
      rename_tensors (scratch, cases[i].from, cases[i].to);
      found = answer (scratch, shown);
      if (!g_bytes_equal (found, expected))
        g_error ("%s: other numbers", shown);
    }
  toy_remove (scratch);
  g_rmdir (parent);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugins/text-prefixes/renamed", test_prefixes);
  return g_test_run ();
}
