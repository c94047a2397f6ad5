/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parts of the tasks over text that need no model. Expected numbers are those of transformers 5.23 (token-classification) and 4.57.6
 * (question-answering) on the same scores.
 */
#include <math.h>

#include "base/json-print.h"
#include "text/classifier-private.h"
#include "text/ner-private.h"
#include "text/sentence-private.h"
#include "text/spans-private.h"
#include "text/template-private.h"

/* ---- templates ---------------------------------------------------------------------------------------------------------------- */

static void
test_template (void)
{
  static const struct
  {
    const char *format, *expected;      /* NULL: an error */
  } cases[] = {
    { "This example is {}.", "This example is art." }, { "{0} {0}", "art art" }, { "{{{}}}", "{art}" }, { "no field", "no field" },
    { "{} {}", NULL }, { "{0} {}", NULL }, { "{1}", NULL }, { "{label}", NULL }, { "{!r}", NULL }, { "{", NULL }, { "a } b", NULL }, { "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = text_template_format (cases[i].format, "art", &error);

      g_assert_cmpstr (text, ==, cases[i].expected);
      g_assert_true ((text == NULL) == (error != NULL));
    }
}

/* ---- token-classification ----------------------------------------------------------------------------------------------------- */

static const struct
{
  const char *word;
  guint32 begin, end;
  gboolean is_subword;
  float scores[5];
} ner_tokens[] = {
  { "Al", 0, 2, FALSE, { .1f, .6f, .2f, .05f, .05f } },     { "##ice", 2, 5, TRUE, { .2f, .1f, .65f, .03f, .02f } },
  { "Smith", 6, 11, FALSE, { .1f, .3f, .5f, .05f, .05f } }, { "Bob", 12, 15, FALSE, { .1f, .5f, .3f, .05f, .05f } },
  { "in", 16, 18, FALSE, { .9f, .02f, .03f, .03f, .02f } }, { "Par", 19, 22, FALSE, { .1f, .1f, .1f, .4f, .3f } },
  { "##is", 22, 24, TRUE, { .05f, .05f, .1f, .1f, .7f } },  { "Lon", 25, 28, FALSE, { .1f, .1f, .1f, .6f, .1f } },
  { "##don", 28, 31, TRUE, { .3f, .1f, .1f, .45f, .05f } }, { "z", 32, 33, FALSE, { .1f, .1f, .1f, .1f, .6f } },
};

/* As a WordPiece decoder does it. */
static char *
join (const char *const *words, gsize n, gpointer data, GError **error)
{
  GString *out = g_string_new (NULL);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf (out, "%s%s", i ? " " : "", words[i]);
  g_string_replace (out, " ##", "", 0);
  return g_string_free (out, FALSE);
}

static TextLabels *
make_labels (void)
{
  static const char *const names[] = { "O", "B-PER", "I-PER", "LOC", "X-A-B" };
  TextLabels *labels = g_new0 (TextLabels, 1);

  labels->path = g_strdup ("config.json");
  labels->names = g_ptr_array_new_with_free_func ((GDestroyNotify) json_node_unref);
  labels->count = G_N_ELEMENTS (names);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_ptr_array_add (labels->names, json_node_init_string (json_node_alloc (), names[i]));
  return labels;
}

static void
test_aggregation (void)
{
  static const struct
  {
    NerStrategy strategy;
    struct
    {
      const char *label, *word;
      float score;
      guint32 begin, end;
    } expected[11];
  } cases[] = {
    { NER_NONE, { { "B-PER", "Al", .6f, 0, 2 }, { "I-PER", "##ice", .65f, 2, 5 }, { "I-PER", "Smith", .5f, 6, 11 }, { "B-PER", "Bob", .5f, 12, 15 }, { "O", "in", .9f, 16, 18 },
                  { "LOC", "Par", .4f, 19, 22 }, { "X-A-B", "##is", .7f, 22, 24 }, { "LOC", "Lon", .6f, 25, 28 }, { "LOC", "##don", .45f, 28, 31 }, { "X-A-B", "z", .6f, 32, 33 } } },
    { NER_SIMPLE, { { "PER", "Alice Smith", .58333331f, 0, 11 }, { "PER", "Bob", .5f, 12, 15 }, { "O", "in", .9f, 16, 18 }, { "LOC", "Par", .4f, 19, 22 }, { "A-B", "##is", .7f, 22, 24 },
                    { "LOC", "London", .52499998f, 25, 31 }, { "A-B", "z", .6f, 32, 33 } } },
    { NER_FIRST, { { "PER", "Alice Smith", .55f, 0, 11 }, { "PER", "Bob", .5f, 12, 15 }, { "O", "in", .9f, 16, 18 }, { "LOC", "Paris London", .5f, 19, 31 }, { "A-B", "z", .6f, 32, 33 } } },
    { NER_AVERAGE, { { "PER", "Alice Smith", .46249998f, 0, 11 }, { "PER", "Bob", .5f, 12, 15 }, { "O", "in", .9f, 16, 18 }, { "A-B", "Paris", .5f, 19, 24 },
                     { "LOC", "London", .52499998f, 25, 31 }, { "A-B", "z", .6f, 32, 33 } } },
    { NER_MAX, { { "PER", "Alice Smith", .575f, 0, 11 }, { "PER", "Bob", .5f, 12, 15 }, { "O", "in", .9f, 16, 18 }, { "A-B", "Paris", .7f, 19, 24 }, { "LOC", "London", .6f, 25, 31 },
                 { "A-B", "z", .6f, 32, 33 } } },
  };
  g_autoptr (TextLabels) labels = make_labels ();
  NerToken tokens[G_N_ELEMENTS (ner_tokens)];

  for (guint i = 0; i < G_N_ELEMENTS (tokens); i++)
    tokens[i] = (NerToken) { (char *) ner_tokens[i].word, ner_tokens[i].scores, ner_tokens[i].begin, ner_tokens[i].end, i + 1, ner_tokens[i].is_subword };
  for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      Ner ner = { cases[c].strategy, labels, 5, join, NULL };
      g_autoptr (GArray) entities = g_array_new (FALSE, TRUE, sizeof (NerEntity));
      g_autoptr (GError) error = NULL;
      guint i;

      g_array_set_clear_func (entities, ner_entity_clear);
      g_assert_true (ner_aggregate (&ner, tokens, G_N_ELEMENTS (tokens), entities, &error));
      g_assert_no_error (error);
      for (i = 0; cases[c].expected[i].label; i++)
        {
          const NerEntity *e = &g_array_index (entities, NerEntity, i);

          g_assert_cmpuint (i, <, entities->len);
          g_assert_cmpstr (e->label, ==, cases[c].expected[i].label);
          g_assert_cmpstr (e->word, ==, cases[c].expected[i].word);
          g_assert_cmpfloat_with_epsilon (e->score, cases[c].expected[i].score, 1e-6);
          g_assert_cmpuint (e->begin, ==, cases[c].expected[i].begin);
          g_assert_cmpuint (e->end, ==, cases[c].expected[i].end);
        }
      g_assert_cmpuint (entities->len, ==, i);
    }
}

