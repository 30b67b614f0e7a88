// What the nodes are, with the odd ones out; and the settings of each test.
import { el, name, table, details } from "./dom.js";
import { count, known, plural, size } from "./words.js";

const label = (fact) => fact.replaceAll("_", " ");

function where(run, value) {
    const places = value.where.slice(0, 4).map(([node, rail], at) => [at > 0 && ", ", name(run.nodes[node]), rail >= 0 && ` r${rail}`]);
    return [places, value.count > 4 && ` and ${count(value.count - 4)} more`];
}

// The commonest first; where the others are.
function told(run, fact) {
    const values = [...fact.values].sort((a, b) => b.count - a.count);
    if (fact.more)
        return `differs: ${values.slice(0, 3).map(({ value }) => value).join(", ")}, …`;
    return values.map((value, at) => el("div", {}, el("bdi", {}, value.value),
        values.length > 1 && [` on ${count(value.count)}`, at > 0 && [": ", where(run, value)]]));
}

function changes(run, first) {
    const text = (fact) => (fact ? [...fact.values].sort((a, b) => b.count - a.count).map(({ value }) => value).join(", ") : "–");
    return run.environment.map((fact) => [fact, first.environment.find((other) => other.fact === fact.fact && other.of_rail === fact.of_rail)])
        .map(([fact, other]) => ({ fact: label(fact.fact), now: text(fact), before: text(other) }))
        .filter(({ now, before }) => now !== before);
}

export function environment(run, first) {
    const facts = run.environment.filter((fact) => !(fact.values.length === 1 && fact.values[0].value === "null"));
    if (facts.length === 0) return null;
    const odd = facts.filter((fact) => fact.values.length > 1 && !fact.more);
    const differ = first ? changes(run, first) : [];
    const columns = [
        { head: "fact", cell: (fact) => label(fact.fact) },
        { head: "of each", cell: (fact) => (fact.of_rail ? "rail" : "node") },
        { head: "value", cell: (fact) => told(run, fact) },
    ];
    return [
        el("p", { class: "words" }, odd.length === 0 ? "All nodes and rails are alike in what is recorded of them."
            : `Nodes or rails differ in ${odd.map((fact) => label(fact.fact)).join(", ")}.`),
        first && el("p", { class: "words" }, differ.length === 0 ? "Nothing recorded differs from the first run." : "Against the first run:"),
        differ.length > 0 && table("What differs from the first run", [
            { head: "fact", cell: (row) => row.fact }, { head: "first run", cell: (row) => el("bdi", {}, row.before) },
            { head: "this run", cell: (row) => el("bdi", {}, row.now) }], differ),
        odd.length > 0 && table("In what nodes and rails differ", columns, odd),
        details(`All ${plural(facts.length, "fact")}`, () => table("Facts of nodes and rails", columns, facts)),
    ];
}

const shown = (value) => (value === null ? "–" : Array.isArray(value) ? value.map(size).join(", ") : String(value));

export function settings(run) {
    const { suite, seed, clock, railgauge_version: version } = run.run;
    const tests = suite.tests;
    const keys = Object.keys(tests[0]);
    const varied = keys.filter((key) => new Set(tests.map((test) => shown(test[key]))).size > 1 && key !== "test");
    const same = keys.filter((key) => !varied.includes(key) && key !== "test" && tests[0][key] !== null);
    return [
        el("p", { class: "words" }, "Suite ", name(suite.name), `: ${plural(tests.length, "test")}; seed ${seed}; railgauge ${version}`,
            clock && known(clock.error_us) ? `; the ranks' clocks agree within ${clock.error_us} µs.` : "."),
        table("What differs between the tests", [
            { head: "test", cell: (test) => test.test },
            ...varied.map((key) => ({ head: key.replaceAll("_", " "), cell: (test) => shown(test[key]) })),
        ], tests),
        details(`${plural(same.length, "setting")} of every test`, () => table("The same for all tests", [
            { head: "setting", cell: (key) => key.replaceAll("_", " ") }, { head: "value", cell: (key) => shown(tests[0][key]) }], same)),
    ];
}
