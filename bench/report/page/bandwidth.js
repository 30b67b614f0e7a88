import { againstSize } from "./against_size.js";

export function bandwidth(run, first) {
    const points = run.points.filter((point) => point.metric === "bandwidth_gbps");
    return points.length > 0 ? againstSize(run, first, points) : null;
}