static void
test_overlaps (void)
{
  typedef struct { guint32 begin, end; float score; } Span;
  static const struct
  {
    Span in[6], out[6];
  } cases[] = {
    { { { 0, 5, .5f }, { 3, 9, .4f }, { 8, 10, .9f }, { 12, 14, .3f }, { 12, 14, .6f } }, { { 3, 9, .4f }, { 12, 14, .6f } } },
    { { { 5, 9, .1f }, { 0, 3, .2f }, { 2, 6, .9f } }, { { 2, 6, .9f } } },
    { { { 0, 4, .5f }, { 4, 6, .5f } }, { { 0, 4, .5f }, { 4, 6, .5f } } },
    { { { 7, 8, .5f } }, { { 7, 8, .5f } } },
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (GArray) entities = g_array_new (FALSE, TRUE, sizeof (NerEntity));
      guint n = 0;

      g_array_set_clear_func (entities, ner_entity_clear);
      for (const Span *s = cases[c].in; s->end; s++)
        {
          NerEntity e = { g_strdup ("X"), s->score, 0, g_strdup ("w"), s->begin, s->end };

          g_array_append_val (entities, e);
        }
      ner_resolve_overlaps (entities);
      for (const Span *s = cases[c].out; s->end; s++, n++)
        {
          g_assert_cmpuint (n, <, entities->len);
          g_assert_cmpuint (g_array_index (entities, NerEntity, n).begin, ==, s->begin);
          g_assert_cmpuint (g_array_index (entities, NerEntity, n).end, ==, s->end);
          g_assert_cmpfloat (g_array_index (entities, NerEntity, n).score, ==, s->score);
          g_assert_cmpstr (g_array_index (entities, NerEntity, n).label, ==, "X");
        }
      g_assert_cmpuint (entities->len, ==, n);
    }
}

