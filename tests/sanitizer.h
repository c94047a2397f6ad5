/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For tests that load GStreamer, in builds with the address sanitizer. GStreamer's many names make GLib's table of quarks grow, and
 * GLib leaves the old table, which its constructor made, for ever; plugins of the system that are scanned in this process allocate
 * in constructors too. Such blocks are known by their callers, which only the slow unwinder sees through GLib.
 */
#pragma once

#ifdef __SANITIZE_ADDRESS__
__attribute__ ((visibility ("default"))) const char *__asan_default_options (void);
__attribute__ ((visibility ("default"))) const char *__lsan_default_suppressions (void);

const char *
__asan_default_options (void)
{
  return "fast_unwind_on_malloc=0";
}

const char *
__lsan_default_suppressions (void)
{
  return "leak:_dl_init\nleak:call_init\nleak:OpenNI2\n";
}
#endif
