#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Boots a systemd of its own, in a container whose root is this machine's with an overlay on top, with Medley installed
# there, and runs inside.sh in it: the units under a real service manager. Nothing of this machine is changed.
#
# usage: boot.sh BUILD-DIRECTORY      as root, with systemd-nspawn (Debian: systemd-container); prints TAP
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
build=$(readlink -f "$1")
patience=300

skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "only root can start a container"
command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is missing (systemd-container)"

work=$(mktemp -d)
root=$work/root
clean_up() {
  umount "$root" "$work" 2>/dev/null || true
  rmdir "$work"
}
trap clean_up EXIT
mount -t tmpfs medley-test "$work"
mkdir "$work/upper" "$work/lower" "$root" "$work/out"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/lower" "$root" 2>/dev/null \
  || skip "this machine's root cannot be overlaid"

DESTDIR=$root /usr/bin/meson install -C "$build" --no-rebuild --quiet
mkdir "$root/medley-test"
cp "$here/inside.sh" "$here/../data/page.png" "$here/../../samples/article.txt" \
  "$build/plugins/fake/libgstmedleyfake.so" "$root/medley-test"
cat >"$root/etc/systemd/system/medley-test.service" <<END
[Unit]
Wants=dbus.service systemd-logind.service
After=dbus.service systemd-logind.service
[Service]
Type=oneshot
ExecStart=/bin/bash /medley-test/inside.sh
ExecStopPost=/bin/systemctl poweroff -ff
StandardOutput=append:/medley-out/tap
StandardError=inherit
END
# Without nspawn's own filter of system calls, which does not know Landlock: that of the unit is what counts.
SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 10 "$patience" systemd-nspawn --quiet --directory="$root" --register=no --keep-unit \
  --machine="medley-test-$$" --bind="$work/out:/medley-out" --console=pipe \
  --boot systemd.unit=medley-test.service </dev/null >"$work/out/console" 2>&1 || true
if ! grep -q '^1\.\.\|^Bail' "$work/out/tap" 2>/dev/null; then
  sed 's/^/# /' "$work/out/console" "$work/out/tap" 2>/dev/null | tail -n 50
  echo "not ok - the container ran to its end"
  exit 1
fi
cat "$work/out/tap"
! grep -q '^not ok\|^Bail' "$work/out/tap"
