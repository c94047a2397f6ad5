# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of make.py: family -> name -> what it is made of.
#   config, class: names in transformers; kwargs: of the config; transformers: 5 (default) or 4
#   types: token types of the input; kinds: of several a token, how many of each; choices: input of multiple choice; left_padding; no_mask; states: hidden states and attentions too
#   alone: what each text gives without padding, too; skip_padding: rows of padding are not compared; length: of the longer text
#   features: last_hidden_state of the bare model, where that of the head's model is another
#   full: both texts are of the same length; separators: a token and where it stands
#   more: further inputs in the shape of the ids: name -> how many numbers there are
#   rename: pattern -> replacement in the names of tensors (None: without those); add: new tensor -> the one it copies; edit: of config.json
BASE = dict(vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=16)
LABELS = dict(id2label={i: f"L{i}" for i in range(3)}, label2id={f"L{i}": i for i in range(3)})


def cases(config, prefix, base, table):
    """Short forms: name -> (class suffix, differences of the config, everything else)."""
    return {name: dict(config=config, **{"class": prefix + suffix}, kwargs={**base, **differences}, **rest)
            for name, (suffix, differences, rest) in table.items()}


ACTIVATIONS = ["relu", "gelu_new", "gelu_10", "gelu_fast", "quick_gelu", "silu", "mish", "relu2", "laplace"]

