/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The context: a stack arena in a few large blocks, named inputs and outputs, the sticky error.
 *
 * Blocks never move, so pointers stay good while the arena grows; at the next reset several blocks become one of their
 * total size, so that after the first call (of the largest size) no call asks the system for memory.
 * An output stays valid until the next call, whatever is popped after it: it raises the floor that pops stop at.
 */
#include "tensor/context-private.h"
#include "base/error.h"
#include "kernels/memory.h"

#include <string.h>

#define COPY_ALONE 65536        /* bytes that one thread has copied before another has heard of it */
#define FIRST_BLOCK (1 << 20)
#define HEADER ((sizeof (GtfTensor) + 63) & ~(gsize) 63)

/* ---- life ------------------------------------------------------------------------------------------------------------ */

GtfContext *
gtf_context_new (GtfPool *pool)
{
  GtfContext *c = g_new0 (GtfContext, 1);

  c->pool = pool != NULL ? pool : gtf_pool_get (0);
  c->kernels = gtf_kernels_get ();
  c->blocks = g_array_new (FALSE, FALSE, sizeof (GtfArenaBlock));
  c->input_names = g_ptr_array_new_with_free_func (g_free);
  c->output_names = g_ptr_array_new_with_free_func (g_free);
  c->wanted = g_ptr_array_new_with_free_func (g_free);
  c->inputs = g_ptr_array_new ();
  c->outputs = g_ptr_array_new ();
  return c;
}

static void
free_blocks (GtfContext *c)
{
  for (guint i = 0; i < c->blocks->len; i++)
    {
      GtfArenaBlock *block = &g_array_index (c->blocks, GtfArenaBlock, i);
      gtf_pages_free (block->data, block->size);
    }
  g_array_set_size (c->blocks, 0);
  c->current = 0;
  c->top = 0;
}

void
gtf_context_free (GtfContext *c)
{
  if (c == NULL)
    return;
  free_blocks (c);
  g_array_unref (c->blocks);
  g_ptr_array_unref (c->input_names);
  g_ptr_array_unref (c->output_names);
  g_ptr_array_unref (c->wanted);
  g_ptr_array_unref (c->inputs);
  g_ptr_array_unref (c->outputs);
  g_clear_error (&c->error);
  g_clear_object (&c->cancellable);
  g_free (c);
}

/* ---- arena ----------------------------------------------------------------------------------------------------------- */

static gboolean
add_block (GtfContext *c, gsize size)
{
  GtfArenaBlock block = { NULL, 0, MAX (size, FIRST_BLOCK) };

  if (c->blocks->len > 0)
    {
      GtfArenaBlock *last = &g_array_index (c->blocks, GtfArenaBlock, c->blocks->len - 1);
      block.base = last->base + last->size;
      block.size = MAX (block.size, last->size);
    }
  block.data = gtf_pages_alloc (block.size);
  if (block.data == NULL)
    return FALSE;
  g_array_append_val (c->blocks, block);
  return TRUE;
}

void
gtf_context_reset (GtfContext *c)
{
  g_clear_error (&c->error);
  g_ptr_array_set_size (c->output_names, 0);
  g_ptr_array_set_size (c->outputs, 0);
  c->floor = 0;
  c->top = 0;
  c->current = 0;
  if (c->blocks->len > 1)
    {
      gsize need = c->peak + c->peak / 8;
      free_blocks (c);
      add_block (c, (need + 0xffff) & ~(gsize) 0xffff);    /* if it fails, the next op says so */
    }
}

gpointer
gtf_arena_alloc (GtfContext *c, gsize n_bytes)
{
  gsize size = (n_bytes + 63) & ~(gsize) 63;

  for (; size >= n_bytes; c->current++)
    {
      GtfArenaBlock *block;

      if (c->current >= c->blocks->len && !add_block (c, size))
        break;
      block = &g_array_index (c->blocks, GtfArenaBlock, c->current);
      if (c->top < block->base)
        c->top = block->base;
      if (size <= block->size - (c->top - block->base))
        {
          gpointer data = block->data + (c->top - block->base);
          c->top += size;
          c->peak = MAX (c->peak, c->top);
          return data;
        }
    }
  c->current = c->blocks->len > 0 ? MIN (c->current, c->blocks->len - 1) : 0;
  gtf_fail_code (c, GTF_ERROR_NO_MEMORY, "%" G_GSIZE_FORMAT " bytes for temporaries cannot be allocated", n_bytes);
  return NULL;
}

