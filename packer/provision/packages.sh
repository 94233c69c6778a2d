#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
#
# What the image needs from Debian, and our own packages. Where all of Debian's are there, nobody is asked for them.
set -eu
export DEBIAN_FRONTEND=noninteractive
cd /var/tmp/eipgw

packages=$(grep -v '^#' packages.txt)
missing=$(for package in $packages; do dpkg -s "$package" >/dev/null 2>&1 || echo "$package"; done)
if [ -n "$missing" ]; then
	apt-get update
	apt-get dist-upgrade -y
	# shellcheck disable=SC2086 # a list
	apt-get install -y --no-install-recommends $missing
fi
apt-get install -y --no-install-recommends ./packages/eipgw-gateway_*.deb ./packages/eipgw-cli_*.deb