/* ---- question-answering -------------------------------------------------------------------------------------------------------- */

static void
test_spans (void)
{
  static const struct
  {
    gsize n, top_k, max_len;
    float start[12], end[12];
    guint8 unwanted[12];
    float none;
    QaSpan expected[16];        /* ended by a score below 0 */
  } cases[] = {
    { 12, 1, 15, { -1.6039f, -2.6487f, -0.4967f, 0.8409f, 2.2721f, 0.2194f, -1.1053f, -1.5696f, 1.4975f, 3.2696f, 0.5455f, -2.4667f },
      { -1.9165f, 3.2f, 0.4058f, -3.4643f, -0.1674f, -2.3265f, -1.2586f, -0.976f, -1.4266f, 1.1068f, -0.1262f, -1.1789f }, { 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1 }, 0.00011354780872f,
      { { 9, 9, 0.3052919f }, { 0, 0, -1 } } },
    { 12, 5, 3, { 0.8193f, 1.6597f, -3.286f, -0.5135f, -1.9615f, -0.3463f, -2.5788f, 0.0414f, -0.0758f, -0.6087f, -2.0959f, -0.7924f },
      { -2.1827f, -2.7104f, 0.4496f, -2.2187f, 2.3406f, 1.4332f, -3.9956f, 0.5443f, -2.2034f, 0.0661f, 0.0873f, -3.9769f }, { 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1 }, 0.00234612729f,
      { { 5, 5, 0.0271959f }, { 7, 7, 0.0164754f }, { 4, 4, 0.0134002f }, { 5, 7, 0.0111804f }, { 7, 9, 0.010213f }, { 0, 0, -1 } } },
    { 6, 10, 15, { -0.4668f, -0.5116f, 1.924f, -2.3629f, 1.4761f, -2.1979f }, { -0.6626f, -1.6809f, 2.8975f, 1.1364f, 4.8635f, 1.2838f }, { 0, 1, 0, 0, 0, 0 }, 0.000173137276f,
      { { 2, 4, 0.4749595f }, { 4, 4, 0.3034842f }, { 2, 2, 0.0665018f }, { 2, 5, 0.0132438f }, { 2, 3, 0.0114287f }, { 4, 5, 0.0084624f }, { 3, 4, 0.0065295f }, { 5, 5, 0.0002147f },
        { 3, 5, 0.0001821f }, { 3, 3, 0.0001571f }, { 0, 0, -1 } } },
    /* More candidates than spans with a score: filled up by spans of none, as the reference does. */
    { 4, 16, 2, { 1.69f, 1.6814f, -1.2132f, -0.1401f }, { 2.7008f, -0.7931f, 0.3776f, -0.0424f }, { 0, 1, 0, 0 }, 0.7079607f,
      { { 3, 3, 0.0073089f }, { 2, 2, 0.0038038f }, { 2, 3, 0.0024992f }, { 0, 0, 0 }, { 0, 2, 0 }, { 0, 3, 0 }, { 2, 0, 0 }, { 3, 0, 0 }, { 3, 2, 0 }, { 0, 0, -1 } } },
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      float start[12], end[12];
      guint8 wanted[12];
      g_autoptr (GArray) spans = NULL;
      guint i;

      for (i = 0; i < cases[c].n; i++)
        {
          start[i] = cases[c].start[i];
          end[i] = cases[c].end[i];
          wanted[i] = !cases[c].unwanted[i];
        }
      g_assert_cmpfloat_with_epsilon (qa_normalize (start, end, wanted, cases[c].n), cases[c].none, 1e-6);
      spans = qa_best_spans (start, end, wanted, cases[c].n, cases[c].top_k, cases[c].max_len);
      for (i = 0; cases[c].expected[i].score >= 0; i++)
        {
          const QaSpan *span = &g_array_index (spans, QaSpan, i);

          g_assert_cmpuint (i, <, spans->len);
          g_assert_cmpuint (span->start, ==, cases[c].expected[i].start);
          g_assert_cmpuint (span->end, ==, cases[c].expected[i].end);
          g_assert_cmpfloat_with_epsilon (span->score, cases[c].expected[i].score, 1e-6);
        }
      g_assert_cmpuint (spans->len, ==, i);
    }
}

