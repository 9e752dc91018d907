#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py CHECK ROOT [BUILD]: one of the checks of the tree that no compiler makes.

layers     includes point down the layers only, and a library is used only where the design lets it
headers    every header compiles alone, with the flags of its layer
licence    every file that can carry one has its SPDX line at the top
functions  no function is called that this code does not use (shells, unbounded string functions)
length     reports long functions and files; fails only far beyond what the conventions ask
"""
import json
import pathlib
import platform
import re
import shlex
import subprocess
import sys

LAYERS = ["models", "events", "storage", "plugins", "pipeline"]

# what each layer may include beside GLib and the C library, by the header's first folder or name
LIBRARIES = {
    "gst": {"plugins", "pipeline"},
    "sqlite3.h": {"storage"},
    "sodium.h": {"models", "storage"},
    "archive.h": {"models", "pipeline"},
    "archive_entry.h": {"models", "pipeline"},
    "libsoup": {"pipeline"},
    "mosquitto.h": {"pipeline"},
    "librdkafka": {"pipeline"},
    "yaml.h": {"events", "pipeline"},
    "turbojpeg.h": {"plugins", "pipeline"},
    "jpeglib.h": {"plugins", "pipeline"},
    "jerror.h": {"plugins"},
    "cairo.h": {"plugins", "pipeline"},
    "onnxruntime_c_api.h": {"models"},
    "onnxruntime_session_options_config_keys.h": {"models"},
    "linux": {"models", "plugins", "storage", "pipeline"},
    "json-glib": {"events", "storage", "plugins", "pipeline"},
}

FORBIDDEN = {
    "system": "spawns a shell", "popen": "spawns a shell", "execlp": "searches the path", "execvp": "searches the path",
    "g_spawn_command_line_sync": "parses a command line", "g_spawn_command_line_async": "parses a command line",
    "sprintf": "unbounded", "vsprintf": "unbounded", "strcpy": "unbounded", "stpcpy": "unbounded", "strcat": "unbounded",
    "gets": "unbounded", "alloca": "unbounded stack", "g_alloca": "unbounded stack", "g_newa": "unbounded stack",
    "strtok": "not re-entrant", "mktemp": "races", "tmpnam": "races", "gst_parse_launch": "pipelines are typed here",
}

SPDX_SUFFIXES = {".c", ".h", ".py", ".sh", ".build", ".sql", ".yaml", ".in", ".service", ".ini", ".options"}
SPDX_NAMES = {"Makefile", "run", "clean-room", "meson_options.txt", "packages.txt"}

# folders of code for processors other than this machine's, whose compiler lacks the headers
OTHER_PROCESSORS = {"arm", "x86"} - {"x86" if platform.machine() == "x86_64" else "arm"}

FUNCTION_REPORT, FUNCTION_LIMIT = 80, 160
FILE_REPORT, FILE_LIMIT = 600, 1200


def sources(root, folders, suffixes):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def code_of(path):
    """The text without comments and with empty strings, lines kept."""
    text = path.read_text(encoding="utf-8")
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        piece = match.group(0)
        return '""' if piece[0] == '"' else "' '" if piece[0] == "'" else re.sub(r"[^\n]", " ", piece)

    return token.sub(blank, text)


def check_layers(root, _build):
    for path in sources(root, LAYERS, {".c", ".h"}):
        layer = path.relative_to(root).parts[0]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not found:
                continue
            kind, name = found.groups()
            where = f"{path.relative_to(root)}:{number}"
            head = name.split("/")[0]
            if kind == '"':
                if head in LAYERS and LAYERS.index(head) > LAYERS.index(layer):
                    yield f"{where}: {layer} may not include {name}: includes point down the layers only"
                elif head not in LAYERS and name != "vigil-config.h":
                    yield f"{where}: {name}: give the path from the root"
                elif name.endswith("-private.h") and head != layer:
                    yield f"{where}: {name} is private to {head}"
            elif head in LIBRARIES and layer not in LIBRARIES[head]:
                yield f"{where}: {layer} may not use <{name}>"


def flags_name(path):
    """Its layer, but for what is only built where an optional library is."""
    return "onnx" if path.parts[0] == "models" and path.name.startswith("vigil-onnx") else path.parts[0]


def layer_flags(build, root):
    """Compiler command for one file a layer, without its input and output."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        try:
            layer = flags_name(source.relative_to(root))
        except ValueError:
            continue
        words = shlex.split(entry["command"])
        kept, skip = [], False
        for word in words:
            if skip or word == entry["file"]:
                skip = False
            elif word in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif word not in ("-c", "-MD", "-MMD", "-fprofile-arcs", "-ftest-coverage", "--coverage"):
                kept.append(word)
        flags.setdefault(layer, (kept, entry["directory"]))
    return flags


