// What went wrong in single measurements, and what NICs and GPUs counted meanwhile.
import { el, name, table, details } from "./dom.js";
import { count, place, plural, size, statusSigns, statusWords } from "./words.js";

function faultTable(run, caption, rows) {
    return table(caption, [
        { head: "why", wide: true, cell: (row) => el("bdi", {}, row.reason, row.said && row.said !== row.reason ? ` (${row.said})` : "") },
        { head: "status", cell: (row) => el("span", { class: `status ${row.status}` }, `${statusSigns[row.status]} ${statusWords[row.status]}`) },
        { head: "measurements", number: true, cell: (row) => count(row.count) },
        { head: "the first", cell: (row) => [row.test, ", ", size(row.size_bytes), ": ", el("bdi", {}, place(run, row.where))] },
    ], rows);
}

export function wrong(run) {
    const { faults, damages, totals } = run;
    if (faults.length === 0 && damages.length === 0) return null;
    const sum = faults.reduce((total, fault) => total + fault.count, 0) + totals.more_faults;
    return [
        el("p", { class: "words" }, `${plural(sum, "measurement")} of ${count(totals.measurements)} ${sum === 1 ? "has" : "have"} no figure or damaged data.`),
        damages.length > 0 && faultTable(run, "Damaged data: the first wrong word of each measurement", damages),
        faults.length > 0 && faultTable(run, "Measurements without a figure, by reason", faults),
        totals.more_faults > 0 && el("p", { class: "note" }, `${count(totals.more_faults)} more, of other reasons, are in measurements.ndjson.`),
    ];
}

function most(run, counter) {
    return counter.most.slice(0, 4).map(([node, rail, added], at) =>
        [at > 0 && "; ", name(run.nodes[node]), ` r${rail}: ${count(added)}`]);
}

const columns = (run) => [
    { head: "counter", cell: (row) => el("code", {}, row.name) },
    { head: "tells of", cell: (row) => row.alarm ?? "traffic" },
    { head: "added in all", number: true, cell: (row) => count(row.added) },
    { head: "NICs", number: true, cell: (row) => count(row.nics) },
    { head: "most", cell: (row) => most(run, row) },
];

export function counters(run) {
    const { counters: all, gpu_alarms: alarms, totals } = run;
    if (totals.counter_reports === 0 && totals.gpu_reports === 0) return null;
    const bad = all.filter((counter) => counter.alarm).sort((a, b) => b.added - a.added);
    const rest = all.filter((counter) => !counter.alarm);
    return [
        totals.counter_reports > 0 && el("p", { class: "words" }, bad.length === 0
            ? "No counter that tells of trouble on the way moved."
            : `Of the counters that tell of trouble on the way ${plural(bad.length, "one", `${bad.length}`).replace(/^1 one/, "one")} moved: `
            + `${bad.slice(0, 3).map((counter) => `${count(counter.added)} ${counter.alarm}`).join(", ")}.`),
        bad.length > 0 && table("Counters that tell of trouble", columns(run), bad),
        rest.length > 0 && details(`${plural(rest.length, "other counter")} that moved`, () => table("Other counters", columns(run), rest)),
        totals.gpu_reports > 0 && el("p", { class: "words" }, alarms.length === 0 ? "GPUs reported nothing out of the ordinary."
            : "GPUs reported what can slow them down:"),
        alarms.length > 0 && table("What GPUs reported", [
            { head: "what", cell: (row) => el("bdi", {}, row.text) },
            { head: "measurements", number: true, cell: (row) => count(row.count) },
            { head: "the first", cell: (row) => el("bdi", {}, place(run, row.where)) },
        ], alarms),
        el("p", { class: "made" }, "Counters: what was added on each NIC from before the warm-up until after the window, once a round."),
    ];
}
