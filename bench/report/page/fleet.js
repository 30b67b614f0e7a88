// The heat map: what each rail of each node sends and receives, beside a healthy flow.
import * as Plot from "@observablehq/plot";
import { el, choice, table, name } from "./dom.js";
import { chosen, figure, key } from "./chart.js";
import { scaleOf, shareOf } from "./scale.js";
import { figure as number, howMade, known, percent, plural, pointName, short, unit } from "./words.js";

const NODES_AS_ROWS = 40; // a larger fleet is drawn as strips: a column a node

// By NIC: {node, rail, tx, rx, share, side}; the smaller side decides.
function cellsOf(run, view, side) {
    const cells = [];
    for (let nic = 0; nic < run.nodes.length * run.rails; nic++) {
        const tx = side === "rx" ? null : view.tx?.[nic], rx = side === "tx" ? null : view.rx?.[nic];
        const shares = [tx, rx].map((value) => (view.point ? shareOf(view.point, value) : value ?? null));
        const both = shares.every(known);
        const share = both ? Math.min(...shares) : known(shares[0]) ? shares[0] : shares[1];
        cells.push({
            node: Math.floor(nic / run.rails), rail: nic % run.rails, tx, rx, share,
            side: !both || Math.abs(shares[0] - shares[1]) <= 0.02 ? "" : shares[0] < shares[1] ? "t" : "r",
        });
    }
    return cells;
}

// Where every node is a column, healthy ones stay as they are given: between them there is only noise.
function nodesInOrder(run, cells, order, scale) {
    const well = run.nodes.length <= NODES_AS_ROWS ? Infinity : scale.classes[0].least;
    const worst = run.nodes.map((_, node) => {
        const shares = cells.slice(node * run.rails, (node + 1) * run.rails).map((cell) => cell.share).filter(known);
        return shares.length ? Math.round(100 * Math.min(...shares, well)) : Infinity;
    });
    const nodes = run.nodes.map((_, node) => node);
    if (order === "worst") nodes.sort((a, b) => (worst[a] === worst[b] ? a - b : worst[a] < worst[b] ? -1 : 1));
    if (order === "leaf") nodes.sort((a, b) => (run.leaves[a] ?? 1e9) - (run.leaves[b] ?? 1e9) || a - b);
    return nodes;
}

function said(run, view, cell) {
    const what = view.point ? (value) => `${number(value)} ${unit(view.point.metric)}` : percent;
    const sides = [["sends", cell.tx], ["receives", cell.rx]].filter(([, value]) => known(value))
        .map(([word, value]) => `${word} ${value <= 0 ? "nothing intact" : what(value)}`);
    return `${run.nodes[cell.node]}, rail ${cell.rail}\n${sides.join(", ") || "not measured"}`
        + (view.point && known(cell.share) ? `\n${percent(cell.share)} of a healthy flow` : "");
}

function drawRows(run, view, cells, nodes, scale, width) {
    const rank = new Map(nodes.map((node, at) => [node, at]));
    const longest = Math.max(...run.nodes.map((each) => [...short(each)].length));
    const left = 14 + 7.2 * longest;
    width = Math.min(width, left + run.rails * 120);
    const labels = (width - left) / run.rails > 34;
    return Plot.plot({
        width, marginLeft: left, marginTop: 26, marginBottom: 4, marginRight: 2,
        height: 32 + nodes.length * 26, style: { fontSize: "12px" },
        x: { domain: Array.from({ length: run.rails }, (_, rail) => rail), tickFormat: (rail) => `r${rail}`, axis: "top",
            label: null, tickSize: 0, padding: 0.06 },
        y: { domain: nodes.map((_, at) => at), tickFormat: (at) => short(run.nodes[nodes[at]]), label: null, tickSize: 0,
            padding: 0.1 },
        marks: [
            Plot.cell(cells, { x: "rail", y: (cell) => rank.get(cell.node), fill: (cell) => scale.of(cell.share).fill, rx: 2,
                className: "cells" }),
            labels ? Plot.text(cells, { x: "rail", y: (cell) => rank.get(cell.node),
                text: (cell) => (known(cell.share) ? `${Math.round(100 * cell.share)}${cell.side}` : "–"),
                fill: (cell) => scale.of(cell.share).ink }) : null,
            Plot.tip(cells, Plot.pointer({ x: "rail", y: (cell) => rank.get(cell.node), title: (cell) => said(run, view, cell) })),
        ],
    });
}

