# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of families that make texts shorter on the way, or attend otherwise than by softmax, and of ESM C and NeoMME; the short forms are those of
# cases.py.
from cases import BASE, LABELS, cases

FUNNEL = dict(vocab_size=30, block_sizes=[1, 2, 1], num_decoder_layers=1, d_model=8, n_head=2, d_head=6, d_inner=12, pad_token_id=0, bos_token_id=1, eos_token_id=2)
YOSO = dict(BASE, pad_token_id=1, hash_code_len=3)
ESMC = dict(vocab_size=40, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
NEOMME = dict(vocab_size=30, embedding_rank=6, hidden_size=12, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=16, intermediate_size=10, sliding_window=2, patch_size=2)
NEOMME_ROPE = dict(full_attention=dict(partial_rotary_factor=0.5, rope_theta=500.0, rope_type="linear", factor=3.0), sliding_attention=dict(rope_theta=100.0, partial_rotary_factor=0.75))
PERCEIVER = dict(vocab_size=30, d_model=16, d_latents=12, num_latents=5, num_blocks=2, num_self_attends_per_block=2, num_self_attention_heads=2,
                 num_cross_attention_heads=4, max_position_embeddings=9)

FAMILIES = {
    "perceiver": cases("PerceiverConfig", "Perceiver", PERCEIVER, {
        "masked-lm": ("ForMaskedLM", {}, {}),
        "masked-lm-query": ("ForMaskedLM", dict(cross_attention_shape_for_attention="q", use_query_residual=False, hidden_act="relu", self_attention_widening_factor=2), {}),
        "masked-lm-channels": ("ForMaskedLM", dict(qk_channels=8, v_channels=12, cross_attention_widening_factor=3), dict(no_mask=True)),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "sequence-long": ("ForSequenceClassification", dict(LABELS, max_position_embeddings=40, num_blocks=1), dict(alone=True, length=33)),
    }),
    # no token is hidden from attention: padding counts
    "yoso": cases("YosoConfig", "Yoso", YOSO, {
        "model": ("Model", {}, dict(alone=True)),
        "convolution": ("Model", dict(conv_window=5, hash_code_len=9, type_vocab_size=2, hidden_act="relu"), dict(types=2, alone=True)),
        "long": ("Model", dict(max_position_embeddings=200, conv_window=3), dict(alone=True, length=150)),
        "masked-lm": ("ForMaskedLM", {}, dict(alone=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(alone=True)),
        "token": ("ForTokenClassification", LABELS, dict(alone=True)),
        "span": ("ForQuestionAnswering", {}, dict(alone=True)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
    "esmc": cases("EsmcConfig", "Esmc", ESMC, {
        "model": ("Model", {}, dict(states=True)),
        "biases": ("Model", dict(attention_bias=True, mlp_bias=True, hidden_act="gelu"), {}),
        "scaled": ("Model", dict(rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=500.0)), {}),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
    }),
    "neomme": cases("NeoMMEConfig", "NeoMME", NEOMME, {
        "model": ("Model", {}, dict(states=True, no_mask=True)),
        "kinds": ("Model", dict(layer_types=["full_attention", "sliding_attention", "full_attention", "sliding_attention"], num_key_value_heads=4, attention_bias=True,
                                mlp_bias=True, residual_multiplier=0.4, norm_eps=1e-3, rope_parameters=NEOMME_ROPE), dict(skip_padding=True)),
        "windows": ("Model", dict(per_layer_config={0: dict(sliding_window=1), 3: dict(sliding_window=3)}), dict(skip_padding=True)),
        "by-kind": ("Model", dict(num_hidden_layers=3, num_key_value_heads=1), dict(skip_padding=True, edit=dict(per_layer_config=None, layer_types=None, residual_multiplier=None, rope_parameters=None))),
        "masked-lm": ("ForMaskedLM", {}, dict(skip_padding=True)),
        "masked-lm-untied": ("ForMaskedLM", dict(tie_word_embeddings=False, num_hidden_layers=2), dict(skip_padding=True)),
    }),
    "funnel": cases("FunnelConfig", "Funnel", FUNNEL, {
        "model": ("Model", {}, dict(types=3, alone=True)),
        "even": ("Model", dict(block_sizes=[1, 1, 1, 1]), dict(alone=True, length=16)),
        "long": ("Model", {}, dict(types=3, alone=True, length=150)),
        "short": ("Model", dict(block_sizes=[1, 1]), dict(no_mask=True, length=3)),
        "left": ("Model", {}, dict(left_padding=True)),
        "whole": ("Model", dict(truncate_seq=False, pooling_type="max"), dict(types=3, alone=True, length=11)),
        "no-cls": ("Model", dict(separate_cls=False, hidden_act="relu"), dict(types=2, alone=True)),
        "pool-all": ("Model", dict(pool_q_only=False), dict(types=3, alone=True)),
        "factorized": ("Model", dict(attention_type="factorized"), dict(types=3, alone=True)),
        "factorized-pool-all": ("Model", dict(attention_type="factorized", pool_q_only=False, separate_cls=False), dict(alone=True)),
        "repeats": ("Model", dict(block_repeats=[1, 2, 1], block_sizes=[2, 1, 1]), dict(alone=True)),
        "one-block": ("Model", dict(block_sizes=[2]), dict(alone=True)),
        "base": ("BaseModel", {}, dict(alone=True)),
        "pretraining": ("ForPreTraining", {}, dict(alone=True)),
        "masked-lm": ("ForMaskedLM", {}, dict(alone=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(types=3, alone=True)),
        "token": ("ForTokenClassification", LABELS, dict(alone=True)),
        "span": ("ForQuestionAnswering", {}, dict(types=2, alone=True)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
}
