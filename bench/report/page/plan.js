// What other numbers of nodes are to give, by railgauge plan: words, a picture of what a node gets, the model and its points.
import * as Plot from "@observablehq/plot";
import { el, details, table } from "./dom.js";
import { figure, key } from "./chart.js";
import { count, figure as number, known, plural, size } from "./words.js";

const SHOWN = 3;

const unitOf = (us) => (us >= 1e6 ? ["s", 1e6] : us >= 1e3 ? ["ms", 1e3] : ["µs", 1]);
const times = (beyond, what) => beyond !== 1 && (beyond > 1 ? `${number(beyond)} × ${what}` : `1/${number(1 / beyond)} × ${what}`);
const beyond = (p) => [times(p.nodes_beyond, "nodes"), times(p.size_beyond, "size")].filter(Boolean).join(", ");
const tbps = (gbps) => (known(gbps) ? number(gbps / 1e3) : "–");

function draw(fit, width) {
    const spots = fit.projections;
    const measured = fit.points.filter((point) => point.size_bytes === spots[0].size_bytes && known(point.node_gbps));
    const far = (p) => beyond(p) !== "";
    const nodes = [...new Set([...spots, ...measured].map((each) => each.nodes))].sort((a, b) => a - b);
    const most = Math.max(...[...spots.map((p) => Math.max(p.node_gbps, Math.min(p.node_high_gbps ?? 0, 2 * p.node_gbps))), ...measured.map((p) => p.node_gbps)]) / 1e3;
    return Plot.plot({
        width, height: 240, marginLeft: 58, marginRight: 24, marginTop: 26, marginBottom: 40, style: { fontSize: "12px" },
        x: { type: "log", base: 2, domain: [nodes[0] / 1.3, nodes.at(-1) * 1.3], ticks: nodes, tickFormat: (n) => String(n), label: "nodes", labelArrow: "none", labelAnchor: "right" },
        y: { domain: [0, most * 1.08], label: "Tb/s a node", grid: true, labelArrow: "none" },
        marks: [
            Plot.ruleY([0], { stroke: "var(--rule)" }),
            Plot.line(spots, { x: "nodes", y: (p) => p.node_gbps / 1e3, stroke: "var(--line-0)", strokeWidth: 2, strokeDasharray: spots.some(far) ? "5,4" : null }),
            Plot.ruleX(spots.filter((p) => known(p.node_high_gbps)), { x: "nodes", y1: (p) => p.node_low_gbps / 1e3, y2: (p) => Math.min(p.node_high_gbps / 1e3, most * 1.08), stroke: "var(--line-0)", strokeWidth: 4, strokeOpacity: 0.35 }),
            Plot.dot(spots.filter((p) => !far(p)), { x: "nodes", y: (p) => p.node_gbps / 1e3, fill: "var(--line-0)", r: 5 }),
            Plot.dot(spots.filter(far), { x: "nodes", y: (p) => p.node_gbps / 1e3, fill: "var(--ground)", stroke: "var(--line-0)", strokeWidth: 2, r: 5 }),
            Plot.dot(measured, { x: "nodes", y: (p) => p.node_gbps / 1e3, fill: "var(--line-1)", symbol: "square", r: 4 }),
            Plot.tip(spots, Plot.pointer({ x: "nodes", y: (p) => p.node_gbps / 1e3,
                title: (p) => `${p.nodes} nodes: ${tbps(p.node_gbps)} Tb/s a node\n${tbps(p.node_low_gbps)} to ${tbps(p.node_high_gbps)}\n${beyond(p) || "within what was measured"}` })),
        ],
    });
}

