/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A language as Whisper's recognition takes it.
 */
#include "asr/whisper-private.h"
#include "text/whisper-languages.h"

char *
asr_language_token (const char *language, GError **error)
{
  g_autofree char *lower = g_utf8_strdown (language, -1);
  const char *code = gtf_whisper_language_code (lower);
  g_autofree char *list = NULL;

  if (g_str_has_prefix (lower, "<|") && g_str_has_suffix (lower, "|>"))
    return g_steal_pointer (&lower);
  if (code != NULL)
    return g_strdup_printf ("<|%s|>", code);
  list = gtf_whisper_languages_list (strlen (lower) == 2);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "language: unsupported language: %s; expected one of: %s", lower, list);
  return NULL;
}
