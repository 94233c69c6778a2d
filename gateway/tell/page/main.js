// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Asks every five seconds and shows what came. Each answer stands for itself: one that fails leaves the others as they are. */

const EVERY_MS = 5000, PATIENCE_MS = 10000, STALE_MS = 12000;
const PATHS = { status: "/api/status", events: "/api/events", top: "/api/top", recent: "/api/history", day: "/api/history/day" };

const answers = {}; /* by name: {result, error, at} */
const choice = { span: "recent", unit: "bytes", device: "pod" };
const charts = [];
const began = Date.now();
let isAsking = false, rounds = 0;

async function ask(name) {
	const known = answers[name] || (answers[name] = { result: null, error: "", at: 0 });
	try {
		const response = await fetch(PATHS[name], { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) });
		if (!response.ok)
			throw new Error((await response.text()).trim() || "status " + response.status);
		const answer = await response.json();
		known.error = answer.ok ? "" : String(answer.error);
		if (answer.ok)
			known.result = answer.result || answer;
		known.at = Date.now();
	} catch (error) {
		known.failed = String(error.message);
	}
}

function resultOf(name) {
	return answers[name] && !answers[name].error ? answers[name].result : null;
}

function showHead(status) {
	document.title = status.name + " – eipgw";
	fill("name", status.name);
	byId("state").replaceChildren(...state(status.state === "ready" && status.ready ? "good" : "bad", status.state).childNodes);
	byId("state").className = "state " + (status.state === "ready" && status.ready ? "good" : "bad");
	const parts = [status.zone, "eipgwd " + status.version, status.kubernetes ? (status.kubernetes.synced ? "Kubernetes" : "Kubernetes: " + (status.kubernetes.error || "not read yet")) : "no Kubernetes",
		status.drain && status.drain.on && "draining"];
	fill("about", parts.filter(Boolean).join(" · "));
	const faults = [status.state_text, status.config.last_error && "The configuration was changed, but has an error, so that the old one stays: " + status.config.last_error];
	fill("fault", faults.filter(Boolean).join(" "));
	byId("fault").hidden = !byId("fault").textContent;
}

function showCharts() {
	const shown = chartsOf(resultOf(choice.span), choice.span, choice);
	while (charts.length < shown.length) {
		const place = chartPlace();
		charts.push(place);
		byId("charts").append(place.figure);
	}
	shown.forEach((chart, i) => charts[i].show(chart));
}

function showTopParts() {
	const top = resultOf("top");
	showEgress(resultOf("status"), top, showTopParts);
	showTop(top, answers.top && (answers.top.error || answers.top.failed), showTopParts);
}

function show() {
	const status = resultOf("status");
	if (status)
		showHead(status);
	showTiles(status, resultOf("recent"));
	showCharts();
	showTopParts();
	showMembers(status);
	showEvents(resultOf("events"), Date.now());
	showDrops(status);
	showLog(status);
	showAge();
}

function showAge() {
	const status = answers.status, at = status && status.at ? status.at : began, age = Date.now() - at;
	const isStale = age >= STALE_MS;
	document.body.classList.toggle("is-stale", isStale);
	byId("stale").hidden = !isStale;
	if (isStale) {
		const text = (status && status.at ? "No answer from eipgwd since " + clockText(at, true) + ". What is below is as old as that." : "No answer from eipgwd yet.") +
			" It may have stopped, or the port forward ended. Still asking.";
		if (byId("stale").textContent !== text)
			byId("stale").textContent = text;
	}
	fill("updated", status && status.error ? "eipgwd: " + status.error : status && status.at ? "updated " + clockText(at, true) + (isStale ? ", " + ageText(age) + " ago" : "") : "asking …");
}

async function round() {
	if (isAsking || document.hidden)
		return;
	isAsking = true;
	/* One after the other: the daemon takes few connections at a time, and others may look, too. */
	for (const name of ["status", "recent", "top", "events"]) {
		await ask(name);
		if (!rounds)
			show();
	}
	if (choice.span === "day")
		await ask("day");
	isAsking = false;
	show();
	document.body.dataset.rounds = ++rounds;
}

for (const group of ["span", "unit", "device"])
	byId(group).addEventListener("change", async event => {
		choice[group] = event.target.value;
		if (choice.span === "day" && !resultOf("day"))
			await ask("day");
		showCharts();
	});
document.addEventListener("visibilitychange", round);
setInterval(round, EVERY_MS);
setInterval(showAge, 1000);
show();
round();
