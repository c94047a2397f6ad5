/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lists of a config, as GTF_CONFIG_LIST gives them: "c2p|p2c", "512|512|256".
 */
#include "registry/plugin.h"

#include <string.h>

/* Member i and its length; NULL: there is none. Blanks around it do not count. */
static const char *
member (const char *list, gint64 i, gsize *length)
{
  const char *end;

  for (; list && i > 0; i--)
    list = (list = strchr (list, '|')) ? list + 1 : NULL;
  if (!list)
    return NULL;
  end = list + strcspn (list, "|");
  while (*list == ' ')
    list++;
  while (end > list && end[-1] == ' ')
    end--;
  *length = (gsize) (end - list);
  return list;
}

gint64
gtf_config_list_size (const char *list)
{
  gint64 n = list && *list ? 1 : 0;

  for (; list && *list; list++)
    n += *list == '|';
  return n;
}

gboolean
gtf_config_list_is (const char *list, gint64 i, const char *word)
{
  gsize length;
  const char *m = member (list, i, &length);

  return m && length == strlen (word) && g_ascii_strncasecmp (m, word, length) == 0;
}

gboolean
gtf_config_list_has (const char *list, const char *word)
{
  gint64 n = gtf_config_list_size (list);

  for (gint64 i = 0; i < n; i++)
    if (gtf_config_list_is (list, i, word))
      return TRUE;
  return FALSE;
}

gboolean
gtf_config_list_int (const char *list, gint64 i, gint64 minimum, gint64 maximum, gint64 *value)
{
  gsize length;
  const char *m = member (list, i, &length);
  g_autofree char *text = m ? g_strndup (m, length) : NULL;

  return text && g_ascii_string_to_signed (text, 10, minimum, maximum, value, NULL);
}

gboolean
gtf_config_list_float (const char *list, gint64 i, double minimum, double maximum, double *value)
{
  gsize length;
  const char *m = member (list, i, &length);
  g_autofree char *text = m ? g_strndup (m, length) : NULL;
  char *end = NULL;
  const double number = text && *text ? g_ascii_strtod (text, &end) : 0;

  if (!end || *end || !(number >= minimum && number <= maximum))
    return FALSE;
  *value = number;
  return TRUE;
}
