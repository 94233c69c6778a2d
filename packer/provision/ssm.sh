#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
#
# The agent of AWS Systems Manager, the only way in for people, on EC2. Debian has no package of it; AWS's own is in a bucket of each
# region, with a signature beside it (https://docs.aws.amazon.com/systems-manager/latest/userguide/verify-agent-signature.html).
# REGION; the key comes from that page, by who builds.
set -eu
key=/var/tmp/eipgw/amazon-ssm-agent.gpg
[ -s "$key" ] || {
	echo "ssm_agent_key names no file with the key that AWS signs its agent with" >&2
	exit 1
}
work=$(mktemp -d)
cd "$work"
place=https://s3.$REGION.amazonaws.com/amazon-ssm-$REGION/latest/debian_$(dpkg --print-architecture)
curl -fsS --proto =https --retry 5 -O "$place/amazon-ssm-agent.deb" -O "$place/amazon-ssm-agent.deb.sig"
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gpg >/dev/null
mkdir -m 0700 keys
gpg --homedir keys --batch --quiet --import "$key"
gpg --homedir keys --batch --verify amazon-ssm-agent.deb.sig amazon-ssm-agent.deb
dpkg -i amazon-ssm-agent.deb
systemctl enable amazon-ssm-agent
cd /
rm -rf "$work"
