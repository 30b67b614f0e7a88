// Since when figures are other than before: what happened in words, a picture of each series that changed, and a table.
import * as Plot from "@observablehq/plot";
import { el, details, name, table } from "./dom.js";
import { figure, key } from "./chart.js";
import { count, figure as number, known, plural, seriesOf, size, unit } from "./words.js";

const SHOWN = 6;

const day = (time) => time.slice(0, 10);
const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(1)}`;
const interval = (change) => (known(change.low_percent) ? `${signed(change.low_percent)} to ${signed(change.high_percent)} %` : "too few runs to say");
const colour = (change) => (change.worse ? "var(--baseline)" : "var(--pass)");

const verbs = { tx: "sends", rx: "receives" };
const unitOf = (series) => (series.metric.includes("_ratio_") ? "times" : unit(series.metric));
const where = (series) => [series.scope === "victims" && "victims on", series.node ?? (series.scope === "fleet" ? "the fleet together" : series.rail === null ? "all ranks" : ""), series.peer_node && `with ${series.peer_node}`,
    series.rail !== null && `rail ${series.rail}`, series.scope === "gpu" && "GPU", verbs[series.side]].filter(Boolean).join(" ");
const what = (series) => [seriesOf(series), series.size_bytes !== null && size(series.size_bytes),
    series.metric.includes("_p99") && "p99"].filter(Boolean).join(", ");

function different(finding) {
    if (!finding) return "–";
    if (finding.environment.length === 0) return "nothing that was recorded";
    return finding.environment.map((each) => el("div", {}, el("bdi", {}, each.name), " ",
        each.before === null ? ["is now ", el("bdi", {}, each.after)] : [el("bdi", {}, each.before), " → ", el("bdi", {}, each.after)],
        each.places < each.of && ` on ${count(each.places)} of the ${count(each.of)}`,
        each.elsewhere > 0 && `${each.places < each.of ? "" : ", there"} and on ${plural(each.elsewhere, "other")} that did not change`));
}

function draw(history, chart, width) {
    const times = history.began.map((time) => new Date(time));
    const points = chart.values.map((value, at) => ({ time: times[at], value, run: history.run_ids[at] })).filter(({ value }) => known(value));
    const marks = chart.changes.map((change, at) => ({ ...change, time: new Date(change.since), at })).filter(({ time }) => time >= times[0]);
    const levels = chart.changes.flatMap((change, at) => {
        const from = at > 0 ? new Date(chart.changes[at - 1].since) : times[0], to = new Date(chart.changes[at + 1]?.since ?? history.last);
        return [at === 0 && { from, to: new Date(change.since), level: change.before }, { from: new Date(change.since), to, level: change.after }];
    }).filter((each) => each && known(each.level) && each.to >= times[0]).map((each) => ({ ...each, from: each.from < times[0] ? times[0] : each.from }));
    const late = (mark) => mark.time - times[0] > 0.7 * (times.at(-1) - times[0]);
    const label = (mark) => `${day(mark.since)} ${signed(mark.percent)} %`;
    return Plot.plot({
        width, height: 200, marginLeft: 58, marginRight: 24, marginTop: 34, marginBottom: 38, style: { fontSize: "12px" },
        x: { type: "utc", label: null, domain: [times[0], times.at(-1)] },
        y: { label: null, grid: true, nice: true, ticks: 4, tickFormat: (value) => number(value) },
        marks: [
            Plot.dot(points, { x: "time", y: "value", fill: "var(--line-0)", fillOpacity: 0.55, r: 2 }),
            Plot.ruleX(marks, { x: "time", stroke: colour, strokeWidth: 1.5, strokeDasharray: "4,3" }),
            Plot.link(levels, { x1: "from", x2: "to", y1: "level", y2: "level", stroke: "var(--ink)", strokeWidth: 2 }),
            ...[[false, "start", 4], [true, "end", -4]].flatMap(([anchored, anchor, dx]) => [0, 1].map((row) =>
                Plot.text(marks.filter((mark) => late(mark) === anchored && mark.at % 2 === row), { x: "time", frameAnchor: "top",
                    textAnchor: anchor, dx, dy: -24 + 13 * row, text: label, fill: colour, fontWeight: 600 }))),
            Plot.tip(points, Plot.pointer({ x: "time", y: "value",
                title: (point) => `${point.run}\n${number(point.value)} ${unitOf(chart)}` })),
        ],
    });
}

const rowsOf = (chart) => chart.changes.map((change) => ({ ...change, chart }));

function changeTable(history, caption, rows) {
    return table(caption, [
        { head: "since", cell: (row) => [el("span", { class: "close" }, day(row.since)), el("small", {}, row.run_id)] },
        { head: "where", cell: (row) => name(where(row.chart)) },
        { head: "test", wide: true, cell: (row) => el("bdi", {}, what(row.chart)) },
        { head: "before → since", number: true, cell: (row) => `${number(row.before)} → ${number(row.after)} ${unitOf(row.chart)}` },
        { head: "size", number: true, cell: (row) => `${signed(row.percent)} %` },
        { head: "95 % interval", number: true, cell: interval },
        { head: "", cell: (row) => (row.worse ? el("span", { class: "status fail" }, "✖ worse") : el("span", { class: "status pass" }, "✔ better")) },
        { head: "what differed from the run before", wide: true, cell: (row) => different(history.findings[row.finding]) },
        { head: "told after", cell: (row) => el("small", {}, row.told_run_id) },
    ], rows);
}

function picture(history, chart) {
    const told = chart.changes.map((change) => `${signed(change.percent)} % (${interval(change)}) since ${day(change.since)}`).join("; ");
    return el("div", { class: "series" },
        el("h3", {}, name(where(chart)), el("small", {}, " ", el("bdi", {}, what(chart)), `, ${unitOf(chart)}`)),
        el("p", {}, told, "."),
        figure({
            label: `${where(chart)}, ${what(chart)}, run by run: ${told}. The table below has the same changes.`,
            draw: (width) => draw(history, chart, width),
            alternatives: [["The same as a table", () => changeTable(history, "Changes of this series", rowsOf(chart))]],
        }));
}

function finding(each) {
    const word = each.status === "better" ? "better" : each.new ? "NEW, WORSE" : "worse";
    return el("li", { class: `finding ${each.status}${each.new ? " new" : ""}`, dir: "auto" },
        el("strong", {}, `${word}: `), `${each.sentence}${each.status === "worse" && !each.stands ? "; made good since" : ""}.`);
}

function inWords(history) {
    if (history.runs === 0) return "The history has no runs.";
    const span = `${plural(history.runs, "run")} from ${day(history.first)} to ${day(history.last)}`;
    if (history.series === 0) return `None of what is reported here was measured in the history's ${span}.`;
    const of = `what is reported here: ${plural(history.series, "series", "series")} in ${span}`;
    return history.findings.length === 0 ? `Nothing has changed in ${of}.`
        : `${plural(history.findings.length + history.findings_left_out, "thing has", "things have")} changed in ${of}.`;
}

