// Presets and columns of a table. Both stand in the address.
(() => {
  "use strict";
  const { all, state, keep, remember, say, sort, filterTables, columnOf } = window.truecost;
  const isNarrow = matchMedia("(max-width: 600px)").matches;
  const ON_PHONES = 2; // columns of a preset beside the fixed ones

  for (const box of all(".choose")) {
    const table = document.getElementById(box.dataset.for + "-table");
    if (!table) continue;
    const fixed = table.dataset.fixed.split(" ");
    const inOrder = [...table.tBodies[0].rows];
    const buttons = all("button[name=preset]", box), boxes = all(".columns input", box);

    function showColumns(keys) {
      const shown = new Set([...fixed, ...keys]);
      for (const head of table.tHead.rows[0].cells) {
        const isHidden = !shown.has(head.querySelector("button").dataset.key);
        head.hidden = isHidden;
        for (const row of table.tBodies[0].rows) row.cells[head.cellIndex].hidden = isHidden;
      }
      boxes.forEach((one) => { one.checked = shown.has(one.value); });
    }
    const usual = (button) => {
      const keys = button.dataset.columns.split(" ");
      return isNarrow ? keys.slice(0, ON_PHONES) : keys;
    };
    function take(button) {
      table.dataset.preset = button.value;
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      showColumns(usual(button));
      const [key, direction] = button.dataset.order.split(":");
      if (key && !state.has(box.dataset.for + ".sort")) {
        sort(table, columnOf(table, key), direction);
      } else if (!state.has(box.dataset.for + ".sort")) {
        all("th", table).forEach((head) => head.removeAttribute("aria-sort"));
        table.tBodies[0].append(...inOrder);
      }
      filterTables();
    }
    for (const button of buttons) {
      button.addEventListener("click", () => {
        keep("preset", button.value, buttons[0].value);
        state.delete("columns");
        state.delete(box.dataset.for + ".sort");
        take(button);
        remember();
      });
    }
    boxes.forEach((one) => one.addEventListener("change", () => {
      const keys = boxes.filter((other) => other.checked).map((other) => other.value);
      showColumns(keys);
      state.set("columns", keys.join(","));
      remember();
    }));

    const asked = state.get("preset");
    const known = buttons.find((button) => button.value === asked);
    if (asked !== null && !known) {
      say(`The address asks for the preset "${asked}", which this page does not have; it shows all.`);
    }
    take(known || buttons[0]);
    if (state.has("columns")) {
      const keys = state.get("columns").split(",").filter(Boolean);
      const strange = keys.filter((key) => !boxes.some((one) => one.value === key));
      if (strange.length) say(`The address asks for the column "${strange[0]}", which this table does not have.`);
      showColumns(keys);
    }
  }
})();
