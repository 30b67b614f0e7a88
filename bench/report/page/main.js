import { el, choice } from "./dom.js";
import { banner, verdict, suspects } from "./verdict.js";
import { sideBySide } from "./runs.js";
import { fleet } from "./fleet.js";
import { pairs } from "./pairs.js";
import { bandwidth, copies } from "./bandwidth.js";
import { latency } from "./latency.js";
import { congestion } from "./congestion.js";
import { collectives } from "./collectives.js";
import { expectations } from "./expectations.js";
import { history } from "./history.js";
import { plan } from "./plan.js";
import { wrong, counters } from "./beside.js";
import { environment, settings } from "./environment.js";

const data = JSON.parse(document.getElementById("data").textContent);
data.runs.forEach((run, at) => { run.odd = data.odd[at]; });

// The report, from top to bottom: an id, a title, and what makes the section's content of a run; null leaves it out.
const sections = [
    ["verdict", "Verdict", verdict],
    ["suspects", "Suspects", suspects],
    ["runs", "Runs side by side", sideBySide],
    ["fleet", "Nodes and rails", fleet],
    ["pairs", "Pairs of nodes", pairs],
    ["bandwidth", "Bandwidth", bandwidth],
    ["copies", "Copies by GPUs", copies],
    ["latency", "Latency", latency],
    ["congestion", "Congestion", congestion],
    ["collectives", "Collectives", collectives],
    ["expectations", "Expectations", expectations],
    ["history", "History", history],
    ["plan", "With more nodes", plan],
    ["wrong", "What went wrong", wrong],
    ["counters", "Counters", counters],
    ["environment", "Environment", environment],
    ["settings", "How it was measured", settings],
];

const system = matchMedia("(prefers-color-scheme: dark)");

function themeButton() {
    const dark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const label = () => (dark() ? "Light theme" : "Dark theme");
    const button = el("button", { type: "button", class: "theme", onclick: () => {
        document.documentElement.dataset.theme = dark() ? "light" : "dark";
        button.textContent = label();
    } }, label());
    system.onchange = () => { button.textContent = label(); };
    return button;
}

function render(chosen) {
    const run = data.runs[chosen];
    const first = chosen > 0 ? data.runs[0] : null; // what it is compared with
    const parts = [];
    for (const [id, title, make] of sections) {
        const content = make(run, first, data.runs, data);
        if (content)
            parts.push([title, el("section", { id, "aria-labelledby": `${id}-title` },
                el("h2", { id: `${id}-title` }, title), content)]);
    }
    const runChoice = data.runs.length < 2 ? null : choice("Run", data.runs.map((each, at) =>
        [at, `${each.run.run_id}${at === 0 ? " (first)" : ""}`]), chosen, (value) => {
        render(Number(value));
        document.querySelector(".bar select").focus();
    });
    document.getElementById("page").replaceChildren(
        el("a", { class: "skip", href: "#content" }, "Skip to the report"),
        banner(run),
        el("header", { class: "bar" },
            el("div", { class: "brand" }, "railgauge"), runChoice, themeButton()),
        el("div", { class: "columns" },
            el("nav", { "aria-label": "Sections" }, el("ul", {}, parts.map(([title, section]) =>
                el("li", {}, el("a", { href: `#${section.id}` }, title))))),
            el("main", { id: "content", tabindex: "-1" },
                el("h1", {}, data.title), parts.map(([, section]) => section))));
    document.documentElement.dataset.ready = "yes";
}

render(0);
