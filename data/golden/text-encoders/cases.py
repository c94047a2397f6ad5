# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of make.py: family -> name -> what it is made of.
#   config, class: names in transformers; kwargs: of the config; transformers: 5 (default) or 4
#   types: token types of the input; choices: input of multiple choice; left_padding; no_mask; states: hidden states and attentions too
#   skip_padding: rows of padding are not compared; length: of the longer text
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
        "masked-lm-decoder-mode": ("LMHeadModel", dict(is_decoder=True), {}),
        "pretraining": ("ForPreTraining", dict(hidden_act="relu"), dict(types=2)),
        "next-sentence": ("ForNextSentencePrediction", {}, dict(types=2, edit=dict(hidden_act=None))),
        "sequence": ("ForSequenceClassification", LABELS, dict(types=2)),
        "sequence-one": ("ForSequenceClassification", dict(num_labels=1, problem_type="regression"), dict(no_mask=True)),
        "token": ("ForTokenClassification", LABELS, dict(types=2, rename={r"^bert\.": ""})),
        "span": ("ForQuestionAnswering", dict(layer_norm_eps=1e-3), dict(types=2)),
        "choice": ("ForMultipleChoice", {}, dict(types=2, choices=True)),
        **{f"act-{act.replace('_', '-')}": ("Model", dict(hidden_act=act, num_hidden_layers=1), dict(no_mask=True)) for act in ACTIVATIONS},
    }),
}
