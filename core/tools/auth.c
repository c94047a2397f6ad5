/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gtransformers auth login | logout | whoami | list | switch | token, as `hf auth` has them. A token is never shown, but by `auth token`.
 */
#include "tools/cli.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "hub/environment.h"
#include "hub/tokens.h"
#include "tools/hub-output.h"

typedef struct
{
  CliHubOutput output;
  const char *token, *token_name;
  gboolean force, git, help;
  GPtrArray *arguments;
} Auth;

static int
fail (GtfError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (GTF_ERROR, code, text);

  return cli_failure (error);
}

/* (transfer full) (nullable): a line that is typed without being seen. */
static char *
ask_token (void)
{
  struct termios before, silent;
  char line[1024];
  gboolean hidden = tcgetattr (STDIN_FILENO, &before) == 0;
  char *answer;

  fprintf (stderr, "A token is made at https://huggingface.co/settings/tokens\nEnter your token (input will not be visible): ");
  if (hidden)
    {
      silent = before;
      silent.c_lflag &= ~(tcflag_t) ECHO;
      tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
    }
  answer = fgets (line, sizeof line, stdin) ? g_strdup (g_strstrip (line)) : NULL;
  if (hidden)
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &before);
  fprintf (stderr, "\n");
  memset (line, 0, sizeof line);
  return answer;
}

static int
login (Auth *self)
{
  GCancellable *cancellable = cli_interrupt_init ();
  g_autofree char *token = self->token ? g_strstrip (g_strdup (self->token)) : NULL, *known = gtf_hub_get_token (), *environment = gtf_hub_token_from_environment ();
  g_autoptr (GtfHubClient) client = NULL;
  g_autoptr (GtfHubAccount) account = NULL;
  g_autoptr (GError) error = NULL;

  if (token == NULL && known && !self->force)
    {
      cli_note ("User is already logged in. Use `gtransformers auth login --force` to log in anew.");
      return CLI_OK;
    }
  if (token == NULL && !isatty (STDIN_FILENO))
    return fail (GTF_ERROR_INVALID_ARGUMENT, "there is no terminal to ask at: give --token, or set HF_TOKEN");
  if (token == NULL)
    token = ask_token ();
  if (token == NULL || !*token)
    return fail (GTF_ERROR_INVALID_ARGUMENT, "no token was given");
  if (g_str_has_prefix (token, "api_org"))
    return fail (GTF_ERROR_INVALID_ARGUMENT, "this is the token of an organization: expected one of your own account");
  client = gtf_hub_client_new (token, &error);
  account = client ? gtf_hub_whoami (client, cancellable, &error) : NULL;
  if (account == NULL || !gtf_hub_token_save (account->token_name, token, &error))
    return cli_failure (error);
  cli_note ("Token is valid%s%s%s.\nLogin successful.", account->role ? " (permission: " : "", account->role ? account->role : "", account->role ? ")" : "");
  if (environment)
    cli_note ("Note: HF_TOKEN is set and is the active token whatever is stored.");
  else
    cli_note ("The current active token is: `%s`", account->token_name);
  if (self->git)
    cli_note ("--add-to-git-credential: nothing was given to git; `git credential approve` takes a token.");
  return CLI_OK;
}

static int
logout (Auth *self)
{
  g_autofree char *token = gtf_hub_get_token (), *environment = gtf_hub_token_from_environment ();
  g_auto (GStrv) names = gtf_hub_token_list ();
  g_autoptr (GError) error = NULL;

  if (token == NULL && names[0] == NULL)
    {
      cli_note ("Not logged in!");
      return CLI_OK;
    }
  if (!gtf_hub_token_forget (self->token_name, &error))
    return cli_failure (error);
  if (environment)
    return fail (GTF_ERROR_FAILED, "the token is deleted from this machine, but you are still logged in by HF_TOKEN or HUGGING_FACE_HUB_TOKEN: unset them");
  if (self->token_name)
    cli_note ("Successfully logged out from access token: %s.", self->token_name);
  else
    cli_note ("Successfully logged out from all access tokens.");
  return CLI_OK;
}

