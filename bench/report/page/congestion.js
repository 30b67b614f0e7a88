// What a load of other nodes cost the flows that were measured alone and then beside it.
import { el, name, table } from "./dom.js";
import { count, figure as number, known, seriesOf, size } from "./words.js";

const unit = (row) => (row.metric === "latency_us" ? "µs" : "Gb/s");
const both = (row, alone, loaded) => `${number(alone)} → ${number(loaded)} ${unit(row)}`;
const figureOf = (row) => (known(row.worst_ratio_p99) ? number(row.worst_ratio_p99) : "an unknown number of");
const times = (ratio) => (known(ratio) ? `× ${number(ratio)}` : "–");

// The ratio that is farthest on the bad side: of latencies the greatest, of rates the least.
function worst(rows) {
    const harm = (row) => (row.metric === "latency_us" ? row.worst_ratio_p99 : 1 / row.worst_ratio_p99) ?? 0;
    return rows.reduce((a, b) => (harm(b) > harm(a) ? b : a));
}

export function congestion(run) {
    const rows = run.verdict?.congestion ?? [];
    if (rows.length === 0) return null;
    const most = worst(rows);
    return [
        el("p", { class: "words" }, `Beside ${most.load.replaceAll("_", " ")} of the other nodes the worst victim, a flow that `,
            name(most.worst_node), ` sends on rail ${most.rail}, has a p99 of ${figureOf(most)} times what it has alone `
            + `(${most.test}, ${size(most.size_bytes)}).`),
        table("The median victim, alone and beside the load", [
            { head: "test", cell: seriesOf },
            { head: "size", number: true, cell: (row) => size(row.size_bytes) },
            { head: "beside", cell: (row) => row.load.replaceAll("_", " ") },
            { head: "rail", number: true, cell: (row) => row.rail },
            { head: "victims", number: true, cell: (row) => count(row.victims) },
            { head: "p50, alone → loaded", number: true, cell: (row) => both(row, row.alone_p50, row.loaded_p50) },
            { head: "ratio", number: true, cell: (row) => times(row.ratio_p50) },
            { head: "p99, alone → loaded", number: true, cell: (row) => both(row, row.alone_p99, row.loaded_p99) },
            { head: "ratio", number: true, cell: (row) => times(row.ratio_p99) },
            { head: "worst ratio of p99", number: true, cell: (row) => [times(row.worst_ratio_p99), ", ", name(row.worst_node)] },
        ], rows),
        el("p", { class: "made" }, "p50 and p99: of a victim's latencies, or the rates that 50 and 99 % of its sub-windows reach."),
    ];
}
