#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""power-cut.py STORE-WRITER: the power goes while a store is written to.

Snapshots: ext4 in a loop image that lies on a file system with reflinks; a copy of the image is what the disk holds at that
moment, without what the kernel still had in memory. Volatile caches: a disk that keeps writes in its own memory until it is
told to flush, and is killed.
"""
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import fault_rig as rig  # noqa: E402

PROGRAM = os.path.realpath(sys.argv[1])
CUTS_A_STORE = 25
# syncs that say yes and do nothing
LIES = ("strace", "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:retval=0")


class Reflinks:
    """A folder whose files can be copied in no time: XFS of its own."""

    def __init__(self, folder):
        rig.need("mkfs.xfs", "mkfs.ext4", "losetup")
        image, self.folder = os.path.join(folder, "xfs"), os.path.join(folder, "reflinks")
        rig.run("truncate", "-s", "1G", image)
        rig.run("mkfs.xfs", "-q", "-m", "reflink=1", image)
        self.loop = rig.Loop(image)
        rig.mount(self.loop.device, self.folder)

    def close(self):
        rig.umount(self.folder)
        self.loop.close()


def check_image(image, folder, video, lines):
    """What stands on that disk, by the next start."""
    loop = rig.Loop(image)
    try:
        rig.mount(loop.device, folder)
        try:
            return rig.check(PROGRAM, os.path.join(folder, "store"), video, lines)
        finally:
            rig.umount(folder)
    finally:
        loop.close()


def cut_snapshots(reflinks, video, n_cuts, prefix=()):
    """One file system with a writer, and cuts while it writes. Returns the numbers of lines, events and segments that were checked."""
    disk, cut = os.path.join(reflinks, "disk"), os.path.join(reflinks, "cut")
    live, after = os.path.join(reflinks, "live"), os.path.join(reflinks, "after")
    rig.run("truncate", "-s", "128M", disk)
    rig.run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", disk)
    loop = rig.Loop(disk)
    n_lines = n_events = n_segments = 0
    try:
        rig.mount(loop.device, live)
        writer = rig.Writer(PROGRAM, os.path.join(live, "store"), video, prefix=prefix)
        try:
            for _ in range(n_cuts):
                time.sleep(random.uniform(0.01, 0.15))
                lines = writer.acknowledged()
                rig.run("cp", "--reflink=always", disk, cut)
                n_lines += len(lines)
                if lines:
                    events, segments = check_image(cut, after, video, lines)
                    n_events, n_segments = n_events + events, n_segments + segments
            assert writer.process.poll() is None, "the writer ended by itself"
        finally:
            writer.kill()
            rig.umount(live)
    finally:
        loop.close()
        os.unlink(disk)
    return n_lines, n_events, n_segments


def snapshots(folder):
    video = os.path.join(folder, "video.mp4")
    rig.make_video(video)
    n_cuts = rig.size(10, 1000)
    n_lines = n_events = n_segments = done = 0
    reflinks = Reflinks(folder)
    try:
        while done < n_cuts:
            n = min(CUTS_A_STORE, n_cuts - done)
            lines, events, segments = cut_snapshots(reflinks.folder, video, n)
            n_lines, n_events, n_segments, done = n_lines + lines, n_events + events, n_segments + segments, done + n
    finally:
        reflinks.close()
    assert n_lines > done, f"{n_lines} acknowledgements in {done} cuts"
    assert n_segments > 0, f"no segment in {done} cuts"
    rig.figure(f"{done} power cuts by snapshot: {n_lines} acknowledgements, {n_events} clips and {n_segments} segments looked at; 0 lost, "
               "0 rows without clip, 0 orphans, 0 gaps, 0 corrupt")


def snapshots_notice(folder):
    """Without syncs something is lost, or the test above would show nothing."""
    rig.need("strace")
    video = os.path.join(folder, "video.mp4")
    rig.make_video(video)
    reflinks = Reflinks(folder)
    try:
        cut_snapshots(reflinks.folder, video, 20, LIES)
    except AssertionError:
        return
    finally:
        reflinks.close()
    raise AssertionError("20 cuts of a writer whose syncs do nothing, and nothing was lost")


class VolatileDisk(rig.NetworkDisk):
    """A disk with a cache that a cut loses: nbdkit holds what was not flushed, and is killed."""

    def __init__(self, image, folder):
        # the cache is a file of its own, which goes with the process
        super().__init__(folder, "--filter=cache", "file", image, "cache=writeback")

    def cut(self):
        self.server.kill()
        self.server.wait()


def cut_cache(folder, image, video, prefix=()):
    """The writer begins on an empty store; returns its lines from before the cut."""
    live = os.path.join(folder, "live")
    disk = VolatileDisk(image, folder)
    try:
        rig.mount(disk.loop.device, live)
        writer = rig.Writer(PROGRAM, os.path.join(live, "store"), video, prefix=prefix)
        try:
            time.sleep(random.uniform(0.2, 1.2))
            lines = writer.acknowledged()
            disk.cut()
        finally:
            writer.kill()
            rig.umount(live)
    finally:
        disk.close()
    return lines


def prepare_disk(folder):
    """A video, an empty file system, and where copies of that go."""
    rig.need("nbdkit", "nbdfuse", "mkfs.ext4")
    if not os.path.exists("/dev/fuse"):
        raise rig.Skip("no /dev/fuse")
    video, fresh, image = (os.path.join(folder, name) for name in ("video.mp4", "fresh", "disk"))
    rig.make_video(video)
    rig.run("truncate", "-s", "64M", fresh)
    rig.run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", fresh)
    return video, fresh, image


def volatile_cache_notices(folder):
    rig.need("strace")
    video, fresh, image = prepare_disk(folder)
    for _ in range(5):
        shutil.copyfile(fresh, image)
        lines = cut_cache(folder, image, video, LIES)
        try:
            check_image(image, os.path.join(folder, "after"), video, lines)
        except AssertionError:
            if lines:
                return
    raise AssertionError("5 cuts of a writer whose syncs do nothing, and nothing was lost")


def volatile_cache(folder):
    video, fresh, image = prepare_disk(folder)
    n_cuts, n_lines, n_events, n_segments = rig.size(4, 200), 0, 0, 0
    for _ in range(n_cuts):
        shutil.copyfile(fresh, image)
        lines = cut_cache(folder, image, video)
        n_lines += len(lines)
        if lines:
            events, segments = check_image(image, os.path.join(folder, "after"), video, lines)
            n_events, n_segments = n_events + events, n_segments + segments
    assert n_lines > n_cuts, f"{n_lines} acknowledgements in {n_cuts} cuts"
    rig.figure(f"{n_cuts} power cuts with the disk's cache lost: {n_lines} acknowledgements, {n_events} clips and {n_segments} segments looked at; 0 lost, "
               "0 rows without clip, 0 orphans, 0 gaps, 0 corrupt")


if __name__ == "__main__":
    sys.exit(rig.main("power-cut", [snapshots, snapshots_notice, volatile_cache, volatile_cache_notices], private_mounts=True))
