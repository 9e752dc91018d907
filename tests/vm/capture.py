#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""capture.py BUILD FRAMES CYCLES: inside the virtual machine of run.sh: vigilv4l2src, as an ordinary user in group video, on
the kernel's drivers vivid and v4l2loopback, through all that these can make go wrong. One line a check; fails when one did.
"""
import glob
import grp
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from v4l2 import Device, find, nodes  # noqa: E402
from watcher import PATIENCE, Watcher, field  # noqa: E402

build, frames, cycles = sys.argv[1], sys.argv[2], int(sys.argv[3])
PLACE = 'path=platform-vivid.0'
VIVID = 'platform:vivid-000'
BARS = ['ffffff', 'ffff00', '00ffff', '00ff00', 'ff00ff', 'ff0000', '0000ff', '000000']
BARS_100, RED, NO_TEXT = 1, 7, 2
# how vivid calls what GStreamer calls otherwise; the element takes the first that is there
FORMATS = {
    'NV12': ['NV12', 'NM12'], 'I420': ['YU12', 'YM12'], 'YV12': ['YV12', 'YM21'], 'NV21': ['NV21', 'NM21'], 'YUY2': ['YUYV'],
    'UYVY': ['UYVY'], 'YVYU': ['YVYU'], 'VYUY': ['VYUY'], 'Y42B': ['422P', 'YM16'], 'NV16': ['NV16', 'NM16'], 'NV61': ['NV61'],
    'NV24': ['NV24'], 'RGB': ['RGB3'], 'BGR': ['BGR3'], 'BGRx': ['XR24', 'BGR4'], 'xRGB': ['BX24', 'RGB4'], 'BGRA': ['AR24'],
    'ARGB': ['BA24'], 'RGBx': ['XB24'], 'RGBA': ['AB24'], 'RGB16': ['RGBP'], 'RGB15': ['RGBO', 'XR15'], 'GRAY8': ['GREY'],
    'GRAY16_LE': ['Y16'], 'GRAY16_BE': ['Y16-BE']}
TO_RGB = '! videoconvert ! video/x-raw,format=RGB ! fakesink name=sink'
RING = 320 * 180 * 4  # bytes of a buffer of v4l2loopback, whatever is asked for
failures = []
began = time.monotonic()


def check(name, good, expected='', seen=''):
    print(f'{"ok" if good else "FAILED"}: {name} ({time.monotonic() - began:.0f} s)', flush=True)
    if not good:
        failures.append(name)
        print(f'    expected {expected}\n    seen     {seen}', flush=True)
    return bool(good)


def awaited(watcher, name, pattern, mark, times=1):
    """A check that lines of this pattern come."""
    found = watcher.expect(pattern, mark, times)
    return check(name, found, f'{times} lines of "{pattern}" within {PATIENCE} s', '\n             '.join(watcher.last()))


def grew(name, before, after, counter, least=1):
    check(name, after.get(counter, 0) >= before.get(counter, 0) + least, f'{counter} at least {least} more than {before.get(counter)}',
          after.get(counter))


# --- the machine ---------------------------------------------------------------------------------


def give_nodes_to_group(group):
    """What udev does elsewhere."""
    while True:
        for path in nodes():
            try:
                if os.stat(path).st_gid != group:
                    os.chown(path, 0, group)
                    os.chmod(path, 0o660)
            except OSError:
                pass
        time.sleep(0.1)


def write(path, text):
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)


def unbind():
    write('/sys/bus/platform/drivers/vivid/unbind', 'vivid.0')


def bind():
    write('/sys/bus/platform/drivers/vivid/bind', 'vivid.0')


def load_vivid(*options):
    """One camera, without the radios and screens that it can be as well."""
    subprocess.run(['modprobe', 'vivid', 'n_devs=1', 'node_types=0x1', 'input_types=0x0', *options], check=True)
    await_true(lambda: find(VIVID))


def load_loopback(*numbers):
    """Whether there are such devices now."""
    subprocess.run(['modprobe', 'v4l2loopback', f'devices={len(numbers)}', 'video_nr=' + ','.join(map(str, numbers))], check=True)
    return await_true(lambda: all(f'/dev/video{n}' in nodes() for n in numbers))


def unload(driver):
    subprocess.run(['modprobe', '-r', driver], check=True)


def control(name, value):
    with Device(find(VIVID)) as device:
        device.set(name, value)


def await_true(what):
    end = time.monotonic() + PATIENCE
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    return what()


def prepare():
    """The program and the elements that it needs where any user may read them: (program, environment)."""
    own, others = '/tmp/vigil', '/tmp/gstreamer'
    os.makedirs(own)
    os.makedirs(others)
    program = shutil.copy(build + '/tests/vm/watch', '/tmp/watch')
    shutil.copy(build + '/plugins/libgstvigil.so', own)
    for name in 'coreelements', 'videoconvertscale', 'videoconvert':
        for path in glob.glob(f'/usr/lib/*/gstreamer-1.0/libgst{name}.so'):
            os.symlink(path, others + '/' + os.path.basename(path))
    os.chmod('/tmp', 0o1777)
    return program, {'GST_PLUGIN_PATH_1_0': own, 'GST_PLUGIN_SYSTEM_PATH_1_0': others, 'GST_REGISTRY_FORK': 'no',
                     'GST_REGISTRY': '/tmp/registry.bin', 'HOME': '/tmp'}


# --- the checks ----------------------------------------------------------------------------------


def source(more='', place=PLACE):
    return f'vigilv4l2src name=source device={place} width=320 height=180 fps=10 {more}'


def check_list():
    listing = subprocess.run([build + '/pipeline/vigil', 'devices', '--json'], stdout=subprocess.PIPE, text=True, check=False).stdout
    try:
        text = json.dumps(json.loads(listing))
    except ValueError:
        text = ''
    check('vigil devices knows it by its place', f'"v4l2:{PLACE}"' in text, f'v4l2:{PLACE}', listing[:1000])


def check_forbidden(program, environment):
    outsider = Watcher(program, '65534', environment)
    mark = outsider.play(source('! fakesink name=sink'))
    awaited(outsider, 'who is not in group video is told so', '^error .*group video', mark)
    outsider.end()


def near(seen, wanted):
    return all(abs(int(seen[i:i + 2], 16) - int(wanted[i:i + 2], 16)) <= 24 for i in (0, 2, 4))


def are_bars(colours, grey):
    if len(colours) != len(BARS):
        return False
    if grey:
        levels = [int(colour[:2], 16) for colour in colours]
        return levels == sorted(levels, reverse=True) and levels[0] > 220 and levels[-1] < 24 and len(set(levels)) == len(levels)
    return all(map(near, colours, BARS))


def check_format(watcher, name, more=''):
    mark = watcher.play(source(f'{more} ! video/x-raw,format={name} {TO_RGB}'))
    found = watcher.expect('^frame', mark, 2)
    colours = field(found[-1], 'colours').split(',') if found else []
    watcher.stop()
    return are_bars(colours, name.startswith('GRAY')), found[-1] if found else watcher.last(3)


def check_formats(watcher, what, least, *chosen):
    control('test_pattern', BARS_100)
    control('osd_text_mode', NO_TEXT)
    with Device(find(VIVID)) as device:
        there = set(device.formats())
    names = [name for name, codes in FORMATS.items() if there.intersection(codes)]
    check(f'formats to take{what}', len(names) >= least, f'at least {least}', sorted(there))
    for name in chosen or names:
        good, seen = check_format(watcher, name)
        check(f'colour bars in {name}{what}', good, BARS, seen)
    known = {code for codes in FORMATS.values() for code in codes}
    print(f'not taken{what}: ' + ' '.join(sorted(there - known)))


def check_dmabuf(watcher):
    mark = watcher.play(source('dmabuf=true ! video/x-raw,format=NV12 ! fakesink name=sink'))
    awaited(watcher, 'DMABUFs where they are wanted', '^frame.*dmabuf=1', mark, 3)
    watcher.stop()
    good, seen = check_format(watcher, 'NV12', 'dmabuf=true')
    check('what maps a DMABUF sees the picture', good, BARS, seen)


def check_counted(watcher, name, counter, least, inject):
    """That what is injected is counted, by which it is known to have happened, and frames come after it."""
    before = watcher.stats()
    inject()
    await_true(lambda: watcher.stats().get(counter, 0) >= before.get(counter, 0) + least)
    grew(f'{name}: counted as {counter}', before, watcher.stats(), counter, least)
    awaited(watcher, f'{name}: frames go on', '^frame', watcher.now(), 3)


def check_trouble(watcher):
    """On a stream that runs: what vivid can inject."""
    mark = watcher.now()
    check_counted(watcher, '80 % dropped', 'lost', 5, lambda: control('percentage_of_dropped_buffers', 80))
    check('gaps are marked', watcher.since(mark, '^frame.*discont=1'), 'a discontinuity', watcher.last())
    control('percentage_of_dropped_buffers', 0)
    mark = watcher.now()
    check_counted(watcher, 'an error flag', 'corrupt', 1, lambda: control('inject_v4l2_buf_flag_error', 1))
    check('the frame does not come through', not watcher.since(mark, '^frame.*corrupt=1'), 'none marked corrupt', watcher.last())
    check_counted(watcher, 'a fatal error of the stream', 'restarts', 1, lambda: control('inject_fatal_streaming_error', 1))
    # which then also fails to start, once
    check_counted(watcher, 'the same, and no start', 'restarts', 1,
                  lambda: (control('inject_vidioc_streamon_error', 1), control('inject_fatal_streaming_error', 1)))
    mark = watcher.now()
    control('disconnect', 1)
    awaited(watcher, 'a disconnect: it waits', '^state waiting', mark)
    mark = watcher.now()
    unbind()
    bind()
    awaited(watcher, 'a disconnect: it goes on', '^state streaming', mark)
    awaited(watcher, 'a disconnect: with a discontinuity', '^frame.*discont=1', mark)


def count_own(line):
    """Files and threads, without those that GLib keeps for a while after a task for the next one ("pool-…")."""
    entries = line.partition(': ')[2].split()
    return len([entry for entry in entries if not entry.startswith('pool-')])


def check_cycles(watcher):
    before, counts = watcher.own(), watcher.stats()
    done = 0
    for _ in range(cycles):
        mark = watcher.now()
        unbind()
        if not watcher.expect('^state waiting', mark):
            break
        mark = watcher.now()
        bind()
        if not (watcher.expect('^state streaming', mark) and watcher.expect('^frame.*discont=1', mark)):
            break
        done += 1
    check(f'{cycles} times unbound and bound', done == cycles, f'{cycles} times', f'{done}: {watcher.last()}')
    grew('each is counted', counts, watcher.stats(), 'unplugs', cycles)
    check('files and threads as at the start', count_own(watcher.own()) == count_own(before), before, watcher.own())


def check_one_pipeline(watcher):
    mark = watcher.play(source('format=raw timeout=3000000000 ! fakesink name=sink'))
    if awaited(watcher, 'frames', '^frame', mark, 10):
        check_trouble(watcher)
        check_cycles(watcher)
    check('no error', not watcher.since(mark, '^error'), 'none', watcher.since(mark, '^error'))
    check('one format all the time', len(watcher.since(mark, '^caps')) == 1, 'one line of caps', watcher.since(mark, '^caps'))
    times = [int(field(line, 'pts')) for line in watcher.since(mark, '^frame')]
    check('times only grow', all(a < b for a, b in zip(times, times[1:])), 'each later than the one before', times)
    watcher.stop()


class Feeder(threading.Thread):
    """Writes pictures to a loopback device, over and over, ten a second."""

    def __init__(self, path, fourcc, pictures):
        super().__init__(daemon=True)
        self.path, self.fourcc, self.pictures, self.go_on = path, fourcc, pictures, True
        self.ready = threading.Event()
        self.start()
        self.ready.wait(PATIENCE)

    def run(self):
        with Device(self.path) as device:
            device.give(self.fourcc, 320, 180, 1 << 20)
            i = 0
            while self.go_on:
                os.write(device.fd, self.pictures[i % len(self.pictures)])
                self.ready.set()
                i += 1
                time.sleep(0.1)

    def end(self):
        self.go_on = False
        self.join(PATIENCE)


def check_red(watcher, name, mark):
    """That the stream is vivid's, which alone is red."""
    control('osd_text_mode', NO_TEXT)
    control('test_pattern', RED)

    def colours():
        found = watcher.since(mark, '^frame')
        return field(found[-1], 'colours').split(',') if found else ['']

    await_true(lambda: near(colours()[0] or '000000', 'ff0000'))
    check(f'{name} it is the camera that was meant', near(colours()[0] or '000000', 'ff0000'), 'red', watcher.last(3))


