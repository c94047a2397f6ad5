/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Languages that Whisper was trained on: code and English name, and the names that are spoken of besides. The order is
 * that of the language tokens; a model has a token for each of them or fewer.
 */
#include "text/whisper-languages.h"

typedef struct
{
  const char *code;
  const char *name;
} Language;

static const Language languages[] = {
  { "en", "english" }, { "zh", "chinese" }, { "de", "german" }, { "es", "spanish" }, { "ru", "russian" }, { "ko", "korean" },
  { "fr", "french" }, { "ja", "japanese" }, { "pt", "portuguese" }, { "tr", "turkish" }, { "pl", "polish" },
  { "ca", "catalan" }, { "nl", "dutch" }, { "ar", "arabic" }, { "sv", "swedish" }, { "it", "italian" },
  { "id", "indonesian" }, { "hi", "hindi" }, { "fi", "finnish" }, { "vi", "vietnamese" }, { "he", "hebrew" },
  { "uk", "ukrainian" }, { "el", "greek" }, { "ms", "malay" }, { "cs", "czech" }, { "ro", "romanian" }, { "da", "danish" },
  { "hu", "hungarian" }, { "ta", "tamil" }, { "no", "norwegian" }, { "th", "thai" }, { "ur", "urdu" }, { "hr", "croatian" },
  { "bg", "bulgarian" }, { "lt", "lithuanian" }, { "la", "latin" }, { "mi", "maori" }, { "ml", "malayalam" },
  { "cy", "welsh" }, { "sk", "slovak" }, { "te", "telugu" }, { "fa", "persian" }, { "lv", "latvian" }, { "bn", "bengali" },
  { "sr", "serbian" }, { "az", "azerbaijani" }, { "sl", "slovenian" }, { "kn", "kannada" }, { "et", "estonian" },
  { "mk", "macedonian" }, { "br", "breton" }, { "eu", "basque" }, { "is", "icelandic" }, { "hy", "armenian" },
  { "ne", "nepali" }, { "mn", "mongolian" }, { "bs", "bosnian" }, { "kk", "kazakh" }, { "sq", "albanian" },
  { "sw", "swahili" }, { "gl", "galician" }, { "mr", "marathi" }, { "pa", "punjabi" }, { "si", "sinhala" }, { "km", "khmer" },
  { "sn", "shona" }, { "yo", "yoruba" }, { "so", "somali" }, { "af", "afrikaans" }, { "oc", "occitan" }, { "ka", "georgian" },
  { "be", "belarusian" }, { "tg", "tajik" }, { "sd", "sindhi" }, { "gu", "gujarati" }, { "am", "amharic" },
  { "yi", "yiddish" }, { "lo", "lao" }, { "uz", "uzbek" }, { "fo", "faroese" }, { "ht", "haitian creole" },
  { "ps", "pashto" }, { "tk", "turkmen" }, { "nn", "nynorsk" }, { "mt", "maltese" }, { "sa", "sanskrit" },
  { "lb", "luxembourgish" }, { "my", "myanmar" }, { "bo", "tibetan" }, { "tl", "tagalog" }, { "mg", "malagasy" },
  { "as", "assamese" }, { "tt", "tatar" }, { "haw", "hawaiian" }, { "ln", "lingala" }, { "ha", "hausa" }, { "ba", "bashkir" },
  { "jw", "javanese" }, { "su", "sundanese" }, { "yue", "cantonese" }
};

/* Further names of some of them. */
static const Language aliases[] = {
  { "my", "burmese" }, { "ca", "valencian" }, { "nl", "flemish" }, { "ht", "haitian" }, { "lb", "letzeburgesch" },
  { "ps", "pushto" }, { "pa", "panjabi" }, { "ro", "moldavian" }, { "ro", "moldovan" }, { "si", "sinhalese" },
  { "es", "castilian" }, { "zh", "mandarin" }
};

const char *
gtf_whisper_language_name (const char *code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (languages); i++)
    if (g_str_equal (languages[i].code, code))
      return languages[i].name;
  return NULL;
}

const char *
gtf_whisper_language_code (const char *language)
{
  for (gsize i = 0; i < G_N_ELEMENTS (languages); i++)
    if (g_str_equal (languages[i].name, language) || g_str_equal (languages[i].code, language))
      return languages[i].code;
  for (gsize i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (g_str_equal (aliases[i].name, language))
      return aliases[i].code;
  return NULL;
}

char *
gtf_whisper_languages_list (gboolean codes)
{
  GString *list = g_string_new (NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (languages); i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", codes ? languages[i].code : languages[i].name);
  return g_string_free (list, FALSE);
}