function parts(all) {
    return el("ul", {}, all.slice(0, 20).map(({ sentence }) => el("li", { dir: "auto" }, sentence)),
        all.length > 20 && el("li", {}, `and ${count(all.length - 20)} more`));
}

export function history(run, first, runs, { history: past }) {
    if (!past) return null;
    const shown = past.charts.slice(0, SHOWN), folded = past.charts.slice(SHOWN);
    return [
        el("p", { class: "words" }, inWords(past)),
        past.not_measured.series > 0 && el("div", { class: "missing" },
            el("p", {}, el("strong", { class: "bad" }, "NOT MEASURED"), ` in the history's last run, ${past.last_run_id}: ${count(past.not_measured.series)} of the `
                + `${plural(past.not_measured.of, "series", "series")} that the run of its suite before it has, ${past.not_measured.earlier_run_id}.`),
            parts(past.not_measured.parts)),
        past.not_measured.gone > 0 && el("div", { class: "note" },
            el("p", {}, `Gone for longer: ${count(past.not_measured.gone)} series that runs of the last run's suite measured before, `
                + `the last time in ${past.not_measured.gone_run_id}.`),
            parts(past.not_measured.gone_parts)),
        past.findings.length > 0 && el("ol", { class: "findings" }, past.findings.map(finding)),
        past.findings_left_out > 0 && el("p", { class: "note" }, `${count(past.findings_left_out)} earlier ones are told by railgauge history trend.`),
        past.absent.length > 0 && el("p", { class: "note" }, `Not in the history: ${past.absent.join(", ")}; railgauge history add puts runs in.`),
        shown.length > 0 && key([{ label: "a run's median", colour: "var(--line-0)", symbol: "circle" },
            { label: "level", colour: "var(--ink)" }, { label: "got worse", colour: "var(--baseline)", dash: "4,3" },
            { label: "got better", colour: "var(--pass)", dash: "4,3" }]),
        shown.length > 0 && el("div", { class: "many" }, shown.map((chart) => picture(past, chart))),
        folded.length > 0 && details(`${count(folded.length)} more series that changed`, () => el("div", { class: "many" }, folded.map((chart) => picture(past, chart)))),
        past.charts.length > 0 && details("All changes as a table", () => changeTable(past, "Changes by series, the worst first", past.charts.flatMap(rowsOf))),
        past.charts_left_out > 0 && el("p", { class: "note" }, `${plural(past.charts_left_out, "more series", "more series")} changed; railgauge history trend has them all.`),
        el("p", { class: "made" }, "History ", name(past.name), "; a figure is the median of what a run measured. Changes by the change-point model of Hawkins, Qiu and Kang (2003). "
            + `Axes do not begin at zero.${past.runs > past.began.length && past.began.length > 0 ? ` The latest ${count(past.began.length)} runs are drawn.` : ""}`),
    ];
}
