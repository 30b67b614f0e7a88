// Elements. Whatever comes from a document becomes a text node or an attribute, never markup.

export function el(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

// A name from a document, kept from reordering the text around it.
export const name = (text) => el("bdi", { class: "name" }, text);

let ids = 0;
export const freshId = (stem) => `${stem}-${++ids}`;

// A choice of one of [value, label]s that calls back; arrow keys and Tab reach it as any select.
export function choice(label, options, chosen, onchange) {
    const id = freshId("choice");
    const select = el("select", { id, onchange: () => onchange(select.value) },
        options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)));
    return el("span", { class: "choice" }, el("label", { for: id }, label), select);
}

// Columns: {head, cell(row), number, wide}; wide is for sentences. A caption says what it shows.
export function table(caption, columns, rows, attributes) {
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        el("table", attributes ?? {},
            el("caption", {}, caption),
            el("thead", {}, el("tr", {},
                columns.map((column) => el("th", { scope: "col", class: column.number && "number" }, column.head)))),
            el("tbody", {}, rows.map((row) => el("tr", { class: row.rowClass },
                columns.map((column, at) => el(at === 0 && !column.number ? "th" : "td",
                    { scope: at === 0 && !column.number ? "row" : null,
                        class: column.number ? "number" : column.wide ? "wide" : null },
                    column.cell(row))))))));
}

// Opened, it makes its content; printing opens nothing.
export function details(summary, make) {
    const box = el("details", {}, el("summary", {}, summary));
    box.addEventListener("toggle", () => {
        if (box.open && box.childElementCount === 1) box.append(make());
    });
    return box;
}
