#!/usr/bin/env python3
"""Trains builtin/sentiment: is this English sentence negative, neutral or positive?

  train.py FOLDER [EPOCHS]  ->  model/

FOLDER holds the unpacked source archive of the PyPI package vaderSentiment (MIT) and in it the data of Hutto and Gilbert,
"VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text" (2014): 23,000 snippets of film reviews,
product reviews, newspaper opinion and tweets, each with the mean of twenty people's judgements, and a lexicon of 7,500 words.
The encoder begins from ../embeddings/final.pt (its recipe comes first).
"""
import glob, os, random, sys
import torch, torch.nn.functional as F
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "text-common"))
import text
from tokenizers import Tokenizer
from transformers import BertForSequenceClassification

LABELS = ["negative", "neutral", "positive"]
EPOCHS = int(sys.argv[2]) if len(sys.argv) > 2 else 8
LR, BATCH = 1e-3, 48


def label(valence):
    """Judgements lie between -4 and 4; near nought people did not agree."""
    return 0 if valence <= -0.55 else 2 if valence >= 0.55 else 1


def snippets(folder):
    """(text, valence), the text's group for a split that keeps a review's sentences together."""
    out = []
    for f in sorted(glob.glob(os.path.join(folder, "**", "*_GroundTruth.txt"), recursive=True)):
        for line in open(f, encoding="utf-8", errors="replace"):
            part = line.rstrip("\n").split("\t")
            if len(part) == 3:
                out.append((part[2].replace("&amp;", "&"), float(part[1]), os.path.basename(f)[:4] + part[0].split("_")[0]))
    return out


def lexicon(folder):
    out = []
    for f in glob.glob(os.path.join(folder, "**", "vader_lexicon.txt"), recursive=True):
        for line in open(f, encoding="utf-8"):
            part = line.split("\t")
            if part[0].isalpha():
                out.append((part[0], float(part[1])))
    return out


CLAUSES = ["it was {w}", "this is {w}", "what a {w} day", "i feel {w}", "that was really {w}", "the {n} was {w}", "a {w} {n}", "{w}", "very {w}", "so {w}!",
           "the {n} is {w} and the {m} too", "i think the {n} was {w}", "{w} {n}, {w} {m}"]
NEGATED = ["it was not {w}", "this isn't {w}", "the {n} was not {w} at all", "i am not {w}", "never {w}", "not a {w} {n}"]
NOUNS = "film food service room hotel phone book song team place story actor music weather trip game staff idea camera meal".split()
PLAIN = ["the {n} is on the table", "we went to the {n} on {d}", "he bought a {n} yesterday", "the {n} opens at nine", "there are two {n}s here", "it is a {n} with a {m}",
         "she works with a {n}", "the {n} and the {m} are next to each other", "my {n} arrived on {d}", "the meeting about the {n} is on {d}", "what is a {n}?",
         "the {n} has a number", "they moved the {n} to the other room", "this {n} was made in 1998", "the train leaves on {d}", "i live near the {n}"]
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def spoken(words, rng, n):
    """Short sentences around words whose valence people gave."""
    out = []
    for _ in range(n):
        noun, other, day = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(DAYS)
        if rng.random() < 0.2:
            out.append((rng.choice(PLAIN).format(n=noun, m=other, d=day), 0.0))
            continue
        w, v = rng.choice(words)
        if rng.random() < 0.25:
            out.append((rng.choice(NEGATED).format(w=w, n=noun, m=other), -0.6 * v))
        else:
            out.append((rng.choice(CLAUSES).format(w=w, n=noun, m=other), v))
    return out


@torch.no_grad()
def report(model, tok, held):
    model.eval()
    good = sharp = n_sharp = 0
    for i in range(0, len(held), 100):
        part = held[i:i + 100]
        ids, mask = text.pad([e.ids for e in tok.encode_batch([t for t, _ in part])])
        got = model(ids, attention_mask=mask).logits.argmax(-1).tolist()
        for g, (_, v) in zip(got, part):
            good += g == label(v)
            if abs(v) > 1:
                n_sharp += 1
                sharp += g == label(v)
    model.train()
    return f"held back: {good / len(held):.3f} of {len(held)} right, {sharp / n_sharp:.3f} of the {n_sharp} that people were sure of"


def main():
    torch.manual_seed(2)
    rng = random.Random(2)
    rows = snippets(sys.argv[1])
    groups = sorted({g for _, _, g in rows})
    rng.shuffle(groups)
    held_groups = set(groups[:len(groups) // 12])
    held = [(t, v) for t, v, g in rows if g in held_groups]
    train = [(t, v) for t, v, g in rows if g not in held_groups]
    words = lexicon(sys.argv[1])
    start = torch.load(os.path.join(HERE, "..", "embeddings", "final.pt"))
    tok = Tokenizer.from_str(start["tokenizer"])
    model = BertForSequenceClassification(text.config(tok.get_vocab_size(), id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)}))
    print(model.bert.load_state_dict(start["state"], strict=False))
    print(len(train), "snippets,", len(held), "held back,", len(words), "words", flush=True)
    opt = text.optimizer(model, LR)
    per_epoch = (len(train) + 12000) // BATCH
    step = 0
    for epoch in range(EPOCHS):
        data = train + spoken(words, rng, 12000)
        rng.shuffle(data)
        for i in range(0, per_epoch * BATCH, BATCH):
            text.schedule(opt, LR, step, per_epoch * EPOCHS)
            part = data[i:i + BATCH]
            ids, mask = text.pad([e.ids for e in tok.encode_batch([t for t, _ in part])])
            drop = (torch.rand(ids.shape) < 0.06) & (ids > 4)
            ids = torch.where(drop, torch.full_like(ids, tok.token_to_id("[UNK]")), ids)
            # a soft target: how near the judgement is to each of the three
            v = torch.tensor([x for _, x in part])
            target = torch.softmax(torch.stack([-2.2 * v - 1.2, torch.zeros_like(v), 2.2 * v - 1.2], 1), 1)
            loss = F.cross_entropy(model(ids, attention_mask=mask).logits, target)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            step += 1
        print(epoch, f"loss {loss.item():.3f}", report(model, tok, held), flush=True)
    model.eval()
    text.save(model, tok, os.path.join(HERE, "model"), True, open(os.path.join(HERE, "card.md")).read(), "mit",
              open(os.path.join(HERE, "LICENSE.md")).read(), "text-classification")


if __name__ == "__main__":
    main()
