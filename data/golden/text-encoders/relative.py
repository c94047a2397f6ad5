# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of families whose attention knows relative positions, windows or languages; the short forms are those of cases.py.
from cases import BASE, LABELS, cases

DEBERTA2 = dict(BASE, type_vocab_size=0, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p",
                position_biased_input=False, layer_norm_eps=1e-7)
DEBERTA = dict(BASE, type_vocab_size=0, relative_attention=True, pos_att_type="c2p|p2c", position_biased_input=False, layer_norm_eps=1e-7, max_relative_positions=-1)
XLM = dict(vocab_size=30, emb_dim=8, n_layers=2, n_heads=2, max_position_embeddings=16, pad_token_id=2, bos_token_id=0, eos_token_id=1, mask_token_id=4)
LONG = dict(BASE, max_position_embeddings=200, attention_window=[4, 8], pad_token_id=1, bos_token_id=0, eos_token_id=2, sep_token_id=2)
BIG = dict(BASE, max_position_embeddings=200, block_size=2, num_random_blocks=2, sep_token_id=3, pad_token_id=0)
MODERN = dict(BASE, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2, local_attention=6)
XLNET = dict(vocab_size=30, d_model=8, n_layer=2, n_head=2, d_inner=12)
TRAINED = dict(rope_theta=50.0, original_max_position_embeddings=12)
YARN = dict(rope_type="yarn", factor=4.0, **TRAINED)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, **TRAINED)
SCALED = dict(full_attention=dict(rope_type="linear", factor=4.0, rope_theta=2000.0), sliding_attention=dict(rope_type="default", rope_theta=70.0))
ALONE = dict(skip_padding=True)     # rows of padding are nobody's business and differ

# A tower that sees stands beside the text model; of no use here, and so as small as it can be.
EYES = dict(vision_config=dict(model_type="siglip_vision_model", hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, image_size=8, patch_size=4,
                               vision_use_head=False), pixel_shuffle_factor=2, image_token_id=29)
MODERNV = dict(EYES, text_config=dict(MODERN, model_type="modernbert", num_hidden_layers=2, classifier_activation="silu", norm_bias=True))
RAMP = dict(full_attention=dict(YARN, beta_fast=8.0), sliding_attention=dict(rope_type="default", rope_theta=70.0), truncate=False)
ULTRAV = dict(EYES, text_config=dict(BASE, model_type="ultrabert", pad_token_id=0, bos_token_id=1, eos_token_id=2, sliding_window=2, prediction_head_size=6))

PRIVATE = dict(BASE, hidden_size=12, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=10, max_position_embeddings=200, sliding_window=2, pad_token_id=0,
               eos_token_id=1, num_local_experts=5, num_experts_per_tok=2)

T5 = dict(vocab_size=30, d_model=8, d_kv=6, d_ff=12, num_layers=3, num_heads=2)

