/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For hub.c, by LD_PRELOAD: a socket() that ends the program. Offline means that nothing asks for one, not even to look up a name.
 */
#include <stdio.h>
#include <stdlib.h>

__attribute__ ((visibility ("default"))) int socket (int domain, int type, int protocol);

int
socket (int domain, int type, int protocol)
{
  fprintf (stderr, "socket (%d, %d, %d) was called\n", domain, type, protocol);
  abort ();
}
