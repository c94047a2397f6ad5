/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hub-server [FOLDER [RECORD [CHUNK]]]: the Hub of the tests as a program, for other clients. It serves FOLDER/ORG/NAME[@REVISION]/, takes uploads (in parts where
 * they are longer than CHUNK bytes), prints its endpoint, and ends when its standard input does; then it prints the requests that came. Into RECORD
 * they are written as they come, a JSON object a line.
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

  if (argc > 1 && *argv[1])
    hub_server_add_folder (server, argv[1]);
  if (argc > 2)
    hub_server_record (server, argv[2]);
  if (argc > 3)
    hub_server_set_chunk (server, g_ascii_strtoull (argv[3], NULL, 10));
  printf ("%s\n", hub_server_get_endpoint (server));
  fflush (stdout);
  while (read (STDIN_FILENO, &c, 1) > 0)
    ;
  log = hub_server_take_log (server);
  fputs (log, stdout);
  return 0;
}
