#!/usr/bin/env python3
"""Trains the model on the clips of prepare.py.

  train.py MINUTES [--init checkpoint.pt] [--lr 1e-3]

The words that the model is really taught are CORE below: the rest of the vocabulary was dropped from the last run for lack of
time. Windows are composed anew for every step: words, phrases and pauses at random places,
with all augmentation done on the mel power (speaker warp, tempo, equaliser, reverb,
noise, telephone band), which costs next to nothing.
"""
import argparse, math, multiprocessing as mp, os, pickle, random, sys, time
import numpy as np, torch, torch.nn.functional as F
from scipy.signal import lfilter
import common
from common import FRAMES, POSITIONS, VOCAB

# Classes of the frame loss: phones (0 is "none").  Words as classes left the encoder on a plateau at the words'
# frequencies; some forty phones, each word's spread evenly over its time, are learnt in far fewer steps.
PRON = {l.split()[0]: l.split()[1:] for l in open(os.path.join(common.HERE, "phones.txt"))}
PHONES = {p: i + 1 for i, p in enumerate(sorted({p for v in PRON.values() for p in v}))}
# Word times in a clip are good to this many frames where a phrase is cut.
MEL_HZ = None


def mel_centres():
    top = 2595 * math.log10(1 + 8000 / 700)
    # slaney scale: linear below 1 kHz
    def hz2mel(f): return f * 3 / 200 if f < 1000 else 15 + 27 * math.log(f / 1000) / math.log(6.4)
    def mel2hz(m): return m * 200 / 3 if m < 15 else 1000 * math.exp(math.log(6.4) / 27 * (m - 15))
    m = np.linspace(0, hz2mel(8000), 82)[1:-1]
    return np.array([mel2hz(x) for x in m])


HZ = mel_centres()


