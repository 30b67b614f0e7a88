"use strict";
const { test, expect } = require("@playwright/test");
const { readFileSync, statSync } = require("node:fs");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { at, hostile, judged, nights, run, verdict } = require("./runs.js");

// Whatever the page asks of the network, and whatever it complains of.
async function open(page, name) {
    const faults = [];
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("request", (request) => request.url().startsWith("file:") || faults.push(request.url()));
    await page.goto(`file://${at(`${name}.html`)}`);
    await expect(page.locator("html[data-ready=yes]")).toHaveCount(1);
    await expect(page.locator("#fleet .picture svg")).toHaveCount(1);
    return faults;
}

const cells = (page, section) => page.locator(`#${section} svg g[data-mark="cell"] rect`);

// What the text under the pointer says of each cell, row by row.
async function heat(page) {
    await page.locator("#fleet summary").click();
    return page.locator("#fleet table tbody tr").evaluateAll((rows) => Object.fromEntries(rows.map((row) =>
        [row.cells[0].textContent, [...row.cells].slice(1).map((cell) => cell.textContent)])));
}

test("the verdict and each suspect stand there word by word as in verdict.json", async ({ page }) => {
    const faults = await open(page, "ill");
    const { summary, suspects } = verdict("ill");
    expect(suspects.length).toBe(2);
    await expect(page.locator("#sentence")).toHaveText(summary);
    await expect(page.locator(".verdict .word")).toContainText("FAIL");
    await expect(page.locator(".suspect")).toHaveCount(2);
    for (const [index, suspect] of suspects.entries()) {
        const card = page.locator(".suspect").nth(index);
        await expect(card).toContainText(suspect.sentence);
        await expect(card).toContainText(`${suspect.flows_short} of ${suspect.flows_short + suspect.flows_well} flows`);
        await expect(card).toContainText("condemned");
        await card.locator("summary").click();
        await expect(card.locator("tbody tr")).toHaveCount(suspect.evidence.length);
        await expect(card.locator("tbody tr").first()).toContainText(`${suspect.evidence[0].from_node} r${suspect.evidence[0].from_rail}`);
    }
    expect(faults).toEqual([]);
});

test("a run that is well says so, and suspects nobody", async ({ page }) => {
    await open(page, "well");
    await expect(page.locator(".verdict .word")).toContainText("PASS");
    await expect(page.locator("#suspects")).toContainText("No part of the fabric is suspected");
    await expect(page.locator("#fleet .words")).toContainText("All 48 NICs that were measured are healthy");
});

test("the heat map has a cell a rail, and tells how much each gives", async ({ page }) => {
    await open(page, "ill");
    await expect(cells(page, "fleet")).toHaveCount(12 * 4);
    const rows = await heat(page);
    expect(Object.keys(rows)).toHaveLength(12);
    expect(Object.keys(rows).slice(0, 2)).toEqual(["sim002", "sim007"]);
    expect(rows.sim002[0]).toBe("0r");
    expect(rows.sim007[3]).toMatch(/^(79|80|81)t$/);
    for (const [node, values] of Object.entries(rows))
        values.forEach((value, rail) => {
            if (!(node === "sim002" && rail === 0) && !(node === "sim007" && rail === 3)) expect(Number.parseInt(value)).toBeGreaterThan(96);
        });
    await page.locator("#fleet select").nth(1).selectOption("rx");
    await expect(page.locator("#fleet .words")).toContainText("1 NIC of 48 has");
});

for (const name of ["ill", "few"]) test(`the heat map is that of the text report: ${name}`, async ({ page }) => {
    await open(page, name);
    const text = judged("compare", at(name)).split("\n").filter((line) => /^ {2}sim\d+ {2}/.test(line) && !/[>,]/.test(line));
    const rows = Object.entries(await heat(page)).map(([node, values]) => [node, ...values].join(" "));
    expect(rows).toEqual(text.map((line) => line.trim().split(/\s+/).join(" ")));
});

