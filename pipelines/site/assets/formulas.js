// The formulas of the calculators. Each is that of cost_engine which its comment names; a test holds
// them equal. The page brings the figures of cost_engine with its prices.
((given) => {
  "use strict";
  const f = given;
  const formulas = {
    // cost_engine.compute.training_flops [FLOP]
    training_flops: (parameters, tokens) => f.flops_per_parameter_token * parameters * tokens,
    // cost_engine.compute.optimal_parameters_and_tokens, twenty tokens a parameter
    optimal_parameters: (flops) =>
      Math.sqrt(flops / f.flops_per_parameter_token / f.tokens_per_parameter),
    // cost_engine.training.planning.goodput_at [1]
    goodput_at(gpu_count) {
      const between = 1 / (gpu_count * f.faults_per_gpu_hour);
      const interval = Math.sqrt(2 * f.checkpoint_hours * between);
      const lost = f.checkpoint_hours / interval + (interval / 2 + f.restart_hours) / between;
      return Math.min(Math.max(1 - lost, 0.05), 1);
    },
    // cost_engine.compute.gpu_hours [GPU h]
    gpu_hours: (flops, peak, utilisation, goodput) =>
      flops / (peak * utilisation) / f.seconds_per_hour / goodput,
    // cost_engine.training.planning.plan
    training_plan(flops, gpu_count, peak, utilisation, usd_per_gpu_hour) {
      const goodput = formulas.goodput_at(gpu_count);
      const hours = formulas.gpu_hours(flops, peak, utilisation, goodput);
      return { gpu_hours: hours, days: hours / gpu_count / f.hours_per_day, usd: usd_per_gpu_hour * hours };
    },
    // cost_engine.prices.reservation_multiplier [1]
    reservation_multiplier(commitment_months, job_months, resale) {
      const terms = Math.ceil(job_months / commitment_months * (1 - f.rounding));
      const unused = Math.max(terms * commitment_months - job_months, 0);
      return (job_months + unused * (1 - resale)) / job_months;
    },
    // cost_engine.prices.break_even_months [month]; infinite where reserving never wins
    break_even_months(commitment_months, reserved, on_demand, resale) {
      if (reserved >= on_demand) return Infinity;
      return reserved * commitment_months * (1 - resale) / (on_demand - reserved * resale);
    },
    // cost_engine.serving.cost.provisioned_usd_per_million_tokens, of input and output tokens a day [USD / d]
    serving_usd_per_day: (usd_per_1k_input, usd_per_1k_output, input_tokens, output_tokens, fleet_utilisation) =>
      (usd_per_1k_input * input_tokens + usd_per_1k_output * output_tokens) / f.thousand / fleet_utilisation,
    // cost_engine.lifecycle.serving_usd_per_month [USD / month]: one replica is always on
    serving_usd_per_month: (usd_per_day, usd_per_replica_hour) =>
      Math.max(usd_per_day * f.days_per_month, usd_per_replica_hour * f.hours_per_month),
    // cost_engine.serving.cost.break_even_tokens_per_day [token / d]
    break_even_tokens_per_day: (usd_per_gpu_hour, gpu_count, usd_per_million_tokens_bought) =>
      usd_per_gpu_hour * gpu_count * f.hours_per_day / usd_per_million_tokens_bought * f.million,
    // cost_engine.ownership.at_size
    at_size(sizes, values, gpu_count) {
      const last = sizes.length - 1;
      if (gpu_count <= sizes[0]) return values[0];
      if (gpu_count >= sizes[last]) return values[last];
      const next = sizes.findIndex((size) => size > gpu_count);
      const share = Math.log(gpu_count / sizes[next - 1]) / Math.log(sizes[next] / sizes[next - 1]);
      return values[next - 1] * (values[next] / values[next - 1]) ** share;
    },
    // cost_engine.ownership.Ownership: `own` has its fields
    owned_fixed_usd_per_year(own, gpu_count) {
      const cluster = own.purchase_usd / (1 - own.network_fraction);
      const growth = (1 + own.interest_fraction) ** own.lifetime_years;
      const present = cluster * (1 - own.residual_fraction / growth);
      const factor = growth > 1
        ? own.interest_fraction / (1 - 1 / growth) : 1 / own.lifetime_years;
      const kilowatts = own.board_power_watts / f.watts_per_kilowatt * own.server_power_ratio;
      return present * factor + own.team_usd_per_gpu_year + own.team_usd_per_year / gpu_count
        + kilowatts * own.space_usd_per_kilowatt_month * f.months_per_year
        + cluster * own.maintenance_fraction;
    },
    owned_power_usd_per_year(own, busy) {
      const kilowatts = own.board_power_watts / f.watts_per_kilowatt * own.server_power_ratio;
      const draw = busy * own.average_power_fraction + (1 - busy) * own.idle_power_fraction;
      return kilowatts * own.pue * draw * f.hours_per_year * own.usd_per_kwh;
    },
    owned_usd_per_gpu_hour: (own, gpu_count, busy) =>
      (formulas.owned_fixed_usd_per_year(own, gpu_count) + formulas.owned_power_usd_per_year(own, busy))
      / (f.hours_per_year * busy),
    break_even_utilisation(own, rent, gpu_count) {
      const idle = formulas.owned_fixed_usd_per_year(own, gpu_count) + formulas.owned_power_usd_per_year(own, 0);
      const work = formulas.owned_power_usd_per_year(own, 1) - formulas.owned_power_usd_per_year(own, 0);
      const margin = rent * f.hours_per_year - work;
      return margin > 0 ? idle / margin : Infinity;
    },
  };
  // A number such as 70B, 1.5T, 3e25, 1,500; NaN where it is none. A comma sets thousands apart and
  // is no decimal point: 1,5 is no number.
  formulas.amount = (text) => {
    const [, number, suffix] = /^(\d+\.?\d*(?:E[+-]?\d+)?|\.\d+)([KMBT]?)$/
      .exec(String(text).trim().toUpperCase().replaceAll("_", "")
        .replace(/(?<=^\d{1,3}(?:,\d{3})*),(?=\d{3}(?!\d))/g, "")) || [];
    return number === undefined ? NaN : Number(number) * ({ K: 1e3, M: 1e6, B: 1e9, T: 1e12 }[suffix] || 1);
  };
  if (typeof module === "object") module.exports = formulas; else window.truecostFormulas = formulas;
})(typeof module === "object" ? JSON.parse(process.env.TRUECOST_FIGURES) : JSON.parse(document.getElementById("calculators-data").textContent).figures);
