#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD [CYCLES]: runs capture.py, the tests of capture on the kernel's own V4L2 drivers, in a virtual machine with Debian's
# kernel. Its root is this machine's, read-only, under an overlay in memory, so what is built here runs there, and nothing that
# it writes stays. Needs configs/install-packages.sh vm and apt's lists. Exit status: 0, 1: a check failed, 77: it cannot be run
# here, and a line says why.
#   VIGIL_VM_CACHE    where kernel and modules are kept (default ~/.cache/vigil-vm)
#   VIGIL_VM_ACCEL    kvm or tcg; by default kvm where the processor and /dev/kvm have it, else emulation
#   VIGIL_VM_SECONDS  what the machine may take (default 230)
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd -P)
build=$(cd "$1" && pwd -P)
cycles=${2:-20}
seconds=${VIGIL_VM_SECONDS:-230}
cache=${VIGIL_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vigil-vm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() { echo "SKIP: capture in a virtual machine: $*"; exit 77; }

[ "$(uname -m)" = x86_64 ] || skip "this is $(uname -m), not x86_64"
for tool in qemu-system-x86_64 busybox cpio modprobe depmod dpkg-deb apt-get gst-launch-1.0 setpriv; do
    command -v $tool >/dev/null || skip "no $tool (configs/install-packages.sh vm)"
done
accel=tcg
! { grep -Eqw 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; } || accel=kvm
accel=${VIGIL_VM_ACCEL:-$accel}

# v4l2loopback is built for the kernel, by the kernel's own rules, in a folder of ours
build_loopback() {
    local headers=$tree/usr/src/linux-headers-$version
    sed -i "s,/usr/src/,$tree/usr/src/,g" "$headers/Makefile"
    make -s -C "$headers" M="$(echo "$tree"/usr/src/v4l2loopback-*)" modules
    install -D -t "$tree/lib/modules/$version/updates" "$tree"/usr/src/v4l2loopback-*/v4l2loopback.ko
}

fetch_kernel() {
    local package headers
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
    [ -n "$package" ] || skip 'apt knows no kernel (apt-get update?)'
    version=${package#linux-image-}
    tree=$cache/$version
    [ ! -e "$tree/done" ] || return 0
    rm -rf "$tree"
    mkdir -p "$tree"
    headers=$(apt-cache depends "linux-headers-$version" | awk '/Depends: linux-(headers|kbuild)/ { print $2 }')
    (cd "$work" && apt-get download -q "$package") >"$work/log" 2>&1 || { cat "$work/log"; skip "no $package to be had"; }
    dpkg-deb -x "$work/$package"_*.deb "$tree"
    if (cd "$work" && apt-get download -q "linux-headers-$version" $headers v4l2loopback-dkms &&
        for deb in linux-headers* linux-kbuild* v4l2loopback*; do dpkg-deb -x "$deb" "$tree"; done &&
        build_loopback) >"$work/log" 2>&1; then :; else tail -n 5 "$work/log"; fi
    rm -rf "$tree/usr"
    depmod -b "$tree" "$version"
    touch "$tree/done"
}

# what the loopback devices are fed with
make_pictures() {
    frames=$build/tests/vm/frames
    rm -rf "$frames"
    mkdir -p "$frames"
    local from='videotestsrc pattern=ball num-buffers=20 ! video/x-raw,format=I420,width=320,height=180,framerate=10/1'
    gst-launch-1.0 -q $from ! jpegenc ! multifilesink location="$frames/%02d.jpeg" >"$work/log" 2>&1 &&
        gst-launch-1.0 -q $from ! x264enc key-int-max=10 tune=zerolatency ! video/x-h264,stream-format=byte-stream,alignment=au ! \
            multifilesink location="$frames/%02d.h264" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

# busybox and the modules that bring the file system of this machine in
make_initramfs() {
    local root=$work/initramfs module
    mkdir -p "$root"/{bin,modules,proc,sys,dev,host,memory,root}
    cp "$(command -v busybox)" "$root/bin/busybox"
    for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
        modprobe -d "$tree" -S "$version" --show-depends $module
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
        cp "$module" "$root/modules/"
        basename "$module" >>"$root/modules/order"
    done
    cat >"$root/init" <<INIT
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc; \$b mount -t sysfs sysfs /sys; \$b mount -t devtmpfs dev /dev
while read -r m; do \$b insmod /modules/\$m; done </modules/order
\$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,ro,cache=loose host /host
\$b mount -t tmpfs -o size=1g memory /memory; \$b mkdir /memory/upper /memory/work
\$b mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /root
for d in proc sys dev; do \$b mount --move /\$d /root/\$d; done
\$b mkdir -p /root/usr/lib/modules; \$b ln -sfn $tree/lib/modules/$version /root/usr/lib/modules/$version
\$b mount -t tmpfs shm /root/dev/shm 2>/dev/null
exec \$b chroot /root /bin/bash -c '
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C.UTF-8
    stty -F /dev/hvc0 raw -echo -opost
    mount -t tmpfs run /run
    echo "vm: up" >/dev/hvc0
    python3 $here/capture.py $build $frames $cycles >/dev/hvc0 2>&1 </dev/null
    echo "vm: exit \$?" >/dev/hvc0; sync; echo b >/proc/sysrq-trigger'
INIT
    chmod +x "$root/init"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs.gz"
}

run_machine() {
    local cpu=max
    ended=0
    [ "$accel" = tcg ] || cpu=host
    timeout -k 5 "$seconds" qemu-system-x86_64 -M q35 -accel "$accel" -cpu $cpu -smp 2 -m 2048 \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$tree/boot/vmlinuz-$version" -initrd "$work/initramfs.gz" \
        -append 'console=ttyS0 loglevel=4 panic=-1 mitigations=off no_timer_check nokaslr tsc=reliable random.trust_cpu=on' \
        -serial "file:$work/console.log" -device virtio-serial-pci -chardev stdio,id=out,signal=off \
        -device virtconsole,chardev=out -device virtio-rng-pci \
        -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
        -device virtio-9p-pci,fsdev=host,mount_tag=host </dev/null 2>"$work/qemu.log" | tee "$work/out" || ended=$?
}

fetch_kernel
make_pictures
make_initramfs
echo "kernel $version, $accel"
run_machine
! grep -q '^vm: exit 0' "$work/out" || exit 0
if [ "$accel" = tcg ] && ! grep -q '^vm: up' "$work/out"; then
    tail -n 3 "$work/qemu.log" "$work/console.log"
    skip 'no KVM, and by emulation the machine did not come up'
fi
# what an emulator cannot do in the time says nothing; a check that failed does, and so does a machine that stands still
if [ "$accel" = tcg ] && [ $ended = 124 ] && ! grep -Eq '^(FAILED|vm: exit)' "$work/out" &&
    [ $(($(date +%s) - $(stat -c %Y "$work/out"))) -lt 100 ]; then
    skip "no KVM, and emulation did not get further than $(grep -c '^ok' "$work/out") checks in $seconds s (VIGIL_VM_SECONDS)"
fi
tail -n 5 "$work/qemu.log" "$work/console.log" >&2
exit 1
