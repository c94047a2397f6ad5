/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of tokenizer classes. The source is transformers 5.24, models/NAME/tokenization_NAME.py and
 * convert_slow_tokenizer.py; what 5 cannot load without tokenizer.json is as 4.57 has it.
 *
 * In a template
 *   "$name"                             is the value of a token's role, of a setting (tokenizer_config.json has the last word),
 *                                       of a fact about the SentencePiece model (charsmap, unk_id ...), or a part from below
 *   "@role"                             is [content, id]
 *   {"if": .., "then": .., "else": ..}  is one of the two; what is left empty, or null, is left out; "!name": not
 *   {"format": "<x_{}>", "from": 0, "end": 10, "reverse": false, "score": -100}   is ten elements of the list that it stands in,
 *                                       strings or (with a score) [string, score]
 *   TemplateProcessing                  has "role:type", "$A:type", or "=token:type" for what is no role, with "{setting}" in it
 * and what stands for a list in a list is spliced into it.
 * A condition "name=text" asks whether the value is that text.
 * Members: settings (their defaults), tokens (role: content, or with flags; nameless: cut out of texts as the unknown token), extra (further special tokens), model, before,
 * skip, after (what is put around the pieces of a SentencePiece model), order, normalizer, pre_tokenizer, decoder,
 * post_processor; bos_eos, if add_bos_token and add_eos_token put their template in place of the class's; controls_first, if
 * what a SentencePiece model marks is added before the roles (else it may change a role's flags); ids, a file with the ids of
 * the pieces, before_ids what stands before and after_ids what follows them; language_codes, if ">>xx<<" before a text is a token; every, if
 * all tokens of the vocabulary are found in the text before the model sees it; merges: false, if there is no merges.txt; codes, the file with merges
 * in the form of subword-nmt, where the vocabulary has "ri@@ ver", or (ends_marked) "ri ver</w>"; whisper_language, if the setting language is a code or a name; refuse, a setting that nothing here can do, or (refuse_text) not with a text, though tokens are decoded; code_points, if
 * a class without a file has all characters for tokens (else what stands in before, and all bytes behind that, unless bytes is false); eos_once, if
 * eos_token is not put behind a text that ends with it; special_gap, if special tokens are decoded by themselves, and what
 * is put behind each; special_lead, if a space is put before the text that such a token ends; special_ends, if spaces at both ends of what is decoded so stay; drop_first, if the normalizer puts a character
 * before each text whose token is left out; empty, if a text without a letter or digit is the token of the role empty_token; features, files with a number for each token
 * that the model is told by the name of an input; target, members that texts to be written have otherwise (files: their SentencePiece model), with target_said, if their language must be said, and target_decodes, the setting by which
 * ids are those of their vocabulary (target_reads: false, if it only decodes); two_languages, if langs names that of texts and that of what is written; maps, the members of the class's file, or maps_file, that its parts are told of (of the class's file the tokens are the bytes in hexadecimal then);
 * grouped, if of equal ids in a row one is decoded, and padding is not;
 * japanese, if the model is that of model-japanese.c; blanks, the setting by which the token of id 0 stands around each token; late, that by which special
 * tokens are found in normalised texts, as they are; first_ids, special tokens that have the ids from 0 on, whatever the vocabulary has there; needs, what a class works with that is not here; user_pieces, if what users added to a SentencePiece model is cut out of texts, as its library does;
 * renamed, if added_tokens_decoder gives pieces other names. python, if the reference runs the class in Python, where an empty second text is one all the same and what are spaces is Python's; clean_up_set, if a call
 * does not choose clean_up_tokenization_spaces. The column token_types is no part of the template: it is what model_input_names of the class has.
 */
#include "text/tokenizer-classes.h"

#include <string.h>
#include "base/file.h"
#include "base/json.h"

/* clang-format off */
#define JSON(...) #__VA_ARGS__

