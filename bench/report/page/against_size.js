// A rate against message size: the median of the flows, their spread, the ceiling, what the machine promises, and the
// first run.
import * as Plot from "@observablehq/plot";
import { el, choice, table } from "./dom.js";
import { chosen, figure, key, lineColours, symbols } from "./chart.js";
import { figure as number, howMade, known, plural, seriesOf, size, unit } from "./words.js";

const SERIES_TOGETHER = 6;

export function seriesIn(points) {
    const byName = new Map();
    for (const point of points) {
        const label = seriesOf(point);
        if (!byName.has(label)) byName.set(label, { label, points: [] });
        byName.get(label).points.push(point);
    }
    const all = [...byName.values()];
    for (const series of all) series.points.sort((a, b) => a.size_bytes - b.size_bytes);
    return all;
}

const measured = (points) => points.filter((point) => known(point.spread.median));

export function otherPoint(first, point) {
    return first?.points.find((other) => other.size_bytes === point.size_bytes && seriesOf(other) === seriesOf(point)
        && other.transport === point.transport && other.hardware === point.hardware);
}

// One size alone is no curve: a row a series, from the least flow to the most.
function drawRanges(points, first, width) {
    const longest = Math.max(...points.map((point) => Math.min(rangeLabel(point).length, 46)));
    const left = Math.min(16 + 6.9 * longest, width * 0.55);
    const most = Math.max(...points.flatMap((point) => [point.spread.max, point.ceiling, point.expectation?.expected].filter(known)));
    const before = points.map((point) => [rangeLabel(point), otherPoint(first, point)?.spread.median]).filter(([, value]) => known(value));
    return Plot.plot({
        width, height: 52 + points.length * 34, marginLeft: left, marginRight: 20, marginBottom: 36, style: { fontSize: "12px" },
        x: { domain: [0, most * 1.03], label: unit(points[0].metric), grid: true, labelArrow: "none", labelAnchor: "right" },
        y: { domain: points.map(rangeLabel), label: null, tickSize: 0,
            tickFormat: (label) => (label.length * 6.9 + 16 > left ? `${label.slice(0, Math.floor((left - 22) / 6.9))}…` : label) },
        marks: [
            Plot.ruleY(points, { y: rangeLabel, x1: (p) => p.spread.min, x2: (p) => p.spread.max, stroke: "var(--line-0)", strokeWidth: 5,
                strokeOpacity: 0.35, strokeLinecap: "round" }),
            Plot.tickX(points.filter((p) => known(p.ceiling)), { y: rangeLabel, x: "ceiling", stroke: "var(--ceiling)", strokeWidth: 2, strokeDasharray: "4,3" }),
            Plot.tickX(points.filter((p) => p.expectation), { y: rangeLabel, x: (p) => p.expectation.threshold, stroke: "var(--baseline)", strokeWidth: 2 }),
            Plot.dot(before, { y: "0", x: "1", stroke: "var(--muted)", symbol: "diamond", r: 5 }),
            Plot.dot(points, { y: rangeLabel, x: (p) => p.spread.median, fill: "var(--line-0)", r: 5 }),
            Plot.tip(points, Plot.pointerY({ y: rangeLabel, x: (p) => p.spread.median, title: said })),
        ],
    });
}

const rangeLabel = (point) => `${seriesOf(point)}, ${size(point.size_bytes)}`;

function said(point) {
    const units = unit(point.metric);
    return [rangeLabel(point), `median ${number(point.spread.median)} ${units} of ${plural(point.ok, "flow")}`,
        `from ${number(point.spread.min)} to ${number(point.spread.max)} ${units}`,
        known(point.ceiling) && `ceiling ${number(point.ceiling)} ${units}`,
        point.expectation && `threshold ${number(point.expectation.threshold)} ${units}`].filter(Boolean).join("\n");
}

