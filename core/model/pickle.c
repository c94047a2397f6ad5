/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The stack machine of pickles, protocols 2 to 5: the opcodes that torch's weights_only mode takes, and those by which protocols 4 and 5 say the
 * same. All others (INST, OBJ, extensions, text forms of protocol 0, buffers out of band) are refused by name.
 */
#include "model/pickle-private.h"

#include <string.h>
#include "base/quote.h"

/* ---- the stack ------------------------------------------------------------------------------------------------------ */

/* How many values lie above the last mark. */
static guint
depth (const GtfPickle *self)
{
  return self->stack->len - (self->marks->len ? g_array_index (self->marks, guint, self->marks->len - 1) : 0);
}

static gboolean
push (GtfPickle *self, GtfPickleValue *value, GError **error)
{
  if (!value)
    return FALSE;
  if (self->stack->len == GTF_PICKLE_MAX_STACK)
    return gtf_pickle_fail (self, error, "more than %u values on the stack", GTF_PICKLE_MAX_STACK);
  g_ptr_array_add (self->stack, value);
  return TRUE;
}

static GtfPickleValue *
pop (GtfPickle *self, GError **error)
{
  if (depth (self))
    return g_ptr_array_steal_index (self->stack, self->stack->len - 1);
  gtf_pickle_fail (self, error, "takes a value from an empty stack");
  return NULL;
}

static GtfPickleValue *
top (GtfPickle *self, GError **error)
{
  if (depth (self))
    return self->stack->pdata[self->stack->len - 1];
  gtf_pickle_fail (self, error, "looks at an empty stack");
  return NULL;
}

static gboolean
push_mark (GtfPickle *self, GError **error)
{
  if (self->marks->len == GTF_PICKLE_MAX_MARKS)
    return gtf_pickle_fail (self, error, "is nested deeper than %u", GTF_PICKLE_MAX_MARKS);
  g_array_append_val (self->marks, self->stack->len);
  return TRUE;
}

/* The values above the last mark, which go: *n of them, valid until the next push. */
static gboolean
pop_mark (GtfPickle *self, GtfPickleValue ***items, gsize *n, GError **error)
{
  guint at;

  if (!self->marks->len)
    return gtf_pickle_fail (self, error, "takes a mark that was not set");
  at = g_array_index (self->marks, guint, self->marks->len - 1);
  *n = self->stack->len - at;
  *items = (GtfPickleValue **) self->stack->pdata + at;
  g_array_set_size (self->marks, self->marks->len - 1);
  self->stack->len = at;        /* the values stay where they are until something is pushed */
  return TRUE;
}

/* ---- numbers and strings -------------------------------------------------------------------------------------------- */

/* An unsigned number of @size bytes, little endian. */
static gboolean
read_number (GtfPickle *self, guint size, guint64 *value, GError **error)
{
  guint8 bytes[8];

  if (!gtf_pickle_read_raw (self, bytes, size, error))
    return FALSE;
  *value = 0;
  for (guint i = 0; i < size; i++)
    *value |= (guint64) bytes[i] << (8 * i);
  return TRUE;
}

static gboolean
push_plain (GtfPickle *self, GtfPickleType type, gint64 integer, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, type, error);

  if (value && (type == GTF_PICKLE_INT || type == GTF_PICKLE_BOOL))
    value->integer = integer;
  return push (self, value, error);
}

static gboolean
push_int (GtfPickle *self, guint size, GError **error)
{
  guint64 n;

  return read_number (self, size, &n, error) && push_plain (self, GTF_PICKLE_INT, size == 4 ? (gint32) n : (gint64) n, error);
}

static gboolean
push_float (GtfPickle *self, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, GTF_PICKLE_FLOAT, error);
  guint64 bits;

  if (!value || !read_number (self, 8, &bits, error))
    return FALSE;
  bits = GUINT64_SWAP_LE_BE (bits);
  memcpy (&value->number, &bits, sizeof bits);
  return push (self, value, error);
}

