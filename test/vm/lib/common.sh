# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # sourced: its variables are for others
# Sourced by setup and vm: where things are kept, which kernels there are.

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(cd "$VM_DIR/../.." && pwd)
export LC_ALL=C.UTF-8

# Everything downloaded or unpacked.  The number grows when what setup makes
# changes: an old cache is then not used, and removed.
CACHE_TOP=${CXL_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cxl-isolation-vm}
CACHE=$CACHE_TOP/3

# Kernel names, the suite each is taken from, and the one of its guest's programs:
# bookworm has no package with a cxl.  rc is the newest of the archive, release candidates included.
declare -A SUITE_OF=([6.12]=trixie [newest]=sid [rc]=experimental [6.1]=bookworm)
declare -A GUEST_OF=([6.12]=trixie [newest]=sid [rc]=sid [6.1]=trixie)
declare -A BUILD_OF=([rc]=experimental+sid)	# where not the suite alone has the compiler for its headers
KERNELS=(6.12 newest rc 6.1)
TOOLS_SUITE=trixie	# QEMU and what packs the guest

TOOLS=$CACHE/tools
QEMU=$TOOLS/usr/bin/qemu-system-x86_64

# pack DIR: a cpio archive of what is in DIR, owned by root, on stdout.
pack() {
	(cd "$1" && find . -mindepth 1 -print0 | sort -z | "$TOOLS/usr/bin/cpio" -0 -o -H newc --quiet -R 0:0)
}
