"""Tokenizer, model and the folder in the Hub's layout."""
import json, os
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers
from transformers import WhisperConfig, WhisperForConditionalGeneration
from words import *

HERE = os.path.dirname(os.path.abspath(__file__))
VOCAB = open(os.path.join(HERE, "vocab.txt")).read().split()
CHUNK = 8                                   # seconds in a window
FRAMES, POSITIONS = CHUNK * 100, CHUNK * 50  # mel frames, encoder positions
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>",
           "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]


def bpe():
    """Byte-level BPE in which every word of the vocabulary (with its leading space) becomes one token."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([" " + w for w in VOCAB], trainers.BpeTrainer(
        vocab_size=20000, min_frequency=0, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    return t


class Tokens:
    def __init__(self):
        self.bpe = bpe()
        n = self.bpe.get_vocab_size()
        self.eot, self.sot, self.nots, self.ts0 = n, n + 1, n + 8, n + 9
        self.size = self.ts0 + POSITIONS + 1
        self.word = {}
        for w in VOCAB:
            ids = self.bpe.encode(" " + w).ids
            assert len(ids) == 1, (w, ids)
            self.word[w] = ids[0]
        self.text = {i: w for w, i in self.word.items()}


def model(tok, d=128):
    m = WhisperForConditionalGeneration(WhisperConfig(
        vocab_size=tok.size, num_mel_bins=80, d_model=d, encoder_layers=4, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=4 * d, decoder_ffn_dim=4 * d,
        max_source_positions=POSITIONS, max_target_positions=128, dropout=0.0, activation_function="gelu",
        pad_token_id=tok.eot, bos_token_id=tok.eot, eos_token_id=tok.eot, decoder_start_token_id=tok.sot,
        begin_suppress_tokens=None, suppress_tokens=None, use_cache=True))
    # transformers' init (std 0.02) suits large pretrained models; at this size the convolutions' output would
    # drown in the position table and the encoder would not learn for thousands of steps.
    import torch
    for n, p in m.named_parameters():
        if "conv" in n and p.dim() == 3: torch.nn.init.kaiming_normal_(p)
        elif p.dim() == 2 and "embed" not in n: torch.nn.init.xavier_uniform_(p)
        elif "embed_tokens" in n: torch.nn.init.normal_(p, std=0.05)
    with torch.no_grad(): m.model.encoder.embed_positions.weight.mul_(0.3)
    return m


def export(m, tok, folder, heads):
    import torch
    os.makedirs(folder, exist_ok=True)
    J = lambda name, x: json.dump(x, open(os.path.join(folder, name), "w"), ensure_ascii=False, indent=1)
    m.half().save_pretrained(folder); m.float()
    c = json.load(open(folder + "/config.json"))
    for k in ("begin_suppress_tokens", "suppress_tokens", "forced_decoder_ids", "max_length"):
        c.pop(k, None)
    c["architectures"] = ["WhisperForConditionalGeneration"]
    J("config.json", c)
    J("generation_config.json", dict(
        alignment_heads=heads, bos_token_id=tok.eot, eos_token_id=tok.eot, pad_token_id=tok.eot,
        decoder_start_token_id=tok.sot, is_multilingual=False, max_length=128,
        no_timestamps_token_id=tok.nots, prev_sot_token_id=tok.sot + 5,
        begin_suppress_tokens=None, suppress_tokens=None, return_timestamps=False))
    J("preprocessor_config.json", dict(
        feature_extractor_type="WhisperFeatureExtractor", processor_class="WhisperProcessor", chunk_length=CHUNK,
        feature_size=80, hop_length=160, n_fft=400, n_samples=CHUNK * 16000, nb_max_frames=FRAMES,
        padding_side="right", padding_value=0.0, return_attention_mask=False, sampling_rate=16000, dither=0.0))
    stamps = [f"<|{i * 0.02:.2f}|>" for i in range(POSITIONS + 1)]
    added = [dict(id=tok.eot + i, content=s, single_word=False, lstrip=False, rstrip=False, normalized=False,
                  special=i < len(SPECIAL)) for i, s in enumerate(SPECIAL + stamps)]
    raw = json.loads(tok.bpe.to_str())
    vocab, merges = raw["model"]["vocab"], raw["model"]["merges"]
    pairs = [m_ if isinstance(m_, str) else " ".join(m_) for m_ in merges]
    J("vocab.json", vocab)
    open(folder + "/merges.txt", "w").write("#version: 0.2\n" + "\n".join(pairs) + "\n")
    sot = [{"SpecialToken": {"id": s, "type_id": 0}} for s in ("<|startoftranscript|>", "<|notimestamps|>")]
    eot = [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}]
    sp = lambda s, i: {"id": s, "ids": [i], "tokens": [s]}
    raw.update(added_tokens=added, post_processor=dict(
        type="TemplateProcessing", single=sot + [{"Sequence": {"id": "A", "type_id": 0}}] + eot,
        pair=sot + [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}] + eot,
        special_tokens={"<|startoftranscript|>": sp("<|startoftranscript|>", tok.sot),
                        "<|notimestamps|>": sp("<|notimestamps|>", tok.nots), "<|endoftext|>": sp("<|endoftext|>", tok.eot)}))
    raw["model"]["merges"] = pairs
    J("tokenizer.json", raw)
    J("added_tokens.json", {a["content"]: a["id"] for a in added})
    names = dict(bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>", unk_token="<|endoftext|>",
                 additional_special_tokens=SPECIAL)
    J("special_tokens_map.json", names)
    J("tokenizer_config.json", dict(
        tokenizer_class="WhisperTokenizer", processor_class="WhisperProcessor", add_prefix_space=False,
        added_tokens_decoder={str(a["id"]): {k: v for k, v in a.items() if k != "id"} for a in added},
        clean_up_tokenization_spaces=False, errors="replace", model_max_length=128, return_attention_mask=False, **names))