static void
test_answers (void)
{
  TextChars context;
  QaAnswers answers;

  g_assert_true (text_chars_init (&context, "Paris, paris \u00C9T\u00C9 \u00E9t\u00E9 \u039F\u03A3 \u03BF\u03C2", NULL));
  qa_answers_init (&answers);
  qa_answers_add (&answers, .25, 7, 12, &context);
  qa_answers_add (&answers, .5, 13, 16, &context);
  qa_answers_add (&answers, .5, 0, 5, &context);        /* the same text as the first */
  qa_answers_add (&answers, .125, 17, 20, &context);
  qa_answers_add (&answers, .1, 21, 23, &context);
  qa_answers_add (&answers, .1, 24, 26, &context);      /* a sigma at the end of a word is a sigma */
  qa_answers_sort (&answers);
  g_assert_cmpuint (answers.answers->len, ==, 3);
  g_assert_cmpstr (g_array_index (answers.answers, QaAnswer, 0).text, ==, "paris");
  g_assert_cmpuint (g_array_index (answers.answers, QaAnswer, 0).begin, ==, 7);
  g_assert_cmpfloat (g_array_index (answers.answers, QaAnswer, 0).score, ==, .75);
  g_assert_cmpstr (g_array_index (answers.answers, QaAnswer, 1).text, ==, "\u00C9T\u00C9");
  g_assert_cmpfloat (g_array_index (answers.answers, QaAnswer, 1).score, ==, .625);
  g_assert_cmpfloat_with_epsilon (g_array_index (answers.answers, QaAnswer, 2).score, .2, 1e-12);
  qa_answers_clear (&answers);
  text_chars_clear (&context);
}

/* ---- pooling --------------------------------------------------------------------------------------------------------------------- */

static void
test_pooling (void)
{
  static const float tokens[] = { 1, -2, 0, 3, 4, 0, 5, 6, 0, -1, 8, 0 };       /* rows of two, a stride of three */
  static const struct
  {
    const char *config;
    gsize prompt;
    float expected[4];
    guint n;
  } cases[] = {
    { "{\"pooling_mode_cls_token\": true}", 0, { 1, -2 }, 2 },
    { "{\"pooling_mode\": \"cls\", \"include_prompt\": false}", 1, { 3, 4 }, 2 },
    { "{\"pooling_mode_max_tokens\": true}", 0, { 5, 8 }, 2 },
    { "{}", 0, { 2, 4 }, 2 },
    { "{\"pooling_mode\": \"mean\"}", 2, { 2, 7 }, 2 },
    { "{\"pooling_mode_mean_sqrt_len_tokens\": true}", 0, { 4, 8 }, 2 },
    { "{\"pooling_mode\": \"weightedmean\"}", 0, { 1.8f, 5.6f }, 2 },
    { "{\"pooling_mode\": \"weightedmean\"}", 2, { 11 / 7.0f, 50 / 7.0f }, 2 },
    { "{\"pooling_mode_lasttoken\": true}", 0, { -1, 8 }, 2 },
    { "{\"pooling_mode_lasttoken\": true, \"pooling_mode_cls_token\": true}", 0, { 1, -2, -1, 8 }, 4 },
    { "{\"pooling_mode\": [\"max\", \"mean\"]}", 0, { 5, 8, 2, 4 }, 4 },
    { "{\"pooling_mode\": \"median\"}", 0, { 0 }, 0 },
    { "{\"pooling_mode\": 7}", 0, { 0 }, 0 },
    { "{\"include_prompt\": \"no\"}", 0, { 0 }, 0 },
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++)
    {
      g_autoptr (JsonObject) config = gtf_json_parse_object ("config", cases[c].config, -1, GTF_JSON_STRICT, NULL);
      g_autoptr (GError) error = NULL;
      TextSlice slice = { tokens, 4, 2, 3 };
      Pooling pooling;
      float out[4];

      if (!pooling_read (&pooling, config, "1_Pooling/config.json", &error))
        {
          g_assert_cmpuint (cases[c].n, ==, 0);
          g_assert_nonnull (strstr (error->message, "1_Pooling/config.json"));
          continue;
        }
      g_assert_cmpuint (pooling.n_modes * 2, ==, cases[c].n);
      pooling_apply (&pooling, &slice, cases[c].prompt, out);
      for (guint i = 0; i < cases[c].n; i++)
        g_assert_cmpfloat_with_epsilon (out[i], cases[c].expected[i], 1e-5);
    }
}

