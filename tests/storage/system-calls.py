#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""system-calls.py STORE-WRITER: every N-th system call that changes the disk is the last one, or fails, once or from then on.

The writer begins on what a killed one left, so the calls of recovery are among them. After each the next start must find all
that was acknowledged, and no file may have been synced again after a sync of it had failed, unless it was opened anew.
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import fault_rig as rig  # noqa: E402

PROGRAM = os.path.realpath(sys.argv[1])
CALLS = ("pwrite64", "fdatasync", "fsync", "renameat2", "unlink", "unlinkat", "ftruncate", "openat", "mkdirat")
FAULTS = {"killed": "signal=KILL:when={n}", "EIO once": "error=EIO:when={n}", "EIO": "error=EIO:when={n}+",
          "ENOSPC once": "error=ENOSPC:when={n}", "ENOSPC": "error=ENOSPC:when={n}+"}
FIRST, LAST = 101, 104
CALL = re.compile(r"^\d+ +(\w+)\((?:(\d+)<([^>]*)>)?.*?\) += (-?\d+)(?:<([^>]*)>)?(.*)$", re.MULTILINE)


def prepare(folder, video):
    """A store with five events, and one more of which the writer died."""
    store, fresh = os.path.join(folder, "wreck", "store"), os.path.join(folder, "fresh")
    rig.run(PROGRAM, "write", store, video, "1", "5")
    shutil.copytree(store, fresh)
    lines = []
    for n in range(30, 300, 3):
        # of one that died only: each leaves a segment that is open
        shutil.rmtree(store)
        shutil.copytree(fresh, store)
        writer = rig.Writer(PROGRAM, store, video, 6, 7, prefix=(
            "strace", "-f", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", f"inject=pwrite64:signal=KILL:when={n}"))
        writer.wait()
        lines = writer.acknowledged()
        if lines:
            break
    assert lines == ["b 6\n"], f"not the wreck that was wanted: {lines}"
    return ["b 1\n", "e 2\n", "f 3\n", "f 5\n", *lines]


def work(folder, video, inject):
    """The writer under strace on a copy of the wreck. Returns its lines and the log."""
    live, log = os.path.join(folder, "live"), os.path.join(folder, "log")
    shutil.rmtree(live, ignore_errors=True)
    shutil.copytree(os.path.join(folder, "wreck"), live)
    writer = rig.Writer(PROGRAM, os.path.join(live, "store"), video, FIRST, LAST, prefix=(
        "strace", "-f", "-y", "-s", "0", "-o", log, "-e", "trace=" + ",".join(CALLS), *inject))
    writer.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        return writer.acknowledged(), file.read()


def count_calls(log, folder):
    """How often each is called, and from which on it is the store's: libraries are opened before."""
    counts, begin = dict.fromkeys(CALLS, 0), 1
    for call in CALL.finditer(log):
        counts[call[1]] += 1
        if call[1] == "openat" and begin == 1 and os.path.join(folder, "live") in (call[5] or ""):
            begin = counts["openat"]
    return counts, begin


def find_repeated_sync(log):
    """A file that was synced again after that had failed, without having been opened in between."""
    failed = set()
    for call in CALL.finditer(log):
        name, _, path, result, opened, _ = call.groups()
        if name == "openat":
            failed.discard(opened)
        elif name in ("fsync", "fdatasync"):
            if path in failed:
                return path
            if int(result) < 0:
                failed.add(path)
    return None


def fail_one(folder, video, before, call, fault, n):
    where = f"{call} {n}, {fault}"
    lines, log = work(folder, video, ("-e", f"inject={call}:" + FAULTS[fault].format(n=n)))
    try:
        rig.check(PROGRAM, os.path.join(folder, "live", "store"), video, before + lines)
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    again = find_repeated_sync(log)
    assert not again or fault == "killed", f"{where}: {again} was synced again"
    if fault.endswith("once"):
        done = sum(line.startswith("f ") for line in lines)
        assert done >= LAST - FIRST, f"{where}: only {done} events after it: {lines}"
    assert fault == "killed" or "INJECTED" in log, f"{where}: nothing failed"


def each_call(folder):
    rig.need("strace")
    video = os.path.join(folder, "video.mp4")
    rig.make_video(video)
    before = prepare(folder, video)
    lines, log = work(folder, video, ())
    assert f"f {LAST}\n" in lines
    counts, begin = count_calls(log, folder)
    # make check takes some of them, make nightly each
    stride = max(1, round(70 / rig.size(1, 70)))
    total = 0
    for fault in FAULTS:
        points = [(call, n) for call in CALLS for n in range(begin if call == "openat" else 1, counts[call] + 1)]
        # at each end of the first one something else
        points = points[len(fault) % stride::stride]
        for call, n in points:
            fail_one(folder, video, before, call, fault, n)
        total += len(points)
        rig.figure(f"{fault}: {len(points)} of the calls {', '.join(f'{counts[call]} {call}' for call in CALLS if counts[call])}; "
                   "0 lost, 0 false acknowledgements, 0 repeated syncs, 0 corrupt")
    assert total > 10


if __name__ == "__main__":
    sys.exit(rig.main("system-calls", [each_call], parent="/dev/shm"))
