/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weak stand-ins for floors that are not built yet, so that the others link; each goes when the real one lands.
 */
#include "pipeline/preprocessor.h"
#include "text/tokenizer.h"

#define MISSING(type, name, args, value) __attribute__ ((weak)) type name args { g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, #name " is not built yet"); return value; }

struct _GtfTokenizer { GObject parent_instance; };
__attribute__ ((weak)) GType
gtf_tokenizer_get_type (void)
{
  static GType type;

  return type ? type : (type = g_type_register_static_simple (G_TYPE_OBJECT, "GtfTokenizer", sizeof (GtfTokenizerClass), NULL, sizeof (GtfTokenizer), NULL, G_TYPE_FLAG_NONE));
}
MISSING (GtfTokenizer *, gtf_tokenizer_load, (const char *d, GCancellable *c, GError **error), NULL)
MISSING (GtfEncoding *, gtf_tokenizer_encode, (GtfTokenizer *t, const char *a, const char *b, const char *p, GError **error), NULL)
MISSING (char *, gtf_tokenizer_decode, (GtfTokenizer *t, const gint32 *i, gsize n, gboolean s, GError **error), NULL)
__attribute__ ((weak)) void gtf_encoding_free (GtfEncoding *e) { }
__attribute__ ((weak)) const char *gtf_tokenizer_id_to_token (GtfTokenizer *t, gint32 i) { return NULL; }
__attribute__ ((weak)) gsize gtf_tokenizer_get_vocab_size (GtfTokenizer *t) { return 0; }
__attribute__ ((weak)) GtfEncoding *gtf_encoding_copy (const GtfEncoding *e) { return NULL; }
__attribute__ ((weak)) GType
gtf_encoding_get_type (void)
{
  static GType type;

  return type ? type : (type = g_boxed_type_register_static ("GtfEncoding", (GBoxedCopyFunc) gtf_encoding_copy, (GBoxedFreeFunc) gtf_encoding_free));
}
__attribute__ ((weak)) gint32 gtf_tokenizer_token_to_id (GtfTokenizer *t, const char *s) { return -1; }
__attribute__ ((weak)) gboolean gtf_tokenizer_is_special (GtfTokenizer *t, gint32 i) { return FALSE; }
__attribute__ ((weak)) gint32 gtf_tokenizer_get_special_id (GtfTokenizer *t, const char *s) { return -1; }
