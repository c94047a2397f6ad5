/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights into safetensors. Tensors go through a buffer of a megabyte, so that a model of any size needs no more memory; what shares its bytes in a
 * file of torch (a tied table) is written for each of its names, as a reader need not know what was tied.
 *
 * Shards are cut as huggingface_hub cuts them: in the order of the tensors, a new file where the next would make it too large. The index is written last:
 * a folder whose shards are not all there has no weights.
 */
#include "model/save.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "base/file.h"
#include "base/json-print.h"
#include "base/quote.h"
#include "kernels/half.h"
#include "model/safetensors-private.h"
#include "tensor/convert.h"

#define STEP (128u * 1024)              /* elements that are converted at a time */
#define DEFAULT_SHARD ((guint64) 50000000000)

static const struct { const char *name, *alias; GtfDtype dtype; } dtypes[] = {
  { "float32", "fp32", GTF_DTYPE_F32 }, { "float16", "fp16", GTF_DTYPE_F16 }, { "bfloat16", "bf16", GTF_DTYPE_BF16 }, { "float64", "fp64", GTF_DTYPE_F64 },
  { "auto", "auto", GTF_DTYPE_INVALID },
};

gboolean
gtf_save_dtype_parse (const char *name, GtfDtype *dtype, GError **error)
{
  g_autofree char *quoted = gtf_quote (name, -1);

  for (gsize i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (strcmp (name, dtypes[i].name) == 0 || strcmp (name, dtypes[i].alias) == 0)
      {
        *dtype = dtypes[i].dtype;
        return TRUE;
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "dtype: expected float32, float16, bfloat16, float64 or auto, found \"%s\"", quoted);
  return FALSE;
}

gboolean
gtf_save_size_parse (const char *text, guint64 *size, GError **error)
{
  static const struct { const char *name; double bytes; } units[] = { { "KB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 }, { "TB", 1e12 } };
  g_autofree char *quoted = gtf_quote (text, -1);
  char *end;
  double number = g_ascii_strtod (text, &end);

  for (gsize i = 0; i < G_N_ELEMENTS (units) && end != text; i++)
    if (g_ascii_strcasecmp (end, units[i].name) == 0 && number * units[i].bytes >= 1 && number * units[i].bytes < 1e18)
      {
        *size = (guint64) (number * units[i].bytes);
        return TRUE;
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "shard size: expected a number with KB, MB, GB or TB, as in 5GB, found \"%s\"", quoted);
  return FALSE;
}

/* ---- one file ------------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfSafetensors *weights;
  const GtfSaveOptions *options;
  GCancellable *cancellable;
  guint64 done, total;
  float *floats;            /* STEP of them */
  char *out;                /* STEP elements of 8 bytes */
} Saver;

/* What a tensor is written as: numbers of eight bits were quantised by someone and stay. */
static GtfDtype
written_dtype (const Saver *s, const GtfStoredTensor *t)
{
  return s->options->dtype != GTF_DTYPE_INVALID && t->dtype >= GTF_DTYPE_F64 && t->dtype <= GTF_DTYPE_BF16 ? s->options->dtype : t->dtype;
}

static void
from_floats (GtfDtype dtype, const float *from, gsize n, gpointer to)
{
  for (gsize i = 0; i < n; i++)
    if (dtype == GTF_DTYPE_F16)
      ((guint16 *) to)[i] = GUINT16_TO_LE (gtf_f32_to_f16 (from[i]));
    else if (dtype == GTF_DTYPE_BF16)
      ((guint16 *) to)[i] = GUINT16_TO_LE (gtf_f32_to_bf16 (from[i]));
    else if (dtype == GTF_DTYPE_F64)
      ((double *) to)[i] = from[i];
    else
      ((float *) to)[i] = from[i];
}

/* Elements first ... first + n into s->out. */
static gboolean
load_step (Saver *s, const GtfStoredTensor *t, GtfDtype dtype, gsize first, gsize n, GError **error)
{
  gsize element = gtf_dtype_size (t->dtype);

  if (dtype == t->dtype)
    return gtf_safetensors_read (s->weights, t, first * element, n * element, s->out, error);
  if (!gtf_safetensors_read_f32 (s->weights, t, first, n, s->floats, error))
    return FALSE;
  from_floats (dtype, s->floats, n, s->out);
  return TRUE;
}

static gboolean
write_data (GtfFileWriter *writer, const GtfWrittenTensor *entry, gpointer data, GError **error)
{
  Saver *s = data;
  const GtfStoredTensor *t = entry->source;
  gsize element = gtf_dtype_size (entry->dtype);

  for (gsize at = 0; at < t->n_elements; at += STEP)
    {
      gsize n = MIN (STEP, t->n_elements - at);

      if (g_cancellable_set_error_if_cancelled (s->cancellable, error) || !load_step (s, t, entry->dtype, at, n, error)
          || !gtf_file_writer_write (writer, s->out, n * element, error))
        return FALSE;
      s->done += n * element;
      if (s->options->progress)
        s->options->progress (s->done, s->total, s->options->progress_data);
    }
  return TRUE;
}

/* Tensors first ... end of the table. */
static gboolean
write_file (Saver *s, const char *path, const GArray *entries, guint first, guint end, GError **error)
{
  g_autoptr (GArray) part = g_array_new (FALSE, FALSE, sizeof (GtfWrittenTensor));
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (metadata, "format", "pt");
  if (end > first)
    g_array_append_vals (part, &g_array_index (entries, GtfWrittenTensor, first), end - first);
  return gtf_safetensors_write_entries (path, part, metadata, write_data, s, error);
}

/* The table of what is written; buffers of the saver. (transfer full) */
static GArray *
prepare (Saver *s, GError **error)
{
  GArray *entries = g_array_new (FALSE, FALSE, sizeof (GtfWrittenTensor));

  s->floats = g_new (float, STEP);
  s->out = g_malloc (STEP * 8);
  for (guint i = 0; i < gtf_safetensors_get_n_tensors (s->weights); i++)
    {
      const GtfStoredTensor *t = gtf_safetensors_get (s->weights, i);
      GtfWrittenTensor entry = { t->name, written_dtype (s, t), t->n_dims, t->shape, 0, t };

      entry.n_bytes = t->n_elements * gtf_dtype_size (entry.dtype);
      s->total += entry.n_bytes;
      g_array_append_val (entries, entry);
    }
  return entries;
}

static void
saver_clear (Saver *s)
{
  g_free (s->floats);
  g_free (s->out);
}

gboolean
gtf_weights_save_file (const GtfSafetensors *weights, const char *path, const GtfSaveOptions *options, GCancellable *cancellable, GError **error)
{
  Saver s = { .weights = weights, .options = options, .cancellable = cancellable };
  g_autoptr (GArray) entries = prepare (&s, error);
  gboolean ok = write_file (&s, path, entries, 0, entries->len, error) && gtf_safetensors_check_sizes (weights, error);

  saver_clear (&s);
  return ok;
}

/* ---- shards --------------------------------------------------------------------------------------------------------- */

/* Where the files end, as indices of the table: as huggingface_hub cuts, except that a tensor larger than a shard does not go before what came before it. */
static GArray *
cut (const GArray *entries, guint64 limit)
{
  GArray *ends = g_array_new (FALSE, FALSE, sizeof (guint));
  guint64 size = 0;

  for (guint i = 0; i < entries->len; i++)
    {
      guint64 n = g_array_index (entries, GtfWrittenTensor, i).n_bytes;

      if (size && (n > limit || size > limit - n))
        {
          g_array_append_val (ends, i);
          size = 0;
        }
      size += n;
    }
  g_array_append_val (ends, entries->len);
  return ends;
}

static char *
shard_name (const char *base, guint i, guint n)
{
  return n == 1 ? g_strconcat (base, ".safetensors", NULL) : g_strdup_printf ("%s-%05u-of-%05u.safetensors", base, i + 1, n);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
write_index (const char *path, const char *base, const GArray *entries, const GArray *ends, guint64 total, GError **error)
{
  g_autoptr (GtfFileWriter) writer = NULL;
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) out = g_string_new (NULL);
  guint64 parameters = 0;

  for (guint i = 0, shard = 0; i < entries->len; i++)
    {
      const GtfWrittenTensor *t = &g_array_index (entries, GtfWrittenTensor, i);
      g_autofree char *file = NULL;
      GString *row = g_string_new ("    ");

      while (i >= g_array_index (ends, guint, shard))
        shard++;
      file = shard_name (base, shard, ends->len);
      parameters += t->n_bytes / gtf_dtype_size (t->dtype);
      gtf_json_append_string (row, t->name);
      g_string_append (row, ": ");
      gtf_json_append_string (row, file);
      g_ptr_array_add (rows, g_string_free (row, FALSE));
    }
  g_ptr_array_sort (rows, compare_names);
  g_string_append_printf (out, "{\n  \"metadata\": {\n    \"total_parameters\": %" G_GUINT64_FORMAT ",\n    \"total_size\": %" G_GUINT64_FORMAT
                          "\n  },\n  \"weight_map\": {\n", parameters, total);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (out, "%s%s\n", (char *) rows->pdata[i], i + 1 < rows->len ? "," : "");
  g_string_append (out, "  }\n}\n");
  writer = gtf_file_writer_new (path, error);
  return writer && gtf_file_writer_write (writer, out->str, out->len, error) && gtf_file_writer_commit (writer, error);
}

static gboolean
remove_file (const char *path, GError **error)
{
  if (g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  gtf_file_fail (error, path, "cannot be removed", errno);
  return FALSE;
}

/* Whether a name is that of a shard: BASE-00001-of-00002.safetensors. */
static gboolean
is_shard (const char *name, const char *base)
{
  g_autofree char *pattern = g_strconcat (base, "-*-of-*.safetensors", NULL);

  return g_pattern_match_simple (pattern, name);
}

/* Shards of an earlier save that this one has not written. */
static gboolean
remove_old_shards (const char *directory, const char *base, guint n, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, error);
  const char *name;

  if (!dir)
    return FALSE;
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (directory, name, NULL), *ending = g_strdup_printf ("-of-%05u.safetensors", n);

      if (is_shard (name, base) && (n == 1 || !g_str_has_suffix (name, ending)) && !remove_file (path, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
save (Saver *s, const char *directory, const char *base, const GArray *entries, GError **error)
{
  g_autoptr (GArray) ends = cut (entries, s->options->shard_size ? s->options->shard_size : DEFAULT_SHARD);
  g_autofree char *single_name = g_strconcat (base, ".safetensors", NULL), *single = g_build_filename (directory, single_name, NULL);
  g_autofree char *index = g_strconcat (single, ".index.json", NULL);

  /* an index that names files of another save would mix the two */
  if (ends->len > 1 && !remove_file (index, error))
    return FALSE;
  for (guint i = 0; i < ends->len; i++)
    {
      g_autofree char *name = shard_name (base, i, ends->len), *path = g_build_filename (directory, name, NULL);

      if (!write_file (s, path, entries, i ? g_array_index (ends, guint, i - 1) : 0, g_array_index (ends, guint, i), error))
        return FALSE;
    }
  if (!gtf_safetensors_check_sizes (s->weights, error))
    return FALSE;
  if (ends->len == 1)
    return remove_file (index, error) && remove_old_shards (directory, base, 1, error);
  return write_index (index, base, entries, ends, s->total, error) && remove_file (single, error) && remove_old_shards (directory, base, ends->len, error);
}

gboolean
gtf_weights_save (const GtfSafetensors *weights, const char *directory, const char *base, const GtfSaveOptions *options, GCancellable *cancellable, GError **error)
{
  Saver s = { .weights = weights, .options = options, .cancellable = cancellable };
  g_autoptr (GArray) entries = prepare (&s, error);
  gboolean ok = save (&s, directory, base, entries, error);

  saver_clear (&s);
  return ok;
}
