/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times the forward pass of a text encoder on a repository: not a test. Prints one JSON object with milliseconds of every run.
 *
 *   bench-text MODEL DTYPE TOKENS|TOKENSxTEXTS|mixed [RUNS]
 *
 * mixed: 1,000 texts of 4 to 64 tokens as they come, in packs of some thousand tokens, without padding.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define PACK 2048               /* tokens */
#define MIXED_TEXTS 1000
#define SPECIAL 1000            /* ids below it are none of text in BERT's vocabularies */

typedef struct
{
  GtfSession *session;
  GArray *lengths;              /* of all texts */
  gint64 vocab;
} Bench;

/* Texts first ... of which the pack is made; gives the first of the next. */
static guint
forward_pack (Bench *b, guint first)
{
  g_autoptr (GArray) starts = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GtfTensor) ids = NULL;
  g_autoptr (GtfTensor) sequences = NULL;
  gint32 n = 0;
  guint i;
  GError *error = NULL;

  g_array_append_val (starts, n);
  for (i = first; i < b->lengths->len && (n == 0 || n + g_array_index (b->lengths, gint32, i) <= PACK); i++)
    {
      n += g_array_index (b->lengths, gint32, i);
      g_array_append_val (starts, n);
    }
  ids = gtf_tensor_new (GTF_DTYPE_I32, 2, (gint64[]){ 1, n }, &error);
  bench_die_if (error);
  for (gint32 j = 0; j < n; j++)
    ((gint32 *) ids->data)[j] = SPECIAL + (gint32) ((first + (guint) j) * 7919u % (guint32) (b->vocab - SPECIAL));
  sequences = gtf_tensor_new (GTF_DTYPE_I32, 1, (gint64[]){ starts->len }, &error);
  bench_die_if (error);
  memcpy (sequences->data, starts->data, starts->len * sizeof (gint32));
  gtf_session_set_input (b->session, "input_ids", ids);
  gtf_session_set_input (b->session, "sequence_starts", sequences);
  gtf_session_forward (b->session, &error);
  bench_die_if (error);
  return i;
}

static void
forward (Bench *b)
{
  for (guint i = 0; i < b->lengths->len;)
    i = forward_pack (b, i);
}

static void
read_lengths (Bench *b, const char *what)
{
  const char *times = strchr (what, 'x');
  gboolean mixed = strcmp (what, "mixed") == 0;
  int n = mixed ? MIXED_TEXTS : times != NULL ? atoi (times + 1) : 1;

  b->lengths = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (int i = 0; i < n; i++)
    {
      gint32 length = mixed ? 4 + i * 37 % 61 : MAX (atoi (what), 1);
      g_array_append_val (b->lengths, length);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *options = NULL;
  g_autoptr (GtfModel) model = NULL;
  Bench b = { 0 };
  int runs = argc > 4 ? atoi (argv[4]) : 7;
  GError *error = NULL;

  if (argc < 4 || runs < 1)
    {
      g_printerr ("Usage: bench-text MODEL DTYPE TOKENS|TOKENSxTEXTS|mixed [RUNS]\n");
      return 2;
    }
  options = g_strdup_printf ("{\"dtype\": \"%s\"}", argv[2]);
  model = gtf_model_load (argv[1], options, NULL, &error);
  bench_die_if (error);
  gtf_model_get_config_int (model, "vocab_size", &b.vocab);
  b.session = gtf_session_new (model, &error);
  bench_die_if (error);
  read_lengths (&b, argv[3]);
  bench_run ((BenchFunc) forward, &b, 2, runs);
  gtf_session_free (b.session);
  g_array_unref (b.lengths);
  return 0;
}
