// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Lines over time. A chart: {title, text(value), series: [{name, values}], times, ends: [from, to], wide, base}. What isn't known is a gap.
 * `base` is what the unit's thousands count: bits for bytes, so that the axis has round numbers of what is written at it.
 */

const HEIGHT = 150, TOP = 10, BOTTOM = 20, LEFT = 66, RIGHT = 8;

/* The top of the axis and the step of its lines: 1, 2 or 5 times a power of ten, two to five of them. */
function axisOf(most, isWhole) {
	if (!(most > 0))
		return { top: 1, step: 1 };
	let step = 10 ** Math.floor(Math.log10(most));
	for (const factor of [0.2, 0.5, 1, 2, 5])
		if (most / (step * factor) <= 4) {
			step *= factor;
			break;
		}
	if (isWhole)
		step = Math.max(1, step);
	return { top: Math.ceil(most / step - 1e-9) * step, step };
}

/* Round times on a clock, as many as have room. */
function timeTicks(from, to, room) {
	const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720].map(m => m * 60000);
	const step = steps.find(s => (to - from) / s <= room) || steps[steps.length - 1];
	const zone = new Date(from).getTimezoneOffset() * 60000;
	const ticks = [];
	for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step)
		ticks.push(t);
	return ticks;
}

function lineOf(values, x, y) {
	let path = "", pen = "M";
	values.forEach((value, i) => {
		const isAlone = pen === "M" && !isNumber(values[i + 1]); /* a dot */
		if (isNumber(value))
			path += pen + x(i).toFixed(1) + " " + y(value).toFixed(1) + (isAlone ? "h0.01" : "");
		pen = isNumber(value) ? "L" : "M";
	});
	return path;
}

function areaOf(values, x, y) {
	let path = "", run = [];
	const close = () => {
		if (run.length > 1)
			path += "M" + run[0][0] + " " + y(0).toFixed(1) + run.map(p => "L" + p[0] + " " + p[1]).join("") + "L" + run[run.length - 1][0] + " " + y(0).toFixed(1) + "Z";
		run = [];
	};
	values.forEach((value, i) => isNumber(value) ? run.push([x(i).toFixed(1), y(value).toFixed(1)]) : close());
	close();
	return path;
}

function lastOf(values) {
	return values.length ? values[values.length - 1] : undefined;
}

function mostOf(values) {
	const known = values.filter(isNumber);
	return known.length ? Math.max(...known) : undefined;
}

/* For who doesn't see the picture. */
function described(chart) {
	return chart.title + ". " + chart.series.map(s => s.name + ": now " + chart.text(lastOf(s.values)) + ", highest " + chart.text(mostOf(s.values))).join("; ") + ".";
}

const CLASSES = ["one", "two"];

function keyOf(chart, series, i) {
	return el("span", { class: "key" },
		svg("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" }, svg("path", { class: CLASSES[i], d: "M0 4H22" })),
		el("span", null, series.name), el("b", null, chart.text(lastOf(series.values))));
}

/* Every n-th moment, newest first. */
function chartTable(chart) {
	const rows = [], every = Math.max(1, Math.ceil(chart.times.length / 24));
	for (let i = chart.times.length - 1; i >= 0; i -= every)
		rows.push(i);
	return el("table", null, el("caption", { class: "hidden" }, chart.title),
		el("thead", null, el("tr", null, el("th", { scope: "col" }, "Time"), chart.series.map(s => el("th", { scope: "col", class: "number" }, s.name)))),
		el("tbody", null, rows.map(i => el("tr", null, el("td", null, clockText(chart.times[i], true)),
			chart.series.map(s => el("td", { class: "number" }, chart.text(s.values[i])))))));
}

