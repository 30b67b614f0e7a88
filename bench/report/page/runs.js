// Several runs: their verdicts, and the median of each test beside the first run's.
import { el, name, table } from "./dom.js";
import { change, otherPoint } from "./against_size.js";
import { figure as number, known, pointName, statusSigns, statusWords, unit } from "./words.js";

// A single slow NIC is in no median.
const worst = (point) => (point.metric.startsWith("latency") ? `most ${number(point.spread.max)}` : `least ${number(point.spread.min)}`);

export function sideBySide(run, first, runs) {
    if (runs.length < 2) return null;
    const [base] = runs;
    const word = (each) => each.verdict?.status;
    const points = base.points.filter((point) => known(point.spread.median));
    const missing = runs.slice(1).filter((each) => each.points.some((point) => !otherPoint(base, point))).length;
    return [
        table("Verdicts", [
            { head: "run", cell: (each) => el("span", { class: "close" }, each.run.run_id) },
            { head: "verdict", cell: (each) => (word(each) ? el("span", { class: `status ${word(each)}` },
                `${statusSigns[word(each)]} ${statusWords[word(each)]}`) : "none") },
            { head: "suite", cell: (each) => name(each.run.suite.name) },
            { head: "fleet", cell: (each) => el("span", { class: "close" }, `${each.nodes.length} × ${each.rails}`) },
            { head: "in a sentence", wide: true, cell: (each) => el("span", { dir: "auto" }, each.verdict?.summary ?? "not judged") },
        ], runs),
        points.length > 0 && table("Medians, what they are against the first run's, and the worst of each run", [
            { head: "test", cell: (point) => el("bdi", {}, pointName(point)) },
            { head: base.run.run_id, number: true, cell: (point) => `${number(point.spread.median)} ${unit(point.metric)}, ${worst(point)}` },
            ...runs.slice(1).map((each) => ({ head: each.run.run_id, number: true, cell: (point) => {
                const other = otherPoint(each, point);
                return other && known(other.spread.median) ? `${number(other.spread.median)} (${change(other, base)}), ${worst(other)}` : "–";
            } })),
        ], points),
        missing > 0 && el("p", { class: "note" }, "Only like is compared with like: what one run measured and the first did not, or not in the same way, is left out here."),
    ];
}
