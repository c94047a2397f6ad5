/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/pipeline/auto-model.c, with the Hub of tests/core/hub, which says that a repository is of the type "alien" if its name does, else "bert".
 */
#include <string.h>
#include "hub/client.h"
#include "pipeline/auto-model.h"
#include "server.h"

int
main (int argc, char **argv)
{
  g_autoptr (HubServer) server = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *chosen = NULL;

  g_unsetenv ("HF_HUB_OFFLINE");
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  gtf_hub_backoff = 1;
  g_print ("1..3\n");
  server = hub_server_new ();
  g_setenv ("HF_ENDPOINT", hub_server_get_endpoint (server), TRUE);
  hub_server_add (server, "org/alien", "main", "config.json", "{}", -1, FALSE);
  g_assert_null (gtf_auto_model_for_task ("fill-mask", NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND);
  g_print ("ok 1 none\n");
  g_clear_error (&error);
  hub_server_add (server, "org/alien2", "main", "config.json", "{}", -1, FALSE);
  hub_server_add (server, "org/known", "main", "config.json", "{}", -1, FALSE);
  chosen = gtf_auto_model_for_task ("fill-mask", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (chosen, ==, "org/known");
  g_print ("ok 2 the first that is served, on the second page\n");
  hub_server_fault (server, &(HubFault){ NULL, NULL, HUB_STATUS, 403 });
  g_assert_null (gtf_auto_model_for_task ("fill-mask", NULL, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_FAILED);
  g_print ("ok 3 refused\n");
  return 0;
}
