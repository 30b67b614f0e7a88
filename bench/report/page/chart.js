// What every picture has: words first, then the picture, how its figures were made, and the same as a table.
import { el, details, freshId } from "./dom.js";

// draw(width) gives an SVG; it is called again when there is more or less room. aria-label is what a screen reader says
// instead of the picture; made is how the figures came about.
export function figure({ label, draw, made, legend, alternatives }) {
    const body = el("div", { class: "picture" });
    let drawn = 0;
    const show = (width) => {
        if (Math.abs(width - drawn) < 8 || width < 50) return;
        drawn = width;
        const svg = draw(Math.min(width, 1200));
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", label);
        for (const group of svg.querySelectorAll("[aria-label], [aria-roledescription]")) {
            group.dataset.mark = group.getAttribute("aria-label");
            group.removeAttribute("aria-label");
        }
        body.replaceChildren(svg);
    };
    new ResizeObserver(([entry]) => show(entry.contentRect.width)).observe(body);
    return el("figure", {}, legend, body,
        el("figcaption", {}, made && el("p", { class: "made" }, made)),
        (alternatives ?? []).map(([summary, make]) => details(summary, make)));
}

// Lines are told apart by colour, by dash and by the shape of their points.
export const lineColours = [0, 1, 2, 3, 4, 5].map((at) => `var(--line-${at})`);
export const symbols = ["circle", "square", "triangle", "diamond", "star", "wye"];
const shapes = {
    circle: "M0,-4.5A4.5,4.5 0 1 1 0,4.5A4.5,4.5 0 1 1 0,-4.5Z", square: "M-4,-4H4V4H-4Z", triangle: "M0,-5L5,4H-5Z",
    diamond: "M0,-5.5L4,0L0,5.5L-4,0Z", star: "M0,-5.5L1.6,-1.8L5.3,-1.7L2.3,0.7L3.3,4.4L0,2.3L-3.3,4.4L-2.3,0.7L-5.3,-1.7L-1.6,-1.8Z",
    wye: "M-1.5,5V0.5L-5,-2L-3.5,-4.5L0,-2.2L3.5,-4.5L5,-2L1.5,0.5V5Z",
};

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
}

// A key as a list of words, each beside a small picture of its mark: {label, colour, symbol, dash, fill}.
export function key(entries) {
    return el("ul", { class: "key" }, entries.map(({ label, colour, symbol, dash, fill }) => {
        const picture = svg("svg", { width: 28, height: 14, viewBox: "0 0 28 14", "aria-hidden": "true" });
        if (fill) picture.append(svg("rect", { x: 5, y: 0.5, width: 18, height: 13, rx: 2, style: `fill:${fill}`,
            class: "swatch" }));
        else picture.append(svg("path", { d: "M1,7H27", style: `stroke:${colour};stroke-width:2;fill:none`,
            "stroke-dasharray": dash ?? "none" }));
        if (symbol) {
            const shape = svg("g", { transform: "translate(14,7)" });
            shape.append(svg("path", { d: shapes[symbol], style: `fill:${colour}` }));
            picture.append(shape);
        }
        return el("li", {}, picture, " ", label);
    }));
}

// Panels beside each other of which one is shown.
export function chosen(controls, make) {
    const id = freshId("chosen");
    const body = el("div", { id, class: "chosen" });
    const state = {};
    const show = () => body.replaceChildren(...[make(state)].flat(Infinity).filter(Boolean));
    const bar = el("div", { class: "controls" });
    for (const [field, first, build] of controls) {
        state[field] = first;
        bar.append(build((value) => {
            state[field] = value;
            show();
        }));
    }
    show();
    return [controls.length > 0 ? bar : null, body];
}
