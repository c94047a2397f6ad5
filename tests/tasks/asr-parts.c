/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of automatic-speech-recognition that need no model, against numbers that transformers 5.23 gives.
 */
#include <math.h>

#include "asr/whisper-private.h"
#include "text/whisper-languages.h"

/* ---- compression ratio ---------------------------------------------------------------------------------------------- */

static void
test_compression_ratio (void)
{
  gint32 same[100], rising[300], pair[80];
  const gint32 few[] = { 1, 2, 3, 4, 5 }, one[] = { 50257 };

  for (int i = 0; i < 100; i++)
    same[i] = 7;
  for (int i = 0; i < 300; i++)
    rising[i] = i;
  for (int i = 0; i < 80; i++)
    pair[i] = 5 + i % 2;
  g_assert_cmpfloat_with_epsilon (asr_compression_ratio (few, 5, 51865), 0.5555555555555556, 1e-12);
  g_assert_cmpfloat_with_epsilon (asr_compression_ratio (same, 100, 51865), 15.384615384615385, 1e-12);
  g_assert_cmpfloat_with_epsilon (asr_compression_ratio (rising, 300, 1915), 1.3015184381778742, 1e-12);
  g_assert_cmpfloat_with_epsilon (asr_compression_ratio (one, 1, 51865), 0.2, 1e-12);
  g_assert_cmpfloat_with_epsilon (asr_compression_ratio (pair, 80, 255), 6.153846153846154, 1e-12);
}

/* ---- words in time ---------------------------------------------------------------------------------------------------- */

static void
test_median_filter (void)
{
  static const struct
  {
    gsize n, width;
    float in[7], out[7];
  } cases[] = {
    { 7, 3, { 5, 1, 4, 2, 8, 0, 3 }, { 1, 4, 2, 4, 2, 3, 0 } },
    { 7, 7, { 5, 1, 4, 2, 8, 0, 3 }, { 2, 4, 2, 3, 2, 3, 2 } },
    { 3, 7, { 5, 1, 4 }, { 5, 1, 4 } },
    { 4, 3, { 5, NAN, 4, 2 }, { NAN, 5, 4, 4 } },
    { 0, 3, { 0 }, { 0 } },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      float out[7] = { 0 };
      asr_median_filter (cases[c].in, out, cases[c].n, cases[c].width);
      for (gsize i = 0; i < cases[c].n; i++)
        g_assert_true (out[i] == cases[c].out[i] || (isnan (out[i]) && isnan (cases[c].out[i])));
    }
}

static void
test_time_warp (void)
{
  static const struct
  {
    gsize n_tokens, n_times;
    double cost[36];
    gint64 times[4];
  } cases[] = {
    { 4, 9, { 2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35, -0.28, -0.67, -1.06, -0.39, 0.48, -0.24,
              0.96, -0.2, 0.02, 1.55, 0.55, -0.51, -0.18, 0.54, 1.94, -0.27, -0.24, 1.0, -0.89, -0.29, 0.88, 0.58, 0.09, 0.67 }, { 0, 6, 6, 7 } },
    { 2, 3, { 0 }, { 0, 0 } },
    { 1, 3, { NAN, NAN, NAN }, { 0 } },
    { 2, 0, { 0 }, { -1, -1 } },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      gint64 times[4] = { 0 };
      g_autoptr (GError) error = NULL;
      g_assert_true (asr_time_warp (cases[c].cost, cases[c].n_tokens, cases[c].n_times, times, &error));
      g_assert_no_error (error);
      for (gsize i = 0; i < cases[c].n_tokens; i++)
        g_assert_cmpint (times[i], ==, cases[c].times[i]);
    }
}

/* ---- overlaps ------------------------------------------------------------------------------------------------------------ */

typedef struct
{
  double start, end;
  float logprob;
} Time;

static GArray *
ids_new (const gint32 *ids)
{
  GArray *array = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (; *ids > 0; ids++)
    g_array_append_val (array, *ids);
  return array;
}

static void
assert_ids (const GArray *array, const gint32 *ids)
{
  guint n = 0;
  for (; ids[n] > 0; n++)
    {
      g_assert_cmpuint (n, <, array->len);
      g_assert_cmpint (g_array_index (array, gint32, n), ==, ids[n]);
    }
  g_assert_cmpuint (n, ==, array->len);
}

