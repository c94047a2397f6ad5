/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pickle machine: what each operation gives, and what is refused, with which message.
 */
#include <glib.h>
#include <string.h>
#include "model/pickle.h"

#define BYTES(text) text, sizeof (text) - 1

static const struct { const char *bytes; gsize n; GtfPickleType type; const char *message; } cases[] = {
  { BYTES ("\x80\x02N."), GTF_PICKLE_NONE, NULL },
  { BYTES ("\x80\x05\x95\x01\0\0\0\0\0\0\0\x88."), GTF_PICKLE_BOOL, NULL },
  { BYTES ("K\x07."), GTF_PICKLE_INT, NULL },
  { BYTES ("G\x3f\xf0\0\0\0\0\0\0."), GTF_PICKLE_FLOAT, NULL },
  { BYTES ("\x8a\x09\1\2\3\4\5\6\7\x08\x09."), GTF_PICKLE_LONG, NULL },
  { BYTES ("X\2\0\0\0ab."), GTF_PICKLE_STRING, NULL },
  { BYTES ("\x8d\2\0\0\0\0\0\0\0ab."), GTF_PICKLE_STRING, NULL },
  { BYTES ("U\2\xff\xfe."), GTF_PICKLE_BYTES, NULL },
  { BYTES ("X\3\0\0\0a\0b."), GTF_PICKLE_BYTES, NULL },
  { BYTES ("\x96\1\0\0\0\0\0\0\0x."), GTF_PICKLE_BYTES, NULL },
  { BYTES ("](K\1K\2e."), GTF_PICKLE_LIST, NULL },
  { BYTES ("}(K\1K\2u."), GTF_PICKLE_DICT, NULL },
  { BYTES ("\x8f(K\1\x90."), GTF_PICKLE_SET, NULL },
  { BYTES ("}\x94h\0."), GTF_PICKLE_DICT, NULL },
  { BYTES ("(t."), GTF_PICKLE_TUPLE, NULL },
  { BYTES ("]q\0h\0a."), GTF_PICKLE_LIST, NULL },              /* in itself */
  { BYTES ("ccollections\nOrderedDict\n)R}b."), GTF_PICKLE_DICT, NULL },
  { BYTES ("ccollections\nOrderedDict\n)\x81."), GTF_PICKLE_DICT, NULL },
  { BYTES ("\x8c\x0b" "collections\x8c\x0bOrderedDict\x93."), GTF_PICKLE_SYMBOL, NULL },
  { BYTES ("ctorch\nSize\nK\1K\2\x86\x85R."), GTF_PICKLE_TUPLE, NULL },
  { BYTES ("(U\7storagectorch\nHalfStorage\nU\1kU\3cpuK\4tQ."), GTF_PICKLE_STORAGE, NULL },
  /* what would run something */
  { BYTES ("cos\nsystem\nU\2ls\x85R."), 0, "names \"os.system\", which is no part of weights; nothing of it was run" },
  { BYTES ("cposix\nsystem\n."), 0, "names \"posix.system\"" },
  { BYTES ("\x8c\x08" "builtins\x8c\x04" "exec\x93."), 0, "names \"builtins.exec\"" },
  { BYTES ("\x8c\x05torch\x8c\x11" "nn.Module.forward\x93."), 0, "names \"torch.nn.Module.forward\"" },
  { BYTES ("ctorch._utils\n_rebuild_qtensor\n."), 0, "names \"torch._utils._rebuild_qtensor\"" },
  { BYTES ("(ios\nsystem\n."), 0, "the operation 0x69 ('i') is not one that weights need" },
  { BYTES ("(oo."), 0, "the operation 0x6f ('o')" },
  { BYTES ("\x82\1."), 0, "the operation 0x82" },
  { BYTES ("P0\n."), 0, "the operation 0x50 ('P')" },
  { BYTES ("\x97."), 0, "the operation 0x97" },
  { BYTES ("K\1)R."), 0, "calls something that is no function" },
  { BYTES ("ctorch\nFloatStorage\n)R."), 0, "calls torch.FloatStorage, which is a type of numbers" },
  { BYTES ("ctorch\nTensor\n)\x81."), 0, "makes an object of a type that weights do not have" },
  { BYTES ("]}b."), 0, "sets the state of something that has none" },
  { BYTES ("ctorch._utils\n_rebuild_parameter\n)R."), 0, "the arguments of torch._utils._rebuild_parameter are not what it takes" },
  { BYTES ("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\nTensor\n)NtR."), 0, "_rebuild_from_type_v2 are not" },
  { BYTES ("ccollections\nOrderedDict\n]K\1a\x85R."), 0, "collections.OrderedDict are not" },
  { BYTES ("K\1Q."), 0, "not that of a storage" },
  { BYTES ("(U\7storagectorch\nHalfStorage\nU\1kU\3cpuJ\xff\xff\xff\xfftQ."), 0, "not that of a storage" },
  { BYTES ("(U\7storagectorch\nHalfStorage\nU\1kU\3cpuK\4U\1vK\3K\2\x87tQ."), 0, "the view of a storage does not lie inside it" },
  /* what is broken */
  { BYTES (""), 0, "ends too early" },
  { BYTES ("."), 0, "takes a value from an empty stack" },
  { BYTES ("\x80\x06N."), 0, "of protocol 6, 2 to 5 are read" },
  { BYTES ("K"), 0, "ends too early" },
  { BYTES ("K\1"), 0, "ends too early" },
  { BYTES ("\x95\xff\xff\xff\xff\xff\xff\xff\x7fN."), 0, "a frame of 9223372036854775807 bytes reaches over its end" },
  { BYTES ("X\xff\xff\xff\xffx."), 0, "a string of 4294967295 bytes reaches over its end" },
  { BYTES ("\x8e\xff\xff\xff\xff\xff\xff\xff\xffx."), 0, "reaches over its end" },
  { BYTES ("K\1\x86."), 0, "takes 2 values from a stack of 1" },
  { BYTES ("K\1(\x85."), 0, "takes 1 values from a stack of 0" },
  { BYTES ("t."), 0, "takes a mark that was not set" },
  { BYTES ("K\1(a."), 0, "from an empty stack" },
  { BYTES ("}K\1a."), 0, "adds to something that is no list" },
  { BYTES ("]K\1K\2s."), 0, "adds to something that is no dict" },
  { BYTES ("}(K\1u."), 0, "a key has no value" },
  { BYTES ("h\1."), 0, "refers to the memo 1, which was not set" },
  { BYTES ("q\1."), 0, "looks at an empty stack" },
  { BYTES ("K\1K\2\x93."), 0, "a name is no string" },
  { BYTES ("K\1K\2R."), 0, "the arguments of a call are no tuple" },
};

