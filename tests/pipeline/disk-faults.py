#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""disk-faults.py VIGIL SPOT-PACKAGE [RTSP-SERVER]: the daemon on disks that are full, fail or turn read-only, and with a clock that jumps.

It plays a video in which a light shines every four seconds. Whatever happens to the disk, it goes on looking; when the disk is
well again, it stores again; what it had reported is there.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import fault_rig as rig  # noqa: E402

VIGIL, SPOT_PACKAGE = (os.path.realpath(path) for path in sys.argv[1:3])
RTSP_SERVER = sys.argv[3] if len(sys.argv) > 3 else None
CYCLE_S = 4
NOTICED_S = 30
BEGIN = re.compile(r'"type":"begin".*?"id":"(\w{26})"|"id":"(\w{26})".*?"type":"begin"')
FAKETIME = "/usr/lib/{}/faketime/libfaketimeMT.so.1"


def prepare(folder):
    rig.need("ffmpeg")
    video = os.path.join(folder, "video.mp4")
    rig.run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:s=160x96:r=10:d=240", "-f", "lavfi", "-i", "color=white:s=48x48:r=10:d=240",
            "-filter_complex", f"overlay=x='100-mod(n,20)':y=24:enable='between(mod(t,{CYCLE_S}),1,2.5)'", "-c:v", "libx264", "-preset", "ultrafast",
            "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p", video)
    rig.run(SPOT_PACKAGE, os.path.join(folder, "spot"))


class Camera:
    """The video again, as a live stream: what is not live may be run again and ends when its disk fails."""

    def __init__(self, folder):
        if not RTSP_SERVER:
            raise rig.Skip("no RTSP server was built")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen([RTSP_SERVER, str(port), os.path.join(folder, "video.mp4")], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.address = f"rtsp://127.0.0.1:{port}/live"

    def close(self):
        self.process.kill()
        self.process.wait()


class Daemon:
    def __init__(self, folder, store, more_env=None, source=None):
        config = os.path.join(folder, "vigil.yaml")
        self.store, self.log = store, os.path.join(folder, "log")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"store: {{path: '{store}', max_age: 7d}}\nmodel: {{path: '{folder}/spot'}}\ncameras:\n  - name: yard\n"
                       f"    source: '{source or f'file://{folder}/video.mp4'}'\n    rules:\n"
                       "      - {name: light, classes: [light], end_after: 0.5s, record: {pre: 1s, post: 1s}}\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([VIGIL, "run", config], stdout=log, stderr=log, env={**os.environ, **(more_env or {})})

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def begun(self):
        return [a or b for a, b in BEGIN.findall(self.text())]

    def await_begun(self, n, seconds):
        """Until so many events have begun; how long that took."""
        begin = time.monotonic()
        while len(self.begun()) < n:
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}: {self.text()[-3000:]}"
            assert time.monotonic() - begin < seconds, f"{len(self.begun())} of {n} events after {seconds} s: {self.text()[-3000:]}"
            time.sleep(0.1)
        return time.monotonic() - begin

    def status(self):
        try:
            return json.loads(rig.run(VIGIL, "status", "--json", "--store", self.store))
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.process.poll()}: {self.text()[-3000:]}") from error

    def looked_at(self):
        return self.status()["cameras"][0]["detection"]["inferred"]

    def await_health(self, wanted, seconds):
        """What the canary says of the disk; how long until then."""
        begin = time.monotonic()
        while (health := self.status()["disk"]["health"]) != wanted:
            assert time.monotonic() - begin < seconds, f"the disk is {health} after {seconds} s: {self.text()[-3000:]}"
            time.sleep(0.5)
        return time.monotonic() - begin

    def goes_on_looking(self, seconds):
        before = self.looked_at()
        time.sleep(seconds)
        after = self.looked_at()
        assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}"
        assert after > before, f"nothing was looked at in {seconds} s: {self.text()[-3000:]}"
        return (after - before) / seconds

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the daemon does not end: {self.text()[-3000:]}") from None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def stored(store):
    return [json.loads(line)["id"] for line in rig.run(VIGIL, "events", "--store", store, "--format", "json").splitlines()]


def check_after(daemon, reported):
    """Nothing of what was reported is missing, nothing is there twice, database and clips fit."""
    rig.run(VIGIL, "fsck", "--repair", "--store", daemon.store)
    found = rig.run(VIGIL, "fsck", "--store", daemon.store)
    assert "0 found, 0 left" in found, found
    there = stored(daemon.store)
    assert len(there) == len(set(there)), "an id twice"
    missing = [event for event in reported if event not in there]
    assert not missing, f"{len(missing)} of {len(reported)} reported events are missing"


