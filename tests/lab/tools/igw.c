// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// Loads and owns the internet gateway's BPF programs. The programs stay attached when this process
// dies, but nobody can read the counters or move an address any more.
#include "labtool.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "igw.h"

static struct {
	struct bpf_object *object;
	int to_public, to_private, flows, stats;
} igw;

static int attach(const char *program, const char *device, enum bpf_tc_attach_point point)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(igw.object, program);
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = point,
		    .ifindex = (int)if_nametoindex(device));
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int error;

	if (!prog || !hook.ifindex)
		return -ENOENT;
	error = bpf_tc_hook_create(&hook);
	if (error && error != -EEXIST)
		return error;
	opts.prog_fd = bpf_program__fd(prog);
	return bpf_tc_attach(&hook, &opts);
}

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(igw.object, name);
}

void cmd_igw_load(struct ticket ticket, json_t *args)
{
	const char *inside = arg_str(args, "inside", "");
	const char *outside = arg_str(args, "outside", "");
	int error;

	igw.object = bpf_object__open_file(arg_str(args, "object", ""), NULL);
	error = igw.object ? bpf_object__load(igw.object) : -errno;
	if (!error) {
		igw.to_public = map_fd("to_public");
		igw.to_private = map_fd("to_private");
		igw.flows = map_fd("flows");
		igw.stats = map_fd("stats");
		error = attach("outbound", inside, BPF_TC_INGRESS);
	}
	if (!error)
		error = attach("inbound", inside, BPF_TC_EGRESS);
	if (!error)
		error = attach("wire", outside, BPF_TC_EGRESS);
	if (error)
		answer_fault(ticket, "igw_load: %s", errno_name(-error));
	else
		answer(ticket, NULL);
}

static bool is_mapped(struct in_addr public, struct in_addr private)
{
	uint32_t now_private = 0, now_public = 0;

	return bpf_map_lookup_elem(igw.to_private, &public, &now_private) == 0 &&
	       bpf_map_lookup_elem(igw.to_public, &private, &now_public) == 0 &&
	       now_private == private.s_addr && now_public == public.s_addr;
}

/* Takes the public address away from whoever has it. */
static void unmap_public(struct in_addr public)
{
	uint32_t private;

	if (bpf_map_lookup_elem(igw.to_private, &public, &private))
		return;
	bpf_map_delete_elem(igw.to_private, &public);
	bpf_map_delete_elem(igw.to_public, &private);
}

void cmd_igw_map(struct ticket ticket, json_t *args)
{
	struct in_addr private = arg_addr(args, "private");
	struct in_addr public = arg_addr(args, "public");

	if (!igw.object || !private.s_addr || !public.s_addr) {
		answer_fault(ticket, "igw_map: not loaded, or an address is wrong");
		return;
	}
	/* A repeat costs no packet. */
	if (is_mapped(public, private)) {
		answer(ticket, NULL);
		return;
	}
	unmap_public(public);
	if (bpf_map_update_elem(igw.to_public, &private, &public, BPF_ANY) ||
	    bpf_map_update_elem(igw.to_private, &public, &private, BPF_ANY))
		answer_fault(ticket, "igw_map: %s", errno_name(errno));
	else
		answer(ticket, NULL);
}

void cmd_igw_unmap(struct ticket ticket, json_t *args)
{
	if (!igw.object) {
		answer_fault(ticket, "igw_unmap: not loaded");
		return;
	}
	unmap_public(arg_addr(args, "public"));
	answer(ticket, NULL);
}

static json_t *addr_or_null(uint32_t addr)
{
	return addr ? json_addr((struct in_addr){ addr }) : json_null();
}

static json_t *rows(void)
{
	json_t *list = json_array();
	struct igw_flow key, *previous = NULL;
	struct igw_count count;

	/* Entries are never deleted, so that walking by key is safe while packets pass. */
	while (!bpf_map_get_next_key(igw.flows, previous, &key)) {
		static struct igw_flow last;

		last = key;
		previous = &last;
		if (bpf_map_lookup_elem(igw.flows, &key, &count))
			continue;
		json_array_append_new(
			list,
			json_pack("[s,o,o,o,i,i,I,I]", key.side == IGW_SIDE_VPC ? "vpc" : "wire",
				  addr_or_null(key.inside), addr_or_null(key.outside),
				  addr_or_null(key.daddr), key.proto, key.port,
				  (json_int_t)count.packets, (json_int_t)count.bytes));
	}
	return list;
}

static json_int_t stat_read(uint32_t index)
{
	uint64_t value = 0;

	bpf_map_lookup_elem(igw.stats, &index, &value);
	return (json_int_t)value;
}

void cmd_igw_counts(struct ticket ticket, json_t *args)
{
	(void)args;
	if (!igw.object) {
		answer_fault(ticket, "igw_counts: not loaded");
		return;
	}
	answer(ticket, json_pack("{s:o, s:I, s:I}", "rows", rows(), "uncounted",
				 stat_read(IGW_STAT_UNCOUNTED), "inbound_unmapped",
				 stat_read(IGW_STAT_INBOUND_UNMAPPED)));
}
