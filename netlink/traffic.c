// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <net/if.h>

#include <libmnl/libmnl.h>

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/attrs.h"
#include "netlink/encode.h"
#include "netlink/rt.h"
#include "netlink/socket.h"

enum { DRIVER_COUNTERS_MAX = 16384 }; /* some have hundreds per queue */

static int take_traffic(const struct nlmsghdr *nlh, void *data)
{
	struct device_traffic *ret = data;
	struct rtnl_link_stats64 stats = { 0 };
	struct attrs attrs;
	int rc;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	rc = attrs_parse_message(nlh, sizeof(struct ifinfomsg), &attrs);
	if (rc)
		return rc;
	/* Newer kernels append to the struct; older ones have less than this one. */
	const struct nlattr *attr = attrs.v[IFLA_STATS64];
	size_t n = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (n)
		memcpy(&stats, mnl_attr_get_payload(attr), n < sizeof(stats) ? n : sizeof(stats));
	ret->received = (struct traffic){ stats.rx_packets, stats.rx_bytes, stats.rx_errors,
					  stats.rx_dropped };
	ret->sent = (struct traffic){ stats.tx_packets, stats.tx_bytes, stats.tx_errors,
				      stats.tx_dropped };
	return 0;
}

int rtnl_device_traffic(struct rtnl *rtnl, const char *name, struct device_traffic *ret,
			struct err *err)
{
	_Alignas(struct nlmsghdr) char buf[ENCODE_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct device_traffic traffic = { 0 };
	int rc;

	if (strlen(name) >= RT_IFNAME_MAX)
		return err_set(err, -EINVAL, "the device name %.32s is too long", name);
	nlh->nlmsg_type = RTM_GETLINK;
	((struct ifinfomsg *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg)))->ifi_family =
		AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	rc = rtnl_query(rtnl, nlh, take_traffic, &traffic, err);
	if (rc)
		return err_prefix(err, rc, "counters of the device %s", name);
	*ret = traffic;
	return 0;
}

static int ask_driver(int fd, const char *device, void *command)
{
	struct ifreq request = { .ifr_data = command };

	strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

/* How many it has; 0: none, or it can't say. The answer has the length of the one set that is asked for. */
static uint32_t count_counters(int fd, const char *device)
{
	_Alignas(struct ethtool_sset_info) char
		buf[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)] = { 0 };
	struct ethtool_sset_info *const info = (struct ethtool_sset_info *)buf;

	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << ETH_SS_STATS;
	if (ask_driver(fd, device, info) || !info->sset_mask)
		return 0;
	return info->data[0];
}

static void find_counters(const struct ethtool_gstrings *strings, const struct ethtool_stats *stats,
			  struct driver_counters *counters)
{
	for (uint32_t i = 0; i < strings->len && i < stats->n_stats; i++) {
		const char *name = (const char *)strings->data + (size_t)i * ETH_GSTRING_LEN;

		for (size_t j = 0; j < counters->n; j++) {
			if (strncmp(name, counters->names[j], ETH_GSTRING_LEN) != 0)
				continue;
			counters->values[j] = stats->data[i];
			counters->found[j] = 1;
		}
	}
}

int driver_counters_read(const char *device, struct driver_counters *counters, struct err *err)
{
	/* Any socket does; Internet ones a node's unit needn't allow for this. */
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd < 0 ? -errno : 0;
	const uint32_t n = rc ? 0 : count_counters(fd, device);

	memset(counters->found, 0, counters->n);
	if (rc)
		return err_set(err, rc, "no socket: %s", strerror(-rc));
	if (n == 0 || n > DRIVER_COUNTERS_MAX)
		return 0;
	CLEANUP(cleanup_free)
	struct ethtool_gstrings *strings =
		calloc(1, sizeof(*strings) + (size_t)n * ETH_GSTRING_LEN);
	CLEANUP(cleanup_free)
	struct ethtool_stats *stats =
		calloc(1, sizeof(*stats) + (size_t)n * sizeof(stats->data[0]));

	if (!strings || !stats)
		return err_set(err, -ENOMEM, "out of memory");
	*strings = (struct ethtool_gstrings){ ETHTOOL_GSTRINGS, ETH_SS_STATS, n };
	*stats = (struct ethtool_stats){ ETHTOOL_GSTATS, n };
	rc = ask_driver(fd, device, strings);
	if (!rc)
		rc = ask_driver(fd, device, stats);
	if (rc)
		return err_set(err, rc, "the driver of %s: %s", device, strerror(-rc));
	/* The kernel writes as many as there are by then; if they became more, what it wrote isn't what was asked. */
	if (strings->len <= n && stats->n_stats <= n)
		find_counters(strings, stats, counters);
	return 0;
}
