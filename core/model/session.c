/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A session: a context and, for models that decode, a cache. Each call resets the context (its memory stays), runs the
 * architecture's function, and moves the sticky error into a GError.
 */
#include "model/session.h"

#include <string.h>
#include "model/cache.h"
#include "model/model-private.h"
#include "model/options.h"
#include "tensor/context-private.h"

struct _GtfSession
{
  GtfModel *model;
  GtfContext *context;
  GtfCache *cache;          /* NULL: the architecture does not decode */
  GtfTensor ids;            /* input_ids of a decode */
  GError *error;            /* of a reorder, told by the next call */
};

GtfSession *
gtf_session_new (GtfModel *model, GError **error)
{
  const GtfArchitecture *a = model->architecture;
  g_autoptr (GtfSession) self = g_new0 (GtfSession, 1);
  GtfDtype dtype;

  self->model = g_object_ref (model);
  self->context = gtf_context_new (model->pool);
  if (gtf_compute_dtype_parse (model->dtype, &dtype, NULL))
    gtf_context_set_dtype (self->context, dtype);
  if (a->decode)
    {
      gint64 layers = gtf_model_get_dim (model, &a->decoder_layers), size = gtf_model_get_dim (model, &a->kv_size);
      gint64 positions = gtf_model_get_dim (model, &a->decoder_positions);

      if (layers < 1 || size < 1 || positions < 1 || layers > 100000)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the architecture \"%s\" decodes, but gives no sizes for its cache", gtf_model_get_model_type (model));
          return NULL;
        }
      self->cache = gtf_cache_new (layers, size, positions);
    }
  return g_steal_pointer (&self);
}

void
gtf_session_free (GtfSession *self)
{
  if (!self)
    return;
  g_clear_pointer (&self->cache, gtf_cache_free);
  g_clear_pointer (&self->context, gtf_context_free);
  g_clear_error (&self->error);
  g_clear_object (&self->model);
  g_free (self);
}

/**
 * gtf_session_get_model:
 * @self: a session
 *
 * Returns: (transfer none): the model that the session runs, alive as long as the session
 */
GtfModel *
gtf_session_get_model (GtfSession *self)
{
  return self->model;
}

/**
 * gtf_session_set_cancellable:
 * @self: a session
 * @cancellable: (nullable): checked by every op of the calls that follow, which then fail with %G_IO_ERROR_CANCELLED
 */
void
gtf_session_set_cancellable (GtfSession *self, GCancellable *cancellable)
{
  gtf_context_set_cancellable (self->context, cancellable);
}

void
gtf_session_set_input (GtfSession *self, const char *name, const GtfTensor *tensor)
{
  gtf_context_set_input (self->context, name, tensor);
}

void
gtf_session_want (GtfSession *self, const char *output)
{
  gtf_context_want (self->context, output);
}

/* ---- the three calls ------------------------------------------------------------------------------------------------ */

static gboolean
run (GtfSession *self, void (*function) (GtfContext *, const GtfForward *), const char *ability, GError **error)
{
  GtfForward f = { .config = self->model->config, .weights = self->model->weights, .head = self->model->head, .cache = self->cache };
  gboolean ok = FALSE;

  if (!function)
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "the architecture \"%s\" has no %s", gtf_model_get_model_type (self->model), ability);
  else if (self->error)
    g_propagate_error (error, g_steal_pointer (&self->error));
  else
    {
      gtf_context_reset (self->context);
      function (self->context, &f);
      ok = gtf_context_take_error (self->context, error);
    }
  gtf_context_clear_inputs (self->context);
  gtf_context_clear_wanted (self->context);
  return ok;
}

gboolean
gtf_session_forward (GtfSession *self, GError **error)
{
  return run (self, self->model->architecture->forward, "forward", error);
}

gboolean
gtf_session_encode (GtfSession *self, GError **error)
{
  if (self->cache)
    gtf_cache_reset (self->cache);
  if (run (self, self->model->architecture->encode, "encode", error))
    return TRUE;
  /* Some layers may have been written and some not. */
  if (self->cache)
    gtf_cache_reset (self->cache);
  return FALSE;
}

/* Ids come from a tokenizer or a request: an id outside the vocabulary is the caller's data, not his mistake. */
static gboolean
check_ids (GtfSession *self, const gint32 *ids, gsize n_rows, gsize n_steps, GError **error)
{
  gint64 vocab = gtf_model_get_dim (self->model, &self->model->architecture->vocab_size);

  if (n_rows < 1 || n_steps < 1 || n_rows > G_MAXINT32 || n_steps > G_MAXINT32)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "decode: %zu rows of %zu steps", n_rows, n_steps);
      return FALSE;
    }
  for (gsize i = 0; vocab && i < n_rows * n_steps; i++)
    if (ids[i] < 0 || ids[i] >= vocab)
      {
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "decode: the token id %d is outside the model's vocabulary of %" G_GINT64_FORMAT, ids[i], vocab);
        return FALSE;
      }
  return TRUE;
}