class Filler:
    """Somebody else who takes every byte that is free."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "ballast")
        self.going = True
        self.thread = threading.Thread(target=self._fill)
        self.thread.start()

    def _fill(self):
        block = bytes(4096)
        with open(self.path, "wb", buffering=0) as file:
            while self.going:
                try:
                    file.write(block)
                except OSError:
                    time.sleep(0.02)

    def stop(self):
        self.going = False
        self.thread.join()
        os.unlink(self.path)


def full_disk(folder):
    prepare(folder)
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    rig.mount("none", disk, "-t", "tmpfs", "-o", "size=16m")
    store = os.path.join(disk, "store")
    daemon = Daemon(folder, store)
    filler = None
    try:
        daemon.await_begun(2, 60)
        filler = Filler(disk)
        rate = daemon.goes_on_looking(rig.size(10, 60))
        filler.stop()
        filler = None
        n = len(daemon.begun())
        seconds = daemon.await_begun(n + 1, 10 + CYCLE_S)
        daemon.await_begun(n + 2, 60)
        daemon.stop()
        check_after(daemon, daemon.begun()[n:])
        rig.figure(f"disk full: {rate:.1f} frames/s looked at meanwhile; the next event was stored {seconds:.1f} s after there was space "
                   f"(a light each {CYCLE_S} s); 0 corrupt")
    finally:
        if filler:
            filler.stop()
        daemon.kill()
        rig.umount(disk)


def survive(folder, image, point, break_disk, what):
    """A daemon on a disk that breaks; then another one is put in, with what the first one held."""
    store = os.path.join(point, "store")
    camera = Camera(folder)
    daemon = Daemon(folder, store, source=camera.address)
    other = None
    try:
        daemon.await_begun(2, 60)
        daemon.await_health("ok", 30)
        before = daemon.begun()
        break_disk()
        noticed = daemon.await_health("degraded", NOTICED_S)
        rate = daemon.goes_on_looking(rig.size(10, 60))
        assert "the disk failed" in daemon.text(), f"nothing failed: {daemon.text()[-3000:]}"
        other = rig.Loop(shutil.copyfile(image, image + ".copy"))
        subprocess.run(["fsck.ext4", "-f", "-y", other.device], capture_output=True, check=False)
        # over the first one: there is never an empty folder in its place, where a store could begin anew
        rig.mount(other.device, point)
        n = len(daemon.begun())
        seconds = daemon.await_begun(n + 1, 60)
        daemon.stop()
        check_after(daemon, before[:-1] + daemon.begun()[n:])
        rig.figure(f"{what}: the status says so after {noticed:.0f} s; {rate:.1f} frames/s looked at meanwhile; the next event was stored {seconds:.1f} s after there was another disk; "
                   "0 lost, 0 corrupt")
    finally:
        daemon.kill()
        camera.close()
        for _ in range(2):
            subprocess.run(["umount", "-l", point], capture_output=True, check=False)
        if other:
            other.close()


def read_only(folder):
    """ext4 that finds itself damaged and writes no more."""
    rig.need("mkfs.ext4", "losetup")
    prepare(folder)
    image, point = os.path.join(folder, "image"), os.path.join(folder, "disk")
    rig.run("truncate", "-s", "64M", image)
    rig.run("mkfs.ext4", "-q", "-F", "-e", "remount-ro", image)
    os.mkdir(point)
    loop = rig.Loop(image)
    trigger = f"/sys/fs/ext4/{os.path.basename(loop.device)}/trigger_fs_error"

    def break_disk():
        try:
            with open(trigger, "w", encoding="ascii") as file:
                file.write("a test\n")
        except OSError as error:
            raise rig.Skip(f"{trigger}: {error}") from error

    try:
        rig.mount(loop.device, point)
        survive(folder, image, point, break_disk, "disk read-only")
    finally:
        loop.close()


def failing_disk(folder):
    """Every write to the block device gives EIO."""
    rig.need("nbdkit", "nbdfuse", "mkfs.ext4", "losetup")
    prepare(folder)
    image, point, trigger = (os.path.join(folder, name) for name in ("image", "disk", "trigger"))
    rig.run("truncate", "-s", "64M", image)
    rig.run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
    os.mkdir(point)
    disk = rig.NetworkDisk(folder, "--filter=error", "file", image, "error=EIO", "error-pwrite-rate=100%", f"error-file={trigger}")

    def break_disk():
        with open(trigger, "w", encoding="ascii"):
            pass

    try:
        rig.mount(disk.loop.device, point)
        survive(folder, image, point, break_disk, "writes to the disk fail")
    finally:
        disk.close()


def clock_jumps(folder):
    """The wall clock of the whole program is set to other times while it runs."""
    library = FAKETIME.format(os.uname().machine + "-linux-gnu")
    if not os.path.exists(library):
        raise rig.Skip("no faketime")
    prepare(folder)
    stamp = os.path.join(folder, "time")
    jumps = {"a year ahead": "+366d", "back again": "+0", "a year back": "-366d", "an hour ahead": "+1h", "an hour back": "-1h",
             "a second back": "-3601", "1970": "@1970-01-01 00:00:10"}

    def set_clock(text):
        with open(stamp + ".new", "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.rename(stamp + ".new", stamp)

    set_clock("+0")
    store = os.path.join(folder, "store")
    daemon = Daemon(folder, store, {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": stamp, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                                    "FAKETIME_CACHE_DURATION": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0", "TZ": "UTC"})
    try:
        daemon.await_begun(1, 60)
        for name, text in jumps.items():
            n = len(daemon.begun())
            set_clock(text)
            daemon.goes_on_looking(2)
            try:
                daemon.await_begun(n + 1, 20)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
        reported = daemon.begun()
        daemon.stop()
        check_after(daemon, reported)
        rig.figure(f"{len(jumps)} jumps of the clock of the whole program: {len(reported)} events, 0 lost, 0 ids twice, 0 deleted, "
                   "none that held it up")
    finally:
        daemon.kill()


if __name__ == "__main__":
    sys.exit(rig.main("disk-faults", [full_disk, read_only, failing_disk, clock_jumps], private_mounts=True))