function drawing(chart, width) {
	const most = Math.max(0, ...chart.series.map(s => mostOf(s.values) || 0));
	const axis = axisOf(most * chart.base, chart.isWhole);
	const [from, to] = chart.ends;
	const right = width - RIGHT, bottom = HEIGHT - BOTTOM;
	const at = t => LEFT + (right - LEFT) * (t - from) / (to - from);
	const x = i => at(chart.times[i]);
	const y = value => bottom - (bottom - TOP) * value * chart.base / axis.top;
	const parts = [];

	for (let n = 0; n <= Math.round(axis.top / axis.step); n++) {
		const value = n * axis.step / chart.base;
		parts.push(svg("line", { class: "grid", x1: LEFT, x2: right, y1: y(value), y2: y(value) }),
			svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, shorn(chart.text(value))));
	}
	for (const t of timeTicks(from, to, Math.max(2, Math.floor(width / 90))))
		if (at(t) > LEFT + 14 && at(t) < right - 14)
			parts.push(svg("text", { x: at(t), y: HEIGHT - 5, "text-anchor": "middle" }, clockText(t)));
	parts.push(svg("path", { class: "area", d: areaOf(chart.series[0].values, x, y) }));
	chart.series.forEach((s, i) => parts.push(svg("path", { class: CLASSES[i], d: lineOf(s.values, x, y) })));
	if (!chart.times.length)
		parts.push(svg("text", { x: (LEFT + right) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "no reading yet"));
	return { at, parts };
}

/* A place for a chart: drawn again with new numbers or another width; what is pointed at, or reached with arrow keys, is read out. */
function chartPlace() {
	const caption = el("figcaption"), readout = el("p", { class: "readout", "aria-live": "polite" });
	const plot = svg("svg", { class: "plot", role: "img", tabindex: "0", height: HEIGHT });
	const summary = el("summary", null, "As a table"), scroll = el("div", { class: "scroll", tabindex: "0", role: "group" });
	const details = el("details", null, summary, scroll);
	const figure = el("figure", null, caption, plot, readout, details);
	const cross = svg("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
	let chart = null, drawn = null, at = -1;

	const point = i => {
		at = i;
		const known = chart && i >= 0 && i < chart.times.length;
		cross.setAttribute("visibility", known ? "visible" : "hidden");
		if (known) {
			cross.setAttribute("x1", drawn.at(chart.times[i]));
			cross.setAttribute("x2", drawn.at(chart.times[i]));
		}
		readout.textContent = known ? clockText(chart.times[i], true) + " – " + chart.series.map(s => s.name + " " + chart.text(s.values[i])).join(", ") : "";
	};
	const draw = () => {
		const width = Math.floor(plot.getBoundingClientRect().width);
		if (!chart || !width)
			return;
		drawn = drawing(chart, width);
		plot.setAttribute("viewBox", "0 0 " + width + " " + HEIGHT);
		plot.replaceChildren(...drawn.parts, cross);
		if (at >= 0)
			point(Math.min(at, chart.times.length - 1));
	};
	const fillTable = () => chart && details.open && scroll.replaceChildren(chartTable(chart));

	plot.addEventListener("pointermove", event => {
		if (!chart || !drawn)
			return;
		const place = event.clientX - plot.getBoundingClientRect().left;
		let best = -1;
		chart.times.forEach((t, i) => {
			if (best < 0 || Math.abs(drawn.at(t) - place) < Math.abs(drawn.at(chart.times[best]) - place))
				best = i;
		});
		point(best);
	});
	plot.addEventListener("pointerleave", () => point(-1));
	plot.addEventListener("blur", () => point(-1));
	plot.addEventListener("keydown", event => {
		const last = chart ? chart.times.length - 1 : -1;
		const to = { ArrowLeft: at < 0 ? last : at - 1, ArrowRight: at < 0 ? last : at + 1, Home: 0, End: last, Escape: -1 }[event.key];
		if (to === undefined || last < 0)
			return;
		event.preventDefault();
		point(event.key === "Escape" ? -1 : Math.max(0, Math.min(last, to)));
	});
	details.addEventListener("toggle", fillTable);
	new ResizeObserver(draw).observe(plot);
	return {
		figure,
		show(next) {
			chart = next;
			figure.classList.toggle("wide", !!chart.wide);
			caption.replaceChildren(el("b", null, chart.title), ...chart.series.map((s, i) => keyOf(chart, s, i)));
			plot.setAttribute("aria-label", described(chart));
			scroll.setAttribute("aria-label", chart.title + ", as a table");
			draw();
			fillTable();
		},
	};
}
