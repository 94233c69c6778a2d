// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cli/: the thin shell that fills struct facts. Nothing here judges, and nothing changes anything. */
#pragma once

struct aws_session;
struct facts;

/* Devices, ports, parameters, kernel features. The configuration's parts of `facts` are set. */
void gather_host(struct facts *facts);
/* Tries the features in a process and network namespace of their own; needs root. */
void gather_features(struct facts *facts);
/* Metadata, credentials, EC2. `session` outlives the facts. */
void gather_aws(struct aws_session *session, struct facts *facts);
/* Whether the API server lets the gateway do its work, if that is where policies come from. After gather_aws. */
void gather_kube(struct aws_session *session, struct facts *facts);
/* Frees what gather_aws took. */
void gather_done(struct facts *facts);
