// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the answers look like. Each part says so itself where something isn't there, isn't wanted or isn't known. */

const DROPS = "drops";

/* ---- numbers over time */

/* Columns by their names; counters as rates. */
function read(history) {
	const rows = history ? history.rows : [];
	const place = Object.fromEntries((history ? history.columns : []).map((name, i) => [name, i]));
	const column = name => rows.map(row => row[place[name]]);
	const intervals = column("interval_ms");
	return {
		times: column("time_ms"),
		gauge: column,
		rate: name => column(name).map((n, i) => isNumber(n) && intervals[i] > 0 ? n * 1000 / intervals[i] : null),
	};
}

function chartsOf(history, span, choice) {
	const seen = read(history), length = span === "day" ? 86400000 : 900000;
	const end = history ? history.time_ms : Date.now();
	const common = { times: seen.times, ends: [end - length, end], base: 1 };
	const inBits = choice.unit === "bytes", name = way => choice.device + "_" + way + "_" + choice.unit;
	const where = choice.device === "pod" ? ", pods through the tunnel" : ", network interface";
	return [
		{ ...common, title: "Throughput" + where, text: inBits ? bitsText : packetsText, base: inBits ? 8 : 1, wide: true, series: [
			{ name: "sent", values: seen.rate(name("sent")) }, { name: "received", values: seen.rate(name("received")) }] },
		{ ...common, title: "Connections", text: shortText, isWhole: true, series: [{ name: "tracked", values: seen.gauge("connections") }] },
		{ ...common, title: "New connections and drops", text: rateText, series: [
			{ name: "new", values: seen.rate("new") }, { name: "dropped packets", values: seen.rate("dropped_packets") }] },
	];
}

function showTiles(status, history) {
	const seen = read(history), last = name => lastOf(seen.rate(name));
	const connections = lastOf(seen.gauge("connections")), most = history && history.connections_max;
	const drops = status ? status.counters.filter(c => c.kind === DROPS).reduce((sum, c) => sum + c.packets, 0) : undefined;
	const carried = status ? carriedHere(status).length : undefined;
	const rows = [
		["Sent by pods", bitsText(last("pod_sent_bytes")), packetsText(last("pod_sent_packets"))],
		["Received by pods", bitsText(last("pod_received_bytes")), packetsText(last("pod_received_packets"))],
		["Connections", shortText(connections), most ? percentText(connections / most) + " of " + shortText(most) : ""],
		["New connections", rateText(last("new")), ""],
		["Dropped packets", shortText(drops), rateText(last("dropped_packets")) + " now"],
		["Egress IPs here", countText(carried), status ? "of " + status.egress_ips.length : ""],
	];
	fill("tiles", rows.map(([name, big, small]) => el("div", null, el("dt", null, name), el("dd", { class: "big" }, big), el("dd", { class: "small" }, small || "\u00a0"))));
}

/* ---- egress IPs */

function byName(list) {
	return new Map((list || []).map(item => [item.name, item]));
}

function groupOf(status, egress) {
	return status.failover && byName(status.failover.egress_ips).get(egress.name);
}

function isSeenWrong(egress) {
	return egress.self_test === "wrong" || egress.self_test === "silent";
}

/* The gateway has it, whatever the self-test says: that stops its packets. */
function isHere(status, egress) {
	const group = groupOf(status, egress);
	return status.failover ? !!(group && group.translates) : !egress.state || egress.state === "held";
}

function carriedHere(status) {
	return status.egress_ips.filter(e => isHere(status, e) && !isSeenWrong(e));
}

function carrierOf(status, egress) {
	const group = groupOf(status, egress);
	const why = group && el("small", null, [group.state, group.reason].filter(Boolean).join(": "));
	if (isHere(status, egress))
		return [isSeenWrong(egress) ? state("bad", "this gateway, stopped") : state("good", "this gateway"), group && group.state !== "active" ? why : null];
	if (group && group.carrier)
		return [state("idle", group.carrier), group.state === "standby" ? null : why];
	return [state("bad", "nobody"), why];
}

