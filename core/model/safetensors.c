/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading safetensors: 8 bytes with the length of the header (little endian), the header (JSON), the data.
 *
 * The rules are those of the format's description and of its reference implementation: a header of at most 100 MB that begins
 * with '{'; no key twice; offsets that cover the data without overlap and without a hole, up to the last byte of the file;
 * shape times element size equal to the bytes. The header goes through the pull reader straight into the table of tensors.
 */
#include "model/safetensors-private.h"

#include <string.h>
#include "base/json-reader.h"
#include "base/quote.h"
#include "tensor/tensor-private.h"

#define MAX_HEADER 100000000u
#define MAX_TENSORS 1000000u

/* ---- the header ----------------------------------------------------------------------------------------------------- */

/* What the parser of one header works with. */
typedef struct
{
  GtfSafetensors *self;
  const GtfByteSource *file;
  guint index;              /* of the file */
  GtfJsonReader reader;
  guint64 data_size;
  GPtrArray *found;         /* the tensors of this header, borrowed */
} Header;

/* Says at the end of a message which tensor and field it is about. */
static gboolean
about (GError **error, const GtfStoredTensor *t, const char *field)
{
  return gtf_json_about (error, "tensor \"%s\": \"%s\"", t->name, field);
}

static gboolean
read_shape (Header *h, GtfStoredTensor *t, GError **error)
{
  GtfJsonToken token;

  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_BEGIN_ARRAY, error))
    return about (error, t, "shape");
  t->n_dims = 0;
  while ((token = gtf_json_reader_next (&h->reader, error)) == GTF_JSON_NUMBER)
    {
      if (t->n_dims == GTF_MAX_DIMS)
        {
          gtf_json_reader_fail (&h->reader, error, "more than %d dimensions", GTF_MAX_DIMS);
          return about (error, t, "shape");
        }
      if (!gtf_json_reader_get_int (&h->reader, 0, G_MAXINT64, &t->shape[t->n_dims], error))
        return about (error, t, "shape");
      t->n_dims++;
    }
  if (token == GTF_JSON_END_ARRAY)
    return TRUE;
  if (token != GTF_JSON_ERROR)
    gtf_json_reader_fail (&h->reader, error, "expected a list of integers");
  return about (error, t, "shape");
}

static gboolean
read_offsets (Header *h, GtfStoredTensor *t, gint64 *end, GError **error)
{
  gint64 begin;

  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_BEGIN_ARRAY, error)
      || !gtf_json_reader_read_int (&h->reader, 0, G_MAXINT64, &begin, error)
      || !gtf_json_reader_read_int (&h->reader, 0, G_MAXINT64, end, error)
      || !gtf_json_reader_expect (&h->reader, GTF_JSON_END_ARRAY, error))
    return about (error, t, "data_offsets");
  if (begin > *end || (guint64) *end > h->data_size)
    {
      gtf_json_reader_fail (&h->reader, error, "tensor \"%s\": data_offsets [%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "] do not lie inside the %"
                            G_GUINT64_FORMAT " bytes of data", t->name, begin, *end, h->data_size);
      return FALSE;
    }
  t->offset = begin;    /* relative to the data until the file's start is added */
  t->n_bytes = (gsize) (*end - begin);
  return TRUE;
}

static gboolean
read_dtype (Header *h, GtfStoredTensor *t, GError **error)
{
  g_autofree char *name = NULL, *quoted = NULL;

  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_STRING, error) || !(name = gtf_json_reader_dup_string (&h->reader, error)))
    return about (error, t, "dtype");
  t->dtype = gtf_dtype_from_name (name);
  if (t->dtype != GTF_DTYPE_INVALID)
    return TRUE;
  quoted = gtf_quote (name, -1);
  gtf_json_reader_fail (&h->reader, error, "tensor \"%s\": dtype \"%s\" is unknown", t->name, quoted);
  return FALSE;
}

/* Shape, element type and bytes must agree. */
static gboolean
check_size (Header *h, GtfStoredTensor *t, GError **error)
{
  gsize n = 1, bytes = 0;
  gboolean overflow = FALSE;
  g_autofree char *shape = NULL;

  for (guint i = 0; i < t->n_dims; i++)
    overflow |= __builtin_mul_overflow (n, (gsize) t->shape[i], &n);
  overflow |= __builtin_mul_overflow (n, gtf_dtype_size (t->dtype), &bytes);
  t->n_elements = n;
  if (!overflow && bytes == t->n_bytes)
    return TRUE;
  shape = gtf_shape_to_string (t->n_dims, t->shape);
  gtf_json_reader_fail (&h->reader, error, "tensor \"%s\": shape %s of %s does not fit its data_offsets, which hold %" G_GSIZE_FORMAT " bytes",
                        t->name, shape, gtf_dtype_name (t->dtype), t->n_bytes);
  return FALSE;
}