test("data that arrive damaged are nothing, however fast they came", async ({ page }) => {
    await open(page, "few");
    await expect(page.locator("#fleet .words")).toHaveText(
        "2 NICs of 32 have less than a healthy flow: sim003 rail 2 (nothing intact, sending), sim005 rail 1 (nothing intact, receiving).");
    await expect(page.locator("#pairs .words")).toContainText(/In [0-9]+ pairs the worst flow falls short/);
    await page.locator("#pairs summary").first().click();
    await expect(page.locator("#pairs table tbody tr").filter({ hasText: "sim003 r2 →" }).first()).toContainText("nothing intact");
    await expect(page.locator(".suspect").filter({ hasText: "data damaged" })).not.toContainText("healthy flow");
});

test("the matrix of pairs and the slowest flows name who sends to whom", async ({ page }) => {
    await open(page, "ill");
    const { points } = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).runs[0]);
    await expect(cells(page, "pairs")).toHaveCount(points[0].pairs.filter((value) => value !== null).length);
    await page.locator("#pairs summary").first().click();
    await expect(page.locator("#pairs table tbody tr").first()).toContainText(/r0 → sim002 r0nothing intact/);
});

test("bandwidth, latency and how they were made are told with their units", async ({ page }) => {
    await open(page, "ill");
    await expect(page.locator("#bandwidth .key")).toContainText("ceiling");
    await page.locator("#bandwidth .choice select").selectOption("0");
    await expect(page.locator("#bandwidth .made")).toContainText("window 0.2 s");
    await page.locator("#bandwidth summary").click();
    const row = page.locator("#bandwidth table tbody tr").first();
    await expect(row).toContainText("rdma_write_bw, one way, 8 queue pairs");
    await expect(row).toContainText("320"); // the machine's threshold
    await expect(page.locator("#latency .words")).toContainText(/half of the samples take [0-9.]+ µs or less/);
    await expect(page.locator('#latency .picture g[data-mark="line"] path').first()).toBeVisible();
});

test("of two runs each can be chosen, and is held against the first", async ({ page }) => {
    const faults = await open(page, "both");
    await expect(page).toHaveTitle("Two <nights> & a day");
    await expect(page.locator("h1")).toHaveText("Two <nights> & a day");
    await expect(page.locator("#runs tbody").first().locator("tr")).toHaveCount(2);
    await expect(page.locator("#sentence")).toHaveText(verdict("ill").summary);
    await expect(page.locator("#runs")).toContainText("least ");
    await page.locator(".bar select").selectOption("1");
    await expect(page.locator("#sentence")).toHaveText(verdict("well").summary);
    await expect(page.locator("#verdict")).toContainText("This is one of 2 runs. Another does not pass: " + verdict("ill").run_id);
    await expect(page.locator("#bandwidth .key")).toContainText("first run");
    await expect(page.locator("#environment")).toContainText("Nothing recorded differs from the first run");
    expect(faults).toEqual([]);
});

test("collectives, expectations, faults, damage and counters of a run on soft-RoCE are there", async ({ page }) => {
    const faults = await open(page, "soft");
    await expect(page.locator(".banner")).toContainText("SOFT-RoCE");
    await expect(page.locator("#collectives")).toContainText("0.07864");
    await expect(page.locator("#bandwidth")).toContainText("377.5");
    await expect(page.locator("#congestion .words")).toContainText("node-b sends on rail 1, has a p99 of 5.5 times what it has alone");
    await expect(page.locator("#congestion tbody tr")).toContainText("3 → 12 µs");
    await expect(page.locator("#expectations tbody tr")).toHaveCount(3);
    await expect(page.locator("#expectations tbody tr").first()).toContainText("node-b receives, all rails");
    await expect(page.locator("#expectations tbody tr").first()).toContainText("≥ 188.2");
    await expect(page.locator("#wrong")).toContainText("Damaged data");
    await expect(page.locator("#counters")).toContainText("41 packets out of sequence");
    await expect(page.locator(".suspect")).toContainText("41 packets out of sequence (rail 1)");
    await expect(page.locator("#environment")).toContainText("All nodes and rails are alike");
    await expect(page.locator("#copies .words")).toContainText("gpu_copy");
    await expect(page.locator("#bandwidth")).not.toContainText("gpu_copy");
    expect(faults).toEqual([]);
});