/* In a group an egress IP is on standby for all but the moment of a take-over; the reason says where EC2 has it. */
const OWNERSHIP = { held: ["good", "associated here"], standby: ["idle", "shared"], claiming: ["warn", "claiming"],
	lost: ["bad", "lost"], blocked: ["bad", "blocked"], unknown: ["warn", "not known yet"] };
const SELF_TEST = { confirmed: ["good", "seen from outside"], untested: ["idle", "not tested yet"], silent: ["bad", "no answer from outside"],
	wrong: ["bad", "seen as another"] };

function verificationOf(egress) {
	const parts = [], row = egress.state && (OWNERSHIP[egress.state] || ["warn", egress.state]);
	const tested = egress.self_test && (SELF_TEST[egress.self_test] || ["warn", egress.self_test]);
	if (row)
		parts.push(el("div", null, state(...row), row[0] === "good" ? null : el("small", null, egress.reason)));
	if (tested) {
		const age = isNumber(egress.tested_seconds_ago) ? ageText(egress.tested_seconds_ago * 1000) + " ago" : "";
		const why = tested[0] === "bad" ? [egress.seen_as ? "as " + egress.seen_as : "", egress.self_test_reason].filter(Boolean).join(": ") : "";
		parts.push(el("div", null, state(...tested), el("small", null, [age, why].filter(Boolean).join(", "))));
	}
	return parts.length ? parts : state("idle", "not asked for");
}

function portsOf(top, egress) {
	const row = top && byName(top.egress_ips).get(egress.name);
	if (!row || !isNumber(row.ports))
		return el("span", { class: "muted" }, NONE);
	const hot = row.hottest_share / 100, kind = hot >= 0.95 ? "bad" : hot >= 0.8 ? "warn" : "";
	return [countText(row.ports), isNumber(row.hottest_share) ? [el("small", null, "hottest destination " + shareText(row.hottest_share) + (kind ? ", running out" : "")), share(hot, kind)] : null,
		row.refused > 0 ? el("small", null, countText(row.refused) + " refused") : null];
}

/* What is wrong comes first. */
function urgency(status, egress) {
	const group = groupOf(status, egress), isCarried = group ? !!group.carrier : isHere(status, egress);
	return isCarried && !isSeenWrong(egress) && egress.state !== "lost" && egress.state !== "blocked" ? 1 : 0;
}

function showEgress(status, top, again) {
	if (!status)
		return;
	const rows = [...status.egress_ips].sort((a, b) => urgency(status, a) - urgency(status, b));
	const columns = [
		{ name: "Name", cell: e => e.name },
		{ name: "Public address", cell: e => [e.public, el("small", null, e.private === "0.0.0.0" ? "no private address yet" : "on " + e.private)] },
		{ name: "Carried by", cell: e => carrierOf(status, e) },
		{ name: "Verified", cell: verificationOf },
		{ name: "Ports in use", cell: e => portsOf(top, e) },
	];
	fill("egress", rows.length ? shortened("egress", rows, 12, list => table("Egress IPs", columns, list, "cards wide"), again) :
		note("There is no egress IP: nothing is translated."));
}

/* ---- the group */

function heartbeatOf(member) {
	if (member.self)
		return el("span", { class: "muted" }, "this gateway");
	if (!isNumber(member.heard_ms_ago))
		return state("bad", "never heard");
	const age = ageText(member.heard_ms_ago) + " ago";
	return member.heard ? state("good", age) : state("bad", "silent, last " + age);
}

function roleOf(status, member) {
	const carried = status.failover.egress_ips.filter(e => e.carrier === member.name).map(e => e.name);
	const draining = member.self && status.failover.draining;
	if (!member.self && !member.heard && !carried.length)
		return state("idle", "not known");
	return [draining ? state("warn", "draining") : carried.length ? state("good", "carries " + carried.length) : state("idle", "standby"),
		carried.length ? el("small", null, carried.slice(0, 6).join(", ") + (carried.length > 6 ? " and " + (carried.length - 6) + " more" : "")) : null];
}

