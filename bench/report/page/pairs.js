// The matrix of pairs: from which node to which the data go slowly, and the slowest flows by name.
import * as Plot from "@observablehq/plot";
import { el, choice, table } from "./dom.js";
import { chosen, figure, key } from "./chart.js";
import { scaleOf, shareOf } from "./scale.js";
import { figure as number, howMade, known, percent, place, plural, pointName, short, unit } from "./words.js";

function blockName(run, block) {
    const first = block * run.block_nodes, last = Math.min(run.nodes.length, first + run.block_nodes) - 1;
    return first === last ? run.nodes[first] : `${run.nodes[first]} … ${run.nodes[last]}`;
}

function cellsOf(run, point) {
    return point.pairs.map((value, at) => ({
        from: Math.floor(at / run.blocks), to: at % run.blocks, value, rail: point.pair_rails[at],
        share: shareOf(point, value),
    })).filter((cell) => known(cell.value));
}

function draw(run, point, cells, scale, width) {
    const longest = Math.max(...run.nodes.map((each) => [...short(each)].length));
    const named = run.blocks <= 24 && run.block_nodes === 1;
    const left = named ? 14 + 7 * longest : 40;
    const edge = Math.min(width - left - 8, 26 * run.blocks + 40, 720);
    const domain = Array.from({ length: run.blocks }, (_, block) => block);
    const label = (block) => (named ? short(run.nodes[block]) : String(block * run.block_nodes));
    const ticks = named ? domain : domain.filter((block) => block % 8 === 0);
    return Plot.plot({
        width: left + edge + 8, height: edge + left, marginLeft: left, marginTop: left, marginRight: 8, marginBottom: 4,
        style: { fontSize: "12px" },
        x: { domain, ticks, tickFormat: label, axis: "top", tickRotate: named ? -60 : 0, tickSize: 0, label: null, padding: 0.06 },
        y: { domain, ticks, tickFormat: label, tickSize: 0, label: null, padding: 0.06 },
        marks: [
            Plot.frame({ stroke: "var(--rule)" }),
            Plot.cell(cells, { x: "to", y: "from", fill: (cell) => scale.of(cell.share).fill, className: "cells" }),
            edge / run.blocks > 30 ? Plot.text(cells, { x: "to", y: "from", text: (cell) => Math.round(100 * cell.share),
                fill: (cell) => scale.of(cell.share).ink }) : null,
            Plot.tip(cells, Plot.pointer({ x: "to", y: "from", title: (cell) => `${blockName(run, cell.from)} → ${blockName(run, cell.to)}\n`
                + `${cell.value <= 0 ? "nothing gets through intact" : `${number(cell.value)} ${unit(point.metric)}`}, rail ${cell.rail}\n`
                + `${percent(cell.share)} of a healthy flow` })),
        ],
    });
}

export function slowest(run, point) {
    const units = unit(point.metric);
    return table(`The ${point.up ? "slowest" : "longest"} ${plural(point.worst.length, "flow")} of ${pointName(point)}`, [
        { head: "flow", cell: (spot) => el("bdi", {}, place(run, spot)) },
        { head: units, number: true, cell: (spot) => (spot[4] < 0 || (point.up && spot[4] === 0) ? "nothing intact" : number(spot[4])) },
        { head: "of healthy", number: true, cell: (spot) => percent(shareOf(point, spot[4])) },
        { head: "round", number: true, cell: (spot) => spot[5] + 1 },
    ], point.worst);
}

export function pairs(run) {
    const points = run.points.filter((point) => point.pairs?.some(known));
    if (points.length === 0 || run.nodes.length < 2) return null;
    const scale = scaleOf(run);
    return chosen([
        ["point", 0, (set) => choice("Test", points.map((point, at) => [at, pointName(point)]), 0, (at) => set(Number(at)))],
    ], ({ point: at }) => {
        const point = points[at];
        const cells = cellsOf(run, point);
        const possible = run.blocks * (run.blocks - (run.block_nodes === 1 ? 1 : 0));
        const ill = cells.filter((cell) => cell.share < scale.classes[0].least).sort((a, b) => a.share - b.share);
        const what = run.block_nodes === 1 ? "pair" : `pair of blocks of ${run.block_nodes} nodes`;
        const whats = run.block_nodes === 1 ? "pairs" : `pairs of blocks of ${run.block_nodes} nodes`;
        return [
            el("p", { class: "words" }, `Rows send, columns receive: ${cells.length} of ${possible} ordered ${whats} met. `, ill.length === 0
                ? "Nowhere between them a flow fell short."
                : [`In ${plural(ill.length, what, whats)} the worst flow falls short; the worst of all: `,
                    el("bdi", {}, place(run, point.worst[0])), "."]),
            figure({
                label: `Matrix of ${whats}, from row to column: the worst flow in percent of a healthy one. The tables below have the figures.`,
                draw: (width) => draw(run, point, cells, scale, width),
                legend: key([...scale.classes, scale.none].map(({ label, fill }) => ({ label, fill }))),
                made: `${howMade(run, point)}. Each cell: the worst flow from the node of the row to that of the column`
                    + `${run.block_nodes > 1 ? `; each row and column stands for ${run.block_nodes} nodes` : ""}. A healthy flow has `
                    + `${number(point.healthy)} ${unit(point.metric)}.`,
                alternatives: [
                    [`The ${point.up ? "slowest" : "longest"} flows by name`, () => slowest(run, point)],
                    ["The matrix as a table", () => table("The worst flow from one to another", [
                        { head: "from", cell: (cell) => el("bdi", {}, blockName(run, cell.from)) },
                        { head: "to", cell: (cell) => el("bdi", {}, blockName(run, cell.to)) },
                        { head: unit(point.metric), number: true, cell: (cell) => (cell.value <= 0 ? "nothing intact" : number(cell.value)) },
                        { head: "of healthy", number: true, cell: (cell) => percent(cell.share) },
                        { head: "rail", number: true, cell: (cell) => cell.rail },
                    ], cells)],
                ],
            }),
        ];
    });
}