static void
test_similarity (void)
{
  static const float a[] = { 3, 4 }, b[] = { 4, -3 }, c[] = { 6, 8 }, zero[] = { 0, 0 };

  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_COSINE, a, c, 2), 1, 1e-12);
  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_COSINE, a, b, 2), 0, 1e-12);
  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_COSINE, a, zero, 2), 0, 1e-12);
  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_DOT, a, c, 2), 50, 1e-12);
  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_EUCLIDEAN, a, c, 2), -5, 1e-12);
  g_assert_cmpfloat_with_epsilon (sentence_similarity (SIMILARITY_MANHATTAN, a, c, 2), -7, 1e-12);
}

/* ---- scores, batches ----------------------------------------------------------------------------------------------------------- */

static void
test_scores (void)
{
  float x[] = { 1, 3, 3, -100 }, huge[] = { 1000, 999 };
  g_autofree guint *order = text_order (x, 4);
  static const guint expected[] = { 1, 2, 0, 3 };

  g_assert_cmpmem (order, sizeof expected, expected, sizeof expected);
  g_assert_cmpuint (text_argmax (x, 4), ==, 1);
  text_softmax (huge, 2);
  g_assert_cmpfloat_with_epsilon (huge[0], 0.7310586, 1e-6);
  g_assert_cmpfloat_with_epsilon (text_sigmoid (-1000), 0, 1e-12);
}

static void
test_passes (void)
{
  static const guint8 padded[] = { 1, 0 }, whole[] = { 1, 1 };
  TextRow rows[] = { { .n = 9000 }, { .n = 4000 }, { .n = 96 }, { .n = 1 }, { .n = 2, .mask = padded }, { .n = 2, .mask = whole } };
  static const guint order[] = { 0, 1, 2, 3, 4, 5 };

  g_assert_cmpuint (text_pass_size (rows, order, 6, 0), ==, 1);         /* too long for company */
  g_assert_cmpuint (text_pass_size (rows, order, 6, 1), ==, 2);         /* 4096 tokens exactly */
  g_assert_cmpuint (text_pass_size (rows, order, 6, 3), ==, 1);         /* the next has padding */
  g_assert_cmpuint (text_pass_size (rows, order, 6, 4), ==, 1);
  g_assert_cmpuint (text_pass_size (rows, order, 6, 5), ==, 1);
}

/* ---- classifiers -------------------------------------------------------------------------------------------------------------- */

/* The order in which transformers' pipelines look at the config. */
static void
test_functions (void)
{
  static const struct
  {
    const char *problem;
    guint n_labels;
    const char *function;
    TextFunction slices, topk;
  } cases[] = {
    { NULL, 3, NULL, TEXT_FUNCTION_SOFTMAX, TEXT_FUNCTION_SOFTMAX },
    { NULL, 1, NULL, TEXT_FUNCTION_SIGMOID, TEXT_FUNCTION_SOFTMAX },
    { "single_label_classification", 3, "sigmoid", TEXT_FUNCTION_SOFTMAX, TEXT_FUNCTION_SOFTMAX },
    { "multi_label_classification", 3, "softmax", TEXT_FUNCTION_SIGMOID, TEXT_FUNCTION_SIGMOID },
    { "regression", 1, "softmax", TEXT_FUNCTION_NONE, TEXT_FUNCTION_NONE },
    { NULL, 0, "sigmoid", TEXT_FUNCTION_SIGMOID, TEXT_FUNCTION_SOFTMAX },
    { NULL, 0, NULL, TEXT_FUNCTION_NONE, TEXT_FUNCTION_SOFTMAX },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (text_classifier_function (TEXT_CLASSIFIER_SLICES, cases[i].problem, cases[i].n_labels, cases[i].function), ==, cases[i].slices);
      g_assert_cmpint (text_classifier_function (TEXT_CLASSIFIER_TOPK, cases[i].problem, cases[i].n_labels, cases[i].function), ==, cases[i].topk);
    }
}

