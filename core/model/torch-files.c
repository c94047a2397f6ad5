/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of torch.save(): which of the three forms one is, and what of its pickle is weights.
 *
 * The pickle holds a dict of tensors, or a checkpoint that has such a dict beside other things. In a checkpoint it is found under the names
 * that trainers use ("state_dict" of Lightning, "model", ...). Dicts within are state dicts of parts: their names are joined by dots.
 */
#include "model/torch-private.h"

#include <string.h>
#include "base/quote.h"
#include "tensor/tensor-private.h"

#define MAX_DEPTH 32
#define MAX_VISITED 4000000u
#define MAX_TENSORS 1000000u
/* Tensors may share a storage, and an expanded one is larger than its storage: together they may be so much larger than the file. */
#define MAX_EXPANSION 16
#define FREE_EXPANSION ((guint64) 1 << 30)
/* A dict that is referred to often gives many tensors for few bytes: so many each takes at the least, once there are more than a thousand. */
#define MIN_BYTES 16
#define MAX_NAMES ((gsize) 64 << 20)    /* bytes of all names together */

typedef struct
{
  GtfSafetensors *self;
  const GtfByteSource *file;
  GtfTorchLocate locate;
  gpointer data;
  guint visited, found;
  gsize names;              /* bytes of all names */
  guint64 total;            /* bytes of all tensors */
  GString *name;            /* of the value that is looked at */
} Collector;

gboolean
gtf_torch_fail (const GtfByteSource *file, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s", gtf_byte_source_get_path (file), text);
  return FALSE;
}

/* ---- one tensor ----------------------------------------------------------------------------------------------------- */

static gboolean
refuse (Collector *c, GError **error, const char *why)
{
  g_autofree char *quoted = gtf_quote (c->name->str, -1);

  return gtf_torch_fail (c->file, error, "tensor \"%s\": %s", quoted, why);
}

/* The elements from the first to the last, both included; 0 for an empty tensor. */
static gboolean
measure (const GtfPickleTensor *p, gsize *n_elements, gsize *span)
{
  gsize last = 0, part;
  gboolean bad = FALSE;

  *n_elements = 1;
  for (guint d = 0; d < p->n_dims; d++)
    {
      if (p->shape[d] < 0 || p->strides[d] < 0)
        return FALSE;
      bad |= __builtin_mul_overflow (*n_elements, (gsize) p->shape[d], n_elements);
    }
  for (guint d = 0; d < p->n_dims && *n_elements; d++)
    {
      bad |= __builtin_mul_overflow ((gsize) p->shape[d] - 1, (gsize) p->strides[d], &part);
      bad |= __builtin_add_overflow (last, part, &last);
    }
  bad |= __builtin_add_overflow (last, (gsize) (*n_elements != 0), span);
  return !bad && *n_elements <= G_MAXSSIZE / 8 && *span <= G_MAXSSIZE / 8;
}

static gboolean
is_row_major (const GtfPickleTensor *p)
{
  gint64 expected = 1;

  for (guint d = p->n_dims; d-- > 0;)
    {
      if (p->shape[d] != 1 && p->strides[d] != expected)
        return FALSE;
      expected *= p->shape[d];
    }
  return TRUE;
}

static void
add_view (Collector *c, GtfStoredTensor *t, const GtfPickleTensor *p, gsize span)
{
  t->view = g_new0 (GtfStoredView, 1);
  t->view->n_dims = p->n_dims;
  memcpy (t->view->shape, p->shape, sizeof p->shape);
  memcpy (t->view->strides, p->strides, sizeof p->strides);
  t->view->span = span;
  g_ptr_array_add (c->self->views, t->view);
}

/* Whether the elements lie inside the part of the storage that is meant; where they begin in it, in bytes. No elements lie anywhere: what is left of a
 * slice may begin behind its storage. */
static gboolean
fits_storage (const GtfPickleTensor *p, gsize span, guint64 *begin)
{
  const GtfPickleStorage *s = p->storage;
  guint64 element = gtf_dtype_size (p->dtype), unit = gtf_dtype_size (s->dtype), have, first;

  if (span == 0)
    return TRUE;
  if (p->first < 0 || __builtin_mul_overflow ((guint64) s->n_viewed, unit, &have) || __builtin_mul_overflow ((guint64) p->first, element, &first)
      || first > have || span > (have - first) / element)
    return FALSE;
  *begin = (guint64) s->first * unit + first;
  return TRUE;
}

/* Whether there may be another tensor of this size and with this name. */
static gboolean
check_bounds (Collector *c, guint64 n_bytes, GError **error)
{
  guint64 size = gtf_byte_source_get_size (c->file);

  c->found++;
  c->total += n_bytes;
  c->names += c->name->len;
  if (c->found > MAX_TENSORS || c->names > MAX_NAMES)
    return refuse (c, error, "there are too many tensors, or their names are too long");
  if ((c->total / MAX_EXPANSION > size && c->total > FREE_EXPANSION) || (c->found > 1000 && c->found > size / MIN_BYTES))
    return refuse (c, error, "the tensors say the bytes of the file many times over");
  return TRUE;
}

