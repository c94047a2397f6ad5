#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes small files of torch.save() of every form that it has had, and beside each, as NAME.safetensors, the tensors that torch.load() gives
# for it. Forms that torch no longer writes (tar, zip64 for small files, strings of Python 2) are put together here and read by torch, too.
#   python3 make.py            with torch and safetensors from PyPI
import collections
import io
import pathlib
import pickle
import shutil
import struct
import tarfile
import zipfile
import zlib

import torch
from safetensors.torch import load_file, save as serialize

HERE = pathlib.Path(__file__).parent
torch.manual_seed(5)

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn]
INTS = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool]


def dtypes():
    out = {str(d).split(".")[1]: torch.randn(3, 5).to(d) for d in FLOATS}
    out |= {str(d).split(".")[1]: torch.randint(0, 2 if d == torch.bool else 100, (2, 3)).to(d) for d in INTS}
    return out | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4), "negative": torch.tensor([-1, -2**40])}


def some():
    return collections.OrderedDict(("layer.%d.%s" % (i, n), torch.randn(3, 4) if n == "weight" else torch.randn(3)) for i in range(3) for n in ("weight", "bias"))


def strided():
    base = torch.arange(4 * 5 * 6, dtype=torch.float32).reshape(4, 5, 6)
    return {"transposed": base[0].t(), "sliced": base[1:3, ::2, 1:4], "permuted": base.permute(2, 0, 1), "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
            "diagonal": torch.arange(16).reshape(4, 4).diagonal(), "part": base[3], "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)}


def shared():
    table = torch.randn(4, 3)
    module = torch.nn.Linear(3, 4)
    return {"embed": table, "head": table, "row": table[2], "parameter": module.weight}


def parameter_with_state():
    p = torch.nn.Parameter(torch.randn(2, 2))
    p.tag = "kept"
    t = torch.randn(3)
    t.tag = "kept"
    return {"p": p, "t": t}


def module():
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).state_dict()


def lightning():
    model = {"model." + k: v for k, v in some().items()}
    return {"epoch": 3, "global_step": 1000, "pytorch-lightning_version": "2.1.0", "state_dict": collections.OrderedDict(model), "loops": {"fit_loop": {"state": {}}},
            "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(3, 4)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}]}],
            "hyper_parameters": {"lr": 1e-3, "name": "x", "flags": {1, 2}, "z": 1 + 2j, "big": 2**70, "raw": bytearray(b"abc")}}


def nested():
    return {"model": {"encoder": some(), "decoder": {"w": torch.randn(2)}}, "optimizer": {"state": {}}, "step": 7}


def flat(obj, prefix=""):
    """The state dict that a reader should see, as the C reader chooses it."""
    while not any(isinstance(v, torch.Tensor) for v in obj.values()):
        inner = next((obj[k] for k in ("state_dict", "model_state_dict", "model") if isinstance(obj.get(k), dict)), None)
        if inner is None:
            break
        obj = inner
    out = {}
    for k, v in obj.items():
        if isinstance(v, torch.Tensor):
            out[prefix + str(k)] = v.detach().contiguous().clone()
        elif isinstance(v, dict):
            out |= flat(v, prefix + str(k) + ".")
    return out


def expect(path, weights_only=True):
    tensors = flat(torch.load(path, weights_only=weights_only))
    path.with_suffix(".safetensors").write_bytes(serialize(tensors))


def save(name, obj, **kwargs):
    torch.save(obj, HERE / name, **kwargs)
    expect(HERE / name, weights_only=kwargs.get("pickle_protocol", 2) < 4)


def save_zip64(name, obj):
    """The same archive with every number of its directory in 64 bits, as archives over 4 GB have it."""
    buffer = io.BytesIO()
    torch.save(obj, buffer)
    out, directory, n = io.BytesIO(), io.BytesIO(), 0
    archive = zipfile.ZipFile(buffer)
    for info in archive.infolist():
        data, at, file = archive.read(info), out.tell(), info.filename.encode()
        pad = -(at + 30 + len(file) + 4) % 64
        out.write(struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(file), pad + 4) + file)
        out.write(struct.pack("<HH", 0x4246, pad) + b"Z" * pad + data)
        extra = struct.pack("<HHQQQ", 1, 24, len(data), len(data), at)
        directory.write(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 33, zlib.crc32(data), 0xFFFFFFFF, 0xFFFFFFFF, len(file), len(extra), 0, 0, 0, 0, 0xFFFFFFFF) + file + extra)
        n += 1
    at, size = out.tell(), directory.tell()
    out.write(directory.getvalue())
    end = out.tell()
    out.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, n, n, size, at) + struct.pack("<IIQI", 0x07064B50, 0, end, 1))
    out.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    (HERE / name).write_bytes(out.getvalue())
    expect(HERE / name)


class Named:
    """Something that is pickled as a name."""

    def __init__(self, name):
        self.name = name


class TarPickler(pickle._Pickler):
    def save(self, obj, *args, **kwargs):
        if isinstance(obj, Named):
            self.write(b"c" + obj.name.replace(".", "\n", 1).encode() + b"\n")
        else:
            super().save(obj, *args, **kwargs)

    def persistent_id(self, obj):
        return id(obj) if isinstance(obj, torch.Tensor) else None


