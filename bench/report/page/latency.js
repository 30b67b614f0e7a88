// Latency percentiles on logarithmic axes: the rarer a delay, the farther right.
import * as Plot from "@observablehq/plot";
import { el, table } from "./dom.js";
import { chosen, figure, key, lineColours, symbols } from "./chart.js";
import { figure as number, howMade, known, pointName } from "./words.js";
import { choice } from "./dom.js";
import { change, otherPoint } from "./against_size.js";
import { slowest } from "./pairs.js";

const SHOWN = 6;
const ranks = ["min", "p50", "p90", "p99", "p99.9", "max"];
const rarity = [null, 0.5, 0.1, 0.01, 0.001, null];
const curveShares = [0.1, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];

const nines = (rare) => -Math.log10(rare);

// The longest of n samples is about the 1 - 1/n quantile.
function dots(point, values) {
    const least = 1 / Math.max(2, point.samples / Math.max(point.ok, 1));
    return values.map((value, at) => ({ point, value, at, rare: at === 5 ? Math.min(least, 0.0005) : rarity[at] }))
        .filter(({ value, rare }) => known(value) && value > 0 && known(rare));
}

function draw(points, first, width) {
    const colour = (dot) => lineColours[points.indexOf(dot.point) % lineColours.length];
    const symbol = (dot) => symbols[points.indexOf(dot.point) % symbols.length];
    const of = (pick) => points.flatMap((point) => dots(point, pick(point)));
    const median = of((point) => point.percentiles_median), worst = of((point) => point.percentiles_worst);
    const before = points.flatMap((point) => {
        const other = otherPoint(first, point);
        return other ? dots(other, other.percentiles_median).map((dot) => ({ ...dot, point })) : [];
    });
    const pooled = points.flatMap((point) => (point.curve ?? []).map((value, at) => ({ point, value, rare: 1 - curveShares[at] }))
        .filter(({ rare }) => rare <= 0.5 && rare > 1 / Math.max(point.samples, 2)));
    const rarest = Math.min(0.0005, ...[...median, ...pooled].map(({ rare }) => rare));
    const ticks = [0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001].filter((tick) => tick >= rarest);
    const line = { x: (dot) => nines(dot.rare), y: "value", z: (dot) => pointName(dot.point), stroke: colour };
    return Plot.plot({
        width, height: Math.max(280, Math.min(420, width * 0.48)), marginLeft: 58, marginRight: 30, marginTop: 28, marginBottom: 42, style: { fontSize: "12px" },
        x: { domain: [0.5, rarest].map(nines), ticks: ticks.map(nines), label: "percentile of the samples",
            tickFormat: (x) => `${+(100 * (1 - 10 ** -x)).toFixed(4)} %`, grid: true, labelArrow: "none", labelAnchor: "right" },
        y: { type: "log", label: "µs", grid: true, nice: true, labelArrow: "none", tickFormat: (value) => number(value), ticks: 5 },
        symbol: { type: "identity" },
        marks: [
            Plot.line(worst, { ...line, strokeDasharray: "7,4", strokeOpacity: 0.8 }),
            Plot.line(before, { ...line, stroke: "var(--muted)", strokeDasharray: "2,4", strokeWidth: 2 }),
            Plot.line(pooled, { ...line, strokeWidth: 5, strokeOpacity: 0.25 }),
            Plot.line(median, { ...line, strokeWidth: 2 }),
            Plot.dot(median, { x: (dot) => nines(dot.rare), y: "value", fill: colour, symbol, r: 4.5 }),
            Plot.tip([...median, ...worst], Plot.pointer({ x: (dot) => nines(dot.rare), y: "value",
                title: (dot) => `${pointName(dot.point)}\n${ranks[dot.at]}: ${number(dot.value)} µs` })),
        ],
    });
}

function percentileTable(points, first) {
    const columns = (which, pick) => ranks.map((rank, at) => ({
        head: `${which} ${rank}, µs`, number: true, cell: (p) => number(pick(p)[at]) }));
    return table("Latency percentiles: of the median flow, and the most that any flow has", [
        { head: "test", cell: (p) => el("bdi", {}, pointName(p)) },
        { head: "flows", number: true, cell: (p) => p.ok },
        ...columns("median", (p) => p.percentiles_median), ...columns("worst", (p) => p.percentiles_worst),
        ...(points.some((p) => p.expectation) ? [{ head: "threshold of p50, µs", number: true, cell: (p) => number(p.expectation?.threshold) }] : []),
        ...(points.some((p) => p.expected_p99) ? [{ head: "threshold of p99, µs", number: true, cell: (p) => number(p.expected_p99?.threshold) }] : []),
        ...(first ? [{ head: "p50 against the first run", number: true, cell: (p) => change(p, first) }] : []),
        { head: "how it was made", wide: true, cell: (p) => p.made },
    ], points);
}

export function latency(run, first) {
    const all = run.points.filter((point) => point.metric === "latency_p50_us" && known(point.spread.median));
    if (all.length === 0) return null;
    for (const point of all) point.made = howMade(run, point);
    const options = [["all", all.length > SHOWN ? `the first ${SHOWN} tests` : "all tests"], ...all.map((point, at) => [at, pointName(point)])];
    return chosen(all.length < 2 ? [] : [
        ["which", "all", (set) => choice("Test", options, "all", set)],
    ], ({ which }) => {
        const points = which === undefined || which === "all" ? all.slice(0, SHOWN) : [all[Number(which)]];
        const tail = points.reduce((a, b) => (b.percentiles_worst[3] > a.percentiles_worst[3] ? b : a));
        return [
            el("p", { class: "words" }, points.slice(0, 2).map((point) =>
                `${pointName(point)}: half of the samples take ${number(point.percentiles_median[1])} µs or less, 99 % take `
                + `${number(point.percentiles_median[3])} µs or less, in the median flow. `),
            `The flow with the longest p99 has ${number(tail.percentiles_worst[3])} µs (${pointName(tail)}).`),
            figure({
                label: `Latency percentiles of ${points.length} tests on logarithmic axes. The table below has the same figures.`,
                draw: (width) => draw(points, first, width),
                legend: key([
                    ...points.map((point, at) => ({ label: pointName(point), colour: lineColours[at % lineColours.length], symbol: symbols[at % symbols.length] })),
                    { label: "the worst that any flow has", colour: "var(--ink)", dash: "7,4" },
                    ...(points.some((p) => p.curve) ? [{ label: "broad: all samples of all flows", colour: "var(--muted)" }] : []),
                    ...(first ? [{ label: "first run", colour: "var(--muted)", dash: "2,4" }] : []),
                ]),
                made: points.length === 1 ? points[0].made : "Every sample counts, none is dropped. Lines join the percentiles of the median flow; the last point is its longest sample.",
                alternatives: [
                    ["The same as a table", () => percentileTable(all, first)],
                    ["The flows with the longest medians", () => points.map((point) => slowest(run, point))],
                ],
            }),
        ];
    });
}
