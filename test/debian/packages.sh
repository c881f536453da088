#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian packages, built from this tree and tried on the system that this runs on: as root, where that may be
# changed (scripts/on-debian RELEASE --packages).  What is wrong ends it; the last line is "packages passed".
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { printf '%s\n' "$*" >&2; exit 1; }

apt-get -q -y install --no-install-recommends build-essential debhelper lintian >"$work/log" 2>&1 ||
	{ tail "$work/log"; die "what builds packages cannot be installed"; }

# --- built ---------------------------------------------------------------------
mkdir "$work/source"
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$work/source"
(cd "$work/source" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" dpkg-buildpackage -b -us -uc) >"$work/log" 2>&1 || { tail -n 30 "$work/log"; die "the packages do not build"; }
tool=$(echo "$work"/cxl-isolation_[0-9]*.deb) sim=$(echo "$work"/cxl-isolation-sim_[0-9]*.deb)
# that an upload to Debian closes a bug is nothing that a package can have
lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$work"/*.changes || die "lintian has found something"
echo "built $(dpkg-deb -f "$tool" Version), lintian has nothing to say"

# --- nothing of anybody else's --------------------------------------------------
for deb in "$tool" "$sim"; do
	dpkg-deb -c "$deb" | awk '$1 !~ /^d/ { sub(/^\./, "", $6); print $6 }' >"$work/files"
	[ "$(wc -l <"$work/files")" -gt 5 ] || die "$deb is empty"
	if { xargs dpkg -S <"$work/files" 2>/dev/null || true; } | grep -v '^cxl-isolation'; then die "that is another package's"; fi
	if grep -v -e ^/usr/ -e ^/lib/systemd/ "$work/files"; then die "that is in no place for a package's files"; fi
done

# No systemd runs here: an upgrade runs anew what runs all the time, and nothing else; a removal ends it.
script() { dpkg-deb --ctrl-tarfile "$tool" | tar -xO "./$1" 2>/dev/null || true; }
for unit in cxl-isolation-act.service cxl-isolation-metrics.timer cxl-isolation-monitor.service; do
	script postinst | grep -q "try-restart.*'$unit'" || die "an upgrade does not run $unit anew"
	script prerm | grep -q "invoke stop .*$unit" || die "a removal does not end $unit"
done
if script postinst | grep -q "restart.*'cxl-isolation.service'"; then die "an upgrade applies the policy"; fi
if script preinst | grep -q 'invoke stop'; then die "an upgrade ends units"; fi

# An older version: the same, but for one file that is not there any more.
dpkg-deb -R "$tool" "$work/old"
sed -i 's/^Version: .*/Version: 0.1-1/' "$work/old/DEBIAN/control"
echo old >"$work/old/usr/share/cxl-isolation/of-0.1"
rm -f "$work/old/usr/share/cxl-isolation/schemas/cxl-explain.json"
dpkg-deb --root-owner-group -b "$work/old" "$work/old.deb" >/dev/null

# --- installed, used, upgraded, taken out --------------------------------------
everything() {
	find / -xdev \( -path "$work" -o -path /src -o -path /tmp -o -path /root -o -path /var/cache -o -path /var/log -o \
		-path /var/lib/dpkg -o -path /var/lib/systemd/catalog -o -path /var/lib/apt -o -path /run/systemd \) -prune -o -print | sort
}
as_typed() { env -i HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin sh -c "$1"; }
same() { [ "$1" = "$2" ] || die "expected '$2', got '$1'"; }
theirs=$(as_typed 'cxl --version; command -v cxl; command -v daxctl')
checksums() { sha256sum /usr/bin/cxl /usr/bin/daxctl /usr/share/bash-completion/completions/* | sha256sum; }
were=$(checksums)

used() {
	local said
	as_typed 'cxl-isolation explain ISO-CAP' | grep ISO-CAP >/dev/null || die "$1: cxl-isolation explain"
	same "$(as_typed 'cxl-isolation list --isolation >/dev/null 2>&1; echo $?')" 3	# no CXL bus here
	said=$(as_typed 'cxl-isolation --version')
	same "${said%%$'\n'*}" "$(/usr/bin/cxl --version)"
	case $said in *cxl-isolation*) ;; *) die "$1: $said" ;; esac
	same "$(as_typed 'daxctl-isolation --version | head -n 1')" "$(/usr/bin/daxctl --version)"
	as_typed 'cxl-isolation-link'
	same "$(as_typed 'readlink /usr/local/bin/cxl /usr/local/bin/daxctl')" "/usr/lib/cxl-isolation/bin/cxl
/usr/lib/cxl-isolation/bin/daxctl"
	as_typed 'cxl list --help' | grep -e '--isolation --help' >/dev/null || die "$1: cxl list --help"
	as_typed 'man -w cxl-isolation cxl-recover-port cxl-isolation.conf' >/dev/null || [ ! -e /usr/share/man/man7 ] || die "$1: a page is missing"
}

mkdir -p /etc/udev/rules.d
everything >"$work/before"
dpkg -i "$work/old.deb" "$sim" >"$work/log" 2>&1 || { cat "$work/log"; die "the older version does not install"; }
same "$(as_typed 'cxl --version; command -v cxl; command -v daxctl')" "$theirs"
used "0.1-1"
[ -e /usr/share/cxl-isolation/of-0.1 ] || die "the older version is not there"
mkdir -p /etc/cxl /var/lib/cxl-isolation
echo '# mine' >/etc/cxl/isolation.conf
echo kept >/var/lib/cxl-isolation/0000:0c:00.0.proof
echo '# a rule' >/etc/udev/rules.d/85-cxl-isolation.rules

dpkg -i "$tool" >"$work/log" 2>&1 || { cat "$work/log"; die "the upgrade fails"; }
same "$(dpkg-query -W -f '${Version} ${db:Status-Status}' cxl-isolation)" "$(dpkg-deb -f "$tool" Version) installed"
[ ! -e /usr/share/cxl-isolation/of-0.1 ] && [ -e /usr/share/cxl-isolation/schemas/cxl-explain.json ] || die "the older version is still there"
same "$(as_typed 'readlink /usr/local/bin/cxl')" /usr/lib/cxl-isolation/bin/cxl
used "upgraded"
[ -e /etc/cxl/isolation.conf ] && [ -e /var/lib/cxl-isolation/0000:0c:00.0.proof ] || die "the upgrade lost what was kept"
for unit in /usr/lib/systemd/system/cxl-isolation*.service /lib/systemd/system/cxl-isolation*.service; do
	[ ! -e "$unit" ] || systemd-analyze verify "$unit" 2>&1 | { ! grep -i cxl-isolation; } || die "$unit is not well"
done
[ ! -e "$(find /etc/systemd -name 'cxl-isolation*' | head -n 1)" ] || die "a unit is enabled"
case $(as_typed 'cxl-sim hosts') in *vms1*) ;; *) die "cxl-sim has no hosts" ;; esac
[ "$(as_typed 'cxl-sim doctor >/dev/null; echo $?')" != 0 ] ||
	as_typed 'cxl-sim run --host direct1 -- cxl-isolation isolation-status --assert link.state=up >/dev/null' || die "cxl-sim run"
echo "installed beside the distribution's, used, upgraded"

# Forgotten links are nobody's: what is typed is the distribution's again.
dpkg -r cxl-isolation cxl-isolation-sim >"$work/log" 2>&1 || { cat "$work/log"; die "removing fails"; }
same "$(as_typed 'cxl --version')" "$(/usr/bin/cxl --version)"
[ -e /var/lib/cxl-isolation/0000:0c:00.0.proof ] || die "removing took away what only a purge may"
dpkg -i "$tool" >"$work/log" 2>&1
as_typed 'cxl-isolation-link --remove'
same "$(as_typed 'cxl --version; command -v cxl; command -v daxctl')" "$theirs"
dpkg -P cxl-isolation >"$work/log" 2>&1 || { cat "$work/log"; die "purging fails"; }
same "$(cat /etc/cxl/isolation.conf)" "# mine"
rm -r /etc/cxl
everything >"$work/after"
diff "$work/before" "$work/after" || die "that was left, or is missing"
same "$(checksums)" "$were"
if grep -v -e 'not removed' -e '^(Reading' -e '^(Les' "$work/log" | grep -i -e warning -e error; then die "dpkg was not content"; fi
echo "removed and purged: nothing is left but the administrator's policy"
echo "packages passed"
