/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading safetensors: 8 bytes with the length of the header (little endian), the header (JSON), the data.
 *
 * The rules are those of the format's description and of its reference implementation: a header of at most 100 MB that begins
 * with '{'; no key twice; offsets that cover the data without overlap and without a hole, up to the last byte of the file;
 * shape times element size equal to the bytes. The header goes through the pull reader straight into the table of tensors.
 */
#include "model/safetensors-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/quote.h"
#include "base/json-reader.h"
#include "tensor/convert.h"
#include "tensor/tensor-private.h"

#define MAX_HEADER 100000000u
#define MAX_TENSORS 1000000u

static void
stored_file_free (gpointer data)
{
  GtfStoredFile *file = data;

  if (file->fd >= 0)
    close (file->fd);
  g_free (file->path);
  g_free (file);
}

GtfSafetensors *
gtf_safetensors_new (void)
{
  GtfSafetensors *self = g_new0 (GtfSafetensors, 1);

  self->files = g_ptr_array_new_with_free_func (stored_file_free);
  self->tensors = g_ptr_array_new_with_free_func (g_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  self->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->names = g_string_chunk_new (4096);
  return self;
}

void
gtf_safetensors_free (GtfSafetensors *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->by_name);
  g_hash_table_unref (self->metadata);
  g_ptr_array_unref (self->tensors);
  g_ptr_array_unref (self->files);
  g_string_chunk_free (self->names);
  g_free (self);
}

/* ---- the header ----------------------------------------------------------------------------------------------------- */

/* What the parser of one header works with. */
typedef struct
{
  GtfSafetensors *self;
  GtfStoredFile *file;
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
  t->path = h->file->path;
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
                       " (%s)", h->file->path, t->name, t->offset, at, t->offset < at ? "tensors overlap" : "a hole before it");
          return FALSE;
        }
      at += (goffset) t->n_bytes;
    }
  if ((guint64) at == h->data_size)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the tensors cover %" G_GOFFSET_FORMAT " bytes of data, but there are %" G_GUINT64_FORMAT
               " (truncated, or something appended?)", h->file->path, at, h->data_size);
  return FALSE;
}

static gboolean
parse_header (Header *h, const char *text, gsize length, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean metadata = FALSE;
  GError *local = NULL;

  gtf_json_reader_init (&h->reader, h->file->path, text, length, GTF_JSON_STRICT);
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
take_header (GtfSafetensors *self, GtfStoredFile *file, const char *text, gsize length, guint64 data_size, goffset start, GError **error)
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
  GtfStoredFile *file = g_new0 (GtfStoredFile, 1);

  file->fd = -1;
  file->path = g_strdup (name);
  g_ptr_array_add (self->files, file);
  return take_header (self, file, header, length, data_size, 0, error);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

static gboolean
read_at (const GtfStoredFile *file, goffset offset, gpointer to, gsize length, GError **error)
{
  char *at = to;

  while (length)
    {
      ssize_t n = pread (file->fd, at, length, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          gtf_file_fail (error, file->path, "cannot be read", errno);
          return FALSE;
        }
      if (n == 0)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: became shorter while it was read: expected %" G_GSIZE_FORMAT
                       " bytes, it ends at byte %" G_GOFFSET_FORMAT, file->path, file->size, offset);
          return FALSE;
        }
      at += n;
      offset += n;
      length -= (gsize) n;
    }
  return TRUE;
}

/* Adds a file with all its tensors. */
gboolean
gtf_safetensors_add_file (GtfSafetensors *self, const char *path, GError **error)
{
  GtfStoredFile *file = g_new0 (GtfStoredFile, 1);
  g_autofree char *header = NULL;
  guint64 length;

  file->path = g_strdup (path);
  file->fd = -1;
  g_ptr_array_add (self->files, file);
  if ((file->fd = gtf_file_open (path, &file->size, error)) < 0)
    return FALSE;
  if (file->size < 8)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is no safetensors file: %" G_GSIZE_FORMAT " bytes, at least 8 are needed", path, file->size);
      return FALSE;
    }
  if (!read_at (file, 0, &length, 8, error))
    return FALSE;
  length = GUINT64_FROM_LE (length);
  if (length > MAX_HEADER || length > file->size - 8)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: is no safetensors file, or truncated: its header would have %" G_GUINT64_FORMAT
                   " bytes, the file has %" G_GSIZE_FORMAT " (limit %u)", path, length, file->size, MAX_HEADER);
      return FALSE;
    }
  if (!(header = g_try_malloc (length + 1)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for a header of %" G_GUINT64_FORMAT " bytes", path, length);
      return FALSE;
    }
  return read_at (file, 8, header, length, error)
         && take_header (self, file, header, length, file->size - 8 - length, (goffset) (8 + length), error);
}

