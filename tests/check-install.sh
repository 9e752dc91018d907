#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-install.sh BUILD: installs into an empty DESTDIR and uses what is there, and only that: the list of files is
# complete, GStreamer finds the elements, the program runs, another program builds against the library.
set -eu
cd "$(dirname "$0")/.."
build=$1
dest=$(realpath -m "$build")/dest
[ -f "$build/build.ninja" ] || meson setup "$build" -Dtests=false --prefix=/usr >"$build.log" || { cat "$build.log"; exit 1; }
ninja -C "$build" >"$build.log" || { cat "$build.log"; exit 1; }
rm -rf "$dest"
DESTDIR=$dest meson install -C "$build" --no-rebuild >"$build.log" || { cat "$build.log"; exit 1; }

fail() { echo "installation: $*" >&2; exit 1; }
libdir=$(cd "$dest" && echo usr/lib/*-linux-gnu)

{
    echo usr/bin/vigil
    echo "$libdir/gstreamer-1.0/libgstvigil.so"
    echo "$libdir/libvigil.a"
    echo "$libdir/pkgconfig/vigil.pc"
    echo usr/lib/systemd/system/vigil.service
    echo usr/share/man/man1/vigil.1
    find configs -name '*.yaml' -o -path '*/schema/*.json' -o -path '*/mosquitto/*.conf' | sed 's,^configs,usr/share/vigil,'
    find models events storage -maxdepth 1 -name '*.h' ! -name '*-private.h' | sed 's,^,usr/include/vigil/,'
} | LC_ALL=C sort >"$build/expected.txt"
(cd "$dest" && find . -type f | sed 's,^\./,,') | LC_ALL=C sort >"$build/installed.txt"
diff -u "$build/expected.txt" "$build/installed.txt" || fail 'the list of files is not as expected'

export GST_PLUGIN_PATH_1_0="$dest/$libdir/gstreamer-1.0" GST_REGISTRY="$dest/registry.bin"
for element in $(sed -n 's/^GST_ELEMENT_REGISTER_DEFINE[_A-Z]* *(\([a-z0-9]*\),.*/\1/p' plugins/*.c plugins/*/*.c 2>/dev/null); do
    gst-inspect-1.0 "$element" >"$build/inspect.txt" || fail "gst-inspect-1.0 does not know $element"
    grep -q "$dest" "$build/inspect.txt" || fail "$element comes from elsewhere"
    echo "element $element"
done
"$dest/usr/bin/vigil" --version

mkdir -p "$dest/user"
cat >"$dest/user/user.c" <<'C'
#include <models/vigil-model.h>
#include <storage/vigil-store.h>
#include <stdio.h>
int
main(void)
{
    GError *error = NULL;
    VigilModel *model = vigil_model_load("/dev/null", &error);
    printf("library: %s\n", model || !error ? "an empty file was taken for a model" : error->message);
    return model || !error;
}
C
# as if DESTDIR were the root (a sysroot would move the libraries that it needs too)
sed "s,^prefix=.*,prefix=$dest/usr," "$dest/$libdir/pkgconfig/vigil.pc" >"$dest/user/vigil.pc"
pc() { PKG_CONFIG_PATH="$dest/user" pkg-config "$@" vigil; }
# the words of pkg-config are arguments
${CC:-cc} -o "$dest/user/user" "$dest/user/user.c" $(pc --cflags) $(pc --libs) || fail 'no program can be built against it'
"$dest/user/user" || fail 'a program built against it does not run'

# mandoc and man warn on stderr and exit 0
if command -v man >/dev/null; then
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=120 man --warnings -E UTF-8 -l -Tutf8 -Z configs/vigil.1 2>&1 >/dev/null)
    [ -z "$warnings" ] || fail "vigil.1: $warnings"
fi
if command -v systemd-analyze >/dev/null; then
    level=$(systemd-analyze security --offline=true --no-pager "$dest/usr/lib/systemd/system/vigil.service" |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "systemd-analyze security: $level"
    awk -v level="${level:-10}" 'BEGIN { exit !(level <= 2.0) }' || fail "the unit's exposure level is $level, the limit is 2.0"
fi
echo "installation: $(wc -l <"$build/installed.txt") files, as expected"
