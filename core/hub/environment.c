/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The environment variables of huggingface_hub 2.4, read when they are needed, as it reads them at its start.
 */
#include "hub/environment.h"

#include <string.h>
#include "hub/cache.h"

/* "~" and "$NAME" / "${NAME}" as os.path.expanduser and os.path.expandvars do. */
char *
gtf_hub_expand_path (const char *path)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *p = path;

  if (p[0] == '~' && (p[1] == '/' || p[1] == '\0'))
    {
      g_string_append (out, g_get_home_dir ());
      p++;
    }
  while (*p)
    {
      const char *from = p[0] == '$' ? p + 1 + (p[1] == '{') : NULL;
      const char *to = from;

      while (to && (g_ascii_isalnum (*to) || *to == '_'))
        to++;
      if (from && to > from && (p[1] != '{' || *to == '}'))
        {
          g_autofree char *name = g_strndup (from, to - from);
          const char *value = g_getenv (name);

          if (value)
            {
              g_string_append (out, value);
              p = p[1] == '{' ? to + 1 : to;
              continue;
            }
        }
      g_string_append_c (out, *p++);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

const char *
gtf_hub_variable (const char *name)
{
  const char *value = g_getenv (name);

  return value && *value ? value : NULL;
}

static gboolean
is_yes (const char *value)
{
  static const char *const yes[] = { "1", "ON", "YES", "TRUE" };

  for (guint i = 0; value && i < G_N_ELEMENTS (yes); i++)
    if (g_ascii_strcasecmp (value, yes[i]) == 0)
      return TRUE;
  return FALSE;
}

gboolean
gtf_hub_variable_is_true (const char *name)
{
  return is_yes (g_getenv (name));
}

gboolean
gtf_hub_is_offline (void)
{
  return gtf_hub_variable_is_true ("HF_HUB_OFFLINE") || gtf_hub_variable_is_true ("TRANSFORMERS_OFFLINE");
}

static char *
below (const char *folder, const char *name)
{
  g_autofree char *base = gtf_hub_expand_path (folder);

  return g_build_filename (base, name, NULL);
}

char *
gtf_hub_get_home (void)
{
  const char *value;

  if ((value = gtf_hub_variable ("HF_HOME")))
    return gtf_hub_expand_path (value);
  if ((value = gtf_hub_variable ("XDG_CACHE_HOME")))
    return below (value, "huggingface");
  return g_build_filename (g_get_home_dir (), ".cache", "huggingface", NULL);
}

/* A path of a variable, else @name below the home. */
static char *
path_of (const char *variable, const char *name)
{
  const char *value = gtf_hub_variable (variable);
  g_autofree char *home = value ? NULL : gtf_hub_get_home ();

  return value ? gtf_hub_expand_path (value) : g_build_filename (home, name, NULL);
}

char *
gtf_hub_get_cache_dir (void)
{
  return path_of (gtf_hub_variable ("HF_HUB_CACHE") ? "HF_HUB_CACHE" : "HUGGINGFACE_HUB_CACHE", "hub");
}

char *
gtf_hub_get_token_path (void)
{
  return path_of ("HF_TOKEN_PATH", "token");
}

char *
gtf_hub_get_endpoint (void)
{
  const char *value = gtf_hub_variable ("HF_ENDPOINT");
  char *endpoint = g_strdup (value ? value : GTF_HUB_DEFAULT_ENDPOINT);

  for (gsize n = strlen (endpoint); n && endpoint[n - 1] == '/'; n--)
    endpoint[n - 1] = '\0';
  return endpoint;
}

guint
gtf_hub_get_timeout (const char *name)
{
  const char *value = gtf_hub_variable (name);
  guint64 seconds;

  return value && g_ascii_string_to_unsigned (value, 10, 1, 86400, &seconds, NULL) ? (guint) seconds : 10;
}

/* ---- the token ------------------------------------------------------------------------------------------------------ */

static char *
clean_token (const char *text)
{
  g_autofree char *token = g_strdup (text);

  g_strdelimit (token, "\r\n", ' ');
  g_strstrip (token);
  return *token ? g_steal_pointer (&token) : NULL;
}

char *
gtf_hub_token_from_environment (void)
{
  const char *value = gtf_hub_variable ("HF_TOKEN");

  if (value == NULL)
    value = gtf_hub_variable ("HUGGING_FACE_HUB_TOKEN");
  return value ? clean_token (value) : NULL;
}

char *
gtf_hub_get_token (void)
{
  char *token = gtf_hub_token_from_environment ();
  g_autofree char *path = NULL, *text = NULL;

  if (token)
    return token;
  path = gtf_hub_get_token_path ();
  return g_file_get_contents (path, &text, NULL, NULL) ? clean_token (text) : NULL;
}
