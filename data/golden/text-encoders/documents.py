# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of families that know more than text (entities, paths of tags, boxes, tables), their text; and of those that replace attention. The
# short forms are those of cases.py.
from cases import BASE, LABELS, cases

NYSTROM = dict(BASE, num_landmarks=64, segment_means_seq_len=64, conv_kernel_size=5, pad_token_id=1)
LUKE = dict(BASE, pad_token_id=1, entity_vocab_size=12, entity_emb_size=6)
MARKUP = dict(BASE, pad_token_id=1, max_depth=3, xpath_unit_hidden_size=4, max_xpath_tag_unit_embeddings=7, max_xpath_subs_unit_embeddings=9, tag_pad_id=5, subs_pad_id=8)
CANINE = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=48, num_hash_functions=4, num_hash_buckets=40,
              vocab_size=2000, type_vocab_size=3, local_transformer_stride=6)
KINDS = [3, 4, 5, 2, 5, 6, 8]
TAPAS = dict(BASE, type_vocab_sizes=KINDS)
LILT = dict(BASE, hidden_size=12, pad_token_id=1, channel_shrink_ratio=2, max_2d_position_embeddings=5)

FAMILIES = {
    # the convolution sees padding
    "nystromformer": cases("NystromformerConfig", "Nystromformer", NYSTROM, {
        "model": ("Model", {}, dict(types=2, states=True, alone=True)),
        "wide-kernel": ("Model", dict(conv_kernel_size=65, hidden_act="gelu"), dict(alone=True)),
        "no-convolution": ("Model", dict(conv_kernel_size=None), dict(transformers=4)),
        "masked-lm": ("ForMaskedLM", {}, dict(alone=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(alone=True)),
        "token": ("ForTokenClassification", LABELS, dict(alone=True)),
        "span": ("ForQuestionAnswering", {}, dict(alone=True)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
    # padding takes part in molecules and convolutions
    "canine": cases("CanineConfig", "Canine", CANINE, {
        "model": ("Model", {}, dict(types=3, alone=True, length=14)),
        "whole": ("Model", dict(hidden_act="gelu_new", num_hash_functions=2), dict(no_mask=True, length=15)),
        "odd-sizes": ("Model", dict(downsampling_rate=3, upsampling_kernel_size=5, local_transformer_stride=128, num_hash_functions=8), dict(alone=True, length=31)),
        "short": ("Model", {}, dict(alone=True, length=8)),
        "sequence": ("ForSequenceClassification", LABELS, dict(alone=True)),
        "token": ("ForTokenClassification", LABELS, dict(alone=True, length=13)),
        "span": ("ForQuestionAnswering", {}, dict(alone=True, length=13)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
    "luke": cases("LukeConfig", "Luke", LUKE, {
        "model": ("Model", {}, dict(types=2)),
        "model-plain": ("Model", dict(use_entity_aware_attention=False, entity_emb_size=8), {}),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="relu"), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "markuplm": cases("MarkupLMConfig", "MarkupLM", MARKUP, {
        "model": ("Model", {}, dict(types=2, states=True)),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
    }),
    "tapas": cases("TapasConfig", "Tapas", TAPAS, {
        "model": ("Model", {}, dict(kinds=[2, 3, 3, 2, 5, 6, 8], states=True, length=14)),
        "absolute": ("Model", dict(reset_position_index_per_cell=False), dict(kinds=KINDS, left_padding=True)),
        "few-positions": ("Model", dict(max_position_embeddings=2, hidden_act="relu"), dict(kinds=[2, 2, 2, 2, 5, 6, 8], length=14)),
        "text": ("Model", dict(max_position_embeddings=4), {}),
        # padding takes part in the mean of the question
        "answer": ("ForQuestionAnswering", dict(num_aggregation_labels=3, temperature=0.7), dict(kinds=KINDS, alone=True)),
        "cells": ("ForQuestionAnswering", dict(max_num_rows=3, max_num_columns=3, average_logits_per_cell=True), dict(kinds=KINDS, alone=True)),
        "no-column": ("ForQuestionAnswering", dict(allow_empty_column_selection=True), dict(kinds=KINDS, alone=True)),
        "masked-lm": ("ForMaskedLM", {}, dict(kinds=KINDS)),
        "sequence": ("ForSequenceClassification", LABELS, dict(kinds=KINDS)),
    }),
    "lilt": cases("LiltConfig", "Lilt", LILT, {
        "model": ("Model", dict(num_attention_heads=3, hidden_act="gelu_new"), dict(types=2, states=True)),
        "sequence": ("ForSequenceClassification", dict(LABELS, channel_shrink_ratio=1), {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
    }),
}