FAMILIES = {
    "bert": cases("BertConfig", "Bert", BASE, {
        "model": ("Model", {}, dict(types=2, states=True)),
        "model-bare": ("Model", dict(type_vocab_size=1), dict(rename={"^pooler.*": None, "LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"},
                                                              left_padding=True, drop=["pooler_output"])),
        "masked-lm": ("ForMaskedLM", {}, dict(types=2)),
        "masked-lm-decoder": ("ForMaskedLM", dict(tie_word_embeddings=False, hidden_act="gelu_new"),
                              dict(rename={r"cls\.predictions\.bias": "cls.predictions.decoder.bias"})),
        "masked-lm-two-biases": ("ForMaskedLM", dict(tie_word_embeddings=False), {}),
        "masked-lm-decoder-mode": ("LMHeadModel", dict(is_decoder=True), {}),
        "pretraining": ("ForPreTraining", dict(hidden_act="relu"), dict(types=2)),
        "next-sentence": ("ForNextSentencePrediction", {}, dict(types=2, edit=dict(hidden_act=None))),
        "sequence": ("ForSequenceClassification", LABELS, dict(types=2)),
        "sequence-one": ("ForSequenceClassification", dict(num_labels=1, problem_type="regression"), dict(no_mask=True)),
        "token": ("ForTokenClassification", LABELS, dict(types=2, rename={r"^bert\.": ""})),
        "span": ("ForQuestionAnswering", dict(layer_norm_eps=1e-3), dict(types=2)),
        "choice": ("ForMultipleChoice", {}, dict(types=2, choices=True)),
        "relative-key": ("ForMaskedLM", dict(position_embedding_type="relative_key"), dict(transformers=4)),
        "relative-key-query": ("Model", dict(position_embedding_type="relative_key_query"), dict(transformers=4, states=True)),
        **{f"act-{act.replace('_', '-')}": ("Model", dict(hidden_act=act, num_hidden_layers=1), dict(no_mask=True)) for act in ACTIVATIONS},
    }),
    "roberta": {
        **cases("RobertaConfig", "Roberta", dict(BASE, pad_token_id=1), {
            "model": ("Model", {}, dict(states=True)),
            "masked-lm": ("ForMaskedLM", dict(type_vocab_size=1, hidden_act="relu"), {}),
            "causal-lm": ("ForCausalLM", dict(is_decoder=True, pad_token_id=3), {}),
            "sequence": ("ForSequenceClassification", LABELS, dict(left_padding=True)),
            "token": ("ForTokenClassification", LABELS, {}),
            "span": ("ForQuestionAnswering", {}, {}),
            "choice": ("ForMultipleChoice", {}, dict(choices=True)),
            "relative-key": ("Model", dict(position_embedding_type="relative_key"), dict(transformers=4)),
        }),
        **cases("XLMRobertaConfig", "XLMRoberta", dict(BASE, pad_token_id=1), {
            "xlm-masked-lm": ("ForMaskedLM", dict(type_vocab_size=1), dict(rename={r"lm_head\.bias": "lm_head.decoder.bias"})),
            "xlm-sequence": ("ForSequenceClassification", LABELS, {}),
        }),
        **cases("CamembertConfig", "Camembert", dict(BASE, pad_token_id=1), {"camembert-token": ("ForTokenClassification", LABELS, {})}),
        **cases("Data2VecTextConfig", "Data2VecText", dict(BASE, pad_token_id=1), {
            "data2vec-masked-lm": ("ForMaskedLM", {}, {}), "data2vec-sequence": ("ForSequenceClassification", LABELS, {}), "data2vec-model": ("Model", {}, {}),
        }),
    },
    "distilbert": cases("DistilBertConfig", "DistilBert", dict(vocab_size=30, dim=8, n_layers=2, n_heads=2, hidden_dim=12, max_position_embeddings=16), {
        "model": ("Model", {}, dict(states=True)),
        "masked-lm": ("ForMaskedLM", dict(activation="relu"), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, dict(rename={r"^distilbert\.": ""})),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "electra": cases("ElectraConfig", "Electra", dict(BASE, embedding_size=6), {
        "model": ("Model", {}, dict(types=2, states=True)),
        "model-wide": ("Model", dict(embedding_size=8), {}),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="relu"), dict(types=2)),
        "pretraining": ("ForPreTraining", dict(hidden_act="gelu_new"), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", dict(summary_activation="tanh"), dict(choices=True)),
        "choice-plain": ("ForMultipleChoice", dict(summary_use_proj=False), dict(choices=True)),
        "relative-key": ("ForMaskedLM", dict(position_embedding_type="relative_key"), dict(transformers=4)),
    }),
    "albert": cases("AlbertConfig", "Albert", dict(BASE, embedding_size=6), {
        "model": ("Model", {}, dict(types=2, states=True)),
        "model-groups": ("Model", dict(num_hidden_layers=5, num_hidden_groups=3, inner_group_num=2), {}),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="gelu"), dict(types=2)),
        "pretraining": ("ForPreTraining", LABELS, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
        "relative-key-query": ("Model", dict(position_embedding_type="relative_key_query"), dict(transformers=4)),
    }),
    "mpnet": cases("MPNetConfig", "MPNet", BASE, {
        "model": ("Model", {}, dict(states=True)),
        "model-long": ("Model", dict(max_position_embeddings=160, num_hidden_layers=1), dict(length=150)),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "ernie": cases("ErnieConfig", "Ernie", BASE, {
        "model": ("Model", {}, dict(types=2)),
        "masked-lm-task": ("ForMaskedLM", dict(use_task_id=True), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "next-sentence": ("ForNextSentencePrediction", {}, {}),
    }),
    "megatron-bert": cases("MegatronBertConfig", "MegatronBert", BASE, {
        "model": ("Model", {}, dict(types=2, states=True)),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "pretraining": ("ForPreTraining", {}, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "relative-key": ("Model", dict(position_embedding_type="relative_key"), dict(transformers=4)),
    }),
    "roberta-prelayernorm": {
        **cases("RobertaPreLayerNormConfig", "RobertaPreLayerNorm", dict(BASE, pad_token_id=1), {
            "model": ("Model", {}, dict(states=True)),
            "masked-lm": ("ForMaskedLM", {}, {}),
            "sequence": ("ForSequenceClassification", LABELS, {}),
        }),
        **cases("XLMRobertaXLConfig", "XLMRobertaXL", dict(BASE, pad_token_id=1), {
            "xl-model": ("Model", {}, dict(states=True)),
            "xl-masked-lm": ("ForMaskedLM", {}, {}),
            "xl-sequence": ("ForSequenceClassification", LABELS, {}),
            "xl-token": ("ForTokenClassification", LABELS, {}),
        }),
    },
    "xmod": cases("XmodConfig", "Xmod", dict(BASE, pad_token_id=1, languages=["en_XX", "de_DE", "fr_XX"], default_language="de_DE"), {
        "model": ("Model", {}, dict(types=2, states=True)),
        "pre-norm": ("Model", dict(pre_norm=True, adapter_reduction_factor=4), dict(states=True)),
        "adapter-norm": ("Model", dict(adapter_layer_norm=True, ln_before_adapter=False, hidden_act="relu"), {}),
        "no-norm": ("Model", dict(adapter_reuse_layer_norm=False), {}),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "masked-lm-pre-norm": ("ForMaskedLM", dict(pre_norm=True, ln_before_adapter=False), {}),
        "causal-lm": ("ForCausalLM", dict(is_decoder=True), {}),
        "sequence": ("ForSequenceClassification", dict(LABELS, pre_norm=True, adapter_layer_norm=True), {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "roc_bert": cases("RoCBertConfig", "RoCBert", dict(BASE, pronunciation_vocab_size=6, pronunciation_embed_dim=4, shape_vocab_size=5, shape_embed_dim=6), {
        "model": ("Model", {}, dict(types=2, states=True)),
        "words": ("Model", dict(concat_input=False), {}),
        "shapes": ("Model", dict(enable_pronunciation=False), {}),
        "sounds": ("Model", dict(enable_shape=False, pad_token_id=3), {}),
        "neither": ("Model", dict(enable_shape=False, enable_pronunciation=False), {}),
        "kinds": ("Model", {}, dict(more=dict(input_shape_ids=5, input_pronunciation_ids=6))),
        "kinds-added": ("Model", dict(concat_input=False, shape_embed_dim=8, pronunciation_embed_dim=8), dict(more=dict(input_shape_ids=5, input_pronunciation_ids=6))),
        "kinds-choice": ("ForMultipleChoice", {}, dict(choices=True, more=dict(input_shape_ids=5, input_pronunciation_ids=6))),
        "masked-lm": ("ForMaskedLM", dict(hidden_act="relu"), dict(types=2)),
        "pretraining": ("ForPreTraining", {}, {}),
        "causal-lm": ("ForCausalLM", dict(is_decoder=True), {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True)),
    }),
    "bert-generation": cases("BertGenerationConfig", "BertGeneration", BASE, {
        "encoder": ("Encoder", {}, dict(states=True)),
        "decoder": ("Decoder", dict(is_decoder=True), {}),
    }),
    "layoutlm": cases("LayoutLMConfig", "LayoutLM", dict(BASE, max_2d_position_embeddings=5), {
        "model": ("Model", {}, dict(types=2)),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
    }),
    "roformer": cases("RoFormerConfig", "RoFormer", dict(BASE, embedding_size=6), {
        "model": ("Model", dict(embedding_size=None), dict(types=2, states=True)),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "sequence-values": ("ForSequenceClassification", dict(LABELS, rotary_value=True, hidden_act="gelu_new"), {}),
        "token": ("ForTokenClassification", LABELS, {}),
        "span": ("ForQuestionAnswering", {}, {}),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
    "esm": cases("EsmConfig", "Esm", dict(BASE, pad_token_id=1, mask_token_id=7), {
        "model": ("Model", dict(emb_layer_norm_before=True), dict(states=True)),
        "masked-lm": ("ForMaskedLM", dict(position_embedding_type="rotary", token_dropout=True), {}),
        "masked-lm-4": ("ForMaskedLM", dict(position_embedding_type="rotary", token_dropout=True), dict(transformers=4, no_mask=True)),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
    }),
    "ibert": cases("IBertConfig", "IBert", dict(BASE, pad_token_id=1), {
        "model": ("Model", {}, {}),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
    }),
    "squeezebert": cases("SqueezeBertConfig", "SqueezeBert", dict(BASE, embedding_size=8, q_groups=2, k_groups=4, v_groups=2, intermediate_groups=2, output_groups=4), {
        "model": ("Model", dict(layer_norm_eps=1e-3), dict(types=2)),
        "wide": ("Model", dict(hidden_size=64, embedding_size=64, intermediate_size=96, num_hidden_layers=1), {}),
        "masked-lm": ("ForMaskedLM", {}, {}),
        "sequence": ("ForSequenceClassification", LABELS, {}),
        "token": ("ForTokenClassification", LABELS, {}),
    }),
    "convbert": cases("ConvBertConfig", "ConvBert", dict(BASE, embedding_size=6, num_attention_heads=4, conv_kernel_size=5), {
        "model": ("Model", {}, dict(types=2, alone=True)),
        "one-head": ("Model", dict(head_ratio=8, embedding_size=8, conv_kernel_size=9), dict(alone=True)),
        "masked-lm": ("ForMaskedLM", {}, dict(alone=True)),
        "sequence": ("ForSequenceClassification", dict(LABELS, hidden_act="gelu_new"), dict(alone=True)),
        "choice": ("ForMultipleChoice", {}, dict(choices=True, alone=True)),
    }),
    "mobilebert": cases("MobileBertConfig", "MobileBert", dict(BASE, embedding_size=6, intra_bottleneck_size=4, num_feedforward_networks=2), {
        "model": ("Model", {}, dict(types=2, states=True, alone=True)),
        "layer-norm": ("Model", dict(normalization_type="layer_norm", num_feedforward_networks=1, trigram_input=False, classifier_activation=False), {}),
        "no-bottleneck": ("Model", dict(use_bottleneck=False, normalization_type="layer_norm"), dict(alone=True)),
        "bottleneck-attention": ("Model", dict(use_bottleneck_attention=True), dict(alone=True)),
        "masked-lm": ("ForMaskedLM", {}, dict(types=2, alone=True)),
        "pretraining": ("ForPreTraining", {}, dict(alone=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(alone=True)),
    }),
    "fnet": cases("FNetConfig", "FNet", {k: v for k, v in BASE.items() if k != "num_attention_heads"}, {
        "model": ("Model", {}, dict(types=2, no_mask=True)),
        "model-long": ("Model", dict(hidden_size=20, max_position_embeddings=160, num_hidden_layers=1), dict(length=130, no_mask=True)),
        "pretraining": ("ForPreTraining", {}, dict(no_mask=True)),
        "sequence": ("ForSequenceClassification", LABELS, dict(no_mask=True)),
    }),
    "splinter": cases("SplinterConfig", "Splinter", dict(BASE, question_token_id=9), {
        "model": ("Model", {}, dict(types=2)),
        "span": ("ForQuestionAnswering", {}, dict(types=2)),
    }),
}