static void
test_longest_common (void)
{
  static const struct
  {
    gint32 sequences[3][8], joined[16];
  } cases[] = {
    { { { 1, 2, 3, 4 }, { 3, 4, 5, 6 } }, { 1, 2, 3, 4, 5, 6 } },
    { { { 1, 2, 3, 4 }, { 9, 3, 5, 6 }, { 5, 6, 7 } }, { 1, 2, 3, 4, 9, 3, 5, 6, 7 } },
    { { { 0 }, { 1, 2 } }, { 1, 2 } },
    { { { 1 }, { 1 } }, { 1, 1 } },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GPtrArray) sequences = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
      g_autoptr (GArray) joined = g_array_new (FALSE, FALSE, sizeof (gint32));
      for (int s = 0; s < 3; s++)
        if (s < 2 || cases[c].sequences[s][0] > 0)
          g_ptr_array_add (sequences, ids_new (cases[c].sequences[s]));
      asr_longest_common (sequences, NULL, joined, NULL);
      assert_ids (joined, cases[c].joined);
    }
}

/* Tokens that are equal but run backwards in time are not the same words. */
static void
test_longest_common_times (void)
{
  static const Time left[] = { { 0, 1, -1 }, { 1, 2, -2 }, { 2, 3, -3 }, { 3, 4, -4 } };
  static const Time in_order[] = { { 2, 3, -5 }, { 3, 4, -6 }, { 4, 5, -7 }, { 5, 6, -8 } };
  static const Time backwards[] = { { 1, 3 }, { 3, 4 }, { 4, 5 }, { 5, 6 } };
  static const gint32 a[] = { 1, 2, 3, 4, 0 }, b[] = { 3, 4, 5, 6, 0 }, joined[] = { 1, 2, 3, 4, 5, 6, 0 }, side_by_side[] = { 1, 2, 3, 4, 3, 4, 5, 6, 0 };

  for (int c = 0; c < 2; c++)
    {
      g_autoptr (GPtrArray) sequences = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
      g_autoptr (GPtrArray) times = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint32));
      g_autoptr (GArray) id_times = g_array_new (FALSE, FALSE, sizeof (Time));
      g_ptr_array_add (sequences, ids_new (a));
      g_ptr_array_add (sequences, ids_new (b));
      for (int s = 0; s < 2; s++)
        {
          g_ptr_array_add (times, g_array_new (FALSE, FALSE, sizeof (Time)));
          g_array_append_vals (g_ptr_array_index (times, s), s == 0 ? left : c == 0 ? in_order : backwards, 4);
        }
      asr_longest_common (sequences, times, ids, id_times);
      assert_ids (ids, c == 0 ? joined : side_by_side);
      g_assert_cmpuint (id_times->len, ==, ids->len);
      for (guint i = 0; c == 0 && i < 6; i++)       /* the middle of what both have: 3 is of the left one, 4 of the right one */
        g_assert_cmpfloat (g_array_index (id_times, Time, i).logprob, ==, i < 3 ? -(float) (i + 1) : -(float) (i + 3));
    }
}

/* ---- views --------------------------------------------------------------------------------------------------------------- */

#define RED "\033[38;5;196m"
#define YELLOW "\033[38;5;226m"
#define GREEN "\033[38;5;46m"
#define END "\033[0m"

static void
test_views (void)
{
  static const struct
  {
    const char *result, *details, *plain, *terminal;
  } cases[] = {
    { "{\"text\": \" a bc\"}", "[[{\"text\": \" a\", \"probability\": 0.0}, {\"text\": \" bc\", \"probability\": 1.0}]]", "a bc", RED "a" END GREEN " bc" END },
    { "{\"text\": \" a bc\"}", "[[{\"text\": \" a\", \"probability\": 0.8}, {\"text\": \" bc\", \"probability\": -1}]]", "a bc", YELLOW "a" END " bc" },
    { "{\"text\": \" a bc\"}", "[[{\"text\": \" x\", \"probability\": 1.0}]]", "a bc", "a bc" },
    { "{\"text\": \" a bc\"}", "[[]]", "a bc", "a bc" },
    { "{\"text\": \" a\\u0007\"}", "[[{\"text\": \" a\\u0007\", \"probability\": 7}]]", "a\a", GREEN "a\\x07" END },
    { "{\"text\": \" a b\", \"chunks\": [{\"timestamp\": [0.0, 1.5], \"text\": \" a\"}, {\"language\": \"english\", \"timestamp\": [61.0, null], \"text\": \" b\"}]}",
      "[[{\"text\": \" a\", \"probability\": 0.0}, {\"text\": \" b\", \"probability\": 1.0}]]",
      "   0:00.00 -   0:01.50  a\n   1:01.00 -  --:--.--  [english] b", "   0:00.00 -   0:01.50  " RED "a" END "\n   1:01.00 -  --:--.--  [english] " GREEN "b" END },
    { "[{\"text\": \" a\"}, {\"text\": \" b\"}]", "[[{\"text\": \" a\", \"probability\": 0.0}], [{\"text\": \" b\", \"probability\": 1.0}]]", "a\nb", RED "a" END "\n" GREEN "b" END },
    { "[{\"text\": \" a\"}, {\"text\": \" b\"}]", NULL, "a\nb", "a\nb" },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (JsonNode) result = json_from_string (cases[c].result, NULL);
      g_autoptr (JsonNode) details = cases[c].details != NULL ? json_from_string (cases[c].details, NULL) : NULL;
      g_autofree char *plain = asr_view (NULL, result, details, GTF_VIEW_TEXT);
      g_autofree char *terminal = asr_view (NULL, result, details, GTF_VIEW_TERMINAL);

      g_assert_cmpstr (plain, ==, cases[c].plain);
      g_assert_cmpstr (terminal, ==, cases[c].terminal);
      g_assert_null (asr_view (NULL, result, details, GTF_VIEW_HTML));
    }
}