function drawLines(all, shown, first, width) {
    const points = shown.flatMap((series) => series.points);
    const colour = (point) => lineColours[all.findIndex(({ label }) => label === seriesOf(point)) % lineColours.length];
    const symbol = (point) => symbols[all.findIndex(({ label }) => label === seriesOf(point)) % symbols.length];
    const sizes = [...new Set(points.map((point) => point.size_bytes))].sort((a, b) => a - b);
    const ceiling = points.filter((point) => known(point.ceiling));
    const promised = points.filter((point) => point.expectation);
    const before = first ? points.map((point) => otherPoint(first, point)).filter(Boolean) : [];
    const one = shown.length === 1;
    const step = Math.ceil(sizes.length / Math.max(3, Math.floor(width / 62)));
    return Plot.plot({
        width, height: Math.max(280, Math.min(420, width * 0.48)), marginLeft: 52, marginRight: 30, marginTop: 28, marginBottom: 42, style: { fontSize: "12px" },
        x: { type: "log", base: 2, domain: [sizes[0] / 1.4, sizes.at(-1) * 1.4], ticks: sizes.filter((_, at) => at % step === 0), tickFormat: size, label: "message size", labelArrow: "none", labelAnchor: "right" },
        y: { label: unit(points[0].metric), grid: true, zero: true, labelArrow: "none", nice: true },
        symbol: { type: "identity" },
        marks: [
            Plot.ruleY([0], { stroke: "var(--rule)" }),
            one ? Plot.areaY(points, { x: "size_bytes", y1: (p) => p.spread.min, y2: (p) => p.spread.max, fill: colour, fillOpacity: 0.18, z: seriesOf, curve: "monotone-x" }) : null,
            Plot.line(ceiling, { x: "size_bytes", y: "ceiling", stroke: "var(--ceiling)", strokeWidth: 1.5, strokeDasharray: "6,4", z: seriesOf }),
            Plot.line(before, { x: "size_bytes", y: (p) => p.spread.median, stroke: "var(--muted)", strokeDasharray: "2,4", strokeWidth: 2, z: seriesOf }),
            Plot.line(points, { x: "size_bytes", y: (p) => p.spread.median, stroke: colour, strokeWidth: 2, z: seriesOf }),
            Plot.dot(points, { x: "size_bytes", y: (p) => p.spread.median, fill: colour, symbol, r: 4.5 }),
            Plot.ruleY(promised, { x1: (p) => p.size_bytes / 1.35, x2: (p) => p.size_bytes * 1.35, y: (p) => p.expectation.threshold,
                stroke: "var(--baseline)", strokeWidth: 2.5 }),
            Plot.tip(points, Plot.pointer({ x: "size_bytes", y: (p) => p.spread.median, title: said })),
        ],
    });
}

export function spreadTable(caption, points, first, more = []) {
    const units = unit(points[0].metric);
    const expected = points.some((point) => point.expectation), ceiling = points.some((point) => known(point.ceiling));
    return table(caption, [
        { head: "test", cell: (p) => el("bdi", {}, seriesOf(p)) },
        { head: "size", number: true, cell: (p) => size(p.size_bytes) },
        { head: "measured", number: true, cell: (p) => `${p.ok} of ${p.ok + p.failed + p.unsupported + p.not_run}` },
        { head: `least, ${units}`, number: true, cell: (p) => number(p.spread.min) },
        { head: `5 %, ${units}`, number: true, cell: (p) => number(p.spread.p5) },
        { head: `median, ${units}`, number: true, cell: (p) => number(p.spread.median) },
        { head: `most, ${units}`, number: true, cell: (p) => number(p.spread.max) },
        ...(points.some((p) => known(p.least_subwindow))
            ? [{ head: `least sub-window, ${units}`, number: true, cell: (p) => number(p.least_subwindow) }] : []),
        ...(ceiling ? [{ head: "median, % of ceiling", number: true,
            cell: (p) => (known(p.ceiling) ? number(100 * p.spread.median / p.ceiling) : "–") }] : []),
        ...(expected ? [{ head: `threshold, ${units}`, number: true, cell: (p) => number(p.expectation?.threshold) },
            { head: "its source", cell: (p) => el("bdi", {}, p.expectation?.source ?? "–") }] : []),
        ...(first ? [{ head: "median against the first run", number: true, cell: (p) => change(p, first) }] : []),
        ...more,
        { head: "how it was made", wide: true, cell: (p) => p.made },
    ], points);
}

