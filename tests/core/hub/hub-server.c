/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hub-server FOLDER: the Hub of the tests as a program, for other clients. It serves FOLDER/ORG/NAME[@REVISION]/, prints
 * its endpoint, and ends when its standard input does; then it prints the requests that came.
 */
#include <stdio.h>
#include <unistd.h>
#include "server.h"

int
main (int argc, char **argv)
{
  HubServer *server = hub_server_new ();
  g_autofree char *log = NULL;
  char c;

  if (argc > 1)
    hub_server_add_folder (server, argv[1]);
  printf ("%s\n", hub_server_get_endpoint (server));
  fflush (stdout);
  while (read (STDIN_FILENO, &c, 1) > 0)
    ;
  log = hub_server_take_log (server);
  fputs (log, stdout);
  return 0;
}
