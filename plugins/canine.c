/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CANINE: Clark et al., "CANINE: Pre-training an Efficient Tokenization-Free Encoder for Language Representation" (2021).
 *
 * Characters, embedded by several hashes of their code points, attend within chunks; each few of them become a molecule; BERT reads the
 * molecules; characters and their molecules together become characters again. docs/models/canine.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

#define MAX_HASHES 16

typedef struct
{
  GtfTextConfig text;
  gint64 rate, kernel_size, n_hashes, n_buckets, chunk;
  /* by derive () */
  gint64 shard_size;
} Config;

static const GtfConfigField config_fields[] = {
  GTF_TEXT_CONFIG_FIELDS,
  GTF_CONFIG_INT_FIELD (Config, text.n_positions, "max_position_embeddings", 1, 1 << 24, 16384),
  GTF_CONFIG_INT_FIELD (Config, text.n_types, "type_vocab_size", 0, 1 << 16, 16),
  GTF_CONFIG_STRING_FIELD (Config, text.position_type, "", "absolute"),
  GTF_CONFIG_INT_FIELD (Config, rate, "downsampling_rate", 1, 1 << 10, 4),
  GTF_CONFIG_INT_FIELD (Config, kernel_size, "upsampling_kernel_size", 1, 1 << 10, 4),
  GTF_CONFIG_INT_FIELD (Config, n_hashes, "num_hash_functions", 1, MAX_HASHES, 8),
  GTF_CONFIG_INT_FIELD (Config, n_buckets, "num_hash_buckets", 1, 1 << 24, 16384),
  GTF_CONFIG_INT_FIELD (Config, chunk, "local_transformer_stride", 1, 1 << 24, 128),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;

  config->shard_size = config->text.hidden_size / config->n_hashes;
  if (config->text.hidden_size % config->n_hashes == 0)
    return gtf_text_config_derive (data, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "hidden_size (%" G_GINT64_FORMAT ") must be a multiple of num_hash_functions (%" G_GINT64_FORMAT ")",
               config->text.hidden_size, config->n_hashes);
  return FALSE;
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

typedef struct
{
  const GtfEmbedding *table;
} Hash;

typedef struct
{
  GtfTextWeights text;                  /* its layers are those of the molecules */
  const Hash *hashes;
  const GtfEncoderLayer *first, *last;  /* one layer of characters each */
  const GtfConv1d *down, *up;
  const GtfNorm *down_norm, *up_norm;
} Weights;

#define HIDDEN GTF_TEXT_DIM (hidden_size)
#define AT(field) G_STRUCT_OFFSET (Weights, field)
#define ONE_LAYER(field, name)                                                                                                     \
  { GTF_WEIGHT_GROUP, name, .offset = AT (field), .group = gtf_bert_layer, .group_size = sizeof (GtfEncoderLayer), .count = GTF_DIM_CONST (1) }

static const GtfWeight hash_weights[] = {
  { GTF_WEIGHT_EMBEDDING, "char_embeddings.HashBucketCodepointEmbedder_%d", G_STRUCT_OFFSET (Hash, table), 0, { GTF_DIM (Config, n_buckets), GTF_DIM (Config, shard_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight weights[] = {
  { GTF_WEIGHT_GROUP, "", .offset = AT (hashes), .group = hash_weights, .group_size = sizeof (Hash), .count = GTF_DIM (Config, n_hashes) },
  { GTF_WEIGHT_EMBEDDING, "char_embeddings.char_position_embeddings", AT (text.embeddings.positions), 0, { GTF_DIM (Config, n_buckets), HIDDEN } },
  { GTF_WEIGHT_EMBEDDING, "char_embeddings.token_type_embeddings", AT (text.embeddings.types), 0, { GTF_TEXT_DIM (n_types), HIDDEN } },
  { GTF_WEIGHT_NORM, "char_embeddings.LayerNorm", AT (text.embeddings.norm), 0, { HIDDEN } },
  ONE_LAYER (first, "initial_char_encoder.layer.%d"),
  { GTF_WEIGHT_CONV1D, "chars_to_molecules.conv", AT (down), 0, { HIDDEN, HIDDEN, GTF_DIM (Config, rate) } },
  { GTF_WEIGHT_NORM, "chars_to_molecules.LayerNorm", AT (down_norm), 0, { HIDDEN } },
  GTF_TEXT_LAYERS ("encoder.layer.%d", gtf_bert_layer),
  { GTF_WEIGHT_CONV1D, "projection.conv", AT (up), 0, { HIDDEN, GTF_DIM_TIMES (GtfTextConfig, hidden_size, 2), GTF_DIM (Config, kernel_size) } },
  { GTF_WEIGHT_NORM, "projection.LayerNorm", AT (up_norm), 0, { HIDDEN } },
  ONE_LAYER (last, "final_char_encoder.layer.%d"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForSequenceClassification", gtf_text_sequence_tasks, gtf_bert_sequence, "canine" },
  { "ForMultipleChoice", gtf_text_base_tasks, gtf_bert_choice, "canine" },
  { "ForTokenClassification", gtf_text_token_tasks, gtf_text_token, "canine" },
  { "ForQuestionAnswering", gtf_text_span_tasks, gtf_text_span, "canine" },
  { "Model", gtf_text_base_tasks, gtf_bert_pooler_optional, "canine" },
  { NULL }
};

/* ---- which row of one thing is which of another ------------------------------------------------------------------- */

/* A call: texts of characters, and the molecules that they become. */
typedef struct
{
  const Config *config;
  const Weights *w;
  const GtfTextInput *input;
  GArray *starts, *molecules, *chunks;  /* gint64: where each text begins among characters and among molecules; where each chunk does */
} Call;

static gint64
nth (const GArray *array, gint64 i)
{
  return g_array_index (array, gint64, i);
}

static gint64
at (gint64 i, gconstpointer array)
{
  return nth (array, i);
}

static GtfTensor *
as_indices (GtfContext *c, const GArray *array)
{
  return gtf_indices (c, array->len, at, array);
}

static void
append (GArray *array, gint64 value)
{
  g_array_append_val (array, value);
}

static GArray *
new_rows (void)
{
  return g_array_new (FALSE, FALSE, sizeof (gint64));
}

static void
call_clear (Call *call)
{
  g_array_unref (call->starts);
  g_array_unref (call->molecules);
  g_array_unref (call->chunks);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Call, call_clear)

/* A text becomes as many molecules as it has whole groups of characters: its first character, and the groups but the last. */
static gboolean
count (GtfContext *c, Call *call)
{
  const GtfTextInput *input = call->input;
  g_autoptr (GBytes) bytes = input->sequences != NULL ? gtf_tensor_get_bytes (input->sequences) : NULL;
  const gint32 *given = bytes != NULL ? g_bytes_get_data (bytes, NULL) : NULL;
  gint64 molecules = 0;

  for (gint64 text = 0; text <= input->n_texts; text++)
    {
      gint64 start = given != NULL ? given[text] : text * input->longest, length = text < input->n_texts ? (given != NULL ? given[text + 1] : start + input->longest) - start : 0;

      append (call->starts, start);
      append (call->molecules, molecules);
      molecules += length / call->config->rate;
      for (gint64 i = 0; i < length; i += call->config->chunk)
        append (call->chunks, start + i);
      if (text == input->n_texts)
        append (call->chunks, start);
      else if (length < call->config->rate)
        {
          gtf_fail (c, "a text of %" G_GINT64_FORMAT " characters is too short for the model: downsampling_rate is %" G_GINT64_FORMAT, length, call->config->rate);
          return FALSE;
        }
    }
  if (input->longest <= call->config->text.n_positions)
    return TRUE;
  gtf_fail (c, "a text of %" G_GINT64_FORMAT " characters is too long for the model: max_position_embeddings is %" G_GINT64_FORMAT, input->longest,
            call->config->text.n_positions);
  return FALSE;
}

/* ---- forward pass ----------------------------------------------------------------------------------------------- */

typedef struct
{
  const gint32 *ids;
  gint64 prime, n_buckets;
} Hashing;

static gint64
bucket (gint64 i, gconstpointer data)
{
  const Hashing *h = data;
  gint64 hash = ((gint64) h->ids[i] + 1) * h->prime % h->n_buckets;

  return hash < 0 ? hash + h->n_buckets : hash;
}

static GtfTensor *
embed (GtfContext *c, const Call *call)
{
  static const gint64 primes[MAX_HASHES] = { 31, 43, 59, 61, 73, 97, 103, 113, 137, 149, 157, 173, 181, 193, 211, 223 };
  const GtfTextEmbeddings *w = &call->w->text.embeddings;
  const gint64 n = nth (call->starts, call->input->n_texts), shape[] = { gtf_dim (call->input->ids, 0), gtf_dim (call->input->ids, 1), -1 };
  g_autoptr (GBytes) ids = gtf_tensor_get_bytes (call->input->ids);
  GtfTensor *shards[MAX_HASHES], *x;

  for (gint64 i = 0; i < call->config->n_hashes; i++)
    shards[i] = gtf_embedding (c, call->w->hashes[i].table, gtf_indices (c, n, bucket, &(Hashing){ g_bytes_get_data (ids, NULL), primes[i], call->config->n_buckets }));
  x = gtf_reshape (c, gtf_join (c, shards, call->config->n_hashes), 3, shape);
  x = gtf_add (c, gtf_text_add_types (c, w, call->input, x), gtf_embedding (c, w->positions, gtf_text_positions (c, call->input, 0)));
  return gtf_layer_norm (c, w->norm, x, (float) call->config->text.eps);
}

static GtfTensor *
layer (GtfContext *c, const Call *call, const GtfEncoderLayer *l, const GtfTensor *sequences, const GtfTensor *mask, GtfTensor *x)
{
  const GtfEncoder encoder = { .config = &call->config->text, .input = call->input, .attention = { .n_heads = call->config->text.n_heads, .sequences = sequences, .mask = mask } };

  return gtf_encoder_layer (c, &encoder, l, x);
}

/* One layer over the characters, each chunk for itself. */
static GtfTensor *
first_layer (GtfContext *c, const Call *call, GtfTensor *x)
{
  const GtfTensor *mask = call->input->mask;
  const gint64 b = gtf_dim (x, 0), t = gtf_dim (x, 1), chunk = call->config->chunk, n = (t + chunk - 1) / chunk;
  g_autofree GtfTensor **parts = NULL;

  if (mask == NULL)     /* the chunks of all texts are texts of their own */
    return gtf_reshape (c, layer (c, call, call->w->first, as_indices (c, call->chunks), NULL, gtf_reshape (c, x, 3, (gint64[]){ 1, b * t, -1 })), 3,
                        (gint64[]){ b, t, -1 });
  parts = g_try_new (GtfTensor *, n);
  if (parts == NULL)
    {
      gtf_fail (c, "no memory for %" G_GINT64_FORMAT " chunks", n);
      return NULL;
    }
  for (gint64 i = 0; i < n && !gtf_failed (c); i++)
    {
      gint64 length = MIN (chunk, t - i * chunk);
      GtfTensor *of_mask = gtf_reshape (c, gtf_scale (c, gtf_slice (c, mask, i * chunk, length), 1.0f), 4, (gint64[]){ b, 1, 1, length });

      parts[i] = gtf_reshape (c, layer (c, call, call->w->first, NULL, of_mask, gtf_steps (c, x, i * chunk, length)), 2, (gint64[]){ b, -1 });
    }
  return gtf_failed (c) ? NULL : gtf_reshape (c, gtf_join (c, parts, n), 3, (gint64[]){ b, t, -1 });
}

/* Characters [N][H] -> molecules [M][H]. */
static GtfTensor *
to_molecules (GtfContext *c, const Call *call, GtfTensor *chars)
{
  const gint64 rate = call->config->rate, n = nth (call->starts, call->input->n_texts);
  g_autoptr (GArray) grouped = new_rows (), all = new_rows ();
  GtfTensor *parts[2] = { chars };

  for (gint64 text = 0; text < call->input->n_texts; text++)
    {
      gint64 groups = nth (call->molecules, text + 1) - nth (call->molecules, text) - 1, start = nth (call->starts, text);

      append (all, start);
      for (gint64 i = 0; i < groups; i++)
        append (all, n + grouped->len / rate + i);
      for (gint64 i = 0; i < groups * rate; i++)
        append (grouped, start + i);
    }
  if (grouped->len > 0)
    {
      parts[1] = gtf_reshape (c, gtf_take (c, chars, as_indices (c, grouped)), 3, (gint64[]){ 1, grouped->len, -1 });
      parts[1] = gtf_reshape (c, gtf_conv1d (c, call->w->down, parts[1], rate, 0, call->config->text.activation), 2, (gint64[]){ grouped->len / rate, -1 });
      chars = gtf_concat (c, parts, 2);
    }
  return gtf_layer_norm (c, call->w->down_norm, gtf_take (c, chars, as_indices (c, all)), (float) call->config->text.eps);
}

/* A molecule is seen if one of the characters that stand at its number is: the reference does not shift them by the first. */
static const GtfTensor *
mask_molecules (GtfContext *c, const Call *call)
{
  const GtfTensor *mask = call->input->mask;
  const gint64 t = call->input->longest, rate = call->config->rate, m = t / rate, n = call->input->n_texts;
  g_autofree float *seen = mask != NULL ? g_try_new (float, n * t) : NULL;
  g_autoptr (GArray) rows = new_rows ();

  if (mask == NULL)
    return NULL;
  if (seen == NULL)
    {
      gtf_fail (c, "no memory for a mask of %" G_GINT64_FORMAT " texts", n);
      return NULL;
    }
  gtf_tensor_read_f32 (mask, 0, (gsize) (n * t), seen);
  for (gint64 i = 0; i < n * m; i++)
    {
      gint64 first = i / m * t + i % m * rate, best = first;

      for (gint64 k = 1; k < rate; k++)
        best = seen[first + k] > seen[best] ? first + k : best;
      append (rows, best);
    }
  return gtf_reshape (c, gtf_take (c, gtf_reshape (c, mask, 2, (gint64[]){ n * t, 1 }), as_indices (c, rows)), 4, (gint64[]){ n, 1, 1, m });
}

static GtfTensor *
run_molecules (GtfContext *c, const Call *call, GtfTensor *x)
{
  const gboolean packed = call->input->sequences != NULL;
  const GtfTextInput input = { .ids = call->input->ids, .n_texts = call->input->n_texts, .longest = call->input->longest / call->config->rate, .n_choices = 1,
                               .sequences = packed ? as_indices (c, call->molecules) : NULL, .mask = mask_molecules (c, call) };
  const GtfEncoder encoder = { .config = &call->config->text, .input = &input, .layers = call->w->text.layers };
  const gint64 n = nth (call->molecules, call->input->n_texts);

  x = gtf_reshape (c, x, 3, (gint64[]){ packed ? 1 : call->input->n_texts, -1, call->config->text.hidden_size });
  return gtf_reshape (c, gtf_encoder_run (c, &encoder, x), 2, (gint64[]){ n, -1 });
}

/* Characters [N][H], each with its molecule beside it, and a convolution over these with zeros around each text. */
static GtfTensor *
to_characters (GtfContext *c, const Call *call, GtfTensor *chars, GtfTensor *molecules)
{
  const gint64 rate = call->config->rate, kernel = call->config->kernel_size, before = (kernel - 1) / 2, n = nth (call->starts, call->input->n_texts);
  g_autoptr (GArray) repeated = new_rows (), padded = new_rows (), kept = new_rows ();
  GtfTensor *parts[2] = { chars }, *x;

  for (gint64 text = 0; text < call->input->n_texts; text++)
    {
      gint64 start = nth (call->starts, text), length = nth (call->starts, text + 1) - start, first = nth (call->molecules, text), last = nth (call->molecules, text + 1) - 1;
      gint64 from = padded->len;

      for (gint64 i = 0; i < length; i++)
        append (repeated, MIN (first + 1 + i / rate, last));
      for (gint64 i = -before; i < length + kernel - 1 - before; i++)
        append (padded, i < 0 || i >= length ? n : start + i);      /* row n is 0 */
      for (gint64 i = 0; i < length; i++)
        append (kept, from + i);
    }
  parts[1] = gtf_take (c, molecules, as_indices (c, repeated));
  x = gtf_join (c, parts, 2);
  parts[0] = x;
  parts[1] = gtf_scale (c, gtf_steps (c, x, 0, 1), 0.0f);
  x = gtf_take (c, gtf_concat (c, parts, 2), as_indices (c, padded));
  x = gtf_conv1d (c, call->w->up, gtf_reshape (c, x, 3, (gint64[]){ 1, padded->len, -1 }), 1, 0, call->config->text.activation);
  return gtf_layer_norm (c, call->w->up_norm, gtf_take (c, x, as_indices (c, kept)), (float) call->config->text.eps);
}

/* The pooler and what stands on it look at the first molecule of a text, other heads at its characters. */
static void
outputs (GtfContext *c, const Call *call, GtfTensor *x, GtfTensor *molecules)
{
  const GtfTextHeads *h = &call->w->text.heads;
  const GtfTextHeads of_characters = { .token = h->token, .span = h->span };
  GtfTensor *pooled;

  gtf_text_outputs (c, &of_characters, &(GtfTextHeadStyle){ 0 }, call->input, x);
  if (h->pooler == NULL)
    return;
  pooled = gtf_linear_act (c, h->pooler, gtf_take (c, molecules, gtf_indices (c, call->input->n_texts, at, call->molecules)), GTF_ACTIVATION_TANH);
  gtf_output (c, "pooler_output", pooled);
  if (h->choice != NULL)
    gtf_output (c, "logits", gtf_reshape (c, gtf_linear (c, h->choice, pooled), 2, (gint64[]){ -1, call->input->n_choices }));
  else if (h->sequence != NULL)
    gtf_output (c, "logits", gtf_linear (c, h->sequence, pooled));
}

static void
forward (GtfContext *c, const GtfForward *f)
{
  GtfTextInput input;
  g_auto (Call) call = { f->config, f->weights, &input, new_rows (), new_rows (), new_rows () };
  gint64 shape[3] = { 0, 0, call.config->text.hidden_size };
  GtfTensor *x, *chars, *molecules;

  if (!gtf_text_input (c, &input) || !count (c, &call))
    return;
  x = first_layer (c, &call, embed (c, &call));
  chars = gtf_reshape (c, x, 2, (gint64[]){ -1, shape[2] });
  molecules = run_molecules (c, &call, to_molecules (c, &call, chars));
  shape[0] = gtf_dim (input.ids, 0);
  shape[1] = gtf_dim (input.ids, 1);
  x = gtf_reshape (c, to_characters (c, &call, chars, molecules), 3, shape);
  outputs (c, &call, layer (c, &call, call.w->last, input.sequences, input.mask, x), molecules);
}

static const char *const model_types[] = { "canine", NULL };

static const GtfArchitecture canine = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads,
  .ignored = "*.position_ids|cls.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGIN (canine, "canine", "CANINE: text encoder over characters", canine)