const told = (name) => JSON.parse(judged("history", "trend", "--db", at(`${name}.db`), "--format", "json"));

test("the history tells what changed word by word as railgauge history trend does, with what differed", async ({ page }) => {
    const faults = await open(page, "nights");
    const { findings, series } = told("nights");
    expect(findings.length).toBe(2);
    await expect(page.locator("#history .words")).toContainText(`2 things have changed in what is reported here: ${series} series in ${nights.count} runs from 2026-01-01 to 2026-02-17`);
    await expect(page.locator("#history .finding")).toHaveCount(2);
    for (const [index, { sentence }] of findings.entries()) await expect(page.locator("#history .finding").nth(index)).toContainText(`${sentence}.`);
    await expect(page.locator("#history .finding").first()).toContainText("NEW, WORSE: since 2026-02-14 sim001 rail 1 receives");
    await expect(page.locator("#history .finding").first()).toContainText("the NIC's firmware went from 28.44.1036 to 28.45.1200");
    expect(faults).toEqual([]);
});

test("each series that changed has a picture, the worst of each thing that happened first and the rest folded, with date, size and interval", async ({ page }) => {
    await open(page, "nights");
    const { findings } = told("nights"), changes = findings.flatMap((finding) => finding.changes);
    await expect(page.locator("#history .series")).toHaveCount(6);
    const heads = page.locator("#history .series h3");
    await expect(heads.nth(0)).toContainText("rail 0");
    await expect(heads.nth(1)).toContainText("sim001 rail 1 receives rdma_write_bw, one way, 8 queue pairs, 64 KiB, Gb/s");
    const drawn = page.locator("#history .series").nth(1);
    const change = changes.find((each) => each.node === "sim001" && each.rail === 1 && each.test === "rdma_write_bw" && each.size_bytes === 65536);
    const size = `−${Math.abs(change.percent).toFixed(1)} %`;
    await expect(drawn.locator("p").first()).toContainText(`${size} (−${Math.abs(change.low_percent).toFixed(1)} to −${Math.abs(change.high_percent).toFixed(1)} %) since 2026-02-14`);
    await expect(drawn.locator("svg")).toContainText(`2026-02-14 ${size}`);
    await expect(drawn.locator('svg g[data-mark="dot"] circle')).toHaveCount(nights.count);
    await expect(drawn.locator('svg g[data-mark="rule"] line')).toHaveCount(1);
    await expect(drawn.locator('svg g[data-mark="link"] path')).toHaveCount(2);
    await page.locator("#history > details").first().locator("summary").first().click();
    await expect(page.locator("#history .series")).toHaveCount(changes.length);
    await page.locator("#history > details").last().locator("summary").first().click();
    const rows = page.locator("#history > details").last().locator("tbody tr");
    await expect(rows).toHaveCount(changes.length);
    await expect(rows.filter({ hasText: "sim001 rail 1 receives" }).filter({ hasText: "64 KiB" }).filter({ hasText: "8 queue pairs" })).toContainText(`the NIC's firmware 28.44.1036 → 28.45.1200, there and on ${findings[0].environment[0].elsewhere} others that did not change`);
});