static int
whoami (Auth *self)
{
  GCancellable *cancellable = cli_interrupt_init ();
  g_autofree char *token = gtf_hub_get_token (), *orgs = NULL, *endpoint = gtf_hub_get_endpoint (), *address = gtf_hub_url_display (endpoint);
  g_autoptr (GtfHubClient) client = NULL;
  g_autoptr (GtfHubAccount) account = NULL;
  g_autoptr (GError) error = NULL;

  if (token == NULL)
    return fail (GTF_ERROR_FAILED, "Not logged in. Run `gtransformers auth login` first.");
  client = gtf_hub_client_new (token, &error);
  account = client ? gtf_hub_whoami (client, cancellable, &error) : NULL;
  if (account == NULL)
    return cli_failure (error);
  g_ptr_array_add (account->organisations, NULL);
  orgs = g_strjoinv (",", (char **) account->organisations->pdata);
  if (self->output.quiet)
    printf ("%s\n", account->name);
  else
    cli_hub_result (&self->output, "%s", "Logged in", "user", account->name, "orgs", *orgs ? orgs : NULL, "endpoint",
                    strcmp (endpoint, GTF_HUB_DEFAULT_ENDPOINT) ? address : NULL, NULL);
  return CLI_OK;
}

static int
list (Auth *self)
{
  static const char *const columns[] = { "active", "name", "token", NULL };
  g_auto (GStrv) names = gtf_hub_token_list ();
  g_autofree char *current = gtf_hub_get_token ();
  g_autoptr (CliHubTable) table = cli_hub_table_new (columns, "name");

  if (names[0] == NULL)
    {
      cli_note ("No stored access tokens found.");
      return CLI_OK;
    }
  for (char **name = names; *name; name++)
    {
      g_autofree char *token = gtf_hub_token_by_name (*name), *masked = NULL;
      gsize n = token ? strlen (token) : 0;

      masked = n > 11 ? g_strdup_printf ("%.3s****%s", token, token + n - 4) : g_strdup ("****");
      cli_hub_table_row (table);
      cli_hub_table_put (table, "active", token && g_strcmp0 (token, current) == 0 ? "*" : "");
      cli_hub_table_put (table, "name", *name);
      cli_hub_table_put (table, "token", masked);
    }
  cli_hub_table_print (table, &self->output);
  return CLI_OK;
}

static int
switch_to (Auth *self)
{
  g_autoptr (GError) error = NULL;

  if (self->token_name == NULL)
    return fail (GTF_ERROR_INVALID_ARGUMENT, "name a token with --token-name; `gtransformers auth list` lists them");
  if (!gtf_hub_token_switch (self->token_name, &error))
    return cli_failure (error);
  cli_note ("The current active token is: %s", self->token_name);
  return CLI_OK;
}

static int
print_token (Auth *self)
{
  g_autofree char *token = gtf_hub_get_token ();

  if (token == NULL)
    return fail (GTF_ERROR_FAILED, "Not logged in. Run `gtransformers auth login` first.");
  printf ("%s\n", token);
  return CLI_OK;
}

static const struct
{
  const char *name;
  int (*main) (Auth *self);
  const char *help;
} subcommands[] = {
  { "login", login, "check a token and store it as the active one" },
  { "logout", logout, "forget the tokens of this machine, or one (--token-name)" },
  { "whoami", whoami, "whose the active token is" },
  { "list", list, "the stored tokens" },
  { "ls", list, NULL },
  { "switch", switch_to, "make another stored token the active one (--token-name)" },
  { "token", print_token, "print the active token" },
};

int
cli_auth (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  Auth self = { .arguments = arguments };
  const CliOption options[] = {
    { "token", 0, CLI_STRING, &self.token, "TOKEN", "login: the token; without it a terminal is asked" },
    { "force", 0, CLI_FLAG, &self.force, NULL, "login: also if logged in already" },
    { "add-to-git-credential", 0, CLI_FLAG, &self.git, NULL, "login: accepted, and does nothing" },
    { "token-name", 0, CLI_STRING, &self.token_name, "NAME", "logout, switch: which one" },
    CLI_HUB_OUTPUT_OPTIONS (self.output),
    { "help", 'h', CLI_FLAG, &self.help, NULL, "this" },
    { NULL }
  };
  g_autoptr (GError) error = NULL;

  if (!cli_parse_options ("auth", argc, argv, options, arguments, &error) || !cli_hub_output_choose (&self.output, &error))
    return cli_usage_error ("auth", "%s", error->message);
  if (self.help)
    {
      printf ("Usage: gtransformers auth COMMAND [OPTION...]\n\nCommands:\n");
      for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
        if (subcommands[i].help)
          printf ("  %-12s %s\n", subcommands[i].name, subcommands[i].help);
      printf ("\nOptions:\n");
      cli_print_options (options);
      return CLI_OK;
    }
  if (arguments->len != 1)
    return cli_usage_error ("auth", "expected a command: login, logout, whoami, list, switch or token");
  for (guint i = 0; i < G_N_ELEMENTS (subcommands); i++)
    if (strcmp (arguments->pdata[0], subcommands[i].name) == 0)
      return subcommands[i].main (&self);
  return cli_usage_error ("auth", "unknown command '%s': expected login, logout, whoami, list, switch or token", (char *) arguments->pdata[0]);
}
