# SPDX-License-Identifier: LGPL-2.1-or-later
"""The genuine clients beside ours on one cache: before, after and at the same time, with and without links. Used by compare.py."""
import json
import shutil
import subprocess
from pathlib import Path

FETCH = "from huggingface_hub import snapshot_download; print(snapshot_download('org/whole'))"
SCAN = """
import json
from huggingface_hub import scan_cache_dir
scan = scan_cache_dir()
print(json.dumps({repo.repo_id: [len(repo.revisions), repo.size_on_disk, sorted(f.file_name for r in repo.revisions for f in r.files)] for repo in scan.repos}))
"""
DELETE = """
from huggingface_hub import scan_cache_dir
scan = scan_cache_dir()
scan.delete_revisions(*[r.commit_hash for repo in scan.repos for r in repo.revisions]).execute()
"""
# The server has no /paths-info: it is answered out of the listing.
NPM = """
import { snapshotDownload, scanCacheDir } from "@huggingface/hub";
const hub = process.env.HF_ENDPOINT;
const log = console.debug; console.debug = () => {};
async function ask (url, init) {
  const at = String (url).match (/^(.*)[/]paths-info[/]([^?]*)$/);
  if (!at) return fetch (url, init);
  const { paths } = JSON.parse (init.body), reply = await fetch (`${at[1]}/tree/${at[2]}?recursive=true`, { headers: init.headers });
  return Response.json ((await reply.json ()).filter ((file) => paths.includes (file.path)));
}
"""
NPM_FETCH = NPM + 'console.log (await snapshotDownload ({ repo: "org/whole", hubUrl: hub, fetch: ask }));'
NPM_SCAN = NPM + """
const scan = await scanCacheDir (), out = {};
for (const repo of scan.repos)
  out[repo.id.name] = [repo.revisions.length, repo.size, repo.revisions.flatMap ((r) => r.files.map ((f) => f.path.split ("/").pop ())).sort ()];
console.log (JSON.stringify (out));
"""


def find(peers):
    """name -> (command that downloads, that scans, that deletes, folder to run in)"""
    found = {}
    for version in (1, 2):
        python = peers / f"v{version}/bin/python"
        if python.exists():
            found[f"huggingface_hub {version}.x"] = ([python, "-c", FETCH], [python, "-c", SCAN], [python, "-c", DELETE], None)
    if (peers / "js/node_modules/@huggingface/hub").exists() and shutil.which("node"):
        node = ["node", "--input-type=module", "-e"]
        found["@huggingface/hub"] = (node + [NPM_FETCH], node + [NPM_SCAN], None, peers / "js")
    return found


def snapshot(path):
    """What a program that opens files in it sees."""
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(Path(path).rglob("*")) if p.is_file()}


def call(command, env, cwd):
    run = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return run.returncode, run.stdout.strip().split("\n")[-1], run.stderr


def compare(check, ours, tool, environment, endpoint, folder, peers):
    clients = find(peers)
    check("clients: three are there", len(clients) == 3, str(list(clients)))
    status, path, why = ours(["org/whole"], environment(endpoint, folder / "clients-alone"))
    wanted = snapshot(path)
    for name, (fetch, scan, delete, cwd) in clients.items():
        def theirs(env, command=fetch, cwd=cwd):
            return call(command, env, cwd)

        for plain in (False, True):
            more = {"HF_HUB_DISABLE_SYMLINKS": "1"} if plain else {}
            for order in ("before", "after"):
                what = f"{name} {order} ours{', no links' if plain else ''}"
                home = folder / what.replace(" ", "-").replace("/", "-")
                env = environment(endpoint, home, **more)
                first, second = (theirs, lambda e: ours(["org/whole"], e)) if order == "before" else (lambda e: ours(["org/whole"], e), theirs)
                (a, path, why), (b, again, why2) = first(env), second(env)
                check(f"{what}: both end well, at one place", a == 0 and b == 0 and path == again, f"{path} {again} {why} {why2}")
                check(f"{what}: file by file", a == 0 and snapshot(path) == wanted)
                check(f"{what}: verify", subprocess.run([tool, "cache", "verify", "org/whole"], env=env, capture_output=True).returncode == 0)
                status, offline, why = ours(["org/whole"], environment("http://127.0.0.1:9", home, HF_HUB_OFFLINE="1", **more))
                check(f"{what}: ours offline", status == 0 and offline == path, why)
                compare_scan(check, what, tool, scan, delete, env, cwd)
        together(check, name, tool, fetch, cwd, environment(endpoint, folder / f"together-{name.replace('/', '-').replace(' ', '-')}"), wanted)


def compare_scan(check, what, tool, scan, delete, env, cwd):
    status, text, why = call(scan, env, cwd)
    mine = json.loads(subprocess.run([tool, "cache", "ls", "--format", "json"], env=env, capture_output=True, text=True).stdout)
    theirs = json.loads(text) if status == 0 else {}
    check(f"{what}: scan", [r["repo_id"] for r in mine] == list(theirs) == ["org/whole"], why)
    if delete is None or "before" in what:
        done = subprocess.run([tool, "cache", "rm", "model/org/whole", "-y"], env=env, capture_output=True).returncode
    else:
        done = call(delete, env, cwd)[0]
    left = json.loads(subprocess.run([tool, "cache", "ls", "--format", "json"], env=env, capture_output=True, text=True).stdout or "[]")
    status, text, why = call(scan, env, cwd)
    check(f"{what}: deleted for both", done == 0 and left == [] and json.loads(text or "{}") == {}, why)


def together(check, name, tool, fetch, cwd, env, wanted):
    # @huggingface/hub gives each incomplete file one name, which two of it would both write to
    commands = [[tool, "download", "org/whole"]] * 3 + [fetch] * (1 if cwd else 2)
    running = [subprocess.Popen(c, env=env, cwd=cwd if c is fetch else None, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for c in commands]
    outputs = [p.communicate()[0].strip().split("\n")[-1] for p in running]
    check(f"{name} with ours at once: all end well", all(p.returncode == 0 for p in running), str([p.returncode for p in running]))
    check(f"{name} with ours at once: one place", len(set(outputs)) == 1, str(outputs))
    check(f"{name} with ours at once: file by file", snapshot(outputs[0]) == wanted)
    check(f"{name} with ours at once: nothing incomplete", not list(Path(env["HF_HOME"]).rglob("*.incomplete")))