class Composer:
    def __init__(self, pools, weights, tok, rng):
        self.pools, self.weights, self.tok, self.rng = pools, weights, tok, rng
        self.by_speaker = {}
        for p in pools:
            for c in p:
                self.by_speaker.setdefault(c[0].split("/")[0], []).append(c)

    def noise(self, n):
        """Coloured noise, stationary or slowly swelling."""
        r = self.rng
        shape = r.uniform(-2.5, 1.5) * np.linspace(0, 1, 80) + 0.4 * np.cumsum(np.random.randn(80)) / 6
        k = np.clip((HZ / 700), 1, 6)                     # wider bands fluctuate less
        g = np.random.gamma(k, 1 / k, (n, 80))
        if r.random() < 0.4:
            swell = np.interp(np.arange(n), np.linspace(0, n, max(2, n // 60)), np.random.randn(max(2, n // 60)))
            g = g * 10 ** (0.5 * swell[:, None])
        return g * 10 ** shape

    def tones(self, n):
        """Music-like: notes of a few harmonics with attack and decay."""
        r = self.rng
        y = np.zeros((n, 80))
        t = 0
        while t < n:
            d = r.randint(8, 90)
            for _ in range(r.choice([1, 1, 2, 3])):
                f0 = 110 * 2 ** r.uniform(-1, 4)
                env = np.exp(-np.arange(min(d, n - t)) / r.uniform(15, 300))
                for h in range(1, r.randint(2, 9)):
                    if f0 * h > 7900:
                        break
                    b = np.exp(-0.5 * ((np.arange(80) - np.interp(f0 * h, HZ, np.arange(80))) / 0.6) ** 2)
                    y[t:t + len(env)] += env[:, None] * (b * 10 ** (-r.uniform(0, 0.6) * h))
            t += d + r.choice([0, 0, r.randint(0, 60)])
        return y

    def span(self, c):
        """A clip, or some successive words of it."""
        m, ws = c[1], c[2]
        if len(ws) > 1 and (len(ws) > 7 or self.rng.random() < 0.4):
            k = self.rng.randint(1, min(len(ws), 6))
            i = self.rng.randint(0, len(ws) - k)
            a, b = ws[i][1], ws[i + k - 1][2]
            if b - a > 6:
                return m[a:b], [(w, s - a, e - a) for w, s, e in ws[i:i + k]]
        return m, ws

    def window(self, T):
        r = self.rng
        power = np.full((T, 80), 1e-10)
        segs = []                      # [[(word, start, end), ...], ...]
        frame = np.zeros(T, np.int64)
        empty = r.random() < 0.07
        full = T == FRAMES and r.random() < 0.45
        end = T if full else r.randint(int(T * 0.35), T - 12)   # where the audio stops (digital silence after)
        cut = None
        if not empty:
            pool = r.choices(self.pools, self.weights)[0]
            speaker = r.choice(pool)[0].split("/")[0]
            warp, tempo, wsd = np.exp(r.gauss(0, 0.09)), np.exp(r.gauss(0, 0.13)), 0.03
            if speaker == "allison":
                warp = np.exp(r.gauss(0.03, 0.12))
            t = r.choice([r.randint(0, 20), r.randint(0, 120), r.randint(0, T // 2)])
            limit = r.randint(1, 3) if r.random() < 0.5 else 99  # often just one short phrase
            new = True
            while t < end - 20 and limit:
                limit -= 1
                cl = r.choice(self.by_speaker[speaker]) if r.random() > 0.1 else r.choice(r.choices(self.pools, self.weights)[0])
                m, ws = self.span(cl)
                a, tp = warp * np.exp(r.gauss(0, wsd)), tempo * np.exp(r.gauss(0, 0.05))
                n = max(4, int(len(m) / tp))
                # tempo and speaker warp by interpolation in the log domain
                x = np.linspace(0, len(m) - 1, n)
                lo = x.astype(int); hi = np.minimum(lo + 1, len(m) - 1); f = (x - lo)[:, None]
                mm = m[lo].astype(np.float32) * (1 - f) + m[hi].astype(np.float32) * f
                y = np.interp(HZ * a, HZ, np.arange(80))
                l2 = y.astype(int); h2 = np.minimum(l2 + 1, 79); f2 = y - l2
                mm = mm[:, l2] * (1 - f2) + mm[:, h2] * f2
                k = len(m) / n
                stop = min(t + n, end)
                power[t:stop] += 10.0 ** (mm[:stop - t] + r.gauss(0, 0.15))
                for w, s, e in ws:
                    s, e = t + s / k, t + e / k
                    if s < end:
                        ph = PRON[w]
                        a0, b0 = int(s), int(e)
                        for i in range(a0, min(b0, end)): frame[i] = PHONES[ph[(i - a0) * len(ph) // max(1, b0 - a0)]]
                    if cut is not None:
                        continue
                    if e > end and (end - s) < 0.75 * (e - s):
                        if s < end: cut = s
                        else: cut = None if not full else min(s, end)
                        if s >= end: break
                        continue
                    if new:
                        segs.append([]); new = False
                    segs[-1].append((w, s, min(e, end)))
                t += n
                gap = r.choice([0, r.randint(0, 12), r.randint(5, 38), r.randint(60, 200)])
                t += gap
                new = new or gap >= 50
                if cut is not None: break
        # room, equaliser, noise, band, level
        speech = power[:end]
        if not empty:
            if r.random() < 0.45:
                d = 10 ** (-6 * 0.01 / r.uniform(0.12, 0.7))
                g = (1 - d) * 10 ** (-r.uniform(0, 14) / 10)
                speech = speech + lfilter([0, g], [1, -d], speech, axis=0)
            level = np.mean(speech.sum(1)[frame[:end] > 0]) if (frame[:end] > 0).any() else 1.0
        else:
            level = 10 ** r.uniform(-3, 3)
            if r.random() < 0.45:
                y = self.tones(end); speech = speech + y / (y.sum(1).mean() + 1e-9) * level
        if r.random() < 0.85:
            y = self.noise(end)
            snr = r.choice([r.uniform(5, 25), r.uniform(20, 45), r.uniform(30, 70)])
            speech = speech + y * (level / y.sum(1).mean() * 10 ** (-snr / 10))
        eq = r.gauss(0, 0.35) * np.linspace(-1, 1, 80)
        for _ in range(3):
            eq += r.gauss(0, 0.14) * np.cos(np.linspace(0, r.uniform(1, 6), 80) * math.pi / 2 + r.uniform(0, 6))
        q = r.random()
        if q < 0.12:
            eq -= np.clip((HZ - r.uniform(3200, 3900)) / 100, 0, 1) * r.uniform(2, 6) + (HZ < r.uniform(100, 300)) * r.uniform(0, 2)
        elif q < 0.25:
            eq -= np.clip((HZ - r.uniform(4000, 7500)) / 200, 0, 1) * r.uniform(1, 6)
        speech = speech * 10 ** (eq + r.uniform(-3.2, 0.8))
        if r.random() < 0.5:                                # a recorder's own floor
            speech = speech + np.random.gamma(2, 0.5, (end, 80)) * 10 ** r.uniform(-9, -4)
        power[:end] = speech
        if empty and r.random() < 0.2:
            power[:] = 1e-10
        x = np.log10(np.maximum(power, 1e-10))
        x = (np.maximum(x, x.max() - 8) + 4) / 4
        if not empty and r.random() < 0.25:
            for _ in range(r.randint(1, 2)):
                b = r.randint(0, 72); x[:, b:b + r.randint(1, 9)] = x.mean()
            if r.random() < 0.3:
                b = r.randint(0, T - 12); x[b:b + r.randint(2, 8)] = x.mean()
        # target: tokens and, for each predicted one, the encoder frames to look at
        tok = self.tok
        stamps = r.random() < 0.55
        ids, look = [], []
        def put(i, a=None, b=None): ids.append(i); look.append((a, b))
        st = lambda f: tok.ts0 + max(0, min(int(round(f / 2)), POSITIONS))
        near = lambda f: (int(f / 2) - 3, int(f / 2) + 4)
        for sg in segs:
            if stamps: put(st(sg[0][1]), *near(sg[0][1]))
            for w, s, e in sg: put(tok.word[w], int(s / 2), max(int(s / 2) + 2, int(math.ceil(e / 2))))
            if stamps: put(st(sg[-1][2]), *near(sg[-1][2]))
        if stamps and full and cut is not None and segs:
            put(st(cut), *near(cut))       # a word cut at the window's end: decode on from here
        if stamps and not segs: put(tok.ts0)
        put(tok.eot)
        prompt = [tok.sot] if stamps else [tok.sot, tok.nots]
        inp = prompt + ids[:-1]
        lab = [-100] * (len(prompt) - 1) + ids
        look = [(None, None)] * (len(prompt) - 1) + look
        return x.astype(np.float32), inp, lab, look, frame[::2]

    def batch(self, T, B):
        ws = [self.window(T) for _ in range(B)]
        L = min(100, max(len(w[1]) for w in ws))
        inp = np.full((B, L), self.tok.eot); lab = np.full((B, L), -100)
        look = np.zeros((B, L, T // 2), bool)
        for i, w in enumerate(ws):
            n = min(L, len(w[1]))
            inp[i, :n], lab[i, :n] = w[1][:n], w[2][:n]
            for j, (a, b) in enumerate(w[3][:n]):
                if a is not None: look[i, j, max(0, a - 1):b + 1] = True
        mel = np.stack([w[0].T for w in ws])
        return [torch.from_numpy(v) for v in (mel, inp, lab, look, np.stack([w[4] for w in ws]))]


class Net(torch.nn.Module):
    """The parameters of a WhisperForConditionalGeneration, run by hand: windows of any length, one
    attention map for the loss, and no cost for what training does not use."""
    def __init__(self, m, classes, p=0.02):
        super().__init__()
        self.m, self.p = m, p
        self.frame = torch.nn.Linear(m.config.d_model, classes)
        self.h = m.config.decoder_attention_heads

    def heads(self, x): return x.view(x.shape[0], x.shape[1], self.h, -1).transpose(1, 2)
    def drop(self, x): return F.dropout(x, self.p, self.training)

    def attn(self, a, x, kv, causal=False, weights=False):
        q, k, v = self.heads(a.q_proj(x)), self.heads(a.k_proj(kv)), self.heads(a.v_proj(kv))
        w = None
        if weights:
            w = torch.softmax((q @ k.transpose(2, 3)).float() * q.shape[-1] ** -0.5, -1)
            o = w.to(v.dtype) @ v
        else:
            o = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return a.out_proj(o.transpose(1, 2).reshape(x.shape)), w

    def encode(self, mel):
        e = self.m.model.encoder
        x = F.gelu(e.conv2(F.gelu(e.conv1(mel)))).transpose(1, 2)
        x = self.drop(x + e.embed_positions.weight[:x.shape[1]])
        for l in e.layers:
            n = l.self_attn_layer_norm(x)
            x = x + self.drop(self.attn(l.self_attn, n, n)[0])
            x = x + self.drop(l.fc2(self.drop(F.gelu(l.fc1(l.final_layer_norm(x))))))
        return e.layer_norm(x)

    def decode(self, ids, enc):
        d = self.m.model.decoder
        x = self.drop(d.embed_tokens(ids) + d.embed_positions.weight[:ids.shape[1]])
        w = None
        for i, l in enumerate(d.layers):
            n = l.self_attn_layer_norm(x)
            x = x + self.drop(self.attn(l.self_attn, n, n, causal=True)[0])
            c, w = self.attn(l.encoder_attn, l.encoder_attn_layer_norm(x), enc, weights=i == len(d.layers) - 1)
            x = x + self.drop(c)
            x = x + self.drop(l.fc2(self.drop(F.gelu(l.fc1(l.final_layer_norm(x))))))
        return F.linear(d.layer_norm(x), d.embed_tokens.weight), w


def losses(net, b):
    mel, inp, lab, look, frame = b
    with torch.autocast("cpu", torch.bfloat16, enabled=net.bf16):
        enc = net.encode(mel)
        logits, w = net.decode(inp, enc)
        fl = net.frame(enc)
    ce = F.cross_entropy(logits.float().flatten(0, 1), lab.flatten(), ignore_index=-100, label_smoothing=0.02)
    weight = torch.where(frame > 0, 1.0, 0.4)
    fr = (F.cross_entropy(fl.float().transpose(1, 2), frame, reduction="none") * weight).mean()
    has = look.any(-1)
    mass = (w[:, :2].float() * look[:, None]).sum(-1)      # two heads of the last layer follow the words
    guide = (-(mass + 1e-4).log() * has[:, None]).sum() / (has.sum() * 2 + 1)
    return ce, fr, guide


@torch.no_grad()
def transcribe(net, tok, mels, stamps=False):
    """Greedy text of log10-mel clips, each in a window of its own with silence around."""
    net.eval(); out = []
    for i in range(0, len(mels), 24):
        xs = []
        for m in mels[i:i + 24]:
            p = np.full((FRAMES, 80), -10.0, np.float32); n = min(len(m), FRAMES - 20)
            p[20:20 + n] = m[:n]
            xs.append(((np.maximum(p, p.max() - 8) + 4) / 4).T)
        enc = net.encode(torch.from_numpy(np.stack(xs)).float())
        ids = torch.full((len(xs), 1), tok.sot)
        if not stamps: ids = torch.cat([ids, torch.full_like(ids, tok.nots)], 1)
        for _ in range(40):
            nx = net.decode(ids, enc)[0][:, -1].argmax(-1, keepdim=True)
            ids = torch.cat([ids, nx], 1)
            if ((ids[:, 1:] == tok.eot).any(1)).all(): break
        for row in ids.tolist():
            row = row[1:]
            row = row[:row.index(tok.eot)] if tok.eot in row else row
            out.append(" ".join(tok.text[t] for t in row if t in tok.text))
    net.train()
    return out


def errors(ref, hyp):
    r, h = ref.split(), hyp.split()
    d = list(range(len(h) + 1))
    for i, a in enumerate(r):
        p, d = d, [i + 1]
        for j, c in enumerate(h): d.append(min(p[j] + (a != c), p[j + 1] + 1, d[-1] + 1))
    return d[-1], len(r)


def load(name):
    p = os.path.join(common.HERE, f"clips-{name}.pkl")
    return pickle.load(open(p, "rb")) if os.path.exists(p) else []


CORE = set("""zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty hundred thousand
front rear side left right center speaker noise test yes no hello goodbye stop start open close up down on off red green blue yellow orange white black monday tuesday wednesday thursday friday saturday sunday
play pause next back forward go turn left lights music volume camera call answer cancel help home door window day night morning evening please thank you sorry okay the and of to is new old water fire""".split())
ALSA = set("front rear side left right center speaker noise test".split())


def core_only(clips):
    """Stretches of successive words that are all in CORE; those with a word of ALSA four times."""
    out = []
    for n, m, ws in clips:
        run = []
        for w in list(ws) + [None]:
            if w is not None and w[0] in CORE:
                run.append(w); continue
            if run:
                whole = len(run) == len(ws)
                a, b = (0, len(m)) if whole else (int(run[0][1]), int(run[-1][2]))
                if b - a > 6:
                    c = (n, m[a:b], [(x, s - a, e - a) for x, s, e in run])
                    out += [c] * (4 if any(x[0] in ALSA for x in run) else 1)
            run = []
    return out


def data():
    a, f, e, held = data_all()
    return core_only(a), core_only(f), core_only(e), {k: [c for c in core_only(v)] for k, v in held.items()}


def data_all():
    allison = load("asterisk")
    multi = [c for c in allison if len(c[2]) > 1 and len(c[1]) < 700]
    held = {c[0] for c in multi[::12]}
    return ([c for c in allison if c[0] not in held], load("flite"), load("espeak"),
            {"human": [c for c in allison if c[0] in held], "ked": load("ked"), "espeak": load("espeak-held")})


def worker(q, seed, weights, done):
    random.seed(seed); np.random.seed(seed)
    torch.set_num_threads(1)
    tok = common.Tokens()
    a, f, e, _ = data()
    pools = [(p, w) for p, w in zip((a, f, e), weights) if p]
    c = Composer([p for p, _ in pools], [w for _, w in pools], tok, random.Random(seed))
    while not done.is_set():
        T = c.rng.choices([240, 400, FRAMES], [0.65, 0.2, 0.15])[0]
        q.put(c.batch(T, max(1, 6400 // T)))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("minutes", type=float); ap.add_argument("--init"); ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--threads", type=int, default=1); ap.add_argument("--fp32", action="store_true")
    ap.add_argument("--weights", default="0.4,0.35,0.25"); ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--warm", type=float, default=0.06)
    a = ap.parse_args()
    torch.manual_seed(a.seed); torch.set_num_threads(a.threads)
    tok = common.Tokens(); _, _, _, held = data()
    net = Net(common.model(tok), len(PHONES) + 1); net.bf16 = not a.fp32
    print("parameters", sum(p.numel() for p in net.m.parameters()), "vocabulary", tok.size, flush=True)
    if a.init: print(net.load_state_dict({k: v for k, v in torch.load(a.init)["net"].items() if not k.startswith("frame.")}, strict=False))
    q, done = mp.Queue(6), mp.Event()
    w = mp.Process(target=worker, args=(q, int(time.time()) % 99991, [float(v) for v in a.weights.split(",")], done), daemon=True); w.start()
    fixed = {id(net.m.model.encoder.embed_positions.weight)}
    net.m.model.encoder.embed_positions.weight.requires_grad_(False)
    ps = [p for p in net.parameters() if id(p) not in fixed]
    opt = torch.optim.AdamW([{"params": [p for p in ps if p.dim() > 1], "weight_decay": 0.05},
                             {"params": [p for p in ps if p.dim() == 1], "weight_decay": 0.0}], lr=a.lr, betas=(0.9, 0.98))
    t0 = time.time(); step = 0; avg = None; last = t0
    ema = {k: v.clone() for k, v in net.state_dict().items()}
    while True:
        done_part = (time.time() - t0) / 60 / a.minutes
        if done_part >= 1: break
        lr = a.lr * min(1, done_part / a.warm + 0.02) * (0.5 + 0.5 * math.cos(math.pi * done_part)) + 1e-5
        for g in opt.param_groups: g["lr"] = lr
        ce, fr, guide = losses(net, q.get())
        loss = ce + (2.0 if done_part < 0.5 else 0.6) * fr + 0.2 * guide
        opt.zero_grad(); loss.backward()
        torch.nn.utils.clip_grad_norm_(ps, 1.0); opt.step(); step += 1
        k = min(0.995, step / (step + 20))
        for n, v in net.state_dict().items(): ema[n].mul_(k).add_(v, alpha=1 - k) if v.is_floating_point() else None
        v = np.array([ce.item(), fr.item(), guide.item()]); avg = v if avg is None else 0.98 * avg + 0.02 * v
        if step % 50 == 0: print(f"{step} {(time.time()-t0)/60:.1f} min lr {lr:.1e} ce {avg[0]:.3f} frame {avg[1]:.3f} guide {avg[2]:.3f} queue {q.qsize()}", flush=True)
        if time.time() - last > 200:
            last = time.time(); save = {k2: v2.clone() for k2, v2 in net.state_dict().items()}
            net.load_state_dict(ema)
            report(net, tok, held)
            torch.save({"net": net.state_dict()}, os.path.join(common.HERE, "last.pt"))
            net.load_state_dict(save)
    net.load_state_dict(ema); report(net, tok, held)
    torch.save({"net": net.state_dict()}, os.path.join(common.HERE, "final.pt")); done.set(); w.terminate()


def report(net, tok, held):
    for name, clips in held.items():
        clips = clips[:100]
        if not clips: continue
        refs = [" ".join(w for w, _, _ in c[2]) for c in clips]
        hyps = transcribe(net, tok, [c[1].astype(np.float32) for c in clips])
        e = [errors(r, h) for r, h in zip(refs, hyps)]
        print(f"  {name}: word error rate {sum(x for x, _ in e) / sum(n for _, n in e):.3f}",
              "; ".join(f"{r} -> {h}" for (x, _), r, h in zip(e, refs, hyps) if x)[:300], flush=True)


if __name__ == "__main__":
    main()
