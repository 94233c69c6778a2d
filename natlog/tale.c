// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/tale.h"

#include <stdio.h>
#include <string.h>

#include "natlog/who.h"

enum {
	NAME_MAX_LENGTH = 64,
	CARRIERS_MAX = CT_STINTS_MAX * (NAME_MAX_LENGTH + 1),
	/* Of the number that stands for somebody: our gateway's name was added to those that had the connection. */
	WITH_OURS = 1
};

/* The i-th name; its length, 0: there is none, and *ret is the end. */
static size_t name_at(const char *carriers, size_t i, const char **ret)
{
	size_t n = strcspn(carriers, " ");

	for (; n && i; i--) {
		carriers += n + (carriers[n] == ' ');
		n = strcspn(carriers, " ");
	}
	*ret = carriers;
	return n;
}

/* The stint that is in our kernel's entry. n_stints: none is. */
static size_t ours_of(const struct book_entry *entry, const char *gateway, int64_t start_ns)
{
	const size_t length = strlen(gateway);
	const char *name = NULL;

	for (size_t i = 0; entry->who && i < entry->n_stints; i++) {
		if (entry->stints[i].start_ns == start_ns &&
		    name_at(entry->who->carriers, i, &name) == length &&
		    memcmp(name, gateway, length) == 0)
			return i;
	}
	return entry->n_stints;
}

static void add(struct ct_traffic *to, const struct ct_traffic *traffic)
{
	to->packets += traffic->packets;
	to->bytes += traffic->bytes;
}

void tale_sum(const struct book_entry *entry, const char *gateway, struct ct_account *account)
{
	const size_t ours = ours_of(entry, gateway, account->start_ns);

	for (size_t i = 0; i < entry->n_stints; i++) {
		if (i == ours)
			continue;
		add(&account->sent, &entry->stints[i].sent);
		add(&account->received, &entry->stints[i].received);
	}
}

/* More gateways than there is room for: the first two become one, with the first one's name. */
static void make_room(struct ct_history *history)
{
	struct ct_stint *v = history->stints;

	if (history->n < CT_STINTS_MAX)
		return;
	add(&v[0].sent, &v[1].sent);
	add(&v[0].received, &v[1].received);
	memmove(&v[1], &v[2], (CT_STINTS_MAX - 2) * sizeof(v[0]));
	history->n--;
}

bool tale_tell(const struct book *book, const char *gateway, const struct ct_flow *flow,
	       const struct ct_account *account, struct ct_tale *ret)
{
	struct ct_stint ours = { .start_ns = 0 };
	struct book_entry entry;
	size_t at;

	if (!book_find(book, flow, &entry) || !entry.who)
		return false;
	if (account)
		ours = (struct ct_stint){ account->start_ns, account->sent, account->received };
	at = ours_of(&entry, gateway, ours.start_ns);
	*ret = (struct ct_tale){ .who = entry.number << 1,
				 .serial = entry.serial,
				 .basis = (uint8_t)entry.basis,
				 .history = { entry.start_ns, entry.n_stints } };
	/* The kernel saw the first packet before we heard of it. */
	if (!entry.is_told && ours.start_ns)
		ret->history.start_ns = ours.start_ns;
	memcpy(ret->history.stints, entry.stints, entry.n_stints * sizeof(entry.stints[0]));
	if (at == entry.n_stints) {
		make_room(&ret->history);
		at = ret->history.n++;
		ret->who |= WITH_OURS;
	}
	ret->history.stints[at] = ours;
	return true;
}

static size_t count_names(const char *carriers)
{
	const char *name;
	size_t n = 0;

	while (name_at(carriers, n, &name))
		n++;
	return n;
}

/* As make_room does: without the second name, if there are too many. */
static void add_name(const char *carriers, const char *gateway, char ret[static CARRIERS_MAX])
{
	const bool is_full = count_names(carriers) >= CT_STINTS_MAX;
	size_t at = 0, n;
	const char *name = NULL;

	ret[0] = '\0';
	for (size_t i = 0; (n = name_at(carriers, i, &name)) && at < CARRIERS_MAX; i++) {
		if (!is_full || i != 1)
			at += (size_t)snprintf(ret + at, CARRIERS_MAX - at, "%.*s ", (int)n, name);
	}
	if (at < CARRIERS_MAX)
		snprintf(ret + at, CARRIERS_MAX - at, "%s", gateway);
}

size_t tale_who(const struct book *book, const char *gateway, uint32_t who, uint8_t *ret,
		size_t size)
{
	const struct natlog_who *known = book_who(book, who >> 1);
	char carriers[CARRIERS_MAX];
	struct natlog_who told;

	if (!known)
		return 0;
	told = *known;
	if (who & WITH_OURS) {
		add_name(known->carriers, gateway, carriers);
		told.carriers = carriers;
	}
	return who_pack(&told, ret, size);
}

enum tale_taken tale_take(struct book *book, const struct ct_flow *flow, const struct ct_tale *tale,
			  const uint8_t *who, size_t n)
{
	struct natlog_who told;
	struct book_entry entry = { .who = &told,
				    .start_ns = tale->history.start_ns,
				    .basis = (enum natlog_basis)tale->basis,
				    .is_told = true,
				    .n_stints = tale->history.n };

	if (tale->basis >= NATLOG_BASIS_COUNT || !who_unpack(who, n, &told))
		return TALE_BROKEN;
	memcpy(entry.stints, tale->history.stints, tale->history.n * sizeof(entry.stints[0]));
	return book_tell(book, flow, &entry) ? TALE_TAKEN : TALE_NOT_HERE;
}