function drawStrips(run, view, cells, nodes, scale, width) {
    const columns = Math.min(nodes.length, Math.max(16, Math.floor((width - 40) / 14)));
    const strips = Math.ceil(nodes.length / columns);
    const at = new Map(nodes.map((node, index) => [node, index]));
    const where = { x: (cell) => at.get(cell.node) % columns, y: "rail", fy: (cell) => Math.floor(at.get(cell.node) / columns) };
    const firsts = Array.from({ length: strips }, (_, strip) => ({ strip, node: nodes[strip * columns],
        last: nodes[Math.min(nodes.length, (strip + 1) * columns) - 1] }));
    return Plot.plot({
        width, height: strips * (run.rails * 11 + 26) + 8, marginLeft: 28, marginTop: 20, marginBottom: 2, marginRight: 2,
        style: { fontSize: "10px" },
        x: { domain: Array.from({ length: columns }, (_, column) => column), axis: null, padding: 0.1 },
        y: { domain: Array.from({ length: run.rails }, (_, rail) => rail), tickFormat: (rail) => `r${rail}`, label: null,
            tickSize: 0, padding: 0.1, ticks: run.rails > 8 ? 4 : run.rails },
        fy: { domain: firsts.map(({ strip }) => strip), axis: null, padding: 0.16 },
        marks: [
            Plot.cell(cells, { ...where, fill: (cell) => scale.of(cell.share).fill, className: "cells" }),
            Plot.text(firsts, { fy: "strip", frameAnchor: "top-left", dy: -12, fontWeight: 600, textAnchor: "start",
                lineAnchor: "top",
                text: ({ node, last }) => `${short(run.nodes[node], 40)} … ${short(run.nodes[last], 40)}` }),
            Plot.tip(cells, Plot.pointer({ ...where, title: (cell) => said(run, view, cell) })),
        ],
    });
}

function viewTable(run, cells, nodes) {
    const railCell = (rail) => (node) => {
        const cell = cells[node * run.rails + rail];
        return known(cell.share) ? `${Math.round(100 * cell.share)}${cell.side}` : "–";
    };
    return table("Percent of a healthy flow, by node and rail; t: it sends less, r: it receives less", [
        { head: "node", cell: (node) => name(run.nodes[node]) },
        ...Array.from({ length: run.rails }, (_, rail) => ({ head: `r${rail}`, cell: railCell(rail), number: true })),
    ], nodes, { class: "heat-table" });
}

function inWords(run, cells, scale) {
    const measured = cells.filter((cell) => known(cell.share));
    const ill = measured.filter((cell) => cell.share < scale.classes[0].least).sort((a, b) => a.share - b.share);
    const rest = cells.length - measured.length;
    const tail = rest > 0 ? ` ${plural(rest, "NIC was", "NICs were")} not measured.` : "";
    if (measured.length === 0) return "No NIC was measured.";
    if (ill.length === 0)
        return `All ${plural(measured.length, "NIC")} that were measured are healthy; the lowest has `
            + `${percent(Math.min(...measured.map((cell) => cell.share)))} of a healthy flow.${tail}`;
    const named = ill.slice(0, 4).map((cell) => [name(run.nodes[cell.node]),
        ` rail ${cell.rail} (${cell.share <= 0 ? "nothing intact" : percent(cell.share)}${cell.side === "t" ? ", sending" : cell.side === "r" ? ", receiving" : ""})`]);
    return [`${plural(ill.length, "NIC")} of ${measured.length} ${ill.length === 1 ? "has" : "have"} less than a healthy flow: `,
        named.map((each, at) => [at > 0 && ", ", each]), ill.length > 4 ? ` and ${plural(ill.length - 4, "more", "more")}.` : ".", tail];
}

export function fleet(run) {
    const points = run.points.filter((point) => point.tx);
    if (run.nodes.length === 0 || points.length === 0) return null;
    const rates = run.overall_tx.some(known) || run.overall_rx.some(known);
    const views = [...(rates ? [{ tx: run.overall_tx, rx: run.overall_rx, label: "worst of all bandwidth tests" }] : []),
        ...points.map((point) => ({ tx: point.tx, rx: point.rx, point, label: pointName(point) }))];
    const scale = scaleOf(run);
    const leaves = run.leaves.some(known);
    const left = run.points.filter((point) => point.pictures_left_out).length;
    return [
        chosen([
            ["view", 0, (set) => choice("Test", views.map((view, at) => [at, view.label]), 0, (at) => set(Number(at)))],
            ["side", "both", (set) => choice("Side", [["both", "the worse of both"], ["tx", "sends"], ["rx", "receives"]], "both", set)],
            ["order", "worst", (set) => choice("Order", [["worst", "worst nodes first"], ["given", "as in the run"],
                ...(leaves ? [["leaf", "by block of the fabric"]] : [])], "worst", set)],
        ], ({ view: at, side, order }) => {
            const view = views[at];
            const cells = cellsOf(run, view, side), nodes = nodesInOrder(run, cells, order, scale);
            const draw = run.nodes.length <= NODES_AS_ROWS ? drawRows : drawStrips;
            return [
                el("p", { class: "words" }, inWords(run, cells, scale)),
                figure({
                    label: `Heat map of ${plural(run.nodes.length, "node")} and ${plural(run.rails, "rail")}, `
                        + `${view.label}: percent of a healthy flow. The table below has the same figures.`,
                    draw: (width) => draw(run, view, cells, nodes, scale, width),
                    legend: key([...scale.classes, scale.none].map(({ label, fill }) => ({ label, fill }))),
                    made: [view.point ? `${howMade(run, view.point)}. Each cell: the median of the NIC's flows; a healthy `
                        + `flow has ${number(view.point.healthy)} ${unit(view.point.metric)}, the median of the uppermost cluster.`
                        : "Each cell: of the bandwidth test and size in which it is least, the median of the NIC's flows, "
                        + "over the rate of a healthy flow of that test: the median of the uppermost cluster."],
                    alternatives: [["The same as a table", () => viewTable(run, cells, nodes)]],
                }),
            ];
        }),
        left > 0 && el("p", { class: "note" }, `Of ${plural(left, "more test point")} this file has no picture, to stay small.`),
    ];
}
