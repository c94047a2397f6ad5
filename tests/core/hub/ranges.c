/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub/ranges.c: parts of a file that stays on the Hub, from servers that know ranges and that do not; what is asked, and that the token goes to the Hub alone.
 */
#include <string.h>
#include "hub/ranges.h"
#include "server.h"

#define SIZE 3000000u

static HubServer *server;
static guint8 *contents;

typedef struct
{
  guint64 offset;
  gsize length;
} Part;

#define NO_FAULT { "GET", "nothing", HUB_CUT }

static const struct
{
  const char *name;
  Part parts[4];                /* read one after the other; length 0 ends them */
  HubFault fault;
  guint requests;               /* that bring something */
  const char *ranges;           /* the last of them, asked for */
  int code;                     /* of the error; 0: none */
} cases[] = {
  { "the beginning, twice", { { 0, 8 }, { 8, 500 } }, NO_FAULT, 1, "range=bytes=0-99999 " },
  { "a long header", { { 0, 8 }, { 8, 250000 } }, NO_FAULT, 2, "range=bytes=100000-250007 " },
  { "the end, and before it", { { SIZE - 22, 22 }, { SIZE - 90000, 90000 } }, NO_FAULT, 1, "range=bytes=2900000-2999999 " },
  { "more than the least at the end", { { SIZE - 150000, 150000 } }, NO_FAULT, 1, "range=bytes=2850000-2999999 " },
  { "from the middle to what is there", { { 1000000, 10 }, { 999000, 2000 } }, NO_FAULT, 2, "range=bytes=999000-1098999 " },
  { "over a hole", { { 0, 10 }, { 200000, 10 }, { 50000, 200000 } }, NO_FAULT, 3, "range=bytes=100000-249999 " },
  { "no ranges, at the beginning", { { 0, 8 }, { 8, 250000 } }, { "GET", "/cdn/", HUB_IGNORE_RANGE }, 2, NULL },
  { "no ranges, far off", { { SIZE - 22, 22 } }, { "GET", "/cdn/", HUB_IGNORE_RANGE }, 1, NULL, GTF_ERROR_UNSUPPORTED },
  { "another part", { { 1000000, 10 } }, { "GET", "/cdn/", HUB_OTHER_RANGE }, 1, NULL, GTF_ERROR_INVALID_DATA },
  { "two parts claimed", { { 0, 10 } }, { "GET", "/cdn/", HUB_HEADER, 1, 0, "Content-Range: bytes 5-9/100" }, 1, NULL, GTF_ERROR_INVALID_DATA },
  { "cut", { { 0, 500 } }, { "GET", "/cdn/", HUB_CUT, 100 }, 1, NULL, GTF_ERROR_IO },
  { "fails once", { { 0, 500 } }, { "GET", "/cdn/", HUB_STATUS, 500, 1 }, 2, NULL },
  { "chunked", { { 0, 500 } }, { "GET", "/cdn/", HUB_CHUNKED }, 1, NULL },
};

static guint
count_lines (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = strstr (text, part); p; p = strstr (p + 1, part))
    n++;
  return n;
}

static void
check_log (guint i)
{
  g_autofree char *log = hub_server_take_log (server);
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  const char *last = lines[g_strv_length (lines) - 2];

  g_assert_cmpuint (count_lines (log, "/cdn/"), ==, cases[i].requests);
  if (cases[i].fault.kind != HUB_STATUS)
    g_assert_cmpuint (count_lines (log, "/resolve/"), ==, 1);           /* where it lies is asked once */
  g_assert_cmpuint (count_lines (log, " token"), ==, count_lines (log, "/resolve/"));
  g_assert_null (strstr (log, "token cdn"));
  if (cases[i].ranges)
    g_assert_nonnull (strstr (last, cases[i].ranges));
}

static void
test_ranges (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfHubClient) client = gtf_hub_client_new (HUB_TOKEN, &error);
  g_autoptr (GtfHubRepo) repo = gtf_hub_repo_new (GTF_HUB_TYPE_MODEL, "org/model", NULL, &error);
  GtfHubFile file = { .path = (char *) "model.bin", .size = SIZE };
  g_autofree guint8 *buffer = g_malloc (SIZE);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfHubRanges) ranges = gtf_hub_ranges_new (client, repo, "main", &file, NULL);
      gboolean ok = TRUE;

      g_test_message ("%s", cases[i].name);
      hub_server_clear_faults (server);
      hub_server_fault (server, &cases[i].fault);
      for (const Part *part = cases[i].parts; part->length && ok; part++)
        {
          ok = gtf_hub_ranges_read (ranges, part->offset, buffer, part->length, &error);
          g_assert_true (!ok || memcmp (buffer, contents + part->offset, part->length) == 0);
        }
      if (cases[i].code)
        g_assert_error (error, GTF_ERROR, cases[i].code);
      else
        g_assert_no_error (error);
      g_clear_error (&error);
      check_log (i);
    }
  hub_server_clear_faults (server);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  gtf_hub_backoff = 1;
  g_unsetenv ("HF_HUB_OFFLINE");
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  contents = g_malloc (SIZE);
  for (guint i = 0; i < SIZE; i++)
    contents[i] = (guint8) (i * 2654435761u >> 24);
  hub_server_add (server, "org/model", "main", "model.bin", contents, SIZE, TRUE);
  g_test_add_func ("/hub/ranges", test_ranges);
  status = g_test_run ();
  hub_server_free (server);
  g_free (contents);
  return status;
}
