#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
#
# last.sh [keep-running]: takes away what was needed to build the image and what must differ between its instances, then powers
# off. The connection that it came by ends with it.
set -eu
export DEBIAN_FRONTEND=noninteractive

# No way in but the console and, on EC2, Systems Manager. What runs of sshd goes on until the machine is off.
apt-get purge -y openssh-server openssh-sftp-server >/dev/null
rm -rf /etc/ssh ~root/.ssh /home/*/.ssh
passwd -q -l root
apt-get autoremove -y --purge >/dev/null
apt-get clean

rm -rf /var/lib/apt/lists/* /var/log/journal/* /var/log/apt/* /tmp/* /var/tmp/* /etc/eipgw/gateway.json
find /var/log -type f -exec truncate -s 0 {} +
# Empty, not away: systemd makes one at each instance's first boot, without taking it for a first boot of the system.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed
if command -v cloud-init >/dev/null; then
	cloud-init clean --logs --seed
fi
sync
[ "${1:-}" = keep-running ] || systemctl poweroff