def save_tar(name, obj):
    """As torch 0.1.9 wrote it: storages, tensors and the object are members of their own."""
    def dump(value, to):
        TarPickler(to, 2).dump(value)

    storages, tensors, members = io.BytesIO(), io.BytesIO(), {}
    flat_tensors = [v for v in obj.values()]
    roots = {v.untyped_storage().data_ptr(): v for v in flat_tensors}
    dump(len(roots), storages)
    for key, v in roots.items():
        dump((key, "cpu", Named("torch.%sStorage" % ("Float" if v.dtype == torch.float32 else "Long"))), storages)
        storages.write(struct.pack("<q", v.untyped_storage().nbytes() // v.element_size()) + bytes(v.untyped_storage()))
    views = [(7, next(iter(roots)), 2, 6)]          # six elements of the first storage
    dump(views, storages)
    dump(len(flat_tensors) + 1, tensors)
    of_view = torch.empty(2, 3)
    for v in flat_tensors + [of_view]:
        storage, first = (7, 0) if v is of_view else (v.untyped_storage().data_ptr(), v.storage_offset())
        dump((id(v), storage, Named("torch.FloatTensor")), tensors)
        tensors.write(struct.pack("<ii", v.dim(), 0) + struct.pack("<%dq" % v.dim(), *v.shape) + struct.pack("<%dq" % v.dim(), *v.stride()) + struct.pack("<q", first))
    members = io.BytesIO()
    dump(obj | {"of_view": of_view}, members)
    with tarfile.open(HERE / name, "w:", format=tarfile.PAX_FORMAT) as tar:
        for member, data in (("storages", storages), ("tensors", tensors), ("pickle", members)):
            info = tarfile.TarInfo(member)
            info.size = len(data.getvalue())
            tar.addfile(info, io.BytesIO(data.getvalue()))
    expect(HERE / name, weights_only=False)


def save_python2(name):
    """Strings as Python 2 pickled them (SHORT_BINSTRING), and an OrderedDict by a list of pairs."""
    def text(s):
        return b"U" + bytes([len(s)]) + s.encode()

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04Nt" + b"Q"
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\x00K\x02K\x02\x86K\x02K\x01\x86tR"
    body = b"\x80\x02ccollections\nOrderedDict\n](](" + text("weight") + tensor + b"ee\x85R."
    facts = b"\x80\x02}(" + text("little_endian") + b"\x88" + text("protocol_version") + b"M\xe9\x03u."
    head = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + facts
    keys = b"\x80\x02]" + text("0") + b"a."
    (HERE / name).write_bytes(head + body + keys + struct.pack("<q4f", 4, 1.0, -2.0, 3.5, 4.25))
    expect(HERE / name, weights_only=False)


def converted(name):
    """The floating-point numbers of a file as another type; those of eight bits stay."""
    tensors = flat(torch.load((HERE / name).with_suffix(".bin")))
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        out = {k: v.to(dtype) if v.is_floating_point() and v.element_size() > 1 else v for k, v in tensors.items()}
        (HERE / (name + "-" + str(dtype).split(".")[1] + ".safetensors")).write_bytes(serialize(out))


def save_archive(name, change, compression=zipfile.ZIP_STORED):
    """An archive that torch would not have written: change() gets its files as a dict."""
    buffer = io.BytesIO()
    torch.save(some(), buffer)
    archive = zipfile.ZipFile(buffer)
    files = {n: archive.read(n) for n in archive.namelist()}
    change(files)
    with zipfile.ZipFile(HERE / name, "w") as out:
        for file, data in files.items():
            out.writestr(zipfile.ZipInfo(file), data, compress_type=compression)


def shards(folder):
    """pytorch_model.bin.index.json and two files; one has a tensor that the index places in the other."""
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()
    state = some()
    names = list(state)
    parts = {"pytorch_model-00001-of-00002.bin": names[:3], "pytorch_model-00002-of-00002.bin": names[3:]}
    for file, part in parts.items():
        torch.save({n: state[n] for n in part} | ({} if part[0] == names[0] else {names[0]: torch.zeros(1)}), HERE / folder / file)
    rows = ",\n    ".join('"%s": "%s"' % (n, f) for f, part in parts.items() for n in part)
    (HERE / folder / "pytorch_model.bin.index.json").write_text('{\n  "metadata": {"total_size": 180},\n  "weight_map": {\n    %s\n  }\n}\n' % rows)
    (HERE / folder / "expected.safetensors").write_bytes(serialize(dict(state)))


def model(folder, source, **kwargs):
    """A model of another fixture whose weights are a .bin alone."""
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()
    source = HERE.parent / source
    shutil.copy(source / "config.json", HERE / folder)
    torch.save(load_file(source / "model.safetensors"), HERE / folder / "pytorch_model.bin", **kwargs)


if __name__ == "__main__":
    legacy = {"_use_new_zipfile_serialization": False}
    save("dtypes.bin", dtypes())
    converted("dtypes")
    save("protocol-3.pt", some(), pickle_protocol=3)
    save("protocol-4.pt", lightning(), pickle_protocol=4)
    save("protocol-5.pt", some(), pickle_protocol=5)
    save("strided.pth", strided())
    save("shared.pt", shared())
    save("parameter-with-state.pt", parameter_with_state())
    save("module.pth", module())
    save("lightning.ckpt", lightning())
    save("nested.pt", nested())
    save("legacy.bin", some(), **legacy)
    save("legacy-strided.bin", strided(), **legacy)
    save("legacy-shared.bin", shared(), **legacy)
    save_zip64("zip64.pt", some())
    base = torch.randn(3, 4)
    save_tar("tar.pt", {"a": base, "b": base.t(), "c": torch.arange(5)})
    save_python2("python2.pt")
    save_archive("script.pt", lambda files: files.update({"archive/constants.pkl": b""}))
    save_archive("deflated.pt", lambda files: None, zipfile.ZIP_DEFLATED)
    save_archive("short.pt", lambda files: files.update({"archive/data/0": files["archive/data/0"][4:]}))
    shards("shards")
    model("bert", "text-encoders/bert/pretraining")
    model("bert-legacy", "text-encoders/bert/pretraining", **legacy)