/* Bytes with a length of @size bytes before them. */
static gboolean
push_bytes (GtfPickle *self, GtfPickleType type, guint size, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, type, error);
  guint64 length;
  char *data;

  if (!value || !read_number (self, size, &length, error))
    return FALSE;
  if (length > self->end - self->position || length > GTF_PICKLE_MAX_BYTES)
    return gtf_pickle_fail (self, error, "a string of %" G_GUINT64_FORMAT " bytes reaches over its end", length);
  if (!(data = gtf_pickle_alloc (self, length + 1, error)) || !gtf_pickle_read_raw (self, data, length, error))
    return FALSE;
  value->bytes.data = data;
  value->bytes.length = length;
  /* strings of Python 2 are bytes; names in them are ASCII, and serve as names */
  if (type == GTF_PICKLE_STRING && (strlen (data) != length || !g_utf8_validate (data, (gssize) length, NULL)))
    value->type = GTF_PICKLE_BYTES;
  return push (self, value, error);
}

static gboolean
push_long (GtfPickle *self, GError **error)
{
  GtfPickleValue *value;
  guint64 n = 0;

  if (!push_bytes (self, GTF_PICKLE_LONG, 1, error))
    return FALSE;
  value = self->stack->pdata[self->stack->len - 1];
  if (value->bytes.length > 8)
    return TRUE;
  if (value->bytes.length && value->bytes.data[value->bytes.length - 1] & 0x80)
    n = G_MAXUINT64;          /* negative */
  for (gsize i = value->bytes.length; i > 0; i--)
    n = n << 8 | (guint8) value->bytes.data[i - 1];
  value->type = GTF_PICKLE_INT;
  value->integer = (gint64) n;
  return TRUE;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static gboolean
push_symbol (GtfPickle *self, const char *module, const char *name, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, GTF_PICKLE_SYMBOL, error);

  return value && gtf_pickle_find_name (self, module, name, &value->symbol, error) && push (self, value, error);
}

/* A line of text, without its end. */
static gboolean
read_line (GtfPickle *self, char *line, gsize size, GError **error)
{
  for (gsize i = 0; i < size; i++)
    {
      if (!gtf_pickle_read_raw (self, line + i, 1, error))
        return FALSE;
      if (line[i] == '\n')
        {
          line[i] = 0;
          return TRUE;
        }
    }
  return gtf_pickle_fail (self, error, "a name is longer than %" G_GSIZE_FORMAT " bytes", size - 1);
}

static gboolean
push_global (GtfPickle *self, GError **error)
{
  char module[256], name[256];

  return read_line (self, module, sizeof module, error) && read_line (self, name, sizeof name, error) && push_symbol (self, module, name, error);
}

static gboolean
push_stack_global (GtfPickle *self, GError **error)
{
  GtfPickleValue *name = pop (self, error), *module = name ? pop (self, error) : NULL;

  if (!module)
    return FALSE;
  if (name->type != GTF_PICKLE_STRING || module->type != GTF_PICKLE_STRING)
    return gtf_pickle_fail (self, error, "a name is no string");
  return push_symbol (self, module->bytes.data, name->bytes.data, error);
}

/* ---- containers ----------------------------------------------------------------------------------------------------- */

/* A container of the last @n values. */
static gboolean
push_tuple (GtfPickle *self, guint n, GError **error)
{
  GtfPickleValue *tuple = gtf_pickle_value_new (self, GTF_PICKLE_TUPLE, error);

  if (!tuple)
    return FALSE;
  if (depth (self) < n)
    return gtf_pickle_fail (self, error, "takes %u values from a stack of %u", n, depth (self));
  if (!gtf_pickle_append (self, tuple, (GtfPickleValue **) self->stack->pdata + self->stack->len - n, n, error))
    return FALSE;
  self->stack->len -= n;
  return push (self, tuple, error);
}

static gboolean
push_marked (GtfPickle *self, GtfPickleType type, GError **error)
{
  GtfPickleValue *value = gtf_pickle_value_new (self, type, error), **items = NULL;
  gsize n = 0;

  return value && pop_mark (self, &items, &n, error) && gtf_pickle_append (self, value, items, n, error) && push (self, value, error);
}

static gboolean
add_to (GtfPickle *self, GtfPickleType type, GtfPickleValue **items, gsize n, GError **error)
{
  GtfPickleValue *to = top (self, error);

  if (!to)
    return FALSE;
  if (to->type != type)
    return gtf_pickle_fail (self, error, "adds to something that is no %s", type == GTF_PICKLE_DICT ? "dict" : type == GTF_PICKLE_LIST ? "list" : "set");
  if (type == GTF_PICKLE_DICT && n % 2)
    return gtf_pickle_fail (self, error, "a key has no value");
  return gtf_pickle_append (self, to, items, n, error);
}

