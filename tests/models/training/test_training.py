# SPDX-License-Identifier: Apache-2.0
"""Tests of the training tools on tiny synthetic data: /usr/bin/python3 -m unittest discover tests/models/training"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import types
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../models/training"))

try:
    import numpy as np
    import torch
    from PIL import Image
except ImportError as error:
    raise unittest.SkipTest(f"training needs python3-torch, python3-numpy and python3-pil: {error}")

import augment
import dataset
import detector
import evaluate
import facts
import metrics
import prune
import speed
import targets
import train
import views

SMALL = {"stem": 16, "stages": [(16, 32, 1, 3), (32, [32, 48], 2, 3), (48, 64, 2, 3), (64, 64, 1, 5)], "neck": 32, "head": 32, "classes": 4}


def sample(path="none.jpg", boxes=(), labelled=(True,) * 4, ignore=(), source="s"):
    boxes = np.array(boxes, np.float32).reshape(-1, 5)
    return dataset.Sample(path, source, "0", boxes, np.array(ignore, np.float32).reshape(-1, 4), np.array(labelled))


def randomize(net, seed=0):
    """Batch norm with statistics that matter."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            for tensor in (module.bias.data, module.running_mean):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.5)
    return net.eval()


class DetectorTest(unittest.TestCase):
    def test_budget_and_shapes(self):
        net = detector.Detector().eval()
        macs, parameters = detector.count(net, 320, 192)
        self.assertLessEqual(macs, 0.30e9)
        self.assertLessEqual(parameters, 1.3e6)
        with torch.no_grad():
            outputs = net(torch.zeros(1, 3, 64, 96))
        for (scores, distances), stride in zip(outputs, detector.STRIDES):
            self.assertEqual(tuple(scores.shape), (1, 4, 64 // stride, 96 // stride))
            self.assertEqual(tuple(distances.shape), (1, 4, 64 // stride, 96 // stride))
            self.assertGreaterEqual(float(distances.min()), 0)

    def test_channels_are_multiples_of_16(self):
        for module in detector.Detector().modules():
            if isinstance(module, torch.nn.Conv2d):
                self.assertTrue(module.out_channels % 16 == 0 or module.out_channels == 4, module)

    def test_fusing_changes_nothing(self):
        net = randomize(detector.Detector(SMALL))
        x = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            for a, b in zip(net(x), detector.fuse(net)(x)):
                self.assertLess(float((a[0] - b[0]).abs().max()), 1e-3)
                self.assertLess(float((a[1] - b[1]).abs().max()), 1e-3)

    def test_stride_two_pads_like_same(self):
        conv = detector.SameConv2d(1, 1, 3, 1)
        conv.weight.data.fill_(1)
        x = torch.arange(16.0).reshape(1, 1, 4, 4)
        # The first output covers rows and columns 0..2, the last 2..4 with row and column 4 outside.
        self.assertEqual(float(conv(x)[0, 0, 0, 0]), float(x[0, 0, :3, :3].sum()))
        self.assertEqual(float(conv(x)[0, 0, 1, 1]), float(x[0, 0, 2:, 2:].sum()))

    def test_saved_weights_come_back(self):
        net = randomize(detector.Detector(SMALL))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "w.npz")
            detector.save(net, path)
            again = detector.load(path)
        for a, b in zip(net.state_dict().values(), again.state_dict().values()):
            self.assertTrue(torch.allclose(a.float(), b.float(), atol=2e-3, rtol=2e-3))


class SpeedTest(unittest.TestCase):
    def gradients(self, net, x):
        net.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = net(x)
        sum((s.float() ** 2).mean() + d.float().mean() for s, d in outputs).backward()
        return {name: p.grad.clone() for name, p in net.named_parameters()}

    def test_quick_gradients_agree(self):
        torch.manual_seed(0)
        net = randomize(detector.Detector(SMALL)).to(memory_format=torch.channels_last)
        x = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
        plain = self.gradients(net, x)
        quick = self.gradients(speed.quicken(net), x)
        for name, gradient in plain.items():
            if float(gradient.abs().max()) > 1e-6:
                alike = torch.nn.functional.cosine_similarity(gradient.flatten(), quick[name].flatten(), dim=0)
                self.assertGreater(float(alike), 0.99, name)

    def test_pixels_are_exact_in_bfloat16(self):
        images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
        exact = train.to_input(images)
        self.assertTrue(torch.equal(exact, train.to_input(images, torch.bfloat16).float()))
        self.assertEqual(float(exact.min()), -1.0)
        self.assertEqual(float(exact.max()), 127 / 128)


class MetricsTest(unittest.TestCase):
    def test_average_precision_by_hand(self):
        evaluation = metrics.Evaluation(("person",))
        truth = sample(boxes=[[0, 0, 0, 0.2, 0.2], [0, 0.5, 0.5, 0.9, 0.9]], labelled=(True,))
        found = np.array(
            [[0, 0.9, 0, 0, 0.2, 0.2], [0, 0.8, 0.3, 0, 0.5, 0.3], [0, 0.7, 0.5, 0.5, 0.9, 0.9], [0, 0.6, 0, 0, 0.2, 0.2]]
        )
        evaluation.add(truth, found)
        # Precision 1, 1/2, 2/3, 1/2 at recall 1/2, 1/2, 1, 1: area 0.5 * 1 + 0.5 * 2/3.
        self.assertAlmostEqual(evaluation.result(0)["ap50"], 0.5 + 0.5 * 2 / 3)
        self.assertAlmostEqual(evaluation.result(0)["recall_at_p80"], 0.5)

    def test_small_ignored_and_unlabelled_cost_nothing(self):
        evaluation = metrics.Evaluation(("person", "vehicle"))
        truth = sample(
            boxes=[[0, 0, 0, 0.2, 0.2], [0, 0.5, 0.5, 0.51, 0.54]], labelled=(True, False), ignore=[[0.6, 0.6, 1, 1]]
        )
        found = np.array(
            [
                [0, 0.9, 0, 0, 0.2, 0.2],
                [0, 0.8, 0.5, 0.5, 0.51, 0.54],
                [0, 0.8, 0.7, 0.7, 0.9, 0.9],
                [1, 0.9, 0.3, 0.3, 0.5, 0.5],
            ]
        )
        evaluation.add(truth, found)
        self.assertEqual(evaluation.result(0)["labels"], 1)
        self.assertAlmostEqual(evaluation.result(0)["ap50"], 1.0)
        self.assertEqual(evaluation.result(1)["empty_images"], 0)

    def test_false_positives_on_empty_pictures(self):
        evaluation = metrics.Evaluation(("person",))
        evaluation.add(sample(labelled=(True,)), np.array([[0, 0.6, 0.1, 0.1, 0.5, 0.5]]))
        evaluation.add(sample(labelled=(True,)), np.zeros((0, 6)))
        self.assertEqual(evaluation.result(0)["false_on_empty_0.5"], 1)
        self.assertEqual(evaluation.result(0)["empty_images"], 2)


class TargetsTest(unittest.TestCase):
    SIZE = (128, 96)

    def setUp(self):
        self.centres, self.strides = targets.cells(*self.SIZE)
        self.scores = np.zeros((len(self.centres), 4), np.float32)
        self.boxes = np.concatenate([self.centres - 1, self.centres + 1], 1).astype(np.float32)

    def correct(self, truth, known, ignore=()):
        truth = np.array(truth, np.float32).reshape(-1, 6)
        known = np.tile(np.array(known), (len(self.centres), 1))
        ignore = np.array(ignore, np.float32).reshape(-1, 4)
        return targets.correct(self.scores, self.boxes, self.centres, self.strides, truth, known, ignore)

    def test_labels_raise_and_lower_the_teacher(self):
        self.scores[[5, 6, 40], 0] = (0.4, 0.2, 0.5)
        self.boxes[[5, 6]] = (30, 2, 58, 42)
        self.boxes[40] = (80, 40, 100, 90)
        scores, boxes, _ = self.correct([[0, 30, 0, 60, 40, 1]], (True,) * 4)
        self.assertAlmostEqual(float(scores[5, 0]), 0.8, 5)
        self.assertAlmostEqual(float(scores[6, 0]), 0.4, 5)
        self.assertEqual(boxes[5].tolist(), [30, 0, 60, 40])
        self.assertAlmostEqual(float(scores[40, 0]), 0.15, 5)

    def test_unlabelled_groups_keep_the_teacher(self):
        self.scores[40, 0] = 0.5
        scores, _, _ = self.correct([], (False, True, True, True))
        self.assertAlmostEqual(float(scores[40, 0]), 0.5)

    def test_missed_labels_get_their_centre(self):
        scores, boxes, _ = self.correct([[1, 40, 30, 70, 60, 1]], (True,) * 4)
        positive = np.flatnonzero(scores[:, 1] > 0.1)
        self.assertGreater(len(positive), 0)
        self.assertTrue(np.all(np.abs(self.centres[positive] - [55, 45]).max(1) < 16))
        self.assertTrue(np.all(boxes[positive] == [40, 30, 70, 60]))
        self.assertEqual(float(scores[:, [0, 2, 3]].max()), 0.0)

    def test_ignored_regions_are_left_out(self):
        self.scores[:, 0] = 0.5
        _, _, left_out = self.correct([], (True,) * 4, [[0, 0, 64, 96]])
        inside = self.centres[:, 0] < 64
        self.assertTrue(left_out[inside, 0].all())
        self.assertFalse(left_out[~inside].any())

    def test_mirror_agrees_with_mirrored_boxes(self):
        box = np.array([30, 20, 60, 70], np.float32)
        mirrored = np.array([128 - 60, 20, 128 - 30, 70], np.float32)
        nothing = np.zeros(self.scores.shape, bool)
        made = [
            targets.pack(self.scores, np.tile(b, (len(self.centres), 1)), nothing, self.centres, self.strides)[1]
            for b in (box, mirrored)
        ]
        images = np.arange(96 * 128 * 3, dtype=np.uint8).reshape(1, 96, 128, 3).copy()
        scores, distances = np.zeros((1, len(self.centres), 4), np.uint8), made[0][None].astype(np.float32)
        order = augment.flip_order(*self.SIZE)
        before = images.copy()
        augment.mirror(images, scores, distances, order, np.array([0]))
        self.assertTrue(np.allclose(distances[0], made[1].astype(np.float32)))
        self.assertTrue(np.array_equal(images, before[:, :, ::-1]))

    def test_teacher_cells_land_where_they_are(self):
        level = []
        for stride in detector.STRIDES:
            rows, columns = 128 // stride, 192 // stride
            y, x = np.mgrid[0:rows, 0:columns]
            corner = np.stack([x, y]) * stride
            boxes = np.concatenate([corner, corner + stride])[None].astype(np.float32)
            level.append((np.full((1, 4, rows, columns), 0.1, np.float32), boxes))
        scores, boxes = targets.from_teacher(level, 0, (192, 128), self.SIZE)
        self.assertEqual(scores.shape, (len(self.centres), 4))
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        self.assertLess(float((np.abs(middle - self.centres).max(1) / self.strides).max()), 1.0)


class ViewsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "a.png")
        pixels = np.zeros((50, 100, 3), np.uint8)
        pixels[10:30, 20:60] = 255
        Image.fromarray(pixels).save(path)
        self.sample = sample(path, [[1, 0.2, 0.2, 0.6, 0.6]], (False, True, True, True))

    def tearDown(self):
        self.folder.cleanup()

    def test_boxes_follow_the_picture_at_every_size(self):
        view = views.View([views.Piece(self.sample, (-0.2, 0.1, 1.3, 0.9))])
        boxes, _ = views.labels(view)
        for width, height in ((160, 96), (320, 192)):
            image = views.render(view, width, height)
            y, x = np.nonzero(image[..., 0] > 200)
            seen = np.array([x.min() / width, y.min() / height, (x.max() + 1) / width, (y.max() + 1) / height])
            self.assertLess(float(np.abs(seen - boxes[0, 1:5]).max()), 0.015)

    def test_known_only_where_labelled(self):
        view = views.View([views.Piece(self.sample, (0.25, 0, 1, 1))])
        known = views.known(view, np.array([[0.1, 0.5], [0.5, 0.5]]))
        self.assertEqual(known.tolist(), [[True] * 4, [False, True, True, True]])

    def test_stretched_pictures_take_the_canvas(self):
        for part, covered in ((0.0, False), (1.0, True)):
            composer = views.Composer([self.sample], np.random.default_rng(3), part)
            place = np.array(composer.fitted(96, 32).place)
            self.assertEqual(bool(np.allclose(place, (0, 0, 1, 1))), covered)

    def test_composed_views_are_deterministic(self):
        made = []
        for _ in range(2):
            composer = views.Composer([self.sample], np.random.default_rng(3))
            made.append([views.render(composer.compose(96, 64), 96, 64) for _ in range(8)])
        self.assertTrue(all(np.array_equal(a, b) for a, b in zip(*made)))


class DatasetTest(unittest.TestCase):
    def test_read_and_split(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "CLASSMAP.json"), "w", encoding="utf-8") as file:
                json.dump({"groups": {"car": "vehicle", "people": "person"}}, file)
            with open(os.path.join(folder, "annotations.jsonl"), "w", encoding="utf-8") as file:
                for scene in range(200):
                    boxes = [["car", 0, 0, 0.5, 0.5], ["kite", 0.5, 0.5, 1, 1]]
                    file.write(json.dumps({"file": "a", "scene": scene // 2, "labelled": ["vehicle"], "boxes": boxes}) + "\n")
            samples = dataset.read(folder)
        self.assertEqual(samples[0].boxes.tolist(), [[1, 0, 0, 0.5, 0.5]])
        self.assertEqual(samples[0].ignore.tolist(), [[0.5, 0.5, 1, 1]])
        self.assertEqual(samples[0].labelled.tolist(), [False, True, False, False])
        training, validation = dataset.split(samples)
        self.assertFalse({s.scene for s in training} & {s.scene for s in validation})
        self.assertTrue(5 < len(validation) < 60)


class EvaluateTest(unittest.TestCase):
    def test_sum_of_a_report(self):
        report = "   0 CONV_2D  [1,2]  100 MACs\noperators: 1 (1 at run time)\nmultiply-accumulates: 123456\nweights: 5 bytes\n"
        self.assertEqual(facts.macs_of(report), 123456)

    def test_cost_of_weights_and_file_of_a_package(self):
        net = detector.Detector(SMALL)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "w.npz")
            detector.save(net, path)
            macs, size = facts.of(path, (64, 96))
            self.assertEqual((macs, size / 4), detector.count(net, 64, 96))
            with open(os.path.join(folder, "manifest.ini"), "w", encoding="utf-8") as file:
                file.write("# a model\n[model]\nname=x\nfile=some.tflite\n[input]\npad=114\n")
            self.assertEqual(facts.file_of(folder), os.path.join(folder, "some.tflite"))
            self.assertEqual(facts.file_of(path), path)

    def test_models_names_and_sizes(self):
        models = ["a.tflite", "small=w.npz@64x96,32x32", "w.pt"]
        runs = list(evaluate.runs_of(types.SimpleNamespace(models=models, size=(320, 192))))
        self.assertEqual([title for title, _ in runs], ["a.tflite", "small 64x96", "small 32x32", "w.pt 320x192"])
        self.assertEqual([one.model for _, one in runs], ["a.tflite", "w.npz", "w.npz", "w.pt"])
        self.assertEqual([one.size for _, one in runs][1:], [(64, 96), (32, 32), (320, 192)])

    def test_boxes_come_back_from_every_resize(self):
        image = Image.new("RGB", (40, 80))
        for resize in dataset.RESIZES.values():
            pixels, place = resize(image, 96, 64)
            self.assertEqual(pixels.shape, (64, 96, 3))
            scale, left, top = place
            whole = np.array([[0, 1, 0, 0, 40, 80]], np.float32)
            whole[:, 2:] = whole[:, 2:] * scale + (left, top, left, top)
            self.assertTrue((whole[0, 4:] <= (96, 64)).all())
            rows = evaluate.to_picture(whole, place, (96, 64), image)
            np.testing.assert_allclose(rows[0, 2:], (0, 0, 1, 1), atol=1e-6)
        np.testing.assert_array_equal(dataset.stretch(image, 96, 64)[1][0], (2.4, 0.8, 2.4, 0.8))

    def test_one_table_of_floats(self):
        """Data and weights to a table, with the groups that the data hold."""
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(os.path.join(folder, "a.png"))
            with open(os.path.join(folder, "CLASSMAP.json"), "w", encoding="utf-8") as file:
                json.dump({"groups": {"car": "vehicle"}}, file)
            with open(os.path.join(folder, "annotations.jsonl"), "w", encoding="utf-8") as file:
                box = ["car", 0, 0, 0.5, 0.5]
                file.write(json.dumps({"file": "a.png", "scene": 0, "labelled": ["vehicle"], "boxes": [box]}) + "\n")
            path, out = os.path.join(folder, "w.npz"), os.path.join(folder, "out.json")
            detector.save(detector.Detector(SMALL), path)
            script = os.path.join(os.path.dirname(evaluate.__file__), "evaluate.py")
            command = [sys.executable, script, folder, f"one={path}@64x64,96x64", "--all", "--json", out]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            with open(out, encoding="utf-8") as file:
                figures = json.load(file)
        self.assertIn("| model | M MACs | bytes | vehicle |", run.stdout)
        self.assertEqual(list(figures), ["one 64x64", "one 96x64"])
        self.assertAlmostEqual(figures["one 96x64"]["facts"]["macs"], 1.5 * figures["one 64x64"]["facts"]["macs"])
        self.assertEqual(figures["one 64x64"]["all"]["vehicle"]["labels"], 1)


class PackageTest(unittest.TestCase):
    def setUp(self):
        path = os.path.join(os.path.dirname(evaluate.__file__), "make-package.py")
        spec = importlib.util.spec_from_file_location("make_package", path)
        self.tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.tool)

    def test_lifted_groups_alone_change(self):
        net = randomize(detector.Detector(SMALL))
        x = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            before = net(x)
            self.tool.lift(net, self.tool.parse_lift("vehicle=0.5,animal=-1"))
            for (scores, boxes), (old_scores, old_boxes) in zip(net(x), before):
                by = (scores - old_scores).amax((0, 2, 3)).tolist()
                for found, wanted in zip(by, (0, 0.5, 0, -1)):
                    self.assertAlmostEqual(found, wanted, 4)
                self.assertTrue(torch.equal(boxes, old_boxes))

    def test_unknown_groups_are_refused(self):
        for text in ("cat=1", "vehicle", ""):
            with self.assertRaises(self.tool.argparse.ArgumentTypeError):
                self.tool.parse_lift(text)


class PruneTest(unittest.TestCase):
    def test_keeping_all_keeps_the_network(self):
        net = randomize(detector.Detector(SMALL))
        widths = {"stem": 16, "stages": [16, 32, 48, 64], "neck": 32, "head": 32}
        same = prune.prune(net, widths, (64, 64), 1e12)
        x = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            for a, b in zip(net(x), same(x)):
                self.assertLess(float((a[0] - b[0]).abs().max()), 1e-4)
                self.assertLess(float((a[1] - b[1]).abs().max()), 1e-4)

    def test_budget_is_met_in_groups_of_16(self):
        net = randomize(detector.Detector(SMALL))
        widths = {"stem": 16, "stages": [16, 32, 32, 48], "neck": 16, "head": 16}
        free = detector.count(prune.prune(net, widths, (64, 64), 1e12), 64, 64)[0]
        small = prune.prune(net, widths, (64, 64), free * 0.9)
        self.assertLessEqual(detector.count(small, 64, 64)[0], free * 0.9)
        for _, hidden, _, _ in small.config["stages"]:
            self.assertTrue(all(h % 16 == 0 for h in hidden))
        with torch.no_grad():
            self.assertEqual(len(small(torch.zeros(1, 3, 64, 64))), 3)


class TrainTest(unittest.TestCase):
    SIZE = (64, 64)

    def arguments(self, folder, **more):
        values = dict(
            run=folder, init=None, config=SMALL, distill=None, rate=3e-2, decay=0.01, average=0.9, seed=1, minutes=1, steps=None
        )
        return types.SimpleNamespace(**{**values, **more})

    def shard(self, folder):
        """Bright squares on noise: one class, targets at the squares' cells."""
        rng = np.random.default_rng(0)
        centres, strides = targets.cells(*self.SIZE)
        name = os.path.join(folder, "mixed-0")
        os.makedirs(name)
        images = rng.integers(0, 60, (16, 64, 64, 3)).astype(np.uint8)
        packed = []
        for image in images:
            x, y = rng.integers(0, 40, 2)
            image[y : y + 20, x : x + 20] += 150
            truth = np.array([[0, x, y, x + 20, y + 20, 1]], np.float32)
            zero, known = np.zeros((len(centres), 4), np.float32), np.ones((len(centres), 4), bool)
            made = targets.correct(zero, np.zeros_like(zero), centres, strides, truth, known, np.zeros((0, 4)))
            packed.append(targets.pack(*made, centres, strides))
        np.save(os.path.join(name, "images.npy"), images)
        np.save(os.path.join(name, "scores.npy"), np.stack([p[0] for p in packed]))
        np.save(os.path.join(name, "distances.npy"), np.stack([p[1] for p in packed]))

    def test_loss_falls_and_a_run_resumes(self):
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            shards_folder = os.path.join(folder, "shards")
            self.shard(shards_folder)
            run = train.Run(self.arguments(folder))
            shards = train.Shards(shards_folder, 8, run.rng)
            losses = [sum(run.train_step(shards.next())) for _ in range(40)]
            self.assertLess(np.mean(losses[-5:]), 0.8 * np.mean(losses[:5]))
            run.save("last.pt")
            again = train.Run(self.arguments(folder))
            again.resume()
            self.assertEqual(again.step, 40)
            next_losses = [sum(r.train_step(train.Shards(shards_folder, 8, r.rng).next())) for r in (run, again)]
            self.assertAlmostEqual(next_losses[0], next_losses[1], 3)
            weights = os.path.join(folder, "w.npz")
            detector.save(run.ema, weights)
            guided = train.Run(self.arguments(folder, init=weights, distill=weights))
            self.assertTrue(np.isfinite(guided.train_step(shards.next())).all())

    def test_a_schedule_begins_anew_and_survives_a_resume(self):
        with tempfile.TemporaryDirectory() as folder:
            run = train.Run(self.arguments(folder, minutes=10))
            run.step, run.elapsed, run.best = 500, 600.0, 1.5
            self.assertEqual(run.progress(), 1.0)
            run.begin_anew()
            self.assertEqual((run.progress(), run.best), (0.0, 0.0))
            self.assertAlmostEqual(run.set_rate(), 3e-2)
            run.elapsed = 900.0
            run.save("last.pt")
            again = train.Run(self.arguments(folder, minutes=10))
            again.resume()
            self.assertAlmostEqual(again.progress(), 0.5)

    def test_states_of_before_begin_at_zero(self):
        with tempfile.TemporaryDirectory() as folder:
            run = train.Run(self.arguments(folder, minutes=10))
            run.elapsed = 300.0
            state = run.state()
            del state["began"]
            torch.save(state, os.path.join(folder, "last.pt"))
            run.resume()
            self.assertAlmostEqual(run.progress(), 0.5)

    def test_pauses_do_not_count(self):
        clock = train.Clock()
        self.assertEqual(clock.of_step(2.0), 2.0)
        for _ in range(200):
            self.assertEqual(clock.of_step(0.5), 0.5)
        self.assertAlmostEqual(clock.of_step(3600.0), 0.5, 2)
        self.assertEqual(clock.of_step(4.0), 4.0)

    def test_giou(self):
        a = torch.tensor([[1.0, 1, 1, 1], [1, 1, 1, 1]])
        b = torch.tensor([[1.0, 1, 1, 1], [-2, 1, 4, 1]])
        # The second pair: x from -1 to 1 and from 2 to 4: no overlap, union 8, hull 10.
        self.assertTrue(torch.allclose(train.giou(a, b), torch.tensor([1.0, -0.2])))


if __name__ == "__main__":
    unittest.main()