test("what the last run did not measure is told before what changed, by part, as in railgauge history trend", async ({ page }) => {
    const faults = await open(page, "lacking");
    const { not_measured: gaps } = told("lacking");
    expect(gaps.parts.length).toBeGreaterThan(0);
    const block = page.locator("#history .missing");
    await expect(block.locator("p")).toContainText("NOT MEASURED in the history's last run, ");
    await expect(block.locator("p")).toContainText(`: ${gaps.series} of the ${gaps.of} series that the run of its suite before it has, ${gaps.earlier_run_id}.`);
    await expect(block.locator("li")).toHaveText(gaps.parts.slice(0, 20).map(({ sentence }) => sentence));
    await expect(block.locator("li").first()).toContainText("all of sim003");
    await open(page, "nights");
    await expect(page.locator("#history .missing")).toHaveCount(0);
    expect(faults).toEqual([]);
});

test("what is missing since longer is told with the run that had it last", async ({ page }) => {
    await open(page, "gone");
    const { not_measured: gaps } = told("gone");
    expect(gaps.gone).toBeGreaterThan(0);
    await expect(page.locator("#history .missing")).toHaveCount(0);
    await expect(page.locator("#history")).toContainText(`Gone for longer: ${gaps.gone} series that runs of the last run's suite measured before, the last time in ${gaps.gone_run_id}.`);
    await open(page, "lacking");
    await expect(page.locator("#history")).not.toContainText("Gone for longer");
});

test("the odd ones out among nodes are told word by word as in the text report", async ({ page }) => {
    await open(page, "lacking");
    const [head] = judged("compare", at("lacking", "02")).split("\n\n");
    const warned = head.replace(/\n(?!warning: )/g, " ").split("\nwarning: ").slice(1);
    await expect(page.locator("#verdict .odd li")).toHaveText(warned);
    await expect(page.locator("#verdict .odd li")).toHaveText([/^NIC firmware differs: 28\.39\.1002 on sim001 rail 1, 28\.44\.1036 on 5 of 6 rails$/]);
    await open(page, "well");
    await expect(page.locator("#verdict .odd")).toHaveCount(0);
});

test("a run that no history knows says so, and one without --db has no such section", async ({ page }) => {
    await open(page, "unknown");
    await expect(page.locator("#history")).toContainText(`Not in the history: ${verdict("well").run_id}`);
    await open(page, "well");
    await expect(page.locator("#history")).toHaveCount(0);
});

test("markup in names of a history's nodes stays text", async ({ page }) => {
    const faults = await open(page, "evil-nights");
    await page.evaluate(() => document.querySelectorAll("#history details").forEach((each) => { each.open = true; }));
    await expect(page.locator("#history .finding").first()).toContainText(`since 2026-02-14 ${hostile[1]} rail 1 receives`);
    await expect(page.locator("#history .series h3 bdi.name").nth(1)).toHaveText(`${hostile[1]} rail 1 receives`);
    expect(await page.locator("script").count()).toBe(2);
    expect(await page.locator("img").count()).toBe(0);
    await expect(page).toHaveTitle(/^railgauge: no verdict/);
    expect(faults).toEqual([]);
});

