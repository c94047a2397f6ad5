/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The names that a pickle of weights may use, as symbols, and what our own code makes of a call of each: the whole list of what
 * can happen while such a file is read. It is that of torch's weights_only mode without what no weights need.
 */
#include "model/pickle-private.h"

#include <string.h>
#include "base/quote.h"

typedef enum
{
  DICT, SET, BYTES, COMPLEX, ENCODE,        /* containers of Python */
  SIZE, OPAQUE,                             /* torch.Size; what has no meaning for us */
  STORAGE, DTYPE, TENSOR,                   /* types */
  REBUILD, REBUILD_V2, REBUILD_V3,          /* (storage, offset, size, stride, ...) */
  PARAMETER,                                /* (tensor, requires_grad, hooks, ...) */
  FROM_TYPE                                 /* (function, type, arguments, state) */
} Meaning;

static const struct
{
  const char *module, *name;
  Meaning meaning;
  GtfDtype dtype;
} names[] = {
  { "collections", "OrderedDict", DICT, 0 },
  { "collections", "Counter", DICT, 0 },
  { "builtins", "set", SET, 0 },
  { "__builtin__", "set", SET, 0 },
  { "builtins", "bytearray", BYTES, 0 },
  { "__builtin__", "bytearray", BYTES, 0 },
  { "builtins", "complex", COMPLEX, 0 },
  { "__builtin__", "complex", COMPLEX, 0 },
  { "_codecs", "encode", ENCODE, 0 },
  { "torch", "Size", SIZE, 0 },
  { "torch", "device", OPAQUE, 0 },
  { "torch.serialization", "_get_layout", OPAQUE, 0 },
  { "torch", "Tensor", TENSOR, 0 },
  { "torch", "DoubleTensor", TENSOR, 0 },
  { "torch", "FloatTensor", TENSOR, 0 },
  { "torch", "HalfTensor", TENSOR, 0 },
  { "torch", "BFloat16Tensor", TENSOR, 0 },
  { "torch", "LongTensor", TENSOR, 0 },
  { "torch", "IntTensor", TENSOR, 0 },
  { "torch", "ShortTensor", TENSOR, 0 },
  { "torch", "CharTensor", TENSOR, 0 },
  { "torch", "ByteTensor", TENSOR, 0 },
  { "torch", "BoolTensor", TENSOR, 0 },
  { "torch.nn.parameter", "Parameter", PARAMETER, 0 },
  { "torch._utils", "_rebuild_tensor", REBUILD, 0 },
  { "torch._utils", "_rebuild_tensor_v2", REBUILD_V2, 0 },
  { "torch._utils", "_rebuild_tensor_v3", REBUILD_V3, 0 },
  { "torch._utils", "_rebuild_parameter", PARAMETER, 0 },
  { "torch._utils", "_rebuild_parameter_with_state", PARAMETER, 0 },
  { "torch._tensor", "_rebuild_from_type_v2", FROM_TYPE, 0 },
  { "torch.tensor", "_rebuild_from_type_v2", FROM_TYPE, 0 },
  { "torch", "DoubleStorage", STORAGE, GTF_DTYPE_F64 },
  { "torch", "FloatStorage", STORAGE, GTF_DTYPE_F32 },
  { "torch", "HalfStorage", STORAGE, GTF_DTYPE_F16 },
  { "torch", "BFloat16Storage", STORAGE, GTF_DTYPE_BF16 },
  { "torch", "LongStorage", STORAGE, GTF_DTYPE_I64 },
  { "torch", "IntStorage", STORAGE, GTF_DTYPE_I32 },
  { "torch", "ShortStorage", STORAGE, GTF_DTYPE_I16 },
  { "torch", "CharStorage", STORAGE, GTF_DTYPE_I8 },
  { "torch", "ByteStorage", STORAGE, GTF_DTYPE_U8 },
  { "torch", "BoolStorage", STORAGE, GTF_DTYPE_BOOL },
  { "torch", "ComplexFloatStorage", STORAGE, GTF_DTYPE_INVALID },
  { "torch", "ComplexDoubleStorage", STORAGE, GTF_DTYPE_INVALID },
  { "torch.storage", "UntypedStorage", STORAGE, GTF_DTYPE_U8 },
  { "torch", "float64", DTYPE, GTF_DTYPE_F64 },
  { "torch", "float32", DTYPE, GTF_DTYPE_F32 },
  { "torch", "float16", DTYPE, GTF_DTYPE_F16 },
  { "torch", "bfloat16", DTYPE, GTF_DTYPE_BF16 },
  { "torch", "float8_e5m2", DTYPE, GTF_DTYPE_F8_E5M2 },
  { "torch", "float8_e4m3fn", DTYPE, GTF_DTYPE_F8_E4M3 },
  { "torch", "int64", DTYPE, GTF_DTYPE_I64 },
  { "torch", "int32", DTYPE, GTF_DTYPE_I32 },
  { "torch", "int16", DTYPE, GTF_DTYPE_I16 },
  { "torch", "int8", DTYPE, GTF_DTYPE_I8 },
  { "torch", "uint64", DTYPE, GTF_DTYPE_U64 },
  { "torch", "uint32", DTYPE, GTF_DTYPE_U32 },
  { "torch", "uint16", DTYPE, GTF_DTYPE_U16 },
  { "torch", "uint8", DTYPE, GTF_DTYPE_U8 },
  { "torch", "bool", DTYPE, GTF_DTYPE_BOOL },
  { "torch", "complex64", DTYPE, GTF_DTYPE_INVALID },
  { "torch", "complex128", DTYPE, GTF_DTYPE_INVALID },
};

