#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page docs/writing-an-architecture.md is true: what it shows is built as a third party would build it and gives right numbers.

    third-party.py BUILD SOURCE SANITIZE

Installs the library into a temporary folder, extracts the C blocks of the page into pebble.c, runs the page's shell block against
the installed headers and .pc file, makes a small repository, runs the model through GTF_PLUGIN_PATH by a program that is built the same
way, and compares the result with the model written out in Python below.
"""
import glob, json, math, os, random, re, shlex, struct, subprocess, sys, tempfile

build, source, sanitize = sys.argv[1:4]
VOCAB, SIZE, LAYERS, HEADS, INNER, POSITIONS, LABELS = 11, 8, 2, 2, 12, 16, 3
IDS = [3, 1, 4, 1, 5]


def run(*args, **kw):
    r = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if r.returncode:
        text = "failed: " + " ".join(map(str, args)) + "\n" + "\n".join(r.stdout.splitlines()[-25:])
        print("\n".join("# " + line for line in text.splitlines()))
        print("not ok 1 third-party\n1..1")
        sys.exit(1)
    return r.stdout


def blocks(language):
    text = open(os.path.join(source, "docs/writing-an-architecture.md")).read()
    return "\n".join(re.findall(r"^```%s\n(.*?)^```" % language, text, re.S | re.M))


def install(prefix):
    """The library below prefix, and a .pc file that says so."""
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", prefix)
    pc = glob.glob(prefix + "/**/gtransformers-1.0.pc", recursive=True)[0]
    text = open(pc).read()
    old = re.search(r"^prefix=(.*)$", text, re.M).group(1)
    open(pc, "w").write(text.replace("prefix=" + old, "prefix=" + prefix + old, 1))
    libs = os.path.dirname(os.path.dirname(pc))
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc), LD_LIBRARY_PATH=libs, PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1")
    env.pop("GTF_PLUGIN_PATH", None)
    env.setdefault("CC", "cc")
    return env


def make_weights():
    rnd = random.Random(5)
    vec = lambda n: [rnd.uniform(-0.5, 0.5) for _ in range(n)]
    w = {}
    def add(name, *shape):
        w[name] = (shape, vec(math.prod(shape)))
    add("pebble.embeddings.tokens.weight", VOCAB, SIZE)
    add("pebble.embeddings.positions.weight", POSITIONS, SIZE)
    for i in range(LAYERS):
        p = f"pebble.layers.{i}."
        for n, o, k in [("attention.query", SIZE, SIZE), ("attention.key", SIZE, SIZE), ("attention.value", SIZE, SIZE),
                        ("attention.output", SIZE, SIZE), ("up", INNER, SIZE), ("down", SIZE, INNER)]:
            add(p + n + ".weight", o, k); add(p + n + ".bias", o)
        for n in ("attention.norm", "norm"):
            add(p + n + ".weight", SIZE); add(p + n + ".bias", SIZE)
    add("classifier.weight", LABELS, SIZE); add("classifier.bias", LABELS)
    return w


def save(folder, w):
    header, data = {}, b""
    for name, (shape, values) in w.items():
        raw = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    open(folder + "/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
    json.dump({"model_type": "pebble", "architectures": ["PebbleForSequenceClassification"], "vocab_size": VOCAB, "d_model": SIZE, "num_hidden_layers": LAYERS,
               "num_attention_heads": HEADS, "intermediate_size": INNER, "max_position_embeddings": POSITIONS, "num_labels": LABELS},
              open(folder + "/config.json", "w"))


def reference(w):
    """The model in plain Python: rows are lists."""
    m = lambda name: [w[name][1][i * w[name][0][1]:(i + 1) * w[name][0][1]] for i in range(w[name][0][0])]
    linear = lambda x, n: [[sum(a * b for a, b in zip(r, row)) + bias for row, bias in zip(m(n + ".weight"), w[n + ".bias"][1])] for r in x]
    add = lambda a, b: [[p + q for p, q in zip(r, s)] for r, s in zip(a, b)]
    gelu = lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2)))
    def norm(x, n):
        out = []
        for r in x:
            mean = sum(r) / len(r); var = sum((v - mean) ** 2 for v in r) / len(r)
            out.append([(v - mean) / math.sqrt(var + 1e-5) * g + b for v, g, b in zip(r, w[n + ".weight"][1], w[n + ".bias"][1])])
        return out
    def attention(q, k, v):
        d = SIZE // HEADS; out = [[0.0] * SIZE for _ in q]
        for h in range(HEADS):
            for i, r in enumerate(q):
                s = [sum(r[h * d + j] * c[h * d + j] for j in range(d)) / math.sqrt(d) for c in k]
                e = [math.exp(a - max(s)) for a in s]; total = sum(e)
                for j in range(d):
                    out[i][h * d + j] = sum(p / total * c[h * d + j] for p, c in zip(e, v))
        return out
    tokens, positions = m("pebble.embeddings.tokens.weight"), m("pebble.embeddings.positions.weight")
    x = [[a + b for a, b in zip(tokens[t], positions[i])] for i, t in enumerate(IDS)]
    for i in range(LAYERS):
        p = f"pebble.layers.{i}."
        a = attention(*(linear(x, p + "attention." + n) for n in ("query", "key", "value")))
        y = norm(add(linear(a, p + "attention.output"), x), p + "attention.norm")
        x = norm(add(linear([[gelu(v) for v in r] for r in linear(y, p + "up")], p + "down"), y), p + "norm")
    return linear(x[:1], "classifier")[0]


def main():
    with tempfile.TemporaryDirectory() as top:
        env = install(top + "/installed")
        flags = [] if sanitize == "none" else ["-fsanitize=" + sanitize]
        open(top + "/pebble.c", "w").write(blocks("c"))
        run("sh", "-e", "-c", blocks("sh"), cwd=top, env=env)
        cflags = run("pkg-config", "--cflags", "--libs", "gtransformers-1.0", env=env).split()
        run(*shlex.split(env["CC"]), *flags, "-o", top + "/run", source + "/tests/abi/third-party-run.c", *cflags, env=env)
        os.mkdir(top + "/repository")
        weights = make_weights()
        save(top + "/repository", weights)
        env["GTF_PLUGIN_PATH"] = top + "/modules"
        out = run(top + "/run", top + "/repository", *map(str, IDS), env=env)
        found, expected = [float(v) for v in out.split()[-LABELS:]], reference(weights)
        close = all(abs(a - b) < 1e-4 for a, b in zip(found, expected))
        print("#", found, expected)
        print("ok 1 third-party" if close else "not ok 1 third-party")
        print("1..1")
        return 0 if close else 1


sys.exit(main())
