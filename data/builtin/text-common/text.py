"""What the three text models share: a WordPiece vocabulary, a small BERT, a training loop's schedule, the folder in the Hub's layout."""
import json, math, os, random
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece(texts, size, lowercase):
    """A WordPiece vocabulary learnt from the texts, with BERT's normalisation and template."""
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, special_tokens=SPECIAL, limit_alphabet=300, show_progress=False))
    cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
    t.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return t


def config(size, positions=256, **more):
    return BertConfig(vocab_size=size, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512,
                      max_position_embeddings=positions, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, **more)


def pad(rows, length=64):
    """Lists of ids -> ids and mask, cut at length."""
    n = min(length, max(len(r) for r in rows))
    ids = torch.zeros(len(rows), n, dtype=torch.long)
    mask = torch.zeros(len(rows), n, dtype=torch.long)
    for i, r in enumerate(rows):
        r = r[:n]
        ids[i, :len(r)] = torch.tensor(r)
        mask[i, :len(r)] = 1
    return ids, mask


def optimizer(model, lr):
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=lr, betas=(0.9, 0.98))


def schedule(opt, lr, step, steps):
    for g in opt.param_groups:
        g["lr"] = lr * min(1, (step + 1) / (0.06 * steps + 1)) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def save(model, tokenizer, folder, lowercase, card, license_id, license_text, pipeline_tag, extra=()):
    os.makedirs(folder, exist_ok=True)
    model = model.half()
    model.save_pretrained(folder)
    put = lambda name, x: json.dump(x, open(os.path.join(folder, name), "w"), ensure_ascii=False, indent=1)
    c = json.load(open(os.path.join(folder, "config.json")))
    c["dtype"] = "float16"
    put("config.json", c)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    put("tokenizer_config.json", dict(tokenizer_class="BertTokenizer", do_lower_case=lowercase, model_max_length=c["max_position_embeddings"],
                                      unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]"))
    open(os.path.join(folder, "README.md"), "w").write(f"---\nlicense: {license_id}\nlanguage: en\npipeline_tag: {pipeline_tag}\n---\n{card}")
    open(os.path.join(folder, "LICENSE.md"), "w").write(license_text)
    for name, x in extra:
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        put(name, x)
