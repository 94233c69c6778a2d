#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
#
# What the host itself is: its firewall, its parameters, its upgrades. The daemon's own things come with its package.
set -eu
cd /var/tmp/eipgw/files

install -d /etc/eipgw
install -m 0644 host-firewall.nft /usr/lib/eipgw-host-firewall.nft
install -m 0644 host-firewall.conf /etc/eipgw/host-firewall.conf
install -m 0644 eipgw-host-firewall.service /etc/systemd/system/
install -d /etc/systemd/system/eipgw-user-data.service.d
install -m 0644 eipgw-user-data-firewall.conf /etc/systemd/system/eipgw-user-data.service.d/host-firewall.conf
install -m 0644 60-eipgw-host.conf /etc/sysctl.d/
install -m 0644 52-eipgw-upgrades /etc/apt/apt.conf.d/
install -d /etc/systemd/journald.conf.d
install -m 0644 journald.conf /etc/systemd/journald.conf.d/eipgw.conf
if [ -d /etc/cloud/cloud.cfg.d ]; then
	install -m 0644 90-eipgw-cloud.cfg /etc/cloud/cloud.cfg.d/
fi

systemctl daemon-reload
systemctl enable eipgw-host-firewall.service
# Debian's service of this name flushes everybody's tables when it starts and stops, ours too.
systemctl mask nftables.service