static void
test_choices (void)
{
  static const struct
  {
    TextClassifierKind kind;
    const char *parameters, *expected;         /* an answer, or what the message has */
  } cases[] = {
    { TEXT_CLASSIFIER_SLICES, "{\"top_k\": 2}", "[{\"label\": \"LOC\", \"score\": 2.0}, {\"label\": \"B-PER\", \"score\": 1.0}]" },
    { TEXT_CLASSIFIER_SLICES, "{\"top_k\": -4}", "[{\"label\": \"LOC\", \"score\": 2.0}]" },
    { TEXT_CLASSIFIER_SLICES, "{\"top_k\": -9}", "[]" },
    { TEXT_CLASSIFIER_SLICES, "{\"top_k\": 1, \"function_to_apply\": \"Sigmoid\"}", "[{\"label\": \"LOC\", \"score\": 0.88" },
    { TEXT_CLASSIFIER_TOPK, "{\"top_k\": 1, \"function_to_apply\": null}", "[{\"score\": 2.0, \"label\": \"LOC\"}]" },
    { TEXT_CLASSIFIER_TOPK, "{\"top_k\": 0}", "[]" },
    { TEXT_CLASSIFIER_TOPK, "{\"top_k\": -1}", "\"top_k\": expected" },
    { TEXT_CLASSIFIER_SLICES, "{\"top_k\": \"all\"}", "\"top_k\": expected" },
    { TEXT_CLASSIFIER_SLICES, "{\"function_to_apply\": \"tanh\"}", "\"function_to_apply\": expected" },
  };
  g_autoptr (TextLabels) labels = make_labels ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) parameters = gtf_json_parse_object ("parameters", cases[i].parameters, -1, GTF_JSON_STRICT, &error);
      float scores[] = { 0, 1, -1, 2, 1 };
      const TextClassifier self = { NULL, labels, cases[i].kind, TEXT_FUNCTION_NONE };
      TextChoice choice;
      g_autoptr (JsonNode) list = NULL;
      g_autofree char *printed = NULL;

      g_assert_no_error (error);
      if (text_choice_read (&choice, &self, parameters, &error) && text_classifier_score (&self, choice.apply, scores, 5, &error))
        list = text_classifier_list (&self, choice.top_k, scores, 5);
      printed = list ? gtf_json_print (list, GTF_JSON_COMPACT) : g_strdup (error->message);
      if (strstr (printed, cases[i].expected) == NULL)
        g_error ("%s: expected %s, found %s", cases[i].parameters, cases[i].expected, printed);
    }
}