/* The last @n values go into the container below them. */
static gboolean
add_last (GtfPickle *self, GtfPickleType type, guint n, GError **error)
{
  GtfPickleValue *items[2];

  for (guint i = n; i > 0; i--)
    if (!(items[i - 1] = pop (self, error)))
      return FALSE;
  return add_to (self, type, items, n, error);
}

static gboolean
add_marked (GtfPickle *self, GtfPickleType type, GError **error)
{
  GtfPickleValue **items = NULL;
  gsize n = 0;

  return pop_mark (self, &items, &n, error) && add_to (self, type, items, n, error);
}

/* ---- memo, calls, persistent ids ------------------------------------------------------------------------------------ */

static gboolean
put_memo (GtfPickle *self, guint64 index, GError **error)
{
  GtfPickleValue *value = top (self, error);

  if (!value)
    return FALSE;
  if (g_hash_table_size (self->memo) == GTF_PICKLE_MAX_MEMO)
    return gtf_pickle_fail (self, error, "more than %u values in the memo", GTF_PICKLE_MAX_MEMO);
  g_hash_table_insert (self->memo, GSIZE_TO_POINTER (index), value);
  return TRUE;
}

static gboolean
put_memo_number (GtfPickle *self, guint size, GError **error)
{
  guint64 index;

  return read_number (self, size, &index, error) && put_memo (self, index, error);
}

static gboolean
get_memo (GtfPickle *self, guint size, GError **error)
{
  GtfPickleValue *value;
  guint64 index;

  if (!read_number (self, size, &index, error))
    return FALSE;
  if (!(value = g_hash_table_lookup (self->memo, GSIZE_TO_POINTER (index))))
    return gtf_pickle_fail (self, error, "refers to the memo %" G_GUINT64_FORMAT ", which was not set", index);
  return push (self, value, error);
}

static gboolean
call (GtfPickle *self, gboolean make_new, GError **error)
{
  GtfPickleValue *args = pop (self, error), *function = args ? pop (self, error) : NULL;

  if (!function)
    return FALSE;
  if (args->type != GTF_PICKLE_TUPLE)
    return gtf_pickle_fail (self, error, "the arguments of a call are no tuple");
  return push (self, make_new ? gtf_pickle_call_new (self, function, args, error) : gtf_pickle_call (self, function, args, error), error);
}

static gboolean
build (GtfPickle *self, GError **error)
{
  GtfPickleValue *state = pop (self, error), *value = state ? top (self, error) : NULL;

  return value && gtf_pickle_build (self, value, state, error);
}

static gboolean
push_persistent (GtfPickle *self, GError **error)
{
  GtfPickleValue *id = pop (self, error);

  if (!id)
    return FALSE;
  if (self->resolve)
    return push (self, self->resolve (self, id, self->resolve_data, error), error);
  return push (self, gtf_pickle_storage (self, id, error), error);
}

/* ---- the machine ---------------------------------------------------------------------------------------------------- */

static gboolean
begin (GtfPickle *self, GError **error)
{
  guint64 version;

  if (!read_number (self, 1, &version, error))
    return FALSE;
  return version <= 5 || gtf_pickle_fail (self, error, "of protocol %" G_GUINT64_FORMAT ", 2 to 5 are read", version);
}

/* A frame says how many bytes belong together. They must be there; nothing else depends on it. */
static gboolean
frame (GtfPickle *self, GError **error)
{
  guint64 length;

  if (!read_number (self, 8, &length, error))
    return FALSE;
  return length <= self->end - self->position || gtf_pickle_fail (self, error, "a frame of %" G_GUINT64_FORMAT " bytes reaches over its end", length);
}

