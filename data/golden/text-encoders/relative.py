# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of families whose attention knows relative positions, windows or languages; the short forms are those of cases.py.
from cases import BASE, LABELS, cases

DEBERTA2 = dict(BASE, type_vocab_size=0, relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p",
                position_biased_input=False, layer_norm_eps=1e-7)
MODERN = dict(BASE, max_position_embeddings=64, pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2, local_attention=6)
XLNET = dict(vocab_size=30, d_model=8, n_layer=2, n_head=2, d_inner=12)
SCALED = dict(full_attention=dict(rope_type="linear", factor=4.0, rope_theta=2000.0), sliding_attention=dict(rope_type="default", rope_theta=70.0))
ALONE = dict(skip_padding=True)     # rows of padding are nobody's business and differ

FAMILIES = {
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
    "modernbert": cases("ModernBertConfig", "ModernBert", MODERN, {
        "model": ("Model", dict(num_hidden_layers=3), dict(states=True, no_mask=True)),
        "long": ("Model", dict(local_attention=60), dict(ALONE, length=130)),
        "masked-lm-biases": ("ForMaskedLM", dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True), ALONE),
        "masked-lm": ("ForMaskedLM", dict(decoder_bias=False, global_attn_every_n_layers=2, local_rope_theta=300.0, global_rope_theta=5000.0), dict(ALONE, transformers=4)),
        "sequence-mean": ("ForSequenceClassification", dict(classifier_pooling="mean", num_hidden_layers=4, deterministic_flash_attn=True, **LABELS), dict(ALONE, transformers=4)),
        "sequence-cls": ("ForSequenceClassification", dict(classifier_activation="silu", hidden_activation="gelu_new", num_hidden_layers=3, rope_parameters=SCALED,
                          layer_types=["sliding_attention", "full_attention", "sliding_attention"], **LABELS), ALONE),
        "token": ("ForTokenClassification", LABELS, ALONE),
        "span": ("ForQuestionAnswering", dict(local_rope_theta=None, global_rope_theta=50.0), dict(ALONE, transformers=4)),
        "choice": ("ForMultipleChoice", dict(classifier_pooling="mean"), dict(ALONE, choices=True)),
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
