#!/usr/bin/env python3
"""Trains builtin/embeddings: texts of like meaning get vectors that point the same way.

  train.py [STEPS]  ->  model/

Pairs come out of WordNet (a word and its gloss, two words of a synset, a gloss and an example of use, a word and the gloss of a
word above or below it) and out of dropout (a sentence and itself). The loss is InfoNCE over the batch (van den Oord et al. 2018,
"Representation Learning with Contrastive Predictive Coding"); vectors are means over the tokens, as sentence-transformers' Pooling.
"""
import os, random, sys
import torch, torch.nn.functional as F
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "text-common"))
import text, wordnet
from transformers import BertModel

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 12000
BATCH, TEMPERATURE, LR = 96, 0.06, 2e-3


def pairs(net, rng):
    """Makes a pair of texts of like meaning; held-back synsets are not among them."""
    keys = sorted(net)
    keys = [k for k in keys if hash_of(k) % 50]
    while True:
        s = net[rng.choice(keys)]
        kind = rng.random()
        a = rng.choice(s.lemmas)
        if kind < 0.42:
            yield a, s.gloss
        elif kind < 0.57 and len(s.lemmas) > 1:
            yield tuple(rng.sample(s.lemmas, 2))
        elif kind < 0.75 and s.examples:
            yield rng.choice(s.examples), (s.gloss if rng.random() < 0.6 else a + ": " + s.gloss)
        elif kind < 0.9:
            near = [k for symbol, k in s.relations if symbol in ("@", "~", "&", "+", "=") and hash_of(k) % 50]
            if near:
                t = net[rng.choice(near)]
                yield (a + ", " + s.gloss) if rng.random() < 0.5 else s.gloss, rng.choice(t.lemmas) + ", " + t.gloss
        else:
            words = s.gloss.split()
            if len(words) > 5:
                yield s.gloss, " ".join(w for w in words if rng.random() > 0.25)


def hash_of(key):
    return int(key[1]) * 2654435761 % 1000003


def embed(model, tok, texts):
    ids, mask = text.pad([e.ids for e in tok.encode_batch(texts)], 24)
    states = model(ids, attention_mask=mask).last_hidden_state
    m = mask.unsqueeze(-1)
    return F.normalize((states * m).sum(1) / m.sum(1), dim=-1)


@torch.no_grad()
def report(model, tok, net):
    """Held-back synsets: which of 1,000 glosses belongs to this word?"""
    model.eval()
    held = [net[k] for k in sorted(net) if hash_of(k) % 50 == 0 and net[k].gloss][:1000]
    a = torch.cat([embed(model, tok, [s.lemmas[0] for s in held[i:i + 100]]) for i in range(0, len(held), 100)])
    b = torch.cat([embed(model, tok, [s.gloss for s in held[i:i + 100]]) for i in range(0, len(held), 100)])
    ranks = ((a @ b.T) > (a * b).sum(1, keepdim=True)).sum(1)
    model.train()
    return f"held-back glosses: first {(ranks == 0).float().mean():.3f}, among ten {(ranks < 10).float().mean():.3f} of {len(held)}"


def main():
    torch.manual_seed(1)
    rng = random.Random(1)
    net = wordnet.load()
    corpus = [t for s in net.values() for t in [*s.lemmas, s.gloss, *s.examples]]
    tok = text.wordpiece(corpus, 9000, True)
    model = BertModel(text.config(tok.get_vocab_size()), add_pooling_layer=False)
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight, std=0.05)
    opt = text.optimizer(model, LR)
    stream = pairs(net, rng)
    average = None
    for step in range(STEPS):
        text.schedule(opt, LR, step, STEPS)
        batch = [next(stream) for _ in range(BATCH)]
        a, b = embed(model, tok, [x for x, _ in batch]), embed(model, tok, [y for _, y in batch])
        scores = a @ b.T / TEMPERATURE
        target = torch.arange(BATCH)
        loss = (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        average = loss.item() if average is None else 0.99 * average + 0.01 * loss.item()
        if step % 1000 == 0 or step == STEPS - 1:
            print(step, f"loss {average:.3f}", report(model, tok, net), flush=True)
    model.eval()
    torch.save({"state": model.state_dict(), "tokenizer": tok.to_str()}, os.path.join(HERE, "final.pt"))
    text.save(model, tok, os.path.join(HERE, "model"), True, open(os.path.join(HERE, "card.md")).read(), "other",
              open(os.path.join(HERE, "LICENSE.md")).read(), "sentence-similarity", [
        ("modules.json", [dict(idx=0, name="0", path="", type="sentence_transformers.models.Transformer"),
                          dict(idx=1, name="1", path="1_Pooling", type="sentence_transformers.models.Pooling"),
                          dict(idx=2, name="2", path="2_Normalize", type="sentence_transformers.models.Normalize")]),
        ("1_Pooling/config.json", dict(word_embedding_dimension=128, pooling_mode_cls_token=False, pooling_mode_mean_tokens=True,
                                       pooling_mode_max_tokens=False, pooling_mode_mean_sqrt_len_tokens=False)),
        ("sentence_bert_config.json", dict(max_seq_length=256, do_lower_case=False))])


if __name__ == "__main__":
    main()
