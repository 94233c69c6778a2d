// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Steps of inventory tests. What fails here fails the test. */
#pragma once

#include "objects.h"

#define INVENTORY CLEANUP(inventory_cleanup) struct inventory *inv = inventory_new()

/* The first n of gw/bank, gw/mail, other/bank. */
void given_egress(struct inventory *inv, size_t n);
void given_pod(struct inventory *inv, const char *name, struct pod_words words);
void given_space(struct inventory *inv, const char *name, const char *labels);
void given_policy(struct inventory *inv, const char *name, struct policy_words words);
void given_compiled(struct inventory *inv);
/* "ADDRESS OLDNODE:CLASS>NODE:CLASS;...": a class is + or -, ! if it is another one. Or "compile". */
const char *given_taken(struct inventory *inv);
/*
 * A policy "p" for all pods of namespaces with team=pay, such a one ("pay") and another ("rest"), one egress IP, and
 * in force for one pod, pay/first, 10.0.0.1.
 */
void given_usual(struct inventory *inv);