/**
 * gtf_push:
 *
 * Returns: a mark: what is allocated after it is freed by gtf_pop ()
 */
gsize
gtf_push (GtfContext *c)
{
  return c->top;
}

void
gtf_pop (GtfContext *c, gsize mark)
{
  mark = MAX (mark, c->floor);
  if (mark >= c->top)
    return;
  c->top = mark;
  while (c->current > 0 && g_array_index (c->blocks, GtfArenaBlock, c->current).base > mark)
    c->current--;
}

/* Where in the arena a pointer lies, as a mark; G_MAXSIZE if elsewhere. */
static gsize
mark_of (GtfContext *c, gconstpointer p)
{
  for (guint i = 0; i < c->blocks->len; i++)
    {
      GtfArenaBlock *block = &g_array_index (c->blocks, GtfArenaBlock, i);
      if ((const char *) p >= block->data && (const char *) p < block->data + block->size)
        return block->base + (gsize) ((const char *) p - block->data);
    }
  return G_MAXSIZE;
}

typedef struct
{
  const char *from;
  char *to;
  gsize n_bytes;
} Copy;

static void
copy_part (gpointer data, guint part, guint n_parts)
{
  const Copy *copy = data;
  gsize from = copy->n_bytes / n_parts * part, end = part + 1 == n_parts ? copy->n_bytes : copy->n_bytes / n_parts * (part + 1);

  memcpy (copy->to + from, copy->from + from, end - from);
}

/* Moves numbers down in the arena; much of it by all threads. */
static void
move_down (GtfContext *c, const GtfTensor *x, gpointer to)
{
  Copy copy = { x->data, to, gtf_tensor_get_n_elements ((GtfTensor *) x) * gtf_dtype_size (x->dtype) };
  gboolean apart = copy.to + copy.n_bytes <= copy.from;

  if (apart && copy.n_bytes >= COPY_ALONE && gtf_tensor_is_packed (x))
    gtf_pool_run (c->pool, gtf_pool_get_n_threads (c->pool), copy_part, &copy);
  else
    gtf_tensor_copy_packed (x, to);
}

/**
 * gtf_pop_keep:
 * @mark: from gtf_push ()
 * @x: (nullable): the one tensor that must live on
 *
 * Frees the temporaries since @mark, except @x, which moves down to where they began.
 *
 * Returns: (transfer none) (nullable): @x at its new place
 */
GtfTensor *
gtf_pop_keep (GtfContext *c, gsize mark, GtfTensor *x)
{
  GtfTensor old;
  GtfTensor *kept;
  gsize at;

  if (x == NULL || gtf_failed (c))
    {
      gtf_pop (c, mark);
      return NULL;
    }
  old = *x;
  at = mark_of (c, x->data);
  mark = MAX (mark, c->floor);
  gtf_pop (c, mark);
  if (at == G_MAXSIZE || at < mark)     /* the numbers stay where they are, only the struct moves */
    {
      if (mark_of (c, x) < mark)
        return x;
      kept = gtf_arena_alloc (c, HEADER);
      if (kept != NULL)
        *kept = old;
      return kept;
    }
  /* Each arena tensor's header lies before its numbers, so the copy goes downwards or not at all. */
  kept = gtf_new_tensor (c, old.dtype, old.n_dims, old.shape);
  if (kept != NULL && (kept->data != old.data || !gtf_tensor_is_packed (&old)))
    move_down (c, &old, kept->data);
  return kept;
}

GtfTensor *
gtf_new_tensor (GtfContext *c, GtfDtype dtype, guint n_dims, const gint64 *shape)
{
  gsize n_bytes;
  GtfTensor *t;

  if (!gtf_shape_size (dtype, n_dims, shape, &n_bytes) || n_bytes > G_MAXSSIZE / 2)
    {
      g_autofree char *text = gtf_shape_to_string (MIN (n_dims, GTF_MAX_DIMS), shape);
      gtf_fail (c, "a result of shape %s is impossible", text);
      return NULL;
    }
  t = gtf_arena_alloc (c, HEADER + n_bytes);
  if (t == NULL)
    return NULL;
  memset (t, 0, sizeof *t);
  t->dtype = dtype;
  t->n_dims = n_dims;
  memmove (t->shape, shape, n_dims * sizeof *shape);
  t->row_stride = shape[n_dims - 1];
  t->data = (char *) t + HEADER;
  t->in_arena = TRUE;
  return t;
}

