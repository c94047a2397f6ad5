/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "base/error.h"

G_BEGIN_DECLS

#define GTF_TYPE_TOKENIZER (gtf_tokenizer_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfTokenizer, gtf_tokenizer, GTF, TOKENIZER, GObject)

#define GTF_TYPE_ENCODING (gtf_encoding_get_type ())

/**
 * GtfEncoding:
 * @n_ids: how many tokens
 * @ids: (array length=n_ids): token ids
 * @type_ids: (array length=n_ids): 0 for the first text, 1 for the second
 * @special_tokens_mask: (array length=n_ids): 1 for what a template added
 * @attention_mask: (array length=n_ids): 0 for padding
 * @begin: (array length=n_ids): start of each token in its text, in characters (special tokens: 0, 0)
 * @end: (array length=n_ids): end, in characters
 * @word_ids: (array length=n_ids): index of the pre-token, -1 for special tokens
 * @sequence_ids: (array length=n_ids): 0 or 1; -1 for special tokens
 * @overflowing: (nullable) (element-type GtfEncoding): what truncation cut off, with stride
 */
typedef struct
{
  gsize n_ids;
  gint32 *ids;
  gint32 *type_ids;
  guint8 *special_tokens_mask;
  guint8 *attention_mask;
  guint32 *begin, *end;
  guint32 *begin_bytes, *end_bytes;
  gint32 *word_ids;
  gint8 *sequence_ids;
  GPtrArray *overflowing;
} GtfEncoding;

GTF_API GType         gtf_encoding_get_type (void);
GTF_API GtfEncoding  *gtf_encoding_copy     (const GtfEncoding *self);
GTF_API void          gtf_encoding_free     (GtfEncoding *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfEncoding, gtf_encoding_free)

/*
 * gtf_tokenizer_load:
 * @directory: (type filename): the folder of a repository: tokenizer.json, else vocab.json + merges.txt ..., with tokenizer_config.json and its kin
 * @cancellable: (nullable): stops loading
 *
 * Returns: (transfer full): the tokenizer
 */
GTF_API GtfTokenizer *gtf_tokenizer_load (const char *directory, GCancellable *cancellable, GError **error);

/* Its files, as they are, into a folder that is made where there is none. */
GTF_API gboolean      gtf_tokenizer_save_pretrained (GtfTokenizer *self, const char *directory, GError **error);

/*
 * gtf_tokenizer_encode:
 * @text: UTF-8
 * @pair: (nullable): the second text
 * @parameters: (nullable): a JSON object with the arguments of PreTrainedTokenizer.__call__ (add_special_tokens, truncation, max_length, padding, stride, return_overflowing_tokens ...)
 *
 * Returns: (transfer full): the tokens
 */
GTF_API GtfEncoding  *gtf_tokenizer_encode (GtfTokenizer *self, const char *text, const char *pair, const char *parameters, GError **error);
/*
 * gtf_tokenizer_decode:
 * @ids: (array length=n_ids): token ids
 * @n_ids: how many
 * @skip_special_tokens: leave special tokens out
 *
 * As the tokenizer's own decode; clean_up_tokenization_spaces as tokenizer_config.json has it. Incomplete UTF-8 gives U+FFFD; U+0000, which would end a C string, is
 * the bytes C0 80.
 *
 * Returns: (transfer full): the text
 */
GTF_API char         *gtf_tokenizer_decode (GtfTokenizer *self, const gint32 *ids, gsize n_ids, gboolean skip_special_tokens, GError **error);
/* The same with the arguments of PreTrainedTokenizer.decode as a JSON object: skip_special_tokens, clean_up_tokenization_spaces, use_source_tokenizer. */
GTF_API char         *gtf_tokenizer_decode_with (GtfTokenizer *self, const gint32 *ids, gsize n_ids, const char *parameters, GError **error);
GTF_API const char   *gtf_tokenizer_id_to_token (GtfTokenizer *self, gint32 id);      /* (nullable) */
GTF_API gint32        gtf_tokenizer_token_to_id (GtfTokenizer *self, const char *token);   /* -1: unknown */
GTF_API gboolean      gtf_tokenizer_is_special  (GtfTokenizer *self, gint32 id);      /* an added token marked special */
GTF_API gsize         gtf_tokenizer_get_vocab_size (GtfTokenizer *self);              /* with added tokens */
/* "bos_token", "eos_token", "pad_token", "unk_token", "mask_token" ...: id, or -1 */
GTF_API gint32        gtf_tokenizer_get_special_id (GtfTokenizer *self, const char *role);

/**
 * gtf_tokenizer_get_target:
 * @self: a tokenizer
 *
 * The tokenizer of texts that a model is to write, which `text_target` of PreTrainedTokenizer.__call__ is for: Marian's target.spm, the token
 * of `tgt_lang` for mBART, NLLB, M2M100, PLBart and SeamlessM4T, RAG's generator. It is read when it is first asked for; threads may ask at once.
 *
 * Returns: (transfer none) (nullable): @self where the class makes no difference; %NULL with @error set where its files cannot be read
 */
GTF_API GtfTokenizer *gtf_tokenizer_get_target (GtfTokenizer *self, GError **error);
/* A text that is already cut into words: each is made tokens by itself, word_ids count them, offsets are those in the word. */
GTF_API GtfEncoding  *gtf_tokenizer_encode_words (GtfTokenizer *self, const char *const *words, gsize n_words, const char *parameters, GError **error);
/* Tokens as the vocabulary spells them -> text, by the decoder alone. (transfer full) */
GTF_API char         *gtf_tokenizer_tokens_to_string (GtfTokenizer *self, const char *const *tokens, gsize n_tokens, GError **error);
/* Lower case character by character, as the tokenizers library has it. (transfer full) */
GTF_API char         *gtf_text_lowercase (const char *text);
GTF_API gint64        gtf_tokenizer_get_max_length (GtfTokenizer *self);              /* model_max_length; 0: it has no bound */
GTF_API gboolean      gtf_tokenizer_pads_left      (GtfTokenizer *self);              /* padding_side is "left" */
GTF_API gboolean      gtf_tokenizer_marks_subwords (GtfTokenizer *self);              /* the model has a continuing_subword_prefix */
/* token_type_ids are among its model_input_names; @as_4_57: in transformers 4.57, else in 5 */
GTF_API gboolean      gtf_tokenizer_hands_token_types (GtfTokenizer *self, gboolean as_4_57);
GTF_API gboolean      gtf_tokenizer_hands_attention_mask (GtfTokenizer *self);
GTF_API const char   *gtf_tokenizer_get_token_feature (GtfTokenizer *self, guint index, gsize *n, const gint32 **by_id);

G_END_DECLS
