"""WordNet 3.0 as Debian's wordnet-base has it: synsets with their lemmas, gloss, examples and relations."""
import os, re

FOLDER = "/usr/share/wordnet"
POS = ["noun", "verb", "adj", "adv"]


class Synset:
    __slots__ = ("id", "lemmas", "gloss", "examples", "relations", "file")


def load():
    """{(pos letter, offset): Synset}; relations are (symbol, key) pairs."""
    out = {}
    for pos in POS:
        for line in open(os.path.join(FOLDER, "data." + pos), encoding="latin-1"):
            if line.startswith(" "):
                continue
            head, _, gloss = line.partition(" | ")
            f = head.split()
            s = Synset()
            letter = "a" if f[2] == "s" else f[2]
            s.id, s.file = (letter, f[0]), int(f[1])
            n = int(f[3], 16)
            s.lemmas = [re.sub(r"\(\w+\)$", "", w).replace("_", " ") for w in f[4:4 + 2 * n:2]]
            p = 4 + 2 * n
            s.relations = []
            for i in range(int(f[p])):
                symbol, offset, kind, _ = f[p + 1 + 4 * i:p + 5 + 4 * i]
                s.relations.append((symbol, ("a" if kind == "s" else kind, offset)))
            gloss = gloss.strip()
            s.examples = re.findall(r'"([^"]+)"', gloss)
            s.gloss = re.sub(r'[;:]?\s*(-+\s*)?"[^"]*".*$', "", gloss).strip(" ;")
            out[s.id] = s
    return out


def ancestors(net, s):
    """All hypernyms, and those of the class that an instance belongs to."""
    seen, todo = set(), [s.id]
    while todo:
        for symbol, key in net[todo.pop()].relations:
            if symbol in ("@", "@i") and key not in seen:
                seen.add(key)
                todo.append(key)
    return seen
