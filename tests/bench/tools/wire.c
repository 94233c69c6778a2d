// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "wire.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench.h"

enum { BATCH = 64 };

struct wire {
	struct bpf_object *object;
	int generate;
	unsigned ifindex;
	bool tunnel;
};

/* libbpf maps a program's variables only for its generated skeletons. */
static struct packets_shared *shared_memory(struct bpf_object *object)
{
	struct bpf_map *map;
	int fd = -1;

	bpf_object__for_each_map(map, object)
	{
		if (strstr(bpf_map__name(map), ".bss") &&
		    bpf_map__value_size(map) == sizeof(struct packets_shared))
			fd = bpf_map__fd(map);
	}
	if (fd < 0)
		fail("packets.bpf.o", "its memory isn't what packets.h says");
	void *memory = mmap(NULL, sizeof(struct packets_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);

	if (memory == MAP_FAILED)
		fail("the generator's memory", strerror(errno));
	return memory;
}

static void attach(const struct wire *wire, const char *program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS,
		    .ifindex = (int)wire->ifindex);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int rc = bpf_tc_hook_create(&hook);

	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(wire->object, program));
	opts.handle = 1;
	opts.priority = 1;
	opts.flags = BPF_TC_F_REPLACE;
	if (rc == 0 || rc == -EEXIST)
		rc = bpf_tc_attach(&hook, &opts);
	if (rc)
		fail("tc ingress", strerror(-rc));
}

struct wire *wire_open(const char *object, const char *device, bool tunnel,
		       struct packets_shared **ret_shared)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		fail("wire", "out of memory");
	wire->tunnel = tunnel;
	wire->ifindex = if_nametoindex(device);
	if (!wire->ifindex)
		fail(device, "no such device");
	wire->object = bpf_object__open_file(object, NULL);
	if (!wire->object || bpf_object__load(wire->object))
		fail(object, strerror(errno));
	wire->generate =
		bpf_program__fd(bpf_object__find_program_by_name(wire->object, "generate"));
	attach(wire, "arrive");
	*ret_shared = shared_memory(wire->object);
	(*ret_shared)->work.out_ifindex = wire->ifindex;
	return wire;
}

void wire_close(struct wire *wire)
{
	bpf_object__close(wire->object);
	free(wire);
}

void wire_send(struct wire *wire, uint32_t n)
{
	static char frame[PACKETS_TUNNEL_BYTES + PACKETS_FRAME];
	uint32_t size = PACKETS_FRAME + (wire->tunnel ? PACKETS_TUNNEL_BYTES : 0);
	struct xdp_md context = { .data_end = size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)n,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	int rc = bpf_prog_test_run_opts(wire->generate, &opts);

	if (rc)
		fail("sending packets", strerror(-rc));
}