/* The value of one entry: {"dtype": ..., "shape": [...], "data_offsets": [...]}. */
static gboolean
read_tensor (Header *h, GtfStoredTensor *t, GError **error)
{
  enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
  guint seen = 0;
  gint64 end = 0;
  GError *local = NULL;

  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_BEGIN_OBJECT, error))
    return gtf_json_about (error, "tensor \"%s\"", t->name);
  while (gtf_json_reader_next_key (&h->reader, NULL, NULL, &local))
    {
      guint field = gtf_json_reader_string_is (&h->reader, "dtype") ? DTYPE : gtf_json_reader_string_is (&h->reader, "shape") ? SHAPE
                  : gtf_json_reader_string_is (&h->reader, "data_offsets") ? OFFSETS : 0;

      if (!field || (seen & field))
        {
          gtf_json_reader_fail (&h->reader, error, "tensor \"%s\": expected dtype, shape and data_offsets, each once", t->name);
          return FALSE;
        }
      seen |= field;
      if (!(field == DTYPE ? read_dtype (h, t, error) : field == SHAPE ? read_shape (h, t, error) : read_offsets (h, t, &end, error)))
        return FALSE;
    }
  if (local)
    {
      g_propagate_error (error, local);
      return gtf_json_about (error, "tensor \"%s\"", t->name);
    }
  if (seen != (DTYPE | SHAPE | OFFSETS))
    {
      gtf_json_reader_fail (&h->reader, error, "tensor \"%s\": dtype, shape or data_offsets is missing", t->name);
      return FALSE;
    }
  return check_size (h, t, error);
}

static gboolean
read_metadata (Header *h, GError **error)
{
  GError *local = NULL;

  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_BEGIN_OBJECT, error))
    return gtf_json_about (error, "\"__metadata__\"");
  while (gtf_json_reader_next_key (&h->reader, NULL, NULL, &local))
    {
      g_autofree char *key = gtf_json_reader_dup_string (&h->reader, error);
      g_autofree char *value = NULL;

      if (!key || !gtf_json_reader_expect (&h->reader, GTF_JSON_STRING, error) || !(value = gtf_json_reader_dup_string (&h->reader, error)))
        return gtf_json_about (error, "\"__metadata__\": \"%s\"", key ? key : "");
      if (!g_hash_table_contains (h->self->metadata, key))
        g_hash_table_insert (h->self->metadata, g_steal_pointer (&key), g_steal_pointer (&value));
    }
  if (!local)
    return TRUE;
  g_propagate_error (error, local);
  return gtf_json_about (error, "\"__metadata__\"");
}

/* One member of the header. */
static gboolean
read_entry (Header *h, gboolean *metadata, GHashTable *names, GError **error)
{
  g_autofree char *name = gtf_json_reader_dup_string (&h->reader, error);
  GtfStoredTensor *t;

  if (!name)
    return FALSE;
  if (strcmp (name, "__metadata__") == 0)
    {
      if (*metadata)
        {
          gtf_json_reader_fail (&h->reader, error, "\"__metadata__\" comes twice");
          return FALSE;
        }
      *metadata = TRUE;
      return read_metadata (h, error);
    }
  t = g_new0 (GtfStoredTensor, 1);
  g_ptr_array_add (h->self->tensors, t);
  t->name = g_string_chunk_insert (h->self->names, name);
  t->path = gtf_byte_source_get_path (h->file);
  t->file = h->index;
  if (!g_hash_table_add (names, (gpointer) t->name))
    {
      gtf_json_reader_fail (&h->reader, error, "tensor \"%s\" comes twice", name);
      return FALSE;
    }
  if (h->found->len == MAX_TENSORS)
    {
      gtf_json_reader_fail (&h->reader, error, "more than %u tensors", MAX_TENSORS);
      return FALSE;
    }
  g_ptr_array_add (h->found, t);
  return read_tensor (h, t, error);
}

