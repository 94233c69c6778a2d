// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/delta.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/table/blocks.h"

/* In `elems` and `routes`, one behind the other, each with room for all that can come. */
struct part {
	struct nat_elem *v;
	size_t n;
};

struct builder {
	const struct gateway_view *view;
	struct part pods_del, pods_add, nodes_del, nodes_add;
	struct rt_routes del, add;
};

static int make_elem(const struct gateway_view *view, struct ip4 pod, struct ip4 node, uint64_t key,
		     struct nat_elem *ret)
{
	const struct policy_class *class = policy_class_find(view->policies, key);

	if (!class)
		return -ENOENT;
	*ret = (struct nat_elem){ .key = gateway_node_mark(node),
				  .first = pod.v,
				  .last = pod.v,
				  .data = gateway_class_number(view->policies, class) };
	return 0;
}

static int add_move(struct builder *b, const struct move *move)
{
	bool moved = move->old_node.v != move->node.v;
	int rc = 0;

	if (!moved && move->old_class == move->class)
		return 0;
	if (move->old_node.v)
		rc = make_elem(b->view, move->pod, move->old_node, move->old_class,
			       &b->pods_del.v[b->pods_del.n++]);
	if (!rc && move->node.v)
		rc = make_elem(b->view, move->pod, move->node, move->class,
			       &b->pods_add.v[b->pods_add.n++]);
	if (moved && move->old_node.v)
		b->del.v[b->del.n++] = gateway_pod_route(b->view, move->old_node,
							 (struct ip4_prefix){ move->pod, 32 });
	if (moved && move->node.v)
		b->add.v[b->add.n++] = gateway_pod_route(b->view, move->node,
							 (struct ip4_prefix){ move->pod, 32 });
	return rc;
}

static void add_node(const struct gateway_view *view, struct ip4 node, struct part *elems,
		     struct rt_routes *routes)
{
	elems->v[elems->n++] = (struct nat_elem){ .first = node.v, .last = node.v };
	routes->n += gateway_node_route(view, node, &routes->v[routes->n]);
}

static struct nat_elem_list list_of(const struct part *part)
{
	return (struct nat_elem_list){ part->v, part->n };
}

/* Who has ports of his own goes along: a pod's first packet finds them. */
static int add_blocks(const struct blocks *blocks, struct gateway_delta *delta)
{
	const size_t n = blocks ? blocks_news_most(blocks) : 0;
	struct blocks_news news;

	if (!n)
		return 0;
	delta->blocks = calloc(2 * n, sizeof(*delta->blocks));
	if (!delta->blocks)
		return -ENOMEM;
	news = (struct blocks_news){ .add = delta->blocks, .del = delta->blocks + n };
	blocks_news(blocks, &news);
	delta->sets[delta->delta.n_sets++] = (struct keeper_elems){ GATEWAY_BLOCK_SET,
								    { news.del, news.n_del },
								    { news.add, news.n_add } };
	return 0;
}

int gateway_delta_make(const struct gateway_view *view, const struct moves *moves,
		       struct gateway_delta *ret)
{
	size_t n = moves->n + 1; /* nodes are no more than pods */
	struct nat_elem *elems = calloc(4 * n, sizeof(*elems));
	struct rt_route *routes = calloc(4 * n, sizeof(*routes));
	struct builder b = { .view = view,
			     .pods_del = { elems, 0 },
			     .pods_add = { elems + n, 0 },
			     .nodes_del = { elems + 2 * n, 0 },
			     .nodes_add = { elems + 3 * n, 0 },
			     .del = { routes, 0 },
			     .add = { routes + 2 * n, 0 } };
	int rc = elems && routes ? 0 : -ENOMEM;

	for (size_t i = 0; i < moves->n && !rc; i++)
		rc = add_move(&b, &moves->v[i]);
	if (rc) {
		free(elems);
		free(routes);
		return rc;
	}
	for (size_t i = 0; i < moves->n_gone; i++)
		add_node(view, moves->gone_nodes[i], &b.nodes_del, &b.del);
	for (size_t i = 0; i < moves->n_new; i++)
		add_node(view, moves->new_nodes[i], &b.nodes_add, &b.add);
	*ret = (struct gateway_delta){
		.sets = { { "nodes", list_of(&b.nodes_del), list_of(&b.nodes_add) },
			  { "class_pod", list_of(&b.pods_del), list_of(&b.pods_add) } },
		.elems = elems,
		.routes = routes,
	};
	ret->delta = (struct keeper_delta){ .sets = ret->sets,
					    .n_sets = 2,
					    .routes = { .del = b.del, .add = b.add } };
	rc = add_blocks(view->blocks, ret);
	if (rc)
		gateway_delta_done(ret);
	return rc;
}

int gateway_delta_fence(const struct gateway_view *view, size_t egress_index, bool fenced,
			struct gateway_delta *ret)
{
	static const struct nat_elem_list none = { NULL, 0 };
	struct ip4 private = gateway_private(view, egress_index);
	struct nat_elem *elems = private.v ? calloc(2, sizeof(*elems)) : NULL;

	if (!elems)
		return private.v ? -ENOMEM : -ENOENT;
	elems[0] = (struct nat_elem){ .first = private.v, .last = private.v };
	elems[1] = (struct nat_elem){ .key = gateway_egress_mark(egress_index) };
	const struct nat_elem_list address = { &elems[0], 1 }, mark = { &elems[1], 1 };

	*ret = (struct gateway_delta){
		.sets = { { GATEWAY_FENCED_SET, fenced ? none : address, fenced ? address : none },
			  { GATEWAY_FENCED_MARK_SET, fenced ? none : mark, fenced ? mark : none } },
		.elems = elems,
	};
	ret->delta = (struct keeper_delta){ .sets = ret->sets, .n_sets = 2 };
	return 0;
}

int gateway_delta_share(const struct gateway_view *view, size_t egress_index, bool shared,
			struct gateway_delta *ret)
{
	static const struct nat_elem_list none = { NULL, 0 };
	const bool is_there = gateway_private(view, egress_index).v;
	struct nat_elem *elem = is_there ? calloc(1, sizeof(*elem)) : NULL;

	if (!elem)
		return is_there ? -ENOMEM : -ENOENT;
	elem->key = gateway_egress_mark(egress_index);
	const struct nat_elem_list mark = { elem, 1 };

	*ret = (struct gateway_delta){
		.sets = { { GATEWAY_SHARED_MARK_SET, shared ? none : mark, shared ? mark : none } },
		.elems = elem,
	};
	ret->delta = (struct keeper_delta){ .sets = ret->sets, .n_sets = 1 };
	return 0;
}

void gateway_delta_done(struct gateway_delta *delta)
{
	free(delta->elems);
	free(delta->blocks);
	free(delta->routes);
	*delta = (struct gateway_delta){ .elems = NULL };
}