static const struct { const char *name, *json; } parts[] =
{
  { "bert_normalizer", JSON ({ "type": "BertNormalizer", "clean_text": "$clean_text", "handle_chinese_chars": "$tokenize_chinese_chars", "strip_accents": "$strip_accents",
                               "lowercase": "$do_lower_case" }) },
  /* BERT's tokenizer as Python had it, which two classes still run. */
  { "basic_normalizer", JSON ({ "if": "do_basic_tokenize", "then": { "type": "Sequence", "normalizers": [
      { "type": "Replace", "pattern": { "Regex": "\\p{Cn}" }, "content": "" },
      { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": "$tokenize_chinese_chars", "strip_accents": false, "lowercase": false }, { "type": "NFC" },
      { "if": "do_lower_case", "then": { "type": "Lowercase", "final_sigma": true } },
      { "type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false, "strip_accents": "$strip_accents", "lowercase": "$do_lower_case" }] } }) },
  { "basic_words", JSON ({ "if": "do_basic_tokenize", "then": { "type": "BertPreTokenizer" }, "else": "$split_words" }) },
  { "wordpiece_decoder", JSON ({ "type": "Sequence", "decoders": [{ "type": "WordPiece", "prefix": "##", "cleanup": false }, { "type": "Fuse" }, "$stripped"] }) },
  /* Python's split (). */
  { "split_words", JSON ({ "type": "Split", "pattern": { "Regex": "[\\s\\x{1c}-\\x{1f}]+" }, "behavior": "Removed", "invert": false }) },
  { "cls_sep", JSON ({ "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                       "pair": ["cls_token:0", "$A:0", "sep_token:0", "$B:1", "sep_token:1"] }) },
  { "cls_double_sep", JSON ({ "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                              "pair": ["cls_token:0", "$A:0", "sep_token:0", "sep_token:0", "$B:0", "sep_token:0"] }) },
  { "each_sep", JSON ({ "type": "TemplateProcessing", "single": ["$A:0", "sep_token:0"], "pair": ["$A:0", "sep_token:0", "$B:0", "sep_token:0"] }) },
  { "bos_double_eos", JSON ({ "type": "TemplateProcessing", "single": ["bos_token:0", "$A:0", "eos_token:0"],
                              "pair": ["bos_token:0", "$A:0", "eos_token:0", "eos_token:0", "$B:0", "eos_token:0"] }) },
  { "each_eos", JSON ({ "type": "TemplateProcessing", "single": ["$A:0", "eos_token:0"], "pair": ["$A:0", "eos_token:0", "$B:0", "eos_token:0"] }) },
  { "one_eos", JSON ({ "type": "TemplateProcessing", "single": ["$A:0", "eos_token:0"], "pair": ["$A:0", "$B:0", "eos_token:0"] }) },
  { "language_first", JSON ({ "type": "TemplateProcessing", "single": ["={src_lang}:0", "$A:0", "eos_token:0"], "pair": ["={src_lang}:0", "$A:0", "$B:0", "eos_token:0"] }) },
  { "language_last", JSON ({ "type": "TemplateProcessing", "single": ["$A:0", "eos_token:0", "={src_lang}:0"], "pair": ["$A:0", "$B:0", "eos_token:0", "={src_lang}:0"] }) },
  { "roberta_post", JSON ({ "type": "RobertaProcessing", "sep": "@sep_token", "cls": "@cls_token", "trim_offsets": "$trim_offsets", "add_prefix_space": "$add_prefix_space" }) },
  { "byte_level", JSON ({ "type": "ByteLevel", "add_prefix_space": "$add_prefix_space", "trim_offsets": true, "use_regex": true }) },
  { "byte_level_decoder", JSON ({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true }) },
  { "byte_bpe", JSON ({ "type": "BPE", "continuing_subword_prefix": "", "end_of_word_suffix": "" }) },
  { "word_bpe", JSON ({ "type": "BPE", "unk_token": "$unk_token", "end_of_word_suffix": "</w>" }) },
  { "scheme", JSON ({ "if": "add_prefix_space", "then": "always", "else": "never" }) },
  { "metaspace", JSON ({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "$scheme", "split": true }) },
  { "space_split", JSON ({ "type": "Sequence", "pretokenizers": [{ "type": "WhitespaceSplit" }, "$metaspace"] }) },
  { "precompiled", JSON ({ "if": "charsmap", "then": { "type": "Precompiled", "precompiled_charsmap": "$charsmap" } }) },
  { "one_space", JSON ({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " }) },
  { "strip_join", JSON ([{ "type": "Strip", "strip_left": false, "strip_right": true }, { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "▁" }]) },
  { "quotes", JSON ([{ "type": "Replace", "pattern": { "String": "``" }, "content": "\"" }, { "type": "Replace", "pattern": { "String": "''" }, "content": "\"" }]) },
  { "whites", JSON ([{ "type": "Replace", "pattern": { "Regex": "\\s{2,}|[\\n\\r\\t]" }, "content": " " }, { "type": "NFC" },
                     { "type": "Strip", "strip_left": false, "strip_right": true }]) },
  { "charsmap_one_space", JSON ({ "if": "charsmap", "then": { "type": "Sequence", "normalizers": ["$precompiled", "$one_space"] } }) },
  { "byte_fallback_decoder", JSON ([{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "ByteFallback" }, { "type": "Fuse" }]) },
  { "escape_spaces", JSON ({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }) },
  /* Python's strip (). */
  { "stripped", JSON ({ "type": "Replace", "pattern": { "Regex": "\\A[\\s\\x{1c}-\\x{1f}]+|[\\s\\x{1c}-\\x{1f}]+\\z" }, "content": "" }) },
  /* What the sentencepiece library itself does to a text, for the classes that call it. */
  { "spm_normalizer", JSON ({ "type": "Sequence", "normalizers": ["$precompiled",
      { "if": "remove_extra_whitespaces", "then": ["$one_space", { "type": "Replace", "pattern": { "Regex": "\\A +" }, "content": "" }] },
      { "if": "add_dummy_prefix", "then": { "type": "Prepend", "prepend": " " } }, "$escape_spaces",
      { "if": "remove_extra_whitespaces", "then": { "type": "Replace", "pattern": { "Regex": "▁+\\z" }, "content": "" } }] }) },
  { "spm_model", JSON ({ "unk_token": "$unk_piece", "unk_id": "$unk_id", "fuse_unk": true, "byte_fallback": "$byte_fallback" }) },
  { "spm_decoder", JSON ({ "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "Fuse" }, "$stripped"] }) },
  { "spm_run_decoder", JSON ({ "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
      { "if": "byte_fallback", "then": { "type": "ByteFallback", "each": true } }, { "type": "Fuse" },
      { "type": "Strip", "content": " ", "start": { "if": "remove_extra_whitespaces", "then": 1048576, "else": { "if": "add_dummy_prefix", "then": 1, "else": 0 } }, "stop": 0 }] }) },
  /* Words of a text, each with the line's end behind it; and their parts put together again, with a space between but behind @@. */
  { "words_and_line_ends", JSON ({ "type": "Split", "pattern": { "Regex": "[^\\s\\x{1c}-\\x{1f}]+\\n?" }, "behavior": "Removed", "invert": true }) },
  { "spaced", JSON ([{ "type": "WordPiece", "prefix": "\u0001", "cleanup": false }, { "type": "Fuse" }]) },
  { "continued_decoder", JSON ({ "type": "Sequence", "decoders": ["$spaced", { "type": "Replace", "pattern": { "Regex": "[@]@ " }, "content": "" }, "$stripped"] }) },
  { "m2m_languages", JSON (["__af__", "__am__", "__ar__", "__ast__", "__az__", "__ba__", "__be__", "__bg__", "__bn__", "__br__", "__bs__", "__ca__", "__ceb__", "__cs__",
                            "__cy__", "__da__", "__de__", "__el__", "__en__", "__es__", "__et__", "__fa__", "__ff__", "__fi__", "__fr__", "__fy__", "__ga__", "__gd__", "__gl__",
                            "__gu__", "__ha__", "__he__", "__hi__", "__hr__", "__ht__", "__hu__", "__hy__", "__id__", "__ig__", "__ilo__", "__is__", "__it__", "__ja__", "__jv__",
                            "__ka__", "__kk__", "__km__", "__kn__", "__ko__", "__lb__", "__lg__", "__ln__", "__lo__", "__lt__", "__lv__", "__mg__", "__mk__", "__ml__", "__mn__",
                            "__mr__", "__ms__", "__my__", "__ne__", "__nl__", "__no__", "__ns__", "__oc__", "__or__", "__pa__", "__pl__", "__ps__", "__pt__", "__ro__", "__ru__",
                            "__sd__", "__si__", "__sk__", "__sl__", "__so__", "__sq__", "__sr__", "__ss__", "__su__", "__sv__", "__sw__", "__ta__", "__th__", "__tl__", "__tn__",
                            "__tr__", "__uk__", "__ur__", "__uz__", "__vi__", "__wo__", "__xh__", "__yi__", "__yo__", "__zh__", "__zu__"]) },
  { "mbart_languages", JSON (["ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV",
                              "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN"]) },
  { "mbart50_languages", JSON (["$mbart_languages", "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN", "mn_MN", "mr_IN", "pl_PL",
                                "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"]) },
};

static const GtfTokenizerRow classes[] =
{
  /* ---------------------------------------------------------------- vocab.txt: WordPiece */
  { "BertTokenizer", NULL, "vocab.txt",
    "align bark bert blip bros chinese_clip convbert electra ernie flava git grounding-dino layoutlm megatron-bert mm-grounding-dino nezha nomic_bert qdqbert realm "
    "retribert squeezebert tvp vilt visual_bert", JSON ({
      "settings": { "do_lower_case": true, "tokenize_chinese_chars": true, "strip_accents": null, "clean_text": true },
      "tokens": { "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]" },
      "model": { "type": "WordPiece", "unk_token": "$unk_token", "continuing_subword_prefix": "##" },
      "normalizer": "$bert_normalizer", "pre_tokenizer": { "type": "BertPreTokenizer" },
      "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true }, "post_processor": "$cls_sep" }), .token_types = GTF_TOKEN_TYPES },
  { "ConvBertTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "DistilBertTokenizer", "BertTokenizer", .model_types = "distilbert", .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "DPRContextEncoderTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "DPRQuestionEncoderTokenizer", "BertTokenizer", .model_types = "dpr", .token_types = GTF_TOKEN_TYPES },
  { "DPRReaderTokenizer", "BertTokenizer", .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "ElectraTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "LayoutLMTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "LayoutLMv2Tokenizer", "BertTokenizer", .model_types = "layoutlmv2", .json = JSON ({ "settings": { "model_max_length": 512 } }), .token_types = GTF_TOKEN_TYPES },
  { "LxmertTokenizer", "BertTokenizer", .model_types = "lxmert", .token_types = GTF_TOKEN_TYPES },
  { "MobileBertTokenizer", "BertTokenizer", .model_types = "mobilebert", .token_types = GTF_TOKEN_TYPES },
  { "RealmTokenizer", "BertTokenizer" },
  { "RetriBertTokenizer", "BertTokenizer" },
  { "SqueezeBertTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "BrosTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "ErnieTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "MegatronBertTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "NezhaTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "QDQBertTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "VisualBertTokenizer", "BertTokenizer", .token_types = GTF_TOKEN_TYPES },
  { "TapasTokenizer", "BertTokenizer", .model_types = "tapas", .json = JSON ({
      "python": true, "settings": { "do_lower_case": true, "do_basic_tokenize": true, "tokenize_chinese_chars": true, "strip_accents": null, "model_max_length": 512,
                    "clean_up_tokenization_spaces": true },
      "decoder": "$wordpiece_decoder", "tokens": { "empty_token": "[EMPTY]" }, "empty": true,
      "normalizer": "$basic_normalizer", "pre_tokenizer": "$basic_words" }), .token_types = GTF_TOKEN_TYPES },
  { "ProphetNetTokenizer", "BertTokenizer", "prophetnet.tokenizer", "prophetnet", JSON ({
      "python": true, "settings": { "do_basic_tokenize": true, "clean_up_tokenization_spaces": true },
      "tokens": { "cls_token": null, "x_sep_token": "[X_SEP]" },
      "normalizer": "$basic_normalizer", "pre_tokenizer": "$basic_words", "decoder": "$wordpiece_decoder",
      "post_processor": "$each_sep" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "MPNetTokenizer", "BertTokenizer", .model_types = "mpnet", .json = JSON ({
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
                  "mask_token": { "content": "<mask>", "lstrip": true } },
      "post_processor": { "type": "RobertaProcessing", "sep": "@sep_token", "cls": "@cls_token", "trim_offsets": true, "add_prefix_space": false } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "SplinterTokenizer", "BertTokenizer", .model_types = "splinter", .json = JSON ({
      "tokens": { "question_token": "[QUESTION]" },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
        "pair": { "if": "pads_left", "then": ["cls_token:0", "$A:0", "sep_token:0", "$B:1", "question_token:0", "=.:0", "sep_token:1"],
                  "else": ["cls_token:0", "$A:0", "question_token:0", "=.:0", "sep_token:0", "$B:1", "sep_token:1"] } } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "RoCBertTokenizer", "BertTokenizer", .model_types = "roc_bert", .json = JSON ({
      "python": true, "settings": { "do_basic_tokenize": true }, "normalizer": "$basic_normalizer", "pre_tokenizer": "$basic_words",
      "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": false },
      "features": { "input_shape_ids": "word_shape.json", "input_pronunciation_ids": "word_pronunciation.json" } }) },
  { "FunnelTokenizer", "BertTokenizer", .model_types = "funnel", .json = JSON ({
      "settings": { "wordpieces_prefix": "##" },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "<sep>", "pad_token": "<pad>", "cls_token": "<cls>", "mask_token": "<mask>" },
      "decoder": { "type": "WordPiece", "prefix": "$wordpieces_prefix", "cleanup": true },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:2", "$A:0", "sep_token:0"],
                          "pair": ["cls_token:2", "$A:0", "sep_token:0", "$B:1", "sep_token:1"] } }) },

  /* ---------------------------------------------------------------- vocab.json and merges.txt: byte pairs */
  { "GPT2Tokenizer", NULL, "vocab.json",
    "blip-2 dbrx emu3 exaone4 flex_olmo gpt2 gpt_bigcode gpt_neo gptj granite granitemoe granitemoehybrid granitemoeshared hyperclovax_vision_v2 instructblip instructblipvideo "
    "jais2 minimax olmo3 opt phi starcoder2", JSON ({
      "settings": { "add_prefix_space": false },
      "tokens": { "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": null },
      "model": "$byte_bpe", "pre_tokenizer": "$byte_level", "decoder": "$byte_level_decoder" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "CodeGenTokenizer", "GPT2Tokenizer", .model_types = "codegen", .json = JSON ({
      "post_processor": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true }, "bos_eos": true }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "GPTNeoXTokenizer", "GPT2Tokenizer", .model_types = "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmo2 olmoe rwkv stablelm xlstm", .json = JSON ({
      "tokens": { "pad_token": "<|padding|>" }, "normalizer": { "type": "NFC" } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "WhisperTokenizer", "GPT2Tokenizer", .model_types = "whisper", .json = JSON ({
      "settings": { "language": null, "task": null, "predict_timestamps": false }, "whisper_language": true,
      "post_processor": { "type": "TemplateProcessing",
        "single": ["=<|startoftranscript|>:0", { "if": "language", "then": "=<|{language}|>:0" }, { "if": "task", "then": "=<|{task}|>:0" },
                   { "if": "!predict_timestamps", "then": "=<|notimestamps|>:0" }, "$A:0", "eos_token:0"],
        "pair": ["=<|startoftranscript|>:0", { "if": "language", "then": "=<|{language}|>:0" }, { "if": "task", "then": "=<|{task}|>:0" },
                 { "if": "!predict_timestamps", "then": "=<|notimestamps|>:0" }, "$A:0", "$B:1", "eos_token:1"] } }) },
  { "RobertaTokenizer", NULL, "vocab.json", "bart bridgetower clap data2vec-text florence2 ibert lilt longformer mega mra roberta roberta-prelayernorm", JSON ({
      "settings": { "add_prefix_space": false, "trim_offsets": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>" },
      "model": "$byte_bpe", "pre_tokenizer": "$byte_level", "decoder": "$byte_level_decoder", "post_processor": "$roberta_post" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "BartTokenizer", "RobertaTokenizer", .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "LEDTokenizer", "RobertaTokenizer", .model_types = "led", .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "LongformerTokenizer", "RobertaTokenizer", .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "MvpTokenizer", "RobertaTokenizer", .model_types = "mvp" },
  { "LayoutLMv3Tokenizer", "RobertaTokenizer", .model_types = "layoutlmv3", .json = JSON ({ "settings": { "add_prefix_space": true } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "MarkupLMTokenizer", "RobertaTokenizer", .model_types = "markuplm", .json = JSON ({
      "tokens": { "mask_token": { "content": "<mask>", "lstrip": true } },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                          "pair": ["cls_token:0", "$A:0", "sep_token:0", "$B:0", "sep_token:0"] } }), .token_types = GTF_TOKEN_TYPES },
  { "LukeTokenizer", "RobertaTokenizer", .model_types = "luke", .json = JSON ({
      "settings": { "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "entity_1_token": "<ent>", "entity_2_token": "<ent2>", "entity_unk_token": "[UNK]", "entity_pad_token": "[PAD]", "entity_mask_token": "[MASK]",
                  "entity_mask2_token": "[MASK2]" },
      "post_processor": { "type": "RobertaProcessing", "sep": "@sep_token", "cls": "@cls_token", "trim_offsets": true, "add_prefix_space": true } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "BlenderbotTokenizer", "RobertaTokenizer", .model_types = "blenderbot", .json = JSON ({
      "settings": { "add_prefix_space": true }, "tokens": { "mask_token": { "content": "<mask>", "lstrip": true } }, "post_processor": null }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "DebertaTokenizer", "RobertaTokenizer", .model_types = "deberta", .json = JSON ({
      "tokens": { "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]" },
      "post_processor": "$cls_double_sep" }), .token_types = GTF_TOKEN_TYPES },
  { "CLIPTokenizer", NULL, "vocab.json", "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit sam3 sam3_video xclip", JSON ({
      "tokens": { "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>" },
      "model": "$word_bpe",
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "NFC" }, { "type": "Replace", "pattern": { "Regex": "\\s+" }, "content": " " }, { "type": "Lowercase" }] },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
        { "type": "Split", "pattern": { "Regex": "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          "behavior": "Removed", "invert": true },
        { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true }] },
      "decoder": { "type": "Sequence", "decoders": ["$byte_level_decoder", { "type": "Replace", "pattern": { "String": "</w>" }, "content": " " },
                                                    "$stripped"] },
      "post_processor": { "type": "RobertaProcessing", "sep": "@eos_token", "cls": "@bos_token", "trim_offsets": false, "add_prefix_space": false } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "OpenAIGPTTokenizer", NULL, "vocab.json", "openai-gpt", JSON ({
      "settings": { "do_lower_case": true, "tokenize_chinese_chars": true, "strip_accents": null, "clean_text": true },
      "tokens": { "unk_token": "<unk>" }, "model": "$word_bpe", "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "lowercase": true },
      "pre_tokenizer": { "type": "BertPreTokenizer" }, "decoder": { "type": "BPEDecoder", "suffix": "</w>" } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "HerbertTokenizer", "OpenAIGPTTokenizer", .model_types = "herbert", .json = JSON ({
      "tokens": { "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>" },
      "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": false, "lowercase": false },
      "post_processor": { "type": "BertProcessing", "sep": ["$sep_token", 2], "cls": ["$cls_token", 0] } }) },
  { "Qwen2Tokenizer", NULL, "vocab.json",
    "audioflamingo3 colqwen2 cosmos3_omni dots3_note fun_asr_nano hunyuan_vl internvl lighton_ocr moss_transcribe_diarize ovis2 qianfan_ocr qwen2 qwen2_5_omni qwen2_5_vl "
    "qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_asr qwen3_moe qwen3_next qwen3_omni_moe qwen3_vl qwen3_vl_moe vibevoice", JSON ({
      "settings": { "add_prefix_space": false },
      "tokens": { "bos_token": null, "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>" },
      "model": "$byte_bpe", "normalizer": { "type": "NFC" },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
        { "type": "Split", "behavior": "Isolated", "invert": false, "pattern": { "Regex":
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" } },
        { "type": "ByteLevel", "add_prefix_space": "$add_prefix_space", "trim_offsets": true, "use_regex": false }] },
      "decoder": "$byte_level_decoder" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "Qwen3_5Tokenizer", "Qwen2Tokenizer", .model_types = "qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen4_exp", .json = JSON ({
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
        { "type": "Split", "behavior": "Isolated", "invert": false, "pattern": { "Regex":
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" } },
        { "type": "ByteLevel", "add_prefix_space": "$add_prefix_space", "trim_offsets": true, "use_regex": false }] } }) },
  { "CohereTokenizer", NULL, "vocab.json", "aya_vision cohere cohere2", JSON ({
      "settings": { "add_prefix_space": false, "padding_side": "left" },
      "tokens": { "bos_token": "<BOS_TOKEN>", "eos_token": "<|END_OF_TURN_TOKEN|>", "unk_token": "<UNK>", "sep_token": "<SEP>", "pad_token": "<PAD>", "cls_token": "<CLS>",
                  "mask_token": "<MASK_TOKEN>" },
      "model": "$byte_bpe", "normalizer": { "type": "NFC" },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "type": "Digits", "individual_digits": true }, "$byte_level"] }, "decoder": "$byte_level_decoder" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "NougatTokenizer", NULL, "vocab.json", "nougat pp_formulanet", JSON ({
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>" }, "model": "$byte_bpe", "normalizer": { "type": "NFKC" },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
        { "type": "Split", "pattern": { "String": "SPL1T-TH1S-Pl3A5E" }, "behavior": "Removed", "invert": false }, { "type": "Digits", "individual_digits": true },
        { "type": "Split", "pattern": { "String": "[\\(\\)\\[\\]\\{\\}]|([!\\\"#\\$%\\&'\\*\\+,\\-\\./:;<=>\\?\\\\\\^_`\\|\\~])\\1*" }, "behavior": "Isolated", "invert": false },
        { "type": "Split", "pattern": { "String": "\n" }, "behavior": "Isolated", "invert": false },
        { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true }] },
      "decoder": "$byte_level_decoder",
      "post_processor": { "type": "TemplateProcessing", "single": ["bos_token:0", "$A:0", "eos_token:0"], "pair": ["$A:0", "$B:1"] } }) },

  /* ---------------------------------------------------------------- byte pairs in the form of subword-nmt */
  { "PhobertTokenizer", NULL, "vocab.txt", "phobert", JSON ({
      "python": true, "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>" },
      "before": ["$bos_token", "$pad_token", "$eos_token", "$unk_token"], "codes": "bpe.codes",
      "pre_tokenizer": "$words_and_line_ends", "decoder": "$continued_decoder", "post_processor": "$cls_double_sep" }), .token_types = GTF_TOKEN_TYPES },
  { "BertweetTokenizer", "PhobertTokenizer", .model_types = "bertweet", .json = JSON ({ "settings": { "normalization": false }, "refuse": "normalization" }), .token_types = GTF_TOKEN_TYPES },
  { "BlenderbotSmallTokenizer", NULL, "vocab.json", "blenderbot-small", JSON ({
      "python": true, "tokens": { "bos_token": "__start__", "eos_token": "__end__", "unk_token": "__unk__", "pad_token": "__null__" }, "codes": "merges.txt",
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Replace", "pattern": { "Regex": "(?<=[^\\s'])\\n" }, "content": " __newln__ " }, { "type": "Lowercase" }] },
      "pre_tokenizer": { "type": "Split", "pattern": { "Regex": "'|[.,!?()][^.,!?()'\\s]*|[^.,!?()'\\s]+" }, "behavior": "Removed", "invert": true },
      "decoder": "$continued_decoder" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "CTRLTokenizer", NULL, "vocab.json", "ctrl", JSON ({
      "python": true, "tokens": { "unk_token": "<unk>" }, "codes": "merges.txt",
      "pre_tokenizer": { "type": "Split", "pattern": { "Regex": "\\S+\\n?" }, "behavior": "Removed", "invert": true }, "decoder": "$continued_decoder" }) },
  /* Of Python's tokenizers that cut with Moses the language is always the one that they begin with. */
  { "XLMTokenizer", NULL, "vocab.json", "xlm", JSON ({
      "python": true, "settings": { "do_lowercase_and_remove_accent": true },
      "tokens": { "bos_token": "<s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "</s>", "mask_token": "<special1>" },
      "extra": [{ "format": "<special{}>", "end": 10 }], "codes": "merges.txt", "ends_marked": true,
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Moses", "language": "en" }, { "if": "do_lowercase_and_remove_accent", "then": [
        { "type": "Lowercase", "final_sigma": true }, { "type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false, "strip_accents": true, "lowercase": false },
        { "type": "Lowercase", "final_sigma": true }] }] },
      "pre_tokenizer": { "type": "Split", "pattern": { "String": " " }, "behavior": "Removed", "invert": false },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "</w>" }, "content": " " }, { "type": "Fuse" },
                                                    { "type": "Strip", "content": " ", "start": 1048576, "stop": 1048576 }] },
      "post_processor": { "type": "TemplateProcessing", "single": ["bos_token:0", "$A:0", "sep_token:0"],
                          "pair": ["bos_token:0", "$A:0", "sep_token:0", "$B:1", "sep_token:1"] } }) },
  { "FlaubertTokenizer", "XLMTokenizer", .model_types = "flaubert", .json = JSON ({
      "settings": { "do_lowercase": false },
      "normalizer": { "type": "Sequence", "normalizers": ["$quotes", { "type": "NFC" }, { "if": "do_lowercase", "then": { "type": "Lowercase", "final_sigma": true } },
                                                          { "type": "Moses", "language": "fr" }] } }) },
  { "BioGptTokenizer", "XLMTokenizer", .model_types = "biogpt", .json = JSON ({
      "tokens": { "eos_token": "</s>", "cls_token": null, "mask_token": null }, "extra": [],
      "normalizer": { "type": "Moses", "language": "en", "plain": false, "escape": true },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "</w>" }, "content": " " }, { "type": "Moses" }] },
      "post_processor": { "type": "TemplateProcessing", "single": ["sep_token:0", "$A:0"], "pair": ["sep_token:0", "$A:0", "sep_token:0", "$B:1"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  /* Two languages, "langs": texts are of the first, and what is written is of the second. A text_target is cut like any other. */
  { "FSMTTokenizer", "XLMTokenizer", "vocab-src.json", "fsmt", JSON ({
      "settings": { "do_lower_case": false, "ids_of_target": true }, "two_languages": true, "extra": [], "tokens": { "cls_token": null, "mask_token": null },
      "normalizer": { "type": "Sequence", "normalizers": [{ "if": "do_lower_case", "then": { "type": "Lowercase", "final_sigma": true } }, { "type": "Moses", "language": "$read_language", "escape": true }] },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "</w>" }, "content": " " }, { "type": "Moses", "language": "$written_language" }] },
      "target": { "files": "vocab-tgt.json" }, "target_decodes": "ids_of_target", "target_reads": false, "post_processor": "$each_sep" }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  /* ---------------------------------------------------------------- SentencePiece */
  { "AlbertTokenizer", NULL, "spiece.model", "albert nystromformer yoso", JSON ({
      "settings": { "do_lower_case": true, "keep_accents": false, "add_prefix_space": true },
      "tokens": { "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "sep_token": "[SEP]", "pad_token": "<pad>", "cls_token": "[CLS]", "mask_token": "[MASK]" },
      "model": { "type": "Unigram", "unk_id": 1 },
      "normalizer": { "type": "Sequence", "normalizers": ["$quotes", { "if": "!keep_accents", "then": [{ "type": "NFKD" }, { "type": "StripAccents" }] },
                                                          { "if": "do_lower_case", "then": { "type": "Lowercase" } }, "$precompiled"] },
      "pre_tokenizer": "$space_split", "decoder": "$metaspace", "post_processor": "$cls_sep", "bos_eos": true }) },
  /* These two as 4.57: 5 leaves the normalizer and [CLS] of them out. */
  { "FNetTokenizer", "AlbertTokenizer", .model_types = "fnet", .json = JSON ({
      "settings": { "do_lower_case": false, "keep_accents": true }, "tokens": { "mask_token": { "content": "[MASK]", "lstrip": true } }, "controls_first": true,
      "normalizer": { "type": "Sequence", "normalizers": ["$quotes", { "if": "!keep_accents", "then": [{ "type": "NFKD" }, { "type": "StripAccents" }] },
                                                          { "if": "do_lower_case", "then": { "type": "Lowercase" } }, "$precompiled", "$one_space"] },
      "pre_tokenizer": "$metaspace", "bos_eos": false }), .token_types = GTF_TOKEN_TYPES },
  { "RemBertTokenizer", "AlbertTokenizer", "sentencepiece.model", "rembert", JSON ({
      "settings": { "do_lower_case": false, "keep_accents": true }, "controls_first": true,
      "tokens": { "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": { "content": "[MASK]", "lstrip": true } },
      "model": { "type": "Unigram", "unk_id": "$unk_id" },
      "normalizer": { "type": "Sequence", "normalizers": ["$quotes", "$one_space", { "if": "!keep_accents", "then": [{ "type": "NFKD" }, { "type": "StripAccents" }] },
                                                          { "if": "do_lower_case", "then": { "type": "Lowercase" } }, "$precompiled"] },
      "pre_tokenizer": "$metaspace", "bos_eos": false }) },
  { "BigBirdTokenizer", NULL, "spiece.model", "big_bird", JSON ({
      "settings": { "add_prefix_space": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "[SEP]", "pad_token": "<pad>", "cls_token": "[CLS]",
                  "mask_token": { "content": "[MASK]", "lstrip": true } },
      "model": { "type": "Unigram", "find_unk": "$unk_token", "unk_id": 100 },
      "normalizer": { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "▁" },
      "pre_tokenizer": "$metaspace", "decoder": "$metaspace", "post_processor": "$cls_sep" }) },
  { "BarthezTokenizer", NULL, "sentencepiece.bpe.model", "barthez", JSON ({
      "settings": { "add_prefix_space": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
                  "mask_token": { "content": "<mask>", "lstrip": true } },
      "model": { "type": "Unigram", "unk_id": 3 }, "normalizer": { "type": "Sequence", "normalizers": ["$whites"] },
      "pre_tokenizer": "$metaspace", "decoder": "$metaspace" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "CamembertTokenizer", NULL, "sentencepiece.bpe.model", "camembert", JSON ({
      "settings": { "add_prefix_space": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
                  "mask_token": { "content": "<mask>", "lstrip": true } },
      "before": ["<s>NOTUSED", "$pad_token", "</s>NOTUSED", "$unk_token", ["<unk>NOTUSED", -100]], "skip": 1, "after": ["$mask_token"],
      "model": { "type": "Unigram", "find_unk": "$unk_token", "unk_id": 0 }, "normalizer": "$precompiled",
      "pre_tokenizer": "$space_split", "decoder": "$metaspace", "post_processor": "$bos_double_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "XLMRobertaTokenizer", NULL, "sentencepiece.bpe.model", "gte jina_embeddings_v3 kosmos-2 metaclip_2 trocr xlm-roberta xlm-roberta-xl xmod", JSON ({
      "settings": { "add_prefix_space": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>" },
      "before": ["$bos_token", "$pad_token", "$eos_token", "$unk_token"], "skip": 3, "after": ["$mask_token"],
      "model": { "type": "Unigram", "unk_id": 3 }, "normalizer": "$precompiled",
      "pre_tokenizer": "$space_split", "decoder": "$metaspace", "post_processor": "$bos_double_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "LayoutXLMTokenizer", "XLMRobertaTokenizer", .model_types = "layoutxlm", .json = JSON ({
      "tokens": { "mask_token": { "content": "<mask>", "lstrip": true } },
      "normalizer": { "type": "Sequence", "normalizers": ["$strip_join"] }, "pre_tokenizer": "$metaspace", "post_processor": "$cls_double_sep" }) },
  { "XGLMTokenizer", "XLMRobertaTokenizer", .model_types = "xglm", .json = JSON ({
      "tokens": { "mask_token": null }, "after": ["$madeup"], "extra": ["$madeup"], "madeup": [{ "format": "<madeupword{}>", "end": 7 }],
      "normalizer": { "type": "Sequence", "normalizers": ["$precompiled", "$strip_join"] }, "pre_tokenizer": "$metaspace",
      "post_processor": { "type": "TemplateProcessing", "single": ["eos_token:0", "$A:0"], "pair": ["eos_token:0", "$A:0", "eos_token:0", "eos_token:0", "$B:0"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "MLukeTokenizer", "XLMRobertaTokenizer", .model_types = "mluke", .json = JSON ({
      "settings": { "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "mask_token": { "content": "<mask>", "lstrip": true }, "entity_1_token": "▁<ent>", "entity_2_token": "▁<ent2>", "entity_unk_token": "[UNK]",
                  "entity_pad_token": "[PAD]", "entity_mask_token": "[MASK]", "entity_mask2_token": "[MASK2]" }, "normalizer": { "type": "Sequence", "normalizers": ["$quotes"] }, "pre_tokenizer": "$metaspace",
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                          "pair": ["cls_token:0", "$A:0", "sep_token:0", "sep_token:0", "$B:1", "sep_token:1"] } }) },
  { "DebertaV2Tokenizer", NULL, "spm.model", "deberta-v2", JSON ({
      "settings": { "do_lower_case": false, "split_by_punct": false, "add_prefix_space": true },
      "tokens": { "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]" },
      "model": { "type": "Unigram", "find_unk": "$unk_token", "unk_id": "$unk_id" },
      "normalizer": { "type": "Sequence", "normalizers": [{ "if": "do_lower_case", "then": { "type": "Lowercase" } }, "$whites"] },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "if": "split_by_punct", "then": { "type": "Punctuation", "behavior": "Isolated" } }, "$metaspace"] },
      "scheme": { "if": "add_prefix_space", "then": "always", "else": "first" },
      "decoder": "$metaspace", "post_processor": "$cls_sep" }), .token_types = GTF_TOKEN_TYPES },
  { "MBartTokenizer", NULL, "sentencepiece.bpe.model", "mbart", JSON ({
      "settings": { "add_prefix_space": true, "src_lang": "en_XX", "tgt_lang": null }, "target": {},
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
                  "mask_token": { "content": "<mask>", "lstrip": true } },
      "before": ["$bos_token", "$pad_token", "$eos_token", "$unk_token"], "skip": 3, "after": ["$mbart_languages", "$mask_token"],
      "extra": ["$mbart_languages", "$controls"], "model": { "type": "Unigram", "unk_id": 3 },
      "pre_tokenizer": "$space_split", "decoder": "$metaspace", "post_processor": "$language_last" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "MBart50Tokenizer", "MBartTokenizer", .model_types = "mbart50", .json = JSON ({
      "tokens": { "bos_token": null },
      "before": ["$cls_token", "$pad_token", "$eos_token", "$unk_token"], "after": ["$mbart50_languages", "$mask_token"], "extra": ["$controls", "$mbart50_languages"],
      "normalizer": { "type": "Sequence", "normalizers": ["$precompiled", "$one_space"] }, "pre_tokenizer": "$metaspace", "post_processor": "$language_first" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "NllbTokenizer", NULL, "sentencepiece.bpe.model", "nllb nllb-moe", JSON ({
      "settings": { "add_prefix_space": true, "src_lang": "eng_Latn", "tgt_lang": null, "legacy_behaviour": false }, "target": {},
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
                  "mask_token": { "content": "<mask>", "lstrip": true, "normalized": true } },
      "before": ["$bos_token", "$pad_token", "$eos_token", "$unk_token"], "order": "first",
      "model": { "type": "BPE", "unk_token": "$unk_token", "fuse_unk": true }, "normalizer": "$charsmap_one_space",
      "pre_tokenizer": "$metaspace", "decoder": "$metaspace", "post_processor": { "if": "legacy_behaviour", "then": "$language_last", "else": "$language_first" } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "SeamlessM4TTokenizer", NULL, "sentencepiece.bpe.model", "seamless_m4t seamless_m4t_v2", JSON ({
      "settings": { "src_lang": "eng", "tgt_lang": "fra" }, "scheme": "first",
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>" },
      "before": ["<pad>", "<unk>", "<s>", "</s>"], "order": "shifted",
      "model": { "type": "BPE", "unk_token": "$unk_token", "fuse_unk": true },
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Replace", "pattern": { "Regex": "[\\n\\r\\t]" }, "content": " " }, { "type": "NFKC" },
        { "type": "Strip", "strip_left": false, "strip_right": true }, { "type": "Replace", "pattern": { "Regex": " +▁" }, "content": "▁" },
        { "type": "Replace", "pattern": { "Regex": "^▁+$" }, "content": "" }, { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "▁" }] },
      "pre_tokenizer": "$metaspace", "decoder": "$metaspace",
      "post_processor": { "type": "TemplateProcessing", "single": ["=__{src_lang}__:0", "$A:0", "eos_token:0"], "pair": ["=__{src_lang}__:0", "$A:0", "$B:0", "eos_token:0"] },
      "target": { "post_processor": { "type": "TemplateProcessing", "single": ["eos_token:0", "=__{src_lang}__:0", "$A:0", "eos_token:0"],
                                      "pair": ["eos_token:0", "=__{src_lang}__:0", "$A:0", "$B:0", "eos_token:0"] } } }) },
  { "PegasusTokenizer", NULL, "spiece.model", "bigbird_pegasus pegasus pegasus_x", JSON ({
      "settings": { "add_prefix_space": true, "offset": 103, "mask_token_sent": "<mask_1>" },
      "tokens": { "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask_2>" },
      "before": ["$pad_token", "$eos_token", "$mask_token_sent", "$mask_token", { "format": "<unk_{}>", "from": 2, "end": "$offset", "score": -100 }], "skip": 2,
      "extra": ["$mask_token_sent", { "format": "<unk_{}>", "from": 2, "end": "$offset" }], "model": { "type": "Unigram", "find_unk": "$unk_token" },
      "normalizer": { "type": "Sequence", "normalizers": [{ "if": "charsmap", "then": "$precompiled", "else": { "type": "Replace", "pattern": { "Regex": "\\n" }, "content": " " } },
                                                          "$one_space"] },
      "pre_tokenizer": "$metaspace", "decoder": "$metaspace", "post_processor": "$one_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "ReformerTokenizer", NULL, "spiece.model", "reformer", JSON ({
      "settings": { "add_prefix_space": true }, "tokens": { "eos_token": "</s>", "unk_token": "<unk>" },
      "model": { "type": "BPE", "unk_token": "$unk_token", "fuse_unk": true }, "normalizer": "$charsmap_one_space", "pre_tokenizer": "$metaspace", "decoder": "$metaspace" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "T5Tokenizer", NULL, "spiece.model", "longt5 mt5 musicgen musicgen_melody pix2struct switch_transformers t5 umt5", JSON ({
      "settings": { "add_prefix_space": true, "extra_ids": 100 }, "tokens": { "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>" },
      "after": [{ "format": "<extra_id_{}>", "end": "$extra_ids", "reverse": true }], "extra": ["$controls", "$extra_ids_list"],
      "extra_ids_list": [{ "format": "<extra_id_{}>", "end": "$extra_ids" }],
      "model": { "type": "Unigram", "unk_id": 2 }, "normalizer": "$precompiled", "pre_tokenizer": "$space_split", "decoder": "$metaspace", "post_processor": "$each_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "LasrTokenizer", "T5Tokenizer", .model_types = "lasr_ctc lasr_encoder", .json = JSON ({ "grouped": true, "after": [], "model": { "type": "Unigram", "unk_id": 3 } }) },
  { "VideoPrismTokenizer", "T5Tokenizer", .model_types = "videoprism", .json = JSON ({ "post_processor": null }) },
  { "UdopTokenizer", "T5Tokenizer", .model_types = "udop", .json = JSON ({
      "tokens": { "sep_token": "</s>" }, "after": [], "extra": ["$controls"], "normalizer": null, "model": { "type": "Unigram", "find_unk": "$unk_token", "unk_id": 2 } }) },
  { "XLNetTokenizer", NULL, "spiece.model", "xlnet", JSON ({
      "settings": { "add_prefix_space": true, "do_lower_case": false, "padding_side": "left", "pad_token_type_id": 3 },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "<sep>", "pad_token": "<pad>", "cls_token": "<cls>",
                  "mask_token": { "content": "<mask>", "lstrip": true } },
      "model": { "type": "Unigram", "unk_id": "$unk_id" },
      "normalizer": { "type": "Sequence", "normalizers": ["$quotes", { "type": "NFKD" }, { "type": "StripAccents" }, { "if": "do_lower_case", "then": { "type": "Lowercase" } },
                                                          "$precompiled"] },
      "pre_tokenizer": "$space_split", "decoder": "$metaspace",
      "post_processor": { "type": "TemplateProcessing", "single": ["$A:0", "sep_token:0", "cls_token:2"], "pair": ["$A:0", "sep_token:0", "$B:1", "sep_token:1", "cls_token:2"] } }) },
  { "LlamaTokenizer", NULL, "tokenizer.model", "idefics idefics2", JSON ({
      "settings": { "add_prefix_space": true, "legacy": false, "padding_side": "left" }, "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>" },
      "model": { "type": "BPE", "fuse_unk": true, "byte_fallback": true },
      "scheme": { "if": "add_prefix_space", "then": { "if": "legacy", "then": "always", "else": "first" }, "else": "never" },
      "pre_tokenizer": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "$scheme", "split": false },
      "decoder": { "type": "Sequence", "decoders": ["$byte_fallback_decoder", { "if": "add_prefix_space", "then": { "type": "Strip", "content": " ", "start": 1, "stop": 0 } }] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "Phi3Tokenizer", "LlamaTokenizer" },
  { "CodeLlamaTokenizer", "LlamaTokenizer", .model_types = "code_llama", .json = JSON ({
      "settings": { "add_bos_token": true },
      "tokens": { "prefix_token": "▁<PRE>", "middle_token": "▁<MID>", "suffix_token": "▁<SUF>", "eot_token": "▁<EOT>", "fill_token": "<FILL_ME>" },
      "extra": ["$controls", "$prefix_token", "$middle_token", "$suffix_token", "$eot_token", "$fill_token"],
      "model": { "type": "BPE", "fuse_unk": true, "byte_fallback": true, "unk_token": "$unk_token" },
      "scheme": { "if": "add_prefix_space", "then": "first", "else": "never" },
      "decoder": { "type": "Sequence", "decoders": ["$byte_fallback_decoder", { "type": "Strip", "content": " ", "start": 1, "stop": 0 }] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "GemmaTokenizer", NULL, "tokenizer.model", "diffusion_gemma gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 t5gemma zaya", JSON ({
      "settings": { "padding_side": "left" },
      "tokens": { "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>" },
      "model": { "type": "BPE", "fuse_unk": true, "byte_fallback": true, "unk_token": "$unk_token" }, "normalizer": "$escape_spaces",
      "pre_tokenizer": { "type": "Split", "pattern": { "String": " " }, "behavior": "MergedWithPrevious", "invert": false },
      "decoder": { "type": "Sequence", "decoders": ["$byte_fallback_decoder"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "Siglip2Tokenizer", "GemmaTokenizer", .model_types = "siglip2", .json = JSON ({
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Lowercase" }, "$escape_spaces"] } }), .token_types = GTF_NO_ATTENTION_MASK },
  { "Tipsv2Tokenizer", NULL, "tokenizer.model", "tipsv2", JSON ({
      "settings": { "add_prefix_space": true, "do_lower_case": true, "model_max_length": 64 }, "tokens": { "unk_token": "<unk>", "pad_token": "<pad>" },
      "model": { "type": "BPE", "fuse_unk": true, "byte_fallback": true },
      "normalizer": { "type": "Sequence", "normalizers": [{ "if": "do_lower_case", "then": { "type": "Lowercase" } }, "$precompiled"] },
      "pre_tokenizer": "$space_split", "decoder": { "type": "Sequence", "decoders": ["$metaspace", { "type": "ByteFallback" }, { "type": "Fuse" }] } }) },

  /* ---------------------------------------------------------------- classes that call the sentencepiece library */
  { "SpeechT5Tokenizer", NULL, "spm_char.model", "speecht5", JSON ({
      "python": true, "settings": { "legacy": true, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>" }, "extra": [],
      "user_pieces": true, "model": "$spm_model", "normalizer": "$spm_normalizer", "decoder": "$spm_decoder", "post_processor": "$one_eos" }) },
  { "BertGenerationTokenizer", "SpeechT5Tokenizer", "spiece.model", "bert-generation", JSON ({ "tokens": { "sep_token": "<::::>" }, "post_processor": null }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "Speech2TextTokenizer", "SpeechT5Tokenizer", "sentencepiece.bpe.model", "speech_to_text", JSON ({ "ids": "vocab.json", "special_gap": " ", "decoder": "$spm_run_decoder" }) },
  /* The library is given <unk> and the text, so that it puts no space there; what is before the text stands there already. A text that
   * begins with unknown characters is one unknown piece with the > before it, where that is unknown too. */
  { "SiglipTokenizer", "SpeechT5Tokenizer", "spiece.model", "siglip", JSON ({
      "settings": { "model_max_length": 64, "do_lower_case": true },
      "tokens": { "bos_token": null, "eos_token": { "content": "</s>", "lstrip": true, "rstrip": true }, "unk_token": { "content": "<unk>", "lstrip": true, "rstrip": true },
                  "pad_token": { "content": "</s>", "lstrip": true, "rstrip": true } },
      "normalizer": { "type": "Sequence", "normalizers": [{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "Prepend", "prepend": "▁", "only_first": true },
        { "if": "do_lower_case", "then": { "type": "Lowercase" } },
        { "type": "Replace", "pattern": { "Regex": "[!-/:-@\\[-`{-~]" }, "content": "" }, { "type": "Replace", "pattern": { "Regex": "[\\s\\x{1c}-\\x{1f}]+" }, "content": " " },
        { "type": "Strip", "strip_left": true, "strip_right": true }, { "type": "Prepend", "prepend": ">" }, "$precompiled", { "if": "remove_extra_whitespaces", "then": "$one_space" }, "$escape_spaces",
        { "if": "remove_extra_whitespaces", "then": { "type": "Replace", "pattern": { "Regex": "▁+\\z" }, "content": "" } }] },
      "drop_first": true, "eos_once": true, "special_gap": "", "special_lead": true, "decoder": "$spm_run_decoder", "post_processor": "$each_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 | GTF_NO_ATTENTION_MASK },
  { "MarianTokenizer", "SpeechT5Tokenizer", "source.spm", "marian", JSON ({
      "settings": { "model_max_length": 512, "separate_vocabs": false }, "tokens": { "bos_token": null }, "ids": "vocab.json", "language_codes": true,
      "target": { "files": "target.spm", "ids": { "if": "separate_vocabs", "then": "target_vocab.json", "else": "vocab.json" } }, "target_decodes": "separate_vocabs", "special_gap": " ", "decoder": "$spm_run_decoder" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "GPTSw3Tokenizer", "SpeechT5Tokenizer", "spiece.model", "gpt-sw3", JSON ({
      "tokens": { "eos_token": "<|endoftext|>" },
      "normalizer": { "type": "Sequence", "normalizers": [
        { "type": "Replace", "pattern": { "Regex": "[\\x{0}-\\x{8}\\x{b}-\\x{1f}\\x{7f}-\\x{a0}\\x{ad}\\x{200b}]" }, "content": "" },
        { "type": "Replace", "pattern": { "Regex": "[\\x{2002}\\x{2003}\\x{2005}\\x{2008}-\\x{200a}\\x{202f}\\x{3000}\\x{fffc}]" }, "content": " " }, { "type": "NFC" }, "$spm_normalizer"] },
      "special_gap": "", "special_lead": true, "special_ends": true, "decoder": "$spm_run_decoder", "post_processor": null }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "PLBartTokenizer", "SpeechT5Tokenizer", "sentencepiece.bpe.model", "plbart", JSON ({
      "settings": { "language_codes": "base", "src_lang": null, "tgt_lang": null, "clean_up_tokenization_spaces": true }, "clean_up_set": true, "target": { "target_said": true, "language": { "if": "src_lang", "then": ["=__{src_lang}__:0"], "else": [] } },
      "tokens": { "sep_token": "</s>", "cls_token": "<s>", "mask_token": { "if": "language_codes=base", "then": "<mask>", "else": { "content": "<mask>", "nameless": true } } },
      "before": ["<s>", "<pad>", "</s>", "<unk>"], "skip": 3,
      "after": ["$languages", { "if": "language_codes=base", "then": "<mask>" }], "extra": ["$languages"],
      "languages": ["__java__", "__python__", "__en_XX__", { "if": "language_codes=multi", "then": ["__javascript__", "__php__", "__ruby__", "__go__"] }],
      "model": { "unk_token": "<unk>", "unk_id": 3, "fuse_unk": true, "byte_fallback": "$byte_fallback" },
      "language": { "if": "src_lang", "then": ["=__{src_lang}__:0"], "else": { "if": "language_codes=multi", "then": ["=__en_XX__:0"], "else": [] } },
      "post_processor": { "type": "TemplateProcessing", "single": ["$A:0", "eos_token:0", "$language"], "pair": ["$A:0", "$B:0", "eos_token:0", "$language"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "BartphoTokenizer", "SpeechT5Tokenizer", "sentencepiece.bpe.model", "bartpho", JSON ({
      "tokens": { "sep_token": "</s>", "cls_token": "<s>", "mask_token": { "content": "<mask>", "lstrip": true } },
      "ids": "dict.txt", "before_ids": ["$bos_token", "$pad_token", "$eos_token", "$unk_token", "$sep_token", "$cls_token"], "after_ids": ["$mask_token"],
      "post_processor": "$cls_double_sep" }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "M2M100Tokenizer", "SpeechT5Tokenizer", "sentencepiece.bpe.model", "m2m_100", JSON ({
      "settings": { "src_lang": "en", "tgt_lang": null }, "target": {}, "tokens": { "sep_token": "</s>" }, "ids": "vocab.json", "after_ids": ["$m2m_languages"], "special_gap": "",
      "decoder": "$spm_run_decoder",
      "post_processor": { "type": "TemplateProcessing", "single": ["=__{src_lang}__:0", "$A:0", "eos_token:0"], "pair": ["=__{src_lang}__:0", "$A:0", "$B:0", "eos_token:0"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  /* ---------------------------------------------------------------- one token a character, one a line */
  { "Wav2Vec2CTCTokenizer", NULL, "vocab.json", "data2vec-audio hubert unispeech unispeech-sat wav2vec2 wav2vec2-bert wav2vec2-conformer", JSON ({
      "python": true, "settings": { "word_delimiter_token": "|", "replace_word_delimiter_char": " ", "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true,
                    "target_lang": null },
      "tokens": { "bos_token": { "content": "<s>", "lstrip": true, "rstrip": true }, "eos_token": { "content": "</s>", "lstrip": true, "rstrip": true },
                  "unk_token": { "content": "<unk>", "lstrip": true, "rstrip": true }, "pad_token": { "content": "<pad>", "lstrip": true, "rstrip": true } },
      "model": { "type": "BPE", "unk_token": "$unk_token" }, "merges": false,
      "normalizer": { "type": "Replace", "pattern": { "String": " " }, "content": "$word_delimiter_token" },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "CTC", "pad_token": "$pad_token", "word_delimiter_token": "$word_delimiter_token", "cleanup": false },
        { "type": "Replace", "pattern": { "String": "$word_delimiter_token" }, "content": "$replace_word_delimiter_char" }, { "type": "Fuse" },
        { "type": "Strip", "content": " ", "start": 1048576, "stop": 1048576 }] } }) },
  { "MgpstrTokenizer", NULL, "vocab.json", "mgp-str", JSON ({
      "python": true, "tokens": { "unk_token": "[GO]", "bos_token": "[GO]", "eos_token": "[s]", "pad_token": "[GO]" },
      "model": { "type": "BPE", "unk_token": "$unk_token" }, "merges": false, "decoder": { "type": "Sequence", "decoders": ["$spaced"] } }), .token_types = GTF_TOKEN_TYPES },
  /* Phonemes with a space between. A word delimiter is left out of what is decoded. */
  { "Wav2Vec2PhonemeCTCTokenizer", NULL, "vocab.json", NULL, JSON ({
      "python": true, "settings": { "word_delimiter_token": null, "do_phonemize": true }, "refuse_text": "do_phonemize",
      "tokens": { "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>" },
      "model": { "type": "WordLevel", "unk_token": "$unk_token" }, "merges": false,
      "normalizer": "$stripped",
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [{ "type": "Split", "pattern": { "String": " " }, "behavior": "Removed", "invert": false },
        { "type": "Split", "pattern": { "Regex": "\\A[\\s\\x{1c}-\\x{1f}]+\\z" }, "behavior": "Removed", "invert": false }] },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "CTC", "pad_token": "$pad_token", "word_delimiter_token": " ", "cleanup": false },
        { "if": "word_delimiter_token", "then": { "type": "Replace", "pattern": { "String": "$word_delimiter_token" }, "content": "\u0001" } }, "$spaced",
        { "type": "Replace", "pattern": { "String": "\u0001" }, "content": "" }, { "type": "Strip", "content": " ", "start": 1048576, "stop": 1048576 }] } }) },
  /* Letters, with a blank around each. */
  { "VitsTokenizer", NULL, "vocab.json", "vits", JSON ({
      "python": true, "settings": { "language": null, "add_blank": true, "normalize": true, "phonemize": true, "is_uroman": false }, "refuse_text": "phonemize",
      "tokens": { "unk_token": "<unk>", "pad_token": "<pad>" }, "blanks": "add_blank", "late": "normalize",
      "model": { "type": "BPE", "unk_token": "$unk_token" }, "merges": false,
      "normalizer": { "type": "KnownCharacters", "tokens": "$vocabulary", "lower": "$normalize", "filter": "$normalize", "only_ascii": "$is_uroman",
                      "comma_below": { "if": "language=ron", "then": true, "else": false } },
      "decoder": { "type": "Sequence", "decoders": [{ "if": "add_blank", "then": { "type": "BetweenBlanks" } }, { "type": "Fuse" }] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "GPTNeoXJapaneseTokenizer", NULL, "vocab.txt", "gpt_neox_japanese", JSON ({
      "python": true, "settings": { "do_clean_text": false }, "refuse": "do_clean_text", "maps": ["emoji", "emoji_inv"], "maps_file": "emoji.json", "japanese": true,
      "tokens": { "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>" },
      "normalizer": { "type": "Sequence", "normalizers": [
        { "type": "Replacements", "map": { " ": "<SP>", "　": "<SP>", "\r\n": "<BR>", "\n": "<BR>", "\r": "<BR>", "\t": "<TAB>", "—": "ー", "−": "ー" } }, { "type": "Replacements", "map": "$emoji" }] },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "Fuse" }, "$stripped"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },
  { "EsmTokenizer", NULL, "vocab.txt", "esm", JSON ({
      "python": true, "tokens": { "unk_token": "<unk>", "cls_token": "<cls>", "pad_token": "<pad>", "mask_token": "<mask>", "eos_token": "<eos>" },
      "model": { "type": "WordLevel", "unk_token": "$unk_token" }, "every": true, "pre_tokenizer": "$split_words",
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "eos_token:0"], "pair": ["cls_token:0", "$A:0", "eos_token:0", "$B:0", "eos_token:0"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  /* ---------------------------------------------------------------- no file */
  { "ByT5Tokenizer", NULL, "", NULL, JSON ({
      "python": true, "settings": { "extra_ids": 125, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "eos_token": { "content": "</s>", "lstrip": true, "rstrip": true }, "unk_token": { "content": "<unk>", "lstrip": true, "rstrip": true },
                  "pad_token": { "content": "<pad>", "lstrip": true, "rstrip": true } },
      "before": ["$pad_token", "$eos_token", "$unk_token"], "extra": [{ "format": "<extra_id_{}>", "end": "$extra_ids" }], "eos_once": true,
      "model": { "type": "BPE" }, "normalizer": { "type": "Bytes" }, "decoder": { "type": "Bytes", "replace": false },
      "post_processor": "$each_eos" }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  { "MyT5Tokenizer", "ByT5Tokenizer", "byte_maps.json", "myt5", JSON ({
      "maps": ["decompose_map", "merge_map"], "model": { "type": "WordLevel", "unk_token": "$unk_token" },
      "normalizer": { "type": "ByteMaps", "decompose": "$decompose_map", "merge": "$merge_map" }, "pre_tokenizer": { "type": "FixedLength", "length": 2 },
      "decoder": { "type": "ByteMaps", "decompose": "$decompose_map", "merge": "$merge_map" } }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  /* Bytes, of which three numbers are tokens of their own. */
  { "DiaTokenizer", NULL, "", "dia", JSON ({
      "python": true, "settings": { "offset": 0, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "pad_token": "<pad>", "unk_token": "<pad>" }, "first_ids": ["$pad_token", "[S1]", "[S2]"], "before": [{ "format": "\u0001{}", "end": "$offset" }],
      "model": { "type": "BPE" }, "normalizer": { "type": "Bytes" }, "decoder": { "type": "Fuse" }, "post_processor": null }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  { "EsmcTokenizer", NULL, "", "esmc esmfold2", JSON ({
      "tokens": { "unk_token": "<unk>", "cls_token": "<cls>", "pad_token": "<pad>", "mask_token": "<mask>", "eos_token": "<eos>", "bos_token": "<cls>", "chain_break_token": "|" },
      "before": ["<cls>", "<pad>", "<eos>", "<unk>", "L", "A", "G", "V", "S", "E", "R", "T", "I", "D", "P", "K", "Q", "N", "F", "Y", "M", "H", "W", "C", "X", "B", "U", "Z", "O", ".", "-",
                 "|", "<mask>"],
      "bytes": false, "model": { "type": "BPE", "unk_token": "$unk_token" },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "eos_token:0"], "pair": ["$A:0", "$B:1"] } }) },

  { "PerceiverTokenizer", NULL, "", "perceiver", JSON ({
      "python": true, "settings": { "model_max_length": 2048 },
      "tokens": { "bos_token": "[BOS]", "eos_token": "[EOS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]" },
      "before": ["$pad_token", "$bos_token", "$eos_token", "$mask_token", "$cls_token", "$sep_token"],
      "model": { "type": "BPE" }, "normalizer": { "type": "Bytes" }, "decoder": { "type": "Bytes" },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                          "pair": ["cls_token:0", "$A:0", "sep_token:0", "$B:0", "sep_token:0"] } }), .token_types = GTF_NO_TOKEN_TYPES_457 },

  { "CanineTokenizer", NULL, "", "canine", JSON ({
      "python": true, "settings": { "model_max_length": 2048, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true },
      "tokens": { "bos_token": "\uE000", "eos_token": "\uE001", "sep_token": "\uE001", "cls_token": "\uE000", "pad_token": "\u0000", "mask_token": "\uE003" },
      "code_points": true, "model": { "type": "BPE" }, "decoder": { "type": "Fuse" },
      "post_processor": { "type": "TemplateProcessing", "single": ["cls_token:0", "$A:0", "sep_token:0"],
                          "pair": ["cls_token:0", "$A:0", "sep_token:0", "$B:0", "sep_token:0"] } }), .token_types = GTF_TOKEN_TYPES },

  /* ---------------------------------------------------------------- what cuts with something that is no file of the repository */
  { "RoFormerTokenizer", NULL, "vocab.txt", "roformer", JSON ({ "needs": "jieba's dictionary of Chinese words" }), .token_types = GTF_TOKEN_TYPES },
  { "CpmAntTokenizer", "RoFormerTokenizer", .model_types = "cpmant" },
  { "CpmTokenizer", "RoFormerTokenizer", "spiece.model", "cpm" },
  { "BertJapaneseTokenizer", NULL, "vocab.txt", "bert-japanese", JSON ({ "needs": "a Japanese dictionary (of MeCab, Sudachi or Juman++)" }), .token_types = GTF_TOKEN_TYPES },
  { "FastSpeech2ConformerTokenizer", NULL, "vocab.json", "fastspeech2_conformer", JSON ({ "needs": "a dictionary of English pronunciation" }) },

  /* Two tokenizers: of the texts that are read, and of those that are written. */
  { "RagTokenizer", NULL, "question_encoder_tokenizer", "rag", JSON ({ "folders": { "read": "question_encoder", "written": "generator" } }) },

  /* A file of tiktoken's, whatever the class. */
  { "TikToken", NULL, "tiktoken.model", NULL, JSON ({
      "model": { "type": "BPE" },
      "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
        { "type": "Split", "behavior": "Isolated", "invert": false, "pattern": { "Regex":
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" } },
        { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false }] },
      "decoder": "$byte_level_decoder", "post_processor": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true }, "bos_eos": true }) },

  /* What has no class of its own. */
  { "TokenizersBackend", NULL, "tokenizer.model", NULL, JSON ({
      "settings": { "legacy": true },
      "tokens": { "bos_token": "$bos_piece", "eos_token": "$eos_piece", "unk_token": "$unk_piece" },
      "user_pieces": true, "renamed": true, "order": "ranked",
      "model": { "unk_token": "$unk_piece", "unk_id": "$unk_id", "fuse_unk": true, "byte_fallback": "$byte_fallback", "ignore_merges": "$user_defined" },
      "normalizer": { "type": "Sequence", "normalizers": ["$precompiled",
        { "if": "remove_extra_whitespaces", "then": [{ "type": "Replace", "pattern": { "Regex": "\\A +| +\\z" }, "content": "" }, "$one_space"] }, "$escape_spaces",
        { "if": "add_dummy_prefix", "then": { "type": "Replace", "pattern": { "Regex": "\\A▁" }, "content": "▁▁" } }] },
      "scheme": { "if": "legacy", "then": "always", "else": "first" },
      "pre_tokenizer": { "if": "dummy_prefix", "then": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "$scheme", "split": false } },
      "decoder": { "type": "Sequence", "decoders": [{ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "if": "byte_fallback", "then": { "type": "ByteFallback" } },
        { "if": "dummy_prefix", "then": [{ "type": "Fuse" }, { "type": "Strip", "content": " ", "start": 1, "stop": 0 }], "else": { "if": "byte_fallback", "then": { "type": "Fuse" } } }] } }) },
  { "PreTrainedTokenizerFast", "TokenizersBackend" },
  { "ParakeetTokenizer", "TokenizersBackend", .model_types = "granite_speech5_ctc nemotron3_5_asr nemotron_asr_streaming parakeet_ctc parakeet_rnnt parakeet_tdt",
    .json = JSON ({ "grouped": true }) },
};
/* clang-format on */

const GtfTokenizerRow *
gtf_tokenizer_row_find (const char *name)
{
  gsize length = strlen (name) - (g_str_has_suffix (name, "Fast") ? 4 : 0);
  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    if (!strcmp (classes[i].name, name) || (strlen (classes[i].name) == length && !strncmp (classes[i].name, name, length)))
      return &classes[i];
  return NULL;
}

static gboolean
has_word (const char *list, const char *word)
{
  gsize n = strlen (word);
  for (const char *p = list; p && *p; p += strcspn (p, " "), p += strspn (p, " "))
    if (strcspn (p, " ") == n && !strncmp (p, word, n))
      return TRUE;
  return FALSE;
}

/* Model types whose repositories name a class in tokenizer_config.json that is not theirs: the model type decides. */
gboolean
gtf_tokenizer_row_is_misnamed (const char *model_type)
{
  static const char misnamed[] = "arctic chatlm ernie4_5 ernie4_5_moe fuyu h2ovl_chat hyperclovax hyperclovax_vlm hyperclovax_vision_v2 internlm2 internlm3 iquestcoder jamba llava "
                                 "llava_next minicpm3 minicpmv minimax_m2 modernbert modernbert-decoder molmo molmo2 nemotron nvfp4 opencua openvla paddleocr_vl phi3 phi3_v phimoe "
                                 "qwen2 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen4_exp step3_vl vipllava cohere_asr camembertv2-base siglip2 smolvlm";
  return has_word (misnamed, model_type);
}

/* Model types whose SentencePiece model is read as it is, whatever class their repositories name. */
gboolean
gtf_tokenizer_row_is_generic (const char *model_type)
{
  static const char generic[] = "EvollaModel arctic aria beam bigbird_pegasus camembertv2-base canary chatlm cohere_asr ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe "
                                "glm4_moe_lite glm4v glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode gradium_phonon_tts granite granitemoe granitemoehybrid granitemoeshared h2ovl_chat "
                                "hyperclovax hyperclovax_vlm internlm2 internlm3 iquestcoder jamba kimi_k25 kimi_linear kosmos-2 llava llava_next mimo_v2_flash minicpm3 minicpm_ocr "
                                "minicpmv minicpmv4_6 minicpmv4_7 minimax_m2 ministral ministral3 mistral mistral3 mistral_large4 mixtral modernbert modernbert-decoder molmo molmo2 "
                                "nemo_speechlm nemotron nvfp4 nystromformer olmo2 olmo3 olmo_hybrid omniasr opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v phimoe "
                                "pix2struct pixtral pocket_tts smolvlm stablelm step3_vl umt5 vipllava voxtral voxtral_realtime xlm-roberta-xl";
  return has_word (generic, model_type);
}

const GtfTokenizerRow *
gtf_tokenizer_row_for_model (const char *model_type)
{
  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    if (has_word (classes[i].model_types, model_type))
      return &classes[i];
  return NULL;
}

static gboolean
has_file (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* Does tokenizer_config.json name a class that needs no file? */
static gboolean
names_fileless (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "tokenizer_config.json", NULL), *text = NULL;
  gsize length;
  if (!gtf_file_load (path, 1 << 26, &text, &length, NULL))
    return FALSE;
  g_autoptr (JsonObject) config = gtf_json_parse_object (path, text, (gssize) length, GTF_JSON_STRICT, NULL);
  JsonNode *name = config ? gtf_json_find (config, "tokenizer_class") : NULL;
  const GtfTokenizerRow *row = name && JSON_NODE_HOLDS_VALUE (name) && json_node_get_value_type (name) == G_TYPE_STRING ? gtf_tokenizer_row_find (json_node_get_string (name)) : NULL;
  return row && row->files && *row->files == 0;
}

gboolean
gtf_tokenizer_is_in (const char *directory)
{
  gboolean found = has_file (directory, "tokenizer.json");
  for (guint i = 0; !found && i < G_N_ELEMENTS (classes); i++)
    found = classes[i].files && *classes[i].files && has_file (directory, classes[i].files);
  return found || names_fileless (directory);
}

const char *
gtf_tokenizer_part_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!strcmp (parts[i].name, name))
      return parts[i].json;
  return NULL;
}
