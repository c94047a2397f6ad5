/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Proxies and certificates, as the variables of the environment name them. Each case is a process of its own: what a process has read of certificates it keeps.
 */
#include <stdio.h>
#include <string.h>
#include "hub/cache.h"
#include "hub/client.h"
#include "hub/scan.h"
#include "models.h"

static HubServer *server, *secure;
static char *certificate;

typedef struct
{
  const char *name, *value;     /* "$H": the Hub, "$S": that with a certificate, "$C": the file of it */
} Variable;

static const struct
{
  Variable variables[3];
  const char *error;            /* NULL: the model comes */
  gboolean proxied;             /* the Hub is asked as a proxy is */
} cases[] = {
  { { { "HF_ENDPOINT", "$H" } }, NULL, FALSE },
  { { { "HF_ENDPOINT", "http://hub.invalid" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "http://hub.invalid" }, { "http_proxy", "$H" }, { "no_proxy", "127.0.0.2" } }, NULL, TRUE },
  { { { "HF_ENDPOINT", "http://hub.invalid" }, { "HTTP_PROXY", "$H" }, { "NO_PROXY", "127.0.0.2" } }, NULL, TRUE },
  { { { "HF_ENDPOINT", "http://hub.invalid/" }, { "all_proxy", "$H" }, { "no_proxy", "elsewhere, .example.org,127.0.0.2" } }, NULL, TRUE },
  { { { "HF_ENDPOINT", "http://hub.invalid" }, { "http_proxy", "$H" }, { "no_proxy", "hub.invalid" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "http://a.hub.invalid" }, { "http_proxy", "$H" }, { "no_proxy", ".hub.invalid" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "http://hub.invalid" }, { "http_proxy", "$H" }, { "no_proxy", "*" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "http://hub.invalid" }, { "https_proxy", "$H" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "$H" }, { "http_proxy", "http://127.0.0.1:1" } }, "cannot be reached", FALSE },
  { { { "HF_ENDPOINT", "$H" }, { "http_proxy", "http://127.0.0.1:1" }, { "no_proxy", "127.0.0.1,127.0.0.2" } }, NULL, FALSE },

  { { { "HF_ENDPOINT", "$S" } }, "cannot be reached: Unacceptable TLS certificate", FALSE },
  { { { "HF_ENDPOINT", "$S" }, { "SSL_CERT_FILE", "$C" } }, NULL, FALSE },
  { { { "HF_ENDPOINT", "$S" }, { "REQUESTS_CA_BUNDLE", "$C" } }, NULL, FALSE },
  { { { "HF_ENDPOINT", "$S" }, { "CURL_CA_BUNDLE", "$C" } }, NULL, FALSE },
};

static char *
fill_in (const char *value)
{
  g_autoptr (GString) text = g_string_new (value);

  g_string_replace (text, "$H", hub_server_get_endpoint (server), 0);
  g_string_replace (text, "$S", hub_server_get_endpoint (secure), 0);
  g_string_replace (text, "$C", certificate, 0);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* In the child: what it prints is "good", or the error. */
static void
fetch_and_say (void)
{
  g_autofree char *home = hub_new_home (), *snapshot = NULL;
  g_autoptr (GError) error = NULL;

  gtf_hub_backoff = 1;
  g_setenv ("HF_TOKEN", HUB_TOKEN, TRUE);
  snapshot = hub_fetch ("org/plain", &error);
  printf ("\nRESULT %s\n", error ? error->message : "good");
  gtf_hub_remove_path (home, NULL);
}

static void
test_cases (void)
{
  static const char *const unset[] = { "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                                       "CURL_CA_BUNDLE" };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
      g_autoptr (GSubprocess) child = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *out = NULL, *log = NULL;

      for (guint k = 0; k < G_N_ELEMENTS (unset); k++)
        g_subprocess_launcher_unsetenv (launcher, unset[k]);
      for (guint k = 0; k < G_N_ELEMENTS (cases[i].variables) && cases[i].variables[k].name; k++)
        {
          g_autofree char *value = fill_in (cases[i].variables[k].value);

          g_subprocess_launcher_setenv (launcher, cases[i].variables[k].name, value, TRUE);
        }
      child = g_subprocess_launcher_spawn (launcher, &error, "/proc/self/exe", "--fetch", NULL);
      g_assert_no_error (error);
      g_assert_true (g_subprocess_communicate_utf8 (child, NULL, NULL, &out, NULL, &error));
      log = hub_server_take_log (server);
      if (!strstr (out, cases[i].error ? cases[i].error : "RESULT good") || (strstr (log, " proxy") != NULL) != cases[i].proxied || strstr (log, "token cdn"))
        g_error ("case %u: \"%s\", requests:\n%s", i, out, log);
    }
}

int
main (int argc, char **argv)
{
  int status;

  if (argc == 2 && strcmp (argv[1], "--fetch") == 0)
    {
      fetch_and_say ();
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  certificate = g_strdup (g_getenv ("GTF_TEST_CERTIFICATE"));
  server = hub_server_new ();
  secure = hub_server_new_secure (certificate);
  hub_fill_models (server);
  hub_fill_models (secure);
  g_test_add_func ("/hub/network/cases", test_cases);
  status = g_test_run ();
  hub_server_free (server);
  hub_server_free (secure);
  return status;
}
