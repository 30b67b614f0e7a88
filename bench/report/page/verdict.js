import { details, el, name, table } from "./dom.js";
import { count, figure, known, plural, size, statusSigns, statusWords } from "./words.js";

// What is not of real hardware says so above everything else.
export function banner(run) {
    if (run.run.hardware === true) return null;
    const reason = run.run.hardware_reason ?? "";
    const kind = run.run.transport === "sim" || /simulat/i.test(reason) ? "SIMULATED"
        : /soft|rxe|siw/i.test(reason) ? "SOFT-RoCE"
        : /double/i.test(reason) ? "CUDA DOUBLE"
        : run.run.hardware === false ? "NOT REAL HARDWARE" : "UNKNOWN HARDWARE";
    return el("aside", { class: "banner", "aria-label": "Not real hardware" }, el("strong", {}, kind), " ",
        reason ? ["These figures say nothing about real hardware: ", el("bdi", {}, reason), "."]
            : "Nothing was recorded of what measured this.");
}

function duration(run) {
    const seconds = (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000;
    return !known(seconds) ? null : seconds < 120 ? `${figure(Math.max(seconds, 0))} s` : `${figure(seconds / 60)} min`;
}

const fact = (label, ...value) => el("div", {}, el("dt", {}, label), el("dd", {}, value));

function facts(run) {
    const { run: r, verdict: v, totals } = run;
    const took = duration(r);
    return el("dl", { class: "facts" },
        fact("Run", r.run_id),
        fact("Started", r.started_at.replace("T", " ").replace("Z", " UTC"), took && `, took ${took}`),
        fact("Fleet", `${plural(run.nodes.length, "node")} × ${plural(run.rails, "rail")}`),
        fact("Suite", name(r.suite.name)),
        fact("Against", !v ? "not judged" : v.against.kind === "none" ? "nothing but the fleet itself"
            : [{ machine: "machine ", run: "run " }[v.against.kind], name(v.against.name)]),
        fact("Measured", `${plural(totals.measurements, "measurement")} in ${plural(r.rounds_done, "round")}`),
        fact("Data checked", totals.mismatches > 0
            ? el("strong", { class: "bad" }, `${plural(totals.mismatches, "word")} damaged`)
            : totals.words_checked > 0 ? `${plural(totals.words_checked, "word")}, none damaged` : "not at all"));
}

function tally(counts) {
    const words = ["pass", "fail", "noisy", "not_run", "unsupported", "unjudged"];
    if (words.every((word) => counts[word] === 0)) return null;
    return el("ul", { class: "tally", "aria-label": "Expectations" }, words.filter((word) => counts[word] > 0)
        .map((word) => el("li", { class: `status ${word}` },
            `${statusSigns[word]} ${count(counts[word])} ${statusWords[word]}`)));
}

// Whoever reads no further than this must not take one run's verdict for that of all.
function others(run, all) {
    const bad = all.filter((each) => each !== run && each.verdict?.status !== "pass");
    return bad.length > 0 && el("p", { class: "note" },
        `This is one of ${count(all.length)} runs. ${bad.length === 1 ? "Another does" : `${count(bad.length)} others do`} not pass: `,
        el("a", { href: "#runs" }, bad.slice(0, 8).map((each) => each.run.run_id).join(", ")), bad.length > 8 ? " and more." : ".");
}

export function verdict(run, first, all) {
    const { run: r, verdict: v } = run;
    const word = v ? v.status : "none";
    return [
        el("div", { class: `verdict ${word}` },
            el("p", { class: "word" }, v ? `${statusSigns[word]} ${word.toUpperCase()}` : "NO VERDICT"),
            el("p", { class: "sentence", id: "sentence", dir: "auto" },
                v ? v.summary : "The run ended before it was judged; `railgauge compare` judges it.")),
        others(run, all),
        v && tally(v.counts),
        r.status === "incomplete" && el("p", { class: "note" }, "Incomplete: ", el("bdi", {}, r.incomplete_reason), "."),
        r.lost_count > 0 && el("p", { class: "note" }, `${plural(r.lost_count, "rank was", "ranks were")} lost: `,
            r.lost.slice(0, 8).map((lost, at) => [at > 0 && "; ", name(lost.node), ` rail ${lost.rail}: `,
                el("bdi", {}, lost.where)]), r.lost_count > 8 ? "; and more." : "."),
        facts(run),
        run.odd.length > 0 && el("div", { class: "note odd" }, el("p", {}, "What nodes do not share:"),
            el("ul", {}, run.odd.map((sentence) => el("li", { dir: "auto" }, sentence)))),
        v && v.incompatible.length > 0 && el("div", { class: "note" }, el("p", {}, "What could not be compared:"),
            el("ul", {}, v.incompatible.map((sentence) => el("li", { dir: "auto" }, sentence)))),
    ];
}

const parts = {
    tx: "transmit side", rx: "receive side", nic: "NIC, both ways", node: "the whole node", rail: "of all nodes", path: "path between two NICs",
    leaf_tx: "uplink of a block", leaf_rx: "downlink of a block",
    rank: "in collectives",
};
const faults = { slow: "slow", dead: "nothing gets through", corrupt: "data damaged", comes_and_goes: "comes and goes" };
const statuses = {
    condemned: "condemned: nothing else explains it", noisy: "noisy: it comes and goes",
    one_of: "one of several that explain it as well",
};

// Which counters that tell of trouble moved on the NIC that is suspected.
function counted(run, suspect) {
    const node = run.nodes.indexOf(suspect.node);
    return run.counters.filter((counter) => counter.alarm).flatMap((counter) =>
        counter.most.filter(([n, rail]) => n === node && (suspect.rail === null || rail === suspect.rail))
            .map(([, rail, added]) => `${count(added)} ${counter.alarm} (rail ${rail})`));
}

// What clears the other end of each flow: how it does with others.
function evidence(suspect) {
    return table("Flows through it, in the order of measuring", [
        { head: "flow", cell: (flow) => [name(flow.from_node), ` r${flow.from_rail} → `, name(flow.to_node), ` r${flow.to_rail}`] },
        { head: "Gb/s", number: true, cell: (flow) => (known(flow.bandwidth_gbps) ? figure(flow.bandwidth_gbps) : suspect.fault === "corrupt" ? "damaged" : "nothing") },
        { head: "shows the fault", cell: (flow) => (flow.short ? "yes" : "no") },
        { head: "the other end with others: well", number: true, cell: (flow) => count(flow.others_well) },
        { head: "short", number: true, cell: (flow) => count(flow.others_short) },
    ], suspect.evidence);
}

function card(run, suspect) {
    const { part, fault, status, node, leaf, rail, peer_node: peer, peer_rail: peerRail } = suspect;
    const through = suspect.flows_short + suspect.flows_well;
    const beside = counted(run, suspect);
    return el("li", { class: `suspect ${status}` },
        el("h3", {}, node !== null ? [name(node), " "] : leaf !== null ? `block ${leaf} ` : "", rail !== null && `rail ${rail}`,
            peer && [" to ", name(peer), peerRail !== null && ` rail ${peerRail}`], el("small", {}, ` ${parts[part]}`)),
        el("p", { dir: "auto" }, suspect.sentence),
        el("dl", { class: "facts" },
            fact("Fault", faults[fault], known(suspect.loss_percent) && fault !== "dead"
                && `, ${figure(suspect.loss_percent)}\u00a0% lost`),
            fact("Certainty", statuses[status]),
            fact("Evidence", `${count(suspect.flows_short)} of ${plural(through, suspect.direction ? "flow" : "communicator")} show it`),
            known(suspect.healthy_gbps)
                && fact(`${suspect.test}, ${size(suspect.size_bytes)}${suspect.direction ? `, ${suspect.direction.replace("_", " ")}` : ""}`,
                    `a healthy flow has ${figure(suspect.healthy_gbps)} Gb/s`),
            beside.length > 0 && fact("Counted meanwhile", beside.join("; "))),
        suspect.evidence.length > 0 && details(`The evidence, ${suspect.evidence.length === 1 ? "one flow" : `${suspect.evidence.length} flows`}, one by one`,
            () => evidence(suspect)));
}

export function suspects(run) {
    if (!run.verdict) return null;
    const list = run.verdict.suspects;
    if (list.length === 0)
        return el("p", {}, run.run.lost_count > 0
            ? "Of what was measured no flow or collective fell short of its peers. Ranks were lost, and what they would have done is not known."
            : "No part of the fabric is suspected: no flow or collective fell short of its peers.");
    return [
        el("p", {}, `${plural(list.length, "part")} of the fabric ${list.length === 1 ? "explains" : "explain"} every flow `
            + "and collective that fell short of its peers. What flows accuse was measured again with partners that nobody accuses."),
        el("ol", { class: "suspects" }, list.map((suspect) => card(run, suspect))),
    ];
}
