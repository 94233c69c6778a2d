// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// labtool: the one helper process that the lab runs in a namespace. It serves, probes, keeps flows
// going, sends crafted packets and, in the internet gateway's namespace, owns the BPF programs.
// It is one single-threaded loop and it is commanded by JSON lines over a unix socket, so that a
// test pays neither for a fork nor for an interpreter per packet.
//
// Request {"id": 7, "cmd": "probe", ...}, answer {"id": 7, "ok": true, ...} or
// {"id": 7, "ok": false, "fault": "text"}. Answers may overtake each other.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MS_NS INT64_C(1000000)

/* ---- loop.c ---------------------------------------------------------------------------------- */

/* A descriptor in the loop; embedded in its owner. One event per pass, so that a handler may free
 * any watch, its own too. */
struct watch {
	int fd; /* -1: not in the loop */
	void (*on_ready)(struct watch *w, uint32_t events);
};

/* A one-shot timer; due_ns 0 = off. Zeroed memory plus on_expired is a valid, stopped timer. */
struct timer {
	int64_t due_ns;
	void (*on_expired)(struct timer *t);
	struct timer *prev, *next;
};

int64_t now_ns(void);
int watch_add(struct watch *w, uint32_t events);
void watch_want(struct watch *w, uint32_t events);
void watch_close(struct watch *w);
void timer_set(struct timer *t, int64_t due_ns);
void timer_stop(struct timer *t);
void loop_run(void);
void loop_stop(void);

/* ---- control.c ------------------------------------------------------------------------------- */

/* Whom to answer. Copyable; answering a client that has gone is silently nothing. */
struct ticket {
	uint32_t client;
	json_int_t id;
};

struct command {
	const char *name;
	void (*run)(struct ticket ticket, json_t *args);
};

int control_serve(int listen_fd /* listening, non-blocking; taken */);
void answer(struct ticket ticket, json_t *fields /* stolen; NULL = none */);
void answer_fault(struct ticket ticket, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const struct command *command_find(const char *name);

/* Arguments: the default where the key is absent or of another type. */
int64_t arg_int(const json_t *args, const char *key, int64_t fallback);
bool arg_bool(const json_t *args, const char *key);
const char *arg_str(const json_t *args, const char *key, const char *fallback);
struct in_addr arg_addr(const json_t *args, const char *key); /* 0.0.0.0 where absent or wrong */

json_t *json_addr(struct in_addr addr);
const char *errno_name(int error);

/* ---- serve.c --------------------------------------------------------------------------------- */

/* What a UDP or ICMP echo carries. The server fills in whom it saw and sends the rest back. */
#define LAB_MSG_MAGIC 0x4c414250u
struct lab_msg {
	uint32_t magic;
	uint32_t seq;
	uint64_t nonce;
	struct in_addr peer;
	uint16_t peer_port; /* network order; the echo identifier for ICMP */
	uint16_t unused;
};

enum { DATAGRAM_MAX = 65507, ICMP_HEADER_LEN = 8, IPV4_HEADER_LEN = 20 };

void cmd_serve(struct ticket ticket, json_t *args);

/* ---- http.c ---------------------------------------------------------------------------------- */

/* From now on the server of that port answers with args' "text", by default the caller's address, or,
 * with "mute", not at all. False: too many servers. */
bool http_configure(uint16_t port, const json_t *args, bool *ret_is_new);
void http_peer(int fd, const struct sockaddr_in *from);

/* ---- probe.c --------------------------------------------------------------------------------- */

enum transport { TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_ICMP };

/* Where to talk from and to. */
struct endpoint {
	enum transport transport;
	struct in_addr src; /* 0.0.0.0: the kernel chooses */
	struct in_addr dst;
	uint16_t sport; /* 0: the kernel chooses */
	uint16_t dport;
	uint8_t ttl; /* 0: the default */
	bool dont_fragment;
};

struct probe_spec {
	struct endpoint to;
	size_t size; /* datagrams: bytes of payload; TCP: bytes to have echoed */
	int64_t timeout_ns;
};

struct probe_result {
	int error; /* 0: answered; ETIME: the probe's own deadline */
	struct sockaddr_in seen, local;
	int64_t rtt_ns;
	int mtu; /* of the route, as the socket knows it at the end; 0 unknown */
};

struct probe;
typedef void probe_done(void *ctx, const struct probe_result *result);

/* Never calls done before it returns. */
struct probe *probe_start(const struct probe_spec *spec, probe_done *done, void *ctx);
void probe_cancel(struct probe *p);
void cmd_probe(struct ticket ticket, json_t *args);

bool endpoint_parse(const json_t *args, struct endpoint *ret_to);
/* A non-blocking, connected (TCP: connecting) socket. Negative errno on failure. */
int endpoint_open(const struct endpoint *to);
/* Sends one lab_msg of size bytes; ICMP gets its header. 0 or negative errno. */
int datagram_send(int fd, enum transport transport, uint32_t seq, uint64_t nonce, size_t size);
/* The next answer that carries our magic. 0, -EAGAIN when there is none, other negative errno. */
int datagram_receive(int fd, enum transport transport, struct lab_msg *ret_msg);
/* Parses "PEER 1.2.3.4 567\n"; the number of bytes that it took, 0 if incomplete or wrong. */
size_t greeting_parse(const char *buf, size_t len, struct sockaddr_in *ret_seen);

/* ---- flow.c, raw.c, igw.c -------------------------------------------------------------------- */

void cmd_flow_start(struct ticket ticket, json_t *args);
void cmd_flow_stat(struct ticket ticket, json_t *args);
void cmd_flow_stop(struct ticket ticket, json_t *args);

void cmd_raw(struct ticket ticket, json_t *args);

void cmd_igw_load(struct ticket ticket, json_t *args);
void cmd_igw_map(struct ticket ticket, json_t *args);
void cmd_igw_unmap(struct ticket ticket, json_t *args);
void cmd_igw_counts(struct ticket ticket, json_t *args);
