# SPDX-License-Identifier: Apache-2.0
"""What the drivers of store-writer share: sizes, a video, checks with the closing line of the C programs, loop devices."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback


class Skip(Exception):
    """What is not there."""


def size(ordinary, nightly):
    """As vigil_test_size() of tests/support."""
    part = min(max(float(os.environ.get("VIGIL_NIGHTLY") or 0), 0), 1)
    return max(ordinary, int(part * nightly)) if part > 0 else ordinary


def figure(text):
    print(f"FIGURE: {text}", flush=True)


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Skip(f"no {tool}")


def run(*command, **more):
    """A command that must work; its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def make_video(path, seconds=4):
    """Fragments of a second, as the recorder makes them."""
    need("gst-launch-1.0")
    run("gst-launch-1.0", "-q", "videotestsrc", f"num-buffers={seconds * 10}", "pattern=ball", "!",
        "video/x-raw,format=I420,width=64,height=48,framerate=10/1", "!", "x264enc", "key-int-max=10", "bitrate=64", "!", "h264parse",
        "!", "mp4mux", "fragment-duration=1000", "streamable=true", "!", "filesink", f"location={path}")


class Writer:
    """store-writer at work: what it acknowledged is collected while it runs."""

    def __init__(self, program, folder, video, first=1, last=1000000, prefix=()):
        self.lines = []
        self.process = subprocess.Popen([*prefix, program, "write", folder, video, str(first), str(last)],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        start_new_session=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.lines.append(line)

    def acknowledged(self):
        return [line for line in list(self.lines) if line[0] in "bef"]

    def last_number(self):
        return max((int(line.split()[1]) for line in self.acknowledged()), default=0)

    def kill(self):
        """With who traces it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait()

    def wait(self):
        status = self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        return status


def check(program, folder, video, lines):
    """The next start, and what it finds; fails with the findings. Returns the numbers of events and of segments."""
    done = subprocess.run([program, "check", folder, video], input="".join(lines), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-1000:]}"
    words = done.stdout.split()
    return int(words[-6]), int(words[-4])


class Loop:
    """A file as a block device."""

    def __init__(self, path):
        done = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no loop device: {done.stderr.strip()}")
        self.device = done.stdout.strip()

    def close(self):
        for _ in range(50):
            if subprocess.run(["losetup", "-d", self.device], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)


class NetworkDisk:
    """What nbdkit serves, as a block device."""

    def __init__(self, folder, *arguments):
        self.socket, self.point = os.path.join(folder, "nbd.sock"), os.path.join(folder, "nbd")
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        with open(self.point, "w", encoding="ascii"):
            pass
        self.fuse = None
        self.server = subprocess.Popen(["nbdkit", "-f", "-U", self.socket, *arguments],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(lambda: os.path.exists(self.socket))
        self.fuse = subprocess.Popen(["nbdfuse", self.point, f"nbd+unix:///?socket={self.socket}"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait(lambda: os.path.getsize(self.point) > 0)
        self.loop = Loop(self.point)

    def _wait(self, ready):
        for _ in range(200):
            if ready():
                return
            time.sleep(0.05)
        for process in (self.fuse, self.server):
            if process:
                process.kill()
                process.wait()
        raise Skip("nbdkit and nbdfuse do not give a disk")

    def close(self):
        self.loop.close()
        subprocess.run(["umount", "-l", self.point], capture_output=True, check=False)
        for process in (self.fuse, self.server):
            process.kill()
            process.wait()


def mount(device, folder, *more):
    os.makedirs(folder, exist_ok=True)
    try:
        run("mount", *more, device, folder)
    except AssertionError as error:
        if "permission denied" not in str(error):
            raise
        raise Skip("no permission to mount") from error


def umount(path):
    for _ in range(50):
        if subprocess.run(["umount", path], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", path], capture_output=True, check=False)


def main(name, tests, private_mounts=False, parent="/var/tmp"):
    """Runs functions that take a folder of their own; prints what check's programs print."""
    if private_mounts and os.environ.get("VIGIL_PRIVATE_MOUNTS") != "1":
        os.environ["VIGIL_PRIVATE_MOUNTS"] = "1"
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
            print(f"Running suite(s): {name}\nSKIP: no permission to mount\n100%: Checks: 0, Failures: 0, Errors: 0")
            return 0
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    print(f"Running suite(s): {name}", flush=True)
    # a test that is told to end takes its devices and processes with it
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    failures = skipped = 0
    for test in tests:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="vigil-fault-", dir=parent if os.access(parent, os.W_OK) else None, ignore_cleanup_errors=True) as folder:
            try:
                test(folder)
                print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
            except Skip as reason:
                skipped += 1
                print(f"SKIP: {test.__name__}: {reason}", flush=True)
            except (AssertionError, OSError) as error:
                failures += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"{where.filename}:{where.lineno}:F:{test.__name__}: {error}", flush=True)
    n = len(tests) - skipped
    print(f"{100 * (n - failures) // n if n else 100}%: Checks: {n}, Failures: {failures}, Errors: 0")
    return 1 if failures else 0