GtfTensor *
gtf_new_like (GtfContext *c, const GtfTensor *x, gint64 cols)
{
  gint64 shape[GTF_MAX_DIMS];

  memcpy (shape, x->shape, sizeof shape);
  shape[x->n_dims - 1] = cols;
  return gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, shape);
}

GtfTensor *
gtf_new_view (GtfContext *c, const GtfTensor *x)
{
  GtfTensor *t = gtf_arena_alloc (c, HEADER);

  if (t != NULL)
    {
      *t = *x;
      t->owner = NULL;
      t->in_arena = TRUE;
    }
  return t;
}

static const GtfTensor *
packed_copy (GtfContext *c, const GtfTensor *x)
{
  GtfTensor *copy = gtf_new_tensor (c, x->dtype, x->n_dims, x->shape);

  if (copy != NULL)
    gtf_tensor_copy_packed (x, copy->data);
  return copy;
}

const GtfTensor *
gtf_uniform (GtfContext *c, const GtfTensor *x)
{
  return gtf_tensor_is_uniform (x) ? x : packed_copy (c, x);
}

const GtfTensor *
gtf_packed (GtfContext *c, const GtfTensor *x)
{
  return gtf_tensor_is_packed (x) ? x : packed_copy (c, x);
}

gsize
gtf_context_get_arena_size (const GtfContext *c)
{
  gsize n = 0;

  for (guint i = 0; i < c->blocks->len; i++)
    n += g_array_index (c->blocks, GtfArenaBlock, i).size;
  return n;
}

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

/**
 * gtf_failed:
 * @c: a context
 *
 * Needed only where C itself would use what an op gave (a loop bound, an array index): ops take what a failed op left.
 *
 * Returns: whether an op of the running call has failed
 */
gboolean
gtf_failed (const GtfContext *c)
{
  return c->error != NULL;
}

static void
fail_valist (GtfContext *c, int code, const char *format, va_list args)
{
  g_autofree char *text = NULL, *valid = NULL;

  if (c->error != NULL)
    return;
  text = g_strdup_vprintf (format, args);
  valid = g_utf8_make_valid (text, -1);      /* a quotation may be cut within a character */
  c->error = g_error_new (GTF_ERROR, code, "%s%s%s", c->op != NULL ? c->op : "", c->op != NULL ? ": " : "", valid);
}

/**
 * gtf_fail:
 * @format: what was expected and what was found
 *
 * Sets the sticky error, unless there is one: the first failure is the one that is told.
 */
void
gtf_fail (GtfContext *c, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fail_valist (c, GTF_ERROR_FAILED, format, args);
  va_end (args);
}

void
gtf_fail_code (GtfContext *c, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fail_valist (c, code, format, args);
  va_end (args);
}

void
gtf_fail_shapes (GtfContext *c, const GtfTensor *a, const GtfTensor *b, const char *what)
{
  g_autofree char *sa = gtf_shape_to_string (a->n_dims, a->shape);
  g_autofree char *sb = gtf_shape_to_string (b->n_dims, b->shape);

  gtf_fail (c, "%s: %s and %s", what, sa, sb);
}

gboolean
gtf_context_take_error (GtfContext *c, GError **error)
{
  if (c->error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&c->error));
  return FALSE;
}

gboolean
gtf_op_begin (GtfContext *c, const char *op, guint n_inputs, ...)
{
  va_list args;

  if (c->error != NULL)
    return FALSE;
  c->op = op;
  if (c->cancellable != NULL && g_cancellable_set_error_if_cancelled (c->cancellable, &c->error))
    return FALSE;
  va_start (args, n_inputs);
  for (guint i = 0; i < n_inputs; i++)
    {
      const GtfTensor *x = va_arg (args, const GtfTensor *);
      if (x == NULL)
        gtf_fail (c, "input %u is missing", i);
      else if (x->dtype != GTF_DTYPE_F32)
        gtf_fail (c, "input %u is of type %s, expected F32", i, gtf_dtype_name (x->dtype));
    }
  va_end (args);
  return c->error == NULL;
}

