/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The commands that ask the Hub, and --model auto, from outside, with the Hub of tests/core/hub: what is printed where, exit statuses, and what was asked. Each
 * case has a cache of its own. "Retry-After: 0" makes the tool try again at once.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "../hub/server.h"
#include "../model/repository.h"
#include "tool.h"

static HubServer *server;
static char *scratch, *home, *commit, *uploads;

#define AT_ONCE "Retry-After: 0\r\n"

static const struct
{
  const char *line;
  const char *variable;         /* "NAME=VALUE", NULL: none */
  HubFault fault;               /* .part NULL: none */
  int status;
  const char *out, *err;        /* all of it, or after a '~' what is in it, separated by '~'; NULL: nothing */
  guint requests;
} cases[] = {
  { "search", NULL, { 0 }, 0,
    "ID        TASK      DOWNLOADS LIKES PARAMETERS SIZE RUNS\n"
    "--------- --------- --------- ----- ---------- ---- ---------------\n"
    "org/bert  fill-mask      1000     3 1.2M            yes\n"
    "org/alien fill-mask       999     3 1.2M            needs gtf-alien\n"
    "org/last  fill-mask       998     3 1.2M            yes\n", NULL, 2 },
  { "search ali --json", NULL, { 0 }, 0,
    "[{\"id\": \"org/alien\", \"task\": \"fill-mask\", \"library\": \"\", \"model_type\": \"alien\", \"downloads\": 999, \"likes\": 3, \"parameters\": 1234567, \"size\": 0, "
    "\"last_modified\": \"\", \"runs\": \"needs gtf-alien\"}]\n", NULL, 1 },
  { "search --limit 1 --quiet", NULL, { 0 }, 0, "org/bert\n", NULL, 1 },
  { "search --limit 3 -q", NULL, { 0 }, 0, "org/bert\norg/alien\norg/last\n", NULL, 2 },
  { "search", NULL, { "GET", "/api/models", HUB_BODY, 0, 0, "[{\"id\": \"a\", \"safetensors\": {\"total\": 1500000, \"parameters\": {\"F16\": 1500000}}}]" }, 0,
    "ID TASK DOWNLOADS LIKES PARAMETERS SIZE RUNS\n-- ---- --------- ----- ---------- ---- ----\na               0     0 1.5M       3.0M ?\n", NULL, 1 },
  { "search nothing", NULL, { 0 }, 0, "No results found.\n", NULL, 1 },
  { "search nothing --format json", NULL, { 0 }, 0, "[]\n", NULL, 1 },
  { "search nothing -q", NULL, { 0 }, 0, NULL, NULL, 1 },
  { "search last -q", NULL, { "GET", "/api/models", HUB_STATUS, 500, 1, AT_ONCE }, 0, "org/last\n", NULL, 2 },
  { "search last -q", NULL, { "GET", "/api/models", HUB_STATUS, 429, 1, "Retry-After: 1\r\n" }, 0, "org/last\n", NULL, 2 },
  { "search", NULL, { "GET", "/api/models", HUB_STATUS, 500, 0, AT_ONCE }, 1, NULL, "error: search: the Hub answers 500: made to fail\n", 6 },
  { "search --json", NULL, { "GET", "/api/models", HUB_STATUS, 429, 0, AT_ONCE }, 1, NULL, "~error: search: ~(429): try again in 0 s; ~logged in\n", 6 },
  { "search", NULL, { "GET", "/api/models", HUB_STATUS, 403 }, 1, NULL, "~error: search: not allowed (403): made to fail", 1 },
  { "search", NULL, { "GET", "/api/models", HUB_BODY, 0, 0, "<html>" }, 1, NULL, "~error: search: the answer of the Hub~", 1 },
  { "search", NULL, { "GET", "/api/models", HUB_BODY, 0, 0, "[{\"id\": 3}]" }, 1, NULL, "~error: search: the answer of the Hub is not what it should be~\"id\"", 1 },
  { "search", "HF_ENDPOINT=http://127.0.0.1:1", { 0 }, 1, NULL, "~error: search: http://127.0.0.1:1/api/models cannot be reached: ", 0 },
  { "search", "HF_ENDPOINT=nonsense", { 0 }, 1, NULL, "error: search: HF_ENDPOINT is no address of the Web: expected one like https://huggingface.co\n", 0 },
  { "inspect org/bert", "HF_ENDPOINT=ftp://a", { 0 }, 1, NULL, "~error: org/bert (revision main): HF_ENDPOINT is no address of the Web: ", 0 },
  { "search", "HF_TOKEN=a b", { 0 }, 1, NULL, "~error: the token of the Hub holds a space~HF_TOKEN", 0 },
  { "search", "HF_HUB_OFFLINE=1", { 0 }, 1, NULL, "~error: search: the Hub is not asked, since HF_HUB_OFFLINE ", 0 },
  { "search a b", NULL, { 0 }, 2, NULL, "~'b' was not expected~\nTry: gtransformers search --help\n", 0 },
  { "search --limit 0", NULL, { 0 }, 2, NULL, "~--limit '0'", 0 },
  { "search --limit x", NULL, { 0 }, 2, NULL, "~--limit 'x'", 0 },
  { "search --sort size", NULL, { 0 }, 2, NULL, "~--sort~'size'", 0 },
  { "search --format yaml", NULL, { 0 }, 2, NULL, "~--format 'yaml'", 0 },
  { "search --nonsense", NULL, { 0 }, 2, NULL, "~--nonsense", 0 },

  { "inspect org/none", NULL, { 0 }, 1, NULL, "~error: org/none (revision main): the Hub has no such repository~no token was sent\n", 1 },
  { "inspect org/none --revision v2", "HF_TOKEN=" HUB_TOKEN, { 0 }, 1, NULL, "~error: org/none (revision v2): the Hub has no such repository~this token", 1 },
  { "inspect org/bert --revision v9", NULL, { 0 }, 1, NULL, "error: org/bert (revision v9): the repository has no such revision\n", 1 },
  { "inspect org/last", NULL, { "GET", "/revision/", HUB_STATUS, 404 }, 1, NULL, "error: org/last (revision main): not found (404): made to fail\n", 1 },
  { "inspect org/bert", "HF_HUB_OFFLINE=1", { 0 }, 1, NULL, "~error: org/bert: revision 'main' is not in the Hugging Face cache~gtransformers download org/bert\n", 0 },
  { "inspect org/bert --revision spoilt", NULL, { 0 }, 1, "~\nmodel_type     bert\n~\nuse in\n", "~error: org/bert/model.safetensors: is no safetensors file, or truncated: ", 5 },

  { "download org/bert config.json", NULL, { 0 }, 0, "$H/hub/models--org--bert/snapshots/$C/config.json\n", NULL, 2 },
  { "download org/bert config.json --revision moving", NULL, { "HEAD", "/moving/", HUB_CHANGE, 0, 1, "{\"changed\": true}" }, 0, "~$H/hub/models--org--bert/snapshots/~/config.json\n", NULL, 2 },
  { "download org/bert model.safetensors --revision moving", NULL, { "HEAD", "/moving/", HUB_CHANGE, 0, 1, "changed" }, 0, "~$H/hub/models--org--bert/snapshots/~/model.safetensors\n", NULL, 2 },
  { "download org/bert config.json", NULL, { "HEAD", "/org/bert/", HUB_HEADER, 1, 0, "ETag: \"0123\"" }, 1, NULL, "~error: org/bert (revision main): config.json: ~X-Repo-Commit and ETag", 1 },
  { "download org/bert config.json", NULL, { "HEAD", "/org/bert/", HUB_HEADER, 0, 0, "ETag: \"../../x\"" }, 1, NULL, "~X-Repo-Commit and ETag", 1 },
  { "download org/bert config.json", NULL, { "HEAD", "/org/bert/", HUB_HEADER, 1, 0, "X-Repo-Commit: 0123456789012345678901234567890123456789" }, 1, NULL, "~X-Repo-Commit and ETag", 1 },
  { "download org/bert config.json", NULL, { "GET", "/org/bert/", HUB_BODY, 0, 0, "{\"model_type\": \"bart\"}" }, 1, NULL, "~config.json: the server announces ~ bytes, expected ", 2 },
  { "download org/bert none.json", NULL, { 0 }, 1, NULL, "error: org/bert (revision main): none.json: there is no such file in this revision\n", 1 },
  { "download org/bert config.json", "HF_HUB_OFFLINE=1", { 0 }, 1, NULL, "~error: org/bert (revision main): config.json: the Hub is not asked, since HF_HUB_OFFLINE ", 0 },
  { "download", NULL, { 0 }, 2, NULL, "~repository is missing", 0 },
  { "download org/bert --type thing", NULL, { 0 }, 2, NULL, "~--type 'thing'", 0 },
  { "download org/bert@v1 --revision v1", NULL, { 0 }, 2, NULL, "~--revision", 0 },

  { "upload tester/new $U", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/tester/new/commit/~\n", NULL, 7 },
  { "upload tester/new $U --json", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~{\"url\": \"$E/tester/new/commit/~\"}\n", "the repository has all of it already: no commit is made\n", 4 },
  { "upload tester/new $U/a.json b/c.json -q --create-pr", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/tester/new/commit/", NULL, 3 },
  { "upload new $U/a.json d.json --create-pr --commit-message Hello", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/tester/new/commit/", "~pull request: $E/tester/new/discussions/", 3 },
  { "upload datasets/tester/data $U/a.json --include x", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/datasets/tester/data/commit/", "--include is ignored, since a single file is uploaded\n", 3 },
  { "upload hf://models/tester/new@next/below $U --exclude *.bin --delete b*", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/tester/new/commit/", NULL, 6 },
  { "upload tester/new@refs/pr/1 $U/a.json more.json", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "~$E/tester/new/commit/", NULL, 4 },
  { "upload tester/slow $U/a.json", "HF_TOKEN=" HUB_TOKEN, { "POST", "/preupload/", HUB_STATUS, 500, 1, AT_ONCE }, 0, "~$E/tester/slow/commit/", NULL, 4 },
  { "upload tester/new $U/a.json", NULL, { 0 }, 1, NULL, "error: tester/new: who uploads must be logged in (gtransformers auth login, or HF_TOKEN); no token was sent\n", 1 },
  { "upload tester/new $U/a.json --token hf_wrong", NULL, { 0 }, 1, NULL, "~error: tester/new: the Hub does not know this token~", 2 },
  { "upload tester/new $U/a.json", "HF_HUB_OFFLINE=1", { 0 }, 1, NULL, "~the Hub is not asked, since HF_HUB_OFFLINE ", 0 },
  { "upload tester/new $U/none", NULL, { 0 }, 1, NULL, "~/none: there is no such file or folder\n", 0 },
  { "upload tester/none", NULL, { 0 }, 1, NULL, "error: 'none' is no file or folder here: say what is to be uploaded: gtransformers upload tester/none PATH\n", 0 },
  { "upload a--b $U", NULL, { 0 }, 1, NULL, "~a--b", 0 },
  { "upload tester/new 'x*' --include y", NULL, { 0 }, 1, NULL, "~'x*' is a pattern, and cannot be combined with --include", 0 },
  { "upload hf://tester/new/a $U b", NULL, { 0 }, 1, NULL, "~'a' of the hf:// address and the argument 'b' exclude each other\n", 0 },
  { "upload", NULL, { 0 }, 2, NULL, "~repository is missing", 0 },
  { "upload a b c d", NULL, { 0 }, 2, NULL, "~'d' was not expected", 0 },
  { "upload a b --every 5", NULL, { 0 }, 2, NULL, "~--every is not there", 0 },
  { "upload a b --type thing", NULL, { 0 }, 2, NULL, "~--type 'thing'", 0 },
  { "upload datasets/a/b c --type model", NULL, { 0 }, 2, NULL, "~--type cannot be used with 'datasets/a/b'", 0 },
  { "upload a@x b --revision y", NULL, { 0 }, 2, NULL, "~--revision cannot be used", 0 },
  { "upload a b --revision x --create-pr", NULL, { 0 }, 2, NULL, "~--create-pr~'x'", 0 },
  { "upload a b --private --no-private", NULL, { 0 }, 2, NULL, "~--private and --no-private", 0 },

  { "auth whoami", NULL, { 0 }, 1, NULL, "error: Not logged in. Run `gtransformers auth login` first.\n", 0 },
  { "auth whoami --json", NULL, { 0 }, 1, NULL, "error: Not logged in. Run `gtransformers auth login` first.\n", 0 },
  { "auth whoami", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "Logged in\n  user: tester\n  orgs: org\n  endpoint: $E\n", NULL, 1 },
  { "auth whoami -q", "HF_TOKEN=" HUB_TOKEN, { 0 }, 0, "tester\n", NULL, 1 },
  { "auth whoami", "HF_TOKEN=hf_old", { 0 }, 1, NULL, "~error: the account: the Hub does not know this token~", 1 },
  { "auth", NULL, { 0 }, 2, NULL, "~expected a command", 0 },
  { "auth nonsense", NULL, { 0 }, 2, NULL, "~'nonsense'", 0 },

  { "env", NULL, { 0 }, 0, "~\nendpoint:         $E\n~\ntoken:            no ($H/token)\n", NULL, 0 },
  { "env x", NULL, { 0 }, 2, NULL, "~'x' was not expected", 0 },
};

static Outcome
run (const char *line, const char *variable)
{
  g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
  g_auto (GStrv) parts = g_strsplit (variable ? variable : "", "=", 2);

  if (variable)
    g_subprocess_launcher_setenv (launcher, parts[0], parts[1], TRUE);
  return tool_run_with (launcher, line, "");
}

static gboolean
fits (const char *text, const char *expected)
{
  g_autofree char *full = tool_fill_in (expected ? expected : "");

  return *full == '~' ? tool_says (text, full) : strcmp (text, full) == 0;
}

static guint
count_lines (const char *text)
{
  guint n = 0;

  while ((text = strchr (text, '\n')))
    {
      n++;
      text++;
    }
  return n;
}

static void
test_cases (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Outcome) o = { 0 };
      g_autofree char *asked = NULL;

      folder_remove (home);
      if (cases[i].fault.part)
        hub_server_fault (server, &cases[i].fault);
      o = run (cases[i].line, cases[i].variable);
      hub_server_clear_faults (server);
      asked = hub_server_take_log (server);
      if (o.status != cases[i].status || !fits (o.out, cases[i].out) || !fits (o.err, cases[i].err) || count_lines (asked) != cases[i].requests)
        g_error ("%s (%s): status %d, output \"%s\", message \"%s\", requests:\n%s", cases[i].line, cases[i].variable ? cases[i].variable : "", o.status, o.out, o.err, asked);
    }
}

/* Whatever is set, no output has it, and no other host gets it. */
static void
test_secrets (void)
{
  static const char *const lines[] = { "env", "search", "auth whoami", "auth whoami --json", "download org/bert model.safetensors", "inspect org/bert", "upload tester/secrets $U",
                                       "inspect org/none", "download org/none config.json", "upload foreign/none $U" };
  static const char secret[] = "hf_test_0123456789", password[] = "open-sesame";
  g_autofree char *endpoint = g_strdup_printf ("http://user:%s@%s", password, hub_server_get_endpoint (server) + strlen ("http://"));
  g_autofree char *asked = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
      g_auto (Outcome) o = { 0 };

      g_subprocess_launcher_setenv (launcher, "HF_TOKEN", HUB_TOKEN, TRUE);
      g_subprocess_launcher_setenv (launcher, "HF_ENDPOINT", endpoint, TRUE);
      o = tool_run_with (launcher, lines[i], "");
      g_assert_cmpint (o.status, ==, g_str_has_suffix (lines[i], "none") || strstr (lines[i], "none ") ? 1 : 0);
      if (strstr (o.out, secret) || strstr (o.err, secret) || strstr (o.out, password) || strstr (o.err, password))
        g_error ("%s: output \"%s\", message \"%s\"", lines[i], o.out, o.err);
      if (i == 0)
        g_assert_true (tool_says (o.out, "\nendpoint:         $E\n~\ntoken:            yes ("));
    }
  asked = hub_server_take_log (server);
  g_assert_true (tool_says (asked, " token\n~ cdn\n"));
  g_assert_null (strstr (asked, "token cdn"));          /* where large files lie is none of the Hub's own addresses */
}

/* A token that is an argument is not in the list of processes. */
static void
test_argument (void)
{
  static const char *const commands[] = { "download org/bert model.safetensors", "upload tester/stalled $U" };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      const HubFault stall = { NULL, "/", HUB_STALL };
      g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
      g_autofree char *line = g_strconcat (commands[i], " --token " HUB_TOKEN, NULL), *path = NULL, *arguments = NULL, *asked = NULL;
      g_autoptr (GSubprocess) process = NULL;
      gsize n = 0;

      hub_server_fault (server, &stall);
      process = tool_start (launcher, line);
      for (guint wait = 0; wait < 500 && !(asked && *asked); wait++)
        {
          g_usleep (20 * 1000);
          g_free (asked);
          asked = hub_server_take_log (server);
        }
      path = g_strdup_printf ("/proc/%s/cmdline", g_subprocess_get_identifier (process));
      g_assert_true (g_file_get_contents (path, &arguments, &n, NULL));
      g_assert_cmpuint (n, >, strlen (HUB_TOKEN));
      g_assert_null (memmem (arguments, n, HUB_TOKEN, strlen (HUB_TOKEN)));
      g_assert_nonnull (memmem (arguments, n, "--token", 7));
      g_subprocess_force_exit (process);
      g_subprocess_wait (process, NULL, NULL);
      hub_server_clear_faults (server);
    }
  g_free (hub_server_take_log (server));
}

/* On a terminal a slow download has a bar, with how much there is, how fast it comes and how long it will take; it is gone in the end. */
static void
test_bar (void)
{
  const HubFault slow = { "GET", "/cdn/", HUB_SLOW, 3 };
  const struct winsize size = { .ws_row = 24, .ws_col = 150 };
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GString) seen = g_string_new (NULL);
  int terminal = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC), other;
  char part[4096];
  ssize_t n;

  if (terminal < 0)
    {
      g_test_skip ("this system has no terminals");
      return;
    }
  folder_remove (home);
  g_assert_true (grantpt (terminal) == 0 && unlockpt (terminal) == 0 && ioctl (terminal, TIOCSWINSZ, &size) == 0);
  other = open (ptsname (terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (other, >=, 0);
  hub_server_fault (server, &slow);
  g_subprocess_launcher_take_stderr_fd (launcher, other);
  process = tool_start (launcher, "download org/bert model.safetensors");
  g_object_unref (g_steal_pointer (&launcher));         /* closes our copy: what is read ends when the tool does */
  while ((n = read (terminal, part, sizeof part)) > 0)
    g_string_append_len (seen, part, n);
  close (terminal);
  g_assert_true (g_subprocess_wait_check (process, NULL, NULL));
  hub_server_clear_faults (server);
  g_free (hub_server_take_log (server));
  if (!tool_says (seen->str, "\r\033[Korg/bert [~] ~ %  ~ of ~, 0 of 1 files~, ~/s, ~ s left~\r\033[K"))
    g_error ("\"%s\"", seen->str);
}

/* Of the file of weights only a beginning was asked for. */
static void
check_ranges (const char *asked)
{
  g_auto (GStrv) lines = g_strsplit (asked, "\n", -1);
  guint64 bytes = 0;

  for (char **line = lines; *line; line++)
    {
      const char *range = strstr (*line, "range=bytes="), *dash = range ? strchr (range, '-') : NULL;

      if (!strstr (*line, " cdn"))
        continue;
      if (!dash || !g_ascii_isdigit (dash[1]))
        g_error ("all of a large file was asked for: %s", *line);
      bytes += g_ascii_strtoull (dash + 1, NULL, 10) - g_ascii_strtoull (range + strlen ("range=bytes="), NULL, 10) + 1;
    }
  g_assert_cmpuint (bytes, >, 8);
  g_assert_cmpuint (bytes, <=, 100000);
}

/* A repository that is not in the cache: 265 kB of weights, of which the header is read; then with all but the weights in the cache. */
static void
test_inspect (void)
{
  static const struct { const char *line, *says; } shapes[] = {
    { "inspect org/bert", "folder         $H/hub/models--org--bert/snapshots/$C\ncommit         $C\nmodel_type     bert\narchitecture   BertForMaskedLM\n~\ntasks          fill-mask~"
      "\ntensors        2, 264.2 kB, 1 file\nparameters     66,048 (F32 66,048)\n~files\n  config.json  " },
    { "inspect org/bert --weights", "\ntable  ~\n  weight  ~ F32     [256, 256]           model.safetensors\n" },
    { "inspect org/bert --format json", "{\"folder\": \"$H/hub/models--org--bert/snapshots/$C\", \"commit\": \"$C\", \"model_type\": \"bert\"~\"weights\": {\"tensors\": 2, \"parameters\": 66048, " },
    { "inspect org/bert --format html", "<!DOCTYPE html>~<h1>org/bert</h1>~F32 [256, 256]~</html>\n" },
  };
  g_autofree char *weights = g_build_filename (home, "hub", "models--org--bert", "snapshots", commit, "model.safetensors", NULL);

  folder_remove (home);
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_auto (Outcome) o = run (shapes[i].line, NULL);
      g_autofree char *asked = hub_server_take_log (server);

      if (o.status != 0 || *o.err || !tool_says (o.out, shapes[i].says))
        g_error ("%s: status %d, output \"%s\", message \"%s\"", shapes[i].line, o.status, o.out, o.err);
      check_ranges (asked);
      g_assert_false (g_file_test (weights, G_FILE_TEST_EXISTS));
      if (i)
        g_assert_null (strstr (asked, "config.json"));
    }
}

/* What was downloaded is there without a network, with a note; what was not is not. */
static void
test_offline (void)
{
  static const char line[] = "download org/bert config.json";
  g_auto (Outcome) online = { 0 }, offline = { 0 }, quiet = { 0 }, other = { 0 };
  g_autofree char *text = NULL, *asked = NULL;

  folder_remove (home);
  online = run (line, NULL);
  g_assert_cmpint (online.status, ==, 0);
  g_free (hub_server_take_log (server));
  offline = run (line, "HF_HUB_OFFLINE=1");
  quiet = run ("download org/bert config.json --quiet", "HF_HUB_OFFLINE=1");
  other = run ("download org/bert model.safetensors", "HF_HUB_OFFLINE=1");
  asked = hub_server_take_log (server);
  g_assert_cmpstr (asked, ==, "");
  g_assert_cmpint (offline.status, ==, 0);
  g_assert_cmpstr (offline.out, ==, online.out);
  g_assert_true (tool_says (offline.err, "HF_HUB_OFFLINE~the copy in the cache is used\n"));
  g_assert_cmpstr (quiet.out, ==, online.out);
  g_assert_cmpstr (quiet.err, ==, "");
  tool_assert_failure ("model.safetensors", &other, "org/bert (revision main): model.safetensors: ~HF_HUB_OFFLINE");
  g_assert_true (g_file_get_contents (g_strchomp (online.out), &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "\"model_type\""));
}

/* A model that can be run. */
static void
add_masked (void)
{
  static const char *const files[] = { "config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (g_getenv ("GTF_TEST_DATA"), "golden", "text-tasks", "masked", files[i], NULL), *data = NULL;
      gsize length;

      g_assert_true (g_file_get_contents (path, &data, &length, NULL));
      hub_server_add (server, "org/masked", "main", files[i], data, (gssize) length, g_str_has_suffix (path, ".safetensors"));
    }
}

/* --model auto: the first of the answer that can be run here is fetched and run. Offline it cannot be chosen. */
static void
test_auto (void)
{
  static const char line[] = "run fill-mask --model auto 'The [MASK] here.' --set top_k=1";
  const HubFault answer = { "GET", "/api/models", HUB_BODY, 0, 1,
                            "[{\"id\": \"org/alien\", \"config\": {\"model_type\": \"alien\"}}, {\"id\": \"org/masked\", \"config\": {\"model_type\": \"bert\"}}]" };
  const HubFault aliens = { "GET", "/api/models", HUB_BODY, 0, 1, "[{\"id\": \"org/alien\", \"config\": {\"model_type\": \"alien\"}}]" };
  g_auto (Outcome) named = { 0 }, chosen = { 0 }, offline = { 0 }, none = { 0 };
  g_autofree char *asked = NULL;

  folder_remove (home);
  add_masked ();
  hub_server_fault (server, &answer);
  chosen = run (line, NULL);
  asked = hub_server_take_log (server);
  named = run ("run fill-mask --model org/masked 'The [MASK] here.' --set top_k=1", "HF_HUB_OFFLINE=1");
  g_assert_cmpint (chosen.status, ==, 0);
  g_assert_true (tool_says (chosen.out, "{\"score\": ~\"token_str\": "));
  g_assert_cmpstr (chosen.err, ==, "model: org/masked\n");
  g_assert_true (tool_says (asked, "GET /api/models\n~/org/masked/resolve/"));
  g_assert_null (strstr (asked, "org/alien"));
  g_assert_cmpint (named.status, ==, 0);
  g_assert_cmpstr (named.out, ==, chosen.out);
  g_assert_cmpstr (named.err, ==, "");
  offline = run (line, "HF_HUB_OFFLINE=1");
  tool_assert_failure ("offline", &offline, "search: the Hub is not asked, since HF_HUB_OFFLINE ");
  hub_server_fault (server, &aliens);
  none = run (line, NULL);
  tool_assert_failure ("none", &none, "auto: of the 1 most downloaded models for fill-mask ");
}

/* Offline no socket is asked for, by whatever command; where the system allows it, in a network without interfaces. */
static void
test_no_sockets (void)
{
  static const struct { const char *line; int status; const char *says; } lines[] = {
    { "run fill-mask --model org/masked 'The [MASK] here.' --set top_k=1", 0, NULL },
    { "run auto --model org/masked 'The [MASK] here.' --set top_k=1", 0, NULL },
    { "tokenize --model org/masked here", 0, NULL },
    { "inspect org/masked --weights", 0, NULL },
    { "download org/masked", 0, NULL },
    { "download org/masked config.json", 0, NULL },
    { "cache ls", 0, NULL },
    { "env", 0, NULL },
    { "download org/none", 1, "HF_HUB_OFFLINE" },
    { "inspect org/none", 1, "not in the Hugging Face cache" },
    { "search bert", 1, "HF_HUB_OFFLINE" },
    { "run fill-mask --model auto x", 1, "HF_HUB_OFFLINE" },
    { "cache verify org/masked", 1, "HF_HUB_OFFLINE" },
    { "auth login --token hf_x", 1, "HF_HUB_OFFLINE" },
  };
  static const char *const alone[] = { "unshare", "--user", "--map-root-user", "--net", NULL };
  g_autoptr (GSubprocess) probe = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL, alone[0], alone[1], alone[2], alone[3], "true", NULL);
  gboolean isolated = probe && g_subprocess_wait_check (probe, NULL, NULL);
  g_autofree char *asan = g_strconcat (g_getenv ("ASAN_OPTIONS") ? g_getenv ("ASAN_OPTIONS") : "", ":verify_asan_link_order=0", NULL);

  g_test_message ("%s", isolated ? "in a network without interfaces" : "without a network of its own");
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autoptr (GSubprocessLauncher) launcher = tool_launcher ();
      g_auto (GStrv) command = tool_command (lines[i].line);
      g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
      g_autoptr (GSubprocess) process = NULL;
      g_auto (GStrv) all = NULL;
      g_auto (Outcome) o = { 0 };

      if (isolated)
        g_strv_builder_addv (argv, (const char **) alone);
      g_strv_builder_addv (argv, (const char **) command);
      all = g_strv_builder_end (argv);
      g_subprocess_launcher_setenv (launcher, "HF_HUB_OFFLINE", "1", TRUE);
      g_subprocess_launcher_setenv (launcher, "LD_PRELOAD", g_getenv ("GTF_NO_SOCKET"), TRUE);
      g_subprocess_launcher_setenv (launcher, "ASAN_OPTIONS", asan, TRUE);
      process = g_subprocess_launcher_spawnv (launcher, (const char *const *) all, NULL);
      o = tool_finish (process, "");
      if (o.status != lines[i].status || strstr (o.err, "socket (") || (lines[i].says && !strstr (o.err, lines[i].says)))
        g_error ("%s: status %d, output \"%s\", message \"%s\"", lines[i].line, o.status, o.out, o.err);
    }
}

