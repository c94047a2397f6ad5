/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing safetensors: the header padded with spaces to a multiple of 8; tensors in the order of the reference, wider types first and within a
 * type by name, so that each is aligned.
 */
#include "model/safetensors-private.h"

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
make_header (const GArray *entries, GHashTable *metadata)
{
  GString *out = g_string_new ("{");
  guint64 at = 0;

  if (metadata && g_hash_table_size (metadata))
    append_metadata (out, metadata);
  for (guint i = 0; i < entries->len; i++)
    {
      const GtfWrittenTensor *t = &g_array_index (entries, GtfWrittenTensor, i);

      if (out->len > 1)
        g_string_append_c (out, ',');
      append_json_string (out, t->name);
      g_string_append_printf (out, ":{\"dtype\":\"%s\",\"shape\":[", gtf_dtype_name (t->dtype));
      for (guint d = 0; d < t->n_dims; d++)
        g_string_append_printf (out, "%s%" G_GINT64_FORMAT, d ? "," : "", t->shape[d]);
      g_string_append_printf (out, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", at, at + t->n_bytes);
      at += t->n_bytes;
    }
  g_string_append_c (out, '}');
  while (out->len % 8)
    g_string_append_c (out, ' ');
  return out;
}

/* The reference's order of types, widest first. */
static gint
compare_written (gconstpointer a, gconstpointer b)
{
  static const guint8 ranks[GTF_DTYPE_LAST] = {
    [GTF_DTYPE_BOOL] = 1, [GTF_DTYPE_U8] = 2, [GTF_DTYPE_I8] = 3, [GTF_DTYPE_F8_E5M2] = 4, [GTF_DTYPE_F8_E4M3] = 5, [GTF_DTYPE_I16] = 6, [GTF_DTYPE_U16] = 7,
    [GTF_DTYPE_F16] = 8, [GTF_DTYPE_BF16] = 9, [GTF_DTYPE_I32] = 10, [GTF_DTYPE_U32] = 11, [GTF_DTYPE_F32] = 12, [GTF_DTYPE_F64] = 13, [GTF_DTYPE_I64] = 14,
    [GTF_DTYPE_U64] = 15,
  };
  const GtfWrittenTensor *x = a, *y = b;

  return ranks[x->dtype] != ranks[y->dtype] ? ranks[y->dtype] - ranks[x->dtype] : strcmp (x->name, y->name);
}

gboolean
gtf_safetensors_write_entries (const char *path, GArray *entries, GHashTable *metadata, GtfWriteData write, gpointer data, GError **error)
{
  g_autoptr (GtfFileWriter) writer = gtf_file_writer_new (path, error);
  g_autoptr (GString) header = NULL;
  guint64 length;

  g_array_sort (entries, compare_written);
  header = make_header (entries, metadata);
  length = GUINT64_TO_LE ((guint64) header->len);
  if (!writer || !gtf_file_writer_write (writer, &length, sizeof length, error) || !gtf_file_writer_write (writer, header->str, header->len, error))
    return FALSE;
  for (guint i = 0; i < entries->len; i++)
    if (!write (writer, &g_array_index (entries, GtfWrittenTensor, i), data, error))
      return FALSE;
  return gtf_file_writer_commit (writer, error);
}

static gboolean
write_tensor (GtfFileWriter *writer, const GtfWrittenTensor *entry, gpointer data, GError **error)
{
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes (entry->source);

  return gtf_file_writer_write (writer, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
}

gboolean
gtf_safetensors_write (const char *path, GHashTable *tensors, GHashTable *metadata, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, TRUE, sizeof (GtfWrittenTensor));
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, tensors);
  while (g_hash_table_iter_next (&iter, &name, &value))
    {
      const GtfTensor *t = value;
      GtfWrittenTensor entry = { name, t->dtype, t->n_dims, t->shape, gtf_tensor_get_n_elements (t) * gtf_dtype_size (t->dtype), t };

      g_array_append_val (entries, entry);
    }
  return gtf_safetensors_write_entries (path, entries, metadata, write_tensor, NULL, error);
}
