"use strict";
// The lesson's moving parts. Every number comes from the library, packed in the page; here rows are only picked,
// added, multiplied by weights and compared.
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const blueRed = [[0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1, "#b2182b"]];
  const config = JSON.parse(document.getElementById("plot-config").textContent).plain;
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const digits = (value, count) => value.toFixed(count).replace("-", "−");
  // Of a fixed color: heat maps are the same in both themes, so what is drawn on them must be too.
  const markColor = "#1a1d21";
  const redraws = [];

  function unpack(packed) {
    if (packed.rows) return packed.rows;
    const bytes = Uint8Array.from(atob(packed.base64), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const [height, width] = packed.shape;
    const unit = packed.step * packed.scale;
    packed.rows = Array.from({ length: height }, (_, i) =>
      Float64Array.from({ length: width }, (_, j) => view.getInt16(2 * (i * width + j), true) * unit));
    return packed.rows;
  }

  const plus = (a, b) => a.map((value, k) => value + b[k]);
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

  function product(weights, rows) {
    return weights.map((weight) => {
      const row = new Float64Array(rows[0].length);
      weight.forEach((share, k) => { if (share) rows[k].forEach((value, j) => { row[j] += share * value; }); });
      return row;
    });
  }

  // Cosines of every pair; centered ones are those of the library's reports.
  function cosines(rows, center) {
    const mean = new Float64Array(rows[0].length);
    if (center) rows.forEach((row) => row.forEach((value, k) => { mean[k] += value / rows.length; }));
    const moved = rows.map((row) => row.map((value, k) => value - mean[k]));
    const norms = moved.map((row) => Math.sqrt(dot(row, row)));
    // What is left of a row that equals the mean is the rounding of the packed numbers: it has no direction.
    const least = 1e-3 * Math.max(...norms);
    const units = moved.map((row, k) => (norms[k] > least ? row.map((value) => value / norms[k]) : row.fill(0)));
    return units.map((a) => units.map((b) => dot(a, b)));
  }

  function neighbors(similarity) {
    let sum = 0;
    for (let k = 1; k < similarity.length; k++) sum += similarity[k][k - 1];
    return sum / (similarity.length - 1);
  }

  function make(tag, parent, properties = {}, text = "") {
    const element = Object.assign(document.createElement(tag), properties);
    if (text) element.textContent = text;
    parent.append(element);
    return element;
  }

  function chooser(parent, name, options, onChange) {
    const label = make("label", parent, {}, name);
    const select = make("select", label);
    options.forEach(([value, text]) => make("option", select, { value }, text));
    select.addEventListener("change", onChange);
    return select;
  }

  function slider(parent, name, low, high, value, onChange) {
    const label = make("label", parent, {}, name);
    const input = make("input", label, { type: "range", min: low, max: high, step: 1 });
    const shown = make("output", label, {}, String(value));
    input.value = value;
    input.addEventListener("input", () => { shown.textContent = input.value; onChange(); });
    return input;
  }

  function plot(parent, title, kind) {
    const box = make("div", parent);
    make("h4", box, {}, title);
    return make("div", box, { className: kind, role: "img" });
  }

  function axis(title, more = {}) {
    return { title: { text: title, standoff: 6 }, gridcolor: style("--line"), linecolor: style("--line"),
      automargin: true, zeroline: false, ...more };
  }

  function heat(element, rows, options) {
    const { limit, xTitle, yTitle, label, text, x, y, square, marks = [] } = options;
    const trace = { type: "heatmap", z: rows.map((row) => Array.from(row)), x, y, zmin: -limit, zmax: limit,
      colorscale: blueRed, colorbar: { title: { text: label, side: "right" }, thickness: 12, len: 0.9 },
      hovertemplate: text };
    const side = square ? { scaleanchor: "x", constrain: "domain" } : {};
    const categories = typeof (y || [])[0] === "string";
    const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { color: style("--ink"), size: 12 }, margin: { l: 56, r: 8, t: 8, b: 44 },
      xaxis: axis(xTitle, square ? { constrain: "domain" } : {}),
      yaxis: axis(yTitle, { autorange: "reversed", ...(categories ? { type: "category" } : {}), ...side }),
      // In data coordinates: a square map is narrower than the paper that it is drawn on.
      shapes: marks.flatMap((at) => [{ x0: -0.5, x1: rows[0].length - 0.5, y0: at, y1: at },
        ...(square ? [{ x0: at, x1: at, y0: -0.5, y1: rows.length - 0.5 }] : [])])
        .map((shape) => ({ type: "line", xref: "x", yref: "y", ...shape, line: { color: markColor, width: 1.5, dash: "dot" } })),
      hoverlabel: { bgcolor: style("--ground"), font: { color: style("--ink") } } };
    return Plotly.react(element, [trace], layout, config);
  }

  // The color scale's end: 98 of 100 numbers lie within it, so that a few large ones do not pale the others.
  function limitOf(rows) {
    const sizes = rows.flatMap((row) => Array.from(row, Math.abs)).sort((a, b) => a - b);
    return Math.max(sizes[Math.floor(0.98 * (sizes.length - 1))], 1e-9);
  }

  function sumWidget(box, content) {
    const tokens = unpack(content.token_rows), places = unpack(content.position_rows);
    const written = content.first;
    let chosen = Math.min(1, tokens.length - 1);
    const controls = make("div", box, { className: "controls" });
    const start = slider(controls, "The sentence begins at position", 0, places.length - tokens.length, 0, draw);
    const line = make("div", box, { className: "tokens", role: "group" });
    line.setAttribute("aria-label", "Tokens of the sentence");
    const buttons = content.tokens.map((token, k) => {
      const button = make("button", line, { type: "button" }, token);
      button.addEventListener("click", () => { chosen = k; draw(); });
      return button;
    });
    const said = make("p", box, { className: "said" });
    said.setAttribute("role", "status");
    const table = make("table", make("div", box, { className: "wide", tabIndex: 0 }), { className: "numbers" });
    make("p", box, { className: "quiet" }, content.note);
    const plots = make("div", box, { className: "plots" });
    const rows = plot(plots, "All numbers of the three rows", "low");
    const inputs = plot(plots, "Similarity of the inputs of all tokens", "low");

    function draw() {
      const at = Number(start.value) + chosen;
      const [token, position] = [tokens[chosen], places[at]];
      const sum = plus(token, position);
      buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(k === chosen)));
      said.textContent = `Token “${content.tokens[chosen]}” has id ${content.ids[chosen]}: row ${content.ids[chosen]} of ` +
        `the token table. It stands at position ${at}: row ${content.reserved + at} of the position table.`;
      table.replaceChildren();
      const [first, second] = [written.token_rows[chosen], written.position_rows[at]];
      [["number", first.map((_, k) => String(k))], ["token row", first], ["+ position row", second],
        ["= input", plus(first, second)]].forEach(([name, values], number) => {
        const row = table.insertRow();
        make("th", row, {}, name);
        values.forEach((value) => make(number ? "td" : "th", row, {}, number ? digits(value, 4) : value));
        make("td", row, {}, "…");
      });
      box.shown = { at, sum: Array.from(sum) };
      const names = ["token row", "position row", "input"];
      rows.setAttribute("aria-label", `Token row, position row and their sum at position ${at}`);
      heat(rows, [token, position, sum], { limit: limitOf([token, position, sum]), xTitle: "number in the row", yTitle: "",
        label: "value", y: names, text: "%{y}, number %{x}: %{z:.3f}<extra></extra>" });
      const all = tokens.map((row, k) => plus(row, places[Number(start.value) + k]));
      const similarity = cosines(all, false);
      box.shown.similarity = similarity;
      const where = content.tokens.map((name, k) => `${Number(start.value) + k} ${name}`);
      inputs.setAttribute("aria-label", `Cosines between the inputs of ${tokens.length} tokens`);
      heat(inputs, similarity, { limit: 1, xTitle: "", yTitle: "", label: "cosine", x: where, y: where, square: false,
        text: "%{y} and %{x}: %{z:.3f}<extra></extra>" });
    }
    return draw;
  }

  function sinusoidWidget(box, content) {
    const controls = make("div", box, { className: "controls" });
    const names = [...content.variants.map((name) => [name, `sinusoidal, ${name}`]), ["learned", `learned: ${content.learned.name}`]];
    const variant = chooser(controls, "Encoding", names, draw);
    const width = chooser(controls, "Width d_model", content.widths.map((w) => [w, w]), draw);
    width.value = content.widths[content.widths.length - 1];
    // A learned table has the width that it was trained with: shown while it is, and not to be chosen.
    make("option", width, { value: "learned", hidden: true }, content.learned.matrix.shape[1]);
    let formerWidth = width.value;
    const length = slider(controls, "Length", 8, content.length, Math.min(64, content.length), draw);
    const said = make("p", box, { className: "said" });
    said.setAttribute("role", "status");
    const plots = make("div", box, { className: "plots" });
    const table = plot(plots, "The table", "tall");
    const pairs = plot(plots, "Cosine of every pair of positions", "tall");

    function draw() {
      const learned = variant.value === "learned";
      if (learned && !width.disabled) [formerWidth, width.value] = [width.value, "learned"];
      if (!learned && width.disabled) width.value = formerWidth;
      width.disabled = learned;
      const all = unpack(learned ? content.learned.matrix : content.tables[`${variant.value}-${width.value}`]);
      const rows = all.slice(0, Number(length.value));
      const size = rows.length * rows[0].length;
      // Not centered: the mean of the rows shown would change with the length, and with it the cosine of the same pair.
      const similarity = cosines(rows, false);
      box.shown = { rows: rows.map((row) => Array.from(row)), similarity };
      said.textContent = `${rows.length} × ${rows[0].length} = ${size.toLocaleString("en")} numbers, ` +
        `${(4 * size).toLocaleString("en")} bytes in float32; trainable: ${learned ? size.toLocaleString("en") : 0}. ` +
        `Neighbors have cosine ${digits(neighbors(similarity), 3)} on average.`;
      table.setAttribute("aria-label", `Heat map of ${rows.length} rows and ${rows[0].length} columns`);
      heat(table, rows, { limit: learned ? limitOf(rows) : 1, xTitle: "number in the row", yTitle: "position", label: "value",
        text: "position %{y}, number %{x}: %{z:.3f}<extra></extra>" });
      pairs.setAttribute("aria-label", `Cosines of ${rows.length} positions`);
      heat(pairs, similarity, { limit: 1, xTitle: "position", yTitle: "position", label: "cosine", square: true,
        text: "%{y} and %{x}: %{z:.3f}<extra></extra>" });
    }
    return draw;
  }

  function extendWidget(box, content) {
    const controls = make("div", box, { className: "controls" });
    const label = (name) => (content.methods[name].control ? `${name} (a control)` : name);
    const method = chooser(controls, "Method", Object.keys(content.methods).map((name) => [name, label(name)]), draw);
    const length = chooser(controls, `From ${content.short} rows to`, content.lengths.map((n) => [n, n]), draw);
    length.value = content.lengths[2];
    const said = make("p", box, { className: "said" });
    said.setAttribute("role", "status");
    const plots = make("div", box, { className: "plots" });
    const table = plot(plots, "The longer table", "tall");
    const pairs = plot(plots, "Cosine of every pair of positions, rows centered", "tall");

    function draw() {
      const chosen = content.methods[method.value];
      const old = unpack(content.rows);
      const rows = product(unpack(chosen.weights[length.value]), old);
      const similarity = cosines(rows, true);
      box.shown = { rows: rows.map((row) => Array.from(row)), similarity };
      said.textContent = `${label(method.value)} – ${chosen.makes}. ${chosen.options ? `Options: ${chosen.options}. ` : ""}` +
        `Kept in place bit for bit: ${chosen.kept[length.value]} of ${content.short} old rows.`;
      table.setAttribute("aria-label", `Heat map of ${rows.length} rows, the old table had ${content.short}`);
      heat(table, rows, { limit: limitOf(old), xTitle: "number in the row", yTitle: "position", label: "value",
        marks: [content.short - 0.5], text: "position %{y}, number %{x}: %{z:.3f}<extra></extra>" });
      pairs.setAttribute("aria-label", `Cosines of ${rows.length} positions`);
      heat(pairs, similarity, { limit: 1, xTitle: "position", yTitle: "position", label: "cosine", square: true,
        marks: [content.short - 0.5], text: "%{y} and %{x}: %{z:.3f}<extra></extra>" });
    }
    return draw;
  }

  function drawWhenNear(box, draw) {
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      draw();
      redraws.push(draw);
      box.dataset.drawn = "true";
    }, { rootMargin: "300px" });
    watch.observe(box);
  }

  const edges = (element) => element.getBoundingClientRect();
  const isSeen = (element) => edges(element).bottom > 0 && edges(element).top < window.innerHeight;
  // All of a question is in the window, or its beginning where the window is too low for it; a pixel less is rounding.
  const isWhole = (field) => edges(field).top > -2 && (edges(field).bottom < window.innerHeight + 2 ||
    (edges(field).height > window.innerHeight && isSeen(field)));

  // What comes next is brought into the window, as far as what was just shown stays in it.
  function showBoth(shown, next) {
    const room = 8;
    const missing = Math.max(0, edges(next).bottom + room - window.innerHeight);
    window.scrollBy({ top: Math.min(missing, edges(shown).top - room), behavior: "instant" });
  }

  function quiz() {
    const fields = [...document.querySelectorAll("#quiz fieldset")];
    const score = document.getElementById("score");
    const again = document.getElementById("again");

    function tell() {
      const done = fields.filter((field) => field.dataset.given);
      const right = done.filter((field) => field.dataset.given === field.dataset.right).length;
      score.textContent = `Score: ${right} of ${fields.length}, ${done.length} answered.`;
    }

    function answer(field, letter) {
      if (field.dataset.given) return;
      field.dataset.given = letter;
      const right = field.dataset.right;
      field.querySelectorAll("button").forEach((button) => {
        button.disabled = true;
        if (button.dataset.letter === right) button.classList.add("right");
        else if (button.dataset.letter === letter) button.classList.add("wrong");
      });
      field.querySelector(".outcome").textContent = letter === right ? `${letter} – right` : `${letter} – no: ${right} is right`;
      field.querySelector(".proof").hidden = false;
      tell();
      const next = fields[fields.indexOf(field) + 1];
      if (field.contains(document.activeElement) || document.activeElement === document.body) {
        (next ? next.querySelector("button") : again).focus({ preventScroll: true });
      }
      showBoth(field.querySelector(".outcome"), next || again);
    }

    // The question that a key is for: the focused one, or where nothing is focused the first open one to be seen. A
    // letter typed elsewhere, as into a list or a slider, is not for the quiz.
    function fieldOf(event) {
      const active = document.activeElement;
      if (active && active !== document.body) return event.target.closest("#quiz fieldset");
      return fields.find((field) => !field.dataset.given && isWhole(field));
    }

    function onKey(event) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const place = event.key.length === 1 ? "abcd1234".indexOf(event.key.toLowerCase()) : -1;
      const pressed = event.key === "Enter" || event.key === " ";
      if (place < 0 && !pressed) return;
      const active = document.activeElement;
      if (event.repeat) {  // one press is one answer, however long it is held
        if (pressed && (active === again || active?.closest("#quiz"))) event.preventDefault();
        return;
      }
      const field = fieldOf(event);
      if (!field) return;
      if (field.contains(active) && !isSeen(active)) {  // scrolled away: nobody answers what is not in the window
        event.preventDefault();
        active.scrollIntoView({ block: "center" });
      } else if (place >= 0) answer(field, "ABCD"[place % 4]);
    }

    fields.forEach((field) => {
      field.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-letter]");
        if (button) answer(field, button.dataset.letter);
      });
      field.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const buttons = [...field.querySelectorAll("button")];
        const place = buttons.indexOf(document.activeElement);
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step && place >= 0) {
          event.preventDefault();
          buttons[(place + step + buttons.length) % buttons.length].focus();
        }
      });
    });
    document.addEventListener("keydown", onKey);
    again.addEventListener("click", () => {
      fields.forEach((field) => {
        delete field.dataset.given;
        field.querySelectorAll("button").forEach((button) => { button.disabled = false; button.classList.remove("right", "wrong"); });
        field.querySelector(".outcome").textContent = "";
        field.querySelector(".proof").hidden = true;
      });
      tell();
      fields[0].querySelector("button").focus();
    });
  }

  const makers = { sum: sumWidget, sinusoid: sinusoidWidget, extend: extendWidget };
  document.querySelectorAll(".widget").forEach((box) => {
    drawWhenNear(box, makers[box.dataset.kind](box, data[Number(box.dataset.number)]));
  });
  new MutationObserver(() => redraws.forEach((draw) => draw()))
    .observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  quiz();
  root.dataset.lesson = "ready";
})();