FAMILIES = {
    "t5": {
        **cases("T5Config", "T5", T5, {
            "encoder": ("EncoderModel", {}, dict(states=True)),
            "gated": ("EncoderModel", dict(feed_forward_proj="gated-gelu", layer_norm_epsilon=1e-3), {}),
            "gated-silu": ("EncoderModel", dict(feed_forward_proj="gated-silu", num_layers=1), {}),
            "buckets": ("EncoderModel", dict(relative_attention_num_buckets=6, relative_attention_max_distance=9, num_layers=1), dict(length=20)),
            "long": ("EncoderModel", dict(num_layers=1), dict(length=150, left_padding=True)),
            "token": ("ForTokenClassification", dict(LABELS, feed_forward_proj="gelu"), {}),
        }),
        **cases("MT5Config", "MT5", T5, {"mt5": ("EncoderModel", dict(relative_attention_num_buckets=10), {}), "mt5-token": ("ForTokenClassification", LABELS, {})}),
        **cases("UMT5Config", "UMT5", T5, {"umt5": ("EncoderModel", dict(relative_attention_num_buckets=10), dict(states=True)), "umt5-token": ("ForTokenClassification", LABELS, {})}),
    },
    "deberta-v2": cases("DebertaV2Config", "DebertaV2", DEBERTA2, {
        "model": ("Model", {}, dict(states=True, no_mask=True)),
        "long": ("Model", dict(num_hidden_layers=1, max_position_embeddings=64, position_buckets=12), dict(ALONE, length=120)),
        "masked-lm-legacy": ("ForMaskedLM", dict(legacy=True, embedding_size=6, type_vocab_size=2, share_att_key=False), dict(ALONE, types=2)),
        "masked-lm-new": ("ForMaskedLM", dict(legacy=False, pos_att_type=["c2p"], position_buckets=-1, hidden_act="gelu_new"), ALONE),
        "sequence-conv": ("ForSequenceClassification", dict(conv_kernel_size=3, conv_act="gelu", position_biased_input=True, pooler_hidden_act="tanh", **LABELS), ALONE),
        "token": ("ForTokenClassification", dict(share_att_key=False, norm_rel_ebd="none", max_relative_positions=5, position_buckets=-1, **LABELS),
                  dict(ALONE, transformers=4)),
        "span-conv-groups": ("ForQuestionAnswering", dict(pos_att_type=["p2c"], share_att_key=False, conv_kernel_size=5, conv_groups=2, position_buckets=6), ALONE),
        "absolute": ("ForSequenceClassification", dict(relative_attention=False, position_biased_input=True, type_vocab_size=3, **LABELS), dict(ALONE, types=3)),
        "choice": ("ForMultipleChoice", dict(pos_att_type=["c2p", "p2c"], max_relative_positions=10), dict(ALONE, choices=True, transformers=4)),
    }),
    "deberta": cases("DebertaConfig", "Deberta", DEBERTA, {
        "model": ("Model", {}, dict(states=True, no_mask=True)),
        "long": ("Model", dict(num_hidden_layers=1, max_relative_positions=30, max_position_embeddings=512), dict(ALONE, length=100)),
        "masked-lm": ("ForMaskedLM", dict(pos_att_type=["c2p"], type_vocab_size=2, position_biased_input=True), dict(ALONE, types=2, transformers=4)),
        "masked-lm-new": ("ForMaskedLM", dict(legacy=False, pos_att_type=["p2c"]), ALONE),
        "sequence": ("ForSequenceClassification", dict(embedding_size=6, max_relative_positions=5, **LABELS), ALONE),
        "token": ("ForTokenClassification", dict(relative_attention=False, position_biased_input=True, **LABELS), dict(ALONE, transformers=4)),
        "span": ("ForQuestionAnswering", {}, ALONE),
    }),
    "longformer": cases("LongformerConfig", "Longformer", LONG, {
        "model": ("Model", {}, dict(ALONE, types=2)),
        "long": ("Model", dict(num_hidden_layers=1, attention_window=[50]), dict(ALONE, length=170)),
        "masked-lm": ("ForMaskedLM", dict(attention_window=8), dict(ALONE, length=21, transformers=4)),
        "sequence": ("ForSequenceClassification", LABELS, dict(ALONE, length=14, features=True)),
        "token": ("ForTokenClassification", dict(type_vocab_size=1, **LABELS), dict(ALONE, length=14)),
        "span": ("ForQuestionAnswering", {}, dict(ALONE, length=24, separators=dict(token=2, at=[7, 8, 20]), features=True)),
    }),
    "big_bird": cases("BigBirdConfig", "BigBird", BIG, {
        "model": ("Model", dict(attention_type="original_full"), dict(types=2, states=True, no_mask=True)),
        "long": ("Model", dict(block_size=6, num_random_blocks=3), dict(no_mask=True, length=151)),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="relu", use_bias=False), dict(no_mask=True, length=40, transformers=4)),
        "sequence": ("ForSequenceClassification", dict(rescale_embeddings=True, num_random_blocks=1, **LABELS), dict(no_mask=True, length=25)),
        "token": ("ForTokenClassification", LABELS, dict(ALONE, length=14)),
        "span": ("ForQuestionAnswering", {}, dict(no_mask=True, length=33, separators=dict(token=3, at=[7, 30]))),
        "choice": ("ForMultipleChoice", {}, dict(ALONE, choices=True)),
    }),
    "modernbert": cases("ModernBertConfig", "ModernBert", MODERN, {
        "model": ("Model", dict(num_hidden_layers=3), dict(states=True, no_mask=True)),
        "long": ("Model", dict(local_attention=60), dict(ALONE, length=130)),
        "rope-scaled": ("Model", dict(hidden_size=16, rope_parameters=dict(full_attention=YARN, sliding_attention=LLAMA3)), dict(ALONE, length=20)),
        "masked-lm-biases": ("ForMaskedLM", dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True), ALONE),
        "masked-lm": ("ForMaskedLM", dict(decoder_bias=False, global_attn_every_n_layers=2, local_rope_theta=300.0, global_rope_theta=5000.0), dict(ALONE, transformers=4)),
        "sequence-mean": ("ForSequenceClassification", dict(classifier_pooling="mean", num_hidden_layers=4, deterministic_flash_attn=True, **LABELS), dict(ALONE, transformers=4)),
        "sequence-cls": ("ForSequenceClassification", dict(classifier_activation="silu", hidden_activation="gelu_new", num_hidden_layers=3, rope_parameters=SCALED,
                          layer_types=["sliding_attention", "full_attention", "sliding_attention"], **LABELS), ALONE),
        "token": ("ForTokenClassification", LABELS, ALONE),
        "span": ("ForQuestionAnswering", dict(local_rope_theta=None, global_rope_theta=50.0), dict(ALONE, transformers=4)),
        "choice": ("ForMultipleChoice", dict(classifier_pooling="mean"), dict(ALONE, choices=True)),
    }),
    "xlm": cases("XLMConfig", "XLM", XLM, {
        "model": ("Model", dict(n_langs=3), dict(states=True, full=True, types=4)),
        "masked-lm": ("WithLMHeadModel", dict(gelu_activation=False), dict(ALONE, transformers=4)),
        "masked-lm-causal": ("WithLMHeadModel", dict(causal=True), dict(full=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(ALONE, types=4)),
        "sequence-last": ("ForSequenceClassification", dict(summary_type="last", summary_activation="tanh", **LABELS), dict(full=True, transformers=4)),
        "token": ("ForTokenClassification", LABELS, ALONE),
        "span": ("ForQuestionAnsweringSimple", {}, dict(ALONE, transformers=4)),
        "choice": ("ForMultipleChoice", {}, dict(ALONE, choices=True)),
    }),
    "flaubert": cases("FlaubertConfig", "Flaubert", XLM, {
        "model": ("Model", dict(pre_norm=True), dict(full=True, transformers=4)),
        "masked-lm": ("WithLMHeadModel", {}, dict(ALONE, transformers=4)),
        "sequence": ("ForSequenceClassification", dict(pre_norm=True, **LABELS), dict(ALONE, transformers=4)),
        "token": ("ForTokenClassification", LABELS, ALONE),
        "span": ("ForQuestionAnsweringSimple", {}, ALONE),
    }),
    "rembert": cases("RemBertConfig", "RemBert", dict(BASE, input_embedding_size=6, output_embedding_size=10), {
        "model": ("Model", {}, dict(types=2)),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="gelu_new"), dict(types=2, transformers=4)),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, dict(types=2)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "xlm-roberta-xl": cases("XLMRobertaXLConfig", "XLMRobertaXL", dict(BASE, pad_token_id=1, type_vocab_size=1), {
        "model": ("Model", {}, {}),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="gelu_new"), dict(transformers=4)),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "eurobert": cases("EuroBertConfig", "EuroBert", dict(BASE, pad_token_id=0, bos_token_id=1, eos_token_id=2, mask_token_id=4, num_key_value_heads=1), {
        "model": ("Model", {}, dict(states=True, no_mask=True)),
        "masked-lm": ("ForMaskedLM", dict(mlp_bias=True, attention_bias=True, num_key_value_heads=None, rope_parameters=dict(rope_type="default", rope_theta=300.0)), ALONE),
        "rope-dynamic": ("Model", dict(rope_parameters=dict(rope_type="dynamic", factor=2.0, rope_theta=50.0)), dict(ALONE, length=18, alone=True)),
        "rope-yarn": ("Model", dict(head_dim=10, rope_parameters=dict(YARN, beta_fast=8.0, truncate=False, mscale=1.2, mscale_all_dim=0.7)), dict(ALONE, length=15)),
        "sequence-late": ("ForSequenceClassification", LABELS, ALONE),
        "sequence-mean": ("ForSequenceClassification", dict(classifier_pooling="mean", rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=300.0), **LABELS), ALONE),
        "sequence-bos": ("ForSequenceClassification", dict(classifier_pooling="bos", head_dim=6, **LABELS), ALONE),
        "token": ("ForTokenClassification", LABELS, ALONE),
    }),
    "ultrabert": cases("UltrabertConfig", "Ultrabert", dict(BASE, pad_token_id=0, bos_token_id=1, eos_token_id=2, num_hidden_layers=3, sliding_window=2, prediction_head_size=6), {
        "model": ("Model", {}, dict(states=True, no_mask=True)),
        "long": ("Model", dict(sliding_window=50, max_position_embeddings=200, num_hidden_layers=2, layer_types=["full_attention", "sliding_attention"]), dict(ALONE, length=130)),
        "shared-keys": ("Model", dict(num_attention_heads=4, num_key_value_heads=2, head_dim=6, attention_bias=True, mlp_bias=True, hidden_act="gelu"), ALONE),
        "masked-lm": ("ForMaskedLM", {}, ALONE),
        "masked-lm-tied": ("ForMaskedLM", dict(tie_word_embeddings=True, rope_parameters=SCALED), ALONE),
        "old-lists": ("Model", dict(attention_windows=[3, 0, 3], rope_theta=[70.0, 2000.0, 70.0]),
                      dict(ALONE, edit=dict(attention_windows=[3, 0, 3], rope_theta=[70.0, 2000.0, 70.0], layer_types=None, rope_parameters=None, sliding_window=None))),
        "sequence": ("ForSequenceClassification", LABELS, ALONE),
        "sequence-mean": ("ForSequenceClassification", dict(classifier_pooling="mean", **LABELS), dict(ALONE, rename={r"^ultrabert\.": "model."})),
        "token": ("ForTokenClassification", LABELS, ALONE),
        "span": ("ForQuestionAnswering", {}, ALONE),
    }),
    "modernvbert": cases("ModernVBertConfig", "ModernVBert", MODERNV, {
        "model": ("Model", {}, ALONE),
        "masked-lm": ("ForMaskedLM", {}, ALONE),
        "masked-lm-tied": ("ForMaskedLM", dict(tie_word_embeddings=True), ALONE),
        "sequence-mean": ("ForSequenceClassification", dict(classifier_pooling="mean", **LABELS), ALONE),
        "token": ("ForTokenClassification", LABELS, ALONE),
    }),
    "ultravbert": cases("UltraVBertConfig", "UltraVBert", ULTRAV, {
        "model": ("Model", {}, ALONE),
        "rope-yarn": ("Model", dict(text_config=dict(ULTRAV["text_config"], head_dim=10, rope_parameters=RAMP)), dict(ALONE, length=15)),
        "masked-lm": ("ForMaskedLM", {}, ALONE),
        "sequence": ("ForSequenceClassification", LABELS, ALONE),
        "token": ("ForTokenClassification", LABELS, ALONE),
    }),
    "openai_privacy_filter": cases("OpenAIPrivacyFilterConfig", "OpenAIPrivacyFilter", PRIVATE, {
        "model": ("Model", {}, ALONE),
        "model-bare": ("Model", dict(rope_parameters=dict(rope_type="default", rope_theta=50.0), num_key_value_heads=4, swiglu_limit=0.6, swiglu_alpha=1.1, attention_bias=False),
                       dict(ALONE, length=13)),
        "model-theta": ("Model", dict(rope_parameters=dict(rope_theta=30.0), num_hidden_layers=1), dict(ALONE, length=13, edit=dict(rope_parameters=dict(rope_theta=30.0)))),
        "long": ("Model", dict(sliding_window=20, num_hidden_layers=1), dict(ALONE, length=130)),
        "token": ("ForTokenClassification", dict(LABELS, rope_parameters=dict(YARN, beta_fast=8.0)), dict(ALONE, length=15)),
    }),
    "nomic_bert": cases("NomicBertConfig", "NomicBert", BASE, {
        "model": ("Model", {}, dict(types=2, states=True, no_mask=True)),
        "masked-lm": ("ForMaskedLM", {}, dict(types=2)),
        "rope-longrope": ("Model", dict(rope_parameters=dict(rope_type="longrope", short_factor=[1.0, 1.5], long_factor=[2.0, 3.5], **TRAINED)), dict(ALONE, length=14, alone=True)),
        "sequence": ("ForSequenceClassification", dict(rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=30.0), **LABELS), {}),
        "token": ("ForTokenClassification", dict(head_dim=6, **LABELS), {}),
    }),
    "gte": cases("GteConfig", "Gte", dict(BASE, pad_token_id=1, type_vocab_size=1), {
        "model": ("Model", {}, {}),
        "masked-lm": ("ForMaskedLM", dict(type_vocab_size=0, hidden_act="relu"), {}),
        "rope-llama3": ("Model", dict(hidden_size=24, rope_parameters=LLAMA3), dict(length=15)),
        "rope-proportional": ("Model", dict(hidden_size=16, rope_parameters=dict(rope_type="proportional", rope_theta=30.0, partial_rotary_factor=0.5)), {}),
        "sequence": ("ForSequenceClassification", dict(rope_parameters=dict(rope_type="default", rope_theta=30.0), **LABELS), {}),
        "token": ("ForTokenClassification", LABELS, {}),
    }),
    "jina_embeddings_v3": cases("JinaEmbeddingsV3Config", "JinaEmbeddingsV3", dict(BASE, pad_token_id=1, type_vocab_size=1), {
        "model": ("Model", {}, {}),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="relu"), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
    }),
    "xlnet": cases("XLNetConfig", "XLNet", XLNET, {
        "model": ("Model", {}, dict(types=3, states=True, no_mask=True)),
        "long": ("Model", dict(n_layer=1, clamp_len=50), dict(ALONE, types=2, length=110)),
        "masked-lm": ("LMHeadModel", dict(ff_activation="relu"), dict(ALONE, transformers=4)),
        "sequence": ("ForSequenceClassification", LABELS, dict(types=3, no_mask=True)),
        "sequence-mean": ("ForSequenceClassification", dict(summary_type="mean", summary_activation=None, clamp_len=4, **LABELS), dict(no_mask=True, transformers=4)),
        "sequence-causal": ("ForSequenceClassification", dict(summary_type="first", summary_use_proj=False, attn_type="uni", **LABELS), dict(no_mask=True)),
        "sequence-alone": ("ForTokenClassification", dict(attn_type="uni", same_length=True, **LABELS), dict(no_mask=True)),
        "token": ("ForTokenClassification", LABELS, dict(ALONE, types=2)),
        "span": ("ForQuestionAnsweringSimple", {}, dict(ALONE, types=2, transformers=4)),
        "choice": ("ForMultipleChoice", dict(summary_type="cls_index"), dict(types=2, choices=True, no_mask=True)),
    }),
}