/* Makes the tensors findable by name; a name that two files have is an error. */
gboolean
gtf_safetensors_finish (GtfSafetensors *self, GError **error)
{
  for (guint i = 0; i < self->tensors->len; i++)
    {
      GtfStoredTensor *t = self->tensors->pdata[i];
      const GtfStoredTensor *other = g_hash_table_lookup (self->by_name, t->name);

      if (other)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor \"%s\" is also in %s", t->path, t->name, other->path);
          return FALSE;
        }
      g_hash_table_insert (self->by_name, (gpointer) t->name, t);
    }
  return TRUE;
}

GtfSafetensors *
gtf_safetensors_open_file (const char *path, GError **error)
{
  g_autoptr (GtfSafetensors) self = gtf_safetensors_new ();

  if (!gtf_safetensors_add_file (self, path, error) || !gtf_safetensors_finish (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

gboolean
gtf_safetensors_check_sizes (const GtfSafetensors *self, GError **error)
{
  for (guint i = 0; i < self->files->len; i++)
    {
      const GtfStoredFile *file = self->files->pdata[i];
      off_t size = lseek (file->fd, 0, SEEK_END);

      if (size >= 0 && (gsize) size == file->size)
        continue;
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: changed its size while it was loaded (from %" G_GSIZE_FORMAT " to %" G_GOFFSET_FORMAT " bytes)",
                   file->path, file->size, (goffset) size);
      return FALSE;
    }
  return TRUE;
}

/* ---- what there is -------------------------------------------------------------------------------------------------- */

guint
gtf_safetensors_get_n_tensors (const GtfSafetensors *self)
{
  return self->tensors->len;
}

const GtfStoredTensor *
gtf_safetensors_get (const GtfSafetensors *self, guint index)
{
  g_return_val_if_fail (index < self->tensors->len, NULL);
  return self->tensors->pdata[index];
}

const GtfStoredTensor *
gtf_safetensors_find (const GtfSafetensors *self, const char *name)
{
  return g_hash_table_lookup (self->by_name, name);
}

const char *
gtf_safetensors_get_metadata (const GtfSafetensors *self, const char *key)
{
  return g_hash_table_lookup (self->metadata, key);
}

guint
gtf_safetensors_get_n_files (const GtfSafetensors *self)
{
  return self->files->len;
}

const char *
gtf_safetensors_get_path (const GtfSafetensors *self, guint file)
{
  g_return_val_if_fail (file < self->files->len, NULL);
  return ((GtfStoredFile *) self->files->pdata[file])->path;
}

gboolean
gtf_safetensors_read (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize offset, gsize length, gpointer to, GError **error)
{
  g_return_val_if_fail (offset <= tensor->n_bytes && length <= tensor->n_bytes - offset, FALSE);
  return read_at (self->files->pdata[tensor->file], tensor->offset + (goffset) offset, to, length, error);
}

gboolean
gtf_safetensors_read_f32 (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize first, gsize n, float *to, GError **error)
{
  gsize element = gtf_dtype_size (tensor->dtype);
  char buffer[65536];

  if (tensor->dtype < GTF_DTYPE_F64 || tensor->dtype > GTF_DTYPE_F8_E4M3)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor \"%s\": expected floating-point numbers, found %s", tensor->path, tensor->name,
                   gtf_dtype_name (tensor->dtype));
      return FALSE;
    }
  g_return_val_if_fail (first <= tensor->n_elements && n <= tensor->n_elements - first, FALSE);
  while (n)
    {
      gsize step = MIN (n, sizeof buffer / element);

      if (!gtf_safetensors_read (self, tensor, first * element, step * element, buffer, error))
        return FALSE;
      gtf_convert_f32 (tensor->dtype, buffer, 1, step, to);
      first += step;
      to += step;
      n -= step;
    }
  return TRUE;
}

GtfTensor *
gtf_safetensors_read_tensor (const GtfSafetensors *self, const GtfStoredTensor *tensor, GError **error)
{
  g_autofree char *data = g_try_malloc (tensor->n_bytes + 1);
  g_autoptr (GBytes) bytes = NULL;

  if (!data)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: tensor \"%s\": no memory for %" G_GSIZE_FORMAT " bytes", tensor->path, tensor->name, tensor->n_bytes);
      return NULL;
    }
  if (!gtf_safetensors_read (self, tensor, 0, tensor->n_bytes, data, error))
    return NULL;
  bytes = g_bytes_new_take (g_steal_pointer (&data), tensor->n_bytes);
  return gtf_tensor_new_bytes (tensor->dtype, tensor->n_dims, tensor->shape, bytes, error);
}
