/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * core/hub/search.c: what is asked for each filter, and what is read of the answers, page by page. The server here answers each request with the next
 * of the bodies that a case has.
 */
#include <string.h>
#include "base/json-print.h"
#include "hub/client.h"
#include "hub/search-pages.h"

#define EXPAND "&expand=downloads&expand=likes&expand=pipeline_tag&expand=library_name&expand=tags&expand=lastModified&expand=config&expand=safetensors"

static GPtrArray *asked;        /* "/api/models?..." */
static const char *const *answers;      /* bodies; "Link" of the next page where there is one more */
static guint n_answered;

static const struct { const char *query, *asked; } questions[] = {
  { NULL, "sort=downloads&limit=30" EXPAND },
  { "{\"search\": \"bert base\"}", "search=bert%20base&sort=downloads&limit=30" EXPAND },
  { "{\"task\": \"fill-mask\"}", "pipeline_tag=fill-mask&sort=downloads&limit=30" EXPAND },
  { "{\"library\": \"transformers\"}", "filter=transformers&sort=downloads&limit=30" EXPAND },
  { "{\"author\": \"google\"}", "author=google&sort=downloads&limit=30" EXPAND },
  { "{\"language\": \"en\"}", "filter=en&sort=downloads&limit=30" EXPAND },
  { "{\"license\": \"apache-2.0\"}", "filter=license:apache-2.0&sort=downloads&limit=30" EXPAND },
  { "{\"tag\": \"a&b=c\"}", "filter=a%26b%3Dc&sort=downloads&limit=30" EXPAND },
  { "{\"library\": \"a\", \"language\": \"b\", \"license\": \"c\", \"tag\": \"d\"}", "filter=a&filter=b&filter=license:c&filter=d&sort=downloads&limit=30" EXPAND },
  { "{\"sort\": \"downloads\"}", "sort=downloads&limit=30" EXPAND },
  { "{\"sort\": \"likes\"}", "sort=likes&limit=30" EXPAND },
  { "{\"sort\": \"trending\"}", "sort=trendingScore&limit=30" EXPAND },
  { "{\"sort\": \"created\"}", "sort=createdAt&limit=30" EXPAND },
  { "{\"sort\": \"modified\"}", "sort=lastModified&limit=30" EXPAND },
  { "{\"limit\": 1}", "sort=downloads&limit=1" EXPAND },
  { "{\"limit\": 5000}", "sort=downloads&limit=100" EXPAND },
};

/* One request, one answer, and the connection ends. */
static gboolean
on_run (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer endpoint)
{
  g_autoptr (GDataInputStream) in = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_autofree char *line = g_data_input_stream_read_line (in, NULL, NULL, NULL), *head = NULL;
  g_auto (GStrv) parts = g_strsplit (line, " ", 3);
  const char *body = answers && answers[n_answered] ? answers[n_answered++] : "[]";
  g_autofree char *link = answers && answers[n_answered] ? g_strdup_printf ("Link: <%s/api/models?cursor=%u>; rel=\"next\"\r\n", (char *) endpoint, n_answered) : g_strdup ("");
  char *other;

  g_ptr_array_add (asked, g_strdup (parts[1]));
  while ((other = g_data_input_stream_read_line (in, NULL, NULL, NULL)) && *g_strchomp (other))
    g_free (other);
  g_free (other);
  head = g_strdup_printf ("HTTP/1.1 200 OK\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", link, strlen (body), body);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), head, strlen (head), NULL, NULL, NULL);
  return TRUE;
}

static void
test_questions (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GListModel) found = gtf_hub_search (questions[i].query, NULL, &error);
      g_autofree char *url = g_strconcat ("/api/models?", questions[i].asked, NULL);

      g_assert_no_error (error);
      g_assert_cmpuint (g_list_model_get_n_items (found), ==, 0);
      g_assert_cmpuint (asked->len, ==, 1);
      g_assert_cmpstr (asked->pdata[0], ==, url);
      g_ptr_array_set_size (asked, 0);
    }
}

