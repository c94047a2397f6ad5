#!/usr/bin/env python3
"""Makes the training clips: log-mel spectrograms with word times, from free speech.

Sources are Debian packages: espeak-ng and flite (synthetic speakers), festival with
festvox-kdlpc16k (a synthetic speaker that is only tested on) and
asterisk-core-sounds-en-wav (Allison Smith's telephone prompts, CC-BY-SA 3.0).
Every clip is (speaker, mel [frames, 80] float16 of log10 power, [(word, start, end)] in
frames of 10 ms).  Augmentation happens later, on the mel power, where it is cheap.

  prepare.py espeak|flite|asterisk|ked|espeak-held  -> clips-NAME.pkl
"""
import ctypes, os, pickle, random, subprocess, sys, tempfile
import numpy as np, soundfile, soxr
from transformers.audio_utils import mel_filter_bank
from words import PHRASES

SR, HOP, NFFT = 16000, 160, 400
FILTERS = mel_filter_bank(1 + NFFT // 2, 80, 0.0, 8000.0, SR, norm="slaney", mel_scale="slaney").astype(np.float32)
WINDOW = np.hanning(NFFT + 1)[:-1].astype(np.float32)
HERE = os.path.dirname(os.path.abspath(__file__))
VOCAB = open(os.path.join(HERE, "vocab.txt")).read().split()


def logmel(x):
    """log10 mel power, frame i centred on sample i * 160 as in WhisperFeatureExtractor."""
    x = np.pad(x.astype(np.float32), NFFT // 2, mode="reflect")
    n = 1 + (len(x) - NFFT) // HOP
    frames = np.lib.stride_tricks.as_strided(x, (n, NFFT), (x.strides[0] * HOP, x.strides[0]))
    power = np.abs(np.fft.rfft(frames * WINDOW, axis=1)) ** 2
    return np.log10(np.maximum(power @ FILTERS, 1e-10))


def clip(speaker, x, sr, words):
    """Trims silence and clamps the word times to what is left."""
    if sr != SR:
        x = soxr.resample(x, sr, SR)
    x = x / (np.abs(x).max() + 1e-6) * 0.5
    e = np.sqrt(np.convolve(x * x, np.ones(HOP * 2) / (HOP * 2), "same"))[::HOP]
    loud = np.nonzero(e > 0.006)[0]
    if len(loud) < 8:
        return None
    a, b = max(loud[0] - 2, 0), min(loud[-1] + 3, len(x) // HOP)
    m = logmel(x[a * HOP:b * HOP]).astype(np.float16)
    ws = []
    for w, s, t in words:
        s, t = int(round(s * 100)) - a, int(round(t * 100)) - a
        ws.append((w, max(0, min(s, b - a - 1)), max(1, min(t, b - a))))
    ws[0] = (ws[0][0], 0, ws[0][2])
    ws[-1] = (ws[-1][0], ws[-1][1], b - a)
    return speaker, m, ws


def sentences(rng, n):
    """Phrases, and word sequences without grammar so that words are heard, not guessed."""
    pool = []
    for _ in range(n):
        if rng.random() < 0.25:
            yield rng.choice(PHRASES).split()
            continue
        k = rng.choice([1, 1, 2, 2, 3, 4, 5, 6])
        s = []
        for _ in range(k):
            if not pool:
                pool = VOCAB + "front rear side left right center".split() * 4
                rng.shuffle(pool)
            s.append(pool.pop())
        yield s


SPELL = {"a": "a", "re": "ree"}


def espeak(out, seed=1, voices=64, per_voice=110, held=False):
    """espeak-ng through its library, which reports when each word starts."""
    class Event(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_uint), ("text_position", ctypes.c_int),
                    ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                    ("user", ctypes.c_void_p), ("value", ctypes.c_char * 8)]
    lib = ctypes.CDLL("libespeak-ng.so.1")
    sr = lib.espeak_Initialize(2, 500, None, 0)
    chunks, events = [], []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
    def callback(wav, n, ev):
        if wav and n > 0:
            chunks.append(np.ctypeslib.as_array(wav, (n,)).copy())
        i = 0
        while ev[i].type != 0:
            if ev[i].type == 1:
                events.append((ev[i].text_position, ev[i].audio_position / 1000))
            i += 1
        return 0
    lib.espeak_SetSynthCallback(callback)
    rng = random.Random(seed)
    d = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True).stdout
    variants = sorted({l.split()[-1].split("/")[-1] for l in d.splitlines()[1:] if "!v" in l})
    odd = {"whisper", "whisperf", "croak", "UniRobot", "fast", "Demonic", "Alien", "robosoft", "announcer"}
    variants = [v for v in variants if v not in odd and not v.startswith("robosoft")]
    heldout = set(variants[::8])
    variants = [v for v in variants if (v in heldout) == held]
    langs = ["en-us"] * 6 + ["en-gb", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"]
    for i in range(voices):
        voice = rng.choice(langs) + "+" + variants[i % len(variants)]
        lib.espeak_SetVoiceByName(voice.encode())
        for s in sentences(rng, per_voice):
            lib.espeak_SetParameter(1, rng.randint(110, 210), 0)   # rate
            lib.espeak_SetParameter(3, rng.randint(25, 75), 0)     # pitch
            lib.espeak_SetParameter(4, rng.randint(20, 80), 0)     # range
            text = " ".join(SPELL.get(w, w) if w != "a" or len(s) > 1 else "a." for w in s)
            chunks.clear(); events.clear()
            lib.espeak_Synth(text.encode(), len(text) + 1, 0, 1, 0, 1, None, None)
            lib.espeak_Synchronize()
            if not chunks:
                continue
            x = np.concatenate(chunks) / 32768
            starts, p = [], 1
            times = {}
            for tp, t in events:
                times.setdefault(tp, t)
            for w in text.split():
                starts.append(times.get(p)); p += len(w) + 1
            if any(t is None for t in starts):
                continue
            ends = starts[1:] + [len(x) / sr]
            c = clip("espeak-" + voice, x, sr, list(zip(s, starts, ends)))
            if c:
                out.append(c)


def flite(out, seed=2, per_voice=420):
    """flite prints the phones' end times; a word's share of them is counted by saying it alone."""
    rng = random.Random(seed)
    tmp = tempfile.mktemp(suffix=".wav")

    def say(voice, text, stretch, pitch):
        r = subprocess.run(["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}"] +
                           (["--setf", f"int_f0_target_mean={pitch:.0f}"] if pitch else []) +
                           ["-psdur", "-o", tmp, "-t", text], capture_output=True, text=True).stdout
        return [(p.split(":")[0], float(p.split(":")[1])) for p in r.split() if ":" in p]

    for voice, f0 in ("slt", 170), ("rms", 95), ("awb", 130), ("kal16", 105):
        count = {}
        jobs = [[w] for w in VOCAB] + list(sentences(rng, per_voice))
        for s in jobs:
            if voice != "kal16" and any(len(w) == 1 for w in s) and len(s) > 1 and rng.random() < 0.5:
                continue
            ph = say(voice, " ".join(s) + ("." if s == ["a"] else ""), rng.uniform(0.8, 1.35), rng.uniform(0.8, 1.25) * f0)
            x, sr = soundfile.read(tmp)
            seg = [(n, ph[i - 1][1] if i else 0.0, t) for i, (n, t) in enumerate(ph)]
            seg = [q for q in seg if q[0] != "pau"]
            if not seg:
                continue
            if len(s) == 1:
                count[s[0]] = len(seg)
                ws = [(s[0], seg[0][1], seg[-1][2])]
            else:
                n = np.cumsum([0] + [count.get(w, 4) for w in s]).astype(float)
                n = np.round(n * len(seg) / n[-1]).astype(int)
                if any(b <= a for a, b in zip(n, n[1:])):
                    continue
                ws = [(w, seg[a][1], seg[b - 1][2]) for w, a, b in zip(s, n, n[1:])]
            c = clip("flite-" + voice, x, sr, ws)
            if c:
                out.append(c)


def ked(out, seed=3, n=160):
    """festival's ked: never trained on."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as d:
        jobs = list(sentences(rng, n))
        with open(d + "/s.scm", "w") as f:
            f.write("(voice_ked_diphone)\n")
            for i, s in enumerate(jobs):
                f.write(f'(set! u (SynthText "{" ".join(s)}"))\n(utt.save.wave u "{d}/{i}.wav")\n')
                f.write(f'(utt.save.words u "{d}/{i}.txt")\n')
        open(d + "/s.scm", "a").write("(quit)\n")
        text = open(d + "/s.scm").read().replace("(SynthText ", "(utt.synth (Utterance Text ").replace('"))\n(utt.save.wave', '")))\n(utt.save.wave')
        open(d + "/s.scm", "w").write(text)
        subprocess.run(["festival", "-b", d + "/s.scm"], check=False)
        for i, s in enumerate(jobs):
            try:
                x, sr = soundfile.read(f"{d}/{i}.wav")
            except Exception:
                continue
            rows = [l.split() for l in open(f"{d}/{i}.txt") if len(l.split()) == 3 and l[0] != "#"]
            ends = [float(r[0]) for r in rows]
            if len(ends) != len(s):
                ends = [len(x) / sr * (j + 1) / len(s) for j in range(len(s))]
            c = clip("ked", x, sr, list(zip(s, [0.0] + ends[:-1], ends)))
            if c:
                out.append(c)


def asterisk(out):
    """Prompts whose words are all in the vocabulary; asterisk.tsv has the text and rough word times."""
    root = "/usr/share/asterisk/sounds/en_US_f_Allison/"
    for line in open(os.path.join(HERE, "asterisk.tsv")):
        name, text = line.rstrip("\n").split("\t")
        x, sr = soundfile.read(root + name + ".wav")
        ws = []
        for w in text.split():
            w, _, t = w.partition("@")
            s, e = map(float, t.split("-")) if t else (0.0, len(x) / sr)
            ws.append((w, s, e))
        if not ws or any(w not in VOCAB for w, _, _ in ws):
            continue
        c = clip("allison/" + name, x, sr, ws)
        if not c:
            continue
        # The word times are rough: move each boundary to the quietest frame near it.
        _, m, ws = c
        e = np.log10((10.0 ** m.astype(np.float32)).sum(1) + 1e-6)
        b = [0]
        for (w, s, t), (w2, s2, t2) in zip(ws, ws[1:]):
            lo, hi = max(b[-1] + 6, min(t, s2) - 6), max(t, s2) + 7
            hi = min(hi, len(e) - 4)
            b.append(lo + int(np.argmin(e[lo:hi])) if hi > lo else min(b[-1] + 8, len(e) - 2))
        b.append(len(e))
        ws = [(w, p, q) for (w, _, _), p, q in zip(ws, b, b[1:])]
        out.append((c[0], m, ws))


if __name__ == "__main__":
    out = []
    what = sys.argv[1]
    if what == "espeak-held":
        espeak(out, seed=9, voices=8, per_voice=20, held=True)
    else:
        globals()[what](out)
    print(what, len(out), "clips", sum(len(c[1]) for c in out) / 6000, "min", sum(len(c[2]) for c in out), "words")
    pickle.dump(out, open(os.path.join(HERE, f"clips-{what}.pkl"), "wb"))
