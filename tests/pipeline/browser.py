#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""browser.py VIGIL: a browser plays the clips that a replay of the sample video made, whole and cut off anywhere.

Chromium says what it saw to a server of this script: the length, and of some moments how much the pictures differ from one colour. Clips
carry boxes that only Vigil reads, between fragments that a power cut may end anywhere: neither may keep a browser from playing them.
"""
import glob
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import fault_rig as rig  # noqa: E402

VIGIL = os.path.realpath(sys.argv[1])
ROOT = os.path.realpath(os.environ["VIGIL_SOURCE_ROOT"])
PLAYED_S = 60 * float(os.environ.get("CK_TIMEOUT_MULTIPLIER") or 1)

# Plays a clip from its begin, then asks for a moment near its end; what was seen is sent to /seen.
PAGE = """<!doctype html><meta charset="utf-8"><title>clip</title><canvas width="64" height="36"></canvas><script>
const video = document.createElement("video"), seen = {times: [], spreads: []};
const tell = (error) => fetch("/seen", {method: "POST", body: JSON.stringify({...seen, error})});
const look = () => {
    const context = document.querySelector("canvas").getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const pixels = context.getImageData(0, 0, 64, 36).data.filter((_, i) => i % 4 === 1);
    const mean = pixels.reduce((a, b) => a + b, 0) / pixels.length;
    seen.times.push(video.currentTime);
    seen.spreads.push(Math.sqrt(pixels.reduce((a, b) => a + (b - mean) ** 2, 0) / pixels.length));
};
const until = (name) => new Promise((resolve) => video.addEventListener(name, resolve, {once: true}));
video.muted = true;
video.onerror = () => tell(video.error.message || "error " + video.error.code);
video.src = "/clip.mp4";
(async () => {
    await until("loadeddata");
    seen.width = video.videoWidth;
    seen.height = video.videoHeight;
    video.playbackRate = 8;
    const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    const ended = until("ended");
    await video.play();
    await shown;
    look();
    await ended;
    seen.length = video.currentTime;
    look();
    video.currentTime = seen.length / 2;
    await until("seeked");
    look();
    tell(null);
})();
</script>"""


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, clip):
        super().__init__(("127.0.0.1", 0), Handler)
        self.clip, self.seen, self.done = clip, None, threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/clip.mp4":
            self.send_clip()
        elif self.path == "/":
            self.answer(200, "text/html", PAGE.encode())
        else:
            self.answer(404, "text/plain", b"")

    def do_POST(self):
        self.server.seen = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, "text/plain", b"")
        self.server.done.set()

    def send_clip(self):
        wanted = self.headers.get("Range")
        if not wanted:
            self.answer(200, "video/mp4", self.server.clip, ("Accept-Ranges", "bytes"))
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = int(first), min(int(last or len(self.server.clip)), len(self.server.clip) - 1)
        self.answer(206, "video/mp4", self.server.clip[first:last + 1], ("Accept-Ranges", "bytes"),
                    ("Content-Range", f"bytes {first}-{last}/{len(self.server.clip)}"))

    def answer(self, status, kind, body, *headers):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # a player that has read enough

    def log_message(self, *_):
        pass


def play(browser, folder, clip):
    """What the browser saw of the bytes of a clip."""
    with Server(clip) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        profile = os.path.join(folder, "profile")
        process = subprocess.Popen(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_address[1]}/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            assert server.done.wait(PLAYED_S), f"the browser said nothing in {PLAYED_S:.0f} s"
        finally:
            os.killpg(process.pid, 9)
            process.wait()
            server.shutdown()
            shutil.rmtree(profile, ignore_errors=True)
        return server.seen


def length_of(path):
    return float(rig.run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0",
                         path).split()[-1].split(",")[0])


def make_clips(folder):
    rig.need("ffprobe")
    browser = shutil.which("chromium")
    if not browser:
        raise rig.Skip("no chromium")
    rig.run(os.path.join(ROOT, "configs", "demo.sh"), os.path.dirname(os.path.dirname(VIGIL)), folder)
    clips = sorted(glob.glob(os.path.join(folder, "store", "clips", "**", "*.mp4"), recursive=True))
    assert clips, "the replay made no clip"
    return browser, clips


def check_seen(seen, width, height, length):
    assert seen["error"] is None, f"the browser refused the clip: {seen['error']}"
    assert (seen["width"], seen["height"]) == (width, height), seen
    assert abs(seen["length"] - length) < 0.5, f"{seen['length']:.2f} s were played of {length:.2f}"
    assert min(seen["spreads"]) > 5, f"pictures of one colour: {seen}"


def size_of(path):
    return [int(number) for number in rig.run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of",
                                              "csv=p=0", path).split()[0].split(",")]


def whole_clips(folder):
    browser, clips = make_clips(folder)
    for path in clips:
        with open(path, "rb") as file:
            check_seen(play(browser, folder, file.read()), *size_of(path), length_of(path))
    rig.figure(f"{len(clips)} whole clips played")


def cut_clips(folder):
    """As a power cut leaves them, and the next start finds them: what lies before the cut is played."""
    browser, clips = make_clips(folder)
    n = rig.size(4, 100)
    with open(clips[0], "rb") as file:
        whole = file.read()
    first = whole.index(b"moof", whole.index(b"moof") + 4)  # by here there is one whole fragment
    for i in range(n):
        length = first + (len(whole) - first) * i // n + 37 * i % 1000
        with open(clips[0], "wb") as file:
            file.write(whole[:length])
        with sqlite3.connect(os.path.join(folder, "store", "events.db")) as database:
            changed = database.execute("UPDATE clips SET state = 'open', hash = NULL WHERE ? LIKE '%' || path", (clips[0],)).rowcount
        database.close()
        assert changed == 1, "the store does not know the clip"
        subprocess.run([VIGIL, "fsck", "--repair", "--store", os.path.join(folder, "store")], stdout=subprocess.DEVNULL, check=False)
        with open(clips[0], "rb") as file:
            seen = play(browser, folder, file.read())
        assert seen["error"] is None, f"cut at {length}: {seen['error']}"
        at_least = whole[:length].count(b"moof") - 2  # fragments of a second, the last may be in part
        assert seen["length"] >= at_least - 0.5, f"cut at {length}: {seen['length']:.2f} s played of {at_least} fragments"
        assert min(seen["spreads"]) > 5, f"cut at {length}: {seen}"
    rig.figure(f"{n} cut clips played")


if __name__ == "__main__":
    sys.exit(rig.main("browser", [whole_clips, cut_clips]))
