#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sysroot.sh DIR: makes an arm64 Debian sysroot of this machine's release in DIR, from packages alone, and DIR.ini, a
# meson cross file that builds against it and runs programs by qemu-user. QEMU_CPU in the environment then says which
# core: cortex-a72 (Raspberry Pi 4), cortex-a76 (Raspberry Pi 5), max. One that is there, less than a week old and made of
# the same packages is kept.
# What the sysroot holds is what configs/packages.txt lists for building and testing. (A foreign -dev package often cannot
# be installed beside the native one, so multiarch is no way.) Needs configs/install-packages.sh arm64; no root.
set -euo pipefail
dir=$(realpath -m "${1:?usage: sysroot.sh DIR}")
top=$(cd "$(dirname "$0")/../.." && pwd)
suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || { echo 'sysroot: no qemu-aarch64' >&2; exit 1; }
# libraries to link with: the -dev packages of the groups demo and check that every release has, and check itself
libraries=$(sed -n '/^\[demo/,/^\[lint/p' "$top/configs/packages.txt" | grep -oE '^(lib[^ ]*-dev|check)$' | paste -sd ,)

make() {
    rm -rf --one-file-system "$dir" "$dir.libraries"
    mkdir -p "$(dirname "$dir")"
    mmdebstrap --quiet --architectures=arm64 --variant=extract --components=main --include="$libraries" \
        --aptopt='Apt::Install-Recommends "false"' --skip=check/qemu "$suite" "$dir" "$mirror"
    # absolute links would lead out of the sysroot
    find "$dir" -xdev -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
        ln -snf "$(realpath -m --relative-to="$(dirname "$link")" "$dir$(readlink "$link")")" "$link"
    done
    echo "$suite $libraries" >"$dir.libraries"
}

[ -n "$(find "$dir.libraries" -mtime -7 2>/dev/null)" ] && [ "$(cat "$dir.libraries")" = "$suite $libraries" ] || make

cat >"$dir.ini" <<END
[constants]
sysroot = '$dir'
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['$qemu', '-L', sysroot]
[properties]
sys_root = sysroot
pkg_config_libdir = [sysroot / 'usr/lib/aarch64-linux-gnu/pkgconfig', sysroot / 'usr/share/pkgconfig']
[built-in options]
c_args = ['--sysroot=' + sysroot]
c_link_args = ['--sysroot=' + sysroot, '-Wl,-rpath-link,' + sysroot / 'usr/lib/aarch64-linux-gnu']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