static GtfPickle *
reader_new (gconstpointer data, gsize n, GtfByteSource **source)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, n);

  *source = gtf_byte_source_new_bytes ("w.pkl", bytes);
  return gtf_pickle_new (*source, 0, n);
}

static void
test_table (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfByteSource) source = NULL;
      g_autoptr (GtfPickle) pickle = reader_new (cases[i].bytes, cases[i].n, &source);
      g_autoptr (GError) error = NULL;
      const GtfPickleValue *value = gtf_pickle_read (pickle, &error);

      if (!cases[i].message && (!value || value->type != cases[i].type || gtf_pickle_tell (pickle) != cases[i].n))
        g_error ("case %zu: %s", i, value ? "another value" : error->message);
      if (cases[i].message && (value || !g_str_has_prefix (error->message, "w.pkl: pickle at byte ") || !strstr (error->message, cases[i].message)))
        g_error ("case %zu: \"%s\" does not say \"%s\"", i, value ? "(read)" : error->message, cases[i].message);
    }
}

static void
test_integers (void)
{
  static const struct { const char *bytes; gsize n; gint64 value; } numbers[] = {
    { BYTES ("\x8a\0."), 0 }, { BYTES ("\x8a\1\xff."), -1 }, { BYTES ("\x8a\2\xff\0."), 255 }, { BYTES ("\x8a\2\0\x80."), -32768 },
    { BYTES ("\x8a\x08\0\0\0\0\0\0\0\x80."), G_MININT64 }, { BYTES ("J\xfe\xff\xff\xff."), -2 }, { BYTES ("M\xff\xff."), 65535 }, { BYTES ("K\xff."), 255 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (GtfByteSource) source = NULL;
      g_autoptr (GtfPickle) pickle = reader_new (numbers[i].bytes, numbers[i].n, &source);
      const GtfPickleValue *value = gtf_pickle_read (pickle, NULL);

      g_assert_cmpint (value->type, ==, GTF_PICKLE_INT);
      g_assert_cmpint (value->integer, ==, numbers[i].value);
    }
}

/* Marks, memory and stack have bounds that a file cannot reach past. */
static void
test_limits (void)
{
  static const struct { const char *unit; gsize n_unit; gsize times; const char *message; } floods[] = {
    { BYTES ("("), 2000, "is nested deeper than 1000" },
    { BYTES ("N"), 4000001, "more than 4000000 values on the stack" },
    { BYTES ("\x94"), 4000001, "more than 4000000 values in the memo" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (floods); i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autoptr (GtfByteSource) source = NULL;
      g_autoptr (GtfPickle) pickle = NULL;
      g_autoptr (GError) error = NULL;

      g_byte_array_append (bytes, (const guint8 *) "N", 1);
      for (gsize j = 0; j < floods[i].times; j++)
        g_byte_array_append (bytes, (const guint8 *) floods[i].unit, (guint) floods[i].n_unit);
      pickle = reader_new (bytes->data, bytes->len, &source);
      g_assert_null (gtf_pickle_read (pickle, &error));
      g_assert_nonnull (strstr (error->message, floods[i].message));
    }
}

/* A list of a million entries that is copied a thousand times: refused at the bound of memory. */
static void
test_copies (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GtfByteSource) source = NULL;
  g_autoptr (GtfPickle) pickle = NULL;
  g_autoptr (GError) error = NULL;

  g_byte_array_append (bytes, (const guint8 *) BYTES ("ccollections\nOrderedDict\nq\0}("));
  for (guint i = 0; i < 1000000; i++)
    g_byte_array_append (bytes, (const guint8 *) BYTES ("h\0"));
  g_byte_array_append (bytes, (const guint8 *) BYTES ("uq\1"));
  for (guint i = 0; i < 1000; i++)
    g_byte_array_append (bytes, (const guint8 *) BYTES ("h\0h\1\x85R"));
  pickle = reader_new (bytes->data, bytes->len, &source);
  g_assert_null (gtf_pickle_read (pickle, &error));
  g_assert_nonnull (strstr (error->message, "its values need more than the 256 MB"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/pickle/table", test_table);
  g_test_add_func ("/model/pickle/integers", test_integers);
  g_test_add_func ("/model/pickle/limits", test_limits);
  g_test_add_func ("/model/pickle/copies", test_copies);
  return g_test_run ();
}
