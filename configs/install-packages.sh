#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-packages.sh [-n] GROUP: installs what configs/packages.txt lists for GROUP (demo, check, bench, lint, ci) and is not
# there yet. With -n it only prints the missing ones. Does nothing, and needs no rights, where nothing is missing.
set -eu
list=$(dirname "$0")/packages.txt
dry=
[ "${1:-}" != -n ] || { dry=1; shift; }
group=${1:?usage: install-packages.sh [-n] GROUP}
grep -Eq "^\\[$group[]:]" "$list" || { echo "install-packages: no group \"$group\" in $list" >&2; exit 2; }

# prints the lines of a group and of those it includes
lines_of() {
    awk -v want="$1" '
        /^\[/ { name = $0; gsub(/[][]/, "", name); split(name, part, /: */); on = part[1] == want
                if (on) for (i = 2; i in part; i++) print "include " part[i]; next }
        on && NF && !/^#/ { print }
        ' "$list"
}

expand() {
    lines_of "$1" | while read -r first rest; do
        if [ "$first" = include ]; then expand "$rest"; else echo "$first $rest"; fi
    done
}

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

known() {
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

# the packages of one line that are missing: none where an alternative is installed, else the first that apt knows
missing_of() {
    optional=
    [ "$1" != '?' ] || { optional=1; shift; }
    for name; do [ "$name" = '|' ] || ! installed "$name" || return 0; done
    for name; do [ "$name" != '|' ] || continue; first=${first:-$name}; ! known "$name" || { echo "$name"; return 0; }; done
    [ -n "$optional" ] || echo "$first"
}

missing() {
    expand "$group" | while read -r line; do
        set -f; first=
        # a line is words: names, "|" and "?"
        missing_of $line
    done
}

command -v dpkg-query >/dev/null 2>&1 || {
    echo "install-packages: this is no Debian; install by hand what $list lists for \"$group\"" >&2
    exit 0
}
want=$(missing)
[ -n "$want" ] || exit 0
[ -z "$dry" ] || { echo "$want"; exit 0; }

if [ "$(id -u)" = 0 ]; then as_root=
elif command -v sudo >/dev/null 2>&1; then as_root=sudo
else
    echo "install-packages: these packages are missing, and neither root nor sudo is at hand to install them:" >&2
    echo "    apt-get install --no-install-recommends" $want >&2
    exit 1
fi
$as_root apt-get -q update >/dev/null
# names may be known only now
want=$(missing)
[ -n "$want" ] || exit 0
echo "install-packages: installing" $want
log=$(mktemp -t install-packages.XXXXXX)
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $want >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    echo "install-packages: apt-get failed; its whole log is $log" >&2
    exit 1
}
rm -f "$log"
