import { el, table } from "./dom.js";
import { againstSize } from "./against_size.js";
import { count, figure as number, seriesOf, size } from "./words.js";

// What all flows of a round moved in the time in which all of them ran.
function together(totals) {
    return [
        el("h3", {}, "All flows of a round together"),
        table("Sums over the flows of a round, of rounds in which none failed", [
            { head: "test", cell: seriesOf },
            { head: "size", number: true, cell: (row) => size(row.size_bytes) },
            { head: "flows", number: true, cell: (row) => count(row.flows) },
            { head: "rounds", number: true, cell: (row) => count(row.rounds) },
            { head: "median round, Gb/s", number: true, cell: (row) => number(row.median_gbps) },
            { head: "least, Gb/s", number: true, cell: (row) => number(row.least_gbps) },
            { head: "in round", number: true, cell: (row) => count(row.least_round + 1) },
        ], totals),
    ];
}

export function bandwidth(run, first) {
    const points = run.points.filter((point) => point.metric === "bandwidth_gbps" && point.kind === "flow");
    const rates = points.length > 0 ? againstSize(run, first, points) : null;
    const totals = run.verdict?.totals ?? [];
    return rates && [rates, totals.length > 0 && together(totals)];
}

// GPUs copy many times faster than a NIC sends: on one axis the fabric would not be seen.
export function copies(run, first) {
    const points = run.points.filter((point) => point.kind === "copy");
    return points.length > 0 ? againstSize(run, first, points) : null;
}
