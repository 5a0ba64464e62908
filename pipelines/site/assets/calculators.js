// The calculators: forms in, a figure with its interval out. Formulas are in formulas.js.
(() => {
  "use strict";
  const { all, state, keep, remember, say } = window.truecost;
  const formulas = window.truecostFormulas;
  const data = JSON.parse(document.getElementById("calculators-data").textContent);
  const sets_known = data.sets.rows.map((row) => Object.fromEntries(
    row.map((value, place) => [data.sets.columns[place], value])));
  const gpus = new Map(data.gpus.map((row) => [row.gpu_id, row]));

  const scales = [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"]];
  const figure = (value) => {
    const power = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))));
    if (power < -4) return value.toExponential(2);
    const digits = Math.max(0, 2 - power);
    return Number(value.toPrecision(3)).toLocaleString("en-US",
      { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  const scaled = (value) => {
    if (!value) return "0";
    if (value >= 1e16) return value.toExponential(2).replace("e+", "e");
    const [by, word] = scales.find(([from]) => Math.abs(value) >= from) || [1, ""];
    return figure(value / by) + word;
  };
  const usd = (value) => "$" + scaled(value);

  // Each returns the rows of an answer: [what, central, low, high, unit], and how to ask elsewhere.
  const price = (given) => {
    const gpu = gpus.get(given.gpu);
    return given.price === null ? [gpu.usd_per_gpu_hour, gpu.low, gpu.high] : [given.price, given.price, given.price];
  };
  const basis = (given) => given.price === null
    ? `Price: middle of ${gpus.get(given.gpu).provider_count} US neoclouds on ${gpus.get(given.gpu).day}; interval: 80 % of what the next seller asks.`
    : "Price: as given, without an interval.";
  const own_price = (given) => given.price === null ? "" : ` --price ${given.price}`;
  const calculators = {
    training(given) {
      const peak = gpus.get(given.gpu).flops_per_second;
      const flops = given.flops ?? formulas.training_flops(given.parameters, given.tokens);
      const [plan, low, high] = price(given).map((each) =>
        formulas.training_plan(flops, given.gpus, peak, given.utilisation, each));
      const size = given.flops === null ? `--params ${given.parameters} --tokens ${given.tokens}` : `--flops ${given.flops}`;
      const work = given.flops === null ? `${given.parameters}, ${given.tokens}` : `${given.flops} / 6, 1`;
      return {
        rows: [["cost of the run", plan.usd, low.usd, high.usd, "USD"], ["length", plan.days, null, null, "days"],
          ["work", plan.gpu_hours, null, null, "GPU-hours"], ["compute", flops, null, null, "FLOP"]],
        basis: basis(given) + ` Lost time on ${given.gpus} GPUs: ${figure(100 * (1 - formulas.goodput_at(given.gpus)))} %.`,
        command: `truecost train ${size} --gpu ${given.gpu} -n ${given.gpus} --utilisation-fraction ${given.utilisation}${own_price(given)}`,
        sql: `select training_usd(${work}, '${given.gpu}', ${given.utilisation},\n    goodput_fraction := ${formulas.goodput_at(given.gpus)}, usd_per_gpu_hour := ${price(given)[0]})`,
      };
    },
    budget(given) {
      const gpu = gpus.get(given.gpu);
      const [hours, most, least] = price(given).map((each) => given.budget / each);
      const flops = (each) => each * data.figures.seconds_per_hour * gpu.flops_per_second * given.utilisation;
      const sizes = [hours, least, most].map((each) => formulas.optimal_parameters(flops(each)));
      const fixed = [hours, least, most];
      return {
        rows: [["GPU-hours", ...fixed, "GPU-hours"], ["parameters of the best model", ...sizes, "parameters"],
          ["tokens that it sees", data.figures.tokens_per_parameter * sizes[0], null, null, "tokens"]],
        basis: basis(given) + " Twenty tokens a parameter; no time is lost to faults.",
        command: `truecost train --budget ${given.budget} --gpu ${given.gpu} --utilisation-fraction ${given.utilisation}${own_price(given)}`,
        sql: `select ${given.budget} / ${price(given)[0]} as gpu_hours`,
      };
    },
    reservation(given) {
      const multiplier = formulas.reservation_multiplier(given.term, given.job, given.resale);
      const reserved = price(given).map((each) => each * (1 - given.discount));
      const months = formulas.break_even_months(given.term, reserved[0], price(given)[0], given.resale);
      return {
        rows: [["an hour that is used", ...reserved.map((each) => each * multiplier), "USD/GPU-hour"],
          ["an hour on demand", ...price(given), "USD/GPU-hour"],
          ["paid over used", multiplier, null, null, "times"],
          ["reserving is cheaper from", Number.isFinite(months) ? months : null, null, null, "months of work"]],
        basis: basis(given) + " The discount is taken off that price.",
        command: `truecost reserve --job-months ${given.job} --commitment-months ${given.term} --resale ${given.resale}`
          + ` --on-demand-price ${price(given)[0]} --reserved-price ${reserved[0]}`,
        sql: `select reservation_multiplier(${given.term}, ${given.job}, resale_fraction := ${given.resale})`,
      };
    },
    serving(given) {
      const sets = sets_known.filter((row) => row.model_id === given.model
        && row.service_level_id === given.level && (given.precision === "" || row.precision === given.precision));
      if (!sets.length) return { reason: "No set of GPUs with three providers serves this model so fast in this precision." };
      const costed = sets.map((row) => {
        const day = formulas.serving_usd_per_day(row.usd_per_1k_input_tokens, row.usd_per_1k_output_tokens,
          given.input, given.output, 1 / given.peak);
        const month = (share, each) => formulas.serving_usd_per_month(day * share, each * row.gpu_count);
        return { row, month: month(1, row.usd_per_gpu_hour),
          low: month(row.low_share, Math.min(row.usd_per_gpu_hour_low, row.usd_per_gpu_hour)),
          high: month(row.high_share, Math.max(row.usd_per_gpu_hour_high, row.usd_per_gpu_hour)) };
      }).sort((one, other) => one.month - other.month);
      const [{ row, month, low, high }] = costed, tokens = given.input + given.output;
      const million = (each) => each / data.figures.days_per_month / tokens * data.figures.million;
      const api = data.listed.find((one) => one.model_id === given.model);
      const asked = api && (api.usd_per_million_input_tokens * given.input
        + api.usd_per_million_output_tokens * given.output) / tokens;
      return {
        rows: [[`month on ${row.gpu_count} × ${data.names[row.gpu_id]}, ${row.precision}`, month, low, high, "USD"],
          ["a million tokens", million(month), million(low), million(high), "USD"],
          ...(asked ? [[`bought: median of ${api.provider_count} API providers`, asked, null, null, "USD per million tokens"],
            ["one replica breaks even at", formulas.break_even_tokens_per_day(row.usd_per_gpu_hour, row.gpu_count, asked),
              null, null, "tokens a day"]] : [])],
        basis: `${sets.length === 1 ? "The only set" : `Cheapest of ${sets.length} sets`} at the pace "${given.level}" (${figure(row.tokens_per_second_per_user)} tokens/s per user), speeds of requests as in chat, prices of ${row.day}; 80 % interval of price and speed. At least one replica is always on.`
          + (asked ? "" : " No API provider lists this model."),
        command: `truecost infer ${given.model} --gpu ${row.gpu_id} -n ${row.gpu_count} --precision ${row.precision} --fleet-utilisation-fraction ${Number((1 / given.peak).toPrecision(6))}`,
        sql: `select usd_per_1k_input_tokens, usd_per_1k_output_tokens, low, high\nfrom marts.inference_cost\nwhere model_id = '${row.model_id}' and gpu_id = '${row.gpu_id}' and gpu_count = ${row.gpu_count}\n    and precision = '${row.precision}' and workload = 'chat' and service_level_id = '${row.service_level_id}'\n    and purchase_model = 'on_demand' and is_default_basis`,
      };
    },
    owning(given) {
      const own = { ...data.own, ...given, board_power_watts: gpus.get(given.gpu).board_power_watts };
      for (const [name, { sizes, values }] of Object.entries(data.sized)) {
        own[name] = given[name] ?? formulas.at_size(sizes, values, given.gpus);
      }
      const hour = formulas.owned_usd_per_gpu_hour(own, given.gpus, given.utilisation);
      const rent = price(given);
      const even = rent.map((each) => formulas.break_even_utilisation(own, each, given.gpus));
      const reached = (share) => Number.isFinite(share) ? 100 * share : null;
      return {
        rows: [["an hour of work, owned", hour, null, null, "USD/GPU-hour"], ["an hour, rented", ...rent, "USD/GPU-hour"],
          ["owning is cheaper from", reached(even[0]), reached(even[2]), reached(even[1]), "% of the hours used"]],
        curve: { own, given, rent },
        basis: basis(given) + ` Price paid: ${usd(own.purchase_usd)} a GPU with its server; staff ${usd(own.team_usd_per_year)} a year; network ${figure(100 * own.network_fraction)} % of the cluster. Above 100 % owning is never cheaper. The interval is that of the rent; the command has that of owning, too.`,
        command: `truecost own-vs-rent --gpu ${given.gpu} -n ${given.gpus} --purchase-usd ${own.purchase_usd} --fleet-utilisation-fraction ${given.utilisation} --lifetime-years ${own.lifetime_years} --interest ${own.interest_fraction} --usd-per-kwh ${own.usd_per_kwh} --set pue=${own.pue} --set residual_fraction=${own.residual_fraction} --set purchase_price_factor=1 --set electricity_factor=1${given.team_usd_per_year === null ? "" : ` --set team_usd_per_year=${given.team_usd_per_year}`}${own_price(given)}`,
        sql: `select owned_usd_per_gpu_hour, low, high, break_even_utilisation_fraction\nfrom marts.own_vs_rent\nwhere gpu_id = '${given.gpu}' and gpu_count = ${given.gpus}`,
      };
    },
  };

  const SVG = "http://www.w3.org/2000/svg";
  function drawn(name, attributes, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }
  // The interval as a bar from low to high with a mark at the middle.
  function bar(central, low, high) {
    const picture = drawn("svg", { viewBox: "0 0 200 14", width: 200, height: 14, role: "img",
      "aria-label": `from ${scaled(low)} to ${scaled(high)}` });
    const place = (value) => 2 + 196 * value / (high * 1.02 || 1);
    picture.append(drawn("line", { x1: 2, x2: 198, y1: 7, y2: 7, class: "axis" }),
      drawn("rect", { x: place(low), width: Math.max(place(high) - place(low), 1), y: 3, height: 8, class: "band" }),
      drawn("circle", { cx: place(central), cy: 7, r: 3.5 }));
    return picture;
  }
  // Owned and rented cost of an hour of work, by the share of the hours that the GPUs work.
  function curve({ own, given, rent }) {
    const width = 420, height = 170, left = 44, low = 0.1;
    const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img",
      "aria-label": "Cost of an hour of work by utilisation: owned falls, rented stays" });
    const points = Array.from({ length: 46 }, (_, step) => low + step * 0.02);
    const costs = points.map((busy) => formulas.owned_usd_per_gpu_hour(own, given.gpus, busy));
    const top = Math.min(Math.max(...costs), 4 * Math.max(rent[2], costs.at(-1)));
    const x = (busy) => left + (width - left - 8) * (busy - low) / (1 - low);
    const y = (cost) => height - 24 - (height - 34) * Math.min(cost, top) / top;
    picture.append(
      drawn("rect", { x: left, y: y(rent[2]), width: width - left - 8, height: Math.max(y(rent[1]) - y(rent[2]), 1), class: "band" }),
      drawn("line", { x1: left, x2: width - 8, y1: y(rent[0]), y2: y(rent[0]), class: "rent" }),
      drawn("path", { d: points.map((busy, step) => `${step ? "L" : "M"}${x(busy).toFixed(1)} ${y(costs[step]).toFixed(1)}`).join("") }),
      drawn("text", { x: width - 10, y: y(rent[0]) - 4, "text-anchor": "end" }, "rented, 80 % interval"),
      drawn("text", { x: left + 4, y: 12 }, "owned"),
      ...[0, top / 2, top].map((cost) => drawn("text", { x: left - 4, y: y(cost) + 4, "text-anchor": "end" }, cost ? figure(cost) : "0")),
      ...[0.1, 0.5, 1].map((busy) => drawn("text", { x: x(busy), y: height - 8, "text-anchor": busy === 1 ? "end" : "middle" }, `${100 * busy} %`)));
    return picture;
  }

  function wrongIn(input, text) {
    if (text === "" && input.dataset.optional !== undefined) return "";
    const value = formulas.amount(text);
    const { least, most, whole, allowed } = input.dataset;
    const isWrong = Number.isNaN(value) || value < Number(least) || value > Number(most)
      || (whole !== undefined && !Number.isInteger(value));
    return isWrong ? `Allowed: ${allowed}.` : "";
  }
  function answer(form) {
    const given = {};
    let isWrong = false;
    for (const input of all("input, select", form)) {
      const text = input.value.trim();
      const wrong = input.tagName === "INPUT" ? wrongIn(input, text) : "";
      const note = input.parentElement.querySelector(".wrong");
      if (note) note.textContent = wrong;
      input.toggleAttribute("aria-invalid", wrong !== "");
      isWrong ||= wrong !== "";
      given[input.name] = input.tagName === "SELECT" ? text : text === "" ? null : formulas.amount(text);
    }
    const out = form.querySelector("output"), ways = form.querySelector(".ways");
    ways.hidden = true;
    if (isWrong) {
      out.replaceChildren(Object.assign(document.createElement("p"), { className: "missing", textContent: "Correct the marked field." }));
      return;
    }
    const found = calculators[form.dataset.calculator](given);
    if (found.reason) {
      out.replaceChildren(Object.assign(document.createElement("p"), { className: "missing", textContent: found.reason }));
      return;
    }
    const list = document.createElement("dl");
    for (const [what, central, low, high, unit] of found.rows) {
      const row = document.createElement("div"), name = document.createElement("dt"), value = document.createElement("dd");
      name.textContent = what;
      value.textContent = central === null ? "never" : `${scaled(central)} ${unit}`;
      if (central !== null && low !== null && low !== high) {
        const ends = document.createElement("small");
        ends.className = "between";
        ends.textContent = `${scaled(low)} to ${high === null ? "never" : scaled(high)}`;
        value.append(ends);
        if (high !== null) value.append(bar(central, low, high));
      }
      row.append(name, value);
      list.append(row);
    }
    const note = Object.assign(document.createElement("p"), { className: "basis", textContent: found.basis });
    out.replaceChildren(list, ...(found.curve ? [curve(found.curve)] : []), note);
    ways.hidden = false;
    form.querySelector("[data-way=command]").textContent = found.command;
    form.querySelector("[data-way=sql]").textContent = found.sql;
  }

  for (const form of all("form.calculator")) {
    for (const input of all("input, select", form)) {
      const key = `${form.dataset.calculator}.${input.name}`;
      input.dataset.usual = input.value;
      const asked = state.get(key);
      if (asked === null) continue;
      const isKnown = input.tagName === "SELECT"
        ? [...input.options].some((option) => option.value === asked) : wrongIn(input, asked) === "";
      if (isKnown) input.value = asked;
      else say(`The address asks for ${key} "${asked}", which cannot be; the default is shown.`);
    }
    form.addEventListener("input", (event) => {
      const input = event.target;
      keep(`${form.dataset.calculator}.${input.name}`, input.value, input.dataset.usual);
      remember();
      answer(form);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    answer(form);
  }
})();
