/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Python's pickles as torch writes them, read as data. A pickle is a program for a small stack machine that may name any function of
 * Python and have it called. This interpreter calls nothing: it knows the few names that weights need (containers, storages, dtypes, the functions that
 * put a tensor together) as symbols, and builds a tree of plain values from them. Any other name is refused, and said which.
 *
 * Everything that a file can make large is bounded: the bytes of the pickle, the memory of all values together, the stack, the
 * marks, the memo. Values may refer to each other in a circle; those who walk the tree bound their depth.
 */
#pragma once

#include "model/byte-source.h"
#include "tensor/tensor.h"

G_BEGIN_DECLS

typedef enum
{
  GTF_PICKLE_NONE,
  GTF_PICKLE_BOOL,
  GTF_PICKLE_INT,
  GTF_PICKLE_LONG,          /* an integer of more than 64 bits: its bytes, little endian */
  GTF_PICKLE_FLOAT,
  GTF_PICKLE_STRING,        /* valid UTF-8 without NUL, or else BYTES */
  GTF_PICKLE_BYTES,
  GTF_PICKLE_TUPLE,
  GTF_PICKLE_LIST,
  GTF_PICKLE_SET,
  GTF_PICKLE_DICT,          /* key, value, key, value, ... */
  GTF_PICKLE_SYMBOL,        /* one of the names that are known */
  GTF_PICKLE_STORAGE,
  GTF_PICKLE_TENSOR,
  GTF_PICKLE_OPAQUE         /* something of no interest: a device, a layout */
} GtfPickleType;

/* A run of numbers in the file; where it lies is the container's matter. */
typedef struct
{
  const char *key;
  GtfDtype dtype;           /* GTF_DTYPE_INVALID: of a type that we do not have */
  const char *type_name;    /* as the file calls it */
  gint64 n;                 /* elements of the whole storage */
  gint64 first, n_viewed;   /* the part of it that is meant; all of it: 0, n */
} GtfPickleStorage;

/* Elements of a storage, seen as a tensor. Nothing of it has been checked against the storage. */
typedef struct
{
  const GtfPickleStorage *storage;
  GtfDtype dtype;           /* of the tensor, where the storage has only bytes */
  const char *type_name;
  gint64 first;             /* element of the storage, counted in @dtype */
  guint n_dims;
  gint64 shape[GTF_MAX_DIMS], strides[GTF_MAX_DIMS];
} GtfPickleTensor;

typedef struct _GtfPickleValue GtfPickleValue;
struct _GtfPickleValue
{
  GtfPickleType type;
  guint symbol;             /* GTF_PICKLE_SYMBOL: index into the table of names */
  union
  {
    gint64 integer;         /* also GTF_PICKLE_BOOL */
    double number;
    struct { const char *data; gsize length; } bytes;     /* STRING, BYTES, LONG; NUL-terminated */
    struct { GtfPickleValue **items; gsize n, size; } list;
    GtfPickleStorage *storage;
    GtfPickleTensor *tensor;
  };
};

typedef struct _GtfPickle GtfPickle;

/* Gives a storage or tensor that the pickle refers to by @id; what containers without such a table of their own leave out. */
typedef GtfPickleValue *(*GtfPicklePersistent) (GtfPickle *self, const GtfPickleValue *id, gpointer data, GError **error);

/* Reads pickles from byte @offset of a source on, to @end at the most. Values live as long as the reader. */
GTF_API GtfPickle      *gtf_pickle_new      (const GtfByteSource *source, guint64 offset, guint64 end);
GTF_API void            gtf_pickle_free     (GtfPickle *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfPickle, gtf_pickle_free)
/* What persistent ids mean; without it they are gtf_pickle_storage(). */
GTF_API void            gtf_pickle_set_persistent (GtfPickle *self, GtfPicklePersistent resolve, gpointer data);
/* The next pickle: its value, owned by @self. */
GTF_API GtfPickleValue *gtf_pickle_read     (GtfPickle *self, GError **error);
/* Raw bytes between pickles. */
GTF_API gboolean        gtf_pickle_read_raw (GtfPickle *self, gpointer to, gsize length, GError **error);
GTF_API gboolean        gtf_pickle_skip     (GtfPickle *self, guint64 length, GError **error);
GTF_API guint64         gtf_pickle_tell     (const GtfPickle *self);
/* An error that names the file and the byte; always FALSE. */
GTF_API gboolean        gtf_pickle_fail     (const GtfPickle *self, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* A value of @type owned by @self, zeroed; NULL with an error when memory is at its bound. */
GTF_API GtfPickleValue *gtf_pickle_value_new   (GtfPickle *self, GtfPickleType type, GError **error);
/* torch's own persistent ids, ('storage', type, key, location, n[, view]): what is asked where nothing else is set. */
GTF_API GtfPickleValue *gtf_pickle_storage     (GtfPickle *self, const GtfPickleValue *id, GError **error);
/* What a storage type is called and holds: "FloatStorage" of a symbol. FALSE: the value is no storage type. */
GTF_API gboolean        gtf_pickle_storage_type (const GtfPickleValue *value, GtfDtype *dtype, const char **name);

/* (nullable): the value of a string key of a dict, the last one that was set */
GTF_API const GtfPickleValue *gtf_pickle_lookup (const GtfPickleValue *dict, const char *key);
GTF_API gboolean        gtf_pickle_is_string    (const GtfPickleValue *value, const char *text);

G_END_DECLS
