// The search: names of GPUs, models, providers and pairs, as people type them.
(() => {
  "use strict";
  // As plain() in warehouse/reference/gpu_names.py: a name without what distinguishes no cards.
  const NOISE = new Set(["nvidia", "amd", "intel", "google", "aws", "geforce", "tesla", "instinct", "tpu",
    "gpu", "tensor", "core", "generation", "edition"]);
  function plain(name) {
    const kept = [];
    for (let word of name.toLowerCase().match(/[a-z0-9]+/g) || []) {
      if (/^(hbm\d?e?|gddr\dx?)$/.test(word) || NOISE.has(word)) continue;
      word = word.replace(/(sxm|pcie)\d$/, "$1");
      kept.push(word.replace(/(\d)(gib|g)$/, "$1gb"));
    }
    return kept.join("").replace(/(\d)gib/g, "$1gb");
  }
  // 0: a name is the text; 1: one starts with it; 2: one has all of its words; 9: none.
  function rank(keys, text) {
    const whole = plain(text), words = text.split(/\s+/).map(plain).filter(Boolean);
    const spellings = keys.split(" ");
    if (whole && spellings.includes(whole)) return 0;
    if (whole && spellings.some((key) => key.startsWith(whole))) return 1;
    if (words.length && spellings.some((key) => words.every((word) => key.includes(word)))) return 2;
    return 9;
  }
  // The best first. Two names with "vs" between lead to the page of both.
  function found(names, text) {
    const bare = text.toLowerCase().replace(/[^a-z0-9]/g, "");
    const [one, other] = text.split(/\s+(?:vs\.?|versus|against|or|and)\s+/i);
    const place = ([label, , , keys]) => {
      const [a, b] = keys.split("|");
      if (b !== undefined) {
        if (!other) return 9;
        return Math.min(Math.max(rank(a, one), rank(b, other)), Math.max(rank(a, other), rank(b, one)));
      }
      const best = rank(keys, text);
      return best === 9 && bare && label.toLowerCase().replace(/[^a-z0-9]/g, "").includes(bare) ? 3 : best;
    };
    return names.map((name) => [place(name), name]).filter(([at]) => at < 9)
      .sort(([a, name], [b, next]) => a - b || name[0].length - next[0].length)
      .map(([, name]) => name);
  }
  if (typeof module === "object") {
    module.exports = { plain, found };
    return;
  }

  const SHOWN = 10;
  const form = document.querySelector("form.find"), box = form.elements.anything;
  const list = document.getElementById("found"), root = document.documentElement.dataset.root;
  form.hidden = false;
  let place = -1;
  function mark(next) {
    const options = [...list.querySelectorAll("[role=option]")];
    place = options.length ? (next + options.length) % options.length : -1;
    options.forEach((one, index) => one.setAttribute("aria-selected", String(index === place)));
    if (place >= 0) box.setAttribute("aria-activedescendant", options[place].id);
  }
  function show() {
    const text = box.value.trim();
    const names = text ? found(window.truecostNames, text).slice(0, SHOWN) : [];
    list.replaceChildren(...names.map(([label, kind, href], index) => {
      const option = document.createElement("li"), link = document.createElement("a");
      const small = document.createElement("small"), name = document.createElement("span");
      option.id = "found-" + index;
      option.setAttribute("role", "option");
      link.href = root + href;
      link.tabIndex = -1;
      name.textContent = label;
      small.textContent = kind;
      link.append(name, small);
      option.append(link);
      return option;
    }));
    if (text && !names.length) {
      const none = document.createElement("li");
      none.className = "missing";
      none.textContent = `No GPU, model, provider or pair is called "${text}".`;
      list.append(none);
    }
    list.hidden = !text;
    box.setAttribute("aria-expanded", String(Boolean(text)));
    mark(0);
  }
  box.addEventListener("input", show);
  box.addEventListener("focus", show);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(place + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Escape") {
      list.hidden = true;
      box.setAttribute("aria-expanded", "false");
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("[aria-selected=true] a")?.click();
  });
  document.addEventListener("click", (event) => {
    if (!form.contains(event.target)) list.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, select, textarea, [contenteditable]")) return;
    event.preventDefault();
    box.focus();
  });
})();