export function change(point, first) {
    const before = otherPoint(first, point)?.spread.median;
    if (!known(before) || !known(point.spread.median) || before === 0) return "–";
    const by = Math.round(1000 * (point.spread.median / before - 1)) / 10;
    return `${by > 0 ? "+" : by < 0 ? "−" : "±"}${Math.abs(by).toFixed(1)} %`;
}

function inWords(points) {
    const best = points.reduce((a, b) => (b.spread.median > a.spread.median ? b : a));
    const units = unit(best.metric);
    const of = known(best.ceiling) ? `, ${number(100 * best.spread.median / best.ceiling)} % of the ceiling of ${number(best.ceiling)} ${units}` : "";
    const what = best.kind === "collective" ? "group" : best.kind === "copy" ? "GPU" : "flow";
    return `The most is reached by ${seriesOf(best)} at ${size(best.size_bytes)}: `
        + (best.ok === 1 ? `${number(best.spread.median)} ${units}${of}, of one ${what}.`
            : `a median of ${number(best.spread.median)} ${units}${of}; its ${plural(best.ok, what)} have from `
            + `${number(best.spread.min)} to ${number(best.spread.max)} ${units}.`);
}

export function againstSize(run, first, points, more) {
    const all = seriesIn(measured(points));
    if (all.length === 0) return null;
    const shownPoints = all.flatMap((series) => series.points);
    for (const point of shownPoints) point.made = howMade(run, point);
    const curves = all.filter((series) => series.points.length > 1);
    const options = all.length > 1 ? [["all", "all series"], ...all.map((series, at) => [at, series.label])] : [];
    const units = unit(points[0].metric);
    return chosen(options.length === 0 || curves.length === 0 ? [] : [
        ["which", "all", (set) => choice("Series", options, "all", set)],
    ], ({ which }) => {
        const shown = which === undefined || which === "all" ? all.slice(0, SERIES_TOGETHER) : [all[Number(which)]];
        const drawn = shown.flatMap((series) => series.points);
        const lines = curves.length > 0 && shown.some((series) => series.points.length > 1);
        const marks = [
            ...(lines ? shown.map(({ label }) => {
                const at = all.findIndex((series) => series.label === label);
                return { label, colour: lineColours[at % lineColours.length], symbol: symbols[at % symbols.length] };
            }) : [{ label: "median of the flows, from the least to the most", colour: "var(--line-0)", symbol: "circle" }]),
            ...(drawn.some((p) => known(p.ceiling)) ? [{ label: "ceiling: line rate less headers", colour: "var(--ceiling)", dash: "6,4" }] : []),
            ...(drawn.some((p) => p.expectation) ? [{ label: "threshold: the machine's baseline less its tolerance", colour: "var(--baseline)" }] : []),
            ...(first ? [{ label: "first run", colour: "var(--muted)", dash: "2,4" }] : []),
        ];
        return [
            el("p", { class: "words" }, inWords(drawn)),
            which === undefined && all.length > SERIES_TOGETHER && curves.length > 0
                ? el("p", { class: "note" }, `The first ${SERIES_TOGETHER} of ${all.length} series are drawn.`) : null,
            figure({
                label: `${lines ? "Lines" : "Ranges"} of ${units} for ${plural(shown.length, "series", "series")}`
                    + `${lines ? " against message size" : ""}. The table below has the same figures.`,
                draw: (width) => (lines ? drawLines(all, shown, first, width) : drawRanges(all.flatMap((s) => s.points), first, width)),
                legend: key(marks),
                made: shown.length === 1 || drawn.length === 1 ? drawn[0].made
                    : "Each point: the median over the flows, GPUs or groups of a test at a size; how each was made stands in the table.",
                alternatives: [["The same as a table", () => spreadTable("Rates by test and size", shownPoints, first, more)]],
            }),
        ];
    });
}
