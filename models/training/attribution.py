#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes who made the pictures that the detector learnt from.

    attribution.py DATASET_DIR OUT.md
"""
import collections
import csv
import json
import os
import sys

HEAD = """# Attribution

The weights of the models in this folder were made by this project (Apache-2.0). They were trained from random numbers on the
pictures and boxes below; none of the pictures is in this repository. We thank everybody who made, labelled and shared them.
Pictures were cropped, scaled, recoloured and mirrored for training. Licences are those that the source states, picture by picture
where it does so; nobody checked them beyond that. Of each source only the pictures under the licences listed here were used.

This file is made by `models/training/attribution.py` from the data set's own list.

| source | origin | found at | licences (pictures) |
|---|---|---|---|
"""
TAIL = """
Beside the labels, the training imitated YOLOX-nano (Megvii, Apache-2.0, trained on COCO 2017): its answers on the pictures above, not
its weights. Some scenes were drawn by this project's own renderer (`configs/demo`).

COCO 2017: T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context"; boxes CC BY 4.0. Open Images: A. Kuznetsova et al., "The Open
Images Dataset V4"; boxes CC BY 4.0.
"""


def escape(text):
    return text.replace("|", "\\|")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root, out = sys.argv[1:]
    licences = collections.defaultdict(collections.Counter)
    with open(os.path.join(root, "annotations.jsonl"), encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            licences[entry["source"]][entry["licence"]] += 1
    with open(os.path.join(root, "SOURCES.tsv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    unknown = set(licences) - {row["source"] for row in rows}
    if unknown:
        sys.exit(f"attribution.py: SOURCES.tsv does not name {', '.join(sorted(unknown))}")
    with open(out, "w", encoding="utf-8") as file:
        file.write(HEAD)
        for row in rows:
            used = licences[row["source"]]
            if not used:
                continue
            listed = "; ".join(f"{name} ({n})" for name, n in sorted(used.items()))
            place = f"github.com/{row['repository'].split(' ')[0]}, `{row['path']}`"
            if " + " in row["repository"]:
                place = " and ".join("github.com/" + r for r in row["repository"].split(" + "))
            if row["commit"]:
                place += f", commit {row['commit'][:12]}"
            file.write("| " + " | ".join(escape(c) for c in (row["source"], row["origin"], place, listed)) + " |\n")
        file.write(TAIL)


if __name__ == "__main__":
    main()
