#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format.sh [--apply]: checks, or applies, the style of .clang-format. Releases of clang-format differ in details: 14 is
# the one that decides.
set -eu
cd "$(dirname "$0")/../.."
tool=clang-format
! command -v clang-format-14 >/dev/null 2>&1 || tool=clang-format-14
case $("$tool" --version) in
*' version 14.'*) ;;
*) echo "format: $("$tool" --version) is not version 14, nothing is looked at" >&2; exit 0 ;;
esac
files=$(find models events storage plugins pipeline tests -name '*.[ch]')
if [ "${1:-}" = --apply ]; then "$tool" -i $files; else "$tool" --dry-run -Werror $files; fi
