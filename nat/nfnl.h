// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A NETLINK_NETFILTER socket: dumps, single requests, and batches that the kernel takes as one
 * transaction. nfnetlink answers while sendmsg(2) runs, so nothing here waits for anything but the kernel.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct nfnl;
struct nlmsghdr;

enum nfnl_code {
	NFNL_E_STALE = 1, /* a dump was interrupted or overrun in every try */
};

struct nfnl *nfnl_open(
	struct err *err); /* NULL with the reason; -EPERM shows at the first request */
void nfnl_close(struct nfnl *nfnl);
uint32_t nfnl_port_id(const struct nfnl *nfnl);
/* A message header of `type` (subsystem << 8 | message) at the start of nfnl's own buffer. */
struct nlmsghdr *nfnl_request(struct nfnl *nfnl, uint16_t type, uint16_t flags, uint8_t family);

/*
 * Sends the prepared dump request and gives each answer to `on_message` (0, or a negative errno that ends
 * the dump). `restart` is called before each try, to throw away what the last one collected.
 * 0; NFNL_E_STALE; -errno with "WHAT: reason" in err.
 */
struct nfnl_dump {
	const char *what;
	int (*on_message)(const struct nlmsghdr *nlh, void *data);
	void (*restart)(void *data);
	void *data;
};
int nfnl_dump(struct nfnl *nfnl, const struct nlmsghdr *request, const struct nfnl_dump *dump,
	      struct err *err);
/* Sends one request with NLM_F_ACK; answers other than the acknowledgement go to `on_message` (may be NULL). */
int nfnl_talk(struct nfnl *nfnl, struct nlmsghdr *request, const struct nfnl_dump *answer,
	      struct err *err);

/*
 * A batch: all or nothing. Messages are written at nfnl_batch_room, which always has NFNL_MESSAGE_MAX
 * bytes, and taken by nfnl_batch_add with a label that names the object when the kernel refuses it.
 */
#define NFNL_MESSAGE_MAX (128u << 10)
#define NFNL_BATCH_BYTES_MAX (256u << 20)

struct nfnl_batch;
struct nfnl_batch *nfnl_batch_new(void); /* NULL: out of memory */
void nfnl_batch_free(struct nfnl_batch *batch);
/* NULL when memory or the ceiling is reached; the batch is then useless and its sending fails. */
void *nfnl_batch_room(struct nfnl_batch *batch);
uint32_t nfnl_batch_sequence(const struct nfnl_batch *batch); /* for the message being written */
void nfnl_batch_add(struct nfnl_batch *batch, struct nlmsghdr *nlh, const char *label_format, ...)
	__attribute__((format(printf, 3, 4)));
size_t nfnl_batch_messages(const struct nfnl_batch *batch);
/* 0 when the kernel took all; else the first refusal's errno, with "LABEL: reason" in err. */
int nfnl_batch_send(struct nfnl *nfnl, struct nfnl_batch *batch, struct err *err);