function showMembers(status) {
	if (!status)
		return;
	if (!status.failover)
		return fill("members", note("This gateway is alone: it is in no group, and nobody would take over from it."));
	fill("members", table("Gateways of the group", [
		{ name: "Gateway", cell: m => m.name },
		{ name: "Zone", cell: m => m.zone || NONE },
		{ name: "Address", cell: m => m.address },
		{ name: "Role", cell: m => roleOf(status, m) },
		{ name: "Heartbeat", cell: heartbeatOf },
	], status.failover.members, "cards wide"));
}

/* ---- who uses it */

function ranked(id, list, empty, columns, again) {
	if (!list.length)
		return fill(id, note(empty));
	const most = Math.max(1, ...list.map(row => row.connections));
	fill(id, shortened(id, list, 10, rows => table(byId(id + "-title").textContent, [...columns,
		{ name: "Connections", cell: row => el("div", { class: "part" }, tightText(row.connections), share(row.connections / most)) }], rows), again));
}

/* Those that are the pod's alone. */
function portsText(block) {
	return block && "ports " + block.first_port + "–" + block.last_port + (block.full ? ", nearly used up" : "");
}

function showTop(top, error, again) {
	if (!top) {
		for (const id of ["pods", "destinations"])
			fill(id, note(error ? "Not available: " + error + "." : "Not read yet."));
		return;
	}
	ranked("pods", top.pods || [], "No pod has a connection now.", [
		{ name: "Pod", cell: p => [p.name || p.address, el("small", null, [p.namespace, p.policy, p.egress_ip, portsText(p.block)].filter(Boolean).join(" · "))] },
		{ name: "Sent", number: true, cell: p => bitsText(p.sent_bytes_per_s) },
		{ name: "Received", number: true, cell: p => bitsText(p.received_bytes_per_s) },
	], again);
	ranked("destinations", top.destinations || [], "There is no connection now.", [
		{ name: "Destination", cell: d => [d.address + (d.port ? ":" + d.port : ""), el("small", null, [d.protocol, d.egress_ip].filter(Boolean).join(" · "))] },
		{ name: "Ports", number: true, cell: d => [tightText(d.ports), isNumber(d.share) ? el("small", null, shareText(d.share)) : null] },
	], again);
}

/* ---- what happened */

const LEVELS = { error: ["bad", "error"], warning: ["warn", "warning"], info: ["idle", "info"] };

function showEvents(events, now) {
	if (!events)
		return;
	if (!events.events.length)
		return fill("events", note("Nothing has happened since the daemon began."));
	fill("events", el("ol", { tabindex: "0", "aria-labelledby": "events-title" }, events.events.map(e => el("li", null,
		el("time", { datetime: new Date(e.last_ms).toISOString(), class: "muted" }, whenText(e.last_ms, now)),
		state(...(LEVELS[e.level] || LEVELS.info)),
		el("span", null, el("b", null, e.subsystem), " ", e.text, e.count > 1 ? el("span", { class: "muted" }, " (" + countText(e.count) + " times)") : null)))));
}

function showDrops(status) {
	if (!status)
		return;
	fill("drops", table("Dropped by the rules", [
		{ name: "Reason", cell: c => [c.name.replace(/_/g, " "), el("small", null, (c.help || "").replace(/^dropped: /, ""))] },
		{ name: "Packets", number: true, cell: c => countText(c.packets) },
	], status.counters.filter(c => c.kind === DROPS), "plain"));
}

function showLog(status) {
	const log = status && status.log;
	if (!status)
		return;
	if (!log)
		return fill("log", note("There is none: log.file.path isn't in the configuration."));
	const bad = log.error || log.lost > 0, rows = [
		["State", log.error ? state("bad", log.error) : bad ? state("warn", "records were lost") : state("good", "complete")],
		["File", log.path],
		["Records", countText(log.records)],
		["Without a pod", countText(log.unattributed)],
		["Gaps, lost", countText(log.gaps) + ", " + countText(log.lost)],
		["Behind", isNumber(log.behind_ms) ? ageText(log.behind_ms) : NONE],
		["Waiting", bytesText(log.waiting_bytes)],
	];
	fill("log", el("dl", null, rows.map(([name, value]) => [el("dt", null, name), el("dd", null, value)])));
}