static void
test_no_label (void)
{
  g_autoptr (TextLabels) labels = make_labels ();
  g_autoptr (GError) error = NULL;
  const TextClassifier self = { NULL, labels, TEXT_CLASSIFIER_SLICES, TEXT_FUNCTION_NONE };
  float scores[6] = { 0 };

  g_assert_false (text_classifier_score (&self, TEXT_FUNCTION_NONE, scores, G_N_ELEMENTS (scores), &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA);
  g_assert_nonnull (strstr (error->message, "config.json: \"id2label\": the model has 6 outputs"));
}

/* A label that is no text is written as JSON, each time it is asked for. */
static void
test_odd_label (void)
{
  static const struct { const char *json, *name; } cases[] = { { "[]", "[]" }, { "{}", "{}" }, { "[2,{\"a\":null}]", "[2, {\"a\": null}]" }, { "7", "7" }, { "null", "null" }, { "\"a\"", "a" } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (TextLabels) labels = make_labels ();

      json_node_unref (labels->names->pdata[1]);
      labels->names->pdata[1] = json_from_string (cases[i].json, NULL);
      for (guint again = 0; again < 2; again++)
        g_assert_cmpstr (text_labels_name (labels, 1), ==, cases[i].name);
    }
}

/* ---- views ------------------------------------------------------------------------------------------------------------------------ */

static void
test_chars (void)
{
  static const struct
  {
    const char *text;
    gsize begin, end;
    const char *expected;
  } cases[] = {
    { "abc", 1, 2, "b" }, { "abc", 2, 99, "c" }, { "abc", 9, 99, "" }, { "abc", 2, 1, "" }, { "", 0, 1, "" },
    { "a\u00E9\U0001F642z", 1, 3, "\u00E9\U0001F642" }, { "a\u00E9\U0001F642z", 3, 4, "z" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      TextChars chars;
      g_autofree char *slice = NULL;

      g_assert_true (text_chars_init (&chars, cases[i].text, NULL));
      slice = text_chars_slice (&chars, cases[i].begin, cases[i].end);
      g_assert_cmpstr (slice, ==, cases[i].expected);
      text_chars_clear (&chars);
    }
}

static void
test_views (void)
{
  static const TextSpan spans[] = { { 0, 4, "PER", 1 }, { 8, 9, "LOC", 1 }, { 8, 9, "LOC", 1 }, { 10, 12, "PER", 1 } };
  g_autoptr (GString) text = g_string_new (NULL), terminal = g_string_new (NULL), page = g_string_new (NULL), bars = g_string_new (NULL);

  text_view_spans (text, GTF_VIEW_TEXT, "Zo\u00EB< in \u00C5 me", spans, G_N_ELEMENTS (spans));
  g_assert_cmpstr (text->str, ==, "[Zo\u00EB<](PER) in [\u00C5](LOC) [me](PER)\n");
  text_view_spans (terminal, GTF_VIEW_TERMINAL, "Zo\u00EB\033 in \u00C5 me", spans, 2);
  g_assert_cmpstr (terminal->str, ==, "\033[4;36mZo\u00EB\\x1b\033[0m in \033[4;33m\u00C5\033[0m me\n\033[4;36mPER\033[0m  \033[4;33mLOC\033[0m\n");
  g_string_truncate (terminal, 0);
  text_view_text (terminal, GTF_VIEW_TERMINAL, "a\xC2\x9B" "b\xC2\xA0" "\xC2", -1);
  g_assert_cmpstr (terminal->str, ==, "a\\x9bb\xC2\xA0\xC2");
  text_view_spans (page, GTF_VIEW_HTML, "Zo\u00EB< in \u00C5 me", spans, 1);
  g_assert_nonnull (strstr (page->str, "Zo\u00EB&lt; <b"));
  g_assert_null (strstr (page->str, "Zo\u00EB<"));
  text_view_bar (bars, GTF_VIEW_TEXT, "\u65E5\u672C", 6, 0.5);
  g_assert_true (g_str_has_prefix (bars->str, "\u65E5\u672C      0.5000  \u2588"));
  g_string_truncate (bars, 0);
  text_view_bar (bars, GTF_VIEW_TEXT, "x", 1, -3.25);
  g_assert_cmpstr (bars->str, ==, "x   -3.2500\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tasks/text/template", test_template);
  g_test_add_func ("/tasks/text/aggregation", test_aggregation);
  g_test_add_func ("/tasks/text/overlaps", test_overlaps);
  g_test_add_func ("/tasks/text/spans", test_spans);
  g_test_add_func ("/tasks/text/answers", test_answers);
  g_test_add_func ("/tasks/text/pooling", test_pooling);
  g_test_add_func ("/tasks/text/similarity", test_similarity);
  g_test_add_func ("/tasks/text/scores", test_scores);
  g_test_add_func ("/tasks/text/functions", test_functions);
  g_test_add_func ("/tasks/text/choices", test_choices);
  g_test_add_func ("/tasks/text/no-label", test_no_label);
  g_test_add_func ("/tasks/text/odd-label", test_odd_label);
  g_test_add_func ("/tasks/text/passes", test_passes);
  g_test_add_func ("/tasks/text/chars", test_chars);
  g_test_add_func ("/tasks/text/views", test_views);
  return g_test_run ();
}
