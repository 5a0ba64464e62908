// Sorting, filtering, units, downloads and charts. Every state stands in the address.
(() => {
  "use strict";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const state = new URLSearchParams(location.search);
  const form = document.querySelector(".filters");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const units = {
    hour: [["hour", 1, "USD/GPU-h", "USD/h"], ["month", 730.5, "USD/GPU-month", "USD/month"]],
    tokens: [["1M", 1, "USD/1M tok"], ["1k", 0.001, "USD/1k tok"]],
  };
  document.documentElement.classList.add("js");

  // What the address asks for and the page does not have: the default is shown, and said to be.
  function say(text) {
    const line = Object.assign(document.createElement("p"), { className: "say", textContent: text });
    line.setAttribute("role", "status");
    document.querySelector("h1").before(line);
  }

  const remember = () => {
    const query = state.toString();
    history.replaceState(null, "", location.pathname + (query ? "?" + query : "") + location.hash);
  };
  const keep = (key, value, usual = "") => {
    if (value === usual) state.delete(key); else state.set(key, value);
  };
  const chosen = () => all("select", form || document.createElement("i"))
    .map((one) => [one.name, one.value]).filter(([, value]) => value !== "");

  // As figure() in numbers.py: three significant digits, thousands set apart.
  const figure = (number) => {
    if (!number) return "0";
    const power = Math.floor(Math.log10(Math.abs(Number(number.toPrecision(3)))));
    if (power < -4) return number.toExponential(2);
    const digits = Math.max(0, 2 - power);
    return Number(number.toPrecision(3)).toLocaleString("en-US",
      { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };

  const folded = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  function filterTables() {
    const wanted = chosen(), find = form?.elements.find.value || "";
    const words = find.split(/\s+/).map(folded).filter(Boolean);
    for (const row of all("main tbody tr")) {
      const kept = wanted.every(([name, value]) => {
        const attribute = "data-" + name.replaceAll("_", "-");
        return !row.hasAttribute(attribute) || row.getAttribute(attribute) === value;
      });
      const preset = row.closest("table").dataset.preset;
      const isIn = !preset || row.dataset.presets.split(" ").includes(preset);
      const text = words.length ? folded(row.textContent) : "";
      row.hidden = !kept || !isIn || !words.every((word) => text.includes(word));
    }
    retitle();
  }

  // A title that readers narrowed is made of the rows that it shows: how many, from which to which
  // price. With nothing narrowed it is the finding that the page came with.
  const isNarrowed = () => form !== null && (form.elements.find.value !== ""
    || all("select", form).some((one) => one.value !== one.dataset.default));
  function retitle() {
    for (const section of all("main section")) {
      const table = section.querySelector("table"), chart = section.querySelector(".chart");
      const head = section.querySelector("h2 .anchor") || section.querySelector("h2");
      head.usual ??= [...head.childNodes];
      let title = null;
      if (table) {
        const rows = [...table.tBodies[0].rows], shown = rows.filter((row) => !row.hidden);
        const isOther = isNarrowed() || (table.dataset.preset || "all") !== "all";
        if (isOther && shown.length < rows.length) title = counted(table, shown, rows.length);
      } else if (chart && isNarrowed()) {
        const { kept, rows } = marks(chart.dataset.chart);
        if (kept.length < rows.length) title = `${kept.length} of ${rows.length} marks for this choice`;
      }
      if (title === null) head.replaceChildren(...head.usual); else head.textContent = title;
    }
    const head = document.querySelector("h1 .anchor");
    head.usual ??= [...head.childNodes];
    if (isNarrowed() && form.dataset.name) head.textContent = `${form.dataset.name}, narrowed`;
    else head.replaceChildren(...head.usual);
  }
  function counted(table, shown, all_) {
    const noun = table.dataset.noun;
    const count = `${figureOfCount(shown.length)} of ${figureOfCount(all_)} ${noun}${all_ === 1 ? "" : "s"}`;
    const key = table.dataset.measure;
    const index = key ? columnOf(table, key) : -1;
    const values = index < 0 ? [] : shown.map((row) => valueOf(row.cells[index]))
      .filter((value) => value !== "").map(Number);
    if (!values.length) return count;
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => "$" + figure(value));
    return low === high ? `${count}: ${low}` : `${count}: ${low} to ${high}`;
  }
  const figureOfCount = (number) => number.toLocaleString("en-US");
  const columnOf = (table, key) => [...table.tHead.rows[0].cells]
    .findIndex((cell) => cell.querySelector("button").dataset.key === key);
  function valueOf(cell) {
    if (cell.querySelector(".none")) return "";
    const text = cell.textContent.trim(), bare = text.replaceAll(",", "");
    return cell.dataset.v ?? (bare !== "" && !isNaN(bare) ? bare : text);
  }

  // On phones the first price stands beside the first column, which is pinned.
  if (matchMedia("(max-width: 600px)").matches) {
    for (const table of all("main table")) {
      const index = [...table.tHead.rows[0].cells].findIndex((head) => /USD/.test(head.textContent));
      if (index < 2) continue;
      for (const row of table.rows) row.cells[0].after(row.cells[index]);
    }
  }

  function sort(table, index, direction) {
    const heads = all("thead th", table), body = table.tBodies[0];
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[index].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [valueOf(row.cells[index]), row]);
    const numeric = rows.every(([text]) => text === "" || !isNaN(text));
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (numeric ? a - b : a.localeCompare(b));
    });
    body.append(...rows.map(([, row]) => row));
  }

  all("main table").forEach((table) => all("thead th button", table).forEach((button, index) => {
    const key = table.id.replace(/-table$/, "") + ".sort";
    button.addEventListener("click", () => {
      const now = button.parentElement.getAttribute("aria-sort");
      const next = now === "ascending" ? "descending" : "ascending";
      sort(table, index, next);
      keep(key, button.dataset.key + ":" + next);
      remember();
    });
    const [column, direction] = (state.get(key) || "").split(":");
    if (column === button.dataset.key && /^(as|des)cending$/.test(direction)) {
      sort(table, index, direction);
    }
  }));

  function setUnit(kind, name) {
    const unit = units[kind].find(([known]) => known === name) || units[kind][0];
    for (const small of all(`small[data-unit="${kind}"]`)) {
      small.dataset.usual ??= small.textContent;
      const other = small.dataset.usual === "USD/h" ? 3 : 2;
      small.textContent = unit[0] === units[kind][0][0] ? small.dataset.usual : unit[other];
      const head = small.closest("th"), index = [...head.parentElement.children].indexOf(head);
      for (const row of head.closest("table").tBodies[0].rows) {
        const cell = row.cells[index];
        if (!cell.dataset.v || cell.querySelector(".none")) continue;
        (cell.querySelector("a") || cell).textContent = figure(cell.dataset.v * unit[1]);
        for (const end of all("[data-v]", cell)) end.textContent = figure(end.dataset.v * unit[1]);
      }
    }
    all(`button[data-unit-kind="${kind}"]`).forEach((one) =>
      one.setAttribute("aria-pressed", String(one.value === unit[0])));
  }
  for (const kind of Object.keys(units)) {
    if (!form || !document.querySelector(`small[data-unit="${kind}"]`)) continue;
    const group = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.textContent = "prices in tables";
    group.append(legend);
    for (const [name, , words] of units[kind]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", value: name });
      button.textContent = words + (name === "month" ? " (730.5 h)" : "");
      button.dataset.unitKind = kind;
      button.addEventListener("click", () => {
        setUnit(kind, name);
        keep(kind, name, units[kind][0][0]);
        remember();
      });
      group.append(button);
    }
    form.querySelector(".units").append(group);
    setUnit(kind, state.get(kind));
  }

  // What a mark does not have, its tooltip does not say.
  const tip = (value, sanitize) => "<table>" + Object.entries(value)
    .filter(([, text]) => !["", "null", "undefined", "NaN"].includes(String(text)))
    .map(([name, text]) => `<tr><td class="key">${sanitize(name)}</td><td>${sanitize(text)}</td></tr>`)
    .join("") + "</table>";
  const views = new Map();
  function marks(id) {
    const { spec, columns, rows: cells } = JSON.parse(document.getElementById(id + "-data").textContent);
    const rows = cells.map((row) => Object.fromEntries(
      row.map((value, place) => [columns[place], value]).filter(([, value]) => value !== null)));
    const wanted = Object.entries({ ...spec.usermeta?.usual, ...Object.fromEntries(chosen()) });
    const kept = rows.filter((row) => wanted.every(([name, value]) =>
      !(name in row) || String(row[name]) === value));
    return { spec, rows, kept };
  }
  async function draw(figureBox) {
    const id = figureBox.dataset.chart;
    const { spec, kept } = marks(id);
    const drawn = kept.some((row) => row.part !== "line" && row.part !== "fit");
    if (!drawn) {
      views.get(id)?.finalize();
      figureBox.textContent = "No marks for this choice of filters.";
      return;
    }
    // A layer of marks that the filters left none of would have nothing to scale.
    spec.layer = spec.layer?.filter((layer) => {
      const [, name, value] = /datum\.(\w+) == '(\w+)'/.exec(JSON.stringify(layer.transform)) || [];
      return !name || kept.some((row) => row[name] === value);
    });
    const each = spec.usermeta?.heightOfEach;
    if (each) spec.height *= Math.max(2, new Set(kept.map((row) => row[each]).filter(Boolean)).size);
    const theme = structuredClone(window.truecostTheme[dark.matches ? "dark" : "light"]);
    // Where legends do not fit side by side, they stand one under the other.
    if (figureBox.clientWidth < 960) {
      Object.assign(theme.legend.layout.top, { direction: "vertical", margin: 8 });
    }
    if (figureBox.clientWidth < 600) {
      theme.legend.columns = 2;
      theme.axis.labelLimit = 140;
    }
    const result = await vegaEmbed(figureBox, { ...spec, datasets: { rows: kept } }, {
      actions: false, renderer: "svg", ast: true, config: theme, defaultStyle: false,
      tooltip: { disableDefaultStyle: true, theme: "none", formatTooltip: tip },
    });
    views.get(id)?.finalize();
    views.set(id, result.view);
  }

  // With the arrows readers go from mark to mark of a chart that has the focus; each is read out.
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.(".chart"), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!box || !step) return;
    const found = all('.role-mark [role="graphics-symbol"][aria-label]', box);
    if (!found.length) return;
    event.preventDefault();
    const place = found.findIndex((mark) => mark.classList.contains("read-out"));
    const next = place < 0 ? (step > 0 ? 0 : found.length - 1) : (place + step + found.length) % found.length;
    found[place]?.classList.remove("read-out");
    found[next].classList.add("read-out");
    const line = box.parentElement.querySelector(".read");
    line.textContent = `${next + 1} of ${found.length}. ${found[next].getAttribute("aria-label")}`;
  });
  const drawAll = () => all(".chart").forEach((box) => box.dataset.drawn && draw(box));
  const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting || entry.target.dataset.drawn) return;
    entry.target.dataset.drawn = "yes";
    draw(entry.target);
  }), { rootMargin: "600px" });
  dark.addEventListener("change", drawAll);

  if (form) {
    for (const one of all("select", form)) {
      const wanted = state.has(one.name) ? state.get(one.name) : one.dataset.default;
      const isKnown = [...one.options].some((option) => option.value === wanted);
      one.value = isKnown ? wanted : one.dataset.default;
      if (!isKnown) {
        say(`The address asks for ${one.name} "${wanted}", which this page does not have; it shows the default.`);
      }
    }
    form.elements.find.value = state.get("find") || "";
    const changed = (event) => {
      all("select", form).forEach((one) => keep(one.name, one.value, one.dataset.default));
      keep("find", form.elements.find.value);
      remember();
      filterTables();
      if (event.target.name !== "find") drawAll();
    };
    form.addEventListener("input", changed);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      location.assign(location.pathname);
    });
    filterTables();
  }
  all(".chart").forEach((box) => seen.observe(box));

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* no clipboard here */ }
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy], button[data-picture], button[data-embed]");
    if (!button) return;
    if (button.dataset.copy || button.dataset.embed) {
      const usual = button.textContent;
      const text = button.dataset.embed ? frameOf(button.dataset.embed)
        : document.getElementById(button.dataset.copy).textContent;
      button.textContent = await copy(text) ? "Copied" : "Not copied: open the query";
      setTimeout(() => { button.textContent = usual; }, 2000);
      return;
    }
    const view = views.get(button.dataset.picture);
    if (!view) return;
    const svg = await picture(view, button.closest("section"));
    const link = document.createElement("a");
    const isPng = button.dataset.name.endsWith(".png");
    const address = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
    link.href = isPng ? await png(address) : address;
    link.download = button.dataset.name;
    link.click();
  });

  // The lines with which another page shows one part of this one, as it is chosen here.
  function frameOf(id) {
    const chosenHere = new URLSearchParams(state);
    chosenHere.set("embed", id);
    const frame = document.createElement("iframe");
    Object.entries({
      src: `${location.href.split(/[?#]/)[0]}?${chosenHere}`, width: "100%", height: 640, loading: "lazy",
      title: document.querySelector(`#${id} h2`).textContent.replace(/\s*#\s*$/, ""),
    }).forEach(([name, value]) => frame.setAttribute(name, value));
    return frame.outerHTML;
  }
  if (state.has("embed")) {
    const id = state.get("embed"), part = all("main section").find((one) => one.id === id);
    if (part) {
      document.documentElement.classList.add("embedded");
      part.classList.add("kept");
      const line = Object.assign(document.createElement("p"), { className: "basis" });
      const link = Object.assign(document.createElement("a"), { target: "_blank", rel: "noopener" });
      const others = new URLSearchParams(state);
      others.delete("embed");
      link.href = `${location.pathname}?${others}#${id}`;
      link.textContent = document.querySelector("[data-citation]").textContent;
      line.append(link, " CC BY 4.0; sources keep their own licences.");
      part.append(line);
    } else {
      say(`The address asks for the part "${id}", which this page does not have; it shows the whole page.`);
    }
  }

  // A chart with what it needs outside its page: the finding, the basis, where it is from, the licence.
  async function picture(view, section) {
    const chart = new DOMParser().parseFromString(await view.toSVG(), "image/svg+xml").documentElement;
    const width = Number(chart.getAttribute("width")), height = Number(chart.getAttribute("height"));
    const ink = getComputedStyle(document.body), SVG = chart.namespaceURI;
    const made = document.createElementNS(SVG, "svg");
    let y = 8;
    const write = (text, size, weight) => {
      const longest = Math.floor((width - 16) / (size * 0.56));
      const lines = text.replace(/\s+/g, " ").trim().split(" ").reduce((kept, word) => {
        const last = kept.at(-1);
        if (last !== undefined && (last + word).length < longest) kept[kept.length - 1] = last + " " + word;
        else kept.push(word);
        return kept;
      }, []);
      for (const line of lines) {
        const element = document.createElementNS(SVG, "text");
        y += size * 1.35;
        Object.entries({ x: 8, y, "font-size": size, "font-weight": weight, "font-family": ink.fontFamily, fill: ink.color })
          .forEach(([name, value]) => element.setAttribute(name, value));
        element.textContent = line;
        made.append(element);
      }
    };
    write(section.querySelector("h2").textContent.replace(/#\s*$/, ""), 16, 600);
    write(section.querySelector(".basis")?.textContent || "", 11, 400);
    chart.setAttribute("y", y + 8);
    made.append(chart);
    y += height + 8;
    write(document.querySelector("[data-citation]").textContent + " CC BY 4.0; sources keep their own licences.", 10, 400);
    const ground = document.createElementNS(SVG, "rect");
    Object.entries({ width: "100%", height: "100%", fill: ink.backgroundColor })
      .forEach(([name, value]) => ground.setAttribute(name, value));
    made.prepend(ground);
    Object.entries({ width, height: y + 12, viewBox: `0 0 ${width} ${y + 12}` })
      .forEach(([name, value]) => made.setAttribute(name, value));
    return new XMLSerializer().serializeToString(made);
  }
  async function png(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  }

  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const details = target && target.closest("details");
    if (details) details.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  // The link of a number leads to the query of its block; here narrowed to this number alone.
  const literal = (value) => value === null ? "is null"
    : typeof value === "string" ? `= '${value.replaceAll("'", "''")}'` : `= ${value}`;
  function cite(anchor) {
    const cell = anchor.closest("td"), row = anchor.closest("[data-k]");
    const target = document.getElementById(anchor.hash.slice(1));
    const block = target ? target.closest("section").id : "";
    const table = document.getElementById(block + "-table");
    if (!row || !table) return "";
    const names = table.dataset.keys.split(" "), key = JSON.parse(row.dataset.k);
    const column = anchor.dataset.column
      || table.tHead.rows[0].cells[cell.cellIndex].querySelector("button").dataset.key;
    const query = document.getElementById(block + "-query");
    const details = query.closest("details"), id = block + "-number";
    const code = document.getElementById(id) || document.createElement("code");
    if (!code.id) {
      code.id = id;
      const say = document.createElement("p"), pre = document.createElement("pre");
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.textContent = "Copy SQL";
      button.dataset.copy = id;
      say.className = "basis";
      pre.tabIndex = 0;
      pre.append(code);
      details.querySelector("summary").after(say, pre, button);
    }
    const say = code.parentElement.previousElementSibling;
    say.textContent = `The query of the number ${anchor.textContent} (${column}) alone; below it that of all.`;
    code.textContent = `select "${column}"\nfrom (\n${query.textContent}\n)\nwhere `
      + names.map((name, place) => `"${name}" ${literal(key[place])}`).join("\n    and ");
    all(".cited").forEach((one) => one.classList.remove("cited"));
    (cell || anchor).classList.add("cited");
    details.open = true;
    return [block, column, row.dataset.k].join("|");
  }
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest("[data-k] a[href^='#']");
    const number = anchor && !event.ctrlKey && !event.metaKey && cite(anchor);
    if (!number) return;
    event.preventDefault();
    state.set("number", number);
    history.pushState(null, "", location.pathname + "?" + state + anchor.hash);
    const pre = document.getElementById(number.split("|")[0] + "-number").parentElement;
    pre.focus({ preventScroll: true });
    pre.closest("details").scrollIntoView({ block: "nearest" });
  });
  const [block, column, ...key] = (state.get("number") || "").split("|");
  const row = key.length && all("[data-k]").find((one) => one.dataset.k === key.join("|"));
  if (row) {
    all("a[href^='#']", row).find((one) => cite(one).startsWith(block + "|" + column + "|"));
  }

  window.truecost = { all, state, keep, remember, say, sort, filterTables, columnOf };
})();
