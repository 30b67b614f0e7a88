// How far from healthy: five classes and two states, in colours that go from quiet to loud and differ in lightness.
import { percent, known } from "./words.js";

// Bounds follow what the run counts as a loss at all, so that noise of software devices does not shout.
export function scaleOf(run) {
    const loss = run.least_loss_percent / 100;
    const bounds = [1 - loss, 1 - 2 * loss, 1 - 4 * loss].filter((bound) => bound > 0.05);
    const classes = [];
    bounds.forEach((bound, at) => classes.push({
        least: bound, fill: `var(--heat-${at})`, ink: `var(--heat-ink-${at})`,
        label: at === 0 ? `healthy: ${percent(bound)} or more of a healthy flow` : `${percent(bound)} or more`,
    }));
    classes.push({ least: 1e-9, fill: "var(--heat-3)", ink: "var(--heat-ink-3)",
        label: `less than ${percent(bounds[bounds.length - 1])}` });
    classes.push({ least: -Infinity, fill: "var(--heat-4)", ink: "var(--heat-ink-4)", label: "nothing gets through intact" });
    const none = { fill: "var(--heat-none)", ink: "var(--muted)", label: "not measured" };
    return { classes, none, of: (share) => (known(share) ? classes.find((each) => share >= each.least) : none) };
}

// The share of a healthy flow that a point's value comes to; of latencies the other way round. -1 stands for failed.
export function shareOf(point, value) {
    if (!known(value)) return null;
    if (point.up) return point.healthy > 0 ? value / point.healthy : 0;
    return value <= 0 ? 0 : Math.min(point.healthy / value, 9.99);
}