function projections(fit) {
    return table("What each number of nodes is to give", [
        { head: "nodes", number: true, cell: (p) => count(p.nodes) },
        { head: "size", number: true, cell: (p) => size(p.size_bytes) },
        { head: "time", number: true, cell: (p) => `${number(p.time_us / unitOf(p.time_us)[1])} ${unitOf(p.time_us)[0]}` },
        { head: "95 %", number: true, cell: (p) => [p.time_low_us, p.time_high_us].map((us) => number(us / unitOf(p.time_us)[1])).join(" to ") },
        { head: "Tb/s a node", number: true, cell: (p) => tbps(p.node_gbps) },
        { head: "95 %", number: true, cell: (p) => `${tbps(p.node_low_gbps)} to ${tbps(p.node_high_gbps)}` },
        { head: "efficiency", number: true, cell: (p) => `${p.efficiency_percent.toFixed(1)} %` },
        { head: "beyond what was measured", cell: (p) => beyond(p) || "within" },
    ], fit.projections);
}

const term = (t) => `${t.name} = ${number(t.value)} ${t.unit.replace("us", "µs")} (${number(t.low)} to ${number(t.high)})`;

function points(fit) {
    return table("What was measured, and what the model gives there", [
        { head: "nodes", number: true, cell: (p) => count(p.nodes) },
        { head: "size", number: true, cell: (p) => size(p.size_bytes) },
        { head: "measured, µs", number: true, cell: (p) => number(p.measured_us) },
        { head: "fitted, µs", number: true, cell: (p) => number(p.fitted_us) },
        { head: "residual", number: true, cell: (p) => `${p.residual_percent >= 0 ? "+" : "−"}${Math.abs(p.residual_percent).toFixed(2)} %` },
        { head: "run", cell: (p) => el("small", {}, p.run_id) },
    ], fit.points);
}

function one(fit) {
    const model = [
        el("p", { class: "made" }, `Model: ${fit.model}; time = ${fit.formula}; ${fit.terms.map(term).join(", ")}. `
            + `${plural(fit.points.length, "point")} at ${fit.fewest_nodes} to ${fit.most_nodes} nodes; residuals: deviation ${number(fit.deviation_percent)} %, largest ${number(fit.worst_percent)} %.`
            + (fit.rivals ? ` Not ruled out: ${fit.rivals}.` : "")),
        details("The points and what the model gives there", () => points(fit)),
    ];
    return el("div", { class: "fit" },
        el("h3", {}, el("bdi", {}, fit.series)),
        el("p", { class: "words" }, fit.sentence),
        fit.projections.length > 0 && [
            figure({
                label: `Tb/s a node against nodes, ${fit.series}: ${fit.projections.map((p) => `${p.nodes} nodes ${tbps(p.node_gbps)}`).join(", ")}. The table below has the same figures.`,
                draw: (width) => draw(fit, width),
                legend: key([{ label: "by the model, with its 95 % interval", colour: "var(--line-0)", symbol: "circle" },
                    { label: "hollow: beyond what was measured", colour: "var(--line-0)", dash: "5,4" },
                    { label: "measured", colour: "var(--line-1)", symbol: "square" }]),
            }),
            projections(fit)],
        model);
}

export function plan(run, first, runs, { plan: forecast, why_no_plan: why }) {
    if (!forecast) return why ? el("p", {}, `No plan: ${why}.`) : null;
    const shown = forecast.fits.slice(0, SHOWN), folded = forecast.fits.slice(SHOWN);
    return [
        !forecast.hardware && el("p", { class: "note" }, el("strong", {}, "Not hardware: "), el("bdi", {}, forecast.hardware_reason), ". What follows is a plan for that, and for no real fabric."),
        forecast.doubts.map((text) => el("p", { class: "note", dir: "auto" }, el("strong", {}, "Beware: "), text)),
        shown.map(one),
        folded.length > 0 && details(`${count(folded.length)} more models`, () => el("div", {}, folded.map(one))),
        forecast.left_out.length > 0 && el("div", { class: "note" }, el("p", {}, "Not planned:"), el("ul", {}, forecast.left_out.map((text) => el("li", { dir: "auto" }, text)))),
        el("p", { class: "made" }, `${plural(forecast.runs.length, "run")}, ${plural(forecast.ranks_per_node, "rank")} a node, by railgauge plan. p ranks, n nodes, m bytes. Efficiency is the rate beside that of the fewest nodes measured. `
            + "A projection knows of no switch, oversubscription or congestion that only more nodes would meet."),
    ];
}