static gboolean
step (GtfPickle *self, guint8 code, GError **error)
{
  switch (code)
    {
    case 0x80: return begin (self, error);
    case 0x95: return frame (self, error);
    case '(': return push_mark (self, error);
    case 'N': return push_plain (self, GTF_PICKLE_NONE, 0, error);
    case 0x88: return push_plain (self, GTF_PICKLE_BOOL, 1, error);
    case 0x89: return push_plain (self, GTF_PICKLE_BOOL, 0, error);
    case 'K': return push_int (self, 1, error);
    case 'M': return push_int (self, 2, error);
    case 'J': return push_int (self, 4, error);
    case 0x8a: return push_long (self, error);
    case 'G': return push_float (self, error);
    case 0x8c: return push_bytes (self, GTF_PICKLE_STRING, 1, error);
    case 'X': return push_bytes (self, GTF_PICKLE_STRING, 4, error);
    case 0x8d: return push_bytes (self, GTF_PICKLE_STRING, 8, error);
    case 'U': return push_bytes (self, GTF_PICKLE_STRING, 1, error);
    case 'T': return push_bytes (self, GTF_PICKLE_STRING, 4, error);
    case 'C': return push_bytes (self, GTF_PICKLE_BYTES, 1, error);
    case 'B': return push_bytes (self, GTF_PICKLE_BYTES, 4, error);
    case 0x8e: return push_bytes (self, GTF_PICKLE_BYTES, 8, error);
    case 0x96: return push_bytes (self, GTF_PICKLE_BYTES, 8, error);
    case ')': return push_plain (self, GTF_PICKLE_TUPLE, 0, error);
    case ']': return push_plain (self, GTF_PICKLE_LIST, 0, error);
    case '}': return push_plain (self, GTF_PICKLE_DICT, 0, error);
    case 0x8f: return push_plain (self, GTF_PICKLE_SET, 0, error);
    case 't': return push_marked (self, GTF_PICKLE_TUPLE, error);
    case 0x91: return push_marked (self, GTF_PICKLE_SET, error);
    case 0x85: return push_tuple (self, 1, error);
    case 0x86: return push_tuple (self, 2, error);
    case 0x87: return push_tuple (self, 3, error);
    case 'a': return add_last (self, GTF_PICKLE_LIST, 1, error);
    case 'e': return add_marked (self, GTF_PICKLE_LIST, error);
    case 's': return add_last (self, GTF_PICKLE_DICT, 2, error);
    case 'u': return add_marked (self, GTF_PICKLE_DICT, error);
    case 0x90: return add_marked (self, GTF_PICKLE_SET, error);
    case 'q': return put_memo_number (self, 1, error);
    case 'r': return put_memo_number (self, 4, error);
    case 0x94: return put_memo (self, g_hash_table_size (self->memo), error);
    case 'h': return get_memo (self, 1, error);
    case 'j': return get_memo (self, 4, error);
    case 'c': return push_global (self, error);
    case 0x93: return push_stack_global (self, error);
    case 'R': return call (self, FALSE, error);
    case 0x81: return call (self, TRUE, error);
    case 'b': return build (self, error);
    case 'Q': return push_persistent (self, error);
    default: return gtf_pickle_fail (self, error, "the operation 0x%02x ('%c') is not one that weights need; it is refused", code, g_ascii_isprint (code) ? code : '?');
    }
}

GtfPickleValue *
gtf_pickle_read (GtfPickle *self, GError **error)
{
  GtfPickleValue *value = NULL;
  guint8 code = 0;
  gboolean ok;

  self->limit = self->position + GTF_PICKLE_MAX_BYTES;
  g_hash_table_remove_all (self->memo);
  self->stack->len = 0;
  g_array_set_size (self->marks, 0);
  do
    ok = gtf_pickle_read_raw (self, &code, 1, error) && (code == '.' || step (self, code, error));
  while (ok && code != '.');
  if (ok)
    value = pop (self, error);
  self->limit = G_MAXUINT64;
  return value;
}

const GtfPickleValue *
gtf_pickle_lookup (const GtfPickleValue *dict, const char *key)
{
  for (gsize i = dict->type == GTF_PICKLE_DICT ? dict->list.n : 0; i >= 2; i -= 2)
    if (gtf_pickle_is_string (dict->list.items[i - 2], key))
      return dict->list.items[i - 1];
  return NULL;
}

gboolean
gtf_pickle_is_string (const GtfPickleValue *value, const char *text)
{
  return value->type == GTF_PICKLE_STRING && strcmp (value->bytes.data, text) == 0;
}
