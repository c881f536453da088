# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by the other scripts: makes the repository's root the working
# directory, and knows how a build directory is made.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 3
export LC_ALL=C.UTF-8
# shellcheck disable=SC2034 # used by the scripts; the distribution's has the distribution's modules
PYTHON=/usr/bin/python3
targets=	# of build: nobody's environment counts

# build DIR [MESON-OPTION...]: configure DIR if need be, and compile, all or what
# $targets names.  Prints only when something is wrong.  CC and CFLAGS of the
# caller are used.
build() {
	local dir=$1 log status=0
	shift
	log=$(mktemp)
	if [ ! -f "$dir/build.ninja" ]; then
		rm -rf "$dir"
		meson setup "$dir" "$@" >"$log" 2>&1 </dev/null || status=$?
	elif [ $# != 0 ]; then
		meson configure "$dir" "$@" >"$log" 2>&1 </dev/null || status=$?
	fi
	if [ $status = 0 ]; then
		# shellcheck disable=SC2086 # words
		ninja --quiet -C "$dir" $targets >"$log" 2>&1 </dev/null || status=$?
	fi
	if [ $status != 0 ]; then
		tail -n 200 "$log" >&2
		echo "$dir: the build failed (exit status $status)" >&2
	fi
	rm -f "$log"
	return $status
}