gboolean
gtf_pickle_find_name (GtfPickle *self, const char *module, const char *name, guint *symbol, GError **error)
{
  g_autofree char *quoted_module = NULL, *quoted_name = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i].module, module) == 0 && strcmp (names[i].name, name) == 0)
      {
        *symbol = i;
        return TRUE;
      }
  quoted_module = gtf_quote (module, -1);
  quoted_name = gtf_quote (name, -1);
  return gtf_pickle_fail (self, error, "names \"%s.%s\", which is no part of weights; nothing of it was run. Save the state dict alone, or as safetensors",
                          quoted_module, quoted_name);
}

static gboolean
means (const GtfPickleValue *value, Meaning meaning)
{
  return value->type == GTF_PICKLE_SYMBOL && names[value->symbol].meaning == meaning;
}

gboolean
gtf_pickle_storage_type (const GtfPickleValue *value, GtfDtype *dtype, const char **name)
{
  if (!means (value, STORAGE))
    return FALSE;
  *dtype = names[value->symbol].dtype;
  *name = names[value->symbol].name;
  return TRUE;
}

static gboolean
wrong (GtfPickle *self, const GtfPickleValue *function, GError **error)
{
  return gtf_pickle_fail (self, error, "the arguments of %s.%s are not what it takes", names[function->symbol].module, names[function->symbol].name);
}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static gboolean
is_int (const GtfPickleValue *value)
{
  return value->type == GTF_PICKLE_INT;
}

/* A tuple (or list) of at most GTF_MAX_DIMS integers. */
static gboolean
take_ints (GtfPickle *self, const GtfPickleValue *value, gint64 *to, guint *n, GError **error)
{
  if (value->type != GTF_PICKLE_TUPLE && value->type != GTF_PICKLE_LIST)
    return gtf_pickle_fail (self, error, "the shape of a tensor is no tuple");
  if (value->list.n > GTF_MAX_DIMS)
    return gtf_pickle_fail (self, error, "a tensor has %" G_GSIZE_FORMAT " dimensions, at most %d can be read", value->list.n, GTF_MAX_DIMS);
  *n = (guint) value->list.n;
  for (guint i = 0; i < *n; i++)
    {
      if (!is_int (value->list.items[i]))
        return gtf_pickle_fail (self, error, "the shape of a tensor holds something that is no integer");
      to[i] = value->list.items[i]->integer;
    }
  return TRUE;
}