static void
put_upload (const char *name, const char *data, gssize length)
{
  g_autofree char *path = NULL;

  uploads = uploads ? uploads : g_build_filename (scratch, "uploads", NULL);
  path = g_build_filename (uploads, name, NULL);
  g_mkdir_with_parents (uploads, 0777);
  g_assert_true (g_file_set_contents (path, data, length, NULL));
}

/* The repositories; the type of a model is "alien" if its name says so, else "bert". */
static void
fill (void)
{
  static const char config[] = "{\"model_type\": \"bert\", \"architectures\": [\"BertForMaskedLM\"], \"dtype\": \"float32\"}";
  g_autoptr (GHashTable) tensors = tensors_new ();
  g_autofree char *path = g_build_filename (scratch, "model.safetensors", NULL), *data = NULL;
  gsize length;

  add_random (tensors, "table.weight", 256, 256);
  add_random (tensors, "table.bias", 512, 0);
  put_tensors (scratch, "model.safetensors", tensors);
  g_assert_true (g_file_get_contents (path, &data, &length, NULL));
  hub_server_add (server, "org/bert", "main", "config.json", config, -1, FALSE);
  hub_server_add (server, "org/alien", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/last", "main", "config.json", config, -1, FALSE);
  hub_server_add (server, "org/bert", "main", "model.safetensors", data, (gssize) length, TRUE);
  hub_server_add (server, "org/bert", "moving", "config.json", config, -1, FALSE);
  hub_server_add (server, "org/bert", "moving", "model.safetensors", data, (gssize) length, TRUE);
  hub_server_add (server, "org/bert", "spoilt", "config.json", config, -1, FALSE);
  hub_server_add (server, "org/bert", "spoilt", "model.safetensors", data + 100, 300, TRUE);
  commit = hub_server_get_commit (server, "org/bert", "main");
  put_upload ("a.json", "{}", 2);
  put_upload ("README.md", "---\nlicense: mit\n---\n", 21);
  put_upload ("b.bin", data, (gssize) length);
}

int
main (int argc, char **argv)
{
  static const char *const unset[] = { "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE",
                                       "HUGGINGFACE_HUB_CACHE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "G_MESSAGES_DEBUG" };
  int status;

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (unset); i++)
    g_unsetenv (unset[i]);
  scratch = g_dir_make_tmp ("gtf-hub-XXXXXX", NULL);
  home = g_build_filename (scratch, "home", NULL);
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  g_setenv ("HF_HOME", home, TRUE);
  server = hub_server_new ();
  fill ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  tool_name ("$H", home);
  tool_name ("$C", commit);
  tool_name ("$E", hub_server_get_endpoint (server));
  tool_name ("$U", uploads);
  g_test_add_func ("/tools/hub/cases", test_cases);
  g_test_add_func ("/tools/hub/secrets", test_secrets);
  g_test_add_func ("/tools/hub/argument", test_argument);
  g_test_add_func ("/tools/hub/bar", test_bar);
  g_test_add_func ("/tools/hub/inspect", test_inspect);
  g_test_add_func ("/tools/hub/offline", test_offline);
  g_test_add_func ("/tools/hub/auto", test_auto);             /* it adds a repository, and has it fetched */
  g_test_add_func ("/tools/hub/no-sockets", test_no_sockets);
  status = g_test_run ();
  hub_server_free (server);
  folder_remove (scratch);
  g_free (scratch);
  g_free (home);
  g_free (commit);
  return status;
}
