# SPDX-License-Identifier: Apache-2.0
"""Cheap changes made anew each time a stored view is used: mirror image, light, colour, gray, noise.

What costs more (scale, mosaics, blur, compression) is done once, when views are made.
"""
import numpy as np

from detector import STRIDES
from targets import IGNORED

_LUMA = np.array([77, 150, 29], np.uint16)


def flip_order(width, height):
    """The order of cells that mirrors a flattened map left to right."""
    order, start = [], 0
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        index = np.arange(rows * columns).reshape(rows, columns)[:, ::-1]
        order.append(start + index.ravel())
        start += rows * columns
    return np.concatenate(order)


class Photometric:
    """Random light for batches of uint8 pictures; noise comes from a pool made once."""

    def __init__(self, rng, strength=1.0):
        self.rng = rng
        self.strength = strength
        self.pool = np.clip(rng.normal(0, 16, 1 << 21), -127, 127).astype(np.int8)

    def table(self):
        """3 x 256 values: gamma, contrast, brightness and colour in one step."""
        rng, k = self.rng, self.strength
        x = np.linspace(0, 1, 256)
        night = rng.random() < 0.12 * k
        gamma = np.exp(rng.uniform(0.2, 0.9) if night else rng.uniform(-0.4, 0.4) * k)
        contrast = np.exp(rng.uniform(-0.45, 0.3) * k)
        offset = rng.uniform(-0.15, 0.15) * k
        x = (x**gamma - 0.5) * contrast + 0.5 + offset
        gains = np.exp(rng.uniform(-0.18, 0.18, (3, 1)) * k) if rng.random() < 0.6 else np.ones((3, 1))
        return np.clip(x * gains * 255, 0, 255).astype(np.uint8), night

    def __call__(self, images):
        """The pictures (n x h x w x 3), changed; a new array."""
        result = np.empty_like(images)
        for index, image in enumerate(images):
            if self.rng.random() < 0.15:
                result[index] = image
                continue
            result[index] = self.one(image)
        return result

    def one(self, image):
        table, night = self.table()
        gray = self.rng.random() < (0.5 if night else 0.15)
        if gray:
            luma = (image @ _LUMA >> 8).astype(np.uint8)
            image = table[0][luma][..., None].repeat(3, 2)
        else:
            image = np.stack([table[c][image[..., c]] for c in range(3)], -1)
        if self.rng.random() < (0.6 if night else 0.2):
            image = self.noise(image, gray)
        return image

    def noise(self, image, gray):
        """Sensor noise: the same in all channels of a gray picture."""
        count = image.shape[0] * image.shape[1] * (1 if gray else 3)
        start = self.rng.integers(len(self.pool) - count)
        amount = int(self.rng.integers(2, 14))
        noise = (self.pool[start : start + count].astype(np.int16) * amount) >> 4
        return np.clip(image + noise.reshape(image.shape[0], image.shape[1], -1), 0, 255).astype(np.uint8)


def mirror(images, scores, distances, order, chosen):
    """Mirrors the chosen samples, targets included; in place on copies given by the caller."""
    images[chosen] = images[chosen, :, ::-1]
    scores[chosen] = scores[chosen][:, order]
    distances[chosen] = distances[chosen][:, order][..., [2, 1, 0, 3]]


def unpack(scores):
    """(float32 targets 0..1, float32 mask) from stored scores."""
    mask = (scores != IGNORED).astype(np.float32)
    return np.where(scores == IGNORED, 0, scores).astype(np.float32) / 254, mask
