"use strict";
const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.classList.contains("fixed")) return;
    const numeric = head.classList.contains("number");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = numeric ? "descending" : "ascending";
      const other = numeric ? "ascending" : "descending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      sort(table.tBodies[0], column, numeric, order === "ascending" ? 1 : -1);
    });
  });
}

function sort(body, column, numeric, sign) {
  const rows = [...body.rows].map(row => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return { row, value: numeric ? parseFloat(text) : text };
  });
  const absent = value => numeric ? Number.isNaN(value) : value === "";
  rows.sort((a, b) => {
    // What has no value is last in both directions.
    if (absent(a.value) || absent(b.value)) return absent(a.value) - absent(b.value);
    return sign * (numeric ? a.value - b.value : collator.compare(a.value, b.value));
  });
  body.append(...rows.map(({ row }) => row));
}

function searchable(form) {
  const table = document.getElementById(form.dataset.table);
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map(row => [row, plain(row.cells[0].textContent)]));
  const [query, choice, status] = ["input", "select", "[role=status]"].map(name => form.querySelector(name));
  const update = () => {
    const words = plain(query.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every(word => texts.get(row).includes(word))
        && (!choice.value || row.dataset.is.split(" ").includes(choice.value));
      row.hidden = !fits;
      shown += fits;
    }
    status.textContent = `${shown} of ${rows.length} shown`;
  };
  form.addEventListener("input", update);
  form.hidden = false;
  update();
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll(".search").forEach(searchable);
