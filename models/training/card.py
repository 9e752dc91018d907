#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Puts measured figures into the model card, between its marks.

    card.py MODEL_CARD.md NAME=FIGURES.json...

FIGURES.json is what make-package.py or evaluate.py --json wrote; those of a package come with details.
"""
import json
import math
import sys

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
GROUPS = ("person", "vehicle", "two_wheeler", "animal")
FEW = 30


def number(result, key):
    """A figure, or a dash; in brackets where there are too few boxes to say much."""
    value = result[key]
    if not result["labels"] or math.isnan(value):
        return "–"
    return f"({value:.2f})" if result["labels"] < FEW else f"{value:.3f}"


def overall(models):
    lines = [
        "| model | size, MACs, bytes | " + " | ".join(f"{g}: AP50, recall at 80 %" for g in GROUPS) + " |",
        "|---" * (len(GROUPS) + 2) + "|",
    ]
    for name, figures in models:
        results = figures["results"]["all"] if "results" in figures else figures["all"]
        facts = "–"
        if "macs" in figures:
            facts = f"{figures['size'][0]}×{figures['size'][1]}, {figures['macs'] / 1e6:.0f} M, {figures['bytes']:,}"
        cells = [f"{number(results[g], 'ap50')}, {number(results[g], 'recall_at_p80')}" for g in GROUPS]
        lines.append(f"| {name} | {facts} | " + " | ".join(cells) + " |")
    return lines


def boxes(figures):
    results = figures["results"]["all"]
    return "Boxes that are wanted: " + ", ".join(f"{results[g]['labels']} {g}" for g in GROUPS) + "."


def alarms(name, figures):
    results = figures["results"]["all"]
    parts = [f"{g} {results[g]['false_per_1000']:.0f} (of {results[g]['empty_images']} pictures)" for g in GROUPS]
    return (
        f"`{name}` at its threshold of {figures['threshold']:.2f}: pictures with a false box, of a thousand that are "
        f"known not to hold the class: {', '.join(parts)}."
    )


def details(name, figures):
    lines = [f"`{name}`, AP50 (number of boxes):", "", "| | " + " | ".join(GROUPS) + " |", "|---" * 5 + "|"]
    for title, results in figures["results"].items():
        if title == "all":
            continue
        cells = [
            f"{number(results[g], 'ap50')} ({results[g]['labels']})" if results[g]["labels"] else "–" for g in GROUPS
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    models = []
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        with open(path, encoding="utf-8") as file:
            models.append((name, json.load(file)))
    packages = [(n, f) for n, f in models if "results" in f]
    lines = [BEGIN, "", *overall(models), "", boxes(packages[0][1]), ""]
    for name, figures in packages:
        lines += [alarms(name, figures), ""]
    for name, figures in packages:
        lines += [*details(name, figures), ""]
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(before + "\n".join(lines) + END + after)


if __name__ == "__main__":
    main()
