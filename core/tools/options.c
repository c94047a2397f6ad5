/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Arguments of a command. GOption is not used because it converts strings from the locale's character set, so that in
 * the C locale a text that is not ASCII would be refused; ours are bytes.
 */
#include "tools/cli.h"

#include <string.h>
#include "pipeline/settings.h"

static const CliOption *
find_long (const CliOption *options, const char *name, gsize n)
{
  for (const CliOption *o = options; o->name; o++)
    if (strlen (o->name) == n && memcmp (o->name, name, n) == 0)
      return o;
  return NULL;
}

static const CliOption *
find_short (const CliOption *options, char letter)
{
  for (const CliOption *o = options; o->name; o++)
    if (o->letter && o->letter == letter)
      return o;
  return NULL;
}

static gboolean
apply (const CliOption *option, const char *value, GError **error)
{
  switch (option->type)
    {
    case CLI_FLAG:
      *(gboolean *) option->target = TRUE;
      return TRUE;
    case CLI_STRING:
      *(const char **) option->target = value;
      return TRUE;
    case CLI_STRINGS:
      g_ptr_array_add (option->target, (gpointer) value);
      return TRUE;
    case CLI_SETTING:
      return cli_apply_setting (option->target, value, error);
    }
  return FALSE;
}

static gboolean
bad (GError **error, const char *format, const char *what)
{
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, what);
#pragma GCC diagnostic pop
  G_GNUC_END_IGNORE_DEPRECATIONS
  return FALSE;
}

/* One option; @i moves on where its value is the next argument. */
static gboolean
parse_option (int argc, char **argv, int *i, const CliOption *options, GError **error)
{
  const char *argument = argv[*i], *value = NULL;
  const CliOption *option;

  if (argument[1] == '-')
    {
      const char *equals = strchr (argument, '=');

      option = find_long (options, argument + 2, equals ? (gsize) (equals - argument - 2) : strlen (argument + 2));
      value = equals ? equals + 1 : NULL;
    }
  else
    {
      option = find_short (options, argument[1]);
      value = argument[2] ? argument + 2 : NULL;
    }
  if (option == NULL)
    return bad (error, "unknown option '%s'", argument);
  if (option->type == CLI_FLAG)
    return value ? bad (error, "option --%s takes no value", option->name) : apply (option, NULL, error);
  if (value == NULL)
    {
      if (*i + 1 >= argc)
        return bad (error, "option --%s needs a value", option->name);
      value = argv[++*i];
    }
  return apply (option, value, error);
}

gboolean
cli_parse_options (const char *command, int argc, char **argv, const CliOption *options, GPtrArray *arguments, GError **error)
{
  gboolean ended = FALSE;

  for (int i = 1; i < argc; i++)
    {
      if (ended || argv[i][0] != '-' || argv[i][1] == '\0')
        g_ptr_array_add (arguments, argv[i]);
      else if (strcmp (argv[i], "--") == 0)
        ended = TRUE;
      else if (!parse_option (argc, argv, &i, options, error))
        return FALSE;
    }
  return TRUE;
}

void
cli_print_options (const CliOption *options)
{
  for (const CliOption *o = options; o->name; o++)
    {
      g_autofree char *left = g_strdup_printf ("%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                                               o->argument ? " " : "", o->argument ? o->argument : "");

      printf ("  %-26s %s\n", left, o->help);
    }
}

char *
cli_read_text (const char *argument, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  const char *path = strcmp (argument, "-") == 0 ? "/dev/stdin" : argument[0] == '@' ? argument + 1 : NULL;

  if (path == NULL)
    return g_strdup (argument);
  if (!g_file_get_contents (path, &text, &length, error))
    return NULL;
  if (!g_utf8_validate (text, length, NULL))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: not UTF-8", path);
      return NULL;
    }
  if (length && text[length - 1] == '\n')
    text[length - 1] = '\0';
  return g_steal_pointer (&text);
}

gboolean
cli_apply_setting (JsonObject *object, const char *setting, GError **error)
{
  const char *equals = strchr (setting, '=');
  g_autofree char *key = equals ? g_strndup (setting, (gsize) (equals - setting)) : NULL;
  g_autofree char *text = NULL;
  JsonNode *value;

  if (key == NULL)
    return bad (error, "--set '%s': expected KEY=VALUE", setting);
  if (equals[1] == '@' && !(text = cli_read_text (equals + 1, error)))
    return FALSE;
  value = text ? json_node_init_string (json_node_alloc (), text) : gtf_setting_value (equals + 1, error);
  if (value == NULL)
    return FALSE;
  return gtf_setting_put (object, key, value, NULL) || bad (error, "--set '%s': expected KEY=VALUE", setting);
}

char *
cli_take_secret (const char *argument)
{
  char *copy = g_strdup (argument);

  if (argument)
    memset ((char *) argument, 'x', strlen (argument));         /* it lies in argv, which is the process's own */
  return copy;
}
