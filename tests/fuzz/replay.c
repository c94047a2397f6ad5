/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs a fuzz target without a fuzzer: over each file of its corpus, then over random mutations of them. The number of
 * mutations is bounded and the seed fixed, so a run is the same everywhere and takes a second or two.
 *
 *   fuzz-NAME CORPUS [MUTATIONS [SEED]]       or  fuzz-NAME FILE  to look at one input
 *
 * With -Dfuzz=true and clang the same targets are linked with libFuzzer instead of this file.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

#define MAX_SIZE 65536

/* Bytes that mean something in the formats we read: a random one is more often syntax than noise. */
static const char interesting[] = "{}[]\",:\\u0019.-+eE \n\t\xff\x80\x7f\x01";

typedef struct
{
  guint8 data[MAX_SIZE];
  gsize size;
} Input;

static void
insert_bytes (Input *in, gsize at, const guint8 *bytes, gsize n)
{
  n = MIN (n, MAX_SIZE - in->size);
  memmove (in->data + at + n, in->data + at, in->size - at);
  memmove (in->data + at, bytes, n);
  in->size += n;
}

static void
mutate_once (GRand *rand, Input *in)
{
  gsize at = in->size ? (gsize) g_rand_int_range (rand, 0, (gint32) in->size) : 0;
  guint8 byte = (guint8) interesting[g_rand_int_range (rand, 0, (gint32) sizeof interesting)];
  guint8 chunk[64];
  gsize n;

  switch (g_rand_int_range (rand, 0, 7))
    {
    case 0:
      if (in->size)
        in->data[at] ^= (guint8) (1 << g_rand_int_range (rand, 0, 8));
      break;
    case 1:
      if (in->size)
        in->data[at] = byte;
      break;
    case 2:
      insert_bytes (in, at, &byte, 1);
      break;
    case 3:   /* leave out a piece */
      n = (gsize) g_rand_int_range (rand, 1, 32);
      n = MIN (n, in->size - at);
      memmove (in->data + at, in->data + at + n, in->size - at - n);
      in->size -= n;
      break;
    case 4:   /* say a piece twice */
      n = (gsize) g_rand_int_range (rand, 1, (gint32) sizeof chunk);
      n = MIN (n, in->size - at);
      memcpy (chunk, in->data + at, n);
      insert_bytes (in, at, chunk, n);
      break;
    case 5:   /* cut off */
      if (g_rand_int_range (rand, 0, 8) == 0)
        in->size = at;
      break;
    default:  /* another digit: numbers are where readers go wrong */
      for (gsize i = at; i < in->size; i++)
        if (g_ascii_isdigit (in->data[i]))
          {
            in->data[i] = (guint8) ('0' + g_rand_int_range (rand, 0, 10));
            break;
          }
    }
}

static void
run_copy (const guint8 *data, gsize size)
{
  /* An allocation of exactly this size, so that a sanitizer sees one byte too far. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  LLVMFuzzerTestOneInput (copy, size);
}

static void
run_file (const char *path, guint mutations, guint32 seed)
{
  g_autofree char *text = NULL;
  g_autofree Input *in = g_new (Input, 1);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  gsize length;

  if (!g_file_get_contents (path, &text, &length, NULL))
    exit (1);
  run_copy ((const guint8 *) text, length);
  for (guint i = 0; i < mutations; i++)
    {
      in->size = MIN (length, MAX_SIZE);
      memcpy (in->data, text, in->size);
      for (guint n = 1 + (guint) g_rand_int_range (rand, 0, 6); n; n--)
        mutate_once (rand, in);
      run_copy (in->data, in->size);
    }
}

int
main (int argc, char **argv)
{
  guint mutations = argc > 2 ? (guint) atoi (argv[2]) : 2000;
  guint32 seed = argc > 3 ? (guint32) atoi (argv[3]) : 1;
  g_autoptr (GDir) dir = argc > 1 ? g_dir_open (argv[1], 0, NULL) : NULL;
  const char *name;
  guint n = 0;

  if (argc > 1 && !dir)
    {
      run_file (argv[1], 0, seed);
      return 0;
    }
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (argv[1], name, NULL);

      run_file (path, mutations, seed);
      g_print ("ok %u %s\n", ++n, name);
    }
  g_print ("1..%u\n", n);
  return n ? 0 : 1;
}
