// Picks cells of a comparison: by a click or the space bar, whole rows and columns by
// the buttons at their heads. Arrow keys move from cell to cell.
const table = document.querySelector("#matrix table");
if (table) {
  const picks = [...table.querySelectorAll(".pick")];
  const go = document.getElementById("go");
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));
  const pressed = (button) => button.getAttribute("aria-pressed") === "true";
  const column = (button) => button.closest("td, th").cellIndex;
  const count = () => {
    const number = picks.filter(pressed).length;
    document.getElementById("number").textContent = number;
    go.disabled = number === 0;
  };
  // All of them, or none if all were picked already; hidden rows stay as they are.
  const toggle = (buttons) => {
    const seen = buttons.filter((button) => !button.closest("tr").hidden);
    const on = !seen.every(pressed);
    for (const button of seen) {
      press(button, on);
    }
    count();
  };
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) {
      return;
    }
    if (button.classList.contains("pick")) {
      press(button, !pressed(button));
      count();
    } else if (button.classList.contains("pick-row")) {
      toggle([...button.closest("tr").querySelectorAll(".pick")]);
    } else if (button.classList.contains("pick-column")) {
      toggle(picks.filter((pick) => column(pick) === column(button)));
    } else {
      toggle(picks);
    }
  });
  // One stop for the tabulator key; from there on the arrow keys lead.
  const stops = [...table.querySelectorAll("button")];
  const step = (from, across, down) => {
    const rows = [...table.rows].filter((row) => !row.hidden);
    let [x, y] = [column(from), rows.indexOf(from.closest("tr"))];
    const last = rows[0].cells.length;
    for (;;) {
      [x, y] = [x + across, y + down];
      if (x < 0 || y < 0 || x >= last || y >= rows.length) {
        return null;
      }
      const found = rows[y].cells[x].querySelector("button");
      if (found) {
        return found;
      }
    }
  };
  const ways = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  };
  table.addEventListener("keydown", (event) => {
    const way = ways[event.key];
    const from = event.target.closest("button");
    const to = way && from && step(from, ...way);
    if (to) {
      event.preventDefault();
      to.focus();
    }
  });
  table.addEventListener("focusin", (event) => {
    for (const stop of stops) {
      stop.tabIndex = stop === event.target ? 0 : -1;
    }
  });
  document.getElementById("none").addEventListener("click", () => {
    for (const pick of picks) {
      press(pick, false);
    }
    count();
  });
  document.getElementById("copy").addEventListener("submit", () => {
    const heads = table.tHead.rows[0].cells;
    const sites = new Map();
    for (const pick of picks.filter(pressed)) {
      const site = heads[column(pick)].dataset.site;
      const row = encodeURIComponent(pick.closest("tr").dataset.row);
      sites.set(site, [...(sites.get(site) ?? []), row]);
    }
    const lines = [...sites].map(([site, rows]) => `${site} ${rows.join(",")}`);
    document.getElementById("picked").value = lines.join("\n");
  });
  count();
}
