// Numbers, units and places in words.

const number = (digits) => new Intl.NumberFormat("en", { maximumSignificantDigits: digits, useGrouping: true });
const four = number(4), three = number(3);

export const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const figure = (value) => (known(value) ? four.format(value) : "–");
export const percent = (share) => (known(share) ? `${three.format(100 * share)}\u00a0%` : "–");
export const count = (value) => new Intl.NumberFormat("en").format(value);
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

export function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB"];
    let at = 0;
    while (at < 3 && bytes >= 1024 && bytes % 1024 === 0) {
        bytes /= 1024;
        at++;
    }
    return `${count(bytes)} ${units[at]}`;
}

export const unit = (metric) =>
    metric.endsWith("_gbps") ? "Gb/s" : metric.endsWith("gigabytes_per_s") ? "GB/s" : "µs";

export const statusWords = {
    pass: "pass", fail: "FAIL", noisy: "noisy", unsupported: "unsupported", not_run: "not run", unjudged: "not judged",
    failed: "failed", ok: "ok", inconclusive: "INCONCLUSIVE",
};

// Signs beside colours, so that no colour has to be seen.
export const statusSigns = {
    pass: "✔", fail: "✖", noisy: "≈", unsupported: "○", not_run: "○", unjudged: "·", failed: "✖", inconclusive: "?",
};

// What queue_pairs counts.
export const channel = (test) => (test.startsWith("tcp_") ? "connection" : "queue pair");

// A series is what differs from others in more than its message size.
export function seriesOf(point) {
    const words = [point.test];
    if (point.direction) words.push(point.direction.replace("_", " "));
    if (known(point.queue_pairs) && point.direction) words.push(plural(point.queue_pairs, channel(point.test)));
    if (point.memory && point.memory !== "host") words.push(point.memory.replaceAll("_", " "));
    if (point.variant) words.push(point.variant);
    if (point.pattern) words.push(point.pattern);
    return words.join(", ");
}

export const pointName = (point) => `${seriesOf(point)}, ${size(point.size_bytes)}`;

// How the figures of a test were made, from its settings.
export function howMade(run, point) {
    const settings = run.run.suite.tests[point.test_index];
    const words = [point.transport === "sim" ? "simulated" : `over ${point.backend ?? point.transport}`];
    if (point.library && point.library !== words[0]) words.push(point.library);
    if (settings) {
        words.push(known(settings.iterations) ? plural(settings.iterations, "iteration")
            : `window ${figure(settings.duration_s)} s`);
        words.push(known(settings.iterations) ? `${count(settings.warmup_iterations)} to warm up`
            : `after ${figure(settings.warmup_s)} s of warm-up`);
        if (point.metric === "bandwidth_gbps" && point.kind === "flow")
            words.push(`${settings.depth} requests deep`, `${settings.subwindows} sub-windows`);
    }
    if (point.method) words.push(point.method === "round_trip" ? "the whole round trip" : "half the round trip");
    if (point.samples > 0) words.push(plural(point.samples, "sample"));
    const took = point.ok + point.failed;
    words.push(plural(took, point.kind === "collective" ? "group" : point.kind === "copy" ? "GPU" : "flow"));
    if (point.again > 0) words.push(`${count(point.again)} of them measured again to find suspects`);
    return words.join(" · ");
}

export const nodeName = (run, node) => (node >= 0 && node < run.nodes.length ? run.nodes[node] : "all nodes");

// [node, rail, peer, peer rail] as in the text report: a r0 → b r1.
export function place(run, [node, rail, peer, peerRail]) {
    const one = (n, r) => (n < 0 && r < 0 ? "all ranks" : n < 0 ? `rail ${r} of all nodes`
        : `${run.nodes[n]}${r >= 0 ? ` r${r}` : ""}`);
    return peer >= 0 ? `${one(node, rail)} → ${one(peer, peerRail)}` : one(node, rail);
}

// The end of a long name tells nodes apart.
export const short = (text, most = 20) => ([...text].length > most ? `…${[...text].slice(1 - most).join("")}` : text);
