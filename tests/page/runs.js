// The runs and reports that the tests look at, made once: simulated ones by railgauge, and one written by hand from the
// examples beside the schemas, as real verbs on soft-RoCE record it.
"use strict";
const { execFileSync } = require("node:child_process");
const { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const top = join(__dirname, "..", "..");
const railgauge = join(top, "build", "asan", "railgauge");
const made = join(top, "build", "page", "runs");
const at = (...names) => join(made, ...names);
const valid = (name) => readFileSync(join(top, "results-schema", "examples", "valid", name), "utf8");

// What a name can do that is not HTML's, JSON's or the reader's: close the script, open markup, turn the text around.
const hostile = ["</script><script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">", "<!--<script>",
    "\u202eevil\u2066 node\u2069", "a\"b'c&amp;d", "@railgauge:data@"];

function run(...words) {
    return execFileSync(railgauge, words, { encoding: "utf8" });
}

// Exit statuses 1 and 3 are the verdict's.
function judged(...words) {
    try {
        return run(...words);
    } catch (error) {
        if (error.status !== 1 && error.status !== 3) throw error;
        return error.stdout;
    }
}

const simulate = (name, ...options) => judged("simulate", ...options, "-o", at(name));

const suspect = {
    part: "tx", fault: "slow", status: "condemned", node: "node-a", leaf: null, rail: 1, peer_node: null, peer_rail: null,
    test: "rdma_write_bw", size_bytes: 65536, direction: "both_ways", loss_percent: 21.5, healthy_gbps: 95, flows_short: 3,
    flows_well: 0, sentence: "node-a",
    evidence: [{ from_node: "node-a", from_rail: 1, to_node: "node-b", to_rail: 1, bandwidth_gbps: 74.5, short: true, others_well: 2, others_short: 0 }],
};
const together = { test: "rdma_write_bw", size_bytes: 65536, direction: "both_ways", memory: "host", variant: null, queue_pairs: 1, rounds: 3, flows: 4, median_gbps: 377.5, least_gbps: 371.25, least_round: 1 };
const victims = {
    test: "rdma_write_lat", size_bytes: 8, direction: null, memory: "host", variant: null, queue_pairs: 1, load: "incast", rail: 1,
    metric: "latency_us", victims: 2, alone_p50: 2, loaded_p50: 3, ratio_p50: 1.5, alone_p99: 3, loaded_p99: 12, ratio_p99: 4, worst_node: "node-b", worst_ratio_p99: 5.5,
};
const counted = [{ node: "node-a", rail: 1, device: "rxe1", known: 20, added: { out_of_sequence: 41, port_xmit_data: 9000 } }];

// change: edits the texts of the documents before they are written.
function byHand(name, change = (text) => text, summary = "node-b") {
    const id = JSON.parse(valid("run-complete.json")).run_id;
    const lines = ["measurement-bandwidth", "measurement-latency", "measurement-collective", "measurement-not-ok", "measurement-gpu"]
        .flatMap((file) => valid(`${file}.ndjson`).trim().split("\n")).map((line) => JSON.parse(line))
        .map((line, sequence) => ({ ...line, run_id: id, sequence }));
    lines[0].counters = counted;
    const facts = JSON.parse(valid("run-complete.json"));
    facts.measurements = lines.length;
    facts.suite.tests = Array(10).fill(facts.suite.tests[0]);
    mkdirSync(at(name));
    writeFileSync(at(name, "run.json"), change(JSON.stringify(facts)));
    writeFileSync(at(name, "measurements.ndjson"), lines.map((line) => change(JSON.stringify(line))).join("\n") + "\n");
    writeFileSync(at(name, "verdict.json"), change(JSON.stringify({ ...JSON.parse(valid("verdict-fail.json")), run_id: id,
        hardware: false, suspects: [suspect], totals: [together],
        congestion: [victims], summary })));
}

const nights = { count: 48, slow: 44, first: Date.UTC(2026, 0, 1, 2) };

// 1 % of noise, the same in every run of the tests.
function* noise() {
    for (let state = 1;;) {
        let sum = 0;
        for (let i = 0; i < 12; i++) sum += (state = (state * 16807) % 2147483647) / 2147483647;
        yield 1 + 0.01 * (sum - 6);
    }
}

// Nights of a simulated fleet: since the one that is `slow`, sim001 receives 8 % less on rail 1, with another firmware, and since three
// before that latencies of rail 0 are 20 % longer. change: edits the texts of the documents.
function makeNights(name, change = (text) => text) {
    const factor = noise(), facts = readFileSync(at("small", "run.json"), "utf8");
    const lines = readFileSync(at("small", "measurements.ndjson"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    for (let night = 0; night < nights.count; night++) {
        const began = new Date(nights.first + night * 86400000).toISOString().replace(".000", "");
        const id = `${began.replaceAll(/[-:]/g, "")}-${night.toString(16).padStart(8, "0")}`;
        const run = { ...JSON.parse(facts), run_id: id, started_at: began, ended_at: began.replace("02:00", "03:00") };
        const slow = night >= nights.slow;
        for (const { rails } of run.nodes) for (const rail of rails) rail.firmware = slow ? "28.45.1200" : "28.44.1036";
        const measured = lines.map((line) => {
            const made = structuredClone({ ...line, run_id: id }), by = factor.next().value;
            const ill = slow && line.flow.to.node === "sim001" && line.flow.to.rail === 1;
            if (made.bandwidth) made.bandwidth.bandwidth_gbps *= by * (ill ? 0.92 : 1);
            if (made.latency) made.latency.p50_us *= by * (night >= nights.slow - 3 && line.flow.from.rail === 0 ? 1.2 : 1);
            return made;
        });
        mkdirSync(at(name, String(night).padStart(2, "0")), { recursive: true });
        writeFileSync(at(name, String(night).padStart(2, "0"), "run.json"), change(JSON.stringify(run)));
        writeFileSync(at(name, String(night).padStart(2, "0"), "measurements.ndjson"), measured.map((line) => change(JSON.stringify(line))).join("\n") + "\n");
    }
    const all = readdirSync(at(name)).sort().map((night) => at(name, night));
    run("history", "add", ...all, "--db", at(`${name}.db`));
    run("report", all.at(-1), "--db", at(`${name}.db`), "-o", at(`${name}.html`));
}

// Two nights of a simulated fleet, and more in which sim003 took no part and one NIC has a firmware of its own.
function makeLacking(name, ...lacking) {
    const all = ["00", "01", ...lacking].map((night) => at(name, night));
    all.forEach((directory, night) => cpSync(at("nights", `0${night}`), directory, { recursive: true }));
    for (const directory of all.slice(2)) {
        const facts = JSON.parse(readFileSync(join(directory, "run.json"), "utf8"));
        const lines = readFileSync(join(directory, "measurements.ndjson"), "utf8").trim().split("\n")
            .filter((line) => !line.includes('"sim003"'));
        facts.nodes[1].rails[1].firmware = "28.39.1002";
        facts.nodes.pop();
        facts.measurements = lines.length;
        writeFileSync(join(directory, "run.json"), JSON.stringify(facts));
        writeFileSync(join(directory, "measurements.ndjson"), lines.join("\n") + "\n");
    }
    run("history", "add", ...all, "--db", at(`${name}.db`));
    run("report", all.at(-1), "--db", at(`${name}.db`), "-o", at(`${name}.html`));
}

const evil = (names) => (text) => names.reduce((changed, name, place) =>
    changed.replaceAll(`"sim00${place}"`, JSON.stringify(name)), text);

async function setup() {
    rmSync(made, { recursive: true, force: true });
    mkdirSync(made, { recursive: true });
    simulate("ill", "--nodes", "12", "--rails", "4", "--suite", join(__dirname, "suite.json"), "--machine", "a3-ultra",
        "--fault", "slow,part=tx,node=7,rail=3,loss=20", "--fault", "dead,part=rx,node=2,rail=0");
    simulate("well", "--nodes", "12", "--rails", "4", "--suite", join(__dirname, "suite.json"), "--machine", "a3-ultra", "--seed", "5");
    simulate("fleet", "--nodes", "512", "--rails", "8", "--fault", "slow,part=tx,node=17,rail=3,loss=20");
    simulate("few", "--nodes", "8", "--rails", "4", "--suite", join(__dirname, "suite.json"),
        "--fault", "corrupts,part=tx,node=3,rail=2", "--fault", "dead,part=rx,node=5,rail=1");
    byHand("soft", (text) => text, "1 of 3 expectations failed: what node-b receives.");
    [0, 1, 2].forEach((which) => byHand(`hostile-${which}`, (text) => hostile.slice(2 * which, 2 * which + 2).reduce(
        (changed, evil, place) => changed.replaceAll(JSON.stringify(["node-a", "node-b"][place]), JSON.stringify(evil)), text)));
    for (const each of ["ill", "well", "few", "fleet", "soft", "hostile-0", "hostile-1", "hostile-2"]) run("report", at(each), "-o", at(`${each}.html`));
    simulate("small", "--nodes", "4", "--rails", "2", "--suite", join(__dirname, "suite.json"));
    simulate("smaller", "--nodes", "2", "--rails", "2", "--suite", join(__dirname, "suite.json"));
    makeNights("nights");
    makeNights("evil-nights", evil(hostile));
    makeLacking("lacking", "02");
    makeLacking("gone", "02", "03");
    run("report", at("smaller"), at("small"), "-o", at("plan.html"));
    run("report", at("well"), "--db", at("nights.db"), "-o", at("unknown.html"));
    run("report", at("ill"), at("well"), "-o", at("both.html"), "--title", "Two <nights> & a day");
}

module.exports = setup;
module.exports.at = at;
module.exports.hostile = hostile;
module.exports.judged = judged;
module.exports.run = run;
module.exports.nights = nights;
module.exports.verdict = (name) => JSON.parse(readFileSync(at(name, "verdict.json"), "utf8"));