def check_headers(root, build):
    flags = layer_flags(build, root)
    for path in sources(root, LAYERS, {".h"}):
        layer = flags_name(path.relative_to(root))
        if layer not in flags or path.parent.name in OTHER_PROCESSORS:
            continue
        command, directory = flags[layer]
        # twice: a header without its guard shows too
        text = f'#include "{path}"\n' * 2
        done = subprocess.run(command + ["-Werror", "-fsyntax-only", "-x", "c", "-"], cwd=directory, input=text,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"{path.relative_to(root)}: does not compile alone:\n{done.stderr.rstrip()}"


def check_licence(root, _build):
    folders = LAYERS + ["tests", "configs", ".ci"]
    files = [p for f in folders for p in sorted((root / f).rglob("*")) if p.is_file() and "corpus" not in p.parts]
    files += [root / name for name in ("meson.build", "meson_options.txt", "Makefile")]
    for path in files:
        if path.suffix not in SPDX_SUFFIXES and path.name not in SPDX_NAMES:
            continue
        head = path.read_text(encoding="utf-8", errors="replace").splitlines()[:2]
        if not any("SPDX-License-Identifier: " in line for line in head):
            yield f"{path.relative_to(root)}:1: no SPDX-License-Identifier line"


def check_functions(root, _build):
    call = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN) + r")\s*\(")
    for path in sources(root, LAYERS, {".c", ".h"}):
        for number, line in enumerate(code_of(path).splitlines(), 1):
            for name in call.findall(line):
                yield f"{path.relative_to(root)}:{number}: {name}(): {FORBIDDEN[name]}"


def functions_of(text):
    """(name, first line, number of lines): the style puts a function's name and its braces in the first column."""
    lines = text.splitlines()
    name = begin = None
    for index, line in enumerate(lines):
        found = re.match(r"([a-z_]\w*)\(", line)
        if found:
            name, begin = found.group(1), index
        elif line == "}" and name is not None:
            yield name, begin + 1, index - begin + 1
            name = None
        elif line.endswith(";") and line[:1] not in (" ", "{", "}", "") and name is not None:
            name = None


def check_length(root, _build):
    for path in sources(root, LAYERS + ["tests"], {".c", ".h"}):
        where = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        count = text.count("\n")
        if count > FILE_LIMIT:
            yield f"{where}: {count} lines, the limit is {FILE_LIMIT}"
        elif count > FILE_REPORT:
            print(f"long: {where}: {count} lines")
        for name, line, length in functions_of(code_of(path)):
            if length > FUNCTION_LIMIT:
                yield f"{where}:{line}: {name}() has {length} lines, the limit is {FUNCTION_LIMIT}"
            elif length > FUNCTION_REPORT:
                print(f"long: {where}:{line}: {name}() has {length} lines")


def main(arguments):
    name, root = arguments[0], pathlib.Path(arguments[1]).resolve()
    build = pathlib.Path(arguments[2]).resolve() if len(arguments) > 2 else None
    checks = {"layers": check_layers, "headers": check_headers, "licence": check_licence,
              "functions": check_functions, "length": check_length}
    faults = list(checks[name](root, build))
    for fault in faults:
        print(fault)
    print(f"{name}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