static gint
compare_offsets (gconstpointer a, gconstpointer b)
{
  const GtfStoredTensor *x = *(GtfStoredTensor *const *) a, *y = *(GtfStoredTensor *const *) b;

  if (x->offset != y->offset)
    return x->offset < y->offset ? -1 : 1;
  return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

/* In the order of their offsets the tensors must follow each other and end with the file. */
static gboolean
check_cover (Header *h, GError **error)
{
  goffset at = 0;

  g_ptr_array_sort (h->found, compare_offsets);
  for (guint i = 0; i < h->found->len; i++)
    {
      const GtfStoredTensor *t = h->found->pdata[i];

      if (t->offset != at)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor \"%s\": data_offsets begin at %" G_GOFFSET_FORMAT ", expected %" G_GOFFSET_FORMAT
                       " (%s)", gtf_byte_source_get_path (h->file), t->name, t->offset, at, t->offset < at ? "tensors overlap" : "a hole before it");
          return FALSE;
        }
      at += (goffset) t->n_bytes;
    }
  if ((guint64) at == h->data_size)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the tensors cover %" G_GOFFSET_FORMAT " bytes of data, but there are %" G_GUINT64_FORMAT
               " (truncated, or something appended?)", gtf_byte_source_get_path (h->file), at, h->data_size);
  return FALSE;
}

static gboolean
parse_header (Header *h, const char *text, gsize length, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean metadata = FALSE;
  GError *local = NULL;

  gtf_json_reader_init (&h->reader, gtf_byte_source_get_path (h->file), text, length, GTF_JSON_STRICT);
  if (length == 0 || text[0] != '{')
    {
      gtf_json_reader_fail (&h->reader, error, "the header must begin with '{'");
      return FALSE;
    }
  if (!gtf_json_reader_expect (&h->reader, GTF_JSON_BEGIN_OBJECT, error))
    return FALSE;
  while (gtf_json_reader_next_key (&h->reader, NULL, NULL, &local))
    if (!read_entry (h, &metadata, names, error))
      return FALSE;
  if (local)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  return gtf_json_reader_expect (&h->reader, GTF_JSON_END, error) && check_cover (h, error);
}

/* Parses into @self; the file's data begin at @start. */
static gboolean
take_header (GtfSafetensors *self, const GtfByteSource *file, const char *text, gsize length, guint64 data_size, goffset start, GError **error)
{
  Header h = { .self = self, .file = file, .index = self->files->len - 1, .data_size = data_size, .found = g_ptr_array_new () };
  gboolean ok = parse_header (&h, text, length, error);

  for (guint i = 0; i < h.found->len; i++)
    ((GtfStoredTensor *) h.found->pdata[i])->offset += start;
  gtf_json_reader_clear (&h.reader);
  g_ptr_array_unref (h.found);
  return ok;
}

gboolean
gtf_safetensors_check_header (const char *name, const char *header, gsize length, guint64 data_size, GError **error)
{
  g_autoptr (GtfSafetensors) self = gtf_safetensors_new ();
  g_autoptr (GBytes) none = g_bytes_new_static ("", 0);

  g_ptr_array_add (self->files, gtf_byte_source_new_bytes (name, none));
  return take_header (self, self->files->pdata[0], header, length, data_size, 0, error);
}

gboolean
gtf_safetensors_looks_like (const guint8 *first, gsize n)
{
  guint64 length = 0;

  for (guint i = 0; i < 8 && n > 8; i++)
    length |= (guint64) first[i] << (8 * i);
  return n > 8 && length <= MAX_HEADER && first[8] == '{';
}

gboolean
gtf_safetensors_add_safetensors (GtfSafetensors *self, const GtfByteSource *file, GError **error)
{
  const char *path = gtf_byte_source_get_path (file);
  guint64 size = gtf_byte_source_get_size (file), length;
  g_autofree char *header = NULL;

  if (size < 8)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is no safetensors file: %" G_GUINT64_FORMAT " bytes, at least 8 are needed", path, size);
      return FALSE;
    }
  if (!gtf_byte_source_read (file, 0, &length, 8, error))
    return FALSE;
  length = GUINT64_FROM_LE (length);
  if (length > MAX_HEADER || length > size - 8)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is no safetensors file, or truncated: its header would have %" G_GUINT64_FORMAT
                   " bytes, the file has %" G_GUINT64_FORMAT " (limit %u)", path, length, size, MAX_HEADER);
      return FALSE;
    }
  if (!(header = g_try_malloc (length + 1)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for a header of %" G_GUINT64_FORMAT " bytes", path, length);
      return FALSE;
    }
  return gtf_byte_source_read (file, 8, header, length, error) && take_header (self, file, header, length, size - 8 - length, (goffset) (8 + length), error);
}