static void
test_bad_questions (void)
{
  static const struct { const char *query, *says; } cases[] = {
    { "[]", "query" }, { "{\"limit\": 0}", "limit" }, { "{\"limit\": 10001}", "limit" }, { "{\"sort\": \"size\"}", "sort: expected downloads, likes, " },
    { "{\"colour\": \"red\"}", "colour" }, { "{\"task\": 3}", "task" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (gtf_hub_search (cases[i].query, NULL, &error));
      if (!error || !strstr (error->message, cases[i].says))
        g_error ("%s: \"%s\"", cases[i].query, error ? error->message : "no error");
    }
  g_assert_cmpuint (asked->len, ==, 0);
}

#define MODEL(id, more) "{\"id\": \"" id "\"" more "}"

static const struct
{
  const char *bodies[4];
  gint64 limit;
  const char *pages;            /* ids, with '|' between pages */
  const char *says;             /* of the error; NULL: none */
} cases[] = {
  { { "[" MODEL ("a", "") "," MODEL ("b", "") "]", "[" MODEL ("c", "") "]", "[]" }, 30, "a b|c||", NULL },
  { { "[" MODEL ("a", "") "," MODEL ("b", "") "]", "[" MODEL ("c", "") "," MODEL ("d", "") "]", "[" MODEL ("e", "") "]" }, 3, "a b|c|", NULL },
  { { "[" MODEL ("a", "") "," MODEL ("b", "") "]" }, 1, "a|", NULL },
  { { "[" MODEL ("a", "") "]", "{}" }, 30, "a|", "expected a list of models" },
  { { "[" MODEL ("a", "") ", 3]" }, 30, "", "expected a list of models" },
  { { "[" MODEL ("a", "") "]", "<html>" }, 30, "a|", "the answer of the Hub" },
};

static void
add_page (GPtrArray *models, gpointer data)
{
  for (guint i = 0; i < models->len; i++)
    g_string_append_printf (data, "%s%s", i ? " " : "", gtf_hub_model_get_id (models->pdata[i]));
  g_string_append_c (data, '|');
}

static void
test_pages (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *query = g_strdup_printf ("{\"limit\": %d}", (int) cases[i].limit);
      g_autoptr (GString) pages = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      answers = cases[i].bodies;
      n_answered = 0;
      g_assert_true (gtf_hub_search_pages (query, add_page, pages, NULL, &error) == (cases[i].says == NULL));
      g_assert_true (cases[i].says == NULL || strstr (error->message, cases[i].says));
      g_assert_cmpstr (pages->str, ==, cases[i].pages);
    }
  answers = NULL;
  g_ptr_array_set_size (asked, 0);
}

/* What is of the wrong type, or missing, is as if the Hub did not know it. */
static void
test_members (void)
{
  static const struct { const char *body; const char *task, *type; gint64 downloads, parameters, size; } models[] = {
    { MODEL ("a", ", \"pipeline_tag\": \"fill-mask\", \"config\": {\"model_type\": \"bert\"}, \"downloads\": 7, \"safetensors\": {\"total\": 3003, \"parameters\": {\"F32\": 1000, \"BF16\": 2000, "
             "\"BOOL\": 3}}"), "fill-mask", "bert", 7, 3003, 8003 },
    { MODEL ("a", ", \"pipeline_tag\": 3, \"config\": [], \"downloads\": -7, \"safetensors\": {\"total\": \"x\", \"parameters\": {\"F32\": -1, \"F4\": 10, \"F64\": 9223372036854775807}}"), NULL, NULL, 0, 0, 0 },
    { MODEL ("a", ", \"pipeline_tag\": null, \"safetensors\": {\"parameters\": [1]}, \"tags\": [1, \"x\"]"), NULL, NULL, 0, 0, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *body = g_strdup_printf ("[%s]", models[i].body);
      const char *const bodies[] = { body, NULL };
      g_autoptr (GListModel) found = NULL;
      g_autoptr (GtfHubModel) model = NULL;

      answers = bodies;
      n_answered = 0;
      found = gtf_hub_search (NULL, NULL, NULL);
      model = g_list_model_get_item (found, 0);
      g_assert_cmpstr (gtf_hub_model_get_task (model), ==, models[i].task);
      g_assert_cmpstr (gtf_hub_model_get_model_type (model), ==, models[i].type);
      g_assert_cmpint (gtf_hub_model_get_downloads (model), ==, models[i].downloads);
      g_assert_cmpint (gtf_hub_model_get_parameters (model), ==, models[i].parameters);
      g_assert_cmpint (gtf_hub_model_get_size (model), ==, models[i].size);
    }
  answers = NULL;
}

/* Connections are accepted in a main context; this one has a thread of its own. */
static gpointer
loop (gpointer unused)
{
  for (;;)
    g_main_context_iteration (NULL, TRUE);
  return NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GSocketService) service = g_threaded_socket_service_new (4);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0), bound = NULL;
  g_autofree char *endpoint = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  gtf_hub_backoff = 1;
  g_unsetenv ("HF_HUB_OFFLINE");
  g_setenv ("no_proxy", "127.0.0.1,127.0.0.2", TRUE);
  asked = g_ptr_array_new_with_free_func (g_free);
  g_assert_true (g_socket_listener_add_address (G_SOCKET_LISTENER (service), any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
  endpoint = g_strdup_printf ("http://127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  g_setenv ("HF_ENDPOINT", endpoint, TRUE);
  g_signal_connect (service, "run", G_CALLBACK (on_run), endpoint);
  g_socket_service_start (service);
  g_thread_unref (g_thread_new ("server", loop, NULL));
  g_test_add_func ("/hub/search/questions", test_questions);
  g_test_add_func ("/hub/search/bad-questions", test_bad_questions);
  g_test_add_func ("/hub/search/pages", test_pages);
  g_test_add_func ("/hub/search/members", test_members);
  status = g_test_run ();
  g_ptr_array_unref (asked);
  return status;
}
