# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# shellcheck shell=bash
#
# What peers-kube, peers-clients and Terraform's peers-program share: programs of a Go module with pinned sums, built once into the user's cache,
# ${XDG_CACHE_HOME:-~/.cache}/eipgw/peers. Exit status 77 with a reason where there is no Go that can build them
# (tests/tools/find-go), or where modules can't be fetched.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=${0##*/}

die() {
	echo "$self: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $self can't build its programs: $*"
	exit 77
}

# build LDFLAGS PACKAGE...: into $place.new. Each compiled package is a line of the log; every hundredth is told.
build() {
	local ldflags=$1
	shift
	(cd "$module" && nice "$go" build -v -trimpath -ldflags "-s -w $ldflags" -o "$place.new/" "$@") 2>&1 |
		tee -a "$log" | awk '/^[a-z0-9.]+(\/|$)/ && ++n % 100 == 0 { print "  " n " packages compiled"; fflush() }' >&2
}

# version_of MODULE, as its go.mod has it
version_of() {
	awk -v module="$1" '$1 == module && $2 ~ /^v/ && !/=>/ { print $2 }' "$module/go.mod"
}

# peers NAME MODULE MINUTES PROGRAM...: prints where they are. The caller has a function build_all.
peers() {
	local stem=$1 minutes=$3 folder=$here/../../build/peers want program status
	module=$here/$2
	shift 3
	[[ -z ${XDG_CACHE_HOME:-${HOME:-}} ]] || folder=${XDG_CACHE_HOME:-$HOME/.cache}/eipgw/peers
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd)
	# The scripts are inputs too: they have the flags.
	want=$(find "$module" -type f -print0 | sort -z | xargs -0 cat "${BASH_SOURCE[0]}" "$0" | sha256sum | cut -c1-12)
	place=$folder/$stem-$want
	exec 9>"$folder/$stem.lock"
	flock 9 # tests run in parallel
	if [[ ! -d $place ]]; then
		go=$("$here/../tools/find-go" 26) || {
			status=$?
			echo "$go"
			exit "$status"
		}
		log=$place.log
		rm -rf "$place.new"
		mkdir "$place.new"
		: >"$log"
		echo "building $*; once, about $minutes minutes" >&2
		export CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off HOME=${HOME:-$folder}
		if ! build_all; then
			tail -n 40 "$log" >&2
			grep -qE 'dial tcp|no such host|i/o timeout|connection refused|proxyconnect|lookup |TLS handshake timeout' "$log" || exit 1
			skip "modules can't be fetched"
		fi
		for program in "$@"; do
			[[ -x $place.new/$program ]] || die "the build left no $program"
		done
		# Earlier sets go when nobody has used them for a month.
		find "$folder" -mindepth 1 -maxdepth 1 -name "$stem-*" ! -name "$stem-$want*" -mtime +30 -exec rm -rf {} +
		mv "$place.new" "$place"
	fi
	touch "$place"
	echo "$place"
}