test("the plan has the numbers of railgauge plan, its model with residuals, and marks what is beyond the measured", async ({ page }) => {
    const faults = await open(page, "plan");
    const forecast = JSON.parse(run("plan", at("smaller"), at("small"), "--format", "json"));
    expect(await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).plan)).toEqual(forecast);
    const [fit] = forecast.fits, section = page.locator("#plan .fit").first();
    await expect(page.locator("#plan .note").first()).toContainText("Not hardware: simulated fabric");
    await expect(section.locator("p.words")).toHaveText(fit.sentence);
    const row = (at) => section.locator("table").first().locator("tbody tr").nth(at);
    for (const [index, p] of fit.projections.entries()) {
        await expect(row(index)).toContainText((p.node_gbps / 1e3).toPrecision(4));
        await expect(row(index)).toContainText(`${p.efficiency_percent.toFixed(1)} %`);
        await expect(row(index)).toContainText(p.nodes_beyond > 1 ? `${p.nodes_beyond} × nodes` : p.nodes_beyond < 1 ? `1/${1 / p.nodes_beyond} × nodes` : "within");
    }
    await expect(section.locator('svg g[data-mark="dot"]').nth(0).locator("circle")).toHaveCount(1); // 2 nodes were measured,
    await expect(section.locator('svg g[data-mark="dot"]').nth(1).locator("circle")).toHaveCount(2); // 16 and 256 were not
    await expect(section.locator('svg g[data-mark="dot"]').nth(2).locator("path, circle")).toHaveCount(2);
    await expect(section).toContainText(`residuals: deviation ${Number(fit.deviation_percent.toPrecision(4))} %`);
    await expect(section).toContainText("b = 10.74 µs a MiB (");
    await section.locator("summary").click();
    await expect(section.locator("details tbody tr")).toHaveCount(fit.points.length);
    await expect(page.locator("#plan")).toContainText(`${forecast.left_out[0]}`);
    expect(faults).toEqual([]);
});

test("of runs that let one plan nothing, the section says why", async ({ page }) => {
    await open(page, "ill");
    await expect(page.locator("#plan")).toContainText("No plan: a plan needs runs at two or more numbers of nodes, and this run has 12");
});

for (const which of [0, 1, 2])
    test(`markup in names of nodes stays text: ${JSON.stringify(hostile[2 * which])}`, async ({ page }) => {
        const faults = await open(page, `hostile-${which}`);
        const [a, b] = hostile.slice(2 * which, 2 * which + 2);
        await expect(page).toHaveTitle(/^railgauge: fail, run 2026/);
        expect(await page.locator("#sentence").textContent()).toBe(b);
        expect(await page.locator(".suspect h3 bdi").textContent()).toBe(a);
        expect(await page.locator(".suspect p").textContent()).toBe(a);
        await page.evaluate(() => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
        await expect(page.locator("#fleet tbody th").first()).toBeVisible();
        expect((await page.locator("#fleet tbody th").allTextContents()).sort()).toEqual([a, b].sort());
        expect(await page.locator("script").count()).toBe(2);
        expect(await page.locator("img").count()).toBe(0);
        expect(faults).toEqual([]);
    });

test("across the top of a simulated run stands that it is one", async ({ page }) => {
    await open(page, "ill");
    const banner = page.locator(".banner");
    await expect(banner).toContainText("SIMULATED");
    await expect(banner).toContainText("simulated fabric");
    expect((await banner.boundingBox()).y).toBe(0);
    expect((await banner.boundingBox()).width).toBe(1280);
});

test("the policy lets no script but the page's own run, and nothing be fetched", async ({ page }) => {
    await open(page, "ill");
    const tried = await page.evaluate(async () => {
        document.body.append(Object.assign(document.createElement("script"), { textContent: "window.owned = true" }));
        const fetched = await fetch("https://127.0.0.1:1/").then(() => "fetched", (error) => error.name);
        return [window.owned ?? "stopped", fetched];
    });
    expect(tried).toEqual(["stopped", "TypeError"]);
    expect(await page.locator("meta[http-equiv]").getAttribute("content")).toMatch(/^default-src 'none'; script-src 'sha256-/);
});

for (const theme of ["light", "dark"])
    for (const name of ["both", "soft", "fleet", "nights", "plan"])
        test(`axe finds nothing serious in ${name}, ${theme}`, async ({ browser }) => {
            // axe works on its own copy of the page, past the policy.
            const context = await browser.newContext({ colorScheme: theme, bypassCSP: true, offline: true });
            const page = await context.newPage();
            await open(page, name);
            if (name !== "fleet") await page.evaluate(() => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
            await page.addScriptTag({ content: axe });
            const found = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
            const bad = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
            expect(bad.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`)}`)).toEqual([]);
            await context.close();
        });

test("every control is reached and moved by the keyboard alone", async ({ page }) => {
    await open(page, "nights");
    await page.locator("#history > details").last().locator("summary").first().focus();
    await page.keyboard.press("Enter");
    await expect(page.locator("#history > details").last().locator("table")).toBeVisible();
    await open(page, "both");
    const wanted = await page.evaluate(() => document.querySelectorAll("a[href], select, button, summary").length);
    const reached = new Set();
    for (let i = 0; i < 3 * wanted; i++) {
        await page.keyboard.press("Tab");
        const [kind, index] = await page.evaluate(() => {
            const all = [...document.querySelectorAll("a[href], select, button, summary")];
            return [document.activeElement.tagName, all.indexOf(document.activeElement)];
        });
        if (index >= 0) reached.add(index);
        if (kind === "BODY") break;
    }
    expect(reached.size).toBe(wanted);
    await page.locator("#fleet summary").focus();
    await page.keyboard.press("Enter");
    await expect(page.locator("#fleet table")).toBeVisible();
    await page.locator("#fleet select").nth(1).focus();
    await page.keyboard.press("ArrowDown");
    await expect(page.locator("#fleet select").nth(1)).toHaveValue("tx");
});

for (const name of ["both", "nights", "plan"])
    test(`pictures have a name for screen readers and a table beside them: ${name}`, async ({ page }) => {
        await open(page, name);
        for (const figure of await page.locator("figure").all()) {
            await expect(figure.locator(".picture svg")).toHaveAttribute("role", "img");
            expect((await figure.locator(".picture svg").getAttribute("aria-label")).length).toBeGreaterThan(20);
            if (await figure.locator("summary").count() > 0) await figure.locator("summary").first().click();
            await expect(figure.locator("table").or(figure.locator("xpath=following-sibling::div[1]//table")).first()).toBeVisible();
        }
    });

test("the theme follows the system and can be turned over", async ({ page }) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "light" });
    await open(page, "ill");
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.getByRole("button", { name: "Light theme" }).click();
    expect(await ground()).toBe(light);
    await page.getByRole("button", { name: "Dark theme" }).click();
    expect(await ground()).toBe(dark);
});

