import { el } from "./dom.js";
import { againstSize } from "./against_size.js";
import { figure as number, known } from "./words.js";

export function collectives(run, first) {
    const points = run.points.filter((point) => point.kind === "collective");
    if (!points.some((point) => known(point.spread.median))) return null;
    return [
        el("p", { class: "note" }, "Bus bandwidth: the algorithm's bandwidth times what the operation must move, by nccl-tests' formulas, "
            + "so that it can be held against what the links give. Times are of samples, in which short operations are several and told by their mean."),
        againstSize(run, first, points, [
            { head: "algorithm's median, GB/s", number: true, cell: (p) => number(p.algbw.median) },
            { head: "time p50, µs", number: true, cell: (p) => number(p.time_p50_us.median) },
            { head: "time p99, µs", number: true, cell: (p) => number(p.time_p99_us.median) },
        ]),
    ];
}