/* ---- chunks of sound ------------------------------------------------------------------------------------------------------ */

static void
test_chunks (void)
{
  static const float samples[100];
  static const struct
  {
    double length, left, right;
    gsize n_samples;
    guint align_to;
    gsize n_chunks;
    gsize chunks[4][4];     /* first sample, samples, left, right */
  } cases[] = {
    { 0, -1, -1, 100, 1, 1, { { 0, 100, 0, 0 } } },
    { 40, 10, 10, 100, 1, 4, { { 0, 40, 0, 10 }, { 20, 40, 10, 10 }, { 40, 40, 10, 10 }, { 60, 40, 10, 0 } } },
    { 60, -1, -1, 100, 1, 2, { { 0, 60, 0, 10 }, { 40, 60, 10, 0 } } },
    { 60, 5, 15, 70, 1, 2, { { 0, 60, 0, 15 }, { 40, 30, 5, 0 } } },
    { 45, 11, 11, 60, 10, 2, { { 0, 40, 0, 10 }, { 20, 40, 10, 0 } } },
    { 200, 10, 10, 100, 1, 1, { { 0, 100, 0, 0 } } },
    { 30, 0, 0, 0, 1, 0, { { 0 } } },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      AsrInput input = { .samples = samples, .n_samples = cases[c].n_samples };
      AsrParameters parameters = { .chunk_length = cases[c].length, .stride_left = cases[c].left, .stride_right = cases[c].right };
      g_autoptr (GError) error = NULL;
      g_autoptr (GArray) chunks = asr_chunks (&input, &parameters, 1, cases[c].align_to, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (chunks->len, ==, cases[c].n_chunks);
      for (guint i = 0; i < chunks->len; i++)
        {
          const AsrChunk *chunk = &g_array_index (chunks, AsrChunk, i);
          g_assert_cmpint (chunk->samples - samples, ==, (gssize) cases[c].chunks[i][0]);
          g_assert_cmpuint (chunk->n_samples, ==, cases[c].chunks[i][1]);
          g_assert_cmpuint (chunk->left, ==, cases[c].chunks[i][2]);
          g_assert_cmpuint (chunk->right, ==, cases[c].chunks[i][3]);
        }
    }
}

static void
test_chunks_too_short (void)
{
  AsrInput input = { .n_samples = 100 };
  AsrParameters parameters = { .chunk_length = 20, .stride_left = 10, .stride_right = 10 };
  g_autoptr (GError) error = NULL;

  g_assert_null (asr_chunks (&input, &parameters, 1, 1, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
}

/* ---- segments of a window --------------------------------------------------------------------------------------------------- */

static void
test_segments (void)
{
  /* timestamps are 1000 (0.00), 1001 (0.02) ... */
  static const struct
  {
    gint32 tokens[12];
    gint64 advance;
    guint n_segments;
    struct
    {
      double start, end;
      guint n_tokens;
    } segments[3];
  } cases[] = {
    { { 5, 6, 7 }, 3000, 1, { { 0, 30, 3 } } },
    { { 1000, 5, 6 }, 3000, 1, { { 0, 30, 3 } } },
    { { 1000, 5, 6, 1100 }, 3000, 1, { { 0, 2, 4 } } },
    { { 1000, 5, 1050, 1050, 6, 1100 }, 3000, 2, { { 0, 1, 3 }, { 1, 2, 3 } } },
    { { 1000, 5, 1050, 1050 }, 100, 1, { { 0, 1, 4 } } },
    { { 1000, 5, 1050, 1060, 6, 7, 1100, 1100 }, 200, 2, { { 0, 1, 3 }, { 1.2, 2, 5 } } },
    { { 1000, 5, 1050, 1060, 6, 7 }, 100, 1, { { 0, 1, 4 } } },
    { { 0 }, 3000, 1, { { 0, 30, 0 } } },
  };
  AsrWhisperOptions options = { .timestamp_begin = 1000, .time_precision = 0.02, .time_precision_features = 0.01 };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GPtrArray) segments = g_ptr_array_new_with_free_func ((GDestroyNotify) asr_segment_free);
      g_autoptr (GArray) tokens = ids_new (cases[c].tokens);
      g_assert_cmpint (asr_whisper_split_segments (&options, tokens, NULL, 0, 0, 3000, 2, segments), ==, cases[c].advance);
      g_assert_cmpuint (segments->len, ==, cases[c].n_segments);
      for (guint i = 0; i < segments->len; i++)
        {
          const AsrSegment *segment = g_ptr_array_index (segments, i);
          g_assert_cmpfloat_with_epsilon (segment->start, cases[c].segments[i].start, 1e-9);
          g_assert_cmpfloat_with_epsilon (segment->end, cases[c].segments[i].end, 1e-9);
          g_assert_cmpuint (segment->tokens->len, ==, cases[c].segments[i].n_tokens);
        }
    }
}

/* ---- languages and parameters ------------------------------------------------------------------------------------------------ */

static void
test_languages (void)
{
  static const char *const cases[][2] = {
    { "en", "<|en|>" }, { "English", "<|en|>" }, { "GERMAN", "<|de|>" }, { "castilian", "<|es|>" }, { "mandarin", "<|zh|>" },
    { "<|FR|>", "<|fr|>" }, { "yue", "<|yue|>" }, { "haitian creole", "<|ht|>" }, { "xx", NULL }, { "klingon", NULL }, { "", NULL }
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *token = asr_language_token (cases[c][0], &error);
      g_assert_cmpstr (token, ==, cases[c][1]);
      if (token == NULL)
        g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
    }
  g_assert_cmpstr (gtf_whisper_language_name ("yue"), ==, "cantonese");
  g_assert_null (gtf_whisper_language_name ("translate"));
}

static void
test_parameters (void)
{
  static const struct
  {
    const char *json;
    gboolean ok;
  } cases[] = {
    { "{}", TRUE },
    { "{\"return_timestamps\": true}", TRUE },
    { "{\"return_timestamps\": \"word\", \"chunk_length_s\": 30, \"stride_length_s\": [4, 2]}", TRUE },
    { "{\"return_timestamps\": \"sentence\"}", FALSE },
    { "{\"return_timestamps\": []}", FALSE },
    { "{\"chunk_length_s\": -1}", FALSE },
    { "{\"chunk_length_s\": \"30\"}", FALSE },
    { "{\"stride_length_s\": [1, 2, 3]}", FALSE },
    { "{\"stride_length_s\": [1, null]}", FALSE },
    { "{\"batch_size\": 0}", FALSE },
    { "{\"generate_kwargs\": [1]}", FALSE },
    { "{\"generate_kwargs\": {\"num_beams\": 1}, \"max_new_tokens\": 5}", TRUE },
  };

  for (gsize c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) object = gtf_json_parse_object ("parameters", cases[c].json, -1, GTF_JSON_STRICT, &error);
      AsrParameters parameters = { 0 };
      g_assert_no_error (error);
      g_assert_cmpint (asr_parameters_init (&parameters, object, &error), ==, cases[c].ok);
      g_assert_true (cases[c].ok == (error == NULL));
      if (c == G_N_ELEMENTS (cases) - 1)
        g_assert_cmpuint (json_object_get_size (parameters.generate_kwargs), ==, 2);
      asr_parameters_clear (&parameters);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tasks/asr/compression-ratio", test_compression_ratio);
  g_test_add_func ("/tasks/asr/median-filter", test_median_filter);
  g_test_add_func ("/tasks/asr/time-warp", test_time_warp);
  g_test_add_func ("/tasks/asr/views", test_views);
  g_test_add_func ("/tasks/asr/longest-common", test_longest_common);
  g_test_add_func ("/tasks/asr/longest-common-times", test_longest_common_times);
  g_test_add_func ("/tasks/asr/chunks", test_chunks);
  g_test_add_func ("/tasks/asr/chunks-too-short", test_chunks_too_short);
  g_test_add_func ("/tasks/asr/segments", test_segments);
  g_test_add_func ("/tasks/asr/languages", test_languages);
  g_test_add_func ("/tasks/asr/parameters", test_parameters);
  return g_test_run ();
}