/* (storage, offset, size, stride, ...) */
static GtfPickleValue *
make_tensor (GtfPickle *self, const GtfPickleValue *function, GtfPickleValue **args, gsize n_args, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, GTF_PICKLE_TENSOR, error);
  GtfPickleTensor *t = value ? value->tensor : NULL;
  guint n_strides;
  gsize dtype_at = means (function, REBUILD_V3) ? 6 : 0;

  if (!t)
    return NULL;
  if (n_args < MAX (4, dtype_at + 1) || args[0]->type != GTF_PICKLE_STORAGE || !is_int (args[1]) || (dtype_at && !means (args[dtype_at], DTYPE)))
    {
      wrong (self, function, error);
      return NULL;
    }
  t->storage = args[0]->storage;
  t->dtype = dtype_at ? names[args[dtype_at]->symbol].dtype : t->storage->dtype;
  t->type_name = dtype_at ? names[args[dtype_at]->symbol].name : t->storage->type_name;
  t->first = args[1]->integer;
  if (!take_ints (self, args[2], t->shape, &t->n_dims, error) || !take_ints (self, args[3], t->strides, &n_strides, error))
    return NULL;
  if (n_strides == t->n_dims)
    return value;
  gtf_pickle_fail (self, error, "a tensor has %u dimensions and %u strides", t->n_dims, n_strides);
  return NULL;
}

