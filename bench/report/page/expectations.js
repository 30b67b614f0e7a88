// What was expected, row by row, what did not pass first.
import { el, table } from "./dom.js";
import { channel, count, figure as number, known, plural, size, statusSigns, statusWords, unit } from "./words.js";

function where(row) {
    if (row.scope === "rail") return `${row.node ?? "every flow"}${row.node ? ` r${row.rail} → ${row.peer_node} r${row.peer_rail}` : ""}`;
    if (row.scope === "node") return row.node ? `${row.node} ${row.side === "tx" ? "sends" : "receives"}, all rails` : "every node";
    if (row.scope === "gpu") return row.node ? `${row.node} r${row.rail}, its GPU` : "every GPU";
    if (row.peer_node) return `${row.node} with ${row.peer_node}`;
    return row.node ? `${row.node}, all rails` : known(row.rail) ? `rail ${row.rail} of all nodes` : "all ranks";
}

function what(row) {
    return [row.test, row.direction?.replace("_", " "), known(row.queue_pairs) && row.direction && plural(row.queue_pairs, channel(row.test)),
        row.memory !== "host" && row.memory, row.variant, row.pattern,
        row.metric.startsWith("latency") && row.metric.slice(8, 11)].filter(Boolean).join(", ");
}

export function expectations(run) {
    const v = run.verdict;
    if (!v || v.expectations_asked === 0) return null;
    const rows = v.expectations;
    const bound = (row) => (row.metric.startsWith("latency") ? "≤" : "≥");
    const judged = rows.some((row) => known(row.expected)), rated = rows.some((row) => known(row.nominal_percent));
    return [
        el("p", { class: "words" }, v.against.kind === "none" ? "Nothing was expected of single figures. Here they are as they were measured, what falls furthest behind its peers first."
            : "A bandwidth passes when it reaches the threshold and so does the low end of the 95 % interval of its sub-windows; "
            + "it is noisy when the interval leaves that open."),
        rows.length < v.expectations_asked && el("p", { class: "note" },
            `The first ${count(rows.length)} of ${count(v.expectations_asked)} rows, what did not pass before the rest; verdict.json has all.`),
        table("Figures and what was expected of them", [
            { head: "where", wide: true,
            cell: (row) => [el("bdi", {}, where(row)), row.reason && el("small", { dir: "auto" }, row.reason)] },
            { head: "status", cell: (row) => el("span", { class: `status ${row.status}` }, `${statusSigns[row.status]} ${statusWords[row.status]}`) },
            { head: "test", wide: true, cell: (row) => el("bdi", {}, what(row)) },
            { head: "size", number: true, cell: (row) => size(row.size_bytes) },
            { head: "measured", number: true, cell: (row) => (known(row.measured) ? `${number(row.measured)} ${unit(row.metric)}` : "–") },
            { head: "95 % interval", number: true, cell: (row) => (known(row.ci95_low) ? `${number(row.ci95_low)} – ${number(row.ci95_high)}` : "–") },
            ...(judged ? [{ head: "threshold", number: true, cell: (row) => (known(row.threshold) ? `${bound(row)} ${number(row.threshold)}` : "–") },
                { head: "tolerance", number: true, cell: (row) => (known(row.tolerance_percent) ? `${number(row.tolerance_percent)} %` : "–") },
                { head: "source", cell: (row) => el("bdi", {}, row.source ?? "–") }] : []),
            ...(rated ? [{ head: "% nominal", number: true, cell: (row) => number(row.nominal_percent) },
                { head: "% ceiling", number: true, cell: (row) => number(row.ceiling_percent) }] : []),
        ], rows),
    ];
}