static gboolean
add_tensor (Collector *c, const GtfPickleTensor *p, GError **error)
{
  gsize n_elements, span, element = gtf_dtype_size (p->dtype);
  guint64 offset = 0, begin = 0;
  GtfStoredTensor *t;

  if (element == 0 || gtf_dtype_size (p->storage->dtype) == 0)
    {
      g_autofree char *why = g_strdup_printf ("its numbers are of the type %s, which cannot be read", p->type_name);

      return refuse (c, error, why);
    }
  if (!measure (p, &n_elements, &span))
    return refuse (c, error, "its shape and strides are negative or too large");
  if (!fits_storage (p, span, &begin))
    return refuse (c, error, "its elements lie outside its storage");
  if (!check_bounds (c, (guint64) n_elements * element, error))
    return FALSE;
  if (!c->locate (c->data, p->storage, &offset, error))
    return FALSE;
  t = g_new0 (GtfStoredTensor, 1);
  g_ptr_array_add (c->self->tensors, t);
  t->name = g_string_chunk_insert (c->self->names, c->name->str);
  t->path = gtf_byte_source_get_path (c->file);
  t->file = c->self->files->len - 1;
  t->dtype = p->dtype;
  t->n_dims = p->n_dims;
  memcpy (t->shape, p->shape, sizeof p->shape);
  t->n_elements = n_elements;
  t->n_bytes = n_elements * element;
  t->offset = (goffset) (offset + begin);
  if (n_elements && !is_row_major (p))
    add_view (c, t, p, span * element);
  return TRUE;
}

/* ---- the tree ------------------------------------------------------------------------------------------------------- */

static gboolean
append_key (GString *name, const GtfPickleValue *key)
{
  if (key->type != GTF_PICKLE_STRING && key->type != GTF_PICKLE_INT)
    return FALSE;
  if (name->len)
    g_string_append_c (name, '.');
  if (key->type == GTF_PICKLE_STRING)
    g_string_append (name, key->bytes.data);
  else
    g_string_append_printf (name, "%" G_GINT64_FORMAT, key->integer);
  return TRUE;
}

static gboolean
collect (Collector *c, const GtfPickleValue *dict, guint depth, GError **error)
{
  gsize length = c->name->len;

  if (depth > MAX_DEPTH)
    return refuse (c, error, "dicts are nested too deeply, or in a circle");
  for (gsize i = 0; i + 1 < dict->list.n; i += 2)
    {
      const GtfPickleValue *value = dict->list.items[i + 1];

      if (c->visited++ == MAX_VISITED)
        return refuse (c, error, "there are too many values");
      if ((value->type == GTF_PICKLE_TENSOR || value->type == GTF_PICKLE_DICT) && append_key (c->name, dict->list.items[i])
          && !(value->type == GTF_PICKLE_TENSOR ? add_tensor (c, value->tensor, error) : collect (c, value, depth + 1, error)))
        return FALSE;
      g_string_truncate (c->name, length);
    }
  return TRUE;
}

static gboolean
has_tensors (const GtfPickleValue *dict)
{
  for (gsize i = 0; i + 1 < dict->list.n; i += 2)
    if (dict->list.items[i + 1]->type == GTF_PICKLE_TENSOR)
      return TRUE;
  return FALSE;
}

/* The state dict of a checkpoint, or the dict itself. */
static const GtfPickleValue *
find_state_dict (const GtfPickleValue *root)
{
  static const char *const keys[] = { "state_dict", "model_state_dict", "model", "module", "net", "params_ema", "params", "weights" };

  for (guint depth = 0; depth < MAX_DEPTH && !has_tensors (root); depth++)
    {
      const GtfPickleValue *inner = NULL;

      for (gsize i = 0; i < G_N_ELEMENTS (keys) && !inner; i++)
        if ((inner = gtf_pickle_lookup (root, keys[i])) && inner->type != GTF_PICKLE_DICT)
          inner = NULL;
      if (!inner)
        break;
      root = inner;
    }
  return root;
}

gboolean
gtf_torch_collect (GtfSafetensors *self, const GtfByteSource *file, const GtfPickleValue *root, GtfTorchLocate locate, gpointer data, GError **error)
{
  Collector c = { .self = self, .file = file, .locate = locate, .data = data };
  gboolean ok;

  if (root->type != GTF_PICKLE_DICT)
    return gtf_torch_fail (file, error, "its pickle holds %s, expected a state dict: names and their tensors",
                           root->type == GTF_PICKLE_TENSOR ? "a tensor without a name" : "something else");
  c.name = g_string_new (NULL);
  ok = collect (&c, find_state_dict (root), 0, error);
  if (ok && c.found == 0 && root->list.n)
    ok = gtf_torch_fail (file, error, "there are no tensors in its pickle");
  g_string_free (c.name, TRUE);
  return ok;
}

gboolean
gtf_torch_add (GtfSafetensors *self, const GtfByteSource *file, const guint8 *first, gsize n, GError **error)
{
  if (n >= 4 && memcmp (first, "PK\3\4", 4) == 0)
    return gtf_torch_add_zip (self, file, error);
  if (n == GTF_TORCH_FIRST_BYTES && gtf_torch_is_tar (first))
    return gtf_torch_add_tar (self, file, error);
  if (n >= 2 && first[0] == 0x80)
    return gtf_torch_add_legacy (self, file, error);
  return gtf_torch_fail (file, error, "is no file of weights: expected safetensors, or a zip, tar or pickle of torch.save");
}