test("on paper it is light, without controls, and keeps its warning", async ({ page }) => {
    await page.emulateMedia({ colorScheme: "dark", media: "print" });
    await open(page, "both");
    await expect(page.locator("nav")).toBeHidden();
    await expect(page.locator(".controls").first()).toBeHidden();
    await expect(page.locator(".banner")).toBeVisible();
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
    const pages = (await page.pdf({ format: "A4" })).toString("latin1").match(/\/Type \/Page\b/g).length;
    expect(pages).toBeGreaterThan(2);
    expect(pages).toBeLessThan(16);
    await open(page, "nights");
    await expect(page.locator("#history .series svg").first()).toBeVisible();
    await expect(page.locator("#history > details").first()).toBeHidden();
});

test("nothing sticks out of a phone's screen", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 800 });
    for (const name of ["both", "soft", "fleet", "hostile-0", "nights", "evil-nights", "plan"]) {
        await open(page, name);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
});

test("512 nodes of 8 rails stay below 5 MB and paint in less than 2 s", async ({ page }) => {
    expect(statSync(at("fleet.html")).size).toBeLessThan(5e6);
    await open(page, "fleet");
    await expect(cells(page, "fleet")).toHaveCount(512 * 8);
    const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
    expect(painted).toBeLessThan(2000);
    await expect(page.locator("#fleet .words")).toContainText("sim017 rail 3 (80");
});

test("without scripts the verdict can still be read", async ({ browser }) => {
    const context = await browser.newContext({ javaScriptEnabled: false, offline: true });
    const page = await context.newPage();
    await page.goto(`file://${at("ill.html")}`);
    expect(await page.locator("noscript").innerText()).toContain(verdict("ill").summary);
    await context.close();
});
