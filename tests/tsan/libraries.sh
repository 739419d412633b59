#!/bin/bash
# usage: libraries.sh FOLDER
# Puts GLib and GStreamer's core, built with the thread sanitizer from the sources of the Debian packages that are
# installed, into FOLDER/lib. What is there already for these versions stays.
#
# Why: GLib's locks are futexes and its counts are atomic operations, both inlined into its libraries. The sanitizer
# sees neither in Debian's build, takes everything that is handed over under a GMutex, by a GTask or through a GstQueue
# for a race, and a list of suppressions that is long enough to hide that hides our own races as well.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
fail() { printf 'libraries.sh: %s\n' "$*" >&2; exit 1; }

source_of() { dpkg-query -W -f '${source:Package}=${source:Version}' "$1"; }
glib=$(source_of libglib2.0-0)
gstreamer=$(source_of libgstreamer1.0-0)
[ "$(cat "$folder/versions" 2>/dev/null)" != "$glib $gstreamer" ] || exit 0

work=$folder/work
rm -rf "$folder/lib" "$folder/root" "$folder/versions" "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
cd "$work"

# Where the machine's packages come from their sources come from, without a change to the machine's lists.
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
  | awk '!seen[$0]++' >sources.list
[ -s sources.list ] || fail "no list of Debian packages: run apt-get update"
apt=(apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
  -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache")
[ "$(id -u)" -ne 0 ] || apt+=(-o APT::Sandbox::User=root)
"${apt[@]}" update >apt.log 2>&1 && "${apt[@]}" source "$glib" "$gstreamer" >>apt.log 2>&1 \
  || { tail -n 5 apt.log >&2; fail "the sources of $glib and $gstreamer cannot be fetched"; }

# make SOURCE [MESON OPTION...]: the same paths as Debian's, so that modules and data are found.
make() {
  local source=$1 libdir
  shift
  libdir=lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH)
  printf 'building %s with the thread sanitizer\n' "$source"
  {
    meson setup "$source" "$source-build" --prefix=/usr --libdir="$libdir" --sysconfdir=/etc --localstatedir=/var \
      --buildtype=debugoptimized --wrap-mode=nodownload -Db_sanitize=thread -Db_lundef=false -Dc_args=-w "$@" \
      && meson compile -C "$source-build" \
      && DESTDIR="$folder/root" meson install -C "$source-build" --no-rebuild
  } >"$source.log" 2>&1 || { tail -n 20 "$source.log" >&2; fail "$source cannot be built"; }
  ln -sfn "root/usr/$libdir" "$folder/lib"
}

mv glib2.0-*/ glib
mv gstreamer1.0-*/ gstreamer
# Its bit locks, which GVariant has, are assembly unless this is off: the sanitizer sees the atomic operations then.
grep -q 'define USE_ASM_GOTO 1' glib/glib/gbitlock.c || fail "glib/gbitlock.c is not what it was: look at its locks"
sed -i '/define USE_ASM_GOTO 1/d' glib/glib/gbitlock.c
make glib -Dtests=false -Dselinux=disabled -Dlibmount=disabled -Dlibelf=disabled -Dnls=disabled -Dxattr=false
make gstreamer --auto-features=disabled -Dcheck=enabled

# Elements are Debian's: GStreamer looks for them beside its library.
rm -rf "$folder/lib/gstreamer-1.0"
ln -s "$(pkg-config --variable=pluginsdir gstreamer-1.0)" "$folder/lib/gstreamer-1.0"
rm -rf "$work"
printf '%s %s\n' "$glib" "$gstreamer" >"$folder/versions"