def check_swap(watcher):
    """Two devices; then each has the number that was the other's, and both can give the same format and size."""
    load_loopback(1)
    feeder = Feeder('/dev/video1', b'NV12', [bytes(320 * 180 * 3 // 2)])
    mark = watcher.play(source('timeout=3000000000 ! video/x-raw,format=NV12 ' + TO_RGB))
    awaited(watcher, 'a camera at its first number', '^state streaming /dev/video0', mark)
    check_red(watcher, 'there', mark)
    mark = watcher.now()
    unbind()
    awaited(watcher, 'it waits when it went', '^state waiting', mark)
    mark = watcher.now()
    feeder.end()
    unload('v4l2loopback')
    load_loopback(0)
    feeder = Feeder('/dev/video0', b'NV12', [bytes(320 * 180 * 3 // 2)])
    time.sleep(1)  # to take the wrong one, if it would
    check('it does not take what has its number now', not watcher.since(mark, '^(state streaming|frame)'), 'no frame', watcher.last(3))
    mark = watcher.now()
    bind()
    awaited(watcher, 'it goes on under the number of the other', '^state streaming /dev/video1', mark)
    check_red(watcher, 'there', mark)
    watcher.stop()
    feeder.end()
    unload('v4l2loopback')


def load(pattern):
    pictures = []
    for path in sorted(glob.glob(frames + '/' + pattern)):
        with open(path, 'rb') as file:
            pictures.append(file.read())
    return pictures


def are_from(found, pictures):
    """Byte for byte. What was in v4l2loopback's ring before a start it gives with the length of its buffers, a picture and a rest."""
    sums = {hashlib.md5(picture).hexdigest() for picture in pictures}
    own = [field(line, 'sum') for line in found if int(field(line, 'size')) < RING]
    return len(own) >= len(found) - 2 and len(set(own)) >= min(6, len(pictures)) and sums.issuperset(own)


def check_loopback(watcher, path, fourcc, name, pictures):
    feeder = Feeder(path, fourcc, pictures)
    mark = watcher.play(f'vigilv4l2src name=source device={path} format={name} timeout=2000000000 ! fakesink name=sink')
    found = watcher.expect('^frame', mark, 12) or watcher.since(mark, '^frame')
    check(f'{name} as it was fed', len(found) >= 12 and are_from(found, pictures), '12 of the pictures', found or watcher.last())
    mark = watcher.now()
    feeder.end()
    awaited(watcher, 'it waits when nobody feeds it', '^state waiting', mark)
    mark = watcher.now()
    before = watcher.stats()
    broken = [b'no JPEG at all' * 20] if name == 'mjpeg' else []
    feeder = Feeder(path, fourcc, broken + pictures[:1])
    awaited(watcher, 'and goes on', '^frame.*discont=1', mark)
    found = watcher.expect('^frame', mark, 8) or watcher.since(mark, '^frame')
    check('with whole pictures only', len(found) >= 8 and are_from(found, pictures[:1]), '8 times the picture', found or watcher.last())
    if broken:
        grew('broken ones are counted', before, watcher.stats(), 'short', 3)
    watcher.stop()
    feeder.end()


def main():
    group = grp.getgrnam('video').gr_gid
    threading.Thread(target=give_nodes_to_group, args=(group,), daemon=True).start()
    program, environment = prepare()
    load_vivid()
    check_list()
    watcher = Watcher(program, str(group), environment)
    with open(f'/proc/{watcher.process.pid}/status', encoding='ascii') as file:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    check('it runs as an ordinary user in group video', status['Uid'].startswith('65534') and status['Groups'].split() == [str(group)],
          '65534 and group video', (status['Uid'], status['Groups']))
    check_forbidden(program, environment)
    check_one_pipeline(watcher)
    check_formats(watcher, '', 20)
    check_dmabuf(watcher)
    unload('vivid')
    # the same by the interface for planes in memory of their own
    load_vivid('multiplanar=2')
    check_formats(watcher, ', by planes', 20, 'NV12', 'I420', 'NV16', 'YUY2', 'RGB', 'GRAY8')
    if subprocess.run(['modprobe', '--dry-run', 'v4l2loopback'], check=False).returncode == 0:
        unload('vivid')
        load_vivid()
        check_swap(watcher)
        load_loopback(20, 21)
        check_loopback(watcher, '/dev/video20', b'MJPG', 'mjpeg', load('*.jpeg'))
        check_loopback(watcher, '/dev/video21', b'H264', 'h264', load('*.h264'))
    else:
        print('SKIP: H.264, MJPEG and swapped numbers: there is no v4l2loopback')
    check('the watching program ends well', watcher.end() == 0, 0, watcher.process.returncode)
    print(f'capture: {len(failures)} failures: {", ".join(failures)}' if failures else 'capture: all well', flush=True)
    return 1 if failures else 0


sys.exit(main())