gboolean
gtf_session_decode (GtfSession *self, const gint32 *ids, gsize n_rows, gsize n_steps, GError **error)
{
  GtfTensor *t = &self->ids;

  if (!self->cache)
    return run (self, NULL, "decode", error);
  if (!check_ids (self, ids, n_rows, n_steps, error) || !gtf_cache_begin (self->cache, (gint64) n_rows, (gint64) n_steps, error))
    {
      gtf_context_clear_inputs (self->context);
      gtf_context_clear_wanted (self->context);
      return FALSE;
    }
  memset (t, 0, sizeof *t);
  t->dtype = GTF_DTYPE_I32;
  t->n_dims = 2;
  t->shape[0] = (gint64) n_rows;
  t->shape[1] = t->row_stride = (gint64) n_steps;
  t->data = (gpointer) ids;
  t->in_arena = TRUE;
  gtf_context_set_input (self->context, "input_ids", t);
  if (!run (self, self->model->architecture->decode, "decode", error))
    return FALSE;
  gtf_cache_end (self->cache);
  return TRUE;
}

/**
 * gtf_session_get_output:
 * @self: a session
 * @name: an output of the last call: "logits", "encoder_last_hidden_state", ...
 *
 * Returns: (transfer none) (nullable): the tensor, valid until the next call; %NULL if the call gave none of this name
 */
const GtfTensor *
gtf_session_get_output (GtfSession *self, const char *name)
{
  return gtf_context_get_output (self->context, name);
}

/* ---- the cache ------------------------------------------------------------------------------------------------------ */

void
gtf_session_reorder (GtfSession *self, const guint *parents, gsize n_rows)
{
  if (self->cache && !self->error)
    gtf_cache_reorder (self->cache, parents, (gint64) n_rows, &self->error);
}

void
gtf_session_truncate (GtfSession *self, gsize n_steps)
{
  if (self->cache)
    gtf_cache_truncate (self->cache, (gint64) MIN (n_steps, (gsize) G_MAXINT32));
}

gsize
gtf_session_get_past (GtfSession *self)
{
  return self->cache ? (gsize) gtf_cache_get_past (self->cache) : 0;
}

/* ---- the whole model in one call ------------------------------------------------------------------------------------ */

/* A heap copy, since outputs die with the session. */
static GtfTensor *
copy_output (const GtfTensor *t, GError **error)
{
  g_autoptr (GBytes) bytes = gtf_tensor_get_bytes ((GtfTensor *) t);

  return gtf_tensor_new_bytes (t->dtype, t->n_dims, t->shape, bytes, error);
}

/**
 * gtf_model_forward:
 * @self: a model whose architecture can "forward"
 * @inputs: (element-type utf8 GtfTensor): named tensors, e.g. "input_ids" [B][T] of I32 or I64
 * @wanted: (nullable) (array zero-terminated=1): outputs beyond those the model gives by itself ("hidden_states", "attentions")
 * @cancellable: (nullable): checked by every op
 * @error: return location
 *
 * Runs the whole model once, in a session of its own. Who runs a model often keeps a session instead, and with it the memory it works in.
 *
 * Returns: (transfer full) (element-type utf8 GtfTensor): the named outputs, e.g. "logits" [B][T][vocab] as float32
 */
GHashTable *
gtf_model_forward (GtfModel *self, GHashTable *inputs, const char *const *wanted, GCancellable *cancellable, GError **error)
{
  g_autoptr (GtfSession) session = gtf_session_new (self, error);
  g_autoptr (GHashTable) outputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) gtf_tensor_unref);
  GHashTableIter iter;
  gpointer name, tensor;

  if (!session)
    return NULL;
  gtf_session_set_cancellable (session, cancellable);
  g_hash_table_iter_init (&iter, inputs);
  while (g_hash_table_iter_next (&iter, &name, &tensor))
    gtf_session_set_input (session, name, tensor);
  for (const char *const *want = wanted; want && *want; want++)
    gtf_session_want (session, *want);
  if (!gtf_session_forward (session, error))
    return NULL;
  for (guint i = 0; i < gtf_context_get_n_outputs (session->context); i++)
    {
      const char *output;
      GtfTensor *copy = copy_output (gtf_context_get_nth_output (session->context, i, &output), error);

      if (!copy)
        return NULL;
      g_hash_table_insert (outputs, g_strdup (output), copy);
    }
  return g_steal_pointer (&outputs);
}
