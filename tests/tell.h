/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a test says of its cases, where these are bytes that are no UTF-8: TAP is text, and GLib writes other bytes as lines that are none.
 */
#pragma once

#include <glib.h>

static inline void tell (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* As g_test_message(). */
static inline void
tell (const char *format, ...)
{
  g_autofree char *text = NULL, *valid = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  valid = g_utf8_make_valid (text, -1);
  g_test_message ("%s", valid);
}