void
gtf_context_set_dtype (GtfContext *c, GtfDtype dtype)
{
  c->narrow = dtype == GTF_DTYPE_BF16 || dtype == GTF_DTYPE_I8;
}

void
gtf_context_set_cancellable (GtfContext *c, GCancellable *cancellable)
{
  g_set_object (&c->cancellable, cancellable);
}

/* ---- inputs and outputs ---------------------------------------------------------------------------------------------- */

static gint
find_name (GPtrArray *names, const char *name)
{
  for (guint i = 0; i < names->len; i++)
    if (strcmp (names->pdata[i], name) == 0)
      return (gint) i;
  return -1;
}

static void
put (GPtrArray *names, GPtrArray *tensors, const char *name, const GtfTensor *tensor)
{
  gint i = find_name (names, name);

  if (i >= 0)
    {
      tensors->pdata[i] = (gpointer) tensor;
      return;
    }
  g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_add (tensors, (gpointer) tensor);
}

void
gtf_context_set_input (GtfContext *c, const char *name, const GtfTensor *tensor)
{
  put (c->input_names, c->inputs, name, tensor);
}

void
gtf_context_clear_inputs (GtfContext *c)
{
  g_ptr_array_set_size (c->input_names, 0);
  g_ptr_array_set_size (c->inputs, 0);
}

void
gtf_context_want (GtfContext *c, const char *name)
{
  if (find_name (c->wanted, name) < 0)
    g_ptr_array_add (c->wanted, g_strdup (name));
}

void
gtf_context_clear_wanted (GtfContext *c)
{
  g_ptr_array_set_size (c->wanted, 0);
}

const GtfTensor *
gtf_context_get_output (GtfContext *c, const char *name)
{
  gint i = find_name (c->output_names, name);

  return i >= 0 ? c->outputs->pdata[i] : NULL;
}

guint
gtf_context_get_n_outputs (GtfContext *c)
{
  return c->outputs->len;
}

const GtfTensor *
gtf_context_get_nth_output (GtfContext *c, guint n, const char **name)
{
  if (n >= c->outputs->len)
    return NULL;
  if (name != NULL)
    *name = c->output_names->pdata[n];
  return c->outputs->pdata[n];
}

/**
 * gtf_input_optional:
 * @name: an input of the running call
 *
 * Returns: (transfer none) (nullable): the tensor, %NULL if the caller gave none
 */
const GtfTensor *
gtf_input_optional (GtfContext *c, const char *name)
{
  gint i = find_name (c->input_names, name);

  return i >= 0 ? c->inputs->pdata[i] : NULL;
}

/**
 * gtf_input:
 * @name: an input of the running call
 *
 * Returns: (transfer none) (nullable): the tensor; if the caller gave none, %NULL after setting the sticky error
 */
const GtfTensor *
gtf_input (GtfContext *c, const char *name)
{
  const GtfTensor *t = gtf_input_optional (c, name);

  if (t == NULL && !gtf_failed (c))
    {
      c->op = NULL;
      gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the model needs the input \"%s\", but the caller gave none", name);
    }
  return t;
}

/**
 * gtf_wants:
 * @output: a name
 *
 * Returns: whether the caller asked for this extra output ("attentions", "all_logits")
 */
gboolean
gtf_wants (GtfContext *c, const char *output)
{
  return find_name (c->wanted, output) >= 0;
}

/**
 * gtf_output:
 * @name: declared name of the output
 * @tensor: (nullable): its value; it stays valid until the next call, whatever is popped
 */
void
gtf_output (GtfContext *c, const char *name, const GtfTensor *tensor)
{
  const GtfTensor *kept;

  if (gtf_failed (c) || tensor == NULL)
    return;
  c->op = "output";
  kept = gtf_packed (c, tensor);
  if (kept == NULL)
    return;
  put (c->output_names, c->outputs, name, kept);
  c->floor = c->top;
}