/* torch's own persistent id: ('storage', type, key, location, n[, (view_key, first, n)]). */
GtfPickleValue *
gtf_pickle_storage (GtfPickle *self, const GtfPickleValue *id, GError **error)
{
  gboolean tuple = id->type == GTF_PICKLE_TUPLE && id->list.n >= 5 && id->list.n <= 6;
  GtfPickleValue *const *item = tuple ? id->list.items : NULL, *view = tuple && id->list.n == 6 ? item[5] : NULL, *value;
  GtfPickleStorage *s;

  if (!tuple || !gtf_pickle_is_string (item[0], "storage") || !means (item[1], STORAGE) || item[2]->type != GTF_PICKLE_STRING || !is_int (item[4])
      || item[4]->integer < 0)
    {
      gtf_pickle_fail (self, error, "a persistent id is not that of a storage of torch");
      return NULL;
    }
  if (!(value = gtf_pickle_value_new (self, GTF_PICKLE_STORAGE, error)))
    return NULL;
  s = value->storage;
  gtf_pickle_storage_type (item[1], &s->dtype, &s->type_name);
  s->key = item[2]->bytes.data;
  s->n = s->n_viewed = item[4]->integer;
  if (!view || view->type == GTF_PICKLE_NONE)
    return value;
  if (view->type == GTF_PICKLE_TUPLE && view->list.n == 3 && is_int (view->list.items[1]) && is_int (view->list.items[2]))
    {
      s->first = view->list.items[1]->integer;
      s->n_viewed = view->list.items[2]->integer;
      if (s->first >= 0 && s->n_viewed >= 0 && s->first <= s->n && s->n_viewed <= s->n - s->first)
        return value;
    }
  gtf_pickle_fail (self, error, "the view of a storage does not lie inside it");
  return NULL;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

/* dict(), dict([(key, value), ...]), dict({...}) */
static GtfPickleValue *
make_dict (GtfPickle *self, const GtfPickleValue *function, const GtfPickleValue *args, GError **error)
{
  GtfPickleValue *dict = gtf_pickle_value_new (self, GTF_PICKLE_DICT, error), *from = args->list.n ? args->list.items[0] : NULL;

  if (!dict || !from)
    return dict;
  if (from->type == GTF_PICKLE_DICT)
    return gtf_pickle_append (self, dict, from->list.items, from->list.n, error) ? dict : NULL;
  for (gsize i = 0; from->type == GTF_PICKLE_LIST && i < from->list.n; i++)
    {
      const GtfPickleValue *pair = from->list.items[i];

      if ((pair->type != GTF_PICKLE_LIST && pair->type != GTF_PICKLE_TUPLE) || pair->list.n != 2)
        {
          wrong (self, function, error);
          return NULL;
        }
      if (!gtf_pickle_append (self, dict, pair->list.items, 2, error))
        return NULL;
    }
  if (from->type == GTF_PICKLE_LIST)
    return dict;
  wrong (self, function, error);
  return NULL;
}

/* Parameters are their tensors: what else they carry (gradients, hooks) is not read. */
static GtfPickleValue *
first_tensor (GtfPickle *self, const GtfPickleValue *function, const GtfPickleValue *args, GError **error)
{
  if (args->list.n && args->list.items[0]->type == GTF_PICKLE_TENSOR)
    return args->list.items[0];
  wrong (self, function, error);
  return NULL;
}

/* A tensor of a subclass or with attributes: (function, type, arguments of the function, state). */
static GtfPickleValue *
from_type (GtfPickle *self, const GtfPickleValue *function, const GtfPickleValue *args, GError **error)
{
  GtfPickleValue *const *item = args->list.items;

  if (args->list.n == 4 && item[0]->type == GTF_PICKLE_SYMBOL && !means (item[0], FROM_TYPE) && item[2]->type == GTF_PICKLE_TUPLE
      && (means (item[1], TENSOR) || means (item[1], PARAMETER)))
    return gtf_pickle_call (self, item[0], item[2], error);
  wrong (self, function, error);
  return NULL;
}

GtfPickleValue *
gtf_pickle_call (GtfPickle *self, const GtfPickleValue *function, GtfPickleValue *args, GError **error)
{
  if (function->type != GTF_PICKLE_SYMBOL)
    {
      gtf_pickle_fail (self, error, "calls something that is no function");
      return NULL;
    }
  switch (names[function->symbol].meaning)
    {
    case DICT:
      return make_dict (self, function, args, error);
    case SIZE:
      if (args->list.n == 1 && (args->list.items[0]->type == GTF_PICKLE_TUPLE || args->list.items[0]->type == GTF_PICKLE_LIST))
        return args->list.items[0];
      wrong (self, function, error);
      return NULL;
    case SET: case BYTES: case COMPLEX: case ENCODE: case OPAQUE:
      return gtf_pickle_value_new (self, GTF_PICKLE_OPAQUE, error);
    case REBUILD: case REBUILD_V2: case REBUILD_V3:
      return make_tensor (self, function, args->list.items, args->list.n, error);
    case PARAMETER:
      return first_tensor (self, function, args, error);
    case FROM_TYPE:
      return from_type (self, function, args, error);
    case STORAGE: case DTYPE: case TENSOR: default:
      gtf_pickle_fail (self, error, "calls %s.%s, which is a type of numbers", names[function->symbol].module, names[function->symbol].name);
      return NULL;
    }
}

GtfPickleValue *
gtf_pickle_call_new (GtfPickle *self, const GtfPickleValue *type, GtfPickleValue *args, GError **error)
{
  if (means (type, DICT) || means (type, SIZE) || means (type, PARAMETER))
    return gtf_pickle_call (self, type, args, error);
  gtf_pickle_fail (self, error, "makes an object of a type that weights do not have");
  return NULL;
}

gboolean
gtf_pickle_build (GtfPickle *self, GtfPickleValue *value, const GtfPickleValue *state, GError **error)
{
  /* the versions of modules, which state dicts carry as an attribute */
  if (value->type == GTF_PICKLE_DICT && state->type == GTF_PICKLE_DICT)
    return TRUE;
  return gtf_pickle_fail (self, error, "sets the state of something that has none");
}
