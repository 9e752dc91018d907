#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How near the inner loops for ARM come to what the cores can do, without such a core.

mca.py OBJECT... [--function REGEX]... [--holding saddw,fcvtns] [--least CORE:REGEX:PERCENT]...

Disassembles the objects (our kernels; or libXNNPACK's, for comparison), takes the innermost loops of their functions that
multiply, and asks llvm-mca (19 or later: the models of older ones are not good enough) how long they take. The share is
that of multiplications in the loop to those which the core could issue in the same cycles; what it could issue is measured
by the same model on a loop of nothing else. (LLVM has no model of its own of the Cortex-A76 and takes the A57's; the
Neoverse N1, which has the same pipelines, is the one to go by.)
"""
import argparse
import collections
import re
import shutil
import subprocess
import sys

OBJDUMP = 'aarch64-linux-gnu-objdump'
# products an instruction, by mnemonic: bytes to 16 bits, 16 to 32 bits, dot products
MULTIPLY = re.compile(r'^(smull2?|smlal2?|sdot|smmla)$')
# the first that has the instruction, and those after it
CORES = ['cortex-a72', 'cortex-a76', 'neoverse-n1', 'neoverse-n2']
FIRST = {'sdot': 1, 'smmla': 3}

Loop = collections.namedtuple('Loop', 'function lines')


def products(line):
    """Products that an instruction adds up; 0 where it is no multiplication of vectors."""
    word, _, operands = line.partition('\t')
    if not MULTIPLY.match(word):
        return 0
    if word == 'smmla':
        return 32
    if word == 'sdot':
        return 16
    return 8 if '.8h' in operands.split(',')[0] else 4


def instructions(path):
    """(function, address, mnemonic and operands) of all code in an object or library."""
    text = subprocess.run([OBJDUMP, '-d', '--no-show-raw-insn', path], check=True, capture_output=True, text=True).stdout
    function = None
    for line in text.splitlines():
        head = re.match(r'^[0-9a-f]+ <(.*)>:$', line)
        if head:
            function = head.group(1).split('@')[0]
            continue
        code = re.match(r'^ *([0-9a-f]+):\t([^\t]+)(?:\t(.*))?$', line)
        if code:
            yield function, int(code.group(1), 16), code.group(2).strip(), (code.group(3) or '').split(' //')[0].strip()


def target_of(mnemonic, operands):
    if not re.match(r'^(b\.|cbn?z|tbn?z|b$)', mnemonic):
        return None
    found = re.search(r'([0-9a-f]+) <', operands)
    return int(found.group(1), 16) if found else None


def innermost_loops(code):
    """Stretches of one function that end in a branch to their beginning and hold no other such branch."""
    at = {address: i for i, (address, _, _) in enumerate(code)}
    for end, (address, mnemonic, operands) in enumerate(code):
        target = target_of(mnemonic, operands)
        if target is None or target > address or target not in at:
            continue
        begin = at[target]
        inner = (target_of(m, o) for _, m, o in code[begin:end])
        if not any(t is not None and target <= t <= address for t in inner):
            yield code[begin:end + 1]


def lines_of(loop):
    """A loop as llvm-mca reads it: the branch back goes to `begin`, any other out of it."""
    for _, mnemonic, operands in loop:
        if target_of(mnemonic, operands) is not None:
            operands = re.sub(r'[0-9a-f]+ <.*', 'begin' if mnemonic == loop[-1][1] else 'end', operands)
        elif mnemonic == 'adrp':
            operands = operands.split(',')[0] + ', begin'
        yield f'{mnemonic}\t{operands}'


def loops_of(path, wanted, holding):
    """Of each function that matches the innermost loop with the most products; or all loops that hold all of @holding."""
    functions = collections.OrderedDict()
    for function, address, mnemonic, operands in instructions(path):
        functions.setdefault(function, []).append((address, mnemonic, operands))
    for function, code in functions.items():
        if holding:
            for loop in innermost_loops(code):
                if holding <= {mnemonic for _, mnemonic, _ in loop}:
                    yield Loop(f'at {loop[0][0]:#x}', list(lines_of(loop)))
        elif function and any(re.search(pattern, function) for pattern in wanted):
            best = max(innermost_loops(code), default=[], key=lambda loop: sum(products(f'{m}\t{o}') for _, m, o in loop))
            lines = list(lines_of(best))
            if any(products(line) for line in lines):
                yield Loop(function, lines)


def cycles(lines, core, mca):
    """Cycles that an iteration takes, over many."""
    source = 'begin:\n' + '\n'.join(lines) + '\nend:\n'
    result = subprocess.run([mca, '-mtriple=aarch64', f'-mcpu={core}', '-mattr=+dotprod,+i8mm', '-iterations=200'],
                            input=source, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f'{mca}: {result.stderr}')
    count = {key: int(value) for key, value in re.findall(r'^(Iterations|Total Cycles): +(\d+)', result.stdout, re.M)}
    return count['Total Cycles'] / count['Iterations']


def peak(line, core, mca, known={}):
    """Instructions like this a cycle: independent ones, as many as there are registers for sums."""
    word, _, operands = line.partition('\t')
    shape = re.sub(r'v\d+', 'v', operands)
    if (word, shape, core) not in known:
        many = [f'{word}\t' + re.sub(r'v\d+', f'v{i}', operands, count=1) for i in range(16)]
        many = [re.sub(r'(, *)v\d+', r'\1v30', text) if 'v.' not in text else text for text in many]
        # lane-indexed operands of 16 bits reach the lower half of the registers only
        known[word, shape, core] = len(many) / cycles([re.sub(r'v30(\.h\[)', r'v15\1', text) for text in many], core, mca)
    return known[word, shape, core]


def measure(loop, core, mca):
    """(cycles, products a cycle, share of the peak)."""
    taken = cycles(loop.lines, core, mca)
    multiplies = [line for line in loop.lines if products(line)]
    needed = sum(1 / peak(line, core, mca) for line in multiplies)
    return taken, sum(map(products, multiplies)) / taken, needed / taken


def rows(options):
    for path in options.objects:
        for loop in loops_of(path, options.function or ['.'], options.holding):
            first = max(FIRST.get(line.split()[0], 0) for line in loop.lines)
            for core in CORES[first:max(first + 1, 3)]:
                taken, rate, share = measure(loop, core, options.mca)
                yield loop.function, core, len(loop.lines), taken, rate, 100 * share


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('objects', nargs='+')
    parser.add_argument('--function', action='append', help='only functions whose names match')
    parser.add_argument('--holding', type=lambda text: set(text.split(',')), help='all loops with these instructions')
    parser.add_argument('--least', action='append', default=[], help='CORE:REGEX:PERCENT, what must be reached')
    parser.add_argument('--mca', default=next((m for m in ('llvm-mca-19', 'llvm-mca-20', 'llvm-mca') if shutil.which(m)), None))
    options = parser.parse_args()
    if options.mca is None:
        sys.exit('mca.py: no llvm-mca; see configs/install-packages.sh arm64')
    print('| loop | core | instructions | cycles | MAC a cycle | share of the peak |')
    print('|---|---|---|---|---|---|')
    missed, met = [], set()
    for function, core, n, taken, rate, share in rows(options):
        print(f'| {function} | {core} | {n} | {taken:.1f} | {rate:.1f} | {share:.0f} % |')
        for least in options.least:
            wanted_core, pattern, percent = least.split(':')
            if core == wanted_core and re.search(pattern, function):
                met.add(least)
                if share < float(percent):
                    missed.append(f'{function} on {core}: {share:.0f} %, not {percent} %')
    missed += [f'{least}: there is no such loop' for least in options.least if least not in met]
    if missed:
        sys.exit('mca.py: ' + '; '.join(missed))


if __name__ == '__main__':
    main()
