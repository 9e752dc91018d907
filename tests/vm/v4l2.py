# SPDX-License-Identifier: Apache-2.0
"""As much of <linux/videodev2.h> as the tests need to see what the kernel has and to make it fail; for 64-bit machines."""
import fcntl
import glob
import os
import struct

CAPTURE, OUTPUT, CAPTURE_MPLANE = 1, 2, 9
NEXT_CONTROL = 0x80000000


def _request(direction, number, size):
    return direction << 30 | size << 16 | ord('V') << 8 | number


QUERYCAP = _request(2, 0, 104)
ENUM_FMT = _request(3, 2, 64)
S_FMT = _request(3, 5, 208)
S_CTRL = _request(3, 28, 8)
QUERYCTRL = _request(3, 36, 68)


def _text(data):
    return data.split(b'\0')[0].decode()


class Device:
    """A node, opened for as long as the `with` lasts."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def ioctl(self, request, data):
        data = bytearray(data)
        fcntl.ioctl(self.fd, request, data)
        return data

    def bus(self):
        """Which hardware it is, whatever its number."""
        return _text(self.ioctl(QUERYCAP, bytes(104))[48:80])

    def formats(self):
        found = []
        for kind in CAPTURE, CAPTURE_MPLANE:
            for index in range(128):
                try:
                    data = self.ioctl(ENUM_FMT, struct.pack('=II56x', index, kind))
                except OSError:
                    break
                code = struct.unpack_from('=I', data, 44)[0]
                name = struct.pack('=I', code & 0x7fffffff).decode('ascii', 'replace').strip()
                found.append(name + ('-BE' if code >> 31 else ''))
        return found

    def controls(self):
        """name → id; `names are like_this`."""
        found, number = {}, NEXT_CONTROL
        while True:
            try:
                data = self.ioctl(QUERYCTRL, struct.pack('=I64x', number))
            except OSError:
                return found
            number = struct.unpack_from('=I', data)[0]
            name = _text(data[8:40]).lower()
            found['_'.join(''.join(c if c.isalnum() else ' ' for c in name).split())] = number
            number |= NEXT_CONTROL

    def set(self, name, value):
        self.ioctl(S_CTRL, struct.pack('=Ii', self.controls()[name], value))

    def give(self, fourcc, width, height, size):
        """To be fed: what others then capture."""
        pix = struct.pack('=II4sIIIIII', width, height, fourcc, 1, 0, size, 0, 0, 0)
        self.ioctl(S_FMT, struct.pack('=Ixxxx', OUTPUT) + pix.ljust(200, b'\0'))


def nodes():
    return sorted(glob.glob('/dev/video*'), key=lambda path: int(path[len('/dev/video'):]))


def find(bus):
    """The node of this hardware; None: it is not there."""
    for path in nodes():
        try:
            with Device(path) as device:
                if device.bus() == bus:
                    return path
        except OSError:
            pass
    return None
