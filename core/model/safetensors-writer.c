/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing safetensors: names in order, the header padded with spaces to a multiple of 8 so that the data are aligned.
 */
#include "model/safetensors.h"

#include <string.h>
#include "base/file.h"
#include "tensor/tensor-private.h"

static void
append_json_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p; p++)
    if (*p == '"' || *p == '\\')
      g_string_append_printf (out, "\\%c", *p);
    else if ((guchar) *p < 0x20)
      g_string_append_printf (out, "\\u%04x", (guchar) *p);
    else
      g_string_append_c (out, *p);
  g_string_append_c (out, '"');
}

static void
append_metadata (GString *out, GHashTable *metadata)
{
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (metadata), (GCompareFunc) strcmp);

  g_string_append (out, "\"__metadata__\":{");
  for (GList *l = keys; l; l = l->next)
    {
      if (l != keys)
        g_string_append_c (out, ',');
      append_json_string (out, l->data);
      g_string_append_c (out, ':');
      append_json_string (out, g_hash_table_lookup (metadata, l->data));
    }
  g_string_append_c (out, '}');
}

/* The header's text, without its length. */
static GString *
make_header (GHashTable *tensors, GList *names, GHashTable *metadata)
{
  GString *out = g_string_new ("{");
  guint64 at = 0;

  if (metadata && g_hash_table_size (metadata))
    append_metadata (out, metadata);
  for (GList *l = names; l; l = l->next)
    {
      GtfTensor *t = g_hash_table_lookup (tensors, l->data);
      guint64 n = (guint64) gtf_tensor_get_n_elements (t) * gtf_dtype_size (t->dtype);

      if (out->len > 1)
        g_string_append_c (out, ',');
      append_json_string (out, l->data);
      g_string_append_printf (out, ":{\"dtype\":\"%s\",\"shape\":[", gtf_dtype_name (t->dtype));
      for (guint i = 0; i < t->n_dims; i++)
        g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? "," : "", t->shape[i]);
      g_string_append_printf (out, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", at, at + n);
      at += n;
    }
  g_string_append_c (out, '}');
  while (out->len % 8)
    g_string_append_c (out, ' ');
  return out;
}

gboolean
gtf_safetensors_write (const char *path, GHashTable *tensors, GHashTable *metadata, GError **error)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (tensors), (GCompareFunc) strcmp);
  g_autoptr (GString) header = make_header (tensors, names, metadata);
  g_autoptr (GtfFileWriter) writer = gtf_file_writer_new (path, error);
  guint64 length = GUINT64_TO_LE ((guint64) header->len);

  if (!writer || !gtf_file_writer_write (writer, &length, sizeof length, error) || !gtf_file_writer_write (writer, header->str, header->len, error))
    return FALSE;
  for (GList *l = names; l; l = l->next)
    {
      g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (g_hash_table_lookup (tensors, l->data));
      gsize n;
      gconstpointer data = g_bytes_get_data (bytes, &n);

      if (!gtf_file_writer_write (writer, data, n, error))
        return FALSE;
    }
  return gtf_file_writer_commit (writer, error);
}
